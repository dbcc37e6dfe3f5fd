"""Results in files: a line that says what it is and which version wrote it, a checksum, and a pickle."""

import pickle
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from comparisons.errors import InputError
from comparisons.writing.whole import write_all

MARK = b"em-crosscheck result, version "
# Raised with every change of what a result holds.
FORMAT = 2
# What can go wrong when a sound pickle meets other modules than those that it was made with.
ELSEWHERE = (ImportError, AttributeError, TypeError, KeyError, IndexError, ValueError, pickle.UnpicklingError)


def write(path: Path, result: Any) -> None:
    """Write a result, whole or not at all.

    Raises
    ------
    InputError
        If it cannot be pickled, or the place cannot be written.
    """
    import cloudpickle

    try:
        content = cloudpickle.dumps(result)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: the result cannot be saved ({error}), expected a case that pickles") from None
    try:
        write_all({path: b"\n".join([_first_line(), sha256(content).hexdigest().encode(), content])})
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}), expected a file that can") from None


def read(path: Path, kind: type) -> Any:
    """Read a result of this kind.

    Raises
    ------
    InputError
        If the file is none, was written by another version, is damaged, or needs a module that is not there.
    """
    try:
        first, _, rest = path.read_bytes().partition(b"\n")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}), expected a saved result") from None
    if not first.startswith(MARK):
        raise InputError(f"{path}: is no saved result, expected a file that CrossCheck.save has written")
    if first != _first_line():
        written, ours = (line.removeprefix(MARK).decode(errors="replace") for line in (first, _first_line()))
        raise InputError(f"{path}: written by version {written}, expected {ours}: run it again")
    checksum, _, content = rest.partition(b"\n")
    if sha256(content).hexdigest().encode() != checksum:
        raise InputError(f"{path}: is damaged, expected a file as CrossCheck.save has written it")
    try:
        result = pickle.loads(content)
    except ELSEWHERE as error:
        raise InputError(
            f"{path}: cannot be restored here ({error}), expected the modules that it was made with"
        ) from None
    if not isinstance(result, kind):
        raise InputError(f"{path}: holds a {type(result).__name__}, expected a {kind.__name__}")
    return result


def _first_line() -> bytes:
    try:
        ours = version("em-crosscheck")
    except PackageNotFoundError:
        ours = "unknown"
    return MARK + f"{ours}, format {FORMAT}".encode()
