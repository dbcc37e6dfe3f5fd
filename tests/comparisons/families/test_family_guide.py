"""The guide to one's own family: every block of it runs, and prints what it shows."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
GUIDE = ROOT / "comparisons" / "families" / "README.md"
BLOCKS = re.findall(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def python(folder: Path, *arguments: str) -> str:
    """What a fresh interpreter prints in a folder, whose modules it finds."""
    paths = os.pathsep.join([str(folder), str(ROOT)])
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def without_round_off(text: str) -> str:
    """Differences of the size of round-off, and matching digits, are others on another machine."""
    return re.sub(r"\d\.\de[+-]\d\d|\b\d+\.\d(?= matching|$)", "~", text, flags=re.MULTILINE)


def run_guide(folder: Path) -> list[tuple[str, str]]:
    """Printed and shown by every block that prints; files are written, a package is announced, commands are run."""
    compared, printed = [], ""
    for kind, file, text in BLOCKS:
        if file:
            (folder / file).write_text(text)
        elif kind == "python":
            (folder / "script.py").write_text(text)
            printed = python(folder, "script.py")
        elif kind == "text":
            compared.append((printed, text))
        elif kind == "toml":
            announced = tomllib.loads(text)["project"]["entry-points"]["em_crosscheck.families"]
            info = folder / "my_linkage-1.0.dist-info"
            info.mkdir()
            (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-linkage\nVersion: 1.0\n")
            lines = [f"{name} = {target}" for name, target in announced.items()]
            (info / "entry_points.txt").write_text("\n".join(["[em_crosscheck.families]", *lines, ""]))
        elif kind == "console":
            command, _, shown = text.partition("\n")
            arguments = command.removeprefix("$ em-crosscheck ").split()
            compared.append((python(folder, "-m", "comparisons.commands.main", *arguments), shown))
    return compared


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    return run_guide(tmp_path_factory.mktemp("guide"))


def test_every_block_of_the_guide_is_of_a_kind_that_is_run() -> None:
    assert {kind for kind, _, _ in BLOCKS} == {"python", "text", "toml", "csv", "console"}
    assert GUIDE.read_text(encoding="utf-8").count("```") == 2 * len(BLOCKS)


@pytest.mark.slow
def test_the_guide_prints_what_it_shows(compared: list[tuple[str, str]]) -> None:
    assert len(compared) == 5
    for printed, shown in compared:
        assert without_round_off(printed.rstrip()) == without_round_off(shown.rstrip())
