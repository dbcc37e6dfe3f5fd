"""The catalogue: what its problems hold, how a new one is found, and how a malformed one is refused."""

import ast
import json
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from comparisons import catalogue, families
from comparisons.commands.main import main
from comparisons.errors import InputError
from em_reference.coin_mixture import CoinMixture
from em_reference.stopping import StopRule
from em_reference.two_pl import TwoPL

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
PACKAGE = Path(catalogue.__file__).parent

GOOD = """
title = "Two coins"
family = "coin-mixture"
data = "new.csv"
source = "nobody (2020)"
[options]
coins = 2
flips = 10
[start]
weight = [0.5, 0.5]
bias = [0.6, 0.5]
"""


def golden(name: str) -> dict:
    return json.loads((GOLDEN / name).read_text())


@pytest.mark.parametrize("name", catalogue.names())
def test_each_problem_says_what_it_is_and_loads(name: str) -> None:
    description, case = catalogue.describe(name), catalogue.load(name)
    assert description == (name, case.title, case.family, case.source)
    assert all(description)
    if case.start is not None:
        shapes = {key: values.shape for key, values in case.start.items()}
        assert shapes == case.shapes


def test_the_problems() -> None:
    names = catalogue.names()
    assert names == sorted(path.stem for path in PACKAGE.glob("*.toml"))
    assert {"coins", "lsat6", "lsat6-61", "two-coins", "two-coins-equal"} <= set(names)


def test_each_csv_belongs_to_a_problem() -> None:
    used = {tomllib.loads(path.read_text(encoding="utf-8"))["data"] for path in PACKAGE.glob("*.toml")}
    assert used == {path.name for path in PACKAGE.glob("*.csv")}


def test_coins_are_the_worked_example() -> None:
    case, expected = catalogue.load("coins"), golden("coins.json")
    assert isinstance(case.em, CoinMixture)
    np.testing.assert_array_equal(case.em.heads, expected["heads"])
    np.testing.assert_array_equal(case.em.flips, 10.0)
    np.testing.assert_array_equal(case.start["bias"], expected["start"]["phi"])
    np.testing.assert_array_equal(case.start["weight"], expected["start"]["weights"])
    assert case.em.fixed_weight is None


@pytest.mark.parametrize("name", ["lsat6", "lsat6-61"])
def test_lsat6_is_the_published_data_set(name: str) -> None:
    case, expected = catalogue.load(name), golden("lsat6.json")
    rows = np.loadtxt(GOLDEN / "lsat6.csv", delimiter=",", skiprows=1)
    assert isinstance(case.em, TwoPL)
    np.testing.assert_array_equal(case.em.responses, rows[:, :5])
    np.testing.assert_array_equal(case.em.frequencies, rows[:, 5])
    np.testing.assert_array_equal(case.start["d"], expected["start"]["d"])
    np.testing.assert_array_equal(case.start["a"], expected["start"]["a"])
    assert case.labels["d"] == ("item1", "item2", "item3", "item4", "item5")
    (published,) = case.published
    assert "mirt" in published.source
    np.testing.assert_array_equal(
        np.transpose([published.parameters["a"], published.parameters["b"]]), np.array(expected["mirt"]["rows"])[:, 1:]
    )
    assert set(published.parameters) <= {*case.labels, *case.derive(case.start)}


def test_lsat6_has_the_worked_settings() -> None:
    case, expected = catalogue.load("lsat6"), golden("lsat6.json")
    nodes, weights = case.em.grid
    np.testing.assert_array_equal(nodes, expected["nodes"])
    np.testing.assert_array_equal(weights, expected["weights"])
    assert weights.sum() == pytest.approx(1.000088, abs=1e-9)
    assert case.worked.stop == StopRule(tolerance=1e-4, rule="change")
    assert (case.worked.em.newton_tolerance, case.em.newton_tolerance) == (0.05, 1e-6)
    np.testing.assert_array_equal(case.worked.em.responses, case.em.responses)


def test_lsat6_61_has_mirts_grid() -> None:
    case = catalogue.load("lsat6-61")
    nodes, weights = case.em.grid
    np.testing.assert_allclose(nodes, np.linspace(-6, 6, 61))
    assert weights.sum() == pytest.approx(1, abs=1e-14)
    assert case.worked is None


