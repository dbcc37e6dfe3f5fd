"""Two-parameter logistic item response model, marginal maximum likelihood (Bock-Aitkin EM).

Model: examinee j with ability theta answers item i correctly with probability

    P_i(theta) = 1 / (1 + exp(-(d_i + a_i theta)))          d: intercept, a: slope, b = -d / a

The ability is standard normal, discretised to nodes theta_k with weights w_k. Over the unique response
patterns u_j with frequency f_j, and over the items that examinee j answered (missing at random):

    log L = sum_j f_j log sum_k w_k prod_i P_i(theta_k)^u_ij (1 - P_i(theta_k))^(1 - u_ij)

E-step:  gamma_jk = posterior probability of node k given pattern j
         n_k  = sum_j f_j gamma_jk            expected examinees at node k     ("artificial data", n-bar)
         r_ik = sum_j f_j gamma_jk u_ij       expected correct answers         (r-bar)
M-step:  per item, Newton-Raphson for (d, a) on  sum_k r_ik z_k - n_k log(1 + e^z_k),  z_k = d + a theta_k
         (plus log prior, where one is given), in `em_reference.item_regression`.

With missing responses n_k becomes n_ik, the expected examinees at node k who answered item i.

Source: Bock and Aitkin (1981), Psychometrika 46, 443-459; Baker and Kim (2004), chapter 6. Person
scores, the separate step after calibration, are in `em_reference.scoring`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from em_reference.em import Expectation
from em_reference.item_regression import newton, residuals
from em_reference.layout import Array
from em_reference.louis import Completions
from em_reference.node_posterior import Design, chunks, collect
from em_reference.parts import Part, added_up, parts
from em_reference.priors import ScalarPrior
from em_reference.quadrature import equally_spaced
from em_reference.response_patterns import Patterns, check_responses, unique_patterns
from em_reference.scoring import Method, Scores, score_patterns

# Cells of patterns x nodes x items that are completed at once.
COMPLETED = 1 << 20


class TwoPLParams(NamedTuple):
    """Parameters; `...` are the leading axes.

    Attributes
    ----------
    intercept : array (..., I)
        d, on the logit scale.
    slope : array (..., I)
        a, in logits per standard deviation of ability.
    """

    intercept: Array
    slope: Array

    @property
    def difficulty(self) -> Array:
        """Difficulty b = -d / a, in standard deviations of ability, shape (..., I)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return -self.intercept / self.slope


class TwoPLCounts(NamedTuple):
    """Artificial data of the E-step.

    Attributes
    ----------
    examinees : array (..., K)
        n-bar, expected examinees at each node; adds up to the number of examinees.
    correct : array (..., K, I)
        r-bar, expected correct answers.
    attempts : array (..., K, I) or None
        Expected examinees at each node who answered the item; None when no response is missing.
    """

    examinees: Array
    correct: Array
    attempts: Array | None


