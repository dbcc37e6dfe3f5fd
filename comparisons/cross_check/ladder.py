"""A ladder of models: one, two, three, ... classes, each a special case of the next."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from comparisons.case import Flag
from comparisons.cross_check.run import CrossCheck
from comparisons.families._fit_statistics import aic, bic
from comparisons.optima.kinds import Kind

# Statistics of fit that a family may derive, in the order in which they are shown.
DERIVED = ("entropy_r2", "g2", "x2", "df")
# Log-likelihoods are level up to this share of 1 + their size.
LEVEL = 1e-8
# The parameter that says how large the groups are.
WEIGHT = "weight"


def ladder_table(groups: str, results: Mapping[int, CrossCheck]) -> pd.DataFrame:
    """One row per rung.

    Parameters
    ----------
    groups : str
        What there is more of on every rung: `classes`.
    results : dict of number -> CrossCheck

    Returns
    -------
    DataFrame
        The number of groups, of free parameters, the log-likelihood at the best optimum found, AIC, BIC, what the
        family derives of entropy_r2, g2, x2 and df, the sizes of the groups, the kind of the optimum, how many starts
        of EM and of PyMC reached it, and the verdict.
    """
    rows = []
    for number, result in sorted(results.items()):
        case, best = result.case, result.optima[0]
        natural = case.align(best.point.natural, result.ends.pymc)
        free = sum(parameter.free for parameter in case.parameters)
        height, observations = best.log_likelihood, float(best.point.frequencies.sum())
        derived = {name: float(values[0]) for name, values in case.derive(natural).items() if name in DERIVED}
        weights = np.sort(natural[WEIGHT])[::-1] if WEIGHT in natural else np.ones(1)
        rows.append(
            {
                groups: number,
                "parameters": free,
                "log_likelihood": height,
                "aic": aic(height, free),
                "bic": bic(height, free, observations),
                **derived,
                "sizes": " ".join(f"{weight:.3f}" for weight in weights),
                "kind": str(best.kind),
                "em_starts": len(best.members["em"]),
                "pymc_starts": len(best.members["pymc"]),
                "starts": result.n_starts,
                "verdict": str(result.verdict),
            }
        )
    return pd.DataFrame(rows)


def ladder_flags(groups: str, results: Mapping[int, CrossCheck]) -> tuple[Flag, ...]:
    """What is wrong with a ladder: a larger model whose maximum is lower than that of a smaller one was not found.

    With a prior the maxima are not nested, and nothing is said.
    """
    found = []
    highest = -np.inf
    below = 0
    for number, result in sorted(results.items()):
        best = result.optima[0]
        if result.case.with_prior or best.kind is Kind.DEGENERATE:
            continue
        height = best.log_likelihood
        if height < highest - LEVEL * (1 + abs(highest)):
            message = (
                f"{number} {groups} reach {height:.6f}, below the {highest:.6f} of {below}, which is a special case: "
                "the maximum was not found, more starts are needed"
            )
            found.append(Flag("lower_maximum", message))
        elif height > highest:
            highest, below = height, number
    return tuple(found)
