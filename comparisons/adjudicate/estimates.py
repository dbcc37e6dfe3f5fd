"""Estimates as printed: the numbers, and the digits that they have; trailing zeros get lost on the way."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from comparisons.adjudicate.forms import form_or_plain
from comparisons.case import Array, Case, InputError, Natural, scalar_name
from comparisons.parsing import as_number, shortened, stripped
from comparisons.reading.tables import Table, numbers

# Digits beyond these are round-off in most software; nobody is held to them.
MOST_DECIMALS = 8
# Numbers of more digits than this before or after the point are no estimates; products of two still fit a double.
MOST_DIGITS = 100
OF_SANE_SIZE = f"a number of at most {MOST_DIGITS} digits before the point and after it"

Names = tuple[str, ...]


class Estimates(NamedTuple):
    """Estimates as printed, in the order of the data's items (or of the file's components).

    Attributes
    ----------
    path : str
    columns, rows : tuples of str
        As the file names them; the data's items (or `coin1`) where it names no rows. In a family whose parameters
        are named one by one, the parameters' names, and what they belong to (`class1`).
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
    metric : tuple of float
        Mean and variance of the ability, in the metric of the file.
    blocks : tuple of tuples of str
        Rows of each column where they differ: one slope beside many intercepts.
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
    metric: tuple[float, float] = (0.0, 1.0)
    blocks: tuple[tuple[str, ...], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """`Dscrmn[item1]`, one per number, as the file names it."""
        blocks = self.blocks or (self.rows,) * len(self.columns)
        return tuple(
            scalar_name(column, row) for column, rows in zip(self.columns, blocks, strict=True) for row in rows
        )


def returned(case: Case, natural: Natural, source: str) -> Estimates:
    """Estimates that a program returned instead of printing them: all digits that an estimate is held to."""
    names, blocks = tuple(case.labels), tuple(case.labels.values())
    values = case.flat(natural)
    # Of what has a small unit, more digits after the point.
    small = np.ceil(np.maximum(-np.log10(case.unit), 0.0)).astype(int)
    texts = tuple(f"{value:.{MOST_DECIMALS + more}f}" for value, more in zip(values, small, strict=True))
    half_unit = 0.5 * 10.0**-MOST_DECIMALS * case.unit
    rows = form_or_plain(case.family).groups(case)[1]
    return Estimates(source, names, rows, texts, values, half_unit, MOST_DECIMALS, names, (), blocks=blocks)


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
                f"{OF_SANE_SIZE}"
            )
    decimals = last_digits(texts)
    return Column(texts, all_values[list(rows)], 0.5 * 10.0 ** -np.array(decimals, dtype=float), max(decimals))


def printed_number(text: str, where: str) -> float:
    """One number as it is printed.

    Raises
    ------
    InputError
        If it is none, or of a size that no estimate has; a probability may be as small as it likes.
    """
    try:
        value = as_number(text)
    except ValueError as error:
        raise InputError(f"{where}: {shortened(stripped(text))!r} {error}, expected a number") from None
    if abs(value) >= 1 and not _of_sane_size(stripped(text)):
        raise InputError(f"{where}: {shortened(stripped(text))!r} does not fit, expected {OF_SANE_SIZE}")
    return value


def ones(count: int) -> Column:
    """Slopes of 1 that a file leaves out: they are known exactly."""
    return Column(("1",) * count, np.ones(count), np.zeros(count), 0)


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


def last_digits(texts: Sequence[str], most: int | None = MOST_DECIMALS) -> list[int]:
    """Position after the point of the last digit printed, per number, lost trailing zeros put back.

    A column is printed either to so many decimals or to so many significant digits: whichever has to
    assume fewer zeros that got lost. Of 5.46e7 the last digit stands before the point, of 54600000 that is not known.
    """

    def known(text: str, position: int) -> int:
        return position if "e" in text.lower() else max(position, 0)

    written = [_digits_and_exponent(text) for text in texts]
    after_point = [known(text, -exponent) for text, (_, exponent) in zip(texts, written, strict=True)]
    leading = [0 if not digits.strip("0") else len(digits.lstrip("0")) + exponent for digits, exponent in written]
    by_decimals = [max(after_point)] * len(texts)
    significant = max(lead + after for lead, after in zip(leading, after_point, strict=True))
    by_significance = [known(text, significant - lead) for text, lead in zip(texts, leading, strict=True)]

    def lost(assumed: list[int]) -> int:
        return sum(max(one - other, 0) for one, other in zip(assumed, after_point, strict=True))

    chosen = by_significance if lost(by_significance) < lost(by_decimals) else by_decimals
    return chosen if most is None else [min(decimals, most) for decimals in chosen]


def _digits_and_exponent(text: str) -> tuple[str, int]:
    """'-12.50e3' -> ("1250", 1)."""
    mantissa, _, exponent = text.lower().partition("e")
    whole, _, fraction = mantissa.lstrip("+-").partition(".")
    return whole + fraction, int(exponent or 0) - len(fraction)


def listed(names: Sequence[str]) -> str:
    """Names in a row, long lists cut short."""
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
