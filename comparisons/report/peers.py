"""The page `reports/peers.md`: published packages, what they claim and where they stop."""

from collections.abc import Callable, Sequence

import pandas as pd

from comparisons.adjudicate import Adjudication
from comparisons.audit import Outcome
from comparisons.audit.early_stops import ARRIVED
from comparisons.optima.kinds import Kind
from comparisons.peers import left_out
from comparisons.peers._study import Audited
from comparisons.writing import numerals
from comparisons.writing.markdown import markdown_text, plain_table

# Told in words also where it passed.
ASKED = ("standard_errors",)
INTRODUCTION = f"""What each package claims with its defaults and with its tightest tolerance, how far from the maximum
of the likelihood it stops, and what the audit of this repository finds. Every number in a table or a finding was
written by the command at the end of the page.

A distance is in standard errors, by the log-likelihood: sqrt(2 (L_max - L)), with the deficit L_max - L beside it.
There are two maxima: the one under the package's own quadrature, which is what it set out to find, and the one under
nodes of ours, which stand for the integral. The verdicts are those of `em-crosscheck adjudicate`, which asks whether
estimates are near enough to report. The checks are those of `em-crosscheck check`, under the package's own quadrature.
They ask more: a fit must end within {ARRIVED:g} standard errors of a zero of the gradient, or go there when it is
carried on from where it stopped. A check that does not apply to a whole fit is left out."""
HEAD = "package, settings"
IMPOSSIBLE = "the data are impossible under its estimates"


def page(runs: Sequence[Audited], missing: Sequence[str], command: str, n_starts: int, seed: int) -> str:
    """The page as Markdown.

    Parameters
    ----------
    runs : sequence of Audited
    missing : sequence of str
        Packages that are left out because they are not installed.
    command : str
        What writes the page again.
    n_starts, seed : int
    """
    lines = ["# Published packages, audited as they are", "", INTRODUCTION, ""]
    lines += [f"Left out: {left_out(list(missing))}.", ""] if missing else []
    for some in _together(runs, lambda run: run.peer.PACKAGE):
        lines += _package(some)
    for some in _together(runs, lambda run: run.problem.name):
        lines += _problem(some)
    lines += [
        "## How this page was made",
        "",
        f"`{command}`. The maxima were sought by EM and by PyMC from {n_starts} random starts (seed {seed}), and from "
        "the estimates of the packages.",
        "",
    ]
    return "\n".join(lines)


def _together(runs: Sequence[Audited], what: Callable[[Audited], str]) -> list[list[Audited]]:
    """Runs of the same package or problem, in the order in which these come."""
    found: dict[str, list[Audited]] = {}
    for run in runs:
        found.setdefault(what(run), []).append(run)
    return list(found.values())


def _package(runs: Sequence[Audited]) -> list[str]:
    """What it is, its settings, and what one must know."""
    peer = runs[0].peer
    settings = []
    for setting in peer.SETTINGS:
        options = ", ".join(f"`{name}={value!r}`" for name, value in setting.options.items())
        settings.append(f"- *{setting.name}*: {options or 'none set'}")
    notes = [f"- {note}" for note in peer.NOTES]
    return [f"## {peer.PACKAGE} {runs[0].version}", "", f"{peer.METHOD}. Settings:", "", *settings, "", *notes, ""]


def label(run: Audited) -> str:
    """`mirt, defaults`."""
    return f"{run.peer.PACKAGE}, {run.setting.name}"


def _problem(runs: Sequence[Audited]) -> list[str]:
    """The tables of one problem."""
    problem = runs[0].problem
    return [
        f"## {problem.name}",
        "",
        f"{problem.title}.",
        "",
        "### What they claim",
        "",
        plain_table(
            (HEAD, "its quadrature", "converged", "cycles", "its log-likelihood", "minus PyMC's at its estimates"),
            map(_claimed, runs),
        ),
        "",
        *_heard(runs),
        "### Where they stop",
        "",
        plain_table(
            (
                HEAD,
                "from the maximum under its quadrature",
                "deficit",
                "verdict",
                f"under {problem.nodes}",
                "deficit",
                "verdict",
            ),
            ([label(run), *_distance(run.own), *_distance(run.ours)] for run in runs),
        ),
        "",
        "### What the audit finds",
        "",
        *_checks(runs),
        "",
        *_saddles(runs),
    ]


