"""Read a table of estimates as other software writes it: roles of the columns, names of the rows, digits.

R leaves the first name of the header empty, packages call a slope `a1` or `Dscrmn`, and trailing zeros
get lost on the way. What cannot be known from the header is asked for, in one line.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from comparisons.case import Array, InputError
from comparisons.data import Table, numbers, parse_table
from comparisons.incoming import read_bytes
from comparisons.parsing import shortened, stripped

# Digits beyond these are round-off in most software; nobody is held to them.
MOST_DECIMALS = 8
# Numbers of more digits than this before or after the point are no estimates; products of two still fit a double.
MOST_DIGITS = 100
NAMELESS = "(row names)"
STANDARD_ERROR = re.compile(r"^(se|s\.e\.?|std\.?err(or)?|std\.?\s?error|standard.?error)\b|[._ ]?\bse$|^se[._ (]|_se$")

Names = tuple[str, ...]


class Role(NamedTuple):
    """What a column may stand for.

    Attributes
    ----------
    name : str
        Also the option that names its column: `--slope COLUMN`.
    synonyms : tuple of str
        Headers that mean it, in lower case without blanks, dots and underscores.
    """

    name: str
    synonyms: tuple[str, ...]


class Estimates(NamedTuple):
    """Estimates as printed, in the order of the data's items (or of the file's components).

    Attributes
    ----------
    path : str
    columns, rows : tuples of str
        As the file names them; the data's items (or `coin1`) where it names no rows.
    texts : tuple of str
        The numbers as the file has them.
    values, half_unit : arrays (P,)
        The numbers, and half a unit of the last digit printed of each.
    decimals : int
        Digits after the point, the most of any column.
    roles : tuple of str
        What the blocks of `values` stand for, in their order.
    notes : tuple of str
        What the reader must know about how the file was read.
    """

    path: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    texts: tuple[str, ...]
    values: Array
    half_unit: Array
    decimals: int
    roles: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """`Dscrmn[item1]`, one per number, as the file names it."""
        return tuple(f"{column}[{row}]" for column in self.columns for row in self.rows)


def read_estimates(path: str | Path) -> Table:
    """Read the file; a first column without a name holds the names of the rows.

    Raises
    ------
    InputError
    """
    nameless = re.compile(rb'^((?:\xef\xbb\xbf)?[\r\n ]*+)(?:"" *+)?(?=[,;\t][^,;\t])')
    return parse_table(nameless.sub(rb"\1" + NAMELESS.encode(), read_bytes(path), count=1), str(path))


def plain(header: str) -> str:
    """Header in lower case without blanks, dots and underscores."""
    return re.sub(r"[\s._]", "", header.lower())


def find_column(table: Table, role: Role, given: str | None) -> str | None:
    """Column of a role: the one named by the user, else the only one whose header means it.

    Raises
    ------
    InputError
        If the named column is not there, or several headers mean the role.
    """
    if given is not None:
        if given not in table.columns:
            raise InputError(f"--{role.name} {given}: {table.path} has no such column, it has {listed(table.columns)}")
        return given
    found = [column for column in table.columns if plain(column) in role.synonyms]
    if len(found) > 1 and NAMELESS in found:
        # R's row names beside a column of names.
        found.remove(NAMELESS)
    if len(found) > 1:
        raise InputError(
            f"{table.path}: columns {listed(found)} could each be the {role.name}, expected --{role.name} COLUMN"
        )
    return found[0] if found else None


def missing_role(table: Table, roles: Sequence[Role]) -> InputError:
    """The complaint that no column has any of these roles, with the option that settles it."""
    known = ", ".join(f"{role.name} ({', '.join(role.synonyms[:3])})" for role in roles)
    options = " or ".join(f"--{role.name} COLUMN" for role in roles)
    return InputError(f"{table.path}: no column is known as {known}; found {listed(table.columns)}, expected {options}")


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
        Further items that may be there and are not needed.

    Raises
    ------
    InputError
        If an item is unknown, missing or named twice.
    """
    if column is None:
        if len(table.cells) != len(labels):
            raise InputError(
                f"{table.path}: {len(table.cells)} rows without names, expected {len(labels)}, one for each of "
                f"{listed(labels)}"
            )
        return list(range(len(labels))), ["no column names the rows: they were taken in the order of the data"]
    position = table.column(column)
    named = [row[position].strip() for row in table.cells]
    counted = [str(row + first) for first in (0, 1) for row in range(len(named))]
    if column == NAMELESS and named in (counted[: len(named)], counted[len(named) :]) and not set(named) & set(labels):
        return row_order(table, None, labels, known)
    where = {}
    for row, name in enumerate(named):
        line = table.lines[row]
        if name not in labels and name not in known:
            raise InputError(f"{table.path}, row {line}: unknown item {name!r}, expected {listed(labels)}")
        if name in where:
            raise InputError(f"{table.path}, row {line}: item {name!r} appears twice, expected once")
        where[name] = row
    missing = [label for label in labels if label not in where]
    if missing:
        raise InputError(f"{table.path}: no row for item {listed(missing)}, expected one for every item of the data")
    left = [name for name in named if name not in labels]
    notes = [f"not used: item {listed(left)}, which is not estimated from the data"] if left else []
    return [where[label] for label in labels], notes


