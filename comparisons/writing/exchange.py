"""Replace a folder by a new one in one step; files of the user's that stand in it stay.

The new folder is built in a hidden one beside the old, its workshop, and holds from the start a second link to
every file of the user's. Then both change places (`renameat2` of Linux, elsewhere two renames), so that
whoever looks, and whoever kills the process, finds the old folder or the new one. What a killed process has
left in its workshop is put back or removed by `recover`, before the next run.
"""

import ctypes
import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path

from comparisons.errors import InputError
from comparisons.writing import manifest
from comparisons.writing.whole import MARK, abandoned, lock, real, write_all

# In a workshop: the folder under construction; what is about to enter the place or has left it; who works there.
NEW, OLD, LOCK = "new", "old", "lock"
# Constants of renameat2.
AT_FDCWD, RENAME_EXCHANGE = -100, 2
NOT_HERE = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}


def refuse(folder: Path, writer: str, wanted: Collection[str], settings: Mapping[str, str], overwrite: bool) -> None:
    """Refuse a folder in which `write_folder` would take something from the user.

    Raises
    ------
    InputError
    """
    recover(real(folder), writer)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file, expected a folder")
    if folder.is_dir() and writer not in manifest.read(folder):
        found = sorted(entry.name for entry in folder.iterdir())
        if found:
            raise InputError(f"{folder}: holds other files ({found[0]}) and no report, expected a new or empty folder")
    manifest.refuse(folder, writer, wanted, settings, overwrite)


def write_folder(
    folder: Path, writer: str, files: Mapping[str, bytes], settings: Mapping[str, str], overwrite: bool = False
) -> None:
    """Write files into a folder of their own, in one step; those of an earlier run are replaced or removed.

    Parameters
    ----------
    folder : Path
        Made when it is missing; a link is followed. Files of the user's in it stay.
    writer : str
        Whose part of the manifest this is.
    files : dict of name -> content
    settings : dict of name -> text
        What tells this run from others.
    overwrite : bool
        Replace what was written with other settings.

    Raises
    ------
    InputError
        As `refuse`, or if the folder cannot be written; everything is as it was.
    """
    try:
        refuse(folder, writer, files, settings, overwrite)
        _replace(real(folder), writer, files, settings)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise InputError(f"{folder}: cannot be written ({why}), expected a folder that can") from None


def _replace(folder: Path, writer: str, files: Mapping[str, bytes], settings: Mapping[str, str]) -> None:
    """Exchange the folder, then write what is behind links in it."""
    parts = manifest.read(folder)
    earlier = parts.get(writer, manifest.Part({}, {}))
    mine = manifest.Part(settings, {name: manifest.checksum(data) for name, data in files.items()})
    # Until all is written, a file behind a link may still be the earlier one.
    behind = [name for name in sorted(earlier.names) if real(folder / name) != folder / name]
    before = {name: manifest.checksum((folder / name).read_bytes()) for name in behind if (folder / name).is_file()}
    under_way = manifest.text({**parts, writer: mine._replace(before=before)})
    links = _replace_files(folder, writer, {manifest.NAME: under_way, **files}, {manifest.NAME, *earlier.names})
    try:
        write_all(links)
        for name in before.keys() - files.keys():
            (folder / name).unlink()
        if before:
            write_all({folder / manifest.NAME: manifest.text({**parts, writer: mine})})
    except OSError as error:
        raise InputError(
            f"{folder}: the report is in place, but not all that is behind its links ({error.strerror}), "
            "expected links to what can be written"
        ) from None


