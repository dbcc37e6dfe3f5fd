"""CSV that a spreadsheet may open: text stays text, numbers keep all their digits."""

import csv
import io

import numpy as np
import pandas as pd
import pytest

from comparisons.families import two_pl
from comparisons.writing.spreadsheet import csv_bytes


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\n=1", "\uff1d1", "=cmd|' /C calc'!A0"])
def test_text_that_would_be_a_formula_is_quoted(text: str) -> None:
    frame = pd.DataFrame({text: [1.0, -2.5], "name": [text, "plain"], "mixed": [text, -3]})
    header, first, second = csv.reader(io.StringIO(csv_bytes(frame).decode(), newline=""))
    assert header == [f"'{text}", "name", "mixed"]
    assert first == ["1.0", f"'{text}", f"'{text}"]
    assert second == ["-2.5", "plain", "-3"]


def test_all_else_is_as_it_was() -> None:
    frame = pd.DataFrame(
        {
            "a b": [1 / 3, -np.inf, np.nan],
            "c": ["x=1", "a, \"b\"", ""],
            "d": pd.array([1, None, -3], dtype="Int64"),
            "e": [True, False, True],
            "f": [None, "-", " -1"],
            "g": ["\r=1", "a\rb", ""],
        }
    )  # fmt: skip
    frame = frame.rename(columns={"e": "c"})  # two columns of one name
    expected = 'a b,c,d,c,f,g\n0.3333333333333333,x=1,1,True,,\\r=1\n-inf,"a, ""b""",,False,\'-,a\\rb\n,,-3,True, -1,\n'
    assert csv_bytes(frame) == expected.encode()


ANSWERS = np.array([[1, 0, 1, 0], [0, 1, 1, 0], [1, 1, 0, 1], [1, np.nan, 1, 1]], dtype=float)


@pytest.mark.parametrize("name", ["theta", "standard_error", "method", "frequency"])
def test_an_item_may_be_called_as_a_column_of_the_scores(name: str) -> None:
    items = (name, f"item {name}", "row", "pattern")
    tables = two_pl.bind("odd", ANSWERS, items, scores="eap").extra_tables({"d": np.zeros(4), "a": np.ones(4)})
    plain = two_pl.bind("odd", ANSWERS, tuple("abcd"), scores="eap").extra_tables({"d": np.zeros(4), "a": np.ones(4)})
    found, expected = tables["scores_by_pattern"], plain["scores_by_pattern"]
    assert list(expected) == [*"abcd", "frequency", "theta", "standard_error", "method"]
    assert list(found) == [f"item item {name}", f"item {name}", "row", "pattern", *list(expected)[4:]]
    assert found.set_axis(list(expected), axis=1).equals(expected)
    assert tables["scores"].equals(plain["scores"])
    assert list(tables["scores"]) == ["row", "theta", "standard_error", "method"]
