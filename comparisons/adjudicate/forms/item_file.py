"""Which column of a file holds intercepts or difficulties, which slopes, and which row is which item."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from comparisons.adjudicate.estimates import Estimates, by_column, ones, read_column
from comparisons.adjudicate.forms.headers import find_column, missing_role, unused_columns
from comparisons.adjudicate.forms.item_names import item_column, row_order
from comparisons.adjudicate.forms.layouts import read_sheet
from comparisons.adjudicate.forms.layouts.roles import NAMELESS, Role, Vocabulary, plain
from comparisons.case import Case, InputError
from comparisons.reading.columns import FREQUENCY
from comparisons.reading.tables import Table, numbers

ITEM = Role("item", ("item", "items", "itemname", "itemid", "label", "variable", "name", "question", plain(NAMELESS)))
INTERCEPT = Role("intercept", ("d", "intercept", "intercepts", "d1", "easiness", "zeta", "(intercept)", "int"))
DIFFICULTY = Role("difficulty", ("b", "difficulty", "difficulties", "b1", "dffclt", "diff", "location", "beta"))
# TAM: the logit is B theta - AXsi.
XSI = Role("xsi", ("axsicat1", "axsi", "xsi"))
SLOPE = Role(
    "slope",
    ("a", "slope", "slopes", "a1", "discrimination", "discriminations", "discrimination1", "dscrmn", "disc", "discr",
     "discrim", "z1", "alpha", "bcat1dim1"),
)  # fmt: skip
ROLES = (ITEM, INTERCEPT, DIFFICULTY, XSI, SLOPE)
# What a first column is read as; b is -d / a.
QUANTITY = {INTERCEPT.name: "d", DIFFICULTY.name: "b", XSI.name: "-d"}
# Columns of other models that must not say anything: lower and upper asymptote.
ASYMPTOTES = {"g": 0.0, "c": 0.0, "guessing": 0.0, "gussng": 0.0, "u": 1.0}
BESIDE = tuple(ASYMPTOTES)
# c may be this far from -a b, beside 1 + |c|, where few digits are printed.
LETTERS_AGREE = 0.05


class Letters(NamedTuple):
    """What the letters c and d mean in a file: they are intercepts in some packages and asymptotes in others.

    Attributes
    ----------
    intercept : Role
    asymptotes : dict
        The value that each must have in a 2PL.
    notes : tuple of str
    """

    intercept: Role = INTERCEPT
    asymptotes: Mapping[str, float] = ASYMPTOTES
    notes: tuple[str, ...] = ()


def read_items(path: str | Path, data: Table, case: Case, options: Mapping[str, Any]) -> Estimates:
    """Find the columns and put the rows in the order of the data's items.

    Raises
    ------
    InputError
    """
    sheet = read_sheet(path, Vocabulary(ROLES, BESIDE), options)
    found = _of_table(sheet.table, data, case, options)
    return found._replace(notes=(*sheet.notes, *found.notes), metric=sheet.metric)


def _of_table(table: Table, data: Table, case: Case, options: Mapping[str, Any]) -> Estimates:
    items = case.labels["d"]
    item = item_column(table, ITEM, options.get(ITEM.name), items)
    slope = find_column(table, SLOPE, options.get(SLOPE.name))
    letters = _letters(table, slope)
    first, role, notes = _first_column(table, options, letters.intercept)
    used = [item, first, slope, *_asymptotes(table, letters.asymptotes)]
    further = unused_columns(table, [*used, *_other_first(table, first, letters.intercept)])
    if slope is None and any(note.startswith("not used") for note in further):
        raise missing_role(table, [SLOPE])
    if len({first, slope, item}) < 3:
        raise InputError(f"{table.path}: column {first!r} is named for two things, expected one for each")
    rows, more = row_order(table, item, items, [column for column in data.columns if column != FREQUENCY])
    columns = [read_column(table, first, rows)]
    columns.append(ones(len(rows)) if slope is None else read_column(table, slope, rows))
    no_slope = [] if slope is not None else ["no column of slopes: they are taken to be 1, as in a Rasch model"]
    return Estimates(
        table.path,
        (first, slope or "slope"),
        items,
        *by_column(columns),
        (QUANTITY[role.name], "a"),
        (*letters.notes, *notes, *no_slope, *more, *further),
    )


def _letters(table: Table, slope: str | None) -> Letters:
    """IRTPRO and flexMIRT call the intercept c, and print it beside b; catsim calls the upper asymptote d."""
    columns = {plain(column): column for column in table.columns}
    c, b = columns.get("c"), columns.get("b")
    if c is None:
        return Letters()
    if _all(table, c, 0):
        if b is None or "d" not in columns or not _all(table, columns["d"], 1):
            return Letters()
        without = tuple(name for name in INTERCEPT.synonyms if name != "d")
        return Letters(Role(INTERCEPT.name, without), {**ASYMPTOTES, "d": 1.0})
    if any(name in columns for name in INTERCEPT.synonyms):
        return Letters()
    if b is not None and slope is not None:
        here, slopes, difficulties = numbers(table, [c, slope, b], expected="a number").T
        # One of them may be wrong.
        if (np.abs(here + slopes * difficulties) > LETTERS_AGREE * (1 + np.abs(here))).mean() > 0.5:
            return Letters()
    asymptotes = {name: value for name, value in ASYMPTOTES.items() if name != "c"}
    note = f"column {c} is the intercept, as in a theta + {c}"
    return Letters(Role(INTERCEPT.name, (*INTERCEPT.synonyms, "c")), asymptotes, (note,))


def _all(table: Table, column: str, value: float) -> bool:
    values = numbers(table, [column], expected="a number", empty=True)[:, 0]
    return bool((np.isnan(values) | (values == value)).all())


def _first_column(table: Table, options: Mapping[str, Any], intercept: Role) -> tuple[str, Role, list[str]]:
    """Column of intercepts or difficulties, and which of the two it is."""
    named = [role for role in (intercept, DIFFICULTY, XSI) if options.get(role.name) is not None]
    if len(named) > 1:
        raise InputError(f"--{named[0].name} and --{named[1].name}: expected one of the two")
    candidates = named or [intercept, DIFFICULTY, XSI]
    found = {role: find_column(table, role, options.get(role.name)) for role in candidates}
    wanted = options.get("parametrisation")
    if wanted is not None and not named:
        found = {role: column for role, column in found.items() if (QUANTITY[role.name] == "b") == (wanted == "b")}
    present = [(column, role) for role, column in found.items() if column is not None]
    if not present:
        raise missing_role(table, list(found))
    column, role = present[0]
    if len(present) > 1:
        other = present[1][0]
        return column, role, [f"column {column} (intercepts) is read, not {other}; --parametrisation b reads that one"]
    return column, role, []


def _other_first(table: Table, used: str, intercept: Role) -> list[str]:
    """The columns of the other parametrisations, about which a note has been made."""
    known = intercept.synonyms + DIFFICULTY.synonyms + XSI.synonyms
    return [column for column in table.columns if column != used and plain(column) in known]


def _asymptotes(table: Table, known: Mapping[str, float]) -> list[str]:
    """Columns of asymptotes, all of them where the 2PL has them."""
    found = [column for column in table.columns if plain(column) in known]
    for column in found:
        expected = known[plain(column)]
        values = numbers(table, [column], expected="a number", empty=True)[:, 0]
        bad = np.flatnonzero(~np.isnan(values) & (values != expected))
        if len(bad):
            raise InputError(
                f"{table.path}, row {table.lines[bad[0]]}, column {column!r}: an asymptote of {values[bad[0]]:g}, "
                f"expected {expected:g}: the model is a 2PL"
            )
    return found
