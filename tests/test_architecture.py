"""The arrows of the house: who imports whom, what is loaded when, and that each of these checks can fail."""

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("em_reference", "pp_models", "comparisons")
EM_MAY_IMPORT = {"numpy", "scipy", "em_reference"} | sys.stdlib_module_names
OUT_OF_BOUNDS = {
    "pp_models": {"em_reference", "comparisons", "tests", "benchmarks"},
    "comparisons": {"tests", "benchmarks"},
}
# The rooms of comparisons, lowest first: none imports from a later one. What is in one line may not import
# from each other either, but for the posterior, which is one of a cross-check.
ROOMS = (
    ("parsing", "errors", "parameters", "kept", "case", "compiled", "digits", "writing"),
    ("reading",),
    ("families", "outside"),
    ("catalogue",),
    ("optima",),
    ("cross_check", "audit", "adjudicate", "certify"),
    ("posterior", "peers"),
    ("report",),
    ("commands",),
)
HEAVY = ("pymc", "pytensor", "arviz", "matplotlib")
BLOCKED = ("pymc", "pytensor", "arviz", "pandas", "comparisons", "pp_models")


# --- what the source says ---


def imported_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and dotted name of every import, wherever it stands; a relative one begins with a dot."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "")
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = ast.unparse(node.func)
            if called in {"__import__", "import_module", "importlib.import_module"}:
                yield node.lineno, str(node.args[0].value)


def allowed(package: str, imported: str) -> bool:
    top = imported.partition(".")[0]
    return top in EM_MAY_IMPORT if package == "em_reference" else top not in OUT_OF_BOUNDS[package]


def violations(root: Path) -> list[str]:
    """Every breach of the arrows under `root`, as 'file:line: what'."""
    found = []
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            place = path.relative_to(root).as_posix()
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for line, name in imported_names(tree):
                if name.startswith("."):
                    found.append(f"{place}:{line}: relative import")
                elif not allowed(package, name):
                    found.append(f"{place}:{line}: imports {name}")
            if place != "comparisons/commands/main.py":
                found += [
                    f"{place}:{node.lineno}: prints"
                    for node in ast.walk(tree)
                    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
                ]
    return found


def room_of(name: str) -> int | None:
    """The level of a module of comparisons, None of the package itself."""
    parts = name.split(".")
    return next((level for level, rooms in enumerate(ROOMS) if len(parts) > 1 and parts[1] in rooms), None)


def upward(root: Path) -> list[str]:
    """Every import inside comparisons from a later room, or from another question, as 'file:line: what'."""
    found = []
    for path in sorted((root / "comparisons").rglob("*.py")):
        place = path.relative_to(root).with_suffix("").as_posix().replace("/", ".")
        level = room_of(place)
        if level is None:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("comparisons"):
                continue
            names = [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "comparisons" else []
            for name in names or [node.module or ""]:
                other, same = room_of(name), name.split(".")[1:2] == place.split(".")[1:2]
                if other is not None and (other > level or (other == level > 0 and not same)):
                    found.append(f"{path.relative_to(root).as_posix()}:{node.lineno}: imports {name}")
    return found


def test_rooms_import_downwards_only() -> None:
    rooms = {path.stem for path in (ROOT / "comparisons").iterdir() if not path.stem.startswith(("_", "py"))}
    assert rooms == {room for level in ROOMS for room in level}
    assert upward(ROOT) == []


def test_tests_stand_where_what_they_test_stands() -> None:
    folders = {path.name for path in (ROOT / "tests" / "comparisons").iterdir() if path.is_dir()} - {"data"}
    assert {folder for folder in folders if not folder.startswith("_")} <= {room for level in ROOMS for room in level}


@pytest.mark.parametrize(
    ("place", "source"),
    [
        ("comparisons/families/new.py", "from comparisons.optima.kinds import Kind"),
        ("comparisons/audit/new.py", "from comparisons.cross_check.run import CrossCheck"),
        ("comparisons/optima/new.py", "def f():\n    from comparisons import report"),
        ("comparisons/report/new.py", "from comparisons.commands.terminal import Screen"),
    ],
)
def test_an_import_from_a_later_room_is_found(tmp_path: Path, place: str, source: str) -> None:
    (tmp_path / place).parent.mkdir(parents=True)
    (tmp_path / place).write_text(source)
    assert [line.split(":")[0] for line in upward(tmp_path)] == [place]


def test_arrows_hold() -> None:
    assert all(list((ROOT / package).rglob("*.py")) for package in PACKAGES)
    assert violations(ROOT) == []


@pytest.mark.parametrize(
    ("place", "source", "breach"),
    [
        ("em_reference/new.py", "import pymc", "1: imports pymc"),
        ("em_reference/new.py", "import numpy as np, pandas as pd", "1: imports pandas"),
        ("em_reference/new.py", "def f():\n    from pytensor import tensor", "2: imports pytensor"),
        ("em_reference/new.py", "from pp_models.two_pl import build", "1: imports pp_models.two_pl"),
        ("em_reference/new.py", "from comparisons import agreement", "1: imports comparisons"),
        ("em_reference/new.py", "from . import em", "1: relative import"),
        ("em_reference/inner/new.py", "from ..em import em", "1: relative import"),
        ("em_reference/new.py", "print('cycle', 1)", "1: prints"),
        ("pp_models/new.py", "import em_reference.em as em", "1: imports em_reference.em"),
        ("pp_models/new.py", "if False:\n    import comparisons", "2: imports comparisons"),
        ("pp_models/new.py", "import importlib\nimportlib.import_module('em_reference')", "2: imports em_reference"),
        ("pp_models/new.py", "__import__('em_reference.em')", "1: imports em_reference.em"),
        ("pp_models/new.py", "from .objective import Objective", "1: relative import"),
        ("comparisons/report/new.py", "from tests import anything", "1: imports tests"),
        ("comparisons/families/new.py", "from .. import agreement", "1: relative import"),
        ("comparisons/report/new.py", "print('done')", "1: prints"),
    ],
)
def test_each_breach_is_found(tmp_path: Path, place: str, source: str, breach: str) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).write_text(source)
    assert f"{place}:{breach}" in violations(tmp_path)


