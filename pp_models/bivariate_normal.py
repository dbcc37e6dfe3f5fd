"""Bivariate normal with missing entries in PyMC.

mean_1, mean_2 ~ flat, or 0 where they are known to be;   variance_1, variance_2 ~ flat on the positive numbers
correlation ~ Uniform(-1, 1)
(x, y) complete:  x ~ Normal(m_1, s_1),   y | x ~ Normal(m_2 + r s_2 / s_1 (x - m_1), s_2 sqrt(1 - r^2))
x only:           x ~ Normal(m_1, s_1);   y only:  y ~ Normal(m_2, s_2)
                  m = mean, s = sqrt(variance), r = correlation

With hooks the same likelihood is written by the sufficient statistics of the complete data, x, y, x^2, y^2, x y
and 1, where x, y and the means m are deviations from a fixed point `about`:

    log p(x, y) = c_1 x + c_2 y + c_3 x^2 + c_4 y^2 + c_5 x y + c_6,       r = correlation
    c_3, c_4 = -1 / (2 variance (1 - r^2)),   c_5 = r / (s_1 s_2 (1 - r^2))
    c_1 = -2 c_3 m_1 - c_5 m_2,   c_2 = -2 c_4 m_2 - c_5 m_1
    c_6 = c_3 m_1^2 + c_4 m_2^2 + c_5 m_1 m_2 - log(2 pi s_1 s_2 sqrt(1 - r^2))
    log p(x) = log int p(x, y) dy = c_1 x + c_3 x^2 + c_6 - (c_2 + c_5 x)^2 / (4 c_4) + log(-pi / c_4) / 2,
    y only likewise
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pymc as pm
import pytensor.tensor as pt

from pp_models.complete_data import name_count

LogDensity = Callable[..., Any]


def build(
    values: npt.ArrayLike,
    *,
    frequencies: npt.ArrayLike | None = None,
    means_zero: bool = False,
    hooks: bool = False,
    about: npt.ArrayLike = 0.0,
) -> pm.Model:
    """Model with the variables `mean` (2,), unless the means are known to be 0, `variance` (2,), `correlation` (1,).

    Parameters
    ----------
    values : array (N, 2)
        x and y, NaN where missing. A row without either is left out.
    frequencies : array (N,), optional
        How often each row was seen; its log-likelihood counts that many times.
    means_zero : bool
        The means are known to be 0.
    hooks : bool
        Name what the steps of an EM are derived from; see `pp_models.complete_data`.
    about : float or array (2,)
        With hooks: the point from which the sufficient statistics are taken.
    """
    values = np.asarray(values, dtype=float)
    repeats = np.ones(len(values)) if frequencies is None else np.asarray(frequencies, dtype=float)
    there = ~np.isnan(values)
    pairs = there.all(axis=1)
    alone = [there[:, column] & ~pairs for column in (0, 1)]
    with pm.Model() as model:
        mean = pt.zeros(2) if means_zero else pm.Flat("mean", shape=2)
        variance = pm.HalfFlat("variance", shape=2)
        correlation = pm.Uniform("correlation", lower=np.float64(-1.0), upper=np.float64(1.0), shape=1)
        if hooks:
            center = np.broadcast_to(np.asarray(about, dtype=float), 2)
            _name_counts(mean, variance, correlation, center, repeats[there.any(axis=1)].sum(), means_zero)
            deviations = values - center
            margin, pair = _by_statistics(mean - center, variance, correlation)
        else:
            deviations = values
            margin, pair = _by_densities(mean, variance, correlation)
        for column, name in enumerate("xy"):
            if alone[column].any():
                seen = _given(f"{name} alone", deviations[alone[column], column])
                _weighted(f"{name} alone", repeats[alone[column]], margin(column, seen))
        if pairs.any():
            _weighted(
                "pairs",
                repeats[pairs],
                pair(*(_given(f"{name} of pairs", v) for name, v in zip("xy", deviations[pairs].T, strict=True))),
            )
    return model


def _given(name: str, values: npt.NDArray[np.float64]) -> Any:
    """Numbers as data of the model: as constants that are all 0 they keep PyTensor's rewrites from coming to an end."""
    return pm.Data(f"values of {name}", values)


def _weighted(name: str, repeats: npt.NDArray[np.float64], log_density: Any) -> None:
    """Add log densities of rows to the model, each as often as it was seen."""
    pm.Potential(name, repeats * log_density)
    pm.Data(f"frequency of {name}", repeats)


def _by_densities(mean: Any, variance: Any, correlation: Any) -> tuple[LogDensity, LogDensity]:
    """log p(x) or log p(y) by column, and log p(x, y)."""
    sd = pt.sqrt(variance)

    def margin(column: int, values: Any) -> Any:
        return pm.logp(pm.Normal.dist(mean[column], sd[column]), values)

    def pair(x: Any, y: Any) -> Any:
        expected = mean[1] + correlation * sd[1] / sd[0] * (x - mean[0])
        given_x = pm.Normal.dist(expected, sd[1] * pt.sqrt(1 - correlation**2))
        return margin(0, x) + pm.logp(given_x, y)

    return margin, pair


def _coefficients(mean: Any, variance: Any, correlation: Any) -> Any:
    """Coefficients (6,) of x, y, x^2, y^2, x y and 1 in log p(x, y)."""
    unexplained = 1 - correlation[0] ** 2
    root = pt.sqrt(variance[0] * variance[1])
    by_square = -1 / (2 * variance * unexplained)
    by_product = correlation[0] / (root * unexplained)
    by_itself = -2 * by_square * mean - by_product * mean[::-1]
    constant = pt.sum(by_square * mean**2) + by_product * mean[0] * mean[1]
    constant += -np.log(2 * np.pi) - pt.log(root) - pt.log(unexplained) / 2
    return pt.concatenate([by_itself, by_square, pt.stack([by_product, constant])])


def _name_counts(
    mean: Any, variance: Any, correlation: Any, about: npt.NDArray[np.float64], rows: float, means_zero: bool
) -> None:
    """Name the sums of the numbers themselves, x = about + u, in terms of the statistics of u."""
    c = _coefficients(mean, variance, correlation)
    linear = np.zeros(2) if means_zero else name_count("sums", c[:2], (2,))
    square, product = name_count("squares", c[2:4], (2,)), name_count("product", c[4:5], (1,))
    of_one = pt.sum(linear * about) + pt.sum(square * about**2) + product * about.prod()
    of_u = linear + 2 * square * about + product * about[::-1]
    pm.Deterministic("tilted", pt.concatenate([of_u, square, product, of_one]))
    pm.Deterministic("constant", rows * c[5])


def _by_statistics(mean: Any, variance: Any, correlation: Any) -> tuple[LogDensity, LogDensity]:
    """The same, with the coefficients of the sufficient statistics named and tilted."""
    coefficient = _coefficients(mean, variance, correlation)
    pm.Deterministic("coefficient", coefficient)
    c = coefficient + pm.Data("tilt", np.zeros(6))

    def margin(column: int, values: Any) -> Any:
        other = 1 - column
        linear, square = c[column], c[2 + column]
        integral = pt.log(-np.pi / c[2 + other]) / 2 - (c[other] + c[4] * values) ** 2 / (4 * c[2 + other])
        return linear * values + square * values**2 + c[5] + integral

    def pair(x: Any, y: Any) -> Any:
        return c[0] * x + c[1] * y + c[2] * x**2 + c[3] * y**2 + c[4] * x * y + c[5]

    return margin, pair
