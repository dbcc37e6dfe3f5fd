"""The tables of an adjudication: every number of the file beside the optimum, and by item."""

import numpy as np
import pandas as pd

from comparisons.adjudicate.steps import unflat
from comparisons.adjudicate.verdict import Bench, Finding
from comparisons.agreement import matching_digits


def parameters_table(bench: Bench, finding: Finding) -> pd.DataFrame:
    """One row per number of the file, beside the optimum in the same numbers.

    Columns: parameter, given, optimum, difference, half_unit, outside (how far beyond rounding), se,
    in_se, digits (matching), determined (False where the data leave it open).
    """
    estimates, reading, place = bench.estimates, finding.reading, finding.place
    given, half = reading.sorted(estimates.values), reading.sorted(estimates.half_unit)
    optimum, errors = place.printed(reading), place.standard_errors(reading)
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
            "se": np.where(place.determined, errors, np.nan),
            "in_se": np.where(place.determined, in_se, np.nan),
            "digits": matching_digits(given, optimum),
            "determined": place.determined,
        }
    )


def groups_table(bench: Bench, finding: Finding, parameters: pd.DataFrame) -> pd.DataFrame:
    """One row per item (or coin): its distance in standard errors, and its fewest matching digits."""
    what, labels = bench.form.groups(bench.case)
    natural = unflat(bench.case, finding.reading.natural(bench.estimates.values))
    names = np.array(bench.case.parameter_names())
    rows = []
    for label in labels:
        mine = np.char.endswith(names.astype(str), f"[{label}]")
        own = parameters[[name.endswith(f"[{label}]") for name in parameters["parameter"]]]
        usable = mine & finding.place.determined
        rows.append(
            {
                what: label,
                "in_se": finding.place.mahalanobis(natural, usable) if usable.any() else np.nan,
                "digits": own["digits"][own["determined"]].min(),
            }
        )
    return pd.DataFrame(rows)
