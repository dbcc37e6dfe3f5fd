"""Read a table of right and wrong answers: which columns are items, who answered, how many answers are missing."""

from collections.abc import Mapping
from shlex import quote
from typing import Any, NamedTuple

import numpy as np

from comparisons.case import Array, Flag, InputError
from comparisons.families import Option
from comparisons.families._no_item import no_items
from comparisons.reading.columns import as_argument, item_columns, unused_column
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


def responses_of(table: Table, options: Mapping[str, Any]) -> Responses:
    """Answers, items, frequencies and ids of a table, by the options of `COLUMN_OPTIONS`.

    Raises
    ------
    InputError
    """
    columns = item_columns(table, options)
    if len(columns.items) > MOST_ITEMS:
        raise InputError(f"{table.path}: {len(columns.items)} item columns, expected at most {MOST_ITEMS}")
    try:
        answers = numbers(table, columns.items, expected="0, 1 or empty", allowed=(0.0, 1.0), empty=True)
    except InputError as error:
        raise InputError(f"{error}{_way_out(table, columns.items)}") from None
    frequencies = read_frequencies(table)
    ids = None
    if columns.id is not None:
        place = table.column(columns.id)
        ids = tuple(row[place].strip() for row in table.cells)
    flags = (*no_items(columns.items, columns.named, answers, frequencies), *unused_column(table, columns.used))
    return Responses(answers, columns.items, frequencies, ids, flags)


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
