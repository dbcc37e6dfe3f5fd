"""An EM in another language: what it says, what it does wrong, and that nothing of it is left afterwards."""

import gc
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import comparisons
from comparisons import InputError, catalogue, check_em, command_em
from comparisons.audit import guard
from comparisons.audit.another_language import CommandEM
from comparisons.audit.in_json import line_of
from comparisons.audit.program import Deadline, Program, telling
from comparisons.audit.run import subject_of
from comparisons.errors import Trouble

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = Path(__file__).parent / "examples" / "coin_em_in_lines.py"
PAGE = (ROOT / "docs" / "an_em_in_any_language.md").read_text(encoding="utf-8")
# Seconds: how much a cause is searched for is a matter of time, and the machine may be busy.
PATIENT = 120.0
AT = {"weight": np.array([0.5, 0.5]), "bias": np.array([0.8, 0.5])}


def has_r() -> bool:
    if shutil.which("Rscript") is None:
        return False
    return subprocess.run(["Rscript", "-e", "library(jsonlite)"], capture_output=True, check=False).returncode == 0


with_r = pytest.mark.skipif(not has_r(), reason="needs R with jsonlite")


def program(fault: str = "") -> CommandEM:
    return command_em([sys.executable, str(PROGRAM), fault])


@pytest.fixture
def two_coins():
    return catalogue.load("two-coins")


@pytest.fixture
def few_seconds():
    """A time limit short enough to wait for."""
    token = guard.time_limit.set(3.0)
    yield
    guard.time_limit.reset(token)


def pid_of(made: CommandEM) -> int:
    assert made.program._running is not None
    return made.program._running.process.pid


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and only waits to be asked how does not, unless it is ours."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return state not in "ZX" or parent == os.getpid()


def gone(pid: int) -> bool:
    for _ in range(50):
        if not alive(pid):
            return True
        time.sleep(0.1)
    return False


# --- what it says ---


def test_a_program_is_an_em_like_any_other(two_coins):
    made = program()
    try:
        subject = subject_of(None, two_coins, made)
        assert None not in (subject.e_step, subject.m_step, subject.step, subject.fit)
        assert (subject.starts, subject.limits_cycles, subject.ignores_frequencies) == (True, True, False)
        expected = subject.e_step(AT)
        by_reference = two_coins.em.e_step(two_coins.to_em(AT))
        np.testing.assert_allclose(expected.counts["heads"], by_reference.expected_counts.heads, rtol=1e-13)
        np.testing.assert_allclose(
            subject.m_step(expected.raw, AT)["bias"], two_coins.one_cycle(AT)["bias"], rtol=1e-13
        )
        assert subject.fit(AT, 3).cycles == 3
        assert subject.fit(AT, 3).converged is False
        assert subject.fit(AT, None).converged is True
    finally:
        made.close()


def test_right(two_coins):
    table = check_em(factory=program(), case=two_coins, time_limit=PATIENT)
    assert table.attrs["level"] == "right", table[table["outcome"] != "passed"].to_string()
    assert dict(zip(table["check"], table["outcome"], strict=True))["other_data"] == "passed"


def test_a_planted_bug_is_found_and_named(two_coins):
    """And a program may stand where the EM does."""
    made = program("weights")
    table = check_em(made, two_coins, time_limit=PATIENT)
    assert table.attrs["level"] == "wrong"
    assert "the weights are left out of the posterior" in set(table["meaning"])
    assert not made.program.running


# --- one process, several data ---


@pytest.mark.parametrize("fault", ["", "once"])
def test_each_em_has_its_own_data(two_coins, fault):
    data = two_coins.audit.data
    made = program(fault)
    try:
        one = made(data)
        here = one.e_step(AT)[1]
        other = made({**data, "frequencies": 2 * data["frequencies"]})
        assert other.e_step(AT)[1] == pytest.approx(2 * here, rel=1e-14)
        assert one.e_step(AT)[1] == here
        assert other.e_step(AT)[1] == pytest.approx(2 * here, rel=1e-14)
    finally:
        made.close()


def test_a_program_that_takes_its_data_twice_stays_the_same_process(two_coins):
    made = program()
    made(two_coins.audit.data)
    pid = pid_of(made)
    made(two_coins.audit.data)
    assert pid_of(made) == pid
    made.close()


