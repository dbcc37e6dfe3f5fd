"""Bivariate normal with means 0 and missing entries in PyMC.

variance_1, variance_2 ~ flat on the positive numbers,    correlation ~ Uniform(-1, 1)
(x, y) complete:  x ~ Normal(0, s_1),   y | x ~ Normal(correlation s_2 / s_1 x, s_2 sqrt(1 - correlation^2))
x only:           x ~ Normal(0, s_1);   y only:  y ~ Normal(0, s_2)              s = sqrt(variance)

With hooks the same likelihood is written by the sufficient statistics of the complete data, x^2, y^2, x y and 1:

    log p(x, y) = c_1 x^2 + c_2 y^2 + c_3 x y + c_4,       r = correlation
    c_1, c_2 = -1 / (2 variance (1 - r^2)),   c_3 = r / (s_1 s_2 (1 - r^2)),   c_4 = -log(2 pi s_1 s_2 sqrt(1 - r^2))
    log p(x) = log int p(x, y) dy = (c_1 - c_3^2 / (4 c_2)) x^2 + c_4 + log(-pi / c_2) / 2,   y only likewise
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pymc as pm
import pytensor.tensor as pt

LogDensity = Callable[..., Any]


def build(values: npt.ArrayLike, *, frequencies: npt.ArrayLike | None = None, hooks: bool = False) -> pm.Model:
    """Model with the variables `variance` (2,) and `correlation` (1,).

    Parameters
    ----------
    values : array (N, 2)
        x and y, NaN where missing. A row without either is left out.
    frequencies : array (N,), optional
        How often each row was seen; its log-likelihood counts that many times.
    hooks : bool
        Name what the steps of an EM are derived from; see `pp_models.complete_data`.
    """
    values = np.asarray(values, dtype=float)
    repeats = np.ones(len(values)) if frequencies is None else np.asarray(frequencies, dtype=float)
    there = ~np.isnan(values)
    pairs = there.all(axis=1)
    alone = [there[:, column] & ~pairs for column in (0, 1)]
    with pm.Model() as model:
        variance = pm.HalfFlat("variance", shape=2)
        correlation = pm.Uniform("correlation", lower=np.float64(-1.0), upper=np.float64(1.0), shape=1)
        margin, pair = (_by_statistics if hooks else _by_densities)(variance, correlation)
        for column, name in enumerate("xy"):
            if alone[column].any():
                pm.Potential(f"{name} alone", repeats[alone[column]] * margin(column, values[alone[column], column]))
        if pairs.any():
            pm.Potential("pairs", repeats[pairs] * pair(*values[pairs].T))
    return model


def _by_densities(variance: Any, correlation: Any) -> tuple[LogDensity, LogDensity]:
    """log p(x) or log p(y) by column, and log p(x, y)."""
    sd = pt.sqrt(variance)

    def margin(column: int, values: Any) -> Any:
        return pm.logp(pm.Normal.dist(np.float64(0.0), sd[column]), values)

    def pair(x: Any, y: Any) -> Any:
        given_x = pm.Normal.dist(correlation * sd[1] / sd[0] * x, sd[1] * pt.sqrt(1 - correlation**2))
        return margin(0, x) + pm.logp(given_x, y)

    return margin, pair


def _by_statistics(variance: Any, correlation: Any) -> tuple[LogDensity, LogDensity]:
    """The same, with the coefficients of the sufficient statistics named and tilted."""
    unexplained = 1 - correlation[0] ** 2
    root = pt.sqrt(variance[0] * variance[1])
    squares = [-1 / (2 * variance[column] * unexplained) for column in (0, 1)]
    constant = -np.log(2 * np.pi) - pt.log(root) - pt.log(unexplained) / 2
    coefficient = pt.stack([*squares, correlation[0] / (root * unexplained), constant])
    pm.Deterministic("coefficient", coefficient)
    c = coefficient + pm.Data("tilt", np.zeros(4))

    def margin(column: int, values: Any) -> Any:
        by_itself, other = c[column], c[1 - column]
        return (by_itself - c[2] ** 2 / (4 * other)) * values**2 + c[3] + pt.log(-np.pi / other) / 2

    def pair(x: Any, y: Any) -> Any:
        return c[0] * x**2 + c[1] * y**2 + c[2] * x * y + c[3]

    return margin, pair
