"""Which files are ours: only what is as it was written may be replaced, also beside files of the user's."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from comparisons.errors import InputError
from comparisons.writing import manifest
from comparisons.writing.manifest import refuse, relative, write_files

SETTINGS = {"starts": "2"}

WRITES = """
import os, signal, sys
from pathlib import Path
from comparisons.writing.manifest import write_files

root, step = sys.argv[1], int(sys.argv[2])

def watch(event, arguments):
    global step
    if event in {"open", "os.rename", "os.remove", "os.chmod"} and root in str(arguments[0]):
        if step == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        step -= 1

sys.addaudithook(watch)
write_files(Path(root), "page", {"a.md": b"new", "b.csv": b"new"}, {"starts": "2"})
"""


def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_files_beside_those_of_the_user(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    write_files(tmp_path, "page", {"a.md": b"1", "b.md": b"1"}, SETTINGS)
    write_files(tmp_path, "other", {"c.md": b"1"}, {})
    first = (tmp_path / "manifest.json").read_bytes()
    assert write_files(tmp_path, "page", {"a.md": b"2"}, SETTINGS) == [tmp_path / "a.md"]
    assert manifest.read(tmp_path)["other"].files == {"c.md": manifest.checksum(b"1")}
    found = contents(tmp_path)
    assert found.pop("manifest.json") != first
    assert found == {"thesis.txt": b"mine", "a.md": b"2", "c.md": b"1"}
    write_files(tmp_path, "page", {"a.md": b"1", "b.md": b"1"}, SETTINGS)
    assert (tmp_path / "manifest.json").read_bytes() == first


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", ["a.md", "b.md", "c.md", "manifest.json"])
def test_a_file_of_the_user_is_left(tmp_path: Path, name: str, overwrite: bool) -> None:
    write_files(tmp_path, "page", {"a.md": b"1", "b.md": b"1"}, SETTINGS)
    (tmp_path / name).write_text("{}")
    before = contents(tmp_path)
    with pytest.raises(InputError, match=f"{name}: .* and left as it is"):
        write_files(tmp_path, "page", {"a.md": b"2", "c.md": b"2"}, SETTINGS, overwrite)
    assert contents(tmp_path) == before


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    write_files(tmp_path / "here", "page", {"a.md": b"1"}, SETTINGS)
    (tmp_path / "here" / "a.md").rename(tmp_path / "there.md")
    (tmp_path / "here" / "a.md").symlink_to("../there.md")
    write_files(tmp_path / "here", "page", {"a.md": b"2"}, SETTINGS)
    assert (tmp_path / "here" / "a.md").readlink() == Path("../there.md")
    assert (tmp_path / "there.md").read_bytes() == b"2"


@pytest.mark.parametrize(
    "what", [lambda path: path.mkdir(), lambda path: path.symlink_to(path.name), lambda path: path.symlink_to("no/no")]
)
def test_what_is_no_file_is_left(tmp_path: Path, what: object) -> None:
    what(tmp_path / "a.md")  # type: ignore[operator]
    with pytest.raises(InputError, match=r"a\.md: "):
        write_files(tmp_path, "page", {"a.md": b"2"}, SETTINGS)
    assert [path.name for path in tmp_path.iterdir()] == ["a.md"]


@pytest.mark.parametrize("name", ["../a.md", "/tmp/a.md", "b/../../a.md"])
def test_a_manifest_names_nothing_outside_its_folder(tmp_path: Path, name: str) -> None:
    part = {"settings": {}, "files": {name: manifest.checksum(b"")}}
    (tmp_path / "manifest.json").write_text(json.dumps({"written by": "em-crosscheck", "parts": {"page": part}}))
    with pytest.raises(InputError, match=r"manifest\.json: not written by em-crosscheck"):
        refuse(tmp_path, "page", [], {})


def test_killed_anywhere_the_next_run_knows_its_files(tmp_path: Path) -> None:
    for step in range(200):
        root = tmp_path / f"{step}"
        root.mkdir()
        (root / "thesis.txt").write_text("mine")
        write_files(root, "page", {"a.md": b"old", "c.md": b"old"}, SETTINGS)
        done = subprocess.run([sys.executable, "-c", WRITES, str(root), str(step)], capture_output=True, check=False)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()
        assert (root / "a.md").read_bytes() in (b"old", b"new")
        write_files(root, "page", {"a.md": b"newer", "b.csv": b"newer"}, SETTINGS)
        found = contents(root)
        assert json.loads(found.pop("manifest.json"))
        assert found == {"thesis.txt": b"mine", "a.md": b"newer", "b.csv": b"newer"}, step
    assert step > 10


def test_data_are_named_as_seen_from_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert relative("X.csv", Path("reports/X-two-pl")) == "../../X.csv"
    assert relative(os.fspath(tmp_path / "a" / "X.csv"), Path("reports")) == "../a/X.csv"
