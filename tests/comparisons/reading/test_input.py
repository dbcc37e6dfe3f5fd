"""Bad input ends in one line that names file, row, column and what was expected, and touches no report."""

import os
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from comparisons import catalogue, families
from comparisons.commands.main import main
from comparisons.errors import InputError
from comparisons.reading.tables import numbers, parse_table, read_table

COINS = ("compare", "coin-mixture", "DATA", "--coins", "2", "--flips", "10")
OWN_FLIPS = ("compare", "coin-mixture", "DATA", "--coins", "2")
TWO_PL = ("compare", "two-pl", "DATA")
ITEMS = b"item1,item2,item3\n1,0,1\n0,1,0\n1,1,0\n0,0,1\n"
HEADS = b"heads\n5\n9\n8\n4\n7\n"
FAMILIES, PROBLEMS = ", ".join(families.names()), ", ".join(catalogue.names())
COUNT = "a whole number from 1 to 100, or a range as 1:6"
NORMAL = "'normal,MEAN,SD' (MEAN from -100 to 100, SD from 0.001 to 1000)"
LOGNORMAL = "'lognormal,MEAN,SD' (MEAN from -5 to 5, SD from 0.01 to 3)"
WHOLE = "expected a whole number, 0 or more"

# What is in the file, the command (DATA stands for the file), and the line that it must end with.
BAD_FILES = {
    "empty": (b"", TWO_PL, "DATA: the file is empty, expected a header line and rows below it"),
    "blank": (b" \n\n\r\n", TWO_PL, "DATA: the file is empty, expected a header line and rows below it"),
    "header only": (b"item1,item2\n", TWO_PL, "DATA: no rows below the header, expected at least one"),
    "header and delimiters only": (
        b"item1,item2\n,\n,\n",
        TWO_PL,
        "DATA: no rows below the header, expected at least one",
    ),
    "no header": (
        b"0,1,1\n1,0,1\n",
        TWO_PL,
        "DATA, row 1: only numbers (0, 1, 1), expected a header with column names",
    ),
    "no header, one column": (
        b"5\n9\n8\n",
        COINS,
        "DATA, row 1: only numbers (5), expected a header with column names",
    ),
    "no header, cells missing": (
        b"0,,NA\n1,0,1\n",
        TWO_PL,
        "DATA, row 1: only numbers (0, , NA), expected a header with column names",
    ),
    "unnamed column": (
        b",item1,item2\n1,0,1\n",
        TWO_PL,
        "DATA, row 1, column 1: no name, expected a name for every column",
    ),
    "duplicate column": (
        b"item1,item2, item1\n1,0,1\n",
        TWO_PL,
        "DATA, row 1: column name 'item1' appears twice, expected different names",
    ),
    "duplicate column below a blank line": (
        b"\nitem1,item1\n1,0\n",
        TWO_PL,
        "DATA, row 2: column name 'item1' appears twice, expected different names",
    ),
    "row too long": (
        ITEMS + b"1,0,1,1\n",
        TWO_PL,
        "DATA, row 6: 4 cell(s), expected 3, one for each column of the header",
    ),
    "row too short": (
        ITEMS + b"\n1,0\n",
        TWO_PL,
        "DATA, row 7: 2 cell(s), expected 3, one for each column of the header",
    ),
    "quote left open": (
        b'item1,item2\n1,0\n"1,0\n1,1\n',
        TWO_PL,
        "DATA, row 3: unexpected end of data, expected cells with matching quotes or none",
    ),
    "text after a quote": (
        b'item1,item2\n1,0\n"1"x,0\n',
        TWO_PL,
        "DATA, row 3: ',' expected after '\"', expected cells with matching quotes or none",
    ),
    "NUL byte": (
        b"item1,item2\r\n1,0\r\n1,\0\r\n",
        TWO_PL,
        "DATA, row 3: a NUL byte, expected a text file in CSV format",
    ),
    "not numeric": (
        ITEMS + b"1,yes,0\n",
        TWO_PL,
        "DATA, row 6, column 'item2': 'yes' is not a number, expected 0, 1 or empty",
    ),
    "row after one of two lines": (
        b'"item\n1",item2\n1,0\n1,x\n',
        TWO_PL,
        "DATA, row 4, column 'item2': 'x' is not a number, expected 0, 1 or empty",
    ),
    "infinity": (
        ITEMS + b"1,inf,0\n",
        TWO_PL,
        "DATA, row 6, column 'item2': 'inf' is not a number, expected 0, 1 or empty",
    ),
    "underscore": (b"heads\n1_0\n", COINS, f"DATA, row 2, column 'heads': '1_0' is not a number, {WHOLE}"),
    "digits of another script": (
        "heads\n٣\n".encode(),
        COINS,
        f"DATA, row 2, column 'heads': '٣' is not a number, {WHOLE}",
    ),
    "a long cell": (
        b"heads\n" + b"x" * 1000 + b"\n",
        COINS,
        f"DATA, row 2, column 'heads': '{'x' * 37}...' is not a number, {WHOLE}",
    ),
    "a 2": (ITEMS + b"1,2,0\n", TWO_PL, "DATA, row 6, column 'item2': '2' does not fit, expected 0, 1 or empty"),
    "a half": (ITEMS + b"1,.5,0\n", TWO_PL, "DATA, row 6, column 'item2': '.5' does not fit, expected 0, 1 or empty"),
    "decimal comma": (
        b"item1;item2\n1;0\n0;1,0\n",
        TWO_PL,
        "DATA, row 3, column 'item2': '1,0' has a decimal comma, expected 0, 1 or empty",
    ),
    "control characters in a name": (
        b"item1,\x1b[31mred\n1,0\n0,9\n",
        TWO_PL,
        "DATA, row 3, column '\\x1b[31mred': '9' does not fit, expected 0, 1 or empty",
    ),
    "one item": (
        b"item1,frequency\n1,3\n0,2\n",
        TWO_PL,
        "DATA: 1 item column(s), expected at least 2 (columns of 0, 1 or empty)",
    ),
    "one item left": (
        b"item1,item2\n1,1\n1,0\n",
        TWO_PL,
        "DATA: 1 item(s) left to estimate, expected at least 2 (every examinee got item1 right: d[item1] diverges to "
        "+infinity, a[item1] is not identified)",
    ),
    "no item left": (
        b"item1,item2,item3\n1,0,1\n",
        TWO_PL,
        "DATA: 0 item(s) left to estimate, expected at least 2 (every examinee got item1 right: d[item1] diverges to "
        "+infinity, a[item1] is not identified, and 2 more)",
    ),
    "no heads column": (b"tails\n5\n", COINS, "DATA: no column 'heads', expected one; found tails"),
    "many columns and no heads": (
        b"a,b,c,d,e,f,g,h,i\n1,2,3,4,5,6,7,8,9\n",
        COINS,
        "DATA: no column 'heads', expected one; found a, b, c, d, e, f, g, h and 1 more",
    ),
    "heads above flips": (
        HEADS + b"11\n",
        COINS,
        "DATA, row 7, column 'heads': 11 heads, expected at most the 10 flips",
    ),
    "heads above the row's flips": (
        b"heads,flips\n3,4\n5,4\n",
        OWN_FLIPS,
        "DATA, row 3, column 'heads': 5 heads, expected at most the 4 flips",
    ),
    "negative heads": (HEADS + b"-1\n", COINS, f"DATA, row 7, column 'heads': '-1' does not fit, {WHOLE}"),
    "half a head": (HEADS + b"2.5\n", COINS, f"DATA, row 7, column 'heads': '2.5' does not fit, {WHOLE}"),
    "heads missing": (b"heads,id\n5,1\n,2\n", COINS, f"DATA, row 3, column 'heads': the cell is empty, {WHOLE}"),
    "heads NA": (HEADS + b"NA\n", COINS, f"DATA, row 7, column 'heads': 'NA' is not a number, {WHOLE}"),
    "too large for a double": (
        HEADS + b"1e400\n",
        COINS,
        f"DATA, row 7, column 'heads': '1e400' does not fit a double, {WHOLE}",
    ),
    "too large to count": (
        HEADS + b"1e17\n",
        COINS,
        f"DATA, row 7, column 'heads': '1e17' is above {2**53}, {WHOLE}",
    ),
    "no flips": (HEADS, OWN_FLIPS, "DATA: no column 'flips', expected one, or --flips N"),
    "a row of no flips": (
        b"heads,flips\n0,0\n",
        OWN_FLIPS,
        "DATA, row 2, column 'flips': '0' does not fit, expected a whole number, 1 or more",
    ),
    "flips twice": (
        b"heads,flips\n3,4\n",
        COINS,
        "--flips 10: DATA has a column 'flips', expected one of the two",
    ),
    "negative frequency": (
        b"item1,item2,frequency\n1,0,2\n0,1,-2\n",
        TWO_PL,
        f"DATA, row 3, column 'frequency': '-2' does not fit, {WHOLE}",
    ),
    "broken frequency": (
        b"heads,frequency\n1,2.5\n",
        COINS,
        f"DATA, row 2, column 'frequency': '2.5' does not fit, {WHOLE}",
    ),
    "frequencies all zero": (
        b"item1,item2,frequency\n1,0,0\n0,1,0\n",
        TWO_PL,
        f"DATA, column 'frequency': adds up to 0, expected from 1 to {2**53}",
    ),
    "frequencies too large together": (
        b"heads,frequency\n1,9e15\n2,9e15\n",
        COINS,
        f"DATA, column 'frequency': adds up to 1.8e+16, expected from 1 to {2**53}",
    ),
    "more coins than sequences": (
        HEADS,
        (*COINS, "--coins", "6"),
        "--coins 6: more coins than sequences, expected at most 5 for DATA",
    ),
}

