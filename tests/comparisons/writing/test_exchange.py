"""Replacing a folder: whatever happens, the old report or the new one is there, and every file of the user's."""

import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from comparisons.errors import InputError
from comparisons.writing import exchange, manifest
from comparisons.writing.exchange import write_folder

OLD = {"report.md": b"old", "figures/a.svg": b"old", "figures/only-old.svg": b"old", "scores.csv": b"old"}
NEW = {"report.md": b"new", "figures/a.svg": b"new", "only-new.csv": b"new"}
MINE = {"notes.txt": b"mine", "figures/photo.png": b"mine", "deep/er/still.txt": b"mine", "zeta.txt": b"mine"}
SETTINGS = {"starts": "2"}

# Writes the new report, and kills itself before the step of that number that touches the folder of the test.
WRITES = """
import os, signal, sys
from pathlib import Path
from comparisons.writing import exchange
from comparisons.writing.exchange import write_folder

root, step, way = sys.argv[1], int(sys.argv[2]), sys.argv[3]
if way == "two renames":
    exchange._change_places = lambda one, other: False
STEPS = {"open", "os.rename", "os.link", "os.symlink", "os.mkdir", "os.remove", "os.rmdir", "os.chmod", "os.scandir"}

def watch(event, arguments):
    global step
    if event in STEPS and root in os.fspath(arguments[0] if not isinstance(arguments[0], int) else ""):
        if step == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        step -= 1

files = {"report.md": b"new", "figures/a.svg": b"new", "only-new.csv": b"new"}
sys.addaudithook(watch)
write_folder(Path(root) / "study", "report", files, {"starts": "2"})
"""


def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write(folder: Path, files: dict[str, bytes], overwrite: bool = False) -> None:
    write_folder(folder, "report", files, SETTINGS, overwrite)


def with_files_of_the_user(folder: Path) -> Path:
    for name, data in MINE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def written(folder: Path) -> dict[str, bytes]:
    """The report in a folder, after a look at its manifest and at the user's files."""
    found = contents(folder)
    assert MINE.items() <= found.items()
    part = manifest.read(folder)["report"]
    ours = {name: data for name, data in found.items() if name not in MINE and name != manifest.NAME}
    assert {name: manifest.checksum(data) for name, data in ours.items()} == part.files
    return ours


def killed(root: Path, step: int, way: str) -> bool:
    done = subprocess.run([sys.executable, "-c", WRITES, str(root), str(step), way], capture_output=True, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
    return done.returncode != 0


def test_a_report_replaces_a_report(tmp_path: Path) -> None:
    write(tmp_path / "study", OLD)
    assert contents(tmp_path / "study").keys() == {*OLD, "manifest.json"}
    with_files_of_the_user(tmp_path / "study")
    (tmp_path / "study" / "empty").mkdir()
    write(tmp_path / "study", NEW)
    assert written(tmp_path / "study") == NEW
    assert (tmp_path / "study" / "empty").is_dir()
    assert names(tmp_path) == ["study"]
    assert all((tmp_path / "study" / name).stat().st_nlink == 1 for name in MINE)


def test_what_only_an_earlier_report_had_goes_with_its_folder(tmp_path: Path) -> None:
    write(tmp_path / "study", OLD)
    write(tmp_path / "study", {"report.md": b"new"})
    assert names(tmp_path / "study") == ["manifest.json", "report.md"]


@pytest.mark.parametrize("way", ["exchange", "two renames"])
@pytest.mark.parametrize("part", range(4))
def test_killed_anywhere_the_next_run_finds_a_report_and_leaves_nothing_else(
    tmp_path: Path, way: str, part: int
) -> None:
    steps = missing = 0
    for step in range(part, 400, 4):
        root = tmp_path / f"{step}"
        write(root / "study", OLD)
        with_files_of_the_user(root / "study")
        if not killed(root, step, way):
            break
        steps += 1
        missing += not (root / "study").exists()
        if way == "exchange":  # nothing needs to be put back
            assert written(root / "study") in (OLD, NEW), step
        exchange.recover(root / "study", "report")
        assert written(root / "study") in (OLD, NEW), step
        assert names(root) == ["study"], step
        write(root / "study", NEW)
        assert written(root / "study") == NEW, step
    assert 15 < steps < 99, steps
    assert missing <= 1


def test_killed_in_the_first_report(tmp_path: Path) -> None:
    for step in range(400):
        root = tmp_path / f"{step}"
        root.mkdir()
        if not killed(root, step, "exchange"):
            break
        write(root / "study", NEW)
        assert contents(root / "study").keys() == {*NEW, "manifest.json"}
        assert names(root) == ["study"]
    assert step > 5


@pytest.mark.parametrize("way", ["exchange", "two renames"])
def test_interrupted_between_any_two_renames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    if way == "two renames":
        monkeypatch.setattr(exchange, "_change_places", lambda *_: False)
    genuine = Path.rename
    for interrupted in range(5):
        folder = tmp_path / f"{interrupted}" / "study"
        write(folder, OLD)
        with_files_of_the_user(folder)
        calls = iter(range(99))

        def rename(path: Path, target: Path, calls: "iter[int]" = calls, interrupted: int = interrupted) -> Path:
            done = genuine(path, target)
            if next(calls) == interrupted:
                raise KeyboardInterrupt
            return done

        with monkeypatch.context() as patched:
            patched.setattr(Path, "rename", rename)
            try:
                write(folder, NEW)
            except KeyboardInterrupt:
                pass
            else:
                break
        assert written(folder) in (OLD, NEW)
        assert names(folder.parent) == ["study"]
    assert interrupted == (1 if way == "exchange" else 4)


def test_a_run_at_work_is_not_swept(tmp_path: Path) -> None:
    write(tmp_path / "study", OLD)
    with exchange._workshop(tmp_path / "study", "report") as workshop:
        (workshop / "new").mkdir()
        write(tmp_path / "study", NEW)
        assert workshop.is_dir()
    assert names(tmp_path) == ["study"]


def test_a_hidden_folder_of_the_user_is_not_swept(tmp_path: Path) -> None:
    (tmp_path / ".study.em-crosscheck-own" / "new").mkdir(parents=True)
    (tmp_path / ".study.em-crosscheck-own" / "new" / "thesis.txt").write_text("mine")
    write(tmp_path / "study", NEW)
    assert (tmp_path / ".study.em-crosscheck-own" / "new" / "thesis.txt").read_text() == "mine"


def test_a_clean_up_that_fails_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "study", OLD)

    def busy(*_: object) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy")

    with monkeypatch.context() as patched:
        patched.setattr(exchange, "_empty", busy)
        write(tmp_path / "study", NEW)
    assert contents(tmp_path / "study").keys() == {*NEW, "manifest.json"}
    write(tmp_path / "study", NEW)
    assert names(tmp_path) == ["study"]


