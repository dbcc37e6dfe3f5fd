"""Estimates that are no table: JSON, what Python prints of a dict of arrays, and R of a list."""

import ast
import json
import re
import warnings
from typing import Any

from comparisons.adjudicate.forms.layouts.roles import NAMELESS, SECOND_NAMELESS
from comparisons.errors import InputError

ARRAY = re.compile(r"\b(?:np\.)?(?:array|float64|float32|int64|list|tuple)\(")
DTYPE = re.compile(r",\s*dtype=[\w.']+(?=\s*\))")
SECTION = re.compile(r"(\w+):")
HEADING = re.compile(r"\$?`?([^`$]+)`?|\[\[(\d+)\]\]")

Rows = list[list[str]]


class _Text(str):
    """A number as it is written."""


def dumped(text: str, path: str) -> Rows | None:
    """Rows of a JSON file or a Python dict; None where the text is neither.

    Raises
    ------
    InputError
        If it begins as one and cannot be read.
    """
    found = parsed(text, path)
    if found is None:
        return None
    rows = _of_records(found) if isinstance(found, list) else _of_lists(found)
    if rows is None:
        raise InputError(f"{path}: no lists of numbers, expected one per parameter, all of one length")
    return rows


def parsed(text: str, path: str) -> Any:
    """What a JSON file or a Python dict holds, numbers as they are written; None where the text is neither.

    Raises
    ------
    InputError
        If it begins as one and cannot be read.
    """
    if not text.lstrip().startswith(("{", "[{")):
        return None
    try:
        return json.loads(text, parse_float=_Text, parse_int=_Text)
    except ValueError:
        try:
            return _literal(text)
        except (ValueError, SyntaxError):
            raise InputError(
                f"{path}: begins with {text.lstrip()[0]!r} and is neither JSON nor a Python dict, expected a table, or "
                "lists of numbers by the name of the parameter"
            ) from None


def _literal(text: str) -> Any:
    """A Python literal in which arrays are lists and numbers stay as they are written."""
    bare = DTYPE.sub("", text.strip())
    quoted = re.sub(r"(?<![\w.'\"])([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![\w.'\"])", r"'\1'", bare)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        return ast.literal_eval(ARRAY.sub("(", quoted))


def _of_records(found: list[Any]) -> Rows | None:
    """Rows of a list of records."""
    if not found or not all(isinstance(entry, dict) for entry in found):
        return None
    columns = list(found[0])
    return [columns, *([_cell(entry.get(column, "")) for column in columns] for entry in found)]


def _of_lists(found: dict[str, Any]) -> Rows | None:
    """Rows of lists by parameter, of dicts by parameter and item, or of those one level further down."""
    if not isinstance(found, dict):
        return None
    lists = {str(name): value for name, value in found.items() if isinstance(value, list | tuple | dict) and value}
    lists = {name: value for name, value in lists.items() if all(_is_cell(cell) for cell in _values(value))}
    if not lists:
        inner = [value for value in found.values() if isinstance(value, dict)]
        return next((rows for rows in map(_of_lists, inner) if rows is not None), None)
    names = next((_values(value) for name, value in lists.items() if name in ("item_ids", "items", "item")), None)
    lists = {name: value for name, value in lists.items() if name not in ("item_ids", "subject_ids", "ability")}
    sizes = [len(value) for value in lists.values()]
    length = len(names) if names else max(sizes, key=lambda size: (sizes.count(size), size))
    lists = {name: value for name, value in lists.items() if len(value) == length}
    keyed = next((value for value in lists.values() if isinstance(value, dict)), None)
    labels = names or (list(keyed) if keyed is not None else None)
    columns = [name for name in lists if name not in ("items", "item")]
    cells = zip(*([_cell(cell) for cell in _values(lists[name])] for name in columns), strict=True)
    if labels is None or len(labels) != length:
        return [columns, *map(list, cells)]
    return [[NAMELESS, *columns], *([str(label), *row] for label, row in zip(labels, cells, strict=True))]


def _values(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else list(value)


def _is_cell(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


def _cell(value: Any) -> str:
    return "" if value is None else str(value)


def sections(text: str) -> Rows | None:
    """Rows of a summary with a section per parameter, as mirt of Python prints it: name and colon, a table below."""
    name, within = "", False
    found: Rows = []
    for line in text.splitlines():
        words = line.split()
        if heading := SECTION.fullmatch(line.strip()):
            name, within = heading[1], False
        elif name and words[:2] == ["Item", "Estimate"]:
            within = True
        elif within and len(words) > 1 and not set(line.strip()) <= set("-="):
            found.append([words[0], name, words[1]])
    return [["item", "parameter", "estimate"], *found] if found else None


def console_list(text: str) -> Rows | None:
    """Rows of a list that R printed: the tables below each other, with the name of their element in front.

    The tables may differ in their columns (items, group parameters); a cell that a table does not have is empty.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    if not any(line.startswith(("$", "[[")) for line in lines):
        return None
    element, columns, blocks = "", [], []
    header: list[str] | None = None
    for line in lines:
        if line.startswith(("$", "[[")):
            found = HEADING.fullmatch(line.strip())
            element, header = (found[1] or found[2]) if found else line.strip("$"), None
        elif line.startswith("[1]") and header is None:
            cells = dict(enumerate(line.split()[1:], 1))
            columns += [str(place) for place in cells if str(place) not in columns]
            blocks.append((element, "", {str(place): cell for place, cell in cells.items()}))
        elif line.strip() and header is None:
            header = line.split()
            columns += [name for name in header if name not in columns]
        elif line.strip() and header is not None:
            words = line.split()
            name, values = " ".join(words[: -len(header)]), words[-len(header) :]
            blocks.append((element, name, dict(zip(header, values, strict=False))))
        else:
            header = header if not line.strip() else None
    return [
        [NAMELESS, SECOND_NAMELESS, *columns],
        *([element, name, *(cells.get(column, "") for column in columns)] for element, name, cells in blocks),
    ]
