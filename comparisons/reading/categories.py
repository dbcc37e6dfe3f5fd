"""Columns of categories: labels of any kind become states, an empty cell is missing."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from comparisons.parsing import as_number, stripped
from comparisons.reading.tables import MISSING, Table

Array = npt.NDArray[np.float64]


class Categories(NamedTuple):
    """Columns as numbers of states.

    Attributes
    ----------
    codes : array (N, V)
        0 for the first state of a column, 1 for the second, ...; NaN where the cell is empty, NA or NaN.
    states : tuple of tuple of str
        Labels of each column: in the order of the numbers when all are numbers, else alphabetically.
    """

    codes: Array
    states: tuple[tuple[str, ...], ...]


def read_categories(table: Table, columns: Sequence[str]) -> Categories:
    """Columns of a table as states.

    Two labels that are one number, `1` and `1.0`, are two states: nothing says that they are numbers.

    Raises
    ------
    InputError
        If there is no such column.
    """
    cells = [[stripped(row[place]) for row in table.cells] for place in map(table.column, columns)]
    states = tuple(_in_order({cell for cell in column if cell.lower() not in MISSING}) for column in cells)
    codes = np.full((len(table.cells), len(columns)), np.nan)
    for place, (column, labels) in enumerate(zip(cells, states, strict=True)):
        number = {label: float(code) for code, label in enumerate(labels)}
        codes[:, place] = [number.get(cell, np.nan) for cell in column]
    return Categories(codes, states)


def _in_order(labels: set[str]) -> tuple[str, ...]:
    try:
        return tuple(sorted(labels, key=lambda label: (as_number(label), label)))
    except ValueError:
        return tuple(sorted(labels))
