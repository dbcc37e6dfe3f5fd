"""Input that nobody would write on purpose: one line and status 2, in no time; what is ours is status 3."""

import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import comparisons.cross_check.run
from comparisons import catalogue, families
from comparisons.commands.main import main
from comparisons.errors import InputError
from comparisons.families._equal_rows import merged
from comparisons.families._mixtures import off_the_edge
from comparisons.families._start import checked_start
from comparisons.reading import incoming
from comparisons.reading.tables import parse_table, read_table
from pp_models.objective import Objective

ROOT = Path(__file__).resolve().parents[3]
ITEMS = b"q1,q2,q3,frequency\n1,0,1,3\n0,1,0,2\n1,1,0,4\n0,0,1,1\n"
HEADS = b"heads,flips,frequency\n5,10,1\n9,10,2\n8,10,1\n4,10,3\n"
COUNTS = b"count,frequency\n0,5\n1,9\n5,8\n"
SMALL = {
    "coin-mixture": (HEADS, ("--coins", "2")),
    "two-pl": (ITEMS, ()),
    "common-slope": (ITEMS, ()),
    "poisson-mixture": (COUNTS, ("--components", "2")),
    "genetic-linkage": (b"frequency\n125\n18\n20\n34\n", ()),
}


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    def crosscheck(*_: object, **__: object) -> None:
        raise InputError("reached")

    monkeypatch.setattr(comparisons.cross_check.run, "crosscheck", crosscheck)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def written(folder: Path, content: bytes, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def is_one_line(result: Result) -> bool:
    line = result.stderr
    return result.exit_code == 2 and line.startswith("Error: ") and line.count("\n") == 1 and "internal" not in line


# --- files ---


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'""\n', "empty cells only, expected a header line and rows below it"),
        (b"\x1f\n\x1f\n", "expected a header line"),
        (b"heads,flips\n9\x1f,10\n", "column 'heads': '9\\x1f' is not a number"),
        (b"heads,flips\n\x1f,10\n", "column 'heads': '\\x1f' is not a number"),
        (b"heads,flips\n1e-400,10\n", "'1e-400' does not fit a double"),
        (b"heads,flips\n0e-99999999999999999999,10\n", "has an exponent of more than 3 digits"),
        (b"heads,flips,frequency\n1,9000000000000000,2\n2,3,2\n", "1.8e+16 flips in all, expected at most 9007199"),
    ],
)
def test_small_files(tmp_path: Path, content: bytes, words: str) -> None:
    result = run("compare", "coin-mixture", written(tmp_path, content), "--coins", 2, "--out", tmp_path / "out")
    assert is_one_line(result), result.stderr
    assert words in result.stderr


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("0e-99999999999999999999", "has an exponent of more than 3 digits"),
        ("nan", "'nan' is not a number"),
    ],
)
def test_estimates(tmp_path: Path, cell: str, words: str) -> None:
    given = written(tmp_path, f"item,d,a\nq1,{cell},1\nq2,0,1\nq3,0,1\n".encode(), "given.csv")
    result = run("adjudicate", "two-pl", written(tmp_path, ITEMS), given)
    assert is_one_line(result), result.stderr
    assert words in result.stderr


def test_a_blank_file_of_estimates_is_read_in_no_time(tmp_path: Path) -> None:
    begin = time.process_time()
    given = written(tmp_path, b" " * 300_000 + b"x", "given.csv")
    assert is_one_line(run("adjudicate", "two-pl", written(tmp_path, ITEMS), given))
    assert time.process_time() - begin < 5


def test_a_hundred_thousand_columns(tmp_path: Path) -> None:
    wide = ",".join(f"q{i}" for i in range(100_000)) + "\n" + ",".join("0" * 100_000) + "\n"
    begin = time.process_time()
    result = run("compare", "two-pl", written(tmp_path, wide.encode()))
    assert time.process_time() - begin < 5
    assert "100000 item columns, expected at most 1000" in result.stderr
    assert is_one_line(result)


def test_a_count_that_leaves_no_digits(tmp_path: Path) -> None:
    data = written(tmp_path, b"count\n1\n1000000001\n")
    result = run("compare", "poisson-mixture", data, "--components", 2, "--out", tmp_path)
    assert "row 3, column 'count': 1000000001, expected a whole number from 0 to 1000000000" in result.stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with a name on this system")
def test_a_pipe_with_and_without_a_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Timer(0.2, pipe.write_bytes, [ITEMS])
    writer.start()
    assert read_table(pipe).columns == ("q1", "q2", "q3", "frequency")
    writer.join()
    monkeypatch.setattr(incoming, "ALONE", 0.1)
    monkeypatch.setattr(incoming, "SILENT", 0.3)
    with pytest.raises(InputError, match=r"nothing came out of this pipe for 0\.1 seconds"):
        read_table(pipe)
    silent = os.open(pipe, os.O_RDWR)
    try:
        with pytest.raises(InputError, match=r"nothing came out of this pipe for 0\.3 seconds"):
            read_table(pipe)
    finally:
        os.close(silent)


