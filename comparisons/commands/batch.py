"""One problem after the other: check, report, show. A problem that fails does not stop the others."""

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from comparisons.errors import InputError, one_line, unforeseen
from comparisons.parsing import shortened
from comparisons.writing.manifest import ready

if TYPE_CHECKING:
    from comparisons.case import Case
    from comparisons.commands.terminal import Screen
    from comparisons.cross_check.run import CrossCheck

    Keep = Callable[["Job", CrossCheck], None]

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
    overwrite: bool = False
    strict: bool = False

    def status_of(self, verdict: str) -> int:
        """Exit status of a verdict: what is no disagreement counts as one only when strict."""
        return DISAGREE if verdict == "disagree" or (self.strict and verdict != "agree") else AGREE

    @property
    def arguments(self) -> list[str]:
        """Arguments that give the same numbers again."""
        chosen = ["--starts", str(self.starts), "--seed", str(self.seed)]
        chosen += ["--backend", self.backend] if self.backend != "fast" else []
        return [*chosen, "--posterior"] if self.posterior else chosen

    @property
    def settings(self) -> dict[str, str]:
        """What tells a run from others, beside the problem."""
        return {
            "starts": str(self.starts),
            "seed": str(self.seed),
            "backend": self.backend,
            "posterior": "yes" if self.posterior else "no",
            "format": ",".join(self.formats),
        }


def planned(
    *,
    starts: int,
    seed: int,
    out: str,
    format: tuple[str, ...],
    posterior: bool,
    overwrite: bool,
    strict: bool,
    backend: str = "fast",
) -> Plan:
    """The plan of a command line, from `comparisons.commands.options.common_options`."""
    return Plan(starts, seed, Path(out), format, posterior, backend, overwrite, strict)


class Job(NamedTuple):
    """One problem to run.

    Attributes
    ----------
    name : str
        Also of its folder.
    load : callable () -> Case
    settings : dict of name -> text
        What tells it from other problems.
    command : list of str
        The command line that gives the same numbers again.
    """

    name: str
    load: "Callable[[], Case]"
    settings: Mapping[str, str]
    command: list[str]


def _ready_for(out: Path, name: str) -> Path:
    """Folder of one report; what cannot be written is found out before the work begins."""
    ready(out)
    if (out / name).exists() and not (out / name).is_dir():
        raise InputError(f"--out {out}: holds a file {name!r}, expected a folder or nothing of that name")
    return out / name


def _cross_check(job: Job, plan: Plan, screen: "Screen", keep: "Keep") -> tuple[int, "Callable[[], None]"]:
    """Load one problem, run EM and PyMC and write its report; the status, and what shows the verdict."""
    from comparisons.commands.terminal import Bar

    settings = {**job.settings, **plan.settings}
    with Bar(job.name, wanted=not screen.quiet) as bar:
        bar.phase("reading")
        case = job.load()
        folder = _ready_for(plan.out, case.name)
        bar.phase("starting PyMC")
        from comparisons.report import refuse_strangers, write_report

        refuse_strangers(folder, plan.formats, plan.posterior, settings, plan.overwrite)
        from comparisons.cross_check.run import crosscheck
        from comparisons.report import scores_remark

        result = crosscheck(case, plan.starts, plan.seed, backend=plan.backend, progress=bar.over)
        posterior = None
        if plan.posterior:
            from comparisons.posterior.sample import sample

            bar.phase("sampling the posterior")
            posterior = sample(result, seed=plan.seed)
        bar.phase("writing the report")
        write_report(result, folder, plan.formats, posterior, settings, plan.overwrite, join(job.command))
    keep(job, result)
    files = (folder / name for name in ("report.html", "report.md", "summary.json"))
    about_scores = scores_remark(result)
    remarks = [
        *([("person scores", about_scores)] if about_scores else []),
        *(("posterior", message) for message in (() if posterior is None else posterior.messages)),
    ]
    report = next((file for file in files if file.exists()), folder)
    return plan.status_of(result.verdict), lambda: screen.result(result, report, remarks)


def forget(_job: Job, _result: "CrossCheck") -> None:
    """Default: results are in their reports, and not kept."""


def run_all(jobs: Iterable[Job], plan: Plan, quiet: bool, keep: "Keep" = forget) -> list[int]:
    """Statuses of all problems, each run whatever becomes of the others; `keep` is given every result."""
    from comparisons.commands.terminal import Screen

    screen, statuses = Screen(quiet), []
    for job in jobs:
        try:
            status, show = _cross_check(job, plan, screen, keep)
        except InputError as error:
            complain(error)
            status = BAD_INPUT
        except OSError as error:
            complain(f"{error.filename or job.name}: {error.strerror or error}")
            status = BAD_INPUT
        except Exception as error:
            complain(f"{job.name}: {unforeseen(error)}")
            status = INTERNAL_ERROR
        else:
            # Here an output that cannot be written is the command's trouble, not the problem's.
            show()
        statuses.append(status)
    return statuses
