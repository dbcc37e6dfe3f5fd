"""What a file with one number per parameter holds: a table of names and numbers, or lists of numbers by name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from comparisons.adjudicate.forms._by_name import Written, bare, places
from comparisons.adjudicate.forms.headers import find_column, missing_role, unused_columns
from comparisons.adjudicate.forms.layouts.dialect import cells_of
from comparisons.adjudicate.forms.layouts.dumps import parsed
from comparisons.adjudicate.forms.layouts.roles import COLUMNS_OF_NAMES, COLUMNS_OF_VALUES, NAMELESS, Role, plain
from comparisons.case import Case, InputError
from comparisons.parsing import as_number
from comparisons.reading.incoming import read_bytes
from comparisons.reading.tables import Table, decoded

PARAMETER = Role("parameter", (*COLUMNS_OF_NAMES, plain(NAMELESS)))
ESTIMATE = Role("estimate", COLUMNS_OF_VALUES)


class Content(NamedTuple):
    """Content of a file.

    Attributes
    ----------
    path : str
    by_name : dict or None
        Of a JSON file, or what Python prints of a dict; numbers are text.
    table : Table or None
        Of every other file.
    notes : list of str
    """

    path: str
    by_name: dict[str, Any] | None
    table: Table | None
    notes: list[str]


def read_content(path: str | Path) -> Content:
    """Read a file.

    Raises
    ------
    InputError
        If it cannot be read, or is no table and no dict.
    """
    raw, name = read_bytes(path, "a CSV or JSON file"), str(path)
    found = parsed(decoded(raw, name), name)
    if isinstance(found, dict):
        return Content(name, {str(key): value for key, value in found.items()}, None, [])
    table, notes = cells_of(raw, name)
    return Content(name, None, table, notes)


def of_rows(table: Table, case: Case, options: Mapping[str, Any]) -> tuple[list[Written], list[str]]:
    """Numbers of a table with one row per parameter, and notes.

    Raises
    ------
    InputError
        If no column holds the names, or it is not clear which one holds the numbers.
    """
    known = places(case)
    names = _names(table, known, options.get(PARAMETER.name))
    value = _values(table, names, options.get(ESTIMATE.name))
    name_at, value_at = table.column(names), table.column(value)
    written = [
        Written(row[name_at].strip(), row[value_at], f"row {line}")
        for row, line in zip(table.cells, table.lines, strict=True)
    ]
    several = [f"column {value} is read"] if len(_usual(table, names)) > 1 else []
    return written, [*several, *unused_columns(table, [names, value])]


def _names(table: Table, known: Mapping[str, int], given: str | None) -> str:
    """The column that holds most names of parameters; without any, the one whose header says so."""

    def told(column: str) -> int:
        place = table.column(column)
        return sum(bare(row[place]) in known for row in table.cells)

    best = max(table.columns, key=told)
    if given is None and told(best):
        return best
    found = find_column(table, PARAMETER, given)
    if found is None:
        raise missing_role(table, [PARAMETER])
    return found


def _values(table: Table, names: str, given: str | None) -> str:
    """The column of estimates: the one that the user named, the first of the usual ones, or the only one of numbers."""
    if given is not None:
        return str(find_column(table, ESTIMATE, given))
    usual = _usual(table, names)
    if usual:
        return usual[0]
    numeric = [column for column in table.columns if column != names and _is_numeric(table, column)]
    if len(numeric) > 1:
        raise InputError(
            f"{table.path}: columns {', '.join(numeric)} could each be the estimate, expected --estimate COLUMN"
        )
    if not numeric:
        raise missing_role(table, [ESTIMATE])
    return numeric[0]


def _usual(table: Table, names: str) -> list[str]:
    """Columns whose headers mean estimates, the first choice first."""
    found = [column for column in table.columns if column != names and plain(column) in ESTIMATE.synonyms]
    return sorted(found, key=lambda column: ESTIMATE.synonyms.index(plain(column)))


def _is_numeric(table: Table, column: str) -> bool:
    place = table.column(column)
    try:
        for row in table.cells:
            as_number(row[place])
    except ValueError:
        return False
    return True
