"""The tables of an adjudication: every number of the file beside the optimum, and by item."""

import numpy as np
import pandas as pd

from comparisons.adjudicate.finding import Finding
from comparisons.adjudicate.steps import unflat
from comparisons.adjudicate.verdict import Bench
from comparisons.agreement import matching_digits
from comparisons.case import Array
from comparisons.edges import at_edge


def parameters_table(bench: Bench, finding: Finding) -> pd.DataFrame:
    """One row per number of the file, beside the optimum in the same numbers.

    Columns: parameter, given, optimum, difference, half_unit, outside (how far beyond rounding), se,
    in_se, digits (matching), determined (False where the data leave it open).
    """
    estimates, reading, place = bench.estimates, finding.reading, finding.place
    given, half = reading.sorted(estimates.values), reading.sorted(estimates.half_unit)
    optimum, errors = place.printed(reading), _errors(bench, finding)
    with np.errstate(invalid="ignore", divide="ignore"):
        difference = given - optimum
        in_se = np.where(errors > 0, np.abs(difference) / errors, np.nan)
    return pd.DataFrame(
        {
            "parameter": estimates.names,
            "given": given,
            "optimum": optimum,
            "difference": difference,
            "half_unit": half,
            "outside": bench.excess(place, reading),
            "se": errors,
            "in_se": in_se,
            "digits": matching_digits(given, optimum),
            "determined": place.determined,
        }
    )


def _errors(bench: Bench, finding: Finding) -> Array:
    """Standard errors of the printed numbers, none (NaN) of those left open or at the edge of their range."""
    place = finding.place
    errors = place.standard_errors(finding.reading)
    edge = np.isin(bench.case.parameter_names(), at_edge(bench.case, bench.objective, place.natural))
    return np.where(place.determined & ~edge & np.isfinite(errors), errors, np.nan)


def groups_table(bench: Bench, finding: Finding, parameters: pd.DataFrame) -> pd.DataFrame:
    """One row per item (or coin): its distance in standard errors, and its fewest matching digits."""
    what, labels = bench.form.groups(bench.case)
    natural = unflat(bench.case, finding.reading.natural(bench.estimates.values))
    names = np.array(bench.case.parameter_names())
    rows = []
    for label in labels:
        mine = np.char.endswith(names.astype(str), f"[{label}]")
        own = parameters[[name.endswith(f"[{label}]") for name in parameters["parameter"]]]
        usable = mine & np.isfinite(parameters["se"].to_numpy())
        rows.append(
            {
                what: label,
                "in_se": finding.place.mahalanobis(natural, usable) if usable.any() else np.nan,
                "digits": own["digits"][own["determined"]].min(),
            }
        )
    return pd.DataFrame(rows)
