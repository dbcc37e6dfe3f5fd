"""The tables of an adjudication: every number of the file beside the optimum, and by item."""

import numpy as np
import pandas as pd

from comparisons.adjudicate.comparison import Comparison
from comparisons.adjudicate.finding import Finding
from comparisons.case import Array, Case
from comparisons.digits import matching_digits
from comparisons.optima.edges import at_edge
from comparisons.optima.kinds import with_the_rest


def parameters_table(comparison: Comparison, finding: Finding) -> pd.DataFrame:
    """One row per number of the file, beside the optimum in the quantity that it stands for.

    Columns: parameter (as the file names it), given (the number there), optimum (in the quantity that was read),
    difference (of the quantity from it), half_unit, outside (how far beyond rounding), se, in_se, digits (matching),
    determined (False where the data leave it open), text (the number as the file has it), read_as (name of the
    quantity), converted (the quantity).
    """
    estimates, reading, place = comparison.estimates, finding.reading, finding.place
    quantities, half = reading.quantities(estimates.values), reading.half_units(estimates.half_unit)
    optimum, errors = place.printed(reading), _errors(comparison, finding)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        difference = quantities - optimum
        in_se = np.where(errors > 0, np.abs(difference) / errors, np.nan)
    where = np.arange(len(half)) if reading.order is None else reading.order
    table = pd.DataFrame(
        {
            "parameter": np.array(estimates.names, dtype=object)[where],
            "given": estimates.values[where],
            "optimum": optimum,
            "difference": difference,
            "half_unit": half,
            "outside": comparison.excess(place, reading),
            "se": errors,
            "in_se": in_se,
            "digits": matching_digits(quantities, optimum),
            "determined": place.determined,
            "text": np.array(estimates.texts, dtype=object)[where],
            "read_as": reading.names(comparison.form.groups(comparison.case)[1]),
            "converted": quantities,
        }
    )
    # In the order of the file.
    return table.iloc[np.argsort(where)].reset_index(drop=True)


def _errors(comparison: Comparison, finding: Finding) -> Array:
    """Standard errors of the printed numbers, none (NaN) of those left open or at the edge of their range."""
    place = finding.place
    errors = place.standard_errors(finding.reading)
    edges = with_the_rest(comparison.compiled, set(at_edge(comparison.compiled, place.natural)))
    edge = np.isin(comparison.case.parameter_names(), list(edges))
    return np.where(place.determined & ~edge & np.isfinite(errors), errors, np.nan)


def groups_table(comparison: Comparison, finding: Finding, parameters: pd.DataFrame) -> pd.DataFrame:
    """One row per item (coin, class) of the file: its distance in standard errors, and its fewest matching digits."""
    what, labels = comparison.form.groups(comparison.case)
    natural, known = comparison.given(finding.reading), np.isfinite(_errors(comparison, finding))
    mine, names = np.array(_groups_of(comparison.case, labels)), np.array(finding.reading.names(labels))
    rows = []
    for row, label in zip(comparison.estimates.rows, labels, strict=True):
        usable = (mine == label) & known
        own = parameters[parameters["read_as"].isin(names[mine == label])]
        rows.append(
            {
                what: row,
                "in_se": finding.place.mahalanobis(natural, usable) if usable.any() else np.nan,
                "digits": own["digits"][own["determined"]].min(),
            }
        )
    return pd.DataFrame(rows)


def _groups_of(case: Case, labels: tuple[str, ...]) -> list[str]:
    """Which of the groups every entry belongs to: that of its label, of the first part of it, or its parameter's."""
    ways = [
        (label, label.partition(", ")[0], parameter.name) for parameter in case.parameters for label in parameter.labels
    ]
    return [next((way for way in found if way in labels), "") for found in ways]
