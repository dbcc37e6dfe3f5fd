"""Which columns of a table are read, and a flag for those that are not."""

import csv
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from io import StringIO
from shlex import quote
from typing import Any, NamedTuple

from comparisons.case import Flag, InputError
from comparisons.reading.tables import Table

FREQUENCY = "frequency"
MOST_NEAR = 3


class ItemColumns(NamedTuple):
    """Columns of a table of responses.

    Attributes
    ----------
    items : tuple of str
        In the order of the file.
    named : tuple of str
        Those of the items that the user named one by one.
    id : str or None
        The column that says who answered.
    """

    items: tuple[str, ...]
    named: tuple[str, ...]
    id: str | None

    @property
    def used(self) -> tuple[str, ...]:
        """All columns that are read, the frequency included."""
        return (*self.items, FREQUENCY, *([] if self.id is None else [self.id]))


def unused_column(table: Table, used: Iterable[str]) -> tuple[Flag, ...]:
    """A flag that names the columns that are not read, none where there are none."""
    known = set(used)
    unused = [column for column in table.columns if column not in known]
    return (Flag("unused_column", f"not used: column {', '.join(unused)}"),) if unused else ()


def item_columns(table: Table, options: Mapping[str, Any], what: str = "columns of 0, 1 or empty") -> ItemColumns:
    """Choose the items: every column but the frequency, less what --id, --items and --drop say.

    Parameters
    ----------
    table : Table
    options : dict
        Of the family.
    what : str
        What item columns look like, for a message.

    Raises
    ------
    InputError
        If an option names a column that is not there, or one that is something else.
    """
    known = [column for column in table.columns if column != FREQUENCY]
    who = options.get("id")
    if who is not None:
        _require(table, "--id", who, known)
    everything = [column for column in known if column != who]
    chosen: list[str] = everything
    named: set[str] = set()
    if options.get("items") is not None:
        found, named = _matching(table, "--items", options["items"], known)
        if who in named:
            raise InputError(
                f"--items {options['items']}: {who!r} is the column of --id, expected it in one of the two"
            )
        chosen = [column for column in everything if column in found]
    if options.get("drop") is not None:
        dropped, one_by_one = _matching(table, "--drop", options["drop"], known)
        if both := named & one_by_one:
            raise InputError(
                f"--drop {options['drop']}: {min(both)!r} is also named in --items, expected it in one of the two"
            )
        chosen = [column for column in chosen if column not in dropped]
    if len(chosen) < 2:
        raise InputError(f"{table.path}: {len(chosen)} item column(s), expected at least 2 ({what})")
    return ItemColumns(tuple(chosen), tuple(column for column in chosen if column in named), who)


def as_argument(names: Iterable[str]) -> str:
    """Columns as --items and --drop take them, as one word of a shell."""
    text = StringIO()
    csv.writer(text, lineterminator="").writerow(names)
    return quote(text.getvalue())


def _matching(table: Table, option: str, text: str, known: list[str]) -> tuple[set[str], set[str]]:
    """Columns that a list of names and patterns means, and those of them that it names one by one.

    A name with a comma stands in double quotes, as in the file; a column that is called `q*` is meant by `q*`.
    """
    found: set[str] = set()
    named: set[str] = set()
    try:
        parts = next(csv.reader([text], skipinitialspace=True), []) or [""]
    except csv.Error:
        raise InputError(f"{option} {text!r}: expected column names or patterns with commas between them") from None
    for name in (part.strip() for part in parts):
        if name in known or not re.search(r"[*?]", name):
            _require(table, option, name, known)
            named.add(name)
            continue
        pattern = re.compile(re.escape(name).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)
        matched = {column for column in known if pattern.fullmatch(column)}
        if not matched:
            raise InputError(f"{option} {name}: no column of {table.path} fits, {_nearest(name, known)}")
        found |= matched
    return found | named, named


def _require(table: Table, option: str, name: str, known: list[str]) -> None:
    if name == FREQUENCY and name in table.columns:
        raise InputError(f"{option} {name}: the column says how often a row was seen, expected another one")
    if not name:
        raise InputError(f"{option}: an empty name, expected column names or patterns with commas between them")
    if name not in known:
        raise InputError(f"{option} {name}: {table.path} has no such column, {_nearest(name, known)}")


def _nearest(name: str, known: list[str]) -> str:
    """What the user may have meant."""
    by_plain: dict[str, list[str]] = {}
    for column in known:
        by_plain.setdefault(column.lower(), []).append(column)
    near = [column for close in get_close_matches(name.lower(), by_plain, MOST_NEAR, 0.5) for column in by_plain[close]]
    if near:
        return f"nearest: {', '.join(near[:MOST_NEAR])}"
    return f"expected one of: {', '.join(known[:8])}" + (f" and {len(known) - 8} more" if len(known) > 8 else "")
