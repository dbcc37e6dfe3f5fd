"""Which row of the file is which item of the data."""

import re
from collections.abc import Sequence

from comparisons.adjudicate.estimates import listed
from comparisons.adjudicate.forms.layouts.roles import NAMELESS, Role, plain
from comparisons.case import InputError
from comparisons.reading.tables import Table

NUMBERED = re.compile(r"(.*?)(\d+)")
# What R puts before a name that begins with a digit.
R_PREFIX = "x"


def item_column(table: Table, role: Role, given: str | None, labels: Sequence[str]) -> str | None:
    """Column with the names of the items: the one named by the user, else the one that holds most names of the data."""
    if given is not None:
        if given not in table.columns:
            raise InputError(f"--{role.name} {given}: {table.path} has no such column, it has {listed(table.columns)}")
        return given
    found = [column for column in table.columns if plain(column) in role.synonyms or column == NAMELESS]
    known = {bare(label) for label in labels}

    def fitting(column: str) -> tuple[int, bool]:
        place = table.column(column)
        return sum(bare(row[place]) in known for row in table.cells), column != NAMELESS

    return max(found, key=fitting, default=None)


def row_order(
    table: Table, column: str | None, labels: Sequence[str], known: Sequence[str]
) -> tuple[list[int], list[str]]:
    """Rows of the file in the order of `labels`, and notes.

    Parameters
    ----------
    column : str or None
        Column with the names of the items; None takes the rows as they come.
    labels : sequence of str
        Items to be found.
    known : sequence of str
        All items of the data; those that are not among the labels may be there and are not needed.

    Raises
    ------
    InputError
        If an item is unknown, missing or named twice.
    """
    named = [] if column is None else [row[table.column(column)].strip() for row in table.cells]
    everything = [str(row + first) for first in (0, 1) for row in range(len(named))]
    counted = bool(named) and named in (everything[: len(named)], everything[len(named) :])
    alike = len(set(named)) == 1 and len(named) > 1 and not set(named) & set(known)
    if column is None or alike or (column == NAMELESS and counted and not set(named) & set(labels)):
        return _as_they_come(table, labels)
    names, notes = _names_of_the_data(named, labels, known)
    where: dict[str, int] = {}
    for row, (name, text) in enumerate(zip(names, named, strict=True)):
        line = table.lines[row]
        if name not in labels and name not in known:
            raise InputError(f"{table.path}, row {line}: unknown item {text!r}, expected {listed(labels)}")
        if name in where:
            raise InputError(f"{table.path}, row {line}: item {text!r} appears twice, expected once")
        where[name] = row
    missing = [label for label in labels if label not in where]
    if missing:
        raise InputError(f"{table.path}: no row for item {listed(missing)}, expected one for every item of the data")
    left = [text for name, text in zip(names, named, strict=True) if name not in labels]
    if left:
        notes.append(f"not used: item {listed(left)}, which is not estimated from the data")
    return [where[label] for label in labels], notes


def _as_they_come(table: Table, labels: Sequence[str]) -> tuple[list[int], list[str]]:
    if len(table.cells) != len(labels):
        raise InputError(
            f"{table.path}: {len(table.cells)} rows without names, expected {len(labels)}, one for each of "
            f"{listed(labels)}"
        )
    return list(range(len(labels))), ["no column names the rows: they were taken in the order of the data"]


def _names_of_the_data(
    named: Sequence[str], labels: Sequence[str], known: Sequence[str]
) -> tuple[list[str], list[str]]:
    """The data's names of the items that the file names, and a note where they are not the same.

    The same name first; the same but for capitals, blanks, dots and the like; then, where the file only counts its
    items, by their numbers.
    """
    items = [*labels, *(name for name in known if name not in labels)]
    if set(named) <= set(items):
        return list(named), []
    by_bare: dict[str, list[str]] = {}
    for item in items:
        for form in {bare(item), R_PREFIX + bare(item)}:
            by_bare.setdefault(form, []).append(item)
    found = [name if name in items else next(iter(by_bare.get(bare(name), [""])), "") for name in named]
    if all(found) and len(set(found)) == len(set(named)):
        pairs = [f"{name} is {item}" for name, item in zip(named, found, strict=True) if name != item]
        return found, [f"items are matched but for capitals, blanks and dots: {listed(pairs)}"]
    numbers = _numbers(named)
    for wanted in (labels, known):
        if numbers is not None and len(wanted) == len(named) and not set(named) & set(items):
            by_number = [wanted[number] for number in numbers]
            pairs = [f"{name} is {item}" for name, item in zip(named, by_number, strict=True)]
            return by_number, [f"items are taken by their numbers, in the order of the data: {listed(pairs)}"]
    return list(named), []


def bare(name: str) -> str:
    """A name without capitals and anything but letters and digits."""
    return "".join(filter(str.isalnum, name.lower()))


def _numbers(named: Sequence[str]) -> list[int] | None:
    """Places from 0 of names that only count, None where they do not."""
    found = [NUMBERED.fullmatch(name) for name in named]
    if not all(found) or len({match[1] for match in found if match}) != 1:
        return None
    numbers = [int(match[2]) for match in found if match]
    first = min(numbers)
    places = [number - first for number in numbers]
    return places if first in (0, 1) and sorted(places) == list(range(len(named))) else None
