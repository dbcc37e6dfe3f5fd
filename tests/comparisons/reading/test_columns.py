"""Which columns are items: --id, --items, --drop, a flag on columns that are none, and missing answers counted."""

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from comparisons import families
from comparisons.case import Case, Flag, InputError
from comparisons.commands.main import main
from comparisons.families._no_item import names_of_no_item, no_items
from comparisons.reading.tables import parse_table

FAMILIES = ("two-pl", "common-slope")
TEXT = "student,q1,q2,q10,group,frequency\nann,1,0,1,0,1\nbob,0,1,0,1,2\ncy,1,,0,1,1\ndee,0,0,1,0,1\n"


def read(text: str, family: str = "two-pl", **options: Any) -> Case:
    module = families.family(family)
    return module.read("x", parse_table(text.encode(), "x.csv"), families.settle(module, options))


def flags(case: Case, code: str) -> list[str]:
    return [flag.message for flag in case.flags if flag.code == code]


def simulated(slopes: Any, examinees: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    slopes = np.asarray(slopes, dtype=float)
    logit = rng.normal(0, 1, len(slopes)) + slopes * rng.normal(size=(examinees, 1))
    return (rng.random(logit.shape) < 1 / (1 + np.exp(-logit))).astype(float)


def names(responses: np.ndarray) -> list[str]:
    return [f"q{place + 1}" for place in range(responses.shape[1])]


def flagged(responses: np.ndarray, counts: np.ndarray | None = None) -> list[str]:
    return [flag.message.split(" ")[0] for flag in no_items(names(responses), (), responses, counts)]


# --- the options ---


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("options", "items", "unused"),
    [
        ({"id": "student"}, ("q1", "q2", "q10", "group"), None),
        ({"id": "student", "drop": "group"}, ("q1", "q2", "q10"), "group"),
        ({"items": "q10,q1"}, ("q1", "q10"), "student, q2, group"),
        ({"items": "q*"}, ("q1", "q2", "q10"), "student, group"),
        ({"items": "q?"}, ("q1", "q2"), "student, q10, group"),
        ({"items": " q1 , *0", "id": "student"}, ("q1", "q10"), "q2, group"),
        ({"items": "q*", "drop": "q1"}, ("q2", "q10"), "student, q1, group"),
        ({"drop": "st*,gr*"}, ("q1", "q2", "q10"), "student, group"),
    ],
)
def test_columns_are_chosen(family: str, options: dict[str, str], items: tuple[str, ...], unused: str | None) -> None:
    case = read(TEXT, family, **options)
    assert case.labels["d"] == items
    assert flags(case, "unused_column") == ([] if unused is None else [f"not used: column {unused}"])
    assert case.em.e_step(case.to_em(case.draw_start(np.random.default_rng(0)))) is not None


def test_names_with_commas_and_stars_are_named_as_they_are() -> None:
    text = '"a,b",q*,qq,z\n1,0,1,1\n0,1,1,0\n1,1,0,0\n'
    assert read(text, items='"a,b",q*').labels["d"] == ("a,b", "q*")


def test_the_way_out_can_be_pasted_into_a_shell() -> None:
    text = '"sex, f","it\'s",c,d\n1,0,1,7\n0,1,0,8\n1,1,0,9\n'
    with pytest.raises(InputError, match=r"--id d .* --drop d$"):
        read(text)
    (message,) = flags(read(text, drop="d"), "column_no_item")
    way_out = shlex.split(message.partition("; --drop ")[2].partition(" leaves")[0])
    assert read(text, drop=f"d,{way_out[0]}").labels["d"] == ("it's", "c")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "column 'student': 'ann' is not a number, expected 0, 1 or empty; a column that is no item: --id student"),
        ({"id": "studnt"}, "--id studnt: x.csv has no such column, nearest: student"),
        ({"items": "q1,Q2"}, "--items Q2: x.csv has no such column, nearest: q2"),
        ({"drop": "grup"}, "--drop grup: x.csv has no such column, nearest: group"),
        ({"items": "z*"}, "--items z*: no column of x.csv fits, expected one of: student, q1, q2, q10, group"),
        ({"items": "q1,,q2"}, "--items: an empty name"),
        ({"items": ""}, "--items: an empty name"),
        ({"drop": "q1\nq2"}, "expected column names or patterns with commas between"),
        ({"items": "frequency,q1"}, "--items frequency: the column says how often a row was seen"),
        ({"id": "frequency"}, "--id frequency: the column says how often a row was seen"),
        ({"items": "q1,q2,student", "id": "student"}, "'student' is the column of --id"),
        ({"items": "q1,q2", "drop": "q2"}, "'q2' is also named in --items"),
        ({"items": "q1"}, "x.csv: 1 item column(s), expected at least 2"),
        ({"id": "student", "drop": "*"}, "x.csv: 0 item column(s), expected at least 2"),
    ],
)
def test_what_cannot_be_chosen_is_one_line(family: str, options: dict[str, str], message: str) -> None:
    with pytest.raises(InputError) as refused:
        read(TEXT, family, **options)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_one_wrong_cell_of_an_item_is_no_reason_to_leave_it_out() -> None:
    with pytest.raises(InputError) as refused:
        read("a,b\n1,0\n0,1\n1,1\n2,0\n")
    assert str(refused.value) == "x.csv, row 5, column 'a': '2' does not fit, expected 0, 1 or empty"


