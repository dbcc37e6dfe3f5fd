"""One row per parameter, one row altogether, or the table on its side: each as one row per item or component."""

from collections.abc import Iterable
from typing import NamedTuple

from comparisons.adjudicate.forms.layouts.roles import (
    COLUMNS_OF_NAMES,
    COLUMNS_OF_VALUES,
    GROUP,
    NAMELESS,
    SECOND_NAMELESS,
    Vocabulary,
    plain,
)
from comparisons.parsing import as_number
from comparisons.reading.tables import Table

Metric = tuple[float, float]
STANDARD: Metric = (0.0, 1.0)


class Entry(NamedTuple):
    """One number: its item (or component), its parameter, as the file names them."""

    row: str
    parameter: str
    text: str
    line: int


def upright(table: Table, words: Vocabulary) -> tuple[Table, list[str]]:
    """The table with one row per item or component, and what the reader must know about it."""
    if len(table.cells) == 1 and (entries := _in_one_row(table, words)):
        return _pivoted(table, words, entries), []
    names = _column_of_names(table, words)
    # Items may be called a1: a table on its side all the same, if every row is named as a parameter.
    aside = names is not None and all(words.is_known(row[names]) for row in table.cells) and len(table.cells) > 1
    if sum(map(words.is_parameter, table.columns)) > (1 if aside else 0):
        return table, []
    if names is None:
        return table, []
    value = _column_of_values(table)
    if value is not None:
        entries, left = _by_item_and_name(table, words, names, value), list[str]()
        if not entries:
            entries, left = _by_name(table, words, names, value)
        if entries:
            notes = [f"not used: {_some(left)}"] if left else []
            return _pivoted(table, words, entries), [*_of_means(table, value), *notes]
    return _turned(table, words, names), []


def _of_means(table: Table, value: int) -> list[str]:
    column = table.columns[value]
    if plain(column) not in ("mean", "median", "50%", "q50"):
        return []
    return [f"column {column} is read; where it summarises a posterior, that is not the same as the maximum"]


def _in_one_row(table: Table, words: Vocabulary) -> list[Entry]:
    """Entries of a row whose header says parameter and item: `Item.1.a1`, `pi2`."""
    ways = [
        [
            Entry(found[1], found[0], cell, table.lines[0])
            for column, cell in zip(table.columns, table.cells[0], strict=True)
            if (found := words.split(column, row_first))
        ]
        for row_first in (False, True)
    ]
    # Items may be called a1 too: the way with every parameter of every item, else with the fewest parameters.
    entries = min(ways, key=lambda way: (_gaps(way, words), len({entry.parameter for entry in way})))
    rows = {entry.row for entry in entries if words.is_parameter(entry.parameter)}
    return entries if len(rows) > 1 else []


def _gaps(entries: list[Entry], words: Vocabulary) -> int:
    """Items times parameters that have no number."""
    found = {(entry.row, entry.parameter) for entry in entries if words.is_parameter(entry.parameter)}
    return len({row for row, _ in found}) * len({name for _, name in found}) - len(found)


def _column_of_names(table: Table, words: Vocabulary) -> int | None:
    """The column that says what a row is: the parameter, or the parameter and the item."""

    def telling(place: int) -> tuple[int, int]:
        cells = [row[place].strip() for row in table.cells]
        known = sum(map(words.is_known, cells))
        return known, sum(words.split(cell) is not None for cell in cells)

    places = [
        place
        for place, column in enumerate(table.columns)
        if words.names_rows(column) or plain(column) in COLUMNS_OF_NAMES
    ] or [0]
    best = max(places, key=telling)
    told = max(telling(best))
    return best if told > 1 or (told and len(table.cells) == 1) else None


def _column_of_values(table: Table) -> int | None:
    """The column of estimates, the first of the usual ones."""
    known = {plain(column): place for place, column in reversed(list(enumerate(table.columns)))}
    return next((known[name] for name in COLUMNS_OF_VALUES if name in known), None)


