"""Estimates in a report: EM beside PyMC, their standard errors, what follows from them, and other principles."""

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd

from comparisons.case import Array, Case, Natural, scalar_name
from comparisons.cross_check.checks import STANDARD_ERRORS
from comparisons.cross_check.errors_of_estimates import AT_EDGE
from comparisons.cross_check.run import CrossCheck
from comparisons.digits import matching_digits
from comparisons.optima.kinds import Kind
from comparisons.optima.labellings import listed
from comparisons.report.page import Column, Table
from comparisons.writing import numerals
from comparisons.writing.plain import one_line

# Entries of a parameter that is shown whatever else is, and how many of such there may be.
FEW, MOST_FEW = 2, 6
NOT_IDENTIFIED, DIVERGING, LEVEL, UNBOUNDED = "not identified", "diverging", "flat there", "unbounded"
BY_PYMC = "PyMC, Hessian"
# Standard errors and their columns.
ERRORS = {"EM, Oakes": "em_se", "EM, Louis": "louis_se", BY_PYMC: "pymc_se"}
WORDS = {
    NOT_IDENTIFIED: "Not identified: other values fit exactly as well.",
    DIVERGING: "Diverging: the estimate is infinite; the values are those at which EM and PyMC stopped.",
    LEVEL: "Flat there: the likelihood does not depend on this parameter around the saddle; at a maximum it may.",
    UNBOUNDED: "Unbounded: the likelihood increases without limit towards the edge of the range; there is no estimate.",
}


def agreement(result: CrossCheck) -> Table:
    """Estimates by EM and PyMC with their differences."""
    rows, alarms, said = [], set(), []
    diverging = result.optima[result.ends.optimum].judgement.diverging
    for index, row in enumerate(result.estimates.to_dict("records")):
        known = bool(row["identified"])
        unknown = _unknown(result, runs_off=row["parameter"] in diverging)
        said += [] if known else [unknown]
        apart = row["difference"] if np.isnan(row["in_se"]) else row["in_se"]
        em, pymc = ends_shown(row)
        if known and not apart <= STANDARD_ERRORS:
            alarms.add(index)
        rows.append(
            (
                one_line(row["parameter"]),
                numerals.estimate(em),
                numerals.estimate(pymc),
                numerals.difference(row["difference"]),
                numerals.difference(row["in_se"]),
                numerals.digits(row["digits"]) if known else unknown,
            )
        )
    titles = ("EM", "PyMC", "difference", "in SE", "matching digits")
    return Table(
        "Estimates by EM and PyMC",
        (Column("parameter", numeric=False), *(Column(title) for title in titles)),
        tuple(rows),
        " ".join(text for word, text in WORDS.items() if word in said),
        frozenset(alarms),
        frozenset(result.estimates.index[result.estimates["parameter"].isin(few(result.case))]),
    )


def ends_shown(row: dict[Hashable, Any]) -> tuple[float, float]:
    """EM's and PyMC's number of a row of the estimates; at the edge at 0 both are 0."""
    ends = float(row["em"]), float(row["pymc"])
    return (numerals.at_edge(ends[0]), numerals.at_edge(ends[1])) if row["no_se"] == AT_EDGE else ends


def standard_errors(result: CrossCheck, drawn: "pd.Series[float] | None" = None) -> Table:
    """Standard errors by EM's code and by PyMC's, and the posterior's standard deviation where it was sampled.

    The note says why some have none.
    """
    estimates = result.estimates
    columns = {title: estimates[name].where(estimates["no_se"] == "") for title, name in ERRORS.items()}
    columns = {title: errors for title, errors in columns.items() if title == BY_PYMC or errors.notna().any()}
    if drawn is not None:
        columns["posterior sd"] = drawn.reindex(estimates["parameter"]).reset_index(drop=True)
    rows = tuple(
        (one_line(name), *map(numerals.standard_error, errors))
        for name, *errors in zip(estimates["parameter"], *columns.values(), strict=True)
    )
    return Table(
        "Standard errors",
        (Column("parameter", numeric=False), *map(Column, columns)),
        rows,
        without_error(estimates),
        always=frozenset(estimates.index[estimates["parameter"].isin(few(result.case))]),
    )


def alternatives_frame(result: CrossCheck) -> pd.DataFrame:
    """Estimates in other ways beside those of EM, with differences, in standard errors or in Monte Carlo errors."""
    estimates = result.estimates
    frame = estimates[["parameter", "em"]].copy()
    for other in result.alternatives:
        theirs = result.case.flat(other.natural)
        frame[other.name] = theirs
        frame[f"{other.name} less em"] = theirs - estimates["em"]
        if other.error is None:
            frame[f"{other.name} less em, in SE"] = frame[f"{other.name} less em"] / estimates["pymc_se"]
            continue
        frame["Monte Carlo error"] = result.case.flat(other.error)
        with np.errstate(divide="ignore", invalid="ignore"):
            frame["in these errors"] = frame[f"{other.name} less em"] / frame["Monte Carlo error"]
    return frame