# A good file, bad options.
BAD_OPTIONS = {
    "no coins": (HEADS, (*COINS, "--coins", "0"), f"--coins 0: expected {COUNT}"),
    "coins in words": (HEADS, (*COINS, "--coins", "two"), f"--coins two: expected {COUNT}"),
    "coins left out": (HEADS, COINS[:3], "Missing option '--coins' (see em-crosscheck compare coin-mixture --help)"),
    "negative flips": (HEADS, (*COINS, "--flips", "-1"), f"--flips -1: expected a whole number from 1 to {2**53}"),
    "flips beyond counting": (
        HEADS,
        (*COINS, "--flips", "1" + "0" * 20),
        f"--flips 1{'0' * 20}: expected a whole number from 1 to {2**53}",
    ),
    "prior of fixed weights": (
        HEADS,
        (*COINS, "--equal-weights", "--weight-prior", "2"),
        "--weight-prior: the weights are fixed by --equal-weights, expected one of the two",
    ),
    "weight prior": (
        HEADS,
        (*COINS, "--weight-prior", "nan"),
        "--weight-prior nan: expected a number from 1 to 10000",
    ),
    "weight prior in words": (
        HEADS,
        (*COINS, "--weight-prior", "flat"),
        "--weight-prior flat: expected a number from 1 to 10000",
    ),
    "bias prior of one number": (
        HEADS,
        (*COINS, "--bias-prior", "2"),
        "--bias-prior 2: expected two numbers 'a,b', both from 1 to 10000",
    ),
    "bias prior below 1": (
        HEADS,
        (*COINS, "--bias-prior", "2,0.5"),
        "--bias-prior 2,0.5: expected two numbers 'a,b', both from 1 to 10000",
    ),
    "one node": (ITEMS, (*TWO_PL, "--nodes", "1"), "--nodes 1: expected a whole number from 2 to 10000"),
    "no nodes": (ITEMS, (*TWO_PL, "--nodes", "0"), "--nodes 0: expected a whole number from 2 to 10000"),
    "too many nodes": (
        ITEMS,
        (*TWO_PL, "--nodes", "1000000000"),
        "--nodes 1000000000: expected a whole number from 2 to 10000",
    ),
    "no limit": (ITEMS, (*TWO_PL, "--limit", "0"), "--limit 0: expected a number from 0.5 to 30"),
    "infinite limit": (ITEMS, (*TWO_PL, "--limit", "inf"), "--limit inf: expected a number from 0.5 to 30"),
    "grid without weights": (
        ITEMS,
        (*TWO_PL, "--grid", "-1,0,1"),
        "--grid-weights: 0 weights, expected 3, one per node",
    ),
    "grid of one": (
        ITEMS,
        (*TWO_PL, "--grid", "0", "--grid-weights", "1"),
        "--grid: 1 nodes, expected 2 to 10000, with --grid-weights",
    ),
    "grid weight of zero": (
        ITEMS,
        (*TWO_PL, "--grid", "-1,1", "--grid-weights", "0,1"),
        "--grid-weights 0,1: expected a list of numbers from 1e-300 to 1000000",
    ),
    "grid in words": (ITEMS, (*TWO_PL, "--grid", "a,b"), "--grid a,b: expected a list of numbers from -30 to 30"),
    "scores": (ITEMS, (*TWO_PL, "--scores", "ml"), "--scores ml: expected one of: eap, map, mle"),
    "intercept prior": (
        ITEMS,
        (*TWO_PL, "--intercept-prior", "lognormal,0,1"),
        f"--intercept-prior lognormal,0,1: expected {NORMAL}",
    ),
    "slope prior": (
        ITEMS,
        (*TWO_PL, "--slope-prior", "normal,0"),
        f"--slope-prior normal,0: expected {NORMAL} or {LOGNORMAL}",
    ),
    "slope prior without width": (
        ITEMS,
        (*TWO_PL, "--slope-prior", "normal,0,0"),
        f"--slope-prior normal,0,0: expected {NORMAL} or {LOGNORMAL}",
    ),
    "start NaN": (
        HEADS,
        (*COINS, "--start", "weight=.5,.5;bias=nan,.5"),
        "--start, bias: 'nan' is not a number, expected numbers",
    ),
    "start infinite": (
        ITEMS,
        (*TWO_PL, "--start", "d=0,0,0;a=1,inf,1"),
        "--start, a: 'inf' is not a number, expected numbers",
    ),
    "start in words": (
        HEADS,
        (*COINS, "--start", "bias=low,high"),
        "--start, bias: 'low' is not a number, expected numbers",
    ),
    "start without name": (
        HEADS,
        (*COINS, "--start", "0.4,0.5"),
        "--start: '0.4,0.5', expected NAME=NUMBER,NUMBER,...;NAME=...",
    ),
    "start given twice": (
        HEADS,
        (*COINS, "--start", "bias=1,0;bias=0,1"),
        "--start: 'bias' is given twice, expected once",
    ),
    "start of an unknown": (
        HEADS,
        (*COINS, "--start", "tilt=1,0"),
        "--start: unknown parameter 'tilt', expected weight, bias",
    ),
    "start incomplete": (HEADS, (*COINS, "--start", "bias=1,0"), "--start: 'weight' is missing, expected weight, bias"),
    "start too short": (
        HEADS,
        (*COINS, "--start", "weight=.5,.5;bias=.5"),
        "--start, bias: 1 number(s), expected 2",
    ),
    "start beyond 1": (
        HEADS,
        (*COINS, "--start", "weight=.5,.5;bias=.5,1.5"),
        "--start: bias is 0.5, 1.5, expected numbers from 0 to 1",
    ),
    "start that does not add up": (
        HEADS,
        (*COINS, "--start", "weight=.5,.4;bias=.5,.6"),
        "--start: weight is 0.5, 0.4, expected numbers that add up to 1",
    ),
    "start that the prior forbids": (
        ITEMS,
        (*TWO_PL, "--slope-prior", "lognormal,0,1", "--start", "d=0,0,0;a=1,-1,1"),
        "--start: outside the parameter space, expected values that the model and its priors allow",
    ),
    "no starts": (HEADS, (*COINS, "--starts", "0"), "--starts 0: expected a whole number from 1 to 100000"),
    "negative starts": (HEADS, (*COINS, "--starts", "-5"), "--starts -5: expected a whole number from 1 to 100000"),
    "half a start": (HEADS, (*COINS, "--starts", "1.5"), "--starts 1.5: expected a whole number from 1 to 100000"),
    "negative seed": (HEADS, (*COINS, "--seed", "-1"), f"--seed -1: expected a whole number from 0 to {2**53}"),
    "format": (HEADS, (*COINS, "--format", "xyz"), "--format xyz: expected some of md,html,csv,json"),
    "no format": (HEADS, (*COINS, "--format", ""), "--format : expected some of md,html,csv,json"),
    "backend": (
        HEADS,
        (*COINS, "--backend", "slow"),
        "Invalid value for '--backend': 'slow' is not one of 'fast', 'default' (see em-crosscheck compare coin-mixture "
        "--help)",
    ),
    "name of another folder": (
        HEADS,
        (*COINS, "--name", "../up"),
        "--name ../up: expected letters, digits, '.', '_' or '-', as for a folder",
    ),
    "no such option": (
        HEADS,
        (*COINS, "--zzz"),
        "No such option '--zzz' (see em-crosscheck compare coin-mixture --help)",
    ),
    "no file": (
        HEADS,
        ("compare", "two-pl"),
        "Missing argument 'DATA.csv' (see em-crosscheck compare two-pl --help)",
    ),
    "no family": (HEADS, ("compare",), f"compare: no family is named, expected one of: {FAMILIES}"),
    "unknown family": (
        HEADS,
        ("compare", "three-pl", "DATA"),
        f"unknown family 'three-pl', expected one of: {FAMILIES}",
    ),
    "unknown problem": (
        HEADS,
        ("run", "coins", "dice"),
        f"unknown problem 'dice', expected one of: {PROBLEMS}",
    ),
    "unknown command": (HEADS, ("zzz",), "No such command 'zzz' (see em-crosscheck --help)"),
}


