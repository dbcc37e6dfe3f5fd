"""Bivariate normal with missing entries.

Model: (x, y) is normal with means m_1, m_2, variances v_1, v_2 and correlation rho. Of some rows only x or only
y is seen (missing at random); a row without either says nothing. The means may be known to be 0.

Observed-data log-likelihood: pairs contribute the bivariate density, single entries their margin; with the
deviations u = x - m_1, w = y - m_2,

    log L = - 1/2 sum_pairs [ 2 log 2 pi + log v_1 v_2 (1 - rho^2)
                              + (u^2/v_1 - 2 rho u w / sqrt(v_1 v_2) + w^2/v_2) / (1 - rho^2) ]
            - 1/2 sum_{x only} [ log 2 pi v_1 + u^2/v_1 ] - 1/2 sum_{y only} [ log 2 pi v_2 + w^2/v_2 ]

E-step:  y given x is normal with mean m_2 + b (x - m_1), b = rho sqrt(v_2 / v_1), and variance v_2 (1 - rho^2):
         S_1 = sum E x,   S_2 = sum E y,   T_11 = sum E x^2,   T_22 = sum E y^2,   T_12 = sum E x y
         with E y^2 = (E y)^2 + v_2 (1 - rho^2), E x y = x E y where y is missing; x likewise
M-step:  m = S / N,   v_1 = T_11 / N - m_1^2,   v_2 = T_22 / N - m_2^2,
         rho = (T_12 / N - m_1 m_2) / sqrt(v_1 v_2);   known means stay 0 in these formulas

All sums are taken of deviations from a fixed point (`about`), so that data far from 0 lose no digits. For rows near a
line the quadratic form of the pairs is computed as u^2/v_1 + (w - b u)^2 / (v_2 (1 - rho^2)): its terms, which do not
cancel, are found by the least-squares line through the pairs.

Source: Little and Rubin (2002), Statistical Analysis with Missing Data, section 11.2.1; with means 0, Murray
(1977), contribution to the discussion of Dempster, Laird and Rubin, Journal of the Royal Statistical Society B 39,
27-28: twelve rows whose likelihood has two maxima and a saddle.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from em_reference.em import Expectation
from em_reference.layout import Array
from em_reference.louis import HERMITE_NODES, HERMITE_WEIGHTS, Completions

LOG_2_PI = np.log(2 * np.pi)


class NormalParams(NamedTuple):
    """Parameters; `...` are the leading axes.

    Attributes
    ----------
    mean : array (..., 2)
        m_1, m_2, in the units of the data; 0 where they are known to be 0.
    variance : array (..., 2)
        v_1, v_2, in squared units of the data.
    correlation : array (..., 1)
        rho, between -1 and 1.
    """

    mean: Array
    variance: Array
    correlation: Array


class NormalCounts(NamedTuple):
    """Expected sums over the rows of the complete data, of deviations from `BivariateNormal.about`.

    Attributes
    ----------
    sums : array (..., 2)
        S_1, S_2.
    squares : array (..., 2)
        T_11, T_22.
    product : array (..., 1)
        T_12.
    """

    sums: Array
    squares: Array
    product: Array


class Moments(NamedTuple):
    """Some rows of x and y, or some entries of one of them: all that the likelihood needs of them.

    Attributes
    ----------
    rows : array (2,)
        How many, by variable.
    mean : array
        Of their deviations from `about`.
    squares : array
        Sums of squares of their deviations from that mean.
    product : float
        Sum of products of these deviations; 0 for entries of one variable.
    slope, residual : float
        Of the least-squares line of y on x: its slope, and the sum of squared residuals.
    """

    rows: Array
    mean: Array
    squares: Array
    product: float
    slope: float
    residual: float

    def around(self, center: Array) -> tuple[Array, Array, Array]:
        """Sums of the deviations from `center` (..., 2), of their squares, and of their products (..., 1)."""
        apart = self.mean - center
        squares = self.squares + self.rows * apart**2
        return self.rows * apart, squares, self.product + self.rows[:1] * apart.prod(axis=-1, keepdims=True)

    def beside_line(self, center: Array, slope: Array) -> Array:
        """Sum of squared deviations in y from the line through `center` with `slope`, both (..., 1)."""
        apart = self.mean - center
        at_the_mean = apart[..., 1:] - slope * apart[..., :1]
        return self.residual + self.squares[:1] * (slope - self.slope) ** 2 + self.rows[:1] * at_the_mean**2


@dataclass(frozen=True)
class BivariateNormal:
    """EM problem of the bivariate normal with missing entries.

    Parameters
    ----------
    values : array (N, 2)
        x and y, NaN where missing.
    frequencies : array (N,), optional
        How often each row was seen; 1 by default.
    means_zero : bool
        The means are known to be 0; else they are estimated.
    about : array (2,), optional
        The point from which the expected sums are taken. By default the means of what was seen, or 0 where the
        means are known to be 0.

    Raises
    ------
    ValueError
        If the data have another shape, are infinite, or one variable was never seen other than 0, or, where the
        means are estimated, with two different values.
    """

    values: npt.ArrayLike
    frequencies: npt.ArrayLike | None = None
    means_zero: bool = False
    about: npt.ArrayLike | None = None

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
        seen = ~np.isnan(values) & (self._repeats > 0)[:, None]
        for entries in (column[there] for column, there in zip(values.T, seen.T, strict=True)):
            if self.means_zero and not entries.any():
                raise ValueError("each variable must be seen at least once with a value other than 0")
            if not self.means_zero and not (entries != entries[:1]).any():
                raise ValueError("each variable must be seen with at least two different values")

    @cached_property
    def _repeats(self) -> Array:
        """How often each row was seen, (N,)."""
        if self.frequencies is None:
            return np.ones(len(np.asarray(self.values)))
        return np.asarray(self.frequencies, dtype=float)

    @cached_property
    def center(self) -> Array:
        """The point from which the sums are taken, (2,)."""
        if self.about is not None:
            return np.broadcast_to(np.asarray(self.about, dtype=float), 2)
        values = np.asarray(self.values, dtype=float)
        if self.means_zero:
            return np.zeros(2)
        there = ~np.isnan(values) * self._repeats[:, None]
        first = np.array([column[seen > 0][0] for column, seen in zip(values.T, there.T, strict=True)])
        # As deviations from the first value, for numbers whose squares or sums are large beside their differences.
        return first + (np.nan_to_num(values - first) * there).sum(axis=0) / there.sum(axis=0)

    @cached_property
    def seen(self) -> tuple[Moments, Moments]:
        """Complete rows, and the entries of x alone and of y alone."""
        values = np.asarray(self.values, dtype=float) - self.center
        there = ~np.isnan(values)
        pair = there.all(axis=1, keepdims=True) & there
        often = self._repeats[:, None]
        return _moments(values, often * pair), _moments(values, often * (there & ~pair))

    def e_step(self, params: NormalParams) -> Expectation:
        """Return expected sums and log-likelihood at `params`."""
        pairs, singles = self.seen
        variance, rho = np.asarray(params.variance, dtype=float), params.correlation
        mean = np.asarray(params.mean, dtype=float) - self.center
        unexplained = (1 - rho) * (1 + rho)
        sums, squares, product = pairs.around(mean)
        alone, alone_squares, _ = singles.around(mean)
        # Deviations from the mean, those of the missing entries by regression on the entry that is seen.
        regression = rho * np.sqrt(variance[..., ::-1] / variance)
        filled_in = (regression**2 * alone_squares + singles.rows * variance[..., ::-1] * unexplained)[..., ::-1]
        counts = _moved(
            NormalCounts(
                sums + alone + (regression * alone)[..., ::-1],
                squares + alone_squares + filled_in,
                product + (regression * alone_squares).sum(axis=-1, keepdims=True),
            ),
            self.rows,
            mean,
        )
        beside = pairs.beside_line(mean, regression[..., :1]) / (variance[..., 1:] * unexplained)
        log_determinant = np.log(variance).sum(axis=-1, keepdims=True) + np.log(unexplained)
        by_pairs = pairs.rows[:1] * (2 * LOG_2_PI + log_determinant) + squares[..., :1] / variance[..., :1] + beside
        by_singles = singles.rows * (LOG_2_PI + np.log(variance)) + alone_squares / variance
        return Expectation(counts, -0.5 * (by_pairs[..., 0] + by_singles.sum(axis=-1)))

    def m_step(self, expected_counts: NormalCounts, params: NormalParams) -> NormalParams:
        """Moments of the completed data; known means stay as they are."""
        mean = params.mean if self.means_zero else self.center + expected_counts.sums / self.rows
        _, squares, product = _moved(expected_counts, self.rows, self.center - mean)
        # By Cauchy and Schwarz the ratio lies between -1 and 1, but for round-off.
        correlation = np.clip(product / np.sqrt(squares.prod(axis=-1, keepdims=True)), -1.0, 1.0)
        return NormalParams(mean, squares / self.rows, correlation)

    @property
    def rows(self) -> float:
        """Rows of which anything was seen."""
        pairs, singles = self.seen
        return float(pairs.rows[0] + singles.rows.sum())

    @property
    def mean_squares(self) -> Array:
        """Mean square, about `center`, of what was seen of each variable, (2,)."""
        squares = sum(part.around(np.zeros(2))[1] for part in self.seen)
        return np.asarray(squares / sum(part.rows for part in self.seen))

    @property
    def magnitude(self) -> float:
        """Sum of the sizes of the terms of the log-likelihood at the variances of what was seen."""
        seen = sum(part.rows for part in self.seen)
        return float((seen * (LOG_2_PI + 1 + np.abs(np.log(self.mean_squares)))).sum() / 2)

    def feasible(self, params: NormalParams) -> npt.NDArray[np.bool_]:
        """Variances positive, the correlation between -1 and 1."""
        return np.asarray((params.variance > 0).all(axis=-1) & (np.abs(params.correlation) < 1).all(axis=-1))

    def score(self, expected_counts: NormalCounts, params: NormalParams) -> NormalParams:
        """Gradient of the expected complete-data log-likelihood at `params`."""
        _, variance, rho = params
        sums, squares, product = _moved(expected_counts, self.rows, self.center - params.mean)
        unexplained = (1 - rho) * (1 + rho)
        root = np.sqrt(variance.prod(axis=-1, keepdims=True))
        scaled, cross = squares / variance, product / root
        by_mean = (sums / variance - rho * sums[..., ::-1] / root) / unexplained
        by_variance = ((scaled - rho * cross) / unexplained - self.rows) / (2 * variance)
        by_rho = self.rows * rho / unexplained
        by_rho = by_rho + (cross * (1 + rho**2) - rho * scaled.sum(axis=-1, keepdims=True)) / unexplained**2
        return NormalParams(by_mean, by_variance, by_rho)

    def completions(self, params: NormalParams) -> Iterator[Completions]:
        """Rows of which one number is missing, at three values of it; see `em_reference.louis`."""
        values = np.asarray(self.values, dtype=float)
        unexplained = 1 - params.correlation**2
        for seen, missing in ((0, 1), (1, 0)):
            rows = ~np.isnan(values[:, seen]) & np.isnan(values[:, missing])
            slope = params.correlation * np.sqrt(params.variance[missing] / params.variance[seen])
            spread = np.sqrt(params.variance[missing] * unexplained)
            apart = values[rows, seen, None] - params.mean[seen]
            completed = np.empty((len(apart), len(HERMITE_NODES), 2))
            completed[..., seen] = values[rows, seen, None] - self.center[seen]
            completed[..., missing] = (
                params.mean[missing] - self.center[missing] + slope * apart + spread * HERMITE_NODES
            )
            counts = NormalCounts(completed, completed**2, completed.prod(axis=-1, keepdims=True))
            posterior = np.broadcast_to(HERMITE_WEIGHTS, completed.shape[:2])
            yield Completions(posterior, self.score(counts, params), self._repeats[rows])

    def free_directions(self) -> Array:
        """All parameters move freely, (5, 5); means known to be 0 stay there, (5, 3)."""
        return np.eye(5)[:, 2 if self.means_zero else 0 :]


def _moments(values: Array, often: Array) -> Moments:
    """Moments by column of the entries that were seen, each as often as `often` says, (N, 2)."""
    rows = often.sum(axis=0)
    filled = np.where(often > 0, values, 0.0)
    mean = np.divide((often * filled).sum(axis=0), rows, out=np.zeros(2), where=rows > 0)
    apart = np.where(often > 0, filled - mean, 0.0)
    squares = (often * apart**2).sum(axis=0)
    product = float((often[:, 0] * apart.prod(axis=1)).sum())
    slope = product / squares[0] if squares[0] > 0 else 0.0
    residual = float((often[:, 0] * (apart[:, 1] - slope * apart[:, 0]) ** 2).sum())
    return Moments(rows, mean, squares, product, slope, residual)


def _moved(counts: NormalCounts, rows: float, by: Array) -> NormalCounts:
    """Sums of deviations once every deviation has grown by `by`."""
    sums, squares, product = counts
    return NormalCounts(
        sums + rows * by,
        squares + 2 * by * sums + rows * by**2,
        product + (by * sums[..., ::-1]).sum(axis=-1, keepdims=True) + rows * by.prod(axis=-1, keepdims=True),
    )
