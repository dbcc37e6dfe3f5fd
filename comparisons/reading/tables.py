"""Read the user's tables: every complaint is one line that names file, row and column."""

import codecs
import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from comparisons.errors import InputError
from comparisons.parsing import LARGEST_COUNT, NUMBER, as_number, shortened, stripped
from comparisons.reading.incoming import read_bytes

Array = npt.NDArray[np.float64]

MISSING = ("", "na", "nan")
DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+", re.ASCII)


class Table(NamedTuple):
    """Cells as text.

    Attributes
    ----------
    path : str
        As the user gave it, for messages.
    columns : tuple of str
    cells : list of rows of text
    lines : list of int
        Line of the file on which each row begins, the first line being 1.
    """

    path: str
    columns: tuple[str, ...]
    cells: list[list[str]]
    lines: list[int]

    def column(self, name: str) -> int:
        """Position of a column.

        Raises
        ------
        InputError
            If there is no such column.
        """
        if name not in self.columns:
            raise InputError(f"{self.path}: no column {name!r}, expected one; found {_listed(self.columns)}")
        return self.columns.index(name)


def read_table(path: str | Path) -> Table:
    """Read a CSV file, see `parse_table`.

    Raises
    ------
    InputError
        If the file cannot be read, is empty, has no rows, or its rows do not fit the header.
    """
    return parse_table(read_bytes(path), str(path))


def parse_table(raw: bytes, path: str) -> Table:
    """Take a CSV file apart: UTF-8, UTF-16 with a byte-order mark, or Latin-1; commas, semicolons or tabs.

    Line ends of any system. Blank lines do not count, nor do rows of nothing but delimiters at the end,
    which spreadsheets leave behind.

    Raises
    ------
    InputError
    """
    text = decoded(raw, path)
    if not text.strip():
        raise InputError(f"{path}: the file is empty, expected a header line and rows below it")
    rows = _rows(text, path)
    line, header = next(rows, (1, []))
    if not header:
        raise InputError(f"{path}: empty cells only, expected a header line and rows below it")
    columns = tuple(cell.strip() for cell in header)
    _check_header(path, line, columns)
    lines, cells = [], []
    for line, row in rows:
        if len(row) != len(columns):
            raise InputError(
                f"{path}, row {line}: {len(row)} cell(s), expected {len(columns)}, one for each column of the header"
            )
        lines.append(line)
        cells.append(row)
    while cells and not any(cell.strip() for cell in cells[-1]):
        del cells[-1], lines[-1]
    if not cells:
        raise InputError(f"{path}: no rows below the header, expected at least one")
    return Table(path, columns, cells, lines)


def decoded(raw: bytes, path: str) -> str:
    """Text of a file; a byte that no text holds is an error."""
    try:
        text = raw.decode("utf-16" if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    if "\0" in text:
        row = len(re.findall(r"\r\n|\r|\n", text[: text.index("\0")])) + 1
        raise InputError(f"{path}, row {row}: a NUL byte, expected a text file in CSV format")
    return text


def _rows(text: str, path: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not blank, each with the line on which it begins."""
    first = next(line for line in io.StringIO(text, newline="") if line.strip())
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for row in reader:
            if len(row) > 1 or (row and row[0].strip()):
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{path}, row {line}: {error}, expected cells with matching quotes or none") from None


def _check_header(path: str, line: int, columns: tuple[str, ...]) -> None:
    """Every column has a name of its own; names that are all numbers are a row of data."""
    numeric = any(columns) and all(NUMBER.fullmatch(name) or name.lower() in MISSING for name in columns)
    counted = len(columns) > 1 and columns == tuple(str(place + 1) for place in range(len(columns)))
    if numeric and not counted:
        raise InputError(f"{path}, row {line}: only numbers ({_listed(columns)}), expected a header with column names")
    known = set()
    for position, name in enumerate(columns, start=1):
        if not name:
            raise InputError(f"{path}, row {line}, column {position}: no name, expected a name for every column")
        if name in known:
            raise InputError(f"{path}, row {line}: column name {name!r} appears twice, expected different names")
        known.add(name)


def numbers(
    table: Table,
    names: Sequence[str],
    *,
    expected: str,
    allowed: Sequence[float] | None = None,
    whole: bool = False,
    least: float = -math.inf,
    empty: bool = False,
) -> Array:
    """Columns of a table as numbers (rows, columns).

    A large table holds few different texts: each is judged once.

    Parameters
    ----------
    expected : str
        What a cell should hold, for messages.
    allowed : sequence of float, optional
        The only values that may occur.
    whole : bool
        Whole numbers only, up to 2^53.
    least : float
        Smallest value allowed.
    empty : bool
        Whether an empty cell, NA or NaN is a missing value; else it is an error.

    Raises
    ------
    InputError
        For the first cell that does not fit.
    """

    def fault(text: str) -> str | None:
        """What is wrong with a cell, None when nothing is."""
        cell = stripped(text)
        if cell.lower() in MISSING:
            return None if empty else "the cell is empty" if not cell else f"{cell!r} is not a number"
        if DECIMAL_COMMA.fullmatch(cell):
            return f"{_quoted(cell)} has a decimal comma"
        try:
            value = as_number(cell)
        except ValueError as error:
            return f"{_quoted(cell)} {error}"
        if whole and value > LARGEST_COUNT:
            return f"{_quoted(cell)} is above {LARGEST_COUNT}"
        fits = value >= least and (not whole or value % 1 == 0) and (allowed is None or value in allowed)
        return None if fits else f"{_quoted(cell)} does not fit"

    positions = [table.column(name) for name in names]
    pick = itemgetter(*positions)
    picked = list(map(pick, table.cells) if len(positions) == 1 else chain.from_iterable(map(pick, table.cells)))
    texts = set(picked)
    faults = {text: found for text in texts if (found := fault(text)) is not None}
    if faults:
        index = next(index for index, text in enumerate(picked) if text in faults)
        row, place = divmod(index, len(positions))
        where = f"{table.path}, row {table.lines[row]}, column {names[place]!r}"
        raise InputError(f"{where}: {faults[picked[index]]}, expected {expected}")
    values = {text: math.nan if stripped(text).lower() in MISSING else as_number(text) for text in texts}
    return np.fromiter(map(values.__getitem__, picked), float, len(picked)).reshape(-1, len(positions))


def read_frequencies(table: Table) -> Array | None:
    """The optional `frequency` column: whole numbers, not negative, not all zero.

    Raises
    ------
    InputError
    """
    if "frequency" not in table.columns:
        return None
    counts = numbers(table, ["frequency"], expected="a whole number, 0 or more", whole=True, least=0)[:, 0]
    if not 0 < counts.sum() <= LARGEST_COUNT:
        total = f"{counts.sum():g}"
        raise InputError(f"{table.path}, column 'frequency': adds up to {total}, expected from 1 to {LARGEST_COUNT}")
    return counts


def _quoted(cell: str) -> str:
    return repr(shortened(cell))


def _listed(names: Sequence[str]) -> str:
    """Names in a row, long lists cut short."""
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
