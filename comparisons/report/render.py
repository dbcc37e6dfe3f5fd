"""A report as Markdown and as HTML. HTML is escaped by Jinja, Markdown by `markdown_text`."""

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from comparisons.report.page import Page, Picture
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


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Lines of a table that shows exactly these cells, the first column to the left."""
    rule = "|".join(["---", *["---:"] * (len(heads) - 1)])
    written = [" | ".join(markdown_text(cell) for cell in row) for row in rows]
    return [f"| {' | '.join(heads)} |", f"|{rule}|", *(f"| {row} |" for row in written)]


def fence(text: str) -> str:
    """A row of backticks longer than any in the text."""
    return "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))


def data_address(picture: Picture) -> str:
    """The image itself as an address, so that the page needs no other file."""
    return f"data:{picture.media_type};base64,{b64encode(picture.data).decode('ascii')}"


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("comparisons.report"),
        autoescape=lambda name: name is not None and name.endswith(".html.jinja"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"md": markdown_text, "fence": fence, "data_address": data_address}
    return environment


def _render(template: str, **content: Any) -> str:
    return _environment().get_template(template).render(**content)


def markdown(page: Page) -> str:
    """The report as Markdown, figures beside it in `figures/`."""
    return _render("report.md.jinja", page=page)


def html(page: Page) -> str:
    """The report as one HTML file that needs no other."""
    return _render("report.html.jinja", page=page)


def index(rows: list[dict[str, Any]], marker: str) -> str:
    """The index of a folder of reports as Markdown."""
    return _render("index.md.jinja", rows=rows, marker=marker)
