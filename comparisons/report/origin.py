"""Where a case is from, as far as a report may claim to know: the catalogue, the command line, or Python."""

import numpy as np

from comparisons import catalogue
from comparisons.case import Case
from comparisons.cross_check.run import CrossCheck
from comparisons.optima.starts import draw_starts
from comparisons.report.page import Block, Code, Text
from comparisons.writing.plain import one_line


def in_catalogue(case: Case) -> bool:
    """Whether a case is a problem of the catalogue, and not one that only has its name."""
    if case.name not in catalogue.names():
        return False
    return (case.name, case.title, case.family, case.source) == tuple(catalogue.describe(case.name))


def named_start(case: Case) -> str:
    """What to call the start that a case carries."""
    return "the documented start" if in_catalogue(case) else "the given start"


def begins_with_it(result: CrossCheck) -> bool:
    """Whether start 0 is the one that the case carries."""
    start = result.case.start
    return start is not None and all(np.array_equal(start[name], result.starts[name][0]) for name in result.case.labels)


def how_made(result: CrossCheck, with_posterior: bool, command: str | None) -> tuple[Block, ...]:
    """The command that writes this report again; for a case made in Python there is none, only a call."""
    case, drawn = result.case, _starts_are_drawn(result)
    numbers = f"--starts {result.n_starts} --seed {result.seed}"
    if command is None and drawn and in_catalogue(case):
        command = f"em-crosscheck run {case.name} {numbers}" + " --posterior" * with_posterior
    if command is not None:
        return (Text("To regenerate this report:"), Code(one_line(command)))
    call = f"n_starts={result.n_starts}, seed={result.seed}" if drawn else "starts=..."
    return (Text("Made in Python, by a call that no command reproduces:"), Code(f"crosscheck(case, {call})"))


def _starts_are_drawn(result: CrossCheck) -> bool:
    """Whether the starts are those that the seed gives, not the user's own."""
    expected = draw_starts(result.case, result.n_starts, result.seed)
    return all(np.array_equal(result.starts[name], expected[name]) for name in result.case.labels)