@dataclass(frozen=True)
class TwoPL:
    """EM problem of the 2PL.

    Parameters
    ----------
    responses : array (N, I)
        0, 1, or NaN for missing. One row per examinee, or per pattern with its frequency.
    frequencies : array (N,), optional
        Examinees per row; 1 by default. Rows with frequency 0 are allowed.
    nodes, weights : array (K,), optional
        Discretised ability distribution; 61 equally spaced nodes on [-6, 6] by default. The weights
        are used as given and not normalised.
    newton_tolerance : float
        The M-step stops an item after the first Newton step whose larger component is smaller.
    intercept_prior, slope_prior : prior, optional
        See `em_reference.priors`. With priors the EM climbs the log-posterior.

    Raises
    ------
    ValueError
        If the data are not 0, 1 or NaN, or the sizes do not fit.
    """

    responses: npt.ArrayLike
    frequencies: npt.ArrayLike | None = None
    nodes: npt.ArrayLike | None = None
    weights: npt.ArrayLike | None = None
    newton_tolerance: float = field(default=1e-6, kw_only=True)
    intercept_prior: ScalarPrior | None = field(default=None, kw_only=True)
    slope_prior: ScalarPrior | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        check_responses(np.asarray(self.responses), self.frequencies)
        if (self.nodes is None) != (self.weights is None):
            raise ValueError("nodes and weights go together: give both or neither")
        if self.nodes is not None and self.grid[0].shape != self.grid[1].shape:
            raise ValueError(f"nodes {self.grid[0].shape} and weights {self.grid[1].shape} differ in shape")
        if not (np.isfinite(self.grid[0]).all() and (self.grid[1] >= 0).all() and self.grid[1].sum() > 0):
            raise ValueError("nodes must be finite, weights not negative and not all zero")

    @cached_property
    def grid(self) -> tuple[Array, Array]:
        """Nodes (K,) and weights (K,) as arrays."""
        if self.nodes is None:
            return equally_spaced()
        return np.asarray(self.nodes, dtype=float), np.asarray(self.weights, dtype=float)

    @cached_property
    def patterns(self) -> Patterns:
        """Unique response patterns with frequencies."""
        frequencies = None if self.frequencies is None else np.asarray(self.frequencies, dtype=float)
        return unique_patterns(np.asarray(self.responses), frequencies)

    def e_step(self, params: TwoPLParams) -> Expectation:
        """Artificial data and log-likelihood at `params`."""
        nodes, weights = self.grid
        design, frequencies = self._counted
        lead, items = np.shape(params.slope)[:-1], np.shape(params.slope)[-1]
        intercept, slope = (np.reshape(values, (-1, items)) for values in params)

        def counted(part: Part) -> tuple[Array, Array]:
            """Log-likelihood and counts of some starts by some blocks of patterns."""
            some, often = design[part.blocks], frequencies[part.blocks]
            starts = slope[part.starts]
            log_likelihood, counts = np.zeros(len(starts)), np.zeros((len(starts), design.shape[2], len(nodes)))
            for chunk in chunks(some, intercept[part.starts], starts, nodes, weights):
                frequency = often[chunk.blocks]
                log_likelihood[chunk.starts] += (chunk.log_probability * frequency).sum(axis=(1, 2))
                posterior = np.multiply(chunk.joint, (frequency / chunk.total)[..., None], out=chunk.joint)
                counts[chunk.starts] += collect(some[chunk.blocks], posterior)
            return log_likelihood, counts

        log_likelihood, counts = added_up(parts(len(slope), len(design), design.shape[1], len(nodes)), counted)
        counts = np.swapaxes(counts, 1, 2).reshape(*lead, len(nodes), -1)
        attempts = None if self.patterns.answered is None else counts[..., items:-1]
        expected = TwoPLCounts(counts[..., -1], counts[..., :items], attempts)
        return Expectation(expected, log_likelihood.reshape(lead), self.log_prior(params))

    @cached_property
    def _counted(self) -> Design:
        """Design of the patterns that were seen at all."""
        correct, answered, frequencies, _ = self.patterns
        seen = frequencies > 0
        if not seen.all():
            correct, frequencies = correct[seen], frequencies[seen]
            answered = None if answered is None else answered[seen]
        return Design.of(correct, answered, frequencies, len(self.grid[0]))

    def m_step(self, expected_counts: TwoPLCounts, params: TwoPLParams) -> TwoPLParams:
        """Maximise the expected complete-data log-posterior, item by item."""
        return TwoPLParams(
            *newton(
                self.grid[0],
                expected_counts.correct,
                _attempts(expected_counts),
                params.intercept,
                params.slope,
                tolerance=self.newton_tolerance,
                intercept_prior=self.intercept_prior,
                slope_prior=self.slope_prior,
            )
        )

    def feasible(self, params: TwoPLParams) -> npt.NDArray[np.bool_]:
        """Finite, and inside the support of the priors."""
        inside = np.isfinite(params.intercept).all(axis=-1) & np.isfinite(params.slope).all(axis=-1)
        return inside & np.isfinite(self.log_prior(params))

    def log_prior(self, params: TwoPLParams) -> Array | float:
        """Log prior density of the parameters, 0 under flat priors."""
        total: Array | float = 0.0
        for prior, values in ((self.intercept_prior, params.intercept), (self.slope_prior, params.slope)):
            if prior is not None:
                total = total + prior.log_density(values).sum(axis=-1)
        return total

    def score(self, expected_counts: TwoPLCounts, params: TwoPLParams) -> TwoPLParams:
        """Gradient of the expected complete-data log-posterior at `params`.

        By Fisher's identity it is also the gradient of the observed-data log-posterior.
        """
        nodes, _ = self.grid
        residual, _ = residuals(
            nodes, expected_counts.correct, _attempts(expected_counts), params.intercept, params.slope
        )
        gradient = [residual.sum(axis=-2), nodes @ residual]
        for index, (prior, values) in enumerate(
            ((self.intercept_prior, params.intercept), (self.slope_prior, params.slope))
        ):
            if prior is not None:
                gradient[index] = gradient[index] + prior.slope(values)
        return TwoPLParams(*gradient)

    def completions(self, params: TwoPLParams) -> Iterator[Completions]:
        """Every unique pattern at every node; see `em_reference.louis`."""
        patterns, nodes = self.patterns, self.grid[0]
        posterior, _ = self.posteriors(params)
        expected = expit(params.intercept + params.slope * nodes[:, None])
        size = max(1, COMPLETED // expected.size)
        for rows in (slice(first, first + size) for first in range(0, len(posterior), size)):
            residual = patterns.correct[rows, None] - expected
            if patterns.answered is not None:
                residual = residual * patterns.answered[rows, None]
            scores = TwoPLParams(residual, nodes[:, None] * residual)
            yield Completions(posterior[rows], scores, patterns.frequencies[rows])

    def free_directions(self) -> Array:
        """All intercepts and slopes move freely: the identity (2I, 2I)."""
        return np.eye(2 * np.asarray(self.responses).shape[1])

    def posteriors(self, params: TwoPLParams) -> tuple[Array, Array]:
        """Posterior of each unique pattern over the nodes, (..., J, K), and log probabilities (..., J)."""
        patterns, (nodes, weights) = self.patterns, self.grid
        lead, items = np.shape(params.slope)[:-1], np.shape(params.slope)[-1]
        intercept, slope = (np.reshape(values, (-1, items)) for values in params)
        design = Design.of(patterns.correct, patterns.answered, patterns.frequencies, len(nodes)).rows
        posterior = np.empty((len(slope), *design.shape[:2], len(nodes)))
        log_probability = np.empty(posterior.shape[:-1])
        for chunk in chunks(design, intercept, slope, nodes, weights):
            posterior[chunk.starts, chunk.blocks] = chunk.joint / chunk.total[..., None]
            log_probability[chunk.starts, chunk.blocks] = chunk.log_probability
        size = len(patterns.correct)
        return (
            posterior.reshape(*lead, -1, len(nodes))[..., :size, :],
            log_probability.reshape(*lead, -1)[..., :size],
        )

    def scores(self, params: TwoPLParams, method: Method = "eap") -> Scores:
        """Ability of every row of the data, with standard error, at item parameters without leading axes.

        Parameters
        ----------
        params : TwoPLParams
        method : {"eap", "map", "mle"}
            Posterior mean, posterior mode (standard normal prior) or maximum likelihood. The MLE of an
            all-right or all-wrong pattern is infinite.

        Returns
        -------
        Scores
            theta (N,) and standard_error (N,), one entry per row of `responses`.
        """
        patterns = self.patterns
        gamma, _ = self.posteriors(params)
        answered = np.ones_like(patterns.correct) if patterns.answered is None else patterns.answered
        scores = score_patterns(patterns.correct, answered, params.intercept, params.slope, self.grid[0], gamma, method)
        return Scores(*(column[patterns.pattern_of_row] for column in scores))


def _attempts(counts: TwoPLCounts) -> Array:
    """Return expected examinees per node and item, (..., K, I) or broadcastable to it."""
    return counts.examinees[..., None] if counts.attempts is None else counts.attempts
