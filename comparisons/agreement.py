"""How far two sets of estimates agree: absolute difference, standard errors, matching digits."""

import numpy as np
import pandas as pd

from comparisons.case import Array, Case, Natural
from pp_models.objective import Objective

# More digits than a double holds cannot match.
MOST_DIGITS = 15.95
NEXT_TO_ZERO = 1e-8
# Curvature, beside the steepest, below which a direction carries no information.
FLAT = 1e-9


def matching_digits(value: Array, reference: Array) -> Array:
    """Log relative error, -log10(|value - reference| / |reference|), between 0 and 15.95.

    Next to 0 (below 1e-8) a relative error means nothing and the absolute error is used (McCullough 1998,
    The American Statistician 52, 358-366, for a reference of exactly 0).
    """
    value, reference = np.asarray(value, dtype=float), np.asarray(reference, dtype=float)
    scale = np.where(np.abs(reference) < NEXT_TO_ZERO, 1.0, np.abs(reference))
    error = np.abs(value - reference) / scale
    with np.errstate(divide="ignore", invalid="ignore"):
        digits = -np.log10(error)
    return np.clip(np.where(error == 0, MOST_DIGITS, digits), 0.0, MOST_DIGITS)


def standard_errors(case: Case, objective: Objective, natural: Natural) -> Array:
    """Standard errors of the natural parameters from PyMC's observed information, in the order of `flat`.

    The information of the free parameters is inverted and carried over by the delta method,
    J I^-1 J'. A parameter that moves along a direction without information has none: infinite.
    """
    x = objective.free(natural)
    eigenvalues, vectors = np.linalg.eigh(-objective.hessian(x))
    informative = eigenvalues > FLAT * np.abs(eigenvalues).max(initial=0.0)
    by_name = dict(zip(objective.names, _blocks(objective, objective.natural_jacobian(x)), strict=True))
    jacobian = np.concatenate([by_name[name] for name in case.labels])
    along = jacobian @ vectors
    variance = (along[:, informative] ** 2 / eigenvalues[informative]).sum(axis=1)
    adrift = (along[:, ~informative] ** 2).sum(axis=1) > FLAT * (along**2).sum(axis=1)
    return np.where(adrift, np.inf, np.sqrt(variance))


def _blocks(objective: Objective, jacobian: Array) -> list[Array]:
    """Rows of the Jacobian, one block per natural parameter."""
    sizes = [int(np.prod(objective.shapes[name], dtype=int)) for name in objective.names]
    return np.split(jacobian, np.cumsum(sizes)[:-1])


def estimates_table(
    case: Case,
    em: Natural,
    pymc: Natural,
    em_errors: Array,
    pymc_errors: Array,
    not_identified: tuple[str, ...],
) -> pd.DataFrame:
    """Estimates of both legs, one row per scalar parameter.

    Columns: parameter, em, pymc, em_se, pymc_se, difference (absolute), in_se (difference in standard
    errors), digits (matching digits), identified, no_se (why there is no standard error, empty where there is one).
    """
    names = case.parameter_names()
    one, other = case.flat(em), case.flat(pymc)
    difference = np.abs(one - other)
    identified = ~np.isin(names, not_identified)
    with np.errstate(divide="ignore", invalid="ignore"):
        in_se = np.where(np.isfinite(pymc_errors) & (pymc_errors > 0), difference / pymc_errors, np.nan)
    return pd.DataFrame(
        {
            "parameter": names,
            "em": one,
            "pymc": other,
            "em_se": np.where(identified, em_errors, np.nan),
            "pymc_se": np.where(identified, pymc_errors, np.nan),
            "difference": difference,
            "in_se": np.where(identified, in_se, np.nan),
            "digits": matching_digits(one, other),
            "identified": identified,
            "no_se": "",
        }
    )
