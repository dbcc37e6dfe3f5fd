"""What the command line shows: the verdict, a compact table, and a bar while it works."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Any, NoReturn

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.table import Table
from rich.text import Text

from comparisons.commands.batch import BROKEN_PIPE, discard
from comparisons.errors import one_line
from comparisons.writing.numerals import on_terminal

if TYPE_CHECKING:
    from pandas import DataFrame

    from comparisons.cross_check.run import CrossCheck

# Seconds after which the bar appears.
PATIENCE = 2.0
# Columns of a terminal that the tables are made for; a narrower one folds their lines.
WIDTH = 80
# A longer table shows the rows that differ most; the report has them all.
MOST_ROWS = 12
MOST_OPTIMA = 4
VERDICT_STYLE = {
    "agree": "bold green",
    "agree elsewhere": "bold yellow",
    "undecided": "bold yellow",
    "disagree": "bold red",
}


class _Count(ProgressColumn):
    """Done of all, and the time left, while something is counted."""

    def render(self, task: Task) -> Text:
        if task.total is None:
            return Text()
        left = task.time_remaining
        return Text(f"{task.completed:.0f}/{task.total:.0f}" + ("" if left is None else f", {left:.0f} s left"))


class Bar:
    """How far one problem is; shown only when it takes long and someone looks on."""

    def __init__(self, problem: str, wanted: bool) -> None:
        console = Console(stderr=True, highlight=False)
        seen = sys.stdout.isatty() and sys.stderr.isatty() and not console.is_dumb_terminal
        self._problem = one_line(problem)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            _Count(),
            console=console,
            transient=True,
            disable=not (wanted and seen),
        )
        self._task = self._progress.add_task(self._problem, total=None)
        self._timer = Timer(PATIENCE, self._progress.start)
        self._timer.daemon = True

    def __enter__(self) -> "Bar":
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._timer.join()
        self._progress.stop()

    def phase(self, what: str) -> None:
        """Say what is being done now, for as long as it takes."""
        self._show(f"{self._problem}: {what}")

    def over(self, items: Iterable[Any], total: int, label: str) -> Iterator[Any]:
        """Count the items of a loop (see `comparisons.optima.starts.Progress`)."""
        self._show(one_line(label), total)
        for item in items:
            yield item
            self._progress.advance(self._task)
        self.phase("comparing")

    def _show(self, description: str, total: int | None = None) -> None:
        """Begin a new task: an old one cannot lose its total."""
        self._progress.remove_task(self._task)
        self._task = self._progress.add_task(description, total=total)


class _Output(Console):
    def on_broken_pipe(self) -> NoReturn:
        """End as other programs do when no one reads on; the status 1 is taken."""
        self.quiet = True
        discard(sys.stdout)
        raise SystemExit(BROKEN_PIPE)


def _console(quiet: bool, width: int | None = None) -> Console:
    return _Output(highlight=False, markup=False, emoji=False, quiet=quiet, width=width)


class Screen:
    """Standard output: wrapped to the width of a terminal, left as it is in a file or a pipe."""

    def __init__(self, quiet: bool = False) -> None:
        self._console = _console(quiet)
        self.quiet = quiet

    def line(self, text: Text | str = "") -> None:
        """One line or paragraph."""
        if self._console.is_terminal or self.quiet:
            self._console.print(text)
            return
        try:
            self._console.file.write(f"{text}\n")
            self._console.file.flush()
        except BrokenPipeError:
            self._console.on_broken_pipe()

    def table(self, table: Table) -> None:
        """A table without blanks at its line ends; a number is never cut short."""
        wide = _console(self.quiet, max(self._console.width, WIDTH))
        with wide.capture() as written:
            wide.print(table, crop=False)
        for line in written.get().splitlines():
            wide.out(line.rstrip(), highlight=False)

    def result(self, result: "CrossCheck", report: Path, remarks: Iterable[tuple[str, str]] = ()) -> None:
        """The verdict sentence, flags, optima, agreement, remarks (on what, and what), and where the report is."""
        self.line(Text.assemble((one_line(result.case.name), "bold"), f"  {one_line(result.case.title)}"))
        self.line(Text(one_line(result.sentence), VERDICT_STYLE[result.verdict]))
        for flag in result.flags:
            self.line(Text.assemble((f"{flag.code}: ", "yellow"), one_line(flag.message)))
        self.line(_optima(result))
        self.line()
        self.table(_agreement(result))
        self.line()
        for what, remark in remarks:
            self.line(Text.assemble((f"{what}: ", "yellow"), one_line(remark)))
        self.line(f"Report: {one_line(str(report))}")
        self.line()

    def ladder(self, groups: str, results: "Mapping[int, CrossCheck]", page: Path) -> None:
        """The ladder of models, what is wrong with it, and where its page is."""
        from comparisons.cross_check.ladder import ladder_flags, ladder_table
        from comparisons.report.ladder import shown

        heads, rows = shown(ladder_table(groups, results), narrow=True)
        table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
        for head in heads:
            table.add_column(head, justify="left" if head == "kind" else "right", no_wrap=True)
        for row in rows:
            table.add_row(*row)
        starts = max(result.n_starts for result in results.values())
        best = f"the best optimum, and how many of {starts} starts reached it"
        self.line(Text.assemble((f"Ladder of {groups}", "bold"), f": {best}"))
        self.table(table)
        self.line()
        for flag in ladder_flags(groups, results):
            self.line(Text.assemble((f"{flag.code}: ", "yellow"), one_line(flag.message)))
        self.line(f"Ladder: {one_line(str(page))}")
        self.line()

    def problems(self, descriptions: Iterable[tuple[str, str, str, str]], families: Iterable[str]) -> None:
        """Name, title, family and source of each problem, and all families; in a pipe tab-separated problems."""
        for name, title, family, source in (tuple(map(one_line, description)) for description in descriptions):
            if not self._console.is_terminal:
                self.line("\t".join((name, title, family, source)))
                continue
            self.line(Text.assemble((name, "bold"), f"  {family}"))
            self._console.print(Padding(Text(title), (0, 2)))
            self._console.print(Padding(Text(source, "dim"), (0, 2, 1, 2)))
        if self._console.is_terminal:
            self.line(f"Families, for em-crosscheck compare: {', '.join(map(one_line, families))}")


def _agreement(result: "CrossCheck") -> Table:
    """Log-likelihood and estimates by EM and PyMC; of a long list some rows, and the note says which."""
    from comparisons.report.estimates import ends_shown, without_error

    estimates, note = _shown(result)
    note = "\n".join(filter(None, (note, without_error(result.estimates)))) or None
    table = Table(
        box=SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True, caption=note, caption_justify="left"
    )
    table.add_column("", overflow="fold", min_width=18)
    for name in ("EM", "PyMC", "difference", "std. error", "digits"):
        table.add_column(name, justify="right", no_wrap=True)
    ends = result.ends
    gap = f"{abs(result.log_likelihood_difference):.1e}"
    table.add_row("log-likelihood", f"{ends.em_log_likelihood:.6f}", f"{ends.pymc_log_likelihood:.6f}", gap)
    for row in estimates.to_dict("records"):
        known = row["identified"]
        has_error = not row["no_se"] and row["pymc_se"] > 0
        table.add_row(
            Text(one_line(row["parameter"])),
            *map(on_terminal, ends_shown(row)),
            f"{row['difference']:.1e}",
            f"{row['pymc_se']:.2g}" if has_error else "-",
            f"{row['digits']:.1f}" if known else "-",
            style=None if known else "dim",
        )
    return table


def _shown(result: "CrossCheck") -> tuple["DataFrame", str | None]:
    """Rows of the estimates to show, and a note when they are not all."""
    from comparisons.report.estimates import few

    estimates = result.estimates
    if len(estimates) <= MOST_ROWS:
        return estimates, None
    always = estimates["parameter"].isin(few(result.case))
    others = estimates[~always]
    # What is not identified comes first: by its place, not by how far apart EM and PyMC happen to be.
    distance = others["in_se"].fillna(others["difference"]).where(others["identified"], float("inf"))
    chosen = distance.nlargest(MOST_ROWS - sum(always)).index
    shown = estimates.loc[sorted({*estimates.index[always], *chosen})]
    open_ones = int((~estimates.loc[chosen, "identified"]).sum())
    said = [
        *map(one_line, estimates["parameter"][always]),
        *([f"{open_ones} of {int((~others['identified']).sum())} not identified"] if open_ones else []),
        *([f"the {len(chosen) - open_ones} that differ most"] if len(chosen) > open_ones else []),
    ]
    return shown, f"{len(shown)} of {len(estimates)} parameters are shown: {', '.join(said)}"


def _optima(result: "CrossCheck") -> str:
    """The optima found, and how many starts of EM and of PyMC ended there."""
    shown = [
        f"{optimum.kind}{'' if optimum.kind == 'degenerate' else f' {optimum.objective:.4f}'} "
        f"({len(optimum.members['em'])} EM, {len(optimum.members['pymc'])} PyMC)"
        for optimum in result.optima[:MOST_OPTIMA]
    ]
    more = len(result.optima) - MOST_OPTIMA
    what = " (log-posterior)" if result.case.with_prior else ""
    return (
        f"Where {result.n_starts} start{'s' * (result.n_starts > 1)} ended{what}: "
        + "; ".join(shown)
        + (f"; and {more} more" if more > 0 else "")
    )
