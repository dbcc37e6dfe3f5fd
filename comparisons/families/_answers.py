"""Read a table of answers: which columns are items, who answered, how many answers are missing."""

from collections.abc import Mapping
from shlex import quote
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from comparisons.case import Array, Flag, InputError
from comparisons.families import Option
from comparisons.families._no_item import no_items, no_items_by_name
from comparisons.reading.categories import read_categories
from comparisons.reading.columns import ItemColumns, as_argument, item_columns, unused_column
from comparisons.reading.tables import MISSING, NUMBER, Table, numbers, read_frequencies

ITEM_DATA = (
    "one column per item (2 to 1000) with 0, 1 or empty (not answered), optionally a column 'frequency', "
    "and one row per examinee or per response pattern"
)
COLUMN_OPTIONS = (
    Option("id", str, "column that says who answered: no item, and it goes into the person scores"),
    Option("items", str, "only these columns are items: names or patterns with * and ?, commas between them"),
    Option("drop", str, "columns to leave out: names or patterns with * and ?, commas between them"),
)
MOST_ITEMS = 1_000
# A column with more different labels than this is no item.
MOST_STATES = 50
# Columns that a message names.
MOST_NAMED = 4


class Responses(NamedTuple):
    """A table of answers as it was read.

    Attributes
    ----------
    answers : array (N, I)
        0, 1 or NaN.
    items : tuple of str
    frequencies : array (N,) or None
        Frequencies.
    ids : tuple of str or None
        Who gave the answers of each row, where a column says so.
    flags : tuple of Flag
        Columns that are not used, and columns that may be no items.
    """

    answers: Array
    items: tuple[str, ...]
    frequencies: Array | None
    ids: tuple[str, ...] | None
    flags: tuple[Flag, ...]


class CategoryAnswers(NamedTuple):
    """A table of answers in categories as it was read, without rows that say nothing.

    Attributes
    ----------
    codes : array (N, I)
        Number of the state, 0, 1, ..., or NaN.
    items : tuple of str
    states : tuple of tuple of str
        Labels of the states of each item.
    frequencies : array (N,) or None
    ids : tuple of str or None
        Who gave the answers of each row, where a column says so.
    rows : array of int (N,) or None
        Number of the row in the table, the first being 1; all of them when None.
    flags : tuple of Flag
        What was left out.
    """

    codes: Array
    items: tuple[str, ...]
    states: tuple[tuple[str, ...], ...]
    frequencies: Array | None = None
    ids: tuple[str, ...] | None = None
    rows: npt.NDArray[np.intp] | None = None
    flags: tuple[Flag, ...] = ()


def responses_of(table: Table, options: Mapping[str, Any]) -> Responses:
    """Answers, items, frequencies and ids of a table, by the options of `COLUMN_OPTIONS`.

    Raises
    ------
    InputError
    """
    columns = _columns_of(table, options, "columns of 0, 1 or empty")
    try:
        answers = numbers(table, columns.items, expected="0, 1 or empty", allowed=(0.0, 1.0), empty=True)
    except InputError as error:
        raise InputError(f"{error}{_way_out(table, columns.items)}") from None
    frequencies = read_frequencies(table)
    ids = _ids_of(table, columns)
    flags = (*no_items(columns.items, columns.named, answers, frequencies), *unused_column(table, columns.used))
    return Responses(answers, columns.items, frequencies, ids, flags)


def category_answers_of(table: Table, options: Mapping[str, Any]) -> CategoryAnswers:
    """Answers in categories, items and ids of a table, by the options of `COLUMN_OPTIONS`.

    Rows without any answer, and items that everyone answered alike, say nothing and are left out with a flag.

    Raises
    ------
    InputError
    """
    columns = _columns_of(table, options, "columns of categories")
    frequencies = read_frequencies(table)
    seen = np.ones(len(table.cells), dtype=bool) if frequencies is None else frequencies > 0
    cells = [row for row, counts in zip(table.cells, seen, strict=True) if counts]
    codes, states = read_categories(table._replace(cells=cells), columns.items)
    many = [(item, len(own)) for item, own in zip(columns.items, states, strict=True) if len(own) > MOST_STATES]
    if many:
        item, number = many[0]
        way_out = f"--id {quote(item)} (who answered) or --drop {as_argument(name for name, _ in many[:MOST_NAMED])}"
        raise InputError(
            f"{table.path}, column {item!r}: {number} different answers, expected at most {MOST_STATES} categories; "
            f"a column that is no item: {way_out}"
        )
    varied, flags = _varied(table, columns.items, states)
    flags = (*no_items_by_name(columns.items, columns.named), *flags)
    answered = ~np.isnan(codes[:, varied]).all(axis=1)
    if not answered.all():
        message = f"{(~answered).sum()} row(s) of {table.path} hold no answer at all: they say nothing about any item"
        flags = (*flags, Flag("no_answers", message))
    kept = np.flatnonzero(seen)[answered]
    ids = _ids_of(table, columns)
    return CategoryAnswers(
        codes[answered][:, varied],
        tuple(item for item, has in zip(columns.items, varied, strict=True) if has),
        tuple(own for own, has in zip(states, varied, strict=True) if has),
        None if frequencies is None else frequencies[kept],
        None if ids is None else tuple(ids[row] for row in kept),
        kept + 1,
        (*flags, *unused_column(table, columns.used)),
    )


