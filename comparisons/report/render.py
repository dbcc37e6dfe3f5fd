"""A report as Markdown and as HTML. HTML is escaped by Jinja, Markdown by `markdown_text`."""

import re
from base64 import b64encode
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from comparisons.report.page import Page, Picture, Table
from comparisons.writing import numerals
from comparisons.writing.markdown import markdown_table, markdown_text


def report_table(table: Table) -> str:
    """A table of a report as Markdown; the rows that must catch the eye are bold."""
    rows = [
        [f"**{markdown_text(cell)}**" if index in table.alarms and cell else markdown_text(cell) for cell in row]
        for index, row in enumerate(table.rows)
    ]
    numeric = [column.numeric for column in table.columns]
    return markdown_table([markdown_text(column.title) for column in table.columns], rows, numeric)


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
    environment.filters |= {"md": markdown_text, "table": report_table, "fence": fence, "data_address": data_address}
    return environment


def _render(template: str, **content: Any) -> str:
    return _environment().get_template(template).render(**content)


def markdown(page: Page) -> str:
    """The report as Markdown, figures beside it in `figures/`."""
    return _render("report.md.jinja", page=page)


def html(page: Page) -> str:
    """The report as one HTML file that needs no other."""
    return _render("report.html.jinja", page=page)


def index(rows: list[dict[str, Any]], pages: list[tuple[str, str]], marker: str) -> str:
    """The index of a folder of reports as Markdown."""
    heads = ("problem", "verdict", "flags", "log-likelihood", "least matching digits", "starts")
    numeric = (False, False, False, True, True, True)
    table = markdown_table(heads, [_index_row(row) for row in rows], numeric) if rows else ""
    links = [f"[{markdown_text(title)}]({name})" for title, name in pages]
    return _render("index.md.jinja", table=table, links=links, marker=marker)


def _index_row(row: dict[str, Any]) -> list[str]:
    badge = row["badge"]
    verdict = "agree" if badge.css_class == "agree" else f"**{badge.word.upper()}**"
    link = f"[{markdown_text(row['problem'])}]({row['link']})"
    numbers = [markdown_text(row[name]) for name in ("log_likelihood", "digits", "starts")]
    return [link, f"{badge.icon} {verdict}", markdown_text(row["flags"]) or numerals.MISSING, *numbers]
