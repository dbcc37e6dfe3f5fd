"""em-crosscheck check: the two examples of the README, and everything that a user can mistype."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = Path(__file__).parent / "examples"


def run(*arguments: str, cwd: Path = EXAMPLES) -> subprocess.CompletedProcess[str]:
    code = "from comparisons.commands.main import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "COLUMNS": "120"}
    command = [sys.executable, "-W", "ignore", "-c", code, "check", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_right_em() -> None:
    done = run("coin_em:CoinEM", "--problem", "two-coins")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Right. No check failed: 13 applied, 4 did not." in done.stdout


@pytest.mark.slow
def test_an_em_with_a_bug() -> None:
    done = run("coin_em_bug:CoinEM", "--problem", "two-coins")
    assert done.returncode == 1
    assert "expected_counts failed: heads[" in done.stdout
    assert "usually: an error in the E-step" in done.stdout


COINS = ("--option", "coins=2", "--option", "flips=10")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("coin_em:CoinEM",), "expected --problem NAME, or --case MODULE:NAME, or --family FAMILY and --data"),
        (("coin_em:CoinEM", "--problem", "nonsense"), "unknown problem 'nonsense'"),
        (("coin_em:Nothing", "--problem", "two-coins"), "coin_em has no 'Nothing'"),
        (("nowhere:CoinEM", "--problem", "two-coins"), "no module 'nowhere'"),
        (("coin_em.CoinEM", "--problem", "two-coins"), "expected MODULE:NAME"),
        (("coin_em:CoinEM", "--problem", "two-coins", "--time-limit", "0"), "--time-limit"),
        (("coin_em:CoinEM", "--problem", "two-coins", "--option", "coins=2"), "--option"),
        (("coin_em:CoinEM", "--family", "coin-mixture", "--data", "none.csv", *COINS), "none.csv"),
        (("coin_em:CoinEM", "--family", "nothing", "--data", "none.csv"), "nothing"),
        (("--problem", "two-coins"), "expected MODULE:NAME, or --command COMMAND"),
        (
            ("coin_em:CoinEM", "--command", "cat", "--problem", "two-coins"),
            "expected MODULE:NAME, or --command COMMAND",
        ),
        (("--command", "nowhere-at-all my_em.R", "--problem", "two-coins"), "there is no program 'nowhere-at-all'"),
        (("--command", "", "--problem", "two-coins"), "the command is empty"),
        (("--command", "cat", "--problem", "two-coins"), "the data message was answered without 'offers'"),
        (("--command", "false", "--problem", "two-coins"), "the program ended with exit status 1"),
    ],
)
def test_bad_usage_is_one_line(arguments: tuple[str, ...], words: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_program_in_another_language() -> None:
    command = f"{sys.executable} coin_em_in_lines.py dies"
    done = run("--command", command, "--problem", "two-coins", "--data-only")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith(f"{command}  on two-coins")
    assert "ascent failed: step was not answered: the program ended with exit status 3" in done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.slow
def test_what_a_program_writes_on_standard_error_is_told(tmp_path: Path) -> None:
    (tmp_path / "heads.csv").write_text("heads\n5\n9\n8\n4\n7\n")
    (tmp_path / "mine.sh").write_text(
        f"echo no display >&2\nexec {sys.executable} {EXAMPLES / 'coin_em_in_lines.py'}\n"
    )
    data = ("--family", "coin-mixture", "--data", "heads.csv", "--option", "coins=2", "--option", "flips=10")
    done = run("--command", "sh mine.sh", *data, "--data-only", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "Note: the program wrote on standard error: no display\n")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import nothing_at_all", "needs nothing_at_all, which is not installed"),
        ("def f(:", "raised SyntaxError"),
        ("1 / 0", "raised ZeroDivisionError"),
        ("raise SystemExit(3)", "raised SystemExit"),
    ],
)
def test_a_module_that_cannot_be_imported(tmp_path: Path, source: str, words: str) -> None:
    (tmp_path / "mine.py").write_text(source)
    done = run("mine:EM", "--problem", "two-coins", cwd=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_misbehaving_em_on_own_data(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "def em(data):\n"
        "    print('hello')\n"
        "    def step(p):\n"
        "        raise RuntimeError('not today')\n"
        "    return step\n"
    )
    (tmp_path / "heads.csv").write_text("heads\n5\n9\n8\n4\n7\n")
    options = ("--option", "coins=2", "--option", "flips=10")
    done = run("mine:em", "--family", "coin-mixture", "--data", "heads.csv", *options, cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert "the map raised RuntimeError: not today" in done.stdout
    assert "hello" not in done.stdout
    assert "hello" in done.stderr


COIN = "import time\nfrom coin_em import CoinEM\nimport numpy as np\n"


def check(folder: Path, source: str, *options: str):
    (folder / "coin_em.py").write_text((EXAMPLES / "coin_em.py").read_text())
    (folder / "mine.py").write_text(COIN + source)
    return run("mine:EM", "--problem", "two-coins", *options, cwd=folder)


@pytest.mark.slow
def test_a_module_that_makes_numpy_and_warnings_raise(tmp_path: Path) -> None:
    done = check(tmp_path, "import warnings\nnp.seterr(all='raise')\nwarnings.simplefilter('error')\nEM = CoinEM\n")
    assert done.returncode == 0
    assert "No check failed" in done.stdout


@pytest.mark.slow
def test_a_neighbour_imported_late(tmp_path: Path) -> None:
    (tmp_path / "neighbour.py").write_text("")
    late = "class EM(CoinEM):\n    def e_step(self, p):\n        import neighbour\n        return super().e_step(p)\n"
    assert check(tmp_path, late).returncode == 0


@pytest.mark.slow
def test_an_em_that_swallows_every_interruption_ends_the_command(tmp_path: Path) -> None:
    hangs = (
        "class EM(CoinEM):\n    def m_step(self, c, p):\n        while True:\n"
        "            try:\n                time.sleep(0.01)\n            except: pass\n"
    )
    done = check(tmp_path, hangs, "--time-limit", "0.1")
    assert done.returncode == 1
    assert "m_step did not return within 0.1 seconds and swallows every interruption" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_what_an_em_prints_does_not_flood_the_terminal(tmp_path: Path) -> None:
    wordy = "class EM(CoinEM):\n    def e_step(self, p):\n        print('a step')\n        return super().e_step(p)\n"
    done = check(tmp_path, wordy, "--data-only")
    assert done.returncode == 0
    assert done.stderr.count("a step\n") <= 5
    assert "further lines, which are left out" in done.stderr
    assert "a step\n" not in done.stdout


EARLY = """
def EM(data, start):
    em, p = CoinEM(data), start
    for _ in range(500):
        new = em.m_step(em.e_step(p)[0], p)
        moved = max(abs(new[k] - p[k]).max() for k in p)
        p = new
        if moved < 1e-5:
            break
    return p
"""


@pytest.mark.slow
@pytest.mark.parametrize(("options", "status"), [((), 0), (("--strict",), 1)])
def test_remarks_fail_only_when_strict(tmp_path: Path, options: tuple[str, ...], status: int) -> None:
    done = check(tmp_path, EARLY, "--data-only", *options)
    assert done.returncode == status
    assert "Right, with remarks." in done.stdout
    assert "stops early" in done.stdout


def test_names_that_say_nothing_are_one_line_with_the_keys(tmp_path: Path) -> None:
    done = check(tmp_path, "def EM(alpha, beta, gamma):\n    return alpha\n")
    assert done.returncode == 2
    assert "it takes (alpha, beta, gamma)" in done.stderr
    assert "heads (5,), flips (5,), frequencies (5,), coins" in done.stderr
    assert done.stderr.count("\n") == 1