@pytest.mark.parametrize(("answer", "ignored"), [("true", True), ("false", False)])
def test_a_program_that_ignores_frequencies_says_so(two_coins, answer, ignored):
    says = f'print(\'{{"offers": "step", "ignores_frequencies": {answer}}}\', flush=True)'
    made = command_em([sys.executable, "-c", f"import sys\nfor line in sys.stdin: {says}"])
    try:
        assert subject_of(None, two_coins, made).ignores_frequencies is ignored
    finally:
        made.close()


@pytest.mark.parametrize(
    ("takes", "starts", "limits"),
    [('["start", "max_cycles"]', True, True), ('"start"', True, False), ("[]", False, False)],
)
def test_a_fit_takes_what_it_says(two_coins, takes, starts, limits):
    says = f'print(\'{{"offers": "fit", "fit_takes": {takes}}}\', flush=True)'
    made = command_em([sys.executable, "-c", f"import sys\nfor line in sys.stdin: {says}"])
    try:
        subject = subject_of(None, two_coins, made)
        assert (subject.starts, subject.limits_cycles) == (starts, limits)
    finally:
        made.close()


def test_missing_answers_are_null():
    data = {"responses": np.array([[1.0, np.nan], [0.0, 1.0]]), "coins": 2, "fixed_weight": None, "gap": np.nan}
    expected = '{"responses": [[1.0, null], [0.0, 1.0]], "coins": 2, "fixed_weight": null, "gap": null}'
    assert line_of("data", data) == expected
    assert line_of("data", {"x": np.array([1, 2]), "y": np.float64(0.1), "z": (np.bool_(True),)}) == (
        '{"x": [1, 2], "y": 0.1, "z": [true]}'
    )


def test_what_json_has_no_form_for_is_named():
    with pytest.raises(Trouble, match="data cannot be written in JSON: Object of type complex"):
        line_of("data", {"x": 1j})


# --- what it does wrong ---

WRONG = [
    (
        "dies",
        r"step was not answered: the program ended with exit status 3; on standard error: Error in log\(x\) : non",
    ),
    ("killed", "step was not answered: the program was ended by signal SIGKILL"),
    ("closes", "step was not answered: the program closed its standard output"),
    ("prints", r"step was answered with '\[1\] 0.5', expected one line, an object of JSON"),
    ("empty", "step was answered with '', expected"),
    ("number", "step was answered with '12.5', expected"),
    ("latin", "step was answered with 'caf\ufffd', expected"),
    ("twice", "step was answered with more than one line, the second being 'bye'"),
    ("null", r"returned 'bias' = \[0.5 nan\], expected finite numbers"),
    ("NaN", r"returned 'bias' = \[0.5 nan\], expected finite numbers"),
    ('"NA"', r"returned 'bias' = \[0.5 nan\], expected finite numbers"),
    ("Infinity", r"returned 'bias' = \[0.5 inf\], expected finite numbers"),
    ('"Inf"', r"returned 'bias' = \[0.5 inf\], expected finite numbers"),
    ("shape", r"returned 'bias' of shape \(1,\), expected \(2,\)"),
    ("missing", "returned no 'bias', expected weight, bias"),
    ("ragged", "returned 'bias' = .*, expected real numbers"),
    ("words", "returned 'bias' = .*, expected real numbers"),
    ("list", r"step was answered with 'params' = '\[0.5, 0.5, 0.5, 0.5\]', expected an object"),
    ("key", "step was answered without 'params': the answer has 'parameters'"),
    ("error", "step was answered with the error 'object 'x' not found'"),
    ("refused", "step was refused: biases in no order"),
]


@pytest.mark.parametrize(("fault", "words"), WRONG, ids=[fault.strip('"') for fault, _ in WRONG])
def test_each_fault_is_named_each_time(two_coins, few_seconds, fault, words):
    made = program(fault)
    try:
        subject = subject_of(None, two_coins, made)
        for _ in range(2):
            with pytest.raises(Trouble, match=words) as caught:
                subject.step(AT)
            assert caught.value.refused is (fault == "refused")
            assert caught.value.late is False
            assert caught.value.at == "weight = 0.5, 0.5; bias = 0.8, 0.5"
    finally:
        made.close()


