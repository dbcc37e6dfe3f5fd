"""Bivariate normal with means 0 and missing entries.

Model: (x, y) is normal with means 0, variances v_1, v_2 and correlation rho. Of some rows only x or only
y is seen (missing at random); a row without either says nothing.

Observed-data log-likelihood: pairs contribute the bivariate density, single entries their margin,

    log L = - 1/2 sum_pairs [ 2 log 2 pi + log v_1 v_2 (1 - rho^2)
                              + (x^2/v_1 - 2 rho x y / sqrt(v_1 v_2) + y^2/v_2) / (1 - rho^2) ]
            - 1/2 sum_{x only} [ log 2 pi v_1 + x^2/v_1 ] - 1/2 sum_{y only} [ log 2 pi v_2 + y^2/v_2 ]

E-step:  y given x is normal with mean b x, b = rho sqrt(v_2 / v_1), and variance v_2 (1 - rho^2), so
         T_11 = sum E x^2,   T_22 = sum E y^2,   T_12 = sum E x y     (expected sums of squares, products)
         with E y = b x, E y^2 = (b x)^2 + v_2 (1 - rho^2), E x y = b x^2 where y is missing; x likewise
M-step:  v_1 = T_11 / N,   v_2 = T_22 / N,   rho = T_12 / sqrt(T_11 T_22)

Source: Murray (1977), contribution to the discussion of Dempster, Laird and Rubin, Journal of the Royal
Statistical Society B 39, 27-28: twelve rows whose likelihood has two maxima and a saddle.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from em_reference.em import Expectation
from em_reference.layout import Array

LOG_2_PI = np.log(2 * np.pi)


class NormalParams(NamedTuple):
    """Parameters; `...` are the leading axes.

    Attributes
    ----------
    variance : array (..., 2)
        v_1, v_2, in squared units of the data.
    correlation : array (..., 1)
        rho, between -1 and 1.
    """

    variance: Array
    correlation: Array


class NormalCounts(NamedTuple):
    """Expected sums over the rows of the complete data.

    Attributes
    ----------
    squares : array (..., 2)
        T_11, T_22.
    product : array (..., 1)
        T_12.
    """

    squares: Array
    product: Array


class Seen(NamedTuple):
    """Sums over the rows by what is seen of them: all that the likelihood needs.

    Attributes
    ----------
    pairs : float
        Number of complete rows.
    pair_squares : array (2,)
        Sums of x^2 and y^2 over them.
    pair_product : float
        Sum of x y over them.
    singles : array (2,)
        Number of rows with x only, with y only.
    single_squares : array (2,)
        Sums of squares over these.
    """

    pairs: float
    pair_squares: Array
    pair_product: float
    singles: Array
    single_squares: Array


@dataclass(frozen=True)
class BivariateNormal:
    """EM problem of the bivariate normal with missing entries.

    Parameters
    ----------
    values : array (N, 2)
        x and y, NaN where missing.
    frequencies : array (N,), optional
        How often each row was seen; 1 by default.

    Raises
    ------
    ValueError
        If the data have another shape, are infinite, or one variable was never seen other than 0.
    """

    values: npt.ArrayLike
    frequencies: npt.ArrayLike | None = None

    def __post_init__(self) -> None:
        values = np.asarray(self.values, dtype=float)
        if values.ndim != 2 or values.shape[1] != 2:
            raise ValueError(f"values must have two columns, got shape {values.shape}")
        if np.isinf(values).any():
            raise ValueError("values must be finite, or NaN where missing")
        if self.frequencies is not None:
            frequencies = np.asarray(self.frequencies, dtype=float)
            if frequencies.shape != values.shape[:1] or not (frequencies >= 0).all():
                raise ValueError("frequencies must be one per row, not negative")
        if not ((self.seen.pair_squares + self.seen.single_squares) > 0).all():
            raise ValueError("each variable must be seen at least once with a value other than 0")

    @cached_property
    def seen(self) -> Seen:
        """Sums over the rows."""
        values = np.asarray(self.values, dtype=float)
        given = np.ones(len(values)) if self.frequencies is None else np.asarray(self.frequencies, dtype=float)
        there = ~np.isnan(values)
        filled = np.where(there, values, 0.0)
        pair = given * there.all(axis=1)
        single = given[:, None] * (there & ~there[:, ::-1])
        return Seen(
            float(pair.sum()),
            pair @ filled**2,
            float(pair @ filled.prod(axis=1)),
            single.sum(axis=0),
            (single * filled**2).sum(axis=0),
        )

    def e_step(self, params: NormalParams) -> Expectation:
        """Return expected sums and log-likelihood at `params`."""
        seen, variance, rho = self.seen, np.asarray(params.variance, dtype=float), params.correlation
        unexplained = 1 - rho**2
        ratio = np.sqrt(variance[..., ::-1] / variance)
        regression = rho * ratio
        single = seen.single_squares
        filled_in = (regression**2 * single + seen.singles * variance[..., ::-1] * unexplained)[..., ::-1]
        squares = seen.pair_squares + single + filled_in
        product = seen.pair_product + (regression * single).sum(axis=-1, keepdims=True)
        scaled = (seen.pair_squares / variance).sum(axis=-1, keepdims=True)
        cross = rho * seen.pair_product / np.sqrt(variance.prod(axis=-1, keepdims=True))
        log_determinant = np.log(variance).sum(axis=-1, keepdims=True) + np.log(unexplained)
        pairs = seen.pairs * (2 * LOG_2_PI + log_determinant) + (scaled - 2 * cross) / unexplained
        singles = seen.singles * (LOG_2_PI + np.log(variance)) + single / variance
        return Expectation(NormalCounts(squares, product), -0.5 * (pairs[..., 0] + singles.sum(axis=-1)))

    def m_step(self, expected_counts: NormalCounts, params: NormalParams) -> NormalParams:
        """Moments of the completed data."""
        squares, product = expected_counts
        correlation = product / np.sqrt(squares.prod(axis=-1, keepdims=True))
        return NormalParams(squares / self._rows, correlation)

    @property
    def _rows(self) -> float:
        """Rows of which anything was seen."""
        return self.seen.pairs + float(self.seen.singles.sum())

    def feasible(self, params: NormalParams) -> npt.NDArray[np.bool_]:
        """Variances positive, the correlation between -1 and 1."""
        return np.asarray((params.variance > 0).all(axis=-1) & (np.abs(params.correlation) < 1).all(axis=-1))

    def score(self, expected_counts: NormalCounts, params: NormalParams) -> NormalParams:
        """Gradient of the expected complete-data log-likelihood at `params`."""
        (squares, product), (variance, rho) = expected_counts, params
        unexplained = 1 - rho**2
        scaled = squares / variance
        cross = product / np.sqrt(variance.prod(axis=-1, keepdims=True))
        by_variance = ((scaled - rho * cross) / unexplained - self._rows) / (2 * variance)
        by_rho = self._rows * rho / unexplained
        by_rho = by_rho + (cross * (1 + rho**2) - rho * scaled.sum(axis=-1, keepdims=True)) / unexplained**2
        return NormalParams(by_variance, by_rho)

    def free_directions(self) -> Array:
        """All three parameters move freely: the identity (3, 3)."""
        return np.eye(3)
