"""Which files in a folder are ours: a manifest with the checksum of everything that was written.

Only a file whose checksum is in the manifest may be replaced or removed. Each writer (a report, an adjudication, ...)
has its part of the manifest, with the settings of the run that wrote it.
"""

import hashlib
import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from comparisons.errors import InputError
from comparisons.writing.whole import real, write_all

NAME = "manifest.json"
WRITER = "em-crosscheck"


class Part(NamedTuple):
    """What one writer wrote.

    Attributes
    ----------
    settings : dict
        What tells this run from others, as text.
    files : dict of name -> checksum
        Names are paths inside the folder, with slashes.
    before : dict of name -> checksum
        Files that are being replaced one by one may also be as they were before.
    """

    settings: Mapping[str, str]
    files: Mapping[str, str]
    before: Mapping[str, str] = {}

    @property
    def names(self) -> set[str]:
        """Every file that may be of this writer."""
        return {*self.files, *self.before}

    def wrote(self, name: str, path: Path) -> bool:
        """Whether a file is as this writer left it."""
        known = {self.files.get(name), self.before.get(name)} - {None}
        return bool(known) and path.is_file() and checksum(path.read_bytes()) in known


def checksum(data: bytes) -> str:
    """SHA-256, as `sha256sum` prints it."""
    return hashlib.sha256(data).hexdigest()


def read(folder: Path) -> dict[str, Part]:
    """The parts of a folder's manifest by writer, none without a manifest.

    Raises
    ------
    InputError
        If the file of that name is not ours.
    """
    path = folder / NAME
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["written by"] != WRITER:
            raise ValueError(WRITER)
        parts = {
            writer: Part(dict(part["settings"]), dict(part["files"]), dict(part.get("before", {})))
            for writer, part in found["parts"].items()
        }
        if any(".." in name.split("/") or name.startswith("/") for part in parts.values() for name in part.names):
            raise ValueError("names a file outside the folder")
        return parts
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{path}: not written by em-crosscheck and left as it is, expected another folder") from None


def text(parts: Mapping[str, Part]) -> bytes:
    """A manifest: the same parts give the same bytes."""
    written = {
        writer: {name: value for name, value in part._asdict().items() if value or name != "before"}
        for writer, part in sorted(parts.items())
    }
    found = {"written by": WRITER, "parts": written}
    return (json.dumps(found, indent=2, ensure_ascii=False, sort_keys=True) + "\n").encode("utf-8", "backslashreplace")


def refuse(
    folder: Path, writer: str, wanted: Collection[str], settings: Mapping[str, str], overwrite: bool = False
) -> None:
    """Refuse to write files into a folder where that would take something from the user.

    Raises
    ------
    InputError
        If the manifest, a file that is wanted, or one of an earlier run is not as we left it; or, unless
        `overwrite`, if the earlier run had other settings.
    """
    part = read(folder).get(writer, Part({}, {}))
    for name in sorted({*wanted, *part.names}):
        _refuse_file(folder, name, part)
    if part.files and not overwrite:
        differing = [
            f"{name} {part.settings.get(name, 'not set')}, here {settings.get(name, 'not set')}"
            for name in dict.fromkeys([*part.settings, *settings])
            if part.settings.get(name) != settings.get(name)
        ]
        if differing:
            raise InputError(
                f"{folder}: written with other settings ({'; '.join(differing)}), "
                "expected the same ones, another folder, or --overwrite to replace it"
            )


def _refuse_file(folder: Path, name: str, part: Part) -> None:
    path = folder / name
    for above in path.parents[: name.count("/")]:
        if os.path.lexists(above) and not above.is_dir():
            raise InputError(f"{above}: in the way and left as it is, expected a folder or nothing of that name")
    behind = real(path)
    followed = behind != real(folder) / name or behind.is_symlink()
    if followed and (behind.is_symlink() or not os.access(behind.parent, os.W_OK | os.X_OK)):
        raise InputError(f"{path}: its target cannot be written, expected a link to what can")
    try:
        if not path.exists() or part.wrote(name, path):
            return
        what = "changed since em-crosscheck wrote it" if name in part.names else "not written by em-crosscheck"
    except OSError as error:
        what = f"cannot be read ({error.strerror})"
    raise InputError(f"{path}: {what} and left as it is, expected nothing of that name")


def write_files(
    folder: Path, writer: str, files: Mapping[str, bytes], settings: Mapping[str, str], overwrite: bool = False
) -> list[Path]:
    """Write a few files into a folder that holds others too; those of an earlier run are replaced or removed.

    A process that is killed leaves files that the next run knows again.

    Raises
    ------
    InputError
        As `refuse`, or if the folder cannot be written.
    """
    refuse(folder, writer, files, settings, overwrite)
    parts = read(folder)
    earlier = parts.get(writer, Part({}, {}))
    mine = Part(settings, {name: checksum(data) for name, data in files.items()})
    try:
        known = {name: checksum((folder / name).read_bytes()) for name in earlier.names if (folder / name).is_file()}
        under_way = text({**parts, writer: mine._replace(before=known)})
        write_all({folder / NAME: under_way, **{folder / name: data for name, data in files.items()}})
        for name in known.keys() - files.keys():
            (folder / name).unlink()
        if known:
            write_all({folder / NAME: text({**parts, writer: mine})})
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise InputError(f"{folder}: cannot be written ({why}), expected a folder that can") from None
    return [folder / name for name in files]


def ready(out: Path) -> None:
    """Make the folder of `--out`; what cannot be written is found out before the work begins.

    Raises
    ------
    InputError
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {out}: cannot be made ({error.strerror}), expected a folder") from None
    if not os.access(out, os.W_OK | os.X_OK):
        raise InputError(f"--out {out}: cannot be written, expected a folder of yours")


def relative(data: str, folder: Path) -> str:
    """A file of the user's as seen from a folder: the same wherever both have been moved to together."""
    try:
        return Path(os.path.relpath(real(Path(data)), real(folder))).as_posix()
    except ValueError:  # on another drive
        return data
