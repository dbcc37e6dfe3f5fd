"""Files written whole or not at all: beside their place first, then renamed."""

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from glob import escape
from pathlib import Path

# In the name of everything that is under construction.
MARK = ".em-crosscheck-"


def write_all(files: Mapping[Path, bytes]) -> None:
    """Write files in this order, the first only when there is room for all. A link is followed."""
    with ExitStack() as stack:
        staged = []
        for place, data in files.items():
            path = real(place)
            _sweep(path)
            new, handle = stack.enter_context(_new_file(path))
            with os.fdopen(handle, "wb", closefd=False) as file:
                file.write(data)
            staged.append((new, path))
        for new, path in staged:
            new.replace(path)


@contextmanager
def _new_file(path: Path) -> Iterator[tuple[Path, int]]:
    """A file beside `path` that is locked until it is finished; what was not renamed is removed."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}{MARK}", dir=path.parent)
    new = Path(name)
    try:
        lock(handle)
        new.chmod(0o666 & ~umask())
        yield new, handle
    finally:
        os.close(handle)
        with suppress(FileNotFoundError):
            new.unlink()


def _sweep(path: Path) -> None:
    """Remove what processes that were killed have left beside a file."""
    for left in path.parent.glob(f"{escape(f'.{path.name}{MARK}')}*"):
        if left.is_file() and abandoned(left):
            left.unlink(missing_ok=True)


def lock(handle: int) -> bool:
    """Lock an open file until it is closed, at the latest by the end of the process; False where that fails."""
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # another process holds it, or the file system knows no locks
        return False
    return True


def abandoned(path: Path) -> bool:
    """Whether the process that had locked a file is gone; never where there are no locks."""
    try:
        handle = os.open(path, os.O_RDWR)
    except (FileNotFoundError, PermissionError):
        return False
    try:
        return lock(handle)
    finally:
        os.close(handle)


def real(path: Path) -> Path:
    """The place behind all links; unlike `Path.resolve` it takes a loop of links for a place."""
    return Path(os.path.realpath(path))


def umask() -> int:
    """The permissions that a new file does not get."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
