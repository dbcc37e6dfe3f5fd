"""Statistics of fit that models with latent groups share: AIC, BIC, how clearly rows are told apart, G2 and X2."""

from typing import NamedTuple

import numpy as np
from scipy.special import entr, xlogy

from comparisons.case import Array

NAMES = {"aic": "AIC", "bic": "BIC", "entropy_r2": "entropy_R2", "g2": "G2", "x2": "X2", "df": "df"}


class FitStatistics(NamedTuple):
    """How well a fit does; what does not apply is left out.

    Attributes
    ----------
    aic, bic : float
        -2 log L + 2 P and -2 log L + P log N, with P parameters and N observations.
    entropy_r2 : float or None
        1 less the entropy of the posterior probabilities beside the largest it can be, N log K: 1 when every
        observation is surely in one group. None for a single group.
    g2, x2 : float or None
        Deviance and Pearson's statistic of a table of counts.
    df : float or None
        Their degrees of freedom: cells less 1 less parameters.
    """

    aic: float
    bic: float
    entropy_r2: float | None = None
    g2: float | None = None
    x2: float | None = None
    df: float | None = None

    def derived(self) -> dict[str, Array]:
        """As quantities of a report, by the names that they go by."""
        return {NAMES[field]: np.array([value]) for field, value in self._asdict().items() if value is not None}


def aic(log_likelihood: float, parameters: int) -> float:
    """-2 log L + 2 P (Akaike 1974)."""
    return 2 * parameters - 2 * log_likelihood


def bic(log_likelihood: float, parameters: int, observations: float) -> float:
    """-2 log L + P log N (Schwarz 1978)."""
    return parameters * float(np.log(observations)) - 2 * log_likelihood


def entropy_r2(posterior: Array, frequencies: Array) -> float | None:
    """1 + sum_jk f_j p_jk log p_jk / (N log K) of posterior probabilities (J, K); None for K = 1."""
    groups = posterior.shape[1]
    if groups == 1:
        return None
    return 1 - float(frequencies @ entr(posterior).sum(axis=1)) / float(frequencies.sum() * np.log(groups))


def deviance(observed: Array, expected: Array) -> float:
    """G2 = 2 sum f log(f / e) over the cells that were seen; the expected counts of all cells add up to N."""
    return 2 * float((xlogy(observed, observed) - xlogy(observed, expected)).sum())


def pearson(observed: Array, expected: Array) -> float:
    """X2 = sum (f - e)^2 / e over all cells: those that were not seen add what is left to N of the expected counts."""
    return float(((observed - expected) ** 2 / expected).sum()) + float(observed.sum() - expected.sum())
