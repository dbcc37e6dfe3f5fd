"""Mixture of normal distributions, of one variable or several, with missing entries.

Model: a row x of D variables comes from one of K components. Component k is picked with probability w_k (`weight`)
and is normal with mean m_k and covariance matrix Sigma_k (`covariance`): of its own ("full"), the same for all
components ("tied"), diagonal ("diag"), or one variance times the unit matrix ("spherical"). As a network this is
Y -> X with Y discrete and latent, X continuous. Entries may be missing at random; x_o is what is seen of a row.

Observed-data log-likelihood, over the different rows x_j with frequency f_j:

    log L = sum_j f_j log sum_k w_k N(x_jo | m_ko, Sigma_koo)

E-step:  gamma_jk = w_k N(x_jo | m_ko, Sigma_koo) / sum_l w_l N(x_jo | m_lo, Sigma_loo)        (responsibilities)
         y_jk = E(x_j - m_k | x_jo, k):  the deviations seen, and Sigma_kmo Sigma_koo^-1 times them where missing
         n_k = sum_j f_j gamma_jk                                                        (expected observations)
         s_k = sum_j f_j gamma_jk y_jk                                                   (expected sums)
         T_k = sum_j f_j gamma_jk (y_jk y_jk' + C_k)                      (expected sums of squares and products)
         with C_k = Sigma_kmm - Sigma_kmo Sigma_koo^-1 Sigma_kom for the missing entries
M-step:  w_k = n_k / sum_l n_l,   m_k <- m_k + s_k / n_k,   scatter S_k = T_k - s_k s_k' / n_k,
         and Sigma_k from S_k and n_k as `em_reference.covariances` tells for each structure

Sums are taken of deviations from the current means, so that neither data far from 0 nor a small variance lose digits.

Source: Dempster, Laird and Rubin (1977), Journal of the Royal Statistical Society B 39, 1-38, section 4.3; missing
entries: Ghahramani and Jordan (1994), Advances in Neural Information Processing Systems 6, 120-127.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.linalg import block_diag

from em_reference.covariances import CovariancePrior, Form, Structure, cholesky, inverse_factor
from em_reference.em import Expectation
from em_reference.gaussian_params import GaussianCounts, GaussianParams, shifted
from em_reference.layout import Array
from em_reference.louis import Completions
from em_reference.normal_density import (
    LOG_2_PI,
    Block,
    Grid,
    Moments,
    Normal,
    Spread,
    blocks_of,
    expected_moments,
    shares,
)
from em_reference.priors import Dirichlet


@dataclass(frozen=True)
class GaussianMixture:
    """EM problem of a mixture of `components` normal distributions.

    Parameters
    ----------
    values : array (N, D) or (N,)
        NaN where missing; rows without any number say nothing.
    components : int
        K >= 1.
    covariance : {"full", "tied", "diag", "spherical"}
    frequencies : array (N,), optional
        How often each row was seen; 1 by default.
    floor : float
        Smallest variance allowed; of one variable, or with "diag" or "spherical".
    weight_prior : Dirichlet, optional
    covariance_prior : CovariancePrior, optional
    about : float or array (D,), optional
        The point from which the expected sums are taken; by default the current mean of each component.

    Raises
    ------
    ValueError
        If the data or the sizes are impossible.
    """

    values: npt.ArrayLike
    components: int
    covariance: Literal["full", "tied", "diag", "spherical"] = "full"
    frequencies: npt.ArrayLike | None = None
    floor: float = 0.0
    weight_prior: Dirichlet | None = None
    covariance_prior: CovariancePrior | None = None
    about: npt.ArrayLike | None = None

    def __post_init__(self) -> None:
        values = np.asarray(self.values, dtype=float)
        if values.ndim not in (1, 2) or 0 in values.shape or np.isinf(values).any():
            raise ValueError(f"values must be a non-empty table of finite numbers or NaN, got shape {values.shape}")
        if self.components < 1:
            raise ValueError(f"components must be at least 1, got {self.components}")
        if self.covariance not in ("full", "tied", "diag", "spherical"):
            raise ValueError(f"covariance must be full, tied, diag or spherical, got {self.covariance!r}")
        if self.frequencies is not None:
            frequencies = np.asarray(self.frequencies, dtype=float)
            if frequencies.shape != values.shape[:1] or not (frequencies >= 0).all():
                raise ValueError("frequencies must be one per row, not negative")
        if not self.floor >= 0 or (self.floor and self.structure.form == "matrix"):
            raise ValueError("a floor must not be negative, and is one of variances, not of covariance matrices")
        if not ((~np.isnan(self._table) & (self._repeats > 0)[:, None]).any(axis=0)).all():
            raise ValueError("each variable must be seen at least once")

    @property
    def _table(self) -> Array:
        """Values (N, D)."""
        values = np.asarray(self.values, dtype=float)
        return values.reshape(len(values), -1)

    @property
    def _repeats(self) -> Array:
        """How often each row was seen, (N,)."""
        given = self.frequencies
        return np.ones(len(self._table)) if given is None else np.asarray(given, dtype=float)

    @cached_property
    def structure(self) -> Structure:
        """Which numbers the covariance matrices are."""
        variables = self._table.shape[1]
        forms: dict[str, Form] = {"diag": "diagonal", "spherical": "scalar"}
        form = "scalar" if variables == 1 else forms.get(self.covariance, "matrix")
        return Structure(self.components, variables, form, self.covariance == "tied")

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """Different rows with their frequencies, those together of which the same variables were seen."""
        return blocks_of(self._table, self._repeats)

    @cached_property
    def spread(self) -> Spread:
        """Mean and variance of what was seen of each variable."""
        return Spread.of(self._table, self._repeats)

    @property
    def rows(self) -> float:
        """Rows of which anything was seen."""
        return float(sum(block.frequencies.sum() for block in self.blocks))

    @cached_property
    def magnitude(self) -> float:
        """Sum of the sizes of the terms of the log-likelihood where one component has all data."""
        often = np.array([block.seen * block.frequencies.sum() for block in self.blocks]).sum(axis=0)
        variance = self.spread.variance
        return float(often @ (LOG_2_PI + 1 + np.abs(np.log(np.where(variance > 0, variance, 1.0)))) / 2)

    def e_step(self, params: GaussianParams) -> Expectation:
        """Return expected counts and log-likelihood at `params`."""
        weight, mean, covariance = self._whole(params)
        total = Moments.zeros(weight.shape[:-1], *mean.shape[-2:])
        for block in self.blocks:
            total.add(expected_moments(weight, mean, covariance, block))
        center = mean if self.about is None else np.broadcast_to(np.asarray(self.about, dtype=float), mean.shape)
        sums = total.sums + total.observations[..., None] * (mean - center)
        squares = self.structure.contracted(shifted(total, mean - center))
        given = np.shape(params.mean)
        counts = GaussianCounts(total.observations, sums.reshape(given), squares, center.reshape(given))
        return Expectation(counts, total.log_likelihood, self._log_prior(params))

    def m_step(self, expected_counts: GaussianCounts, params: GaussianParams) -> GaussianParams:
        """Weights, means and covariances that maximise the expected complete-data log-posterior.

        A component without expected observations keeps its mean, and its covariance unless a prior tells it. A start
        whose covariance matrices become singular has none: they are NaN.
        """
        observations, squares = expected_counts.observations, expected_counts.squares
        sums, center = self._by_variable(expected_counts)
        some = observations[..., None] > 0
        shift = np.divide(sums, observations[..., None], out=np.zeros_like(sums), where=some)
        mean = np.where(some, center + shift, params.mean.reshape(sums.shape))
        moved = (observations[..., None] * shift)[..., None] * shift[..., None, :]
        scatter = squares - self.structure.contracted(moved)
        rows = self.structure.rows(observations)
        if self.covariance_prior is not None:
            scatter = scatter + self.covariance_prior.scale
            rows = rows + self.covariance_prior.rows(self.structure)
        with np.errstate(divide="ignore", invalid="ignore"):
            covariance = np.where(rows > 0, np.maximum(scatter / rows, self.floor or -np.inf), params.covariance)
        extra = 0.0 if self.weight_prior is None else self.weight_prior.alpha - 1
        weight = observations + extra
        return GaussianParams(
            weight / weight.sum(axis=-1, keepdims=True),
            mean.reshape(params.mean.shape),
            self.structure.positive(covariance),
        )

    def responsibilities(self, params: GaussianParams, values: Array) -> tuple[Array, Array]:
        """Responsibilities (J, K) and log densities (J,) of rows (J, D), at one point without leading axes."""
        values = np.asarray(values, dtype=float).reshape(-1, self.structure.variables)
        gamma, log_density = np.empty((len(values), self.components)), np.empty(len(values))
        seen = ~np.isnan(values)
        for pattern in np.unique(seen, axis=0):
            own = (seen == pattern).all(axis=1)
            _, joint = Normal.of(*self._whole(params), pattern).log_joint(values[own][:, pattern].T)
            share, log_density[own] = shares(joint)
            gamma[own] = share.T
        return gamma, log_density

    def feasible(self, params: GaussianParams) -> npt.NDArray[np.bool_]:
        """Weights not negative, covariance matrices positive definite, variances not below the floor."""
        own = tuple(range(-len(self.structure.shape), 0))
        positive = np.isfinite(self.structure.positive(params.covariance)).all(axis=own)
        above = self.structure.form == "matrix" or (params.covariance >= self.floor).all(axis=own)
        return np.asarray((params.weight >= 0).all(axis=-1) & positive & above)

    def score(self, expected_counts: GaussianCounts, params: GaussianParams) -> GaussianParams:
        """Gradient of the expected complete-data log-posterior at `params`, the weights taken as free."""
        observations, squares = expected_counts.observations, expected_counts.squares
        weight, mean, matrices = self._whole(params)
        sums, center = self._by_variable(expected_counts)
        apart = center - mean
        moments = Moments(observations, sums, np.zeros((*sums.shape, sums.shape[-1])), np.zeros(()))
        squares = squares + self.structure.contracted(shifted(moments, apart))
        rows = self.structure.rows(observations)
        if self.covariance_prior is not None:
            squares, rows = squares + self.covariance_prior.scale, rows + self.covariance_prior.rows(self.structure)
        half = inverse_factor(cholesky(matrices))
        by_mean = np.swapaxes(half, -1, -2) @ (half @ (sums + observations[..., None] * apart)[..., None])
        extra = 0.0 if self.weight_prior is None else self.weight_prior.alpha - 1
        return GaussianParams(
            (observations + extra) / weight,
            by_mean[..., 0] if self.structure.variables > 1 else by_mean[..., 0, 0],
            self.structure.gradient(params.covariance, squares, rows),
        )

    def completions(self, params: GaussianParams) -> Iterator[Completions]:
        """Every row in every component, what is missing of it at a grid of values; see `em_reference.louis`."""
        weight, mean, matrices = self._whole(params)
        size, variables = mean.shape
        matrices = np.broadcast_to(matrices, (size, variables, variables))
        for block in self.blocks:
            normal, fill = Normal.of(weight, mean, matrices, block.seen), Grid.of(matrices, block.seen)
            for part in block.chunks(size**2 * variables * len(fill.weights)):
                apart, joint = normal.log_joint(part.values)
                # Rows first, then component and value of what is missing as one axis.
                shape = (len(part.frequencies), size * len(fill.weights))
                filled = fill.filled(apart).reshape(*shape, variables)
                one = np.broadcast_to(np.repeat(np.eye(size), len(fill.weights), axis=0), (*shape, size))
                products = filled[..., :, None] * filled[..., None, :]
                counts = GaussianCounts(
                    one,
                    (one[..., None] * filled[..., None, :]).reshape(*shape, *np.shape(params.mean)),
                    self.structure.contracted(one[..., None, None] * products[..., None, :, :]),
                    np.broadcast_to(params.mean, (*shape, *np.shape(params.mean))),
                )
                posterior = (shares(joint)[0].T[:, :, None] * fill.weights).reshape(shape)
                yield Completions(posterior, self.score(counts, params), part.frequencies)

    def free_directions(self) -> Array:
        """Orthonormal basis (P, F): the weights keep their sum, covariance matrices stay symmetric."""
        means = np.eye(self.components * self.structure.variables)
        weights = np.linalg.svd(np.ones((1, self.components)))[2][1:].T
        return np.asarray(block_diag(weights, means, self.structure.directions()))

    def _whole(self, params: GaussianParams) -> tuple[Array, Array, Array]:
        """Weights (..., K) that add up to 1, means (..., K, D) and covariance matrices (..., K or 1, D, D)."""
        weight = np.asarray(params.weight, dtype=float)
        # Weights that add up to 1 only nearly (an extrapolation) would shift the log-likelihood.
        weight = weight / weight.sum(axis=-1, keepdims=True)
        mean = np.asarray(params.mean, dtype=float).reshape(*weight.shape, self.structure.variables)
        return weight, mean, self.structure.matrices(np.asarray(params.covariance, dtype=float))

    def _by_variable(self, counts: GaussianCounts) -> tuple[Array, Array]:
        """Sums, and what they are deviations from, (..., K, D)."""
        shape = (*counts.observations.shape, self.structure.variables)
        return counts.sums.reshape(shape), counts.center.reshape(shape)

    def _log_prior(self, params: GaussianParams) -> Array | float:
        prior: Array | float = 0.0
        if self.weight_prior is not None:
            prior = prior + self.weight_prior.log_density(params.weight)
        if self.covariance_prior is not None:
            prior = prior + self.covariance_prior.log_density(self.structure, params.covariance)
        return prior