def test_files_without_an_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(incoming, "MOST_BYTES", 2**21)
    for path in ("/dev/zero", written(tmp_path, b"0" * (2**21 + 1))):
        with pytest.raises(InputError, match="too large, expected at most 2 MiB"):
            read_table(path)
    with pytest.raises(InputError, match="the file is empty"):
        read_table("/dev/null")


# --- options ---

ODD = (
    "nan", "inf", "-inf", "-0", "1e308", "-1e308", "1e-308", "1e400", "", " ", "٣", "1_0", "9" * 5000, "-1", "0x1", "½",
    "1e300,-1e300", "nan,1", ",", "1,,2", "1;2", "lognormal,700,1", "normal,0,1e300", "normal,nan,1", "normal",
    "normal,0,1,2", "d=0,0,0;a=1e20,1,1", "d=nan", "=", ";", "weight=.5,.5;bias=2,-1", "rate=1e300,1;weight=.5,.5",
)  # fmt: skip


def test_no_value_of_an_option_is_a_crash(tmp_path: Path, stopped: None) -> None:
    shared = ("--starts", "--seed", "--start", "--format", "--backend", "--name")
    for family, (content, needed) in SMALL.items():
        data = written(tmp_path, content)
        own = [f"--{option.name}" for option in families.family(family).OPTIONS if option.kind is not bool]
        for option in (*own, *shared):
            for value in ODD:
                arguments = ("compare", family, data, *needed, f"{option}={value}", "--out", tmp_path / "out")
                result = run(*arguments)
                assert is_one_line(result), (arguments, result.output)
                assert len(result.stderr) < 1100


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("compare", "two-pl", "DATA", "--limit", "1e308"), "--limit 1e308: expected a number from 0.5 to 30"),
        (("compare", "two-pl", "DATA", "--slope-prior", "normal,0,1e300"), "SD from 0.001 to 1000"),
        (("compare", "two-pl", "DATA", "--slope-prior", "lognormal,700,1"), "MEAN from -5 to 5"),
        (("compare", "two-pl", "DATA", "--grid=1e300,-1e300", "--grid-weights=.5,.5"), "numbers from -30 to 30"),
        (("compare", "two-pl", "DATA", "--start", "d=0,0,0;a=1e20,1,1"), "a holds 1e+20, expected numbers from -100"),
        (("compare", "coin-mixture", "DATA", "--coins", "2", "--weight-prior", "1e308"), "from 1 to 10000"),
        (("run", "coins", "--starts", "1e9"), "--starts 1e9: expected a whole number from 1 to 100000"),
        (("certify", "--starts", "1000000000"), "from 1 to 100000"),
        (("adjudicate", "two-pl", "DATA", "DATA", "--tolerance", "nan"), "expected a number from 0 to 1"),
        (("check", "x:y", "--problem", "coins", "--time-limit", "nan"), "expected a number from 0.01 to 86400"),
        (("check", "x:y", "--problem", "coins", "--seed", "-1"), "--seed -1: expected a whole number from 0"),
        (("check", "math:sqrt", "--problem", "coins"), "math:sqrt: it is a part of Python or NumPy, expected an EM"),
        (("check", "math:pi", "--problem", "coins"), "it is float and has no step of an EM"),
        (("check", "os:path", "--problem", "coins"), "it is a module"),
        (("check", "numpy:sum", "--problem", "coins"), "it is a part of Python or NumPy"),
        (("check", "click:version_option.nothing", "--problem", "coins"), "has no 'nothing'"),
    ],
)
def test_bounds_are_stated(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    data = written(tmp_path, ITEMS)
    result = run(*(data if argument == "DATA" else argument for argument in arguments))
    assert is_one_line(result), result.output
    assert words in result.stderr


def test_a_factory_that_makes_no_em_is_no_wrong_em(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, b"def number(data):\n    return 3\ndef three(a, b, c):\n    pass\n", "hostile_em.py")
    monkeypatch.chdir(tmp_path)
    result = run("check", "hostile_em:number", "--problem", "two-coins")
    assert (is_one_line(result), "got int" in result.stderr) == (True, True)
    assert "it takes (a, b, c)" in run("check", "hostile_em:three", "--problem", "two-coins").stderr


@pytest.mark.parametrize("family", SMALL)
def test_help_states_the_range_of_every_option(family: str) -> None:
    text = " ".join(run("compare", family, "--help").stdout.split())
    for option in families.family(family).OPTIONS:
        assert str(option.range) in text


# --- bytes ---


PIECES = (
    b"", b",", b"\n", b'"', b"\0", b"\x1f", b"\xff", b"-", b"1e308", b"1e-400", b"nan", b";", b"\t", b"\r", b" ", b".",
    b"9" * 40, "٣".encode(), b"0e-9999", b"\xef\xbb\xbf", b"frequency", b"1e15",
)  # fmt: skip


def mutated(content: bytes, dice: random.Random) -> bytes:
    for _ in range(dice.randint(1, 3)):
        place = dice.randrange(len(content) + 1)
        content = content[:place] + dice.choice(PIECES) + content[place + dice.randint(0, 3) :]
    return content


def test_no_byte_of_a_file_is_a_crash() -> None:
    dice = random.Random(25)
    for _ in range(300):
        for name, (content, needed) in SMALL.items():
            module, data = families.family(name), mutated(content, dice)
            options = {needed[0][2:]: int(needed[1])} if needed else {}
            try:
                module.read("mutated", parse_table(data, "mutated.csv"), families.settle(module, options))
            except InputError:
                continue
            except Exception as error:
                raise AssertionError(f"{name}: {data!r}") from error


# --- equal rows, edges ---


def test_rows_merge_by_their_numbers_alone() -> None:
    rows = np.array([[0.0, -0.0], [np.nan, 1], [-0.0, 0.0], [-np.nan, 1], [3, 3]])
    found, counts = merged(rows, np.array([1.0, 2, 3, 4, 0]))
    np.testing.assert_array_equal(found, [[0, 0], [np.nan, 1]])
    np.testing.assert_array_equal(counts, [4, 6])


@pytest.mark.parametrize(
    ("family", "rows"), [("coin-mixture", 4), ("two-pl", 4), ("common-slope", 4), ("poisson-mixture", 3)]
)
def test_pymc_is_given_each_row_once(family: str, rows: int) -> None:
    header, *lines = SMALL[family][0].decode().split()
    module, (name, value) = families.family(family), SMALL[family][1] or ("", "")
    options = families.settle(module, {name[2:]: int(value)} if name else {})
    plain = module.read("x", parse_table("\n".join([header, *lines]).encode(), "x"), options)
    twice = module.read("x", parse_table("\n".join([header, *lines, *lines]).encode(), "x"), options)
    natural = plain.draw_start(np.random.default_rng(0))
    one, two = (Objective(case.build_model(), case.with_prior) for case in (plain, twice))
    each, both = (objective.pointwise(objective.free(natural)) for objective in (one, two))
    assert each.size == both.size == rows
    assert two.log_likelihood(two.free(natural)) == pytest.approx(2 * one.log_likelihood(one.free(natural)), rel=1e-12)


def test_a_start_on_the_edge_is_the_same_for_both_sides() -> None:
    case = catalogue.load("two-coins")
    start = checked_start(case, {"weight": [0.0, 1.0], "bias": [0.0, 1.0]})
    assert start["bias"].tolist() == [1e-6, 1 - 1e-6]
    assert start["weight"].tolist() == pytest.approx([1e-6, 1 - 1e-6], rel=1e-15)
    kept = {"weight": np.array([0.25, 0.5, 0.25]), "bias": np.array([0.4, 0.5, 0.65])}
    for name, values in off_the_edge(kept).items():
        np.testing.assert_array_equal(values, kept[name])


# --- the end of the command ---


def process(*arguments: object, **more: object) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **more.pop("env", {})}  # type: ignore[dict-item]
    return subprocess.run(
        [sys.executable, "-m", "comparisons.commands.main", *map(str, arguments)],
        env=environment, stderr=subprocess.PIPE, text=True, check=False, timeout=120, **more,  # type: ignore[call-overload]
    )  # fmt: skip