def test_a_program_that_hangs_is_ended_with_what_it_started(two_coins, few_seconds):
    made = program("hangs")
    subject = subject_of(None, two_coins, made)
    pid = pid_of(made)
    began = time.monotonic()
    with pytest.raises(Trouble, match="step was not answered within 3 seconds; on standard error: thinking") as caught:
        subject.step(AT)
    assert caught.value.late
    assert time.monotonic() - began < 6
    assert gone(pid)
    # What was killed may take a moment on a busy machine.
    deadline = time.monotonic() + 5
    while _group_is_left(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _group_is_left(pid)


@pytest.mark.slow
def test_a_restart_takes_from_the_time_of_what_is_asked(two_coins, few_seconds):
    made = program("hangs")
    subject = subject_of(None, two_coins, made)
    for _ in range(2):
        with pytest.raises(Trouble, match="step was not answered within 3 seconds; on standard error: thinking"):
            subject.step(AT)
    assert not made.program.running


def test_what_the_guard_interrupts_is_ended(two_coins, monkeypatch):
    """Also where it strikes while the program is being ended."""
    monkeypatch.setattr("comparisons.audit.program.IN_TIME", 10)
    monkeypatch.setattr(guard, "AGAIN", 0.05)
    made = program("hangs")
    subject = subject_of(None, two_coins, made)
    pid = pid_of(made)
    token = guard.time_limit.set(0.5)
    try:
        with pytest.raises(Trouble, match="step did not return within"):
            subject.step(AT)
    finally:
        guard.time_limit.reset(token)
    assert not made.program.running
    assert gone(pid)


def _group_is_left(pid: int) -> bool:
    return any(_group(other) == pid for other in Path("/proc").glob("[0-9]*"))


def _group(process: Path) -> int:
    """Process group of what still runs, 0 of what has ended."""
    try:
        state, _, group = (process / "stat").read_text().rpartition(")")[2].split()[:3]
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return 0 if state in "ZX" else int(group)


def test_the_time_limit_also_holds_outside_the_main_thread(two_coins):
    found = []

    def asked() -> None:
        guard.time_limit.set(2.0)
        made = program("hangs")
        try:
            subject_of(None, two_coins, made).step(AT)
        except Trouble as trouble:
            found.append(str(trouble))

    thread = threading.Thread(target=asked)
    thread.start()
    thread.join(30)
    assert found == ["step was not answered within 2 seconds; on standard error: thinking"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ('{"offers": ["e_step"]}', "the program offers e_step, expected step, fit, or e_step and m_step"),
        ('{"offers": []}', "the program offers nothing, expected step, fit"),
        ('{"offers": ["estep"]}', "answered with 'offers' = .*expected some of step, e_step, m_step, fit"),
        ('{"offers": 1}', "answered with 'offers' = 1.0, expected some of"),
        (
            '{"offers": "fit", "fit_takes": ["data"]}',
            "answered with 'fit_takes' = .*expected some of start, max_cycles",
        ),
        ('{"offer": "step"}', "the data message was answered without 'offers': the answer has 'offer'"),
        ("{}", "the data message was answered without 'offers': the answer is empty"),
        ("Loading", "the data message was answered with 'Loading', expected one line"),
    ],
)
def test_a_program_that_offers_no_em(two_coins, answer, words):
    made = command_em([sys.executable, "-c", f"import sys\nfor line in sys.stdin: print({answer!r}, flush=True)"])
    table = check_em(factory=made, case=two_coins)
    assert list(table["check"]) == ["the EM itself"]
    assert re.search(words, table["found"][0])
    assert not made.program.running


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ('{"params": {}, "converged": null}', "'converged' = null, expected true or false, or nothing"),
        ('{"params": {}, "converged": "yes"}', "'converged' = \"yes\", expected true or false"),
        ('{"params": {"weight": [0.5, 0.5], "bias": [1, 0]}, "cycles": null}', "'cycles' = nan, expected a whole"),
    ],
)
def test_what_a_fit_says_of_itself(two_coins, answer, words):
    code = (
        f'import sys\nprint(\'{{"offers": "fit"}}\', flush=True)\nfor line in sys.stdin: input() and print({answer!r})'
    )
    code = code.replace("for line in sys.stdin: input() and print", "input()\nfor line in sys.stdin: print")
    made = command_em([sys.executable, "-u", "-c", code])
    try:
        with pytest.raises(Trouble, match=words):
            subject_of(None, two_coins, made).fit(AT, None)
    finally:
        made.close()


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("", ""),
        ("loading\n\n", "loading"),
        (
            "Error in f(x) : \n  object 'y' not found\nCalls: f\nExecution halted\n",
            "Error in f(x) : object 'y' not found",
        ),
        (
            "ERROR: LoadError: DomainError\nStacktrace:\n [1] top\nin expression at em.jl:3",
            "ERROR: LoadError: DomainError",
        ),
        ("Traceback:\n  File\nValueError: no\n", "ValueError: no"),
        ("a\x1b[31mred", "a\\x1b[31mred"),
    ],
)
def test_the_line_of_standard_error_that_tells_most(written, told):
    assert telling(written.encode()) == told