def _by_name(table: Table, words: Vocabulary, names: int, value: int) -> tuple[list[Entry], list[str]]:
    """Entries of rows named `a[item1]`, and the rows that are named otherwise."""
    entries, left = [], []
    for row, line in zip(table.cells, table.lines, strict=True):
        found = words.split(row[names])
        if found is None:
            left.append(row[names].strip())
        else:
            entries.append(Entry(found[1], found[0], row[value], line))
    return entries, list(dict.fromkeys(name.partition("[")[0] for name in left))


def _by_item_and_name(table: Table, words: Vocabulary, names: int, value: int) -> list[Entry]:
    """Entries of rows with the item in one column, filled in downwards, and the parameter in another."""
    found = [i for i, column in enumerate(table.columns) if i != names and words.names_rows(column)]
    if not found:
        return []
    # R's row names, which come first, only where nothing else names the items.
    items = found[-1]
    entries, item = [], ""
    for row, line in zip(table.cells, table.lines, strict=True):
        item = row[items].strip() or item
        if words.is_known(row[names]):
            entries.append(Entry(item, row[names].strip(), row[value], line))
    return entries


def _turned(table: Table, words: Vocabulary, names: int) -> Table:
    """A table with one row per parameter and one column per item, on its other side."""
    said = [row[names].strip() for row in table.cells]
    if len(set(said)) < len(said) or not any(map(words.is_parameter, said)):
        return table
    entries = [
        Entry(column, row[names].strip(), row[place], line)
        for row, line in zip(table.cells, table.lines, strict=True)
        for place, column in enumerate(table.columns)
        if place != names and column != SECOND_NAMELESS
    ]
    return _pivoted(table, words, entries)


def _pivoted(table: Table, words: Vocabulary, entries: Iterable[Entry]) -> Table:
    """One row per item in the order of the file, one column per parameter."""
    rows: dict[str, dict[str, str]] = {}
    lines: dict[str, int] = {}
    for entry in entries:
        rows.setdefault(entry.row, {}).setdefault(entry.parameter, entry.text)
        lines.setdefault(entry.row, entry.line)
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    cells = [[name, *(row.get(column, "") for column in columns)] for name, row in rows.items()]
    return Table(table.path, (words.row, *columns), cells, list(lines.values()))


def without_group(table: Table, words: Vocabulary) -> tuple[Table, Metric, list[str]]:
    """The table without mirt's row of group parameters, and the mean and variance of the ability that it holds."""
    places = {plain(column): place for place, column in enumerate(table.columns) if plain(column) in GROUP}
    named = next((i for i, column in enumerate(table.columns) if words.names_rows(column)), 0)
    of_group = [row for row in table.cells if row[named].strip().lower().startswith("group")]
    if not of_group:
        return table, STANDARD, []
    kept = [i for i, row in enumerate(table.cells) if row not in of_group]
    shown = [i for i in range(len(table.columns)) if i not in places.values()]
    columns = tuple(table.columns[i] for i in shown)
    cells = [[table.cells[i][place] for place in shown] for i in kept]
    left = Table(table.path, columns, cells, [table.lines[i] for i in kept])
    mean, variance = (
        _number(of_group[0], places.get(name), standard) for name, standard in zip(GROUP, STANDARD, strict=True)
    )
    if (mean, variance) == STANDARD:
        return left, STANDARD, [f"row {of_group[0][named]}: abilities of mean 0 and variance 1, as here"]
    said = (
        f"row {of_group[0][named]}: abilities of mean {mean:g} and variance {variance:g}, the metric of the estimates"
    )
    return left, (mean, variance), [said]


def _number(row: list[str], place: int | None, otherwise: float) -> float:
    try:
        return otherwise if place is None else as_number(row[place])
    except ValueError:
        return otherwise


def _some(names: list[str]) -> str:
    shown = [name or NAMELESS for name in names[:4]]
    return ", ".join(shown) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
