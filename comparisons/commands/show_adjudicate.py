"""An adjudication on the terminal, as Markdown, JSON and CSV."""

import math
from io import StringIO
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from comparisons.adjudicate.adjudication import Adjudication
from comparisons.adjudicate.finding import Verdict
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
HEADS = ("optimum", "difference", "std. error", "in s.e.", "digits", "outside rounding")


def _number(value: float, pattern: str) -> str:
    if value is None or math.isnan(value):
        return "-"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return format(value, pattern if abs(value) < 1e15 else ".6g")


def heads(result: Adjudication) -> tuple[str, ...]:
    """Heads of the columns of numbers: what each was read as is told where the file's own name does not say it."""
    converted = ("read as", "converted") if result.converted else ("read as",) if result.renamed else ()
    return ("given", *converted, *HEADS)


def rows(result: Adjudication) -> list[tuple[str, ...]]:
    """The table of parameters as written cells."""
    like_the_optimum = f".{min(result.estimates.decimals + 3, 12)}f"
    return [
        (
            str(row["parameter"]),
            str(row["text"]),
            *([str(row["read_as"])] if result.converted or result.renamed else []),
            *([_number(row["converted"], like_the_optimum)] if result.converted else []),
            _number(row["optimum"], like_the_optimum),
            _number(row["difference"], "+.1e"),
            _number(row["se"], ".2g"),
            _number(row["in_se"], ".2g"),
            _number(row["digits"] + 0.0, ".1f"),
            ("by " + _number(row["outside"], ".1e") if row["outside"] > 0 else "")
            if row["determined"]
            else "left open by the data",
        )
        for row in result.parameters.to_dict("records")
    ]


def group_rows(result: Adjudication) -> list[tuple[str, ...]]:
    """The table of items (or coins) as written cells."""
    what = result.groups.columns[0]
    return [
        (str(row[what]), _number(row["in_se"], ".2g"), _number(row["digits"] + 0.0, ".1f"))
        for row in result.groups.to_dict("records")
    ]


def facts(result: Adjudication) -> list[tuple[str, str]]:
    """What the verdict rests on, as names and values."""
    point, kind = result.point, "log-posterior" if result.case.with_prior else "log-likelihood"
    reading = result.finding.reading
    found = [
        (f"{kind} at the estimates", "not defined" if point is None else _number(point.objective, ".7f")),
        (f"best {kind} found", f"{result.best:.7f} (EM and PyMC, {result.starts} starts each)"),
        ("deficit", "infinite" if point is None else f"{result.best - point.objective:.3g}"),
        ("largest gradient there", "-" if point is None else f"{point.gradient_norm:.3g}"),
        ("distance by Newton's step", _number(result.newton_distance, ".3g") + " standard errors"),
        ("distance (Mahalanobis)", _number(result.mahalanobis, ".3g") + " standard errors" + _so_read(reading.changes)),
        (f"distance by the {kind}", _number(result.distance, ".3g") + " standard errors" + _so_read(reading.changes)),
        ("belongs to", result.owner),
    ]
    if result.finding.held is not None:
        rises = [f"{entry.rise:.6g} per unit of {result.own(entry.name)}" for entry in result.finding.held.rising]
        found.append((f"rise of the {kind} from the edge", "; ".join(rises)))
    if result.finding.allowance is not None:
        change = f"{result.finding.allowance.change:.2g} (tolerance {result.tolerance:g})"
        found.append(("change left in an EM cycle", change))
    return found


def _so_read(changes: tuple[str, ...]) -> str:
    return ", once converted" if changes else ""


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


def capital(text: str) -> str:
    """Text with a capital at its beginning."""
    return text[:1].upper() + text[1:]