class Column(NamedTuple):
    """Numbers of a column.

    Attributes
    ----------
    texts : tuple of str
        As they stand in the file.
    values, half_unit : arrays
        The numbers, and half a unit of the last digit printed of each.
    decimals : int
        Digits after the point, the most of any number.
    """

    texts: tuple[str, ...]
    values: Array
    half_unit: Array
    decimals: int


def read_column(table: Table, column: str, rows: Sequence[int]) -> Column:
    """Numbers of a column in the order of `rows`.

    Raises
    ------
    InputError
        For the first cell that is not a finite number, or one of a size that no estimate has.
    """
    all_values = numbers(table, [column], expected="a number")[:, 0]
    position = table.column(column)
    texts = tuple(stripped(table.cells[row][position]) for row in rows)
    for row, text in zip(rows, texts, strict=True):
        if not _of_sane_size(text):
            raise InputError(
                f"{table.path}, row {table.lines[row]}, column {column!r}: {shortened(text)!r} does not fit, expected "
                f"a number of at most {MOST_DIGITS} digits before the point and after it"
            )
    decimals = last_digits(texts)
    return Column(texts, all_values[list(rows)], 0.5 * 10.0 ** -np.array(decimals, dtype=float), max(decimals))


def _of_sane_size(text: str) -> bool:
    """Whether a number could be written out with so many digits before and after the point.

    Exponents are judged by their length first: they may be longer than any integer type takes.
    """
    mantissa, _, exponent = text.lower().partition("e")
    exponent = exponent.lstrip("+-0")
    if len(exponent) > 3:
        return False
    before, _, after = mantissa.lstrip("+-").partition(".")
    shift = int(exponent or 0) * (-1 if "e-" in text.lower() else 1)
    return len(before.lstrip("0")) + shift <= MOST_DIGITS and len(after) - shift <= MOST_DIGITS


def by_column(columns: Sequence[Column]) -> tuple[tuple[str, ...], Array, Array, int]:
    """Texts, values and half units of several columns one after the other, and the most decimals."""
    return (
        tuple(text for column in columns for text in column.texts),
        np.concatenate([column.values for column in columns]),
        np.concatenate([column.half_unit for column in columns]),
        max(column.decimals for column in columns),
    )


def last_digits(texts: Sequence[str]) -> list[int]:
    """Position after the point of the last digit printed, per number, lost trailing zeros put back.

    A column is printed either to so many decimals or to so many significant digits: whichever has to
    assume fewer zeros that got lost.
    """
    written = [_digits_and_exponent(text) for text in texts]
    after_point = [max(-exponent, 0) for _, exponent in written]
    leading = [0 if not digits.strip("0") else len(digits.lstrip("0")) + exponent for digits, exponent in written]
    by_decimals = [max(after_point)] * len(texts)
    most = max(lead + after for lead, after in zip(leading, after_point, strict=True))
    by_significance = [max(most - lead, 0) for lead in leading]

    def lost(assumed: list[int]) -> int:
        return sum(max(one - other, 0) for one, other in zip(assumed, after_point, strict=True))

    chosen = by_significance if lost(by_significance) < lost(by_decimals) else by_decimals
    return [min(decimals, MOST_DECIMALS) for decimals in chosen]


def _digits_and_exponent(text: str) -> tuple[str, int]:
    """'-12.50e3' -> ("1250", 1)."""
    mantissa, _, exponent = text.lower().partition("e")
    whole, _, fraction = mantissa.lstrip("+-").partition(".")
    return whole + fraction, int(exponent or 0) - len(fraction)


def unused_columns(table: Table, used: Sequence[str | None]) -> list[str]:
    """Notes about columns that were not read."""
    left = [column for column in table.columns if column not in used]
    errors = [column for column in left if STANDARD_ERROR.search(column.lower().strip())]
    others = [column for column in left if column not in errors]
    notes = [f"standard errors are not used: column {listed(errors)}"] if errors else []
    return [*notes, f"not used: column {listed(others)}"] if others else notes


def listed(names: Sequence[str]) -> str:
    """Names in a row, long lists cut short."""
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