@pytest.mark.parametrize(
    ("family", "text", "options"),
    [
        ("coin-mixture", "who,heads\n1,5\n2,6\n", {"coins": 1, "flips": 10}),
        ("poisson-mixture", "who,count\n1,5\n2,6\n", {"components": 1}),
        ("genetic-linkage", "who,frequency\n1,125\n2,18\n3,20\n4,34\n", {}),
    ],
)
def test_every_family_names_the_columns_that_it_does_not_use(family: str, text: str, options: dict[str, Any]) -> None:
    assert read(text, family, **options).flags == (Flag("unused_column", "not used: column who"),)


# --- names ---


@pytest.mark.parametrize(
    "name",
    ["group", "Gender", "SEX", "sex_f", "is.female", "treatA", "Treatment", "StudentID", "id", "age", "wave2", "site",
     "schoolNr", "ARM", "condition", "weight", "count", "N", "Freq", "total", "score", "sum", "class", "male"],
)  # fmt: skip
def test_a_name_that_is_no_items_is_flagged(name: str) -> None:
    assert list(names_of_no_item(["item1", "item2", "item3", name])) == [name]


@pytest.mark.parametrize(
    "items",
    [
        ["item1", "item2", "q3", "Q4a"],
        ["sum1", "sum2", "sum3"],
        list("abcdefghijklmnop"),
        ["n1", "n2", "e1", "e2"],
        ["discount", "message", "stage", "sextant", "idea"],
        ["union", "director", "wage_talks"],
    ],
)
def test_names_of_items_are_not(items: list[str]) -> None:
    assert names_of_no_item(items) == {}


def test_a_flag_says_why_and_the_way_out_and_the_column_is_still_an_item() -> None:
    case = read(TEXT, id="student")
    (message,) = flags(case, "column_no_item")
    assert message.startswith("group is taken for an item and may be none: its name has the word 'group'")
    assert "--drop group leaves it out" in message
    assert "--items" in message
    assert "group" in case.labels["a"]
    assert flags(read(TEXT, items="q1,q2,q10,group"), "column_no_item") == []
    assert len(flags(read(TEXT, items="q*,g*"), "column_no_item")) == 1
    assert flags(read(TEXT, id="student", drop="group"), "column_no_item") == []


# --- behaviour ---


@pytest.mark.parametrize("seed", range(5))
def test_a_thrown_coin_among_items_is_flagged(seed: int) -> None:
    items = simulated(np.full(10, 1.2), 3_000, seed)
    coin = np.random.default_rng(seed + 100).integers(0, 2, (3_000, 1))
    assert flagged(np.hstack([items, coin])) == ["q11"]
    patterns, counts = np.unique(np.hstack([coin, items]), axis=0, return_counts=True)
    assert flagged(patterns, counts.astype(float)) == ["q1"]


def test_an_item_that_falls_where_the_others_rise_is_flagged() -> None:
    items = simulated([1.2, 1.0, 1.5, 0.9, 1.1, 1.3], 2_000, 3)
    items[:, 2] = 1 - items[:, 2]
    assert flagged(items) == ["q3"]


def test_a_group_in_blocks_of_rows_is_flagged() -> None:
    items = simulated([1.2, 1.0, 0.8, 0.9], 300, 8)
    group = (np.arange(300) >= 140).astype(float)[:, None]
    (flag,) = no_items([*"abcd", "x"], (), np.hstack([items, group]), None)
    assert "stand in blocks of rows" in flag.message
    assert flagged(np.hstack([items, group])[np.random.default_rng(0).permutation(300)]) == []


