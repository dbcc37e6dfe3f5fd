"""An adjudication on the terminal."""

from io import StringIO
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from comparisons.adjudicate.adjudication import Adjudication
from comparisons.adjudicate.finding import Verdict
from comparisons.adjudicate.told import capital, facts, group_rows, heads, rows
from comparisons.commands.terminal import Screen
from comparisons.errors import one_line

STYLE = {
    Verdict.AT_MAXIMUM: "bold green",
    Verdict.PRACTICALLY_AT_MAXIMUM: "green",
    Verdict.STOPPED_EARLY: "bold yellow",
}
# A longer table is cut on the terminal: the rows furthest from the optimum are shown.
MOST_ROWS = 30
WIDTH = 100


def show(result: Adjudication, screen: Screen, written: list[Path]) -> None:
    """Print the verdict, what it rests on and the table of parameters."""
    from rich.text import Text

    screen.line(Text(one_line(capital(result.sentence)), STYLE.get(result.verdict, "bold red")))
    screen.line()
    width = max(len(name) for name, _ in facts(result))
    for name, value in facts(result):
        screen.line(Text(f"{name:<{width}}  {one_line(value)}"))
    for note in (*result.estimates.notes, *(flag.message for flag in result.case.flags)):
        screen.line(Text(f"note: {one_line(note)}"))
    screen.line()
    cells, cut = rows(result), ""
    if len(cells) > MOST_ROWS:
        order = result.parameters["in_se"].fillna(-1).nlargest(MOST_ROWS).index.sort_values()
        cut = f"The {MOST_ROWS} of {len(cells)} numbers furthest from the optimum; --out writes them all."
        cells = [cells[i] for i in order]
    _table(screen, ("", *heads(result)), cells)
    if cut:
        screen.line(cut)
    screen.line()
    shown = group_rows(result)[:MOST_ROWS]
    _table(screen, (str(result.groups.columns[0]), "in s.e.", "digits"), shown)
    if written:
        screen.line(f"Written to {one_line(str(written[0].parent))}: {', '.join(path.name for path in written)}")


def _table(screen: Screen, heads: tuple[str, ...], cells: list[tuple[str, ...]]) -> None:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for place, head in enumerate(heads):
        table.add_column(head, justify="right" if place else "left", no_wrap=True)
    for row in cells:
        table.add_row(*map(one_line, row))
    text = StringIO()
    longest = sum(max(len(head), *(len(one_line(row[i])) for row in cells)) + 3 for i, head in enumerate(heads))
    Console(file=text, width=max(WIDTH, longest), highlight=False, markup=False, emoji=False, no_color=True).print(
        table
    )
    for line in text.getvalue().splitlines():
        screen.line(line.rstrip())
