"""Mixture of biased coins (binomial mixture).

Model: a sequence of n_j flips is thrown with one of K coins. Coin k is picked with probability w_k
(`weight`) and shows heads with probability phi_k (`bias`); x_j heads are seen, the coin is not.

Observed-data log-likelihood, with the binomial coefficient:

    log L = sum_j f_j log sum_k w_k C(n_j, x_j) phi_k^x_j (1 - phi_k)^(n_j - x_j)

over the unique pairs (x_j, n_j) with frequency f_j.

E-step:  gamma_jk = w_k p(x_j | phi_k) / sum_l w_l p(x_j | phi_l)          (responsibilities)
         c_k = sum_j f_j gamma_jk                                         (expected component counts)
         h_k = sum_j f_j gamma_jk x_j,   m_k = sum_j f_j gamma_jk n_j     (expected heads, flips)
M-step:  w_k = c_k / sum_l c_l,          phi_k = h_k / m_k

With a Dirichlet(alpha) prior on w and a Beta(a, b) prior on phi the M-step maximises the log
posterior: w_k proportional to c_k + alpha - 1, phi_k = (h_k + a - 1) / (m_k + a + b - 2).

Source: Dempster, Laird and Rubin (1977), section 4.3; the worked example of the tests is the chapter
"The EM Algorithm", section 6.3 (three coins, 20 sequences of 10 flips).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, xlog1py, xlogy

from em_reference.deviance import deviance_part
from em_reference.em import Expectation
from em_reference.layout import Array
from em_reference.louis import Completions
from em_reference.priors import Beta, Dirichlet


class CoinParams(NamedTuple):
    """Parameters; `...` are the leading axes.

    Attributes
    ----------
    weight : array (..., K)
        Mixture weights, add up to 1.
    bias : array (..., K)
        Probability of heads of each coin.
    """

    weight: Array
    bias: Array


class CoinCounts(NamedTuple):
    """Expected counts of the complete data.

    Attributes
    ----------
    sequences : array (..., K)
        Expected number of sequences thrown with each coin; adds up to the number of sequences.
    heads, flips : array (..., K)
        Expected number of heads, and of flips, of each coin.
    """

    sequences: Array
    heads: Array
    flips: Array


class Outcomes(NamedTuple):
    """Unique outcomes: heads (J,), flips (J,), frequencies (J,), and where each sequence went (N,)."""

    heads: Array
    flips: Array
    frequencies: Array
    outcome_of_sequence: npt.NDArray[np.intp]


@dataclass(frozen=True)
class CoinMixture:
    """EM problem of a mixture of `coins` biased coins.

    Parameters
    ----------
    heads : array (N,)
        Heads seen per sequence, integers from 0 to `flips`.
    flips : int or array (N,)
        Flips per sequence.
    coins : int
        Number of components K >= 1.
    fixed_weight : array (K,), optional
        Mixture weights that are known; they are not updated. Free by default.
    frequencies : array (N,), optional
        How often each (heads, flips) row was seen; 1 by default.
    weight_prior : Dirichlet, optional
    bias_prior : Beta, optional

    Raises
    ------
    ValueError
        If the data or the sizes are impossible.
    """

    heads: npt.ArrayLike
    flips: npt.ArrayLike
    coins: int
    fixed_weight: npt.ArrayLike | None = None
    frequencies: npt.ArrayLike | None = None
    weight_prior: Dirichlet | None = field(default=None, kw_only=True)
    bias_prior: Beta | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        heads, flips = np.broadcast_arrays(np.asarray(self.heads, dtype=float), np.asarray(self.flips, dtype=float))
        if heads.ndim != 1 or heads.size == 0:
            raise ValueError(f"heads must be a non-empty vector, got shape {heads.shape}")
        if not (np.isfinite(heads).all() and np.isfinite(flips).all()):
            raise ValueError("heads and flips must be finite")
        if (heads < 0).any() or (heads > flips).any() or (heads % 1 != 0).any() or (flips % 1 != 0).any():
            raise ValueError("heads and flips must be whole numbers with 0 <= heads <= flips")
        if self.coins < 1:
            raise ValueError(f"coins must be at least 1, got {self.coins}")
        if self.fixed_weight is not None:
            weight = np.asarray(self.fixed_weight, dtype=float)
            if weight.shape != (self.coins,) or (weight < 0).any() or abs(weight.sum() - 1) > 1e-9:
                raise ValueError("fixed_weight must hold one non-negative weight per coin, adding up to 1")
        if (self.frequency_of_row < 0).any() or not self.frequency_of_row.sum() > 0:
            raise ValueError("frequencies must not be negative and must add up to more than 0")

    @cached_property
    def frequency_of_row(self) -> Array:
        """Frequency of each row of the data (N,)."""
        size = np.broadcast(np.asarray(self.heads), np.asarray(self.flips)).size
        given = 1.0 if self.frequencies is None else np.asarray(self.frequencies, dtype=float)
        return np.broadcast_to(given, size)

    @cached_property
    def outcomes(self) -> Outcomes:
        """Unique (heads, flips) pairs with their frequencies, in order of flips, then heads."""
        heads, flips = np.broadcast_arrays(np.asarray(self.heads, dtype=float), np.asarray(self.flips, dtype=float))
        pairs, inverse = np.unique(np.column_stack([flips, heads]), axis=0, return_inverse=True)
        inverse = inverse.reshape(-1)
        frequencies = np.bincount(inverse, weights=self.frequency_of_row).astype(float)
        return Outcomes(pairs[:, 1], pairs[:, 0], frequencies, inverse)

    def log_component_probabilities(self, params: CoinParams) -> Array:
        """Log probabilities log p(x_j | phi_k), shape (..., J, K)."""
        heads, flips = self.outcomes.heads[:, None], self.outcomes.flips[:, None]
        bias = params.bias[..., None, :]
        apart = deviance_part(heads, flips * bias) + deviance_part(flips - heads, flips * (1 - bias))
        return self._log_largest[:, None] - apart

    @cached_property
    def _log_largest(self) -> Array:
        """Log probability of each outcome at the bias that makes it largest, the share of heads, (J,)."""
        heads, flips = self.outcomes.heads, self.outcomes.flips
        log_choose = gammaln(flips + 1) - gammaln(heads + 1) - gammaln(flips - heads + 1)
        share = np.divide(heads, flips, out=np.zeros_like(heads), where=flips > 0)
        return np.asarray(log_choose + xlogy(heads, share) + xlog1py(flips - heads, -share))

    def responsibilities(self, params: CoinParams) -> tuple[Array, Array]:
        """Responsibilities gamma (..., J, K) and log probabilities log p(x_j) (..., J) of the outcomes."""
        with np.errstate(divide="ignore"):
            # Weights that add up to 1 only nearly (an extrapolation) would shift the log-likelihood.
            log_weight = np.log(params.weight / params.weight.sum(axis=-1, keepdims=True))
        joint = log_weight[..., None, :] + self.log_component_probabilities(params)
        top = joint.max(axis=-1, keepdims=True)
        top = np.where(np.isfinite(top), top, 0.0)
        gamma = np.exp(joint - top)
        total = gamma.sum(axis=-1, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            gamma /= total
            log_probability = np.log(total[..., 0]) + top[..., 0]
        return gamma, log_probability

    def e_step(self, params: CoinParams) -> Expectation:
        """Return expected counts and log-likelihood at `params`."""
        gamma, log_probability = self.responsibilities(params)
        frequencies, heads, flips = self.outcomes.frequencies, self.outcomes.heads, self.outcomes.flips
        totals = np.stack([frequencies, frequencies * heads, frequencies * flips]) @ gamma
        counts = CoinCounts(totals[..., 0, :], totals[..., 1, :], totals[..., 2, :])
        seen = frequencies > 0
        log_likelihood = log_probability[..., seen] @ frequencies[seen]
        return Expectation(counts, log_likelihood, self.log_prior(params))

    @cached_property
    def magnitude(self) -> float:
        """Sum of the sizes of the terms of the log-likelihood: log n! of every sequence."""
        return float(gammaln(self.outcomes.flips + 1) @ self.outcomes.frequencies)

    def m_step(self, expected_counts: CoinCounts, params: CoinParams) -> CoinParams:
        """Weights and biases that maximise the expected complete-data log-posterior.

        A coin with no expected flips keeps its bias: nothing in the data speaks about it.
        """
        extra_heads, extra_tails = (0.0, 0.0) if self.bias_prior is None else np.subtract(self.bias_prior, 1)
        heads = np.maximum(expected_counts.heads + extra_heads, 0.0)
        tails = np.maximum(expected_counts.flips - expected_counts.heads + extra_tails, 0.0)
        flips = heads + tails
        bias = np.divide(heads, flips, out=np.array(params.bias, dtype=float), where=flips > 0)
        if self.fixed_weight is not None:
            return CoinParams(params.weight, bias)
        extra = 0.0 if self.weight_prior is None else self.weight_prior.alpha - 1
        sequences = np.maximum(expected_counts.sequences + extra, 0.0)
        return CoinParams(sequences / sequences.sum(axis=-1, keepdims=True), bias)

    def feasible(self, params: CoinParams) -> npt.NDArray[np.bool_]:
        """Weights not negative, biases from 0 to 1."""
        inside = (params.weight >= 0) & (params.bias >= 0) & (params.bias <= 1)
        return np.asarray(inside.all(axis=-1))

    def log_prior(self, params: CoinParams) -> Array | float:
        """Log prior density of the parameters, 0 under flat priors."""
        total: Array | float = 0.0
        if self.weight_prior is not None and self.fixed_weight is None:
            total = total + self.weight_prior.log_density(params.weight)
        if self.bias_prior is not None:
            total = total + self.bias_prior.log_density(params.bias).sum(axis=-1)
        return total

    def score(self, expected_counts: CoinCounts, params: CoinParams) -> CoinParams:
        """Gradient of the expected complete-data log-posterior at `params`, the weights taken as free.

        By Fisher's identity it is also the gradient of the observed-data log-posterior.
        """
        extra_heads, extra_tails = (0.0, 0.0) if self.bias_prior is None else np.subtract(self.bias_prior, 1)
        extra = 0.0 if self.weight_prior is None else self.weight_prior.alpha - 1
        heads = expected_counts.heads + extra_heads
        tails = expected_counts.flips - expected_counts.heads + extra_tails
        return CoinParams(
            (expected_counts.sequences + extra) / params.weight, heads / params.bias - tails / (1 - params.bias)
        )

    def completions(self, params: CoinParams) -> Iterator[Completions]:
        """Every unique outcome with every coin; see `em_reference.louis`."""
        heads, flips, frequencies, _ = self.outcomes
        one = np.broadcast_to(np.eye(self.coins), (len(heads), self.coins, self.coins))
        counts = CoinCounts(one, one * heads[:, None, None], one * flips[:, None, None])
        yield Completions(self.responsibilities(params)[0], self.score(counts, params), frequencies)

    def free_directions(self) -> Array:
        """Orthonormal basis (2K, F) of the directions in which the parameters may move.

        Columns are directions in (weight, bias): the weights keep their sum, and do not move when fixed.
        """
        size = self.coins
        summed = np.ones((1, size))
        weight_basis = np.zeros((size, 0)) if self.fixed_weight is not None else np.linalg.svd(summed)[2][1:].T
        directions = np.zeros((2 * size, weight_basis.shape[1] + size))
        directions[:size, : weight_basis.shape[1]] = weight_basis
        directions[size:, weight_basis.shape[1] :] = np.eye(size)
        return directions