# --- what cannot be started, and what is left ---


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("", "the command is empty"),
        ([], "the command is empty"),
        ("nowhere-at-all my_em.R", "no program 'nowhere-at-all'"),
        ("Rscript 'my_em.R", "No closing quotation"),
    ],
)
def test_no_such_program(command, words):
    with pytest.raises(InputError, match=words):
        command_em(command)


def test_a_file_that_is_no_program(tmp_path):
    file = tmp_path / "mine"
    file.write_bytes(b"\x00\x01")
    file.chmod(0o755)
    with pytest.raises(Trouble, match="mine cannot be started: Exec format error"):
        command_em([str(file)])({})


def test_nothing_is_left_when_nobody_closes_it(two_coins):
    made = program()
    made(two_coins.audit.data)
    pid = pid_of(made)
    assert alive(pid)
    del made
    gc.collect()
    assert gone(pid)


def test_nothing_is_left_when_python_ends(tmp_path):
    code = (
        "import sys\nfrom comparisons import command_em\n"
        f"made = command_em([sys.executable, {str(PROGRAM)!r}])\n"
        "made({})\nprint(made.program._running.process.pid)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert gone(int(done.stdout))


def test_many_bytes_both_ways():
    """More than a pipe holds, to a program that writes before it reads."""
    code = "import sys\nsys.stderr.write('x' * 300_000)\nfor line in sys.stdin: print(len(line) * '1', flush=True)"
    asked = Program([sys.executable, "-c", code])
    assert len(asked.ask("it", "q" * 1_000_000, Deadline.after(20))) == 1_000_001
    asked.close()


def test_it_is_in_the_public_face():
    assert "command_em" in comparisons.__all__
    assert comparisons.command_em is command_em


# --- the page ---


def r_example() -> str:
    found = re.search(r"## In R\n\n<!-- file: my_em.R -->\n```r\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_examples_are_short():
    for language in ("r", "julia"):
        found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
        assert found is not None
        assert len(found[1].splitlines()) <= 24


@with_r
@pytest.mark.parametrize("problem", ["two-coins", pytest.param("coins", marks=pytest.mark.slow)])
def test_the_example_in_r_is_right(tmp_path, problem):
    (tmp_path / "my_em.R").write_text(r_example())
    table = check_em(factory=command_em(["Rscript", str(tmp_path / "my_em.R")]), case=problem, time_limit=PATIENT)
    assert table.attrs["level"] == "right", table[table["outcome"] != "passed"].to_string()
    assert dict(zip(table["check"], table["outcome"], strict=True))["other_data"] == "passed"


@with_r
def test_the_example_in_r_without_the_weights_is_wrong(tmp_path):
    bug = r_example().replace("log(weight) + ", "")
    assert bug != r_example()
    (tmp_path / "my_em.R").write_text(bug)
    made = command_em(["Rscript", str(tmp_path / "my_em.R")])
    table = check_em(factory=made, case="two-coins", time_limit=PATIENT)
    assert table.attrs["level"] == "wrong"
    assert "the weights are left out of the posterior" in set(table["meaning"])