def _claimed(run: Audited) -> list[str]:
    said = run.said
    return [
        label(run),
        run.quadrature,
        _yes_or_no(said.converged),
        numerals.whole(said.cycles),
        numerals.log_likelihood(said.log_likelihood),
        numerals.difference(None if said.log_likelihood is None else said.log_likelihood - run.own.log_likelihood),
    ]


def _heard(runs: Sequence[Audited]) -> list[str]:
    """What they log and warn of meanwhile, the same of several runs once; empty where they are silent."""
    who: dict[str, list[str]] = {}
    for run in runs:
        for told in run.heard:
            who.setdefault(told, []).append(label(run))
    lines = [f"- {'; '.join(of)}: {markdown_text(told)}" for told, of in who.items()]
    return ["### What they say meanwhile", "", *lines, ""] if lines else []


def _yes_or_no(value: bool | None) -> str:
    return numerals.MISSING if value is None else "yes" if value else "no"


def _distance(found: Adjudication) -> list[str]:
    return [
        numerals.difference(found.distance),
        numerals.difference(found.best - found.log_likelihood),
        IMPOSSIBLE if found.impossible else str(found.verdict),
    ]


def _checks(runs: Sequence[Audited]) -> list[str]:
    """Outcomes of the checks side by side, and in words what was asked, failed or remarked on."""
    tables = [run.checks.set_index("check") for run in runs]
    applied = [check for check in tables[0].index if any(_applies(table.loc[check, "outcome"]) for table in tables)]
    rows = [
        [check, *(outcome if _applies(outcome) else numerals.MISSING for outcome in _outcomes(tables, check))]
        for check in applied
    ]
    return [plain_table(("check", *map(label, runs)), rows), "", *_findings(runs, tables)]


def _findings(runs: Sequence[Audited], tables: Sequence[pd.DataFrame]) -> list[str]:
    """What was asked, failed or remarked on in words; the same finding of several runs once."""
    who: dict[tuple[str, str, str], list[str]] = {}
    for run, table in zip(runs, tables, strict=True):
        told = table["outcome"].map(_applies) & ((table["outcome"] != Outcome.PASSED) | table.index.isin(ASKED))
        for check, row in table[told].iterrows():
            who.setdefault((str(check), row["outcome"], row["found"]), []).append(label(run))
    return [
        f"- `{check}` {outcome} ({'; '.join(of)}): {markdown_text(found)}."
        for (check, outcome, found), of in sorted(
            who.items(), key=lambda entry: list(tables[0].index).index(entry[0][0])
        )
    ]


def _applies(outcome: str) -> bool:
    return outcome != Outcome.NOT_APPLICABLE


def _outcomes(tables: Sequence[pd.DataFrame], check: str) -> list[str]:
    return [table.loc[check, "outcome"] for table in tables]


def _saddles(runs: Sequence[Audited]) -> list[str]:
    """What becomes of a start at a saddle; empty where the problem names none."""
    if runs[0].problem.saddle is None:
        return []
    rows = []
    for run in runs:
        at = run.saddle
        if at is None:
            rows.append([label(run), "takes no start", *[numerals.MISSING] * 4])
            continue
        kind = str(at.kind) if at.kind is Kind.SADDLE else f"{at.kind}, no saddle"
        stayed, converged = _yes_or_no(at.stayed), _yes_or_no(at.said.converged)
        rows.append(
            [label(run), kind, stayed, converged, numerals.whole(at.said.cycles), numerals.difference(at.distance)]
        )
    heads = (HEAD, "the start", "ends at a saddle", "converged", "cycles", "from the maximum under its quadrature")
    title, where = "### Started at a saddle", f"{runs[0].problem.saddle_in_words}."
    return [title, "", where, "", plain_table(heads, rows), ""]


def line(run: Audited) -> str:
    """One run in one line, for the terminal."""
    failed = run.checks["check"][run.checks["outcome"] == Outcome.FAILED]
    found = f"failed: {', '.join(failed)}" if len(failed) else "no check failed"
    return (
        f"{run.peer.PACKAGE} {run.version}, {run.setting.name}, on {run.problem.name}: "
        f"{numerals.difference(run.own.distance)} standard errors from the maximum under its quadrature, {found}"
    )