@pytest.mark.parametrize("examinees", [5, 200, 1_000, 5_000])
@pytest.mark.parametrize("slopes", [np.full(5, 0.3), np.linspace(0.3, 2, 8), [0.3, 4, 4, 4, 4], [0.3, 1.5, 1.5]])
def test_items_of_any_slope_from_a_third_are_not(slopes: Any, examinees: int) -> None:
    assert [flagged(simulated(slopes, examinees, seed)) for seed in range(10)] == [[]] * 10


def test_missing_answers_do_not_make_a_column_suspect() -> None:
    items = simulated(np.linspace(0.4, 1.5, 8), 2_000, 6)
    items[np.random.default_rng(7).random(items.shape) < 0.4] = np.nan
    assert flagged(items) == []


def test_a_perfect_scale_and_sorted_files_are_not(make_lsat6: Any) -> None:
    ability = np.linspace(-3, 3, 600)
    guttman = (ability[:, None] > np.linspace(-1.5, 1.5, 6)).astype(float)
    assert flagged(guttman) == flagged(guttman[np.random.default_rng(1).permutation(600)]) == []
    items = simulated([1.2, 1.0, 0.8, 0.9], 500, 2)
    assert flagged(items[np.lexsort(items.T)]) == []
    assert flagged(items[np.argsort(items.sum(axis=1))]) == []
    data = make_lsat6().audit.data
    assert flagged(data["responses"], data["frequencies"]) == []


# --- ids and missing answers in what is written ---


def test_ids_go_into_the_scores_and_missing_answers_into_the_report(tmp_path: Path) -> None:
    items = simulated([1.2, 1.0, 0.8], 60, 5).astype(int).astype(str)
    items[[3, 17, 17], [0, 1, 2]] = ""
    rows = [f"s{place:02d},{','.join(row)},{place % 2}" for place, row in enumerate(items)]
    data = tmp_path / "data.csv"
    data.write_text("\n".join(["who,q1,q2,q3,sex", *rows]) + "\n")
    command = ["compare", "two-pl", str(data), "--id", "who", "--drop", "sex", "--scores", "eap", "--starts", "1"]
    done = CliRunner().invoke(main, [*command, "--out", str(tmp_path), "--format", "md,csv,json"])
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0] == "data-two-pl  3 items, 60 examinees, 3 answers missing"
    assert "unused_column: not used: column sex" in done.stdout
    folder = tmp_path / "data-two-pl"
    scores = pd.read_csv(folder / "scores.csv")
    assert list(scores["id"]) == [f"s{place:02d}" for place in range(60)]
    report = (folder / "report.md").read_text()
    assert "| responses | 180, of which 3 missing (1.7 %) |" in report
    assert "--id who --drop sex" in report
    assert json.loads((folder / "summary.json").read_text())["missing_answers"] == 3


@pytest.mark.parametrize("family", FAMILIES)
def test_missing_answers_are_counted_with_the_frequencies(family: str) -> None:
    case = read("a,b,frequency\n1,0,600\n0,,300\n0,1,1600\n", family)
    assert case.settings["responses"] == "5,000, of which 300 missing (6.0 %)"
    assert case.missing_answers == 300
    assert "2500 examinees, 300 answers missing" in case.title
    full = read("a,b,frequency\n1,0,600\n0,1,300\n", family)
    assert full.settings["responses"] == "1,800, none missing"
    assert "missing" not in full.title


def test_adjudicate_reads_the_same_columns(tmp_path: Path) -> None:
    responses = simulated([1.2, 1.0, 1.1], 400, 9).astype(int)
    data, given = tmp_path / "data.csv", tmp_path / "given.csv"
    lines = ["who,q1,q2,q3,sex", *(f"s{i},{','.join(map(str, row))},{i % 2}" for i, row in enumerate(responses))]
    data.write_text("\n".join(lines) + "\n")
    given.write_text("item,d,a\nq1,0,1\nq2,0,1\nq3,0,1\nsex,0,0\n")
    command = ["adjudicate", "two-pl", str(data), str(given), "--starts", "2"]
    refused = CliRunner().invoke(main, command)
    assert refused.exit_code == 2
    assert "--id who" in refused.stderr
    done = CliRunner().invoke(main, [*command, "--id", "who", "--items", "q*"])
    assert done.exit_code == 1
    assert "note: not used: column sex" in done.stdout
    assert "note: not used: item sex, which is not estimated from the data" in done.stdout
