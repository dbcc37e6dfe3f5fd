"""The audit as the command line shows it."""

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from comparisons.audit.finding import REMARKS, Finding, Level, Outcome, level_of
from comparisons.case import Case
from comparisons.commands.terminal import Screen
from comparisons.errors import one_line

STYLES = {
    Outcome.PASSED: "green",
    Outcome.FAILED: "bold red",
    Outcome.GENERALISED: "yellow",
    Outcome.ACCELERATED: "yellow",
    Outcome.REMARK: "yellow",
    Outcome.NOT_APPLICABLE: "dim",
}

LEVELS = {Level.RIGHT: "bold green", Level.WITH_REMARKS: "bold yellow", Level.WRONG: "bold red"}


def show(em: str, case: Case, findings: list[Finding]) -> None:
    """Every check in a table; of those that failed also where, and what it usually means."""
    screen = Screen()
    screen.line(Text.assemble((one_line(em), "bold"), f"  on {one_line(case.name)}: {one_line(case.title)}"))
    screen.line()
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("check", no_wrap=True)
    table.add_column("outcome", no_wrap=True)
    table.add_column("found", overflow="fold")
    for finding in findings:
        outcome = Text(str(finding.outcome), STYLES[finding.outcome])
        table.add_row(finding.check, outcome, Text(one_line(finding.found)))
    screen.table(table)
    wrong = [finding for finding in findings if finding.outcome is Outcome.FAILED]
    for finding in wrong:
        screen.line()
        screen.line(Text(f"{finding.check} failed: {one_line(finding.found)}"))
        if finding.at:
            screen.line(Text(f"  at {one_line(finding.at)}"))
        if finding.meaning:
            screen.line(Text(f"  usually: {finding.meaning}"))
    for finding in (finding for finding in findings if finding.outcome in REMARKS):
        screen.line()
        screen.line(Text(f"{finding.check}, a remark: {one_line(finding.found)}"))
    screen.line()
    applied = sum(finding.outcome is not Outcome.NOT_APPLICABLE for finding in findings)
    if wrong:
        found = f"{len(wrong)} of {applied} checks failed. Begin with the first: others may follow from it."
    else:
        found = f"No check failed: {applied} applied, {len(findings) - applied} did not."
    level = level_of(findings)
    screen.line(Text.assemble((f"{str(level).capitalize()}. ", LEVELS[level]), found))