def _varied(
    table: Table, items: tuple[str, ...], states: tuple[tuple[str, ...], ...]
) -> tuple[npt.NDArray[np.bool_], tuple[Flag, ...]]:
    """Which items were answered in more than one way, and a flag about the others.

    Raises
    ------
    InputError
        If fewer than two are left.
    """
    varied = np.array([len(own) > 1 for own in states])
    alike = [f"{item}: all {own[0]}" for item, own in zip(items, states, strict=True) if len(own) == 1]
    silent = [f"{item}: no answer" for item, own in zip(items, states, strict=True) if not own]
    left_out = [*alike, *silent]
    more = f" and {len(left_out) - MOST_NAMED} more" if len(left_out) > MOST_NAMED else ""
    named = f"{'; '.join(left_out[:MOST_NAMED])}{more}"
    if varied.sum() < 2:
        raise InputError(
            f"{table.path}: {varied.sum()} item(s) with more than one category, expected at least 2 ({named})"
        )
    if not left_out:
        return varied, ()
    message = f"{named}: without variation, left out; the other items are estimated as if they were there"
    return varied, (Flag("one_category", message),)


def _columns_of(table: Table, options: Mapping[str, Any], what: str) -> ItemColumns:
    """The items, which must not be too many."""
    columns = item_columns(table, options, what)
    if len(columns.items) > MOST_ITEMS:
        raise InputError(f"{table.path}: {len(columns.items)} item columns, expected at most {MOST_ITEMS}")
    return columns


def _ids_of(table: Table, columns: ItemColumns) -> tuple[str, ...] | None:
    """Who answered, row by row, where a column says so."""
    if columns.id is None:
        return None
    place = table.column(columns.id)
    return tuple(row[place].strip() for row in table.cells)


def _way_out(table: Table, items: tuple[str, ...]) -> str:
    """How to go on when whole columns hold something else than answers."""

    def foreign(item: str) -> bool:
        cells = [cell for row in table.cells if (cell := row[table.column(item)].strip()).lower() not in MISSING]
        return 2 * sum(not (NUMBER.fullmatch(cell) and float(cell) in (0.0, 1.0)) for cell in cells) > len(cells)

    found = [item for item in items if foreign(item)]
    if not found:
        return ""
    dropped = as_argument(found[:MOST_NAMED])
    return f"; a column that is no item: --id {quote(found[0])} (who answered) or --drop {dropped}"


def answers_in_words(answers: Array, frequencies: Array | None) -> dict[str, str]:
    """The setting that counts the answers, and those that are missing."""
    total, missing = _answer_counts(answers, frequencies)
    if not missing:
        return {"responses": f"{total:,.0f}, none missing"}
    return {"responses": f"{total:,.0f}, of which {missing:,.0f} missing ({_percent(missing / total)})"}


def missing_answers(answers: Array, frequencies: Array | None) -> int:
    """How many answers are missing, every row as often as it was seen."""
    return int(_answer_counts(answers, frequencies)[1])


def missing_in_words(answers: Array, frequencies: Array | None) -> str:
    """The end of a title: empty where no answer is missing."""
    missing = missing_answers(answers, frequencies)
    return f", {missing} answer{'' if missing == 1 else 's'} missing" if missing else ""


def _answer_counts(answers: Array, frequencies: Array | None) -> tuple[float, float]:
    """Answers asked for, and those of them that are missing."""
    weight = np.ones(len(answers)) if frequencies is None else frequencies
    return float(weight.sum() * answers.shape[1]), float(weight @ np.isnan(answers).sum(axis=1))


def _percent(share: float) -> str:
    return "less than 0.1 %" if share < 0.0005 else f"{100 * share:.1f} %"
