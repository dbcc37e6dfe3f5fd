"""Rows of a normal mixture, some of their entries missing: densities, and expected moments of what is complete.

Of a normal vector with mean m and covariance matrix Sigma, of which the entries o are seen and the entries m are not,

    x_o ~ N(m_o, Sigma_oo),     E(x_m - m_m | x_o) = B (x_o - m_o),     Var(x_m | x_o) = Sigma_mm - B Sigma_om,
    B = Sigma_mo Sigma_oo^-1

so that of all rows with the same entries missing only the moments of what is seen have to be added up.

Rows lie along the last axis of an array: sums over components and variables then run over whole rows of memory.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from em_reference.covariances import cholesky, inverse_factor
from em_reference.layout import Array
from em_reference.louis import HERMITE_NODES, HERMITE_WEIGHTS

LOG_2_PI = np.log(2 * np.pi)
# Numbers that one temporary array may hold: it then stays in the processor's cache.
CELLS_AT_ONCE = 1 << 17


class Block(NamedTuple):
    """Different rows of which the same variables were seen.

    Attributes
    ----------
    seen : bool array (D,)
    values : array (D_o, J)
        Of the variables that were seen.
    frequencies : array (J,)
    """

    seen: npt.NDArray[np.bool_]
    values: Array
    frequencies: Array

    def chunks(self, copies: int) -> Iterator["Block"]:
        """The rows, a few at a time: arrays of `copies` times as many numbers stay small."""
        size = max(1, CELLS_AT_ONCE // (copies * len(self.values)))
        for first in range(0, len(self.frequencies), size):
            some = slice(first, first + size)
            yield Block(self.seen, self.values[:, some], self.frequencies[some])


class Normal(NamedTuple):
    """What the density of the seen entries needs of each component.

    Attributes
    ----------
    mean : array (..., K, D_o)
    half : array (..., K or 1, D_o, D_o)
        Inverse of the lower Cholesky factor of Sigma_oo.
    constant : array (..., K)
        log w_k - D_o / 2 log 2 pi - 1/2 log |Sigma_koo|.
    """

    mean: Array
    half: Array
    constant: Array

    @classmethod
    def of(cls, weight: Array, mean: Array, covariance: Array, seen: npt.NDArray[np.bool_]) -> "Normal":
        """Of weights (..., K), means (..., K, D) and covariance matrices (..., K or 1, D, D)."""
        half = inverse_factor(cholesky(covariance[..., seen, :][..., seen]))
        with np.errstate(divide="ignore"):
            log_half = np.log(np.diagonal(half, axis1=-2, axis2=-1)).sum(axis=-1)
            constant = np.log(weight) + log_half - seen.sum() / 2 * LOG_2_PI
        return cls(mean[..., seen], half, constant)

    def log_joint(self, values: Array) -> tuple[Array, Array]:
        """Deviations (..., K, D_o, J) of values (D_o, J), and log w_k N(x_jo | ...), (..., K, J)."""
        apart = values - self.mean[..., None]
        scaled = self.half @ apart
        return apart, self.constant[..., None] - np.einsum("...dj,...dj->...j", scaled, scaled) / 2


def shares(log_joint: Array) -> tuple[Array, Array]:
    """Responsibilities (..., K, J) and log densities (..., J) of log joint densities (..., K, J), in their place."""
    top = log_joint.max(axis=-2, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    gamma = np.exp(np.subtract(log_joint, top, out=log_joint), out=log_joint)
    total = gamma.sum(axis=-2, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        gamma /= total
        return gamma, (np.log(total) + top)[..., 0, :]


class Moments(NamedTuple):
    """Expected moments by component; deviations are from its mean.

    Attributes
    ----------
    observations : array (..., K)
    sums : array (..., K, D)
    products : array (..., K, D, D)
    log_likelihood : array (...)
    """

    observations: Array
    sums: Array
    products: Array
    log_likelihood: Array

    @classmethod
    def zeros(cls, lead: tuple[int, ...], components: int, variables: int) -> "Moments":
        """Of no rows."""
        by_component = (*lead, components)
        shapes = (by_component, (*by_component, variables), (*by_component, variables, variables), lead)
        return cls(*map(np.zeros, shapes))

    def add(self, other: "Moments") -> None:
        """Add others, in place."""
        for own, more in zip(self, other, strict=True):
            own += more

    def completed(self, covariance: Array, seen: npt.NDArray[np.bool_]) -> "Moments":
        """Moments of all variables, from those of the entries that are seen."""
        if seen.all():
            return self
        fill, unexplained = regression(covariance, seen)
        products = fill @ self.products @ np.swapaxes(fill, -1, -2)
        products = products + self.observations[..., None, None] * unexplained
        return self._replace(sums=(fill @ self.sums[..., None])[..., 0], products=products)


class Grid(NamedTuple):
    """What is missing of some rows at a few values, which integrate polynomials of degree 5 exactly.

    Attributes
    ----------
    fill : array (K, D, D_o)
        Deviations of all variables expected from those seen.
    beside : array (K, G, D)
        Deviations of the values from what is expected; 0 of what is seen.
    weights : array (G,)
    seen : bool array (D,)
    """

    fill: Array
    beside: Array
    weights: Array
    seen: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, covariance: Array, seen: npt.NDArray[np.bool_]) -> "Grid":
        """Of covariance matrices (K, D, D): Gauss and Hermite's nodes for every variable that is missing."""
        fill, unexplained = regression(covariance, seen)
        size = int((~seen).sum())
        places = np.indices((len(HERMITE_NODES),) * size).reshape(size, len(HERMITE_NODES) ** size).T
        beside = np.zeros((len(covariance), len(places), len(seen)))
        beside[..., ~seen] = HERMITE_NODES[places] @ np.swapaxes(cholesky(unexplained[:, ~seen][:, :, ~seen]), -1, -2)
        return cls(fill, beside, HERMITE_WEIGHTS[places].prod(axis=-1), seen)

    def filled(self, apart: Array) -> Array:
        """Deviations (J, K, G, D) of all variables, from those seen (K, D_o, J)."""
        expected = np.swapaxes(self.fill @ apart, -1, -2)
        return np.asarray(np.swapaxes(expected, 0, 1)[:, :, None] + self.beside)


