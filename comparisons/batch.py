"""One problem after the other: check, report, show. A problem that fails does not stop the others."""

import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from comparisons.errors import InputError, one_line, unforeseen
from comparisons.parsing import shortened

if TYPE_CHECKING:
    from comparisons.case import Case
    from comparisons.terminal import Screen

# Exit statuses; of several problems the worst counts.
AGREE, DISAGREE, BAD_INPUT, INTERNAL_ERROR, INTERRUPTED = 0, 1, 2, 3, 130
# What a shell reports for a program that ends because no one reads its output.
BROKEN_PIPE = 141
# The user's own names and values may be of any length.
LONGEST_LINE = 1_000


def complain(error: object) -> None:
    """One line on standard error. Where that cannot be written, the status has to say it all."""
    try:
        click.echo(f"Error: {one_line(shortened(str(error), LONGEST_LINE))}", err=True)
    except OSError:
        discard(sys.stderr)


def discard(stream: Any) -> None:
    """What a stream that cannot be written still holds has nowhere to go: else Python's end would stumble over it."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@dataclass(frozen=True)
class Plan:
    """What to do with each problem."""

    starts: int
    seed: int
    out: Path
    formats: tuple[str, ...]
    posterior: bool
    backend: Any = "fast"

    @property
    def arguments(self) -> list[str]:
        """Arguments that give the same numbers again."""
        chosen = ["--starts", str(self.starts), "--seed", str(self.seed)]
        chosen += ["--backend", self.backend] if self.backend != "fast" else []
        return [*chosen, "--posterior"] if self.posterior else chosen


def _ready_for(out: Path, name: str) -> Path:
    """Folder of one report; what cannot be written is found out before the work begins."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {out}: cannot be made ({error.strerror}), expected a folder") from None
    if not os.access(out, os.W_OK | os.X_OK):
        raise InputError(f"--out {out}: cannot be written, expected a folder of yours")
    if (out / name).exists() and not (out / name).is_dir():
        raise InputError(f"--out {out}: holds a file {name!r}, expected a folder or nothing of that name")
    return out / name


def _cross_check(
    name: str, load: "Callable[[], Case]", plan: Plan, screen: "Screen"
) -> tuple[int, "Callable[[], None]"]:
    """Load one problem, run both sides and write its report; the status, and what shows the verdict."""
    from comparisons.terminal import Bar

    with Bar(name, wanted=not screen.quiet) as bar:
        bar.phase("reading")
        case = load()
        folder = _ready_for(plan.out, case.name)
        bar.phase("starting PyMC")
        from comparisons.harness import crosscheck
        from comparisons.report import write_report

        result = crosscheck(case, plan.starts, plan.seed, backend=plan.backend, progress=bar.over)
        posterior = None
        if plan.posterior:
            from comparisons.posterior import sample

            bar.phase("sampling the posterior")
            posterior = sample(result, seed=plan.seed)
        bar.phase("writing the report")
        write_report(result, folder, plan.formats, posterior)
    files = (folder / name for name in ("report.html", "report.md", "summary.json"))
    remarks = () if posterior is None else posterior.messages
    report = next((file for file in files if file.exists()), folder)
    return AGREE if result.verdict == "agree" else DISAGREE, lambda: screen.result(result, report, remarks)


def run_all(problems: "Iterable[tuple[str, Callable[[], Case]]]", plan: Plan, quiet: bool) -> list[int]:
    """Statuses of all problems, each run whatever becomes of the others."""
    from comparisons.terminal import Screen

    screen, statuses = Screen(quiet), []
    for name, load in problems:
        try:
            status, show = _cross_check(name, load, plan, screen)
        except InputError as error:
            complain(error)
            status = BAD_INPUT
        except OSError as error:
            complain(f"{error.filename or name}: {error.strerror or error}")
            status = BAD_INPUT
        except Exception as error:
            complain(f"{name}: {unforeseen(error)}")
            status = INTERNAL_ERROR
        else:
            # Here an output that cannot be written is the command's trouble, not the problem's.
            show()
        statuses.append(status)
    return statuses