def everything_in(folder: Path) -> dict[str, bytes | None]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder with a report of an earlier run."""
    folder = tmp_path / "reports"
    for name in ("data", "coins"):
        (folder / name / "figures").mkdir(parents=True)
        (folder / name / "report.md").write_bytes(b"as it was\r\n")
        (folder / name / "figures" / "starts.svg").write_bytes(b"\x89")
    (folder / "README.md").write_text("index")
    return folder


def refused(arguments: tuple[str, ...], out: Path) -> str:
    """The one line of a command that must fail and must leave the reports alone."""
    before = everything_in(out)
    needs_out = len(arguments) > 1 and "--out" not in arguments
    result = CliRunner().invoke(main, [*arguments, "--out", str(out)] if needs_out else list(arguments))
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert everything_in(out) == before
    assert result.stderr.startswith("Error: ")
    assert result.stderr.endswith("\n")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("Error: ").removesuffix("\n")


@pytest.mark.parametrize("what", [*BAD_FILES, *BAD_OPTIONS])
def test_bad_input_is_refused_in_one_line(tmp_path: Path, out: Path, what: str) -> None:
    content, arguments, expected = (BAD_FILES | BAD_OPTIONS)[what]
    data = tmp_path / "data.csv"
    data.write_bytes(content)
    line = refused(tuple(str(data) if argument == "DATA" else argument for argument in arguments), out)
    assert line.replace(str(data), "DATA") == expected


def test_missing_file(tmp_path: Path, out: Path) -> None:
    line = refused((*COINS[:2], str(tmp_path / "none.csv"), "--coins", "2"), out)
    assert line == f"{tmp_path}/none.csv: cannot be read (No such file or directory), expected a CSV file"


def test_folder_instead_of_a_file(tmp_path: Path, out: Path) -> None:
    line = refused((*TWO_PL[:2], str(tmp_path)), out)
    assert line == f"{tmp_path}: cannot be read (Is a directory), expected a CSV file"


def test_file_name_that_cannot_be(out: Path) -> None:
    assert "cannot be read (File name too long), expected a CSV file" in refused((*TWO_PL[:2], "x" * 300), out)


def test_output_that_is_a_file(tmp_path: Path, out: Path) -> None:
    data, place = tmp_path / "data.csv", out / "README.md"
    data.write_bytes(HEADS)
    for folder, reason in ((place, "File exists"), (place / "deeper", "Not a directory")):
        line = refused((*COINS[:2], str(data), *COINS[3:], "--out", str(folder)), out)
        assert line == f"--out {folder}: cannot be made ({reason}), expected a folder"


def test_report_folder_that_is_a_file(tmp_path: Path, out: Path) -> None:
    data = tmp_path / "README.md.csv"
    data.write_bytes(HEADS)
    line = refused((*COINS[:2], str(data), *COINS[3:], "--name", "README.md", "--out", str(out)), out)
    assert line == f"--out {out}: holds a file 'README.md', expected a folder or nothing of that name"


def test_output_without_permission(tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "data.csv"
    data.write_bytes(HEADS)
    # A superuser may write anywhere: ask as somebody else would be answered.
    monkeypatch.setattr(os, "access", lambda path, mode: not (Path(path) == out and mode & os.W_OK))
    line = refused((*COINS[:2], str(data), *COINS[3:], "--out", str(out)), out)
    assert line == f"--out {out}: cannot be written, expected a folder of yours"


# --- what is taken ---

ROWS = [["1", "0", "1"], ["0", "", "0"], ["1", "1", "0"]]
TAKEN = {
    "plain": b"item1,item2,item3\n1,0,1\n0,,0\n1,1,0\n",
    "no line end at the end": b"item1,item2,item3\n1,0,1\n0,,0\n1,1,0",
    "byte-order mark": b"\xef\xbb\xbfitem1,item2,item3\n1,0,1\n0,,0\n1,1,0\n",
    "UTF-16": "item1,item2,item3\n1,0,1\n0,,0\n1,1,0\n".encode("utf-16"),
    "Windows": b"item1,item2,item3\r\n1,0,1\r\n0,,0\r\n1,1,0\r\n",
    "old Mac": b"item1,item2,item3\r1,0,1\r0,,0\r1,1,0\r",
    "semicolons": b"item1;item2;item3\n1;0;1\n0;;0\n1;1;0\n",
    "tabs": b"item1\titem2\titem3\n1\t0\t1\n0\t\t0\n1\t1\t0\n",
    "quotes": b'"item1","item2","item3"\n"1","0","1"\n"0","","0"\n1,1,0\n',
    "blank lines": b"\n \nitem1,item2,item3\n\n1,0,1\n0,,0\n\n1,1,0\n\n\n   \n",
    "rows of delimiters at the end": b"item1,item2,item3\n1,0,1\n0,,0\n1,1,0\n,,\n , ,\n",
    "spaces": b" item1 , item2,item3 \n 1, 0 ,1\n0,  ,0\n1,1,0 \n",
}


@pytest.mark.parametrize("how", TAKEN)
def test_each_way_to_write_the_same_table(tmp_path: Path, how: str) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(TAKEN[how])
    table = read_table(path)
    assert table.columns == ("item1", "item2", "item3")
    assert [[cell.strip() for cell in row] for row in table.cells] == ROWS
    values = numbers(table, table.columns, expected="0, 1 or empty", allowed=(0, 1), empty=True)
    np.testing.assert_array_equal(values, [[1, 0, 1], [0, np.nan, 0], [1, 1, 0]])


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16"])
def test_names_keep_their_accents(encoding: str) -> None:
    assert parse_table("Größe,naïve\n1,0\n".encode(encoding), "file").columns == ("Größe", "naïve")


def test_items_may_be_called_by_their_numbers() -> None:
    assert parse_table(b"1,2,3\n1,0,1\n", "file").columns == ("1", "2", "3")
    assert parse_table(b"1,2,frequency\n1,0,1\n", "file").columns == ("1", "2", "frequency")


@pytest.mark.parametrize(
    ("cell", "value"),
    [("7", 7), ("+7", 7), ("7.", 7), ("7.0", 7), ("70e-1", 7), ("007", 7), ("9007199254740992", 2**53)],
)
def test_ways_to_write_a_whole_number(cell: str, value: float) -> None:
    table = parse_table(f"heads\n{cell}\n".encode(), "file")
    assert numbers(table, ["heads"], expected="", whole=True) == value


@pytest.mark.parametrize("cell", ["", "NA", "nan", "NaN"])
def test_ways_to_leave_an_answer_out(cell: str) -> None:
    table = parse_table(f"item1,item2\n{cell},1\n".encode(), "file")
    assert np.isnan(numbers(table, ["item1"], expected="", empty=True)).all()


def test_a_large_file_is_read_in_seconds(tmp_path: Path) -> None:
    responses = np.random.default_rng(0).integers(0, 2, (100_000, 50))
    names = [f"item{i}" for i in range(50)]
    path = tmp_path / "large.csv"
    characters = np.full((100_000, 100), ord(","), dtype=np.uint8)
    characters[:, ::2] = responses + ord("0")
    characters[:, -1] = ord("\n")
    path.write_bytes(",".join(names).encode() + b"\n" + characters.tobytes())
    begin = time.process_time()
    table = read_table(path)
    values = numbers(table, names, expected="0, 1 or empty", allowed=(0.0, 1.0), empty=True)
    assert time.process_time() - begin < 5
    np.testing.assert_array_equal(values, responses)
    table.cells[77_777][33] = "x"
    with pytest.raises(InputError, match=r"row 77779, column 'item33': 'x' is not a number"):
        numbers(table, names, expected="0, 1 or empty", allowed=(0.0, 1.0), empty=True)