def test_what_is_allowed_is_not_reported(tmp_path: Path) -> None:
    for package, source in {
        "em_reference": "import math, numpy.linalg\nfrom scipy import special\nfrom em_reference.em import em",
        "pp_models": "import pymc as pm\nfrom pp_models.objective import Objective",
        "comparisons": "import em_reference, pp_models, rich",
    }.items():
        (tmp_path / package).mkdir()
        (tmp_path / package / "new.py").write_text(source)
    (tmp_path / "comparisons" / "commands").mkdir()
    (tmp_path / "comparisons" / "commands" / "main.py").write_text("print('the command line may')")
    assert violations(tmp_path) == []


# --- what is really loaded ---


def python_in(root: Path, code: str, *arguments: str) -> str:
    """What a fresh interpreter prints that runs `code` with the packages under `root`."""
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


IMPORT_EM_REFERENCE_ALONE = """
import importlib, json, pkgutil, sys
blocked = set(sys.argv[1:])

class Wall:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"{name} is behind the wall", name=name)

sys.meta_path.insert(0, Wall())
refused, imported = [], []
package = importlib.import_module("em_reference")
for module in pkgutil.walk_packages(package.__path__, "em_reference."):
    try:
        importlib.import_module(module.name)
        imported.append(module.name)
    except ModuleNotFoundError as error:
        refused.append(f"{module.name}: {error}")
print(json.dumps({"refused": refused, "imported": imported, "from": package.__file__}))
"""


def import_em_reference_alone(root: Path) -> dict:
    outcome: dict = json.loads(python_in(root, IMPORT_EM_REFERENCE_ALONE, *BLOCKED))
    assert Path(outcome["from"]).is_relative_to(root)
    return outcome


def test_em_reference_stands_alone() -> None:
    outcome = import_em_reference_alone(ROOT)
    assert outcome["refused"] == []
    assert {"em_reference.em", "em_reference.coin_mixture", "em_reference.two_pl"} <= set(outcome["imported"])


@pytest.mark.parametrize("name", BLOCKED)
def test_em_reference_that_leans_on_another_is_found(tmp_path: Path, name: str) -> None:
    (tmp_path / "em_reference").mkdir()
    (tmp_path / "em_reference" / "__init__.py").touch()
    (tmp_path / "em_reference" / "new.py").write_text(
        f"import importlib\nimportlib.import_module('{name[:2]}' + '{name[2:]}')"
    )
    assert import_em_reference_alone(tmp_path)["refused"] == [f"em_reference.new: {name} is behind the wall"]


# The command line's own words go to a stream that is thrown away: only the answer is printed.
RUN_COMMAND_LINE = """
import contextlib, io, json, sys
status = None
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    from comparisons.commands.main import main
    try:
        main(args=sys.argv[1:], prog_name="em-crosscheck")
    except SystemExit as stop:
        status = stop.code
print(json.dumps({"status": status, "modules": sorted({name.partition(".")[0] for name in sys.modules})}))
"""


def run_command_line(root: Path, *arguments: str) -> tuple[int, set[str]]:
    """Exit status of the command and the heavy packages that it loaded."""
    outcome = json.loads(python_in(root, RUN_COMMAND_LINE, *arguments))
    return outcome["status"], set(HEAVY) & set(outcome["modules"])


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--help"], 0),
        (["run", "--help"], 0),
        (["compare", "--help"], 0),
        (["list"], 0),
        (["run", "no-such-problem"], 2),
        (["no-such-command"], 2),
    ],
)
def test_light_commands_load_nothing_heavy(arguments: list[str], status: int) -> None:
    assert run_command_line(ROOT, *arguments) == (status, set())


@pytest.mark.parametrize("name", HEAVY)
def test_a_heavy_command_line_is_found(tmp_path: Path, name: str) -> None:
    (tmp_path / "comparisons" / "commands").mkdir(parents=True)
    (tmp_path / "comparisons" / "__init__.py").touch()
    (tmp_path / "comparisons" / "commands" / "main.py").write_text(
        f"import sys\nimport {name}\ndef main(args, prog_name):\n    print('words')\n    sys.exit(0)\n"
    )
    (tmp_path / f"{name}.py").touch()
    assert run_command_line(tmp_path, "list") == (0, {name})