def test_what_the_user_writes_during_the_exchange_is_moved_to_the_new_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "study"
    write(folder, OLD)
    (folder / "notes.txt").write_text("earlier")
    genuine = exchange._change_places

    def meanwhile(one: Path, other: Path) -> bool:
        (folder / "late.txt").write_text("late")
        (folder / "notes.txt").unlink()
        (folder / "notes.txt").write_text("later")
        (folder / "report.md").write_text("annotated")
        return genuine(one, other)

    monkeypatch.setattr(exchange, "_change_places", meanwhile)
    write(folder, NEW)
    found = contents(folder)
    assert found.pop("manifest.json")
    assert found == {
        **NEW, "late.txt": b"late", "notes.txt": b"earlier", "notes.txt.kept": b"later", "report.md.kept": b"annotated"
    }  # fmt: skip
    assert names(tmp_path) == ["study"]


def test_a_file_that_cannot_have_a_second_link_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "study", OLD)
    (tmp_path / "study" / "notes.txt").write_text("mine")
    before = contents(tmp_path)

    def link(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(InputError, match=r"notes.txt: cannot stay beside a new report \(Operation not permitted\)"):
        write(tmp_path / "study", NEW)
    assert contents(tmp_path) == before


# --- links ---


def test_a_linked_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "study").symlink_to("elsewhere/study")
    for files in (OLD, NEW):
        write(tmp_path / "study", files)
        assert (tmp_path / "study").readlink() == Path("elsewhere/study")
        assert contents(tmp_path / "elsewhere" / "study").keys() == {*files, "manifest.json"}
    assert names(tmp_path) == ["elsewhere", "study"]
    assert names(tmp_path / "elsewhere") == ["study"]


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    """A report whose report.md and figures are links to another folder, and a link of the user's own."""
    folder, there = tmp_path / "study", tmp_path / "there"
    write(folder, OLD)
    there.mkdir()
    for name in ("report.md", "figures"):
        (folder / name).rename(there / name)
        (folder / name).symlink_to(f"../there/{name}")
    (there / "thesis.txt").write_text("mine")
    (folder / "thesis.txt").symlink_to("../there/thesis.txt")
    return folder


def test_links_in_a_report_are_followed(tmp_path: Path, linked: Path) -> None:
    for files in (NEW, OLD, NEW):
        write(linked, files)
        assert [(linked / name).readlink() for name in ("report.md", "figures", "thesis.txt")] == [
            Path("../there/report.md"), Path("../there/figures"), Path("../there/thesis.txt"),
        ]  # fmt: skip
        assert {name: (linked / name).read_bytes() for name in files} == files
        assert manifest.read(linked)["report"].before == {}
    assert not (tmp_path / "there" / "figures" / "only-old.svg").exists()
    assert (tmp_path / "there" / "thesis.txt").read_text() == "mine"
    assert names(tmp_path / "there") == ["figures", "report.md", "thesis.txt"]


def test_what_the_user_has_changed_behind_a_link_stays(tmp_path: Path, linked: Path) -> None:
    (tmp_path / "there" / "report.md").write_text("annotated")
    before = contents(tmp_path)
    with pytest.raises(InputError, match=r"report.md: changed since em-crosscheck wrote it"):
        write(linked, NEW)
    assert contents(tmp_path) == before


def test_killed_before_what_is_behind_links(tmp_path: Path, linked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(_: object) -> None:
        raise KeyboardInterrupt

    for files in (NEW, OLD):  # twice: a file behind a link may be two reports late
        with monkeypatch.context() as patched:
            patched.setattr(exchange, "write_all", stopped)
            with pytest.raises(KeyboardInterrupt):
                write(linked, files)
    assert (linked / "report.md").read_bytes() == b"old"
    write(linked, NEW)
    assert {name: (linked / name).read_bytes() for name in NEW} == NEW


# --- permissions ---


@pytest.mark.parametrize("mask", [0o022, 0o027, 0o077])
def test_permissions_are_those_that_the_umask_leaves(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        write(tmp_path / "study", OLD)
        write(tmp_path / "study", NEW)
    finally:
        os.umask(before)
    found = {path: stat.S_IMODE(path.stat().st_mode) for path in [tmp_path / "study", *(tmp_path / "study").rglob("*")]}
    assert found == {path: (0o777 if path.is_dir() else 0o666) & ~mask for path in found}


def test_a_private_folder_stays_private(tmp_path: Path) -> None:
    write(tmp_path / "study", OLD)
    (tmp_path / "study").chmod(0o700)
    write(tmp_path / "study", NEW)
    assert stat.S_IMODE((tmp_path / "study").stat().st_mode) == 0o700
