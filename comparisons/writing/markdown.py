"""Markdown: text that shows exactly itself, and tables."""

import re
from collections.abc import Iterable, Sequence

from comparisons.writing.plain import one_line

# Characters that Markdown gives a meaning, and how they are written to have none. Entities where a
# backslash would not do: HTML, the cells of a table, mathematics between dollar signs, links without brackets.
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "$": "&#36;", "@": "&#64;"}
_BACKSLASHED = "\\`*_[]~#!"
_WRITTEN = str.maketrans({**_ENTITIES, **{char: f"\\{char}" for char in _BACKSLASHED}})
_BARE_LINK = re.compile(r"(?i)(https?|ftp|mailto|xmpp):|www\.")


def markdown_text(text: object) -> str:
    """Text as Markdown that shows exactly this text, on one line.

    A bare address would become a link by itself; its colon or dot is written as an entity.
    """
    escaped = one_line(text).translate(_WRITTEN)
    return _BARE_LINK.sub(lambda found: found[0][:-1] + ("&#58;" if found[0][-1] == ":" else "&#46;"), escaped)


def markdown_table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool], *, aligned: bool = False
) -> str:
    """A table, lines joined.

    Parameters
    ----------
    heads : sequence of str
    rows : sequence of rows of str
        Cells are Markdown already.
    numeric : sequence of bool
        Which columns hold numbers and are set flush right.
    aligned : bool
        Pad the cells, so that the columns are straight in plain text too.
    """
    lines = [heads, ["---:" if number else ":---" for number in numeric], *rows]
    widths = [max(len(line[i]) for line in lines) if aligned else 0 for i in range(len(heads))]
    padded = ([cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in padded)


def plain_table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table that shows exactly these cells, the first column to the left, the others to the right."""
    numeric = [place > 0 for place in range(len(heads))]
    return markdown_table(heads, [[markdown_text(cell) for cell in row] for row in rows], numeric)
