"""From bytes to cells: what packages, R, Python and spreadsheets make of a table."""

import csv
import io
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from comparisons.adjudicate.forms.layouts.dumps import console_list, dumped, sections
from comparisons.adjudicate.forms.layouts.roles import NAMELESS, SECOND_NAMELESS
from comparisons.parsing import NUMBER, stripped
from comparisons.reading.incoming import read_bytes
from comparisons.reading.tables import DECIMAL_COMMA, Table, decoded, parse_table

DECIMAL_POINT = re.compile(r"[+-]?\d*\.\d+(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
COMMA_WITH_EXPONENT = re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
# Columns that stand beside every parameter under the same name.
REPEATED = re.compile(
    r"s\.?e\.?|p#|std\.? ?err(or|\.)?|s\.?d\.?|z( value)?|ci_?[\d.]+|[\d.]+ ?%|lower|upper|lcl|ucl", re.IGNORECASE
)
# Rules that are drawn below a header, and between rows.
RULE = re.compile(r"[\s|+=:─-]*")

Rows = list[list[str]]


def read_cells(path: str | Path) -> tuple[Table, list[str]]:
    """Cells of a file, and notes on what had to be done for them.

    Raises
    ------
    InputError
    """
    return cells_of(read_bytes(path), str(path))


def cells_of(raw: bytes, name: str) -> tuple[Table, list[str]]:
    """The same of the bytes of a file.

    Raises
    ------
    InputError
    """
    text = decoded(raw, name)
    rows = dumped(text, name) or console_list(text) or sections(text)
    notes: list[str] = []
    if rows is None:
        try:
            rows = _rows(text)
        except ValueError:
            # What is wrong with it is told by the reader of all tables.
            return parse_table(raw, name), notes
    rows, notes = _with_points(rows)
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(_with_header(rows))
    return parse_table(stream.getvalue().encode(), name), notes


def _rows(text: str) -> Rows:
    """Rows of a table, empty for lines without any; ValueError where quotes do not match."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    lines = ["" if line.startswith("#") or (line.strip() and RULE.fullmatch(line)) else line for line in lines]
    first = next((line for line in lines if line.strip()), "")
    delimiter = max(",;\t", key=first.count)
    if delimiter not in first and first.count("|") > 1:
        delimiter = "|"
        lines = [line.strip().strip("|") for line in lines]
    if delimiter not in first and len(first.split()) > 1:
        return _by_blanks(lines)
    try:
        reader = csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter, strict=True)
        return [_unindented(row) for row in _with_their_lines(reader)]
    except csv.Error as error:
        raise ValueError(error) from None


def _with_their_lines(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    """Rows, with an empty one for every further line that a row takes."""
    line = 0
    for row in reader:
        yield row
        line += 1
        taken = reader.line_num - line  # type: ignore[attr-defined]
        line += taken
        yield from ([] for _ in range(taken))


def _unindented(row: list[str]) -> list[str]:
    return [stripped(cell) for cell in row]


def _by_blanks(lines: list[str]) -> Rows:
    """Rows of a table that is printed with blanks between its columns; names in front may hold some too."""
    rows = [shlex.split(line, posix=True) if line.strip() else [] for line in lines]
    full = [row for row in rows if row]
    if len(full) < 2:
        return rows
    width = len(full[0])
    head = full[0] if _numbers_at_end(full[1]) >= width else full[0][1:]
    found, seen = [], False
    for row in rows:
        if not row:
            found.append(row)
        elif not seen:
            found.append([NAMELESS, *head] if head is full[0] and any(len(row) > width for row in full[1:]) else row)
            seen = True
        else:
            extra = len(row) - len(head)
            found.append([" ".join(row[:extra]), *row[extra:]] if extra > 1 else row)
    return found


def _numbers_at_end(row: list[str]) -> int:
    """How many cells at the end of a row are numbers or missing."""
    count = 0
    for cell in reversed(row):
        if not (NUMBER.fullmatch(cell) or COMMA_WITH_EXPONENT.fullmatch(cell) or cell.lower() in ("na", "nan", "--")):
            break
        count += 1
    return count


def _with_points(rows: Rows) -> tuple[Rows, list[str]]:
    """Decimal commas as points, where no cell has a point."""
    cells = [cell for row in rows[1:] for cell in row]
    commas = any(DECIMAL_COMMA.fullmatch(cell) for cell in cells)
    if not commas or any(DECIMAL_POINT.fullmatch(cell) for cell in cells):
        return rows, []
    changed = [
        [cell.replace(",", ".") if COMMA_WITH_EXPONENT.fullmatch(cell) else cell for cell in row] for row in rows
    ]
    return changed, ["decimal commas are read as points"]


def _with_header(rows: Rows) -> Rows:
    """A name for every column: R leaves out that of the row names, and standard errors all have the same."""
    first = next((place for place, row in enumerate(rows) if any(row)), None)
    if first is None:
        return rows
    widths = {len(row) for row in rows[first + 1 :] if any(row)}
    header = list(rows[first])
    if widths == {len(header) + 1} and not all(map(NUMBER.fullmatch, header)):
        header = [NAMELESS, *header]
    elif len(header) > 1 and not header[0]:
        header[0] = NAMELESS
    known: set[str] = set()
    before = ""
    for place, name in enumerate(header):
        if not name and place == 1:
            header[place] = SECOND_NAMELESS
        elif name in known and REPEATED.fullmatch(name):
            header[place] = _unlike(f"{name} ({before})", known)
        else:
            before = name if not REPEATED.fullmatch(name) else before
        known.add(header[place])
    return [*rows[:first], header, *rows[first + 1 :]]


def _unlike(name: str, known: set[str]) -> str:
    return name if name not in known else _unlike(f"{name}'", known)
