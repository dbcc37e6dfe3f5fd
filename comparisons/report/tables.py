"""Tables of a report, from the tables of a result."""

import numpy as np
import pandas as pd

from comparisons.case import Case
from comparisons.cross_check.run import CrossCheck
from comparisons.optima.find import Optimum
from comparisons.optima.kinds import Kind
from comparisons.optima.starts import Endpoints
from comparisons.report.estimates import UNBOUNDED
from comparisons.report.page import Column, Table
from comparisons.writing import numerals
from comparisons.writing.plain import one_line

# Optima whose parameters are printed side by side.
MOST_OPTIMA = 8


def objective_name(case: Case) -> str:
    """What is maximised."""
    return "log-posterior" if case.with_prior else "log-likelihood"


def crosswise(result: CrossCheck) -> Table:
    """Log-likelihood at EM's endpoint and at PyMC's, each by both codes."""
    rows = tuple(
        (
            row["at"],
            numerals.log_likelihood_in_full(row["by_em"]),
            numerals.log_likelihood_in_full(row["by_pymc"]),
            numerals.difference(row["difference"]),
        )
        for row in result.crosswise.to_dict("records")
    )
    columns = (Column("at", numeric=False), Column("by EM's code"), Column("by PyMC's code"), Column("difference"))
    return Table("Log-likelihood at both endpoints, by EM's code and by PyMC's", columns, rows)


def checks(result: CrossCheck) -> Table:
    """The checks that the verdict rests on."""
    rows = tuple(
        (
            check.name,
            one_line(check.detail),
            numerals.difference(check.found),
            numerals.difference(check.allowed),
            "yes" if check.passed else "undecided" if check.undecided else "NO",
        )
        for check in result.checks
    )
    words = (Column("check", numeric=False), Column("in words", numeric=False))
    columns = (*words, Column("found"), Column("allowed"), Column("passed", numeric=False))
    failed = frozenset(index for index, check in enumerate(result.checks) if not check.passed)
    return Table("What was compared, what was found and what is allowed", columns, rows, alarms=failed)


def optima(result: CrossCheck) -> Table:
    """The optima found, best first."""
    best = result.optima[0].objective
    rows: list[tuple[str, ...]] = []
    for index, optimum in enumerate(result.optima):
        unbounded = optimum.kind is Kind.DEGENERATE
        rows.append(
            (
                str(index + 1),
                str(optimum.kind),
                UNBOUNDED if unbounded else numerals.log_likelihood(optimum.objective),
                numerals.MISSING if unbounded else numerals.difference(best - optimum.objective),
                str(len(optimum.members["em"])),
                str(len(optimum.members["pymc"])),
                _remark(optimum, is_reported=index == result.ends.optimum and len(result.optima) > 1),
            )
        )
    columns: tuple[Column, ...] = (
        Column("optimum", numeric=False),
        Column("kind", numeric=False),
        Column(objective_name(result.case)),
        Column("gap to the best"),
        Column("EM starts"),
        Column("PyMC starts"),
        Column("remark", numeric=False),
    )
    caption = f"Where {result.n_starts} start{'s' * (result.n_starts > 1)} ended"
    if not any(row[-1] for row in rows):
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    return Table(caption, columns, tuple(rows))


def _remark(optimum: Optimum, is_reported: bool) -> str:
    """What is known of an optimum beside its kind."""
    said = ["the optimum reported"] if is_reported else []
    if optimum.certificate:
        said.append(f"global maximum. {one_line(optimum.certificate)}")
    if optimum.kind is Kind.NOT_STATIONARY:
        onward = "no optimum" if optimum.leads_to is None else f"optimum {optimum.leads_to + 1}"
        said.append(f"continued from here PyMC reaches {onward}")
    elif not optimum.reached:
        said.append("no start ended here; PyMC found it by continuing the maximisation from other endpoints")
    return "; ".join(said)


def optima_parameters(result: CrossCheck) -> Table:
    """Parameters of the optima side by side, aligned to PyMC's endpoint."""
    shown = result.optima[:MOST_OPTIMA]
    aligned = [result.case.align(optimum.point.natural, result.ends.pymc) for optimum in shown]
    tiny = [numerals.NOTHING if optimum.judgement.at_edge else 0.0 for optimum in shown]
    flat = np.stack([result.case.flat(natural) for natural in aligned], axis=1)
    values = np.where(np.abs(flat) <= tiny, 0.0, flat)
    rows = tuple(
        (one_line(name), *(numerals.estimate(value) for value in row))
        for name, row in zip(result.case.parameter_names(), values, strict=True)
    )
    columns = tuple(Column(f"{index + 1} ({optimum.kind})") for index, optimum in enumerate(shown))
    others = len(result.optima) - len(shown)
    note = f"The first {MOST_OPTIMA} optima are shown, {others} more were found." if others else ""
    if any(optimum.kind is Kind.RIDGE for optimum in shown):
        note = f"On a ridge the point shown is one of many that are equally good. {note}".strip()
    return Table("Parameters of the optima", (Column("parameter", numeric=False), *columns), rows, note)


def starts(result: CrossCheck) -> Table:
    """How many starts of EM and of PyMC ended where, why they stopped and what it took."""
    rows: list[tuple[str, ...]] = []
    for fit, title, effort in ((result.em, "EM", "cycles"), (result.pymc, "PyMC", "evaluations")):
        rows += _starts_of(fit, title, effort, result.optima)
    columns = (
        Column("fit", numeric=False),
        Column("optimum", numeric=False),
        Column("status", numeric=False),
        Column("starts"),
        Column("median effort"),
        Column("largest effort"),
        Column("counted in", numeric=False),
    )
    return Table("Starts by where they ended and why they stopped", columns, tuple(rows))


def _starts_of(fit: Endpoints, title: str, effort: str, found: list[Optimum]) -> list[tuple[str, ...]]:
    reached = np.full(len(fit), len(found))
    for index, optimum in enumerate(found):
        reached[optimum.members[fit.by]] = index
    names = [f"{index + 1} ({optimum.kind})" for index, optimum in enumerate(found)] + ["no finite endpoint"]
    frame = pd.DataFrame({"reached": reached, "status": fit.status.astype(str), "effort": fit.effort})
    return [
        (
            title,
            names[int(index)],
            str(status),
            str(len(group)),
            numerals.whole_or_half(group["effort"].median()),
            numerals.whole(group["effort"].max()),
            effort,
        )
        for (index, status), group in frame.groupby(["reached", "status"], sort=True)
    ]