@pytest.mark.parametrize("arguments", [("list",), ("--help",), ("--version",)])
def test_a_full_output_is_no_disagreement(arguments: tuple[str, ...]) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = process(*arguments, stdout=full)
        assert process("nonsense", stdout=full).returncode == 2
    assert done.returncode == 3
    assert done.stderr == "Error: the output: cannot be read or written (No space left on device)\n"


def test_nobody_who_reads_the_help_is_no_disagreement() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    assert process("--help", stdout=writer).returncode == 141
    os.close(writer)


@pytest.mark.slow
def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    env = {"HOME": "/dev/null/nobody", "XDG_CACHE_HOME": "", "MPLCONFIGDIR": "", "TMPDIR": str(tmp_path)}
    done = process("run", "two-coins", "--starts", 1, "--out", tmp_path / "out", env=env, stdout=subprocess.DEVNULL)
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (
            ZeroDivisionError("deep"),
            3,
            "internal error, please report it with the command and the data: Zero",
        ),
        (MemoryError(), 3, "not enough memory, expected smaller data or fewer starts"),
        (RecursionError("deep"), 3, "internal error"),
        (OSError(28, "No space left on device", "a/file"), 2, "a/file: cannot be read or written (No space left on"),
    ],
)
def test_what_nobody_caught(monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, words: str) -> None:
    def names() -> list[str]:
        raise error

    monkeypatch.setattr(catalogue, "names", names)
    result = run("list")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (status, "", 1)
    assert words in result.stderr
