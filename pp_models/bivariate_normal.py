"""Bivariate normal with means 0 and missing entries in PyMC.

variance_1, variance_2 ~ flat on the positive numbers,    correlation ~ Uniform(-1, 1)
(x, y) complete:  x ~ Normal(0, s_1),   y | x ~ Normal(correlation s_2 / s_1 x, s_2 sqrt(1 - correlation^2))
x only:           x ~ Normal(0, s_1);   y only:  y ~ Normal(0, s_2)              s = sqrt(variance)
"""

import numpy as np
import numpy.typing as npt
import pymc as pm
import pytensor.tensor as pt


def build(values: npt.ArrayLike, *, frequencies: npt.ArrayLike | None = None) -> pm.Model:
    """Model with the variables `variance` (2,) and `correlation` (1,).

    Parameters
    ----------
    values : array (N, 2)
        x and y, NaN where missing. A row without either is left out.
    frequencies : array (N,), optional
        How often each row was seen; its log-likelihood counts that many times.
    """
    values = np.asarray(values, dtype=float)
    repeats = np.ones(len(values)) if frequencies is None else np.asarray(frequencies, dtype=float)
    there = ~np.isnan(values)
    with pm.Model() as model:
        variance = pm.HalfFlat("variance", shape=2)
        correlation = pm.Uniform("correlation", lower=np.float64(-1.0), upper=np.float64(1.0), shape=1)
        sd = pt.sqrt(variance)
        for column, name in enumerate("xy"):
            rows = there[:, column] & (there.sum(axis=1) == 1)
            if rows.any():
                margin = pm.Normal.dist(np.float64(0.0), sd[column])
                pm.Potential(f"{name} alone", repeats[rows] * pm.logp(margin, values[rows, column]))
        rows = there.all(axis=1)
        if rows.any():
            x, y = values[rows].T
            given_x = pm.Normal.dist(correlation * sd[1] / sd[0] * x, sd[1] * pt.sqrt(1 - correlation**2))
            pair = pm.logp(pm.Normal.dist(np.float64(0.0), sd[0]), x) + pm.logp(given_x, y)
            pm.Potential("pairs", repeats[rows] * pair)
    return model
