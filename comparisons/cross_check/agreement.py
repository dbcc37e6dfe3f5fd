"""How far two sets of estimates agree: absolute difference, standard errors, matching digits."""

import numpy as np
import pandas as pd

from comparisons.case import Case, Natural
from comparisons.cross_check.errors_of_estimates import Errors
from comparisons.digits import matching_digits


def estimates_table(
    case: Case,
    em: Natural,
    pymc: Natural,
    errors: Errors,
    not_identified: tuple[str, ...],
) -> pd.DataFrame:
    """Estimates by EM and PyMC, one row per scalar parameter.

    Columns: parameter, em, pymc, em_se (by Oakes' formula), louis_se (by Louis'), pymc_se, difference (absolute),
    in_se (difference in standard errors), digits (matching digits), identified, no_se (why there is no standard error;
    empty where there is).
    """
    names = case.parameter_names()
    one, other = case.flat(em), case.flat(pymc)
    difference = np.abs(one - other)
    identified = ~np.isin(names, not_identified)
    why = [errors.why.get(name, "") for name in names]
    shown = np.array([not reason for reason in why])
    by_oakes, by_louis, by_pymc = (np.where(shown, error, np.nan) for error in errors[:3])
    with np.errstate(divide="ignore", invalid="ignore"):
        in_se = np.where(np.isfinite(by_pymc) & (by_pymc > 0), difference / by_pymc, np.nan)
    return pd.DataFrame(
        {
            "parameter": names,
            "em": one,
            "pymc": other,
            "em_se": by_oakes,
            "louis_se": by_louis,
            "pymc_se": by_pymc,
            "difference": difference,
            "in_se": in_se,
            "digits": matching_digits(one, other, case.unit),
            "identified": identified,
            "no_se": why,
        }
    )
