"""One problem after the other: check, report, show. A problem that fails does not stop the others."""

import os
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from comparisons.errors import InputError, one_line

if TYPE_CHECKING:
    from comparisons.case import Case
    from comparisons.terminal import Screen

# Exit statuses; of several problems the worst counts.
AGREE, DISAGREE, BAD_INPUT, INTERNAL_ERROR, INTERRUPTED = 0, 1, 2, 3, 130


def complain(error: object) -> None:
    """One line on standard error."""
    click.echo(f"Error: {one_line(str(error))}", err=True)


@dataclass(frozen=True)
class Plan:
    """What to do with each problem."""

    starts: int
    seed: int
    out: Path
    formats: tuple[str, ...]
    posterior: bool
    backend: Any = "fast"
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


def _cross_check(name: str, load: "Callable[[], Case]", plan: Plan, screen: "Screen") -> int:
    """Load one problem, run both sides, write its report and show the verdict."""
    from comparisons.terminal import Bar

    with Bar(name, wanted=not screen.quiet) as bar:
        bar.phase("reading")
        case = load()
        folder = _ready_for(plan.out, case.name)
        bar.phase("starting PyMC")
        from comparisons.harness import crosscheck
        from comparisons.report import scores_remark, write_report

        result = crosscheck(case, plan.starts, plan.seed, backend=plan.backend, progress=bar.over)
        posterior = None
        if plan.posterior:
            from comparisons.posterior import sample

            bar.phase("sampling the posterior")
            posterior = sample(result, seed=plan.seed)
        bar.phase("writing the report")
        write_report(result, folder, plan.formats, posterior)
    files = (folder / name for name in ("report.html", "report.md", "summary.json"))
    about_scores = scores_remark(result)
    remarks = [
        *([("person scores", about_scores)] if about_scores else []),
        *(("posterior", message) for message in (() if posterior is None else posterior.messages)),
    ]
    screen.result(result, next((file for file in files if file.exists()), folder), remarks)
    return plan.status_of(result.verdict)


def run_all(problems: "Iterable[tuple[str, Callable[[], Case]]]", plan: Plan, quiet: bool) -> list[int]:
    """Statuses of all problems, each run whatever becomes of the others."""
    from comparisons.terminal import Screen

    screen, statuses = Screen(quiet), []
    for name, load in problems:
        try:
            status = _cross_check(name, load, plan, screen)
        except InputError as error:
            complain(error)
            status = BAD_INPUT
        except BrokenPipeError:
            raise
        except OSError as error:
            complain(f"{error.filename or name}: {error.strerror or error}")
            status = BAD_INPUT
        except Exception:
            traceback.print_exc()
            complain(f"{name}: internal error, please report it with the lines above")
            status = INTERNAL_ERROR
        statuses.append(status)
    return statuses
