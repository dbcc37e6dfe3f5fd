"""A data file and options become a case in one way, from Python and on the command line."""

import doctest
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import comparisons
from comparisons.commands.main import main
from comparisons.families import _read_case
from comparisons.reading.tables import read_table

HEADS = "heads\n5\n9\n8\n4\n7\n"
START = {"bias": [0.4, 0.5], "weight": [0.25, 0.75]}


@pytest.fixture
def heads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("my heads.csv").write_text(HEADS)
    return "my heads.csv"


def test_the_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = doctest.testmod(_read_case)
    assert (found.failed, found.attempted) == (0, 6)


def test_a_case_knows_its_file_and_its_name(heads: str) -> None:
    case = comparisons.read_case("coin-mixture", heads, coins=2, flips=10)
    assert (case.name, case.source, case.family) == ("my-heads-coin-mixture", heads, "coin-mixture")
    assert comparisons.read_case("coin-mixture", heads, name="own", coins=2, flips=10).name == "own"
    of_table = comparisons.read_case("coin-mixture", read_table(heads), coins=2, flips=10)
    assert (of_table.name, of_table.source) == (case.name, case.source)


@pytest.mark.parametrize(
    "start",
    [
        START,
        {name: tuple(values) for name, values in START.items()},
        {name: np.array(values) for name, values in START.items()},
        "bias=0.4,0.5;weight=0.25,0.75",
    ],
)
def test_a_start_comes_first(heads: str, start: Any) -> None:
    case = comparisons.read_case("coin-mixture", heads, start=start, coins=2, flips=10)
    assert case.start is not None
    np.testing.assert_array_equal(case.start["bias"], START["bias"])
    np.testing.assert_array_equal(case.start["weight"], START["weight"])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"family": "coins"}, "unknown family 'coins', expected one of: bayes-net, bivariate-normal"),
        ({"data": "none.csv"}, "none.csv: cannot be read (No such file or directory)"),
        ({"coins": None}, "option 'coins' is missing, expected number of coins (components)"),
        ({"coins": 2.5}, "option 'coins' is 2.5, expected a whole number from 1 to 100"),
        ({"coin": 2}, "unknown option 'coin', expected some of: coins, flips, equal-weights"),
        ({"flips": 8}, "my heads.csv, row 3, column 'heads': 9 heads, expected at most the 8 flips"),
        ({"start": {"bias": [0.4, 0.5]}}, "start: 'weight' is missing, expected weight, bias"),
        ({"start": START | {"bias": [0.4, 1.5]}}, "start: "),
        ({"start": "bias=0.4,0.5"}, "--start: 'weight' is missing, expected weight, bias"),
    ],
)
def test_bad_input_is_one_line(heads: str, given: dict[str, Any], said: str) -> None:
    call = {"family": "coin-mixture", "data": heads, "coins": 2, "flips": 10, **given}
    with pytest.raises(comparisons.InputError) as caught:
        comparisons.read_case(**call)
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


def test_every_command_reads_in_this_way(heads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("estimates.csv").write_text("coin,weight,bias\n1,0.5,0.8\n2,0.5,0.52\n")
    Path("my_em.py").write_text("class EM: ...\n")
    asked: list[tuple[str, dict[str, Any]]] = []

    def read_case(family: str, _: object, *, name: str | None = None, start: object = None, **options: Any) -> None:
        asked.append((family, {key: value for key, value in options.items() if value}))
        raise comparisons.InputError("seen")

    monkeypatch.setattr(_read_case, "read_case", read_case)
    monkeypatch.syspath_prepend(".")
    options = ["--option", "coins=2", "--option", "flips=10"]
    for command in (
        ["compare", "coin-mixture", heads, "--coins", "2", "--flips", "10", "--out", "out"],
        ["adjudicate", "coin-mixture", heads, "estimates.csv", "--coins", "2", "--flips", "10"],
        ["check", "my_em:EM", "--family", "coin-mixture", "--data", heads, *options],
    ):
        found = CliRunner().invoke(main, command)
        assert (found.exit_code, found.stderr) == (2, "Error: seen\n")
    assert asked == 3 * [("coin-mixture", {"coins": 2, "flips": 10})]