def regression(covariance: Array, seen: npt.NDArray[np.bool_]) -> tuple[Array, Array]:
    """All variables by those seen: coefficients (..., D, D_o) and what they leave of the covariance, (..., D, D)."""
    half = inverse_factor(cholesky(covariance[..., seen, :][..., seen]))
    scaled = half @ covariance[..., seen, :]
    fill = np.swapaxes(scaled, -1, -2) @ half
    unexplained = covariance - np.swapaxes(scaled, -1, -2) @ scaled
    # Of a variable that is seen the regression on itself is exact.
    fill[..., seen, :] = np.eye(int(seen.sum()))
    unexplained[..., seen, :] = 0.0
    unexplained[..., seen] = 0.0
    return fill, unexplained


def expected_moments(weight: Array, mean: Array, covariance: Array, block: Block) -> Moments:
    """Expected moments of the rows of a block, all variables, and their log-likelihood."""
    lead, components = weight.shape[:-1], weight.shape[-1]
    total = Moments.zeros(lead, components, len(block.values))
    normal = Normal.of(weight, mean, covariance, block.seen)
    for _, values, frequencies in block.chunks(max(1, weight.size)):
        apart, joint = normal.log_joint(values)
        gamma, log_density = shares(joint)
        total.log_likelihood[...] += log_density @ frequencies
        gamma *= frequencies
        weighted = apart * gamma[..., None, :]
        part = (gamma.sum(axis=-1), weighted.sum(axis=-1), weighted @ np.swapaxes(apart, -1, -2))
        for own, more in zip(total[:3], part, strict=True):
            own += more
    return total.completed(covariance, block.seen)


def blocks_of(values: Array, frequencies: Array) -> tuple[Block, ...]:
    """Different rows of a table (N, D) with NaN where missing; rows without any number are left out."""
    seen = ~np.isnan(values)
    used = (frequencies > 0) & seen.any(axis=1)
    values, seen, frequencies = values[used] + 0.0, seen[used], frequencies[used]
    blocks = []
    for pattern in np.unique(seen, axis=0):
        own = (seen == pattern).all(axis=1)
        blocks.append(_block(pattern, values[own][:, pattern], frequencies[own]))
    return tuple(blocks)


def _block(pattern: npt.NDArray[np.bool_], values: Array, frequencies: Array) -> Block:
    """Equal rows as one; columns one after another are sorted far faster than whole rows."""
    order = np.lexsort(values.T)
    values, frequencies = values[order], frequencies[order]
    new = np.ones(len(values), dtype=bool)
    new[1:] = (values[1:] != values[:-1]).any(axis=1)
    counted = np.bincount(np.cumsum(new) - 1, weights=frequencies)
    return Block(pattern, np.ascontiguousarray(values[new].T), counted.astype(float))


class Spread(NamedTuple):
    """Mean and mean square about it of what was seen of each variable, both (D,)."""

    mean: Array
    variance: Array

    @classmethod
    def of(cls, values: Array, frequencies: Array) -> "Spread":
        """Of a table (N, D) with NaN where missing, from deviations: data far from 0 lose no digits."""
        often = ~np.isnan(values) * frequencies[:, None]
        rows = often.sum(axis=0)
        first = values[(often > 0).argmax(axis=0), np.arange(values.shape[1])]
        apart = np.where(often > 0, values - first, 0.0)
        mean = (often * apart).sum(axis=0) / rows
        return cls(first + mean, (often * (apart - mean) ** 2).sum(axis=0) / rows)
