"""A ladder of models: what it shows, and that a larger model with a lower maximum is found out."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from comparisons import crosscheck, read_case
from comparisons.commands.main import main
from comparisons.cross_check.ladder import ladder_flags, ladder_table
from comparisons.report.ladder import page

HEADS = "heads\n5\n9\n8\n4\n7\n1\n0\n2\n9\n10\n"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory):
    path = tmp_path_factory.mktemp("ladder") / "heads.csv"
    path.write_text(HEADS)
    return {coins: crosscheck(read_case("coin-mixture", path, coins=coins, flips=10), 4) for coins in (1, 2)}


def test_statistics_are_those_of_their_definitions(results) -> None:
    table = ladder_table("coins", results).set_index("coins")
    assert table["parameters"].tolist() == [1, 3]
    one = table.loc[1]
    heads, share = np.array([5, 9, 8, 4, 7, 1, 0, 2, 9, 10]), 0.55
    from scipy.stats import binom

    assert one["log_likelihood"] == pytest.approx(binom.logpmf(heads, 10, share).sum(), rel=1e-10)
    assert one["aic"] == pytest.approx(2 - 2 * one["log_likelihood"])
    two = table.loc[2]
    assert two["bic"] == pytest.approx(3 * np.log(10) - 2 * two["log_likelihood"])
    assert [float(size) for size in two["sizes"].split()] == pytest.approx(
        sorted(results[2].optima[0].point.natural["weight"], reverse=True), abs=5e-4
    )
    assert table["starts"].tolist() == [4, 4]


def test_a_maximum_below_that_of_a_special_case_is_found_out(results) -> None:
    assert ladder_flags("coins", results) == ()
    # Two coins that only found the maximum of one, less a little.
    best = results[1].optima[0]
    lower = replace(best, point=replace(best.point, log_likelihood=best.log_likelihood - 1e-3))
    flags = ladder_flags("coins", {1: results[1], 2: replace(results[2], optima=[lower])})
    assert [flag.code for flag in flags] == ["lower_maximum"]
    assert "2 coins reach" in flags[0].message
    assert "more starts are needed" in flags[0].message


def test_the_page_marks_the_smallest(results) -> None:
    text = page("heads", "coins", results, "em-crosscheck compare ...")
    assert text.startswith("# heads: ladder of coins\n\nNo number of coins has a lower maximum than a smaller one.\n")
    row = next(line for line in text.splitlines() if line.startswith("| 2 |"))
    assert row.count("\\*") == 2


def test_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("heads.csv").write_text(HEADS)
    command = [
        "compare",
        "coin-mixture",
        "heads.csv",
        "--coins",
        "1:2",
        "--flips",
        "10",
        "--starts",
        "2",
        "--format",
        "md",
    ]
    result = CliRunner().invoke(main, command)
    assert (result.exit_code, result.stderr) == (0, "")
    tail = result.stdout[result.stdout.index("Ladder of coins") :]
    assert max(map(len, tail.splitlines())) <= 80
    assert "Ladder: reports/heads-coin-mixture.md" in tail
    found = sorted(path.name for path in Path("reports").iterdir())
    assert found == [
        "heads-coin-mixture-1",
        "heads-coin-mixture-2",
        "heads-coin-mixture.csv",
        "heads-coin-mixture.md",
        "manifest.json",
    ]
    assert "--coins 1:2" in Path("reports/heads-coin-mixture.md").read_text()
    again = CliRunner().invoke(main, [*command, "--seed", "3"])
    assert again.exit_code == 2
    assert "written with other settings" in again.stderr


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("2:2", "--coins 2:2: expected a whole number from 1 to 100, or a range as 1:6"),
        ("3:1", "expected a whole number"),
        ("1:", "expected a whole number"),
        ("0:2", "expected a whole number"),
    ],
)
def test_bad_ranges(given: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "heads.csv").write_text(HEADS)
    result = CliRunner().invoke(
        main, ["compare", "coin-mixture", str(tmp_path / "heads.csv"), "--coins", given, "--flips", "10"]
    )
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_start_is_for_one_number(tmp_path: Path) -> None:
    (tmp_path / "heads.csv").write_text(HEADS)
    command = [
        "compare",
        "coin-mixture",
        str(tmp_path / "heads.csv"),
        "--coins",
        "1:2",
        "--flips",
        "10",
        "--start",
        "bias=.5",
    ]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 2
    assert "--start with --coins of several" in result.stderr