def _replace_files(
    folder: Path, writer: str, files: Mapping[str, bytes], dropped: Collection[str]
) -> dict[Path, bytes]:
    """Replace the files `dropped` by `files`; return what belongs behind links and is still to be written there."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _workshop(folder, writer) as workshop:
        new, old = workshop / NEW, workshop / OLD
        new.mkdir()
        if folder.is_dir():
            _keep(folder, new, dropped)
            shutil.copymode(folder, new)
        behind_links = {}
        for name, data in files.items():
            path = new / name
            if any(part.is_symlink() for part in (path, *path.parents[: name.count("/")])):
                behind_links[real(folder / name)] = data
            else:
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(data)
        if not folder.exists():
            new.rename(folder)
            return behind_links
        new.rename(old)
        if not _change_places(old, folder):
            old.rename(new)
            folder.rename(old)
            new.rename(folder)
    return behind_links


def _change_places(one: Path, other: Path) -> bool:
    """Exchange two folders in one step; False where the system cannot."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if sys.platform == "linux" else None
    if renameat2 is None:
        return False
    if renameat2(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in NOT_HERE:
        return False
    raise OSError(code, os.strerror(code), str(other))


def recover(folder: Path, writer: str) -> None:
    """Finish what processes that were killed have left of a folder, and remove their workshops."""
    for workshop in folder.parent.glob(f"{escape(f'.{folder.name}{MARK}')}*"):
        if workshop.is_symlink() or not workshop.is_dir():
            continue
        # What cannot be removed now is tried again by the next run.
        with suppress(OSError):
            if abandoned(workshop / LOCK):
                _clear(workshop, folder, writer)
            elif not (workshop / LOCK).exists():  # only just made, or all but removed
                workshop.rmdir()


@contextmanager
def _workshop(folder: Path, writer: str) -> Iterator[Path]:
    """A hidden folder beside `folder`; at the end, however it comes, it is cleared."""
    workshop = Path(tempfile.mkdtemp(prefix=f".{folder.name}{MARK}", dir=folder.parent))
    handle = os.open(workshop / LOCK, os.O_CREAT | os.O_RDWR)
    lock(handle)
    try:
        yield workshop
    finally:
        try:
            # The old folder or the new one is in its place: what is left here is for the next run to remove.
            with suppress(OSError):
                _clear(workshop, folder, writer)
        finally:
            os.close(handle)


def _keep(folder: Path, new: Path, dropped: Collection[str], inside: str = "") -> None:
    """Give every file that stays a second link in the new folder, and every link a copy."""
    above = {name.rpartition("/")[0] for name in dropped}
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        path, place, name = Path(entry.path), new / entry.name, f"{inside}{entry.name}"
        try:
            if entry.is_symlink():
                new.mkdir(parents=True, exist_ok=True)
                place.symlink_to(path.readlink())
            elif entry.is_dir():
                _keep(path, place, dropped, f"{name}/")
                if name not in above:
                    place.mkdir(parents=True, exist_ok=True)
                if place.exists():
                    shutil.copymode(path, place)
            elif name not in dropped:
                new.mkdir(parents=True, exist_ok=True)
                os.link(path, place)
        except OSError as error:
            raise InputError(
                f"{path}: cannot stay beside a new report ({error.strerror}), expected it in another folder"
            ) from None


def _clear(workshop: Path, folder: Path, writer: str) -> None:
    """Remove a workshop. Whatever state it is in, a folder is in its place and no file of the user's is lost."""
    new, old = workshop / NEW, workshop / OLD
    if old.exists() and not folder.exists():
        old.rename(folder)
    if new.exists():  # under construction: the user's files in it have their first link in the folder
        for inside, _, _ in os.walk(new):
            Path(inside).chmod(0o700)
        shutil.rmtree(new)
    if old.exists():
        _empty(old, folder, manifest.read(old).get(writer, manifest.Part({}, {})))
        # Last, so that a process that is killed here leaves what the next one can tell apart.
        (old / manifest.NAME).unlink(missing_ok=True)
        old.rmdir()
    (workshop / LOCK).unlink(missing_ok=True)
    workshop.rmdir()


def _empty(old: Path, folder: Path, ours: manifest.Part, inside: str = "") -> None:
    """Remove what a report wrote and what the folder has too, move the rest there; the manifest stays."""
    if not os.access(old, os.W_OK | os.X_OK):
        old.chmod(0o700)
    for entry in sorted(os.scandir(old), key=lambda entry: entry.name):
        path, place, name = Path(entry.path), folder / entry.name, f"{inside}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            _empty(path, place, ours, f"{name}/")
            path.rmdir()
        elif _same(path, place) or (not entry.is_symlink() and ours.wrote(name, path)):
            path.unlink()
        elif name != manifest.NAME:  # written or changed by the user at the moment of the exchange
            place.parent.mkdir(parents=True, exist_ok=True)
            while os.path.lexists(place):
                place = place.with_name(f"{place.name}.kept")
            path.rename(place)


def _same(one: Path, other: Path) -> bool:
    """Two links to one file, or two symbolic links to one place."""
    if one.is_symlink():
        return other.is_symlink() and one.readlink() == other.readlink()
    return os.path.lexists(other) and os.path.samestat(one.lstat(), other.lstat())
