"""Mixture of Poisson distributions.

Model: a count is drawn from one of K Poisson distributions. Component k is picked with probability w_k
(`weight`) and has mean lambda_k (`rate`); the count x_j is seen, the component is not.

Observed-data log-likelihood:

    log L = sum_j f_j log sum_k w_k exp(-lambda_k) lambda_k^x_j / x_j!

over the unique counts x_j with frequency f_j.

E-step:  gamma_jk = w_k p(x_j | lambda_k) / sum_l w_l p(x_j | lambda_l)      (responsibilities)
         c_k = sum_j f_j gamma_jk                                           (expected component counts)
         s_k = sum_j f_j gamma_jk x_j                                       (expected sum of the counts)
M-step:  w_k = c_k / sum_l c_l,          lambda_k = s_k / c_k

Source: Hasselblad (1969), Journal of the American Statistical Association 64, 1459-1471, section 4,
where this iteration stands for any exponential family; Titterington, Smith and Makov (1985), section 4.3.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, xlogy

from em_reference.deviance import deviance_part
from em_reference.em import Expectation
from em_reference.layout import Array
from em_reference.louis import Completions


class PoissonParams(NamedTuple):
    """Parameters; `...` are the leading axes.

    Attributes
    ----------
    weight : array (..., K)
        Mixture weights, add up to 1.
    rate : array (..., K)
        Mean of each component, in counts.
    """

    weight: Array
    rate: Array


class PoissonCounts(NamedTuple):
    """Expected counts of the complete data.

    Attributes
    ----------
    observations : array (..., K)
        Expected number of observations of each component; adds up to the number of observations.
    total : array (..., K)
        Expected sum of the counts of each component.
    """

    observations: Array
    total: Array


@dataclass(frozen=True)
class PoissonMixture:
    """EM problem of a mixture of `components` Poisson distributions.

    Parameters
    ----------
    counts : array (N,)
        Whole numbers, not negative.
    components : int
        K >= 1.
    frequencies : array (N,), optional
        How often each count was seen; 1 by default.

    Raises
    ------
    ValueError
        If the data or the sizes are impossible.
    """

    counts: npt.ArrayLike
    components: int
    frequencies: npt.ArrayLike | None = None

    def __post_init__(self) -> None:
        counts = np.asarray(self.counts, dtype=float)
        if counts.ndim != 1 or counts.size == 0:
            raise ValueError(f"counts must be a non-empty vector, got shape {counts.shape}")
        if not np.isfinite(counts).all() or (counts < 0).any() or (counts % 1 != 0).any():
            raise ValueError("counts must be whole numbers, not negative")
        if self.components < 1:
            raise ValueError(f"components must be at least 1, got {self.components}")
        if self.frequencies is not None:
            frequencies = np.asarray(self.frequencies, dtype=float)
            if frequencies.shape != counts.shape or (frequencies < 0).any() or not frequencies.sum() > 0:
                raise ValueError("frequencies must be one per count, not negative, and add up to more than 0")

    @cached_property
    def outcomes(self) -> tuple[Array, Array]:
        """Unique counts (J,) that were seen, with their frequencies (J,)."""
        counts = np.asarray(self.counts, dtype=float)
        given = np.ones_like(counts) if self.frequencies is None else np.asarray(self.frequencies, dtype=float)
        values, inverse = np.unique(counts, return_inverse=True)
        frequencies = np.bincount(inverse.reshape(-1), weights=given).astype(float)
        return values[frequencies > 0], frequencies[frequencies > 0]

    def responsibilities(self, params: PoissonParams) -> tuple[Array, Array]:
        """Responsibilities gamma (..., J, K) and log probabilities log p(x_j) (..., J) of the unique counts."""
        values = self.outcomes[0]
        log_largest = xlogy(values, values) - values - gammaln(values + 1)
        with np.errstate(divide="ignore"):
            # Weights that add up to 1 only nearly (an extrapolation) would shift the log-likelihood.
            log_weight = np.log(params.weight / params.weight.sum(axis=-1, keepdims=True))
        apart = deviance_part(values[:, None], params.rate[..., None, :])
        joint = log_weight[..., None, :] + log_largest[:, None] - apart
        top = joint.max(axis=-1, keepdims=True)
        top = np.where(np.isfinite(top), top, 0.0)
        gamma = np.exp(joint - top)
        total = gamma.sum(axis=-1, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            return gamma / total, np.log(total[..., 0]) + top[..., 0]

    def e_step(self, params: PoissonParams) -> Expectation:
        """Return expected counts and log-likelihood at `params`."""
        gamma, log_probability = self.responsibilities(params)
        values, frequencies = self.outcomes
        expected = np.stack([frequencies, frequencies * values]) @ gamma
        return Expectation(PoissonCounts(expected[..., 0, :], expected[..., 1, :]), log_probability @ frequencies)

    @cached_property
    def magnitude(self) -> float:
        """Sum of the sizes of the terms of the log-likelihood: x log rate, rate and log x! of every count."""
        values, frequencies = self.outcomes
        return float((2 * gammaln(values + 1) + 2 * values) @ frequencies)

    def m_step(self, expected_counts: PoissonCounts, params: PoissonParams) -> PoissonParams:
        """Weights and rates that maximise the expected complete-data log-likelihood.

        A component without expected observations keeps its rate: nothing in the data speaks about it.
        """
        observations, total = expected_counts
        rate = np.divide(total, observations, out=np.array(params.rate, dtype=float), where=observations > 0)
        return PoissonParams(observations / observations.sum(axis=-1, keepdims=True), rate)

    def feasible(self, params: PoissonParams) -> npt.NDArray[np.bool_]:
        """Weights and rates not negative."""
        return np.asarray(((params.weight >= 0) & (params.rate >= 0)).all(axis=-1))

    def score(self, expected_counts: PoissonCounts, params: PoissonParams) -> PoissonParams:
        """Gradient of the expected complete-data log-likelihood at `params`, the weights taken as free."""
        observations, total = expected_counts
        return PoissonParams(observations / params.weight, total / params.rate - observations)

    def completions(self, params: PoissonParams) -> Iterator[Completions]:
        """Every unique count in every component; see `em_reference.louis`."""
        values, frequencies = self.outcomes
        one = np.broadcast_to(np.eye(self.components), (len(values), self.components, self.components))
        counts = PoissonCounts(one, one * values[:, None, None])
        yield Completions(self.responsibilities(params)[0], self.score(counts, params), frequencies)

    def free_directions(self) -> Array:
        """Orthonormal basis (2K, 2K - 1) in (weight, rate): the weights keep their sum."""
        size = self.components
        weight_basis = np.linalg.svd(np.ones((1, size)))[2][1:].T
        directions = np.zeros((2 * size, 2 * size - 1))
        directions[:size, : size - 1] = weight_basis
        directions[size:, size - 1 :] = np.eye(size)
        return directions