def test_two_coins_are_those_of_do_and_batzoglou() -> None:
    equal, free = catalogue.load("two-coins-equal"), catalogue.load("two-coins")
    for case in (equal, free):
        np.testing.assert_array_equal(case.em.heads, [5, 9, 8, 4, 7])
        np.testing.assert_array_equal(case.em.flips, 10.0)
        np.testing.assert_array_equal(case.start["bias"], [0.6, 0.5])
    np.testing.assert_array_equal(equal.em.fixed_weight, [0.5, 0.5])
    assert equal.published[0].parameters == {"bias": [0.80, 0.52]}
    assert free.em.fixed_weight is None
    np.testing.assert_array_equal(free.start["weight"], [0.5, 0.5])


def test_nothing_in_the_catalogue_names_a_family() -> None:
    texts = {
        node.value
        for node in ast.walk(ast.parse((PACKAGE / "__init__.py").read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    for family in families.names():
        assert not [text for text in texts if family in text or family.replace("-", "_") in text]


# --- a problem of the user's own ---


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalogue of one problem."""
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    (tmp_path / "new.toml").write_text(GOOD)
    (tmp_path / "new.csv").write_text("heads\n5\n9\n8\n4\n7\n")
    (tmp_path / "README.md").write_text("not a problem")
    return tmp_path


def test_a_new_problem_is_two_files(folder: Path) -> None:
    assert catalogue.names() == ["new"]
    case = catalogue.load("new")
    assert (case.name, case.title, case.source) == ("new", "Two coins", "nobody (2020)")
    np.testing.assert_array_equal(case.start["bias"], [0.6, 0.5])
    assert (case.published, case.worked) == ((), None)


def test_a_problem_may_do_without_options_start_and_more(folder: Path) -> None:
    (folder / "new.toml").write_text('title = "t"\nfamily = "two-pl"\ndata = "new.csv"\nsource = "s"\n')
    (folder / "new.csv").write_text("item1,item2\n1,0\n0,1\n1,1\n")
    case = catalogue.load("new")
    assert case.start is None
    assert len(case.em.grid[0]) == 61


def test_worked_settings_of_the_em_are_the_familys(folder: Path) -> None:
    (folder / "new.toml").write_text(GOOD + '[worked]\nrule = "change"\ntolerance = 0.01\nmax-cycles = 7\n')
    case = catalogue.load("new")
    assert case.worked.stop == StopRule(0.01, "change", 7)
    assert case.worked.em is case.em


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


TWO_PL = 'title = "t"\nfamily = "two-pl"\ndata = "items.csv"\nsource = "s"\n'
MALFORMED = {
    "not TOML": ("title = = 1", "new.toml: not valid TOML (Invalid value (at line 1, column 9))"),
    "no title": (
        changed('title = "Two coins"', ""),
        "new.toml: 'title' is missing, expected title, family, data, source",
    ),
    "title of another kind": (changed('"Two coins"', "2"), "new.toml: 'title' is 2, expected text"),
    "options of another kind": (
        changed("[options]\ncoins = 2\nflips = 10", 'options = "--coins 2"'),
        "new.toml: 'options' is '--coins 2', expected a [table]",
    ),
    "unknown key": (
        changed("[start]", "[begin]"),
        "new.toml: unknown key 'begin', expected some of: title, family, data, source, options, start, worked, "
        "tables, published, certified",
    ),
    "unknown family": (
        changed("coin-mixture", "dice"),
        f"new.toml: unknown family 'dice', expected one of: {', '.join(families.names())}",
    ),
    "no such data": (
        changed("new.csv", "old.csv"),
        "old.csv: cannot be read (No such file or directory), expected a CSV file",
    ),
    "bad data": (
        changed("flips = 10", "flips = 8"),
        "new.csv, row 3, column 'heads': 9 heads, expected at most the 8 flips",
    ),
    "unknown option": (
        changed("coins = 2", "dice = 2"),
        "new.toml: unknown option 'dice', expected some of: coins, flips, equal-weights, weight-prior, bias-prior",
    ),
    "missing option": (
        changed("coins = 2", ""),
        "new.toml: option 'coins' is missing, expected number of coins (components)",
    ),
    "option of another kind": (
        changed("coins = 2", 'coins = "2"'),
        "new.toml: option 'coins' is '2', expected a whole number from 1 to 100",
    ),
    "option that is true": (
        changed("coins = 2", "coins = true"),
        "new.toml: option 'coins' is True, expected a whole number from 1 to 100",
    ),
    "grid of words": (
        TWO_PL + '[options]\ngrid = ["a"]',
        "new.toml: option 'grid' is ['a'], expected a list of numbers from -30 to 30",
    ),
    "impossible option": (
        changed("coins = 2", "coins = 0"),
        "new.toml: option 'coins' is 0, expected a whole number from 1 to 100",
    ),
    "start of an unknown": (
        changed("bias", "tilt"),
        "new.toml: [start]: unknown parameter 'tilt', expected weight, bias",
    ),
    "start in words": (
        changed("[0.6, 0.5]", '["high", "low"]'),
        "new.toml: [start], bias: ['high', 'low'], expected a list of numbers",
    ),
    "start that is infinite": (
        changed("[0.6, 0.5]", "[0.6, inf]"),
        "new.toml: [start]: bias[coin2] is inf, expected a finite number",
    ),
    "stop rule": (
        GOOD + '[worked]\nrule = "never"',
        "new.toml: [worked]: rule must be 'remaining' or 'change', got 'never'",
    ),
    "setting of the EM that the family has not": (
        GOOD + "[worked]\ntolerance = 0.1\nnewton-tolerance = 0.05",
        "new.toml: [worked]: unknown setting 'newton-tolerance', the EM of this family has none",
    ),
    "setting of the EM that no family has": (
        TWO_PL + "[worked]\ntemperature = 0.05",
        "new.toml: [worked]: settings temperature: missing a required argument: 'newton_tolerance'",
    ),
    "setting of the EM in words": (
        TWO_PL + '[worked]\nnewton-tolerance = "small"',
        "new.toml: [worked]: newton-tolerance is 'small', expected a positive number",
    ),
    "published without source": (
        GOOD + "[[published]]\nbias = [0.8, 0.5]",
        "new.toml: [[published]]: expected a table with a 'source' and lists of estimates",
    ),
    "published too short": (
        GOOD + '[[published]]\nsource = "x"\nbias = [0.8]',
        "new.toml: [[published]]: 'bias' is [0.8], expected a list of 2 numbers",
    ),
    "published of an unknown": (
        GOOD + '[[published]]\nsource = "x"\ntilt = [0.8, 1, 2]',
        "new.toml: [[published]]: 'tilt' is [0.8, 1, 2], expected a list of 2 numbers",
    ),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_malformed_problem_is_refused_in_one_line(folder: Path, what: str) -> None:
    text, expected = MALFORMED[what]
    (folder / "new.toml").write_text(text)
    (folder / "items.csv").write_text("item1,item2\n1,0\n0,1\n1,1\n")
    with pytest.raises(InputError) as error:
        catalogue.load("new")
    assert str(error.value) == expected
    result = CliRunner().invoke(main, ["run", "new", "--out", str(folder / "out")])
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"Error: {expected}\n")
    assert not (folder / "out").exists()


def test_not_text(folder: Path) -> None:
    (folder / "new.toml").write_bytes(b'title = "\xff"')
    with pytest.raises(InputError, match=r"new\.toml: not valid TOML"):
        catalogue.describe("new")


def test_list_shows_the_others_beside_a_malformed_one(folder: Path) -> None:
    (folder / "bad.toml").write_text("title")
    result = CliRunner().invoke(main, ["list"])
    assert result.exit_code == 2
    assert result.stdout == "new\tTwo coins\tcoin-mixture\tnobody (2020)\n"
    assert result.stderr.startswith("Error: bad.toml: not valid TOML")


def test_an_unknown_problem() -> None:
    with pytest.raises(InputError, match="unknown problem 'dice', expected one of: "):
        catalogue.load("dice")


@pytest.mark.parametrize("name", catalogue.names())
def test_tables_named_by_the_source_are_tables_of_the_first_cycle(name):
    case = catalogue.load(name)
    assert set(case.tables) <= set(case.first_cycle(case.start) if case.start is not None else ())
    if name == "coins":
        assert [re.search(r"6\.\d", printed).group() for printed in case.tables.values()] == [
            "6.1",
            "6.2",
            "6.3",
            "6.4",
        ]
