"""The wheel holds all that the program reads, and works in an environment and a folder that know no checkout."""

import json
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("em_reference", "pp_models", "comparisons")


def command(*arguments: str | Path, cwd: Path, timeout: float = 300) -> str:
    run = subprocess.run(
        [str(argument) for argument in arguments],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
    assert run.returncode == 0, f"{arguments}\n{run.stdout}\n{run.stderr}"
    return run.stdout


class Distributions(NamedTuple):
    wheel: Path
    in_wheel: set[str]
    in_sdist: set[str]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    """The wheel and the source distribution of this checkout."""
    out = tmp_path_factory.mktemp("dist")
    command(sys.executable, "-m", "build", "--sdist", "--wheel", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    (wheel,) = out.glob("em_crosscheck-*.whl")
    (sdist,) = out.glob("em_crosscheck-*.tar.gz")
    with tarfile.open(sdist) as archive:
        in_sdist = {PurePosixPath(name).relative_to(sdist.name.removesuffix(".tar.gz")) for name in archive.getnames()}
    return Distributions(wheel, set(zipfile.ZipFile(wheel).namelist()), {str(name) for name in in_sdist})


def package_files() -> set[str]:
    """Every file of the three packages that is source or data, not a by-product."""
    return {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_every_file_of_the_packages_is_in_both(built: Distributions) -> None:
    assert package_files() - built.in_wheel == set()
    assert package_files() - built.in_sdist == set()


@pytest.mark.parametrize(
    "pattern",
    [
        "em_reference/py.typed",
        "pp_models/py.typed",
        "comparisons/py.typed",
        "comparisons/catalogue/*.toml",
        "comparisons/catalogue/*.csv",
        "comparisons/report/templates/*",
    ],
)
def test_data_and_templates_are_in_the_wheel(built: Distributions, pattern: str) -> None:
    assert [name for name in built.in_wheel if PurePosixPath(name).match(pattern)]


def test_the_wheel_holds_nothing_else(built: Distributions) -> None:
    tops = {PurePosixPath(name).parts[0] for name in built.in_wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in built.in_wheel)


class Installed(NamedTuple):
    folder: Path
    python: Path
    script: Path


@pytest.fixture(scope="module")
def installed(built: Distributions, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel in an environment of its own, its dependencies lent by the environment that runs the tests.

    A path file lends them: the path files of the lending environment, that of an editable install among them,
    have no effect through it.
    """
    folder = tmp_path_factory.mktemp("environment") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python]
    command(*pip, "install", "--quiet", "--no-deps", "--no-index", built.wheel, cwd=folder)
    own = Path(command(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    lent = dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
    (own / "lent.pth").write_text("\n".join(lent) + "\n")
    return Installed(folder, python, folder / "bin" / "em-crosscheck")


@pytest.mark.parametrize("package", PACKAGES)
def test_the_packages_come_from_the_wheel(installed: Installed, tmp_path: Path, package: str) -> None:
    code = f"import {package}, sys; print({package}.__file__); print(*sys.path, sep='\\n')"
    file, *path = command(installed.python, "-c", code, cwd=tmp_path).splitlines()
    assert Path(file).is_relative_to(installed.folder)
    assert str(ROOT) not in path


def test_the_installed_version_is_the_wheels(built: Distributions, installed: Installed, tmp_path: Path) -> None:
    code = "import importlib.metadata as m; d = m.distribution('em-crosscheck'); print(d.version, d.locate_file(''))"
    version, folder = command(installed.python, "-c", code, cwd=tmp_path).strip().split(" ", 1)
    assert built.wheel.name.startswith(f"em_crosscheck-{version}-")
    assert Path(folder).is_relative_to(installed.folder)


def test_the_wheel_runs_the_coins_from_another_folder(installed: Installed, tmp_path: Path) -> None:
    command(installed.script, "run", "coins", "--starts", "5", "--out", tmp_path / "out", cwd=tmp_path)
    folder = tmp_path / "out" / "coins"
    assert {"report.md", "report.html", "summary.json"} <= {path.name for path in folder.iterdir()}
    assert list(folder.rglob("*.csv"))
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert (summary["problem"], summary["verdict"], summary["n_starts"]) == ("coins", "agree", 5)
