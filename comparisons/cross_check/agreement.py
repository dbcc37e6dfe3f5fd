"""How far two sets of estimates agree: absolute difference, standard errors, matching digits."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from comparisons.case import Array, Case, Natural
from comparisons.digits import matching_digits


def estimates_table(
    case: Case,
    em: Natural,
    pymc: Natural,
    em_errors: Array,
    pymc_errors: Array,
    not_identified: tuple[str, ...],
    no_error: Mapping[str, str],
) -> pd.DataFrame:
    """Estimates by EM and PyMC, one row per scalar parameter.

    Columns: parameter, em, pymc, em_se, pymc_se, difference (absolute), in_se (difference in standard
    errors), digits (matching digits), identified, no_se (why there is no standard error; empty where there is).
    `no_error` says so for some parameters; neither EM nor PyMC then shows one.
    """
    names = case.parameter_names()
    one, other = case.flat(em), case.flat(pymc)
    difference = np.abs(one - other)
    identified = ~np.isin(names, not_identified)
    why = [no_error.get(name, "") for name in names]
    shown = np.array([not reason for reason in why])
    em_errors, pymc_errors = np.where(shown, em_errors, np.nan), np.where(shown, pymc_errors, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        in_se = np.where(np.isfinite(pymc_errors) & (pymc_errors > 0), difference / pymc_errors, np.nan)
    return pd.DataFrame(
        {
            "parameter": names,
            "em": one,
            "pymc": other,
            "em_se": em_errors,
            "pymc_se": pymc_errors,
            "difference": difference,
            "in_se": in_se,
            "digits": matching_digits(one, other, case.unit),
            "identified": identified,
            "no_se": why,
        }
    )