def alternatives(result: CrossCheck) -> Table | None:
    """Estimates in other ways as a table of the report; None where there are none."""
    if not result.alternatives:
        return None
    frame = alternatives_frame(result)
    rows = tuple((one_line(name), *map(numerals.estimate, values)) for name, *values in frame.itertuples(index=False))
    columns = (Column("parameter", numeric=False), *(Column(one_line(title)) for title in ["EM", *frame.columns[2:]]))
    note = " ".join(one_line(other.remark) for other in result.alternatives)
    return Table("Estimates in another way", columns, rows, note)


def few(case: Case) -> list[str]:
    """Parameters with few entries (a slope that all items share), which no shortened table leaves out."""
    names = [scalar_name(name, label) for name, labels in case.labels.items() if len(labels) <= FEW for label in labels]
    return names if len(names) <= MOST_FEW else []


def _unknown(result: CrossCheck, *, runs_off: bool) -> str:
    """What stands in place of the digits of a parameter that the data leave open.

    Identification is a property of a maximum: at a saddle a parameter is level, not unidentified.
    """
    kind = result.optima[result.ends.optimum].kind
    if runs_off:
        return UNBOUNDED if kind is Kind.DEGENERATE else DIVERGING
    return LEVEL if kind is Kind.SADDLE else NOT_IDENTIFIED


def without_error(estimates: pd.DataFrame) -> str:
    """Which parameters have no standard error, and why; empty when all have one."""
    reasons = estimates[estimates["no_se"] != ""].groupby("no_se", sort=False)["parameter"]
    said = [f"{why} ({listed(list(map(one_line, names)))})" for why, names in reasons]
    return f"No standard error: {'; '.join(said)}." if said else ""


def labels_of(case: Case, values: Array) -> tuple[str, ...]:
    """Labels of a derived quantity: those of the first parameter with as many entries, none of a single number."""
    size = len(values)
    numbered = tuple(str(index + 1) for index in range(size)) if size > 1 else ("",)
    return next((labels for labels in case.labels.values() if len(labels) == size), numbered)


def derived(result: CrossCheck) -> pd.DataFrame:
    """Quantities that follow from the estimates (b = -d / a), by EM and PyMC; empty where there are none."""
    case = result.case
    ours = case.derive(case.align(result.ends.em, result.ends.pymc))
    theirs = case.derive(result.ends.pymc)
    columns = ["parameter", "em", "pymc", "difference", "digits", "identified"]
    rows = []
    for name, values in ours.items():
        labels, other = labels_of(case, values), np.asarray(theirs[name], dtype=float)
        with np.errstate(invalid="ignore"):
            found = matching_digits(values, other)
            apart = np.abs(np.asarray(values, dtype=float) - other)
        for i, label in enumerate(labels):
            known = not any(scalar_name(block, label) in result.not_identified for block in case.labels)
            rows.append((scalar_name(name, label), float(values[i]), float(other[i]), apart[i], found[i], known))
    return pd.DataFrame(rows, columns=columns)


def derived_table(result: CrossCheck, frame: pd.DataFrame) -> Table:
    """The derived quantities as a table of the report."""
    unknown = _unknown(result, runs_off=False)
    rows = tuple(
        (
            one_line(row["parameter"]),
            numerals.estimate(row["em"]),
            numerals.estimate(row["pymc"]),
            numerals.difference(row["difference"]),
            numerals.digits(row["digits"]) if row["identified"] else unknown,
        )
        for row in frame.to_dict("records")
    )
    titles = ("EM", "PyMC", "difference", "matching digits")
    return Table("Derived quantities", (Column("quantity", numeric=False), *(Column(title) for title in titles)), rows)


def by_label(case: Case, natural: Natural) -> list[pd.DataFrame]:
    """Parameters and derived quantities, one row per label; one table for each set of labels."""
    quantities = {**{p.name: p.flat(natural[p.name]) for p in case.parameters}, **case.derive(natural)}
    groups: dict[tuple[str, ...], dict[str, Any]] = {}
    for name, values in quantities.items():
        labels = case.labels.get(name) or labels_of(case, values)
        groups.setdefault(labels, {})[name] = np.asarray(values, dtype=float)
    return [pd.DataFrame({"": list(labels), **columns}) for labels, columns in groups.items()]
