"""One-parameter logistic item response model with a common slope, marginal maximum likelihood.

Model: examinee j with ability theta answers item i correctly with probability

    P_i(theta) = 1 / (1 + exp(-(d_i + a theta)))           d_i: intercept of the item, a: slope of all

the 2PL (`em_reference.two_pl`) with one slope. Over response patterns u_j with frequency f_j, nodes
theta_k with weights w_k, and the items that examinee j answered:

    log L = sum_j f_j log sum_k w_k prod_i P_i(theta_k)^u_ij (1 - P_i(theta_k))^(1 - u_ij)

E-step:  n_k, r_ik as in the 2PL (expected examinees, expected correct answers at node k)
M-step:  Newton-Raphson for (d_1, ..., d_I, a) on  sum_ik r_ik z_ik - n_k log(1 + e^z_ik),  z_ik = d_i + a theta_k

With residuals e_ik = r_ik - n_k P_ik and variances v_ik = n_k P_ik (1 - P_ik) the information is an arrow,

    D_i = sum_k v_ik,   c_i = sum_k theta_k v_ik,   h = sum_ik theta_k^2 v_ik
    delta a   = (g_a - sum_i c_i g_i / D_i) / (h - sum_i c_i^2 / D_i)
    delta d_i = (g_i - c_i delta a) / D_i            with g_i = sum_k e_ik,  g_a = sum_ik theta_k e_ik

so that a step costs no more than for independent items.

Source: Thissen (1982), Psychometrika 47, 175-186, marginal maximum likelihood for the one-parameter
logistic model; Bock and Aitkin (1981), Psychometrika 46, 443-459.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from em_reference.em import Expectation
from em_reference.item_regression import residuals, softplus
from em_reference.layout import Array
from em_reference.louis import Completions
from em_reference.two_pl import TwoPL, TwoPLCounts, TwoPLParams

MAX_NEWTON_STEPS = 50
MAX_HALVINGS = 40
# No intercept, and no slope, moves further in one Newton step.
LONGEST_STEP = 5.0
# A fall of the expected log-likelihood below this share of it is round-off.
ROUND_OFF = 1e-13


class CommonSlopeParams(NamedTuple):
    """Parameters; `...` are the leading axes.

    Attributes
    ----------
    intercept : array (..., I)
        d, on the logit scale.
    slope : array (..., 1)
        a, in logits per standard deviation of ability.
    """

    intercept: Array
    slope: Array


@dataclass(frozen=True)
class CommonSlope:
    """EM problem of the model with a common slope.

    Parameters
    ----------
    responses : array (N, I)
        0, 1, or NaN for missing. One row per examinee, or per pattern with its frequency.
    frequencies : array (N,), optional
        Examinees per row; 1 by default.
    nodes, weights : array (K,), optional
        Discretised ability distribution; 61 equally spaced nodes on [-6, 6] by default.
    newton_tolerance : float
        The M-step ends with the first Newton step that moves nothing by more.

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

    def __post_init__(self) -> None:
        _ = self.two_pl

    @cached_property
    def two_pl(self) -> TwoPL:
        """The 2PL with the same data, whose E-step this model shares."""
        return TwoPL(self.responses, self.frequencies, self.nodes, self.weights)

    def e_step(self, params: CommonSlopeParams) -> Expectation:
        """Artificial data and log-likelihood at `params`."""
        intercept = np.asarray(params.intercept, dtype=float)
        return self.two_pl.e_step(TwoPLParams(intercept, np.broadcast_to(params.slope, intercept.shape)))

    def m_step(self, expected_counts: TwoPLCounts, params: CommonSlopeParams) -> CommonSlopeParams:
        """Maximise the expected complete-data log-likelihood by Newton steps, halved until it does not fall."""
        lead, items = np.shape(params.intercept)[:-1], np.shape(params.intercept)[-1]
        correct, attempts = (
            np.reshape(counts, (-1, *np.shape(counts)[-2:]))
            for counts in (expected_counts.correct, _attempts(expected_counts))
        )
        point = np.concatenate([params.intercept, params.slope], axis=-1).reshape(-1, items + 1).astype(float)
        moving = np.arange(len(point))
        for _ in range(MAX_NEWTON_STEPS):
            nodes, at = self.two_pl.grid[0], point[moving]
            right, taken = correct[moving], attempts[moving]
            step = newton_step(nodes, right, taken, at)
            before, length = _q(nodes, right, taken, at), np.ones((len(at), 1))
            for _ in range(MAX_HALVINGS):
                falls = ~(_q(nodes, right, taken, at + length * step) >= before - ROUND_OFF * (1 + np.abs(before)))
                if not falls.any():
                    break
                length[falls] /= 2
            else:
                length[falls] = 0.0
            point[moving] += length * step
            moving = moving[np.abs(length * step).max(axis=1) >= self.newton_tolerance]
            if moving.size == 0:
                break
        return CommonSlopeParams(point[:, :-1].reshape(*lead, items), point[:, -1:].reshape(*lead, 1))

    def feasible(self, params: CommonSlopeParams) -> npt.NDArray[np.bool_]:
        """Whether all are finite."""
        return np.asarray(np.isfinite(params.intercept).all(axis=-1) & np.isfinite(params.slope).all(axis=-1))

    def score(self, expected_counts: TwoPLCounts, params: CommonSlopeParams) -> CommonSlopeParams:
        """Gradient of the expected complete-data log-likelihood at `params`."""
        nodes, attempts = self.two_pl.grid[0], _attempts(expected_counts)
        slope = np.broadcast_to(params.slope, np.shape(params.intercept))
        residual, _ = residuals(nodes, expected_counts.correct, attempts, params.intercept, slope)
        by_slope = (nodes @ residual).sum(axis=-1, keepdims=True)
        return CommonSlopeParams(residual.sum(axis=-2), by_slope)

    def completions(self, params: CommonSlopeParams) -> Iterator[Completions]:
        """Every unique pattern at every node; see `em_reference.louis`."""
        whole = TwoPLParams(params.intercept, np.broadcast_to(params.slope, np.shape(params.intercept)))
        for part in self.two_pl.completions(whole):
            by_intercept, by_slope = part.scores
            yield part._replace(scores=CommonSlopeParams(by_intercept, by_slope.sum(axis=-1, keepdims=True)))

    def free_directions(self) -> Array:
        """All intercepts and the slope move freely: the identity (I + 1, I + 1)."""
        return np.eye(np.asarray(self.responses).shape[1] + 1)


def newton_step(nodes: Array, correct: Array, attempts: Array, point: Array) -> Array:
    """Newton step at rows (d_1, ..., d_I, a), shape (S, I + 1), by elimination of the arrow.

    A diagonal entry that vanished (an item that all are certain to get right) is raised just above 0.
    """
    intercept, slope = point[:, :-1], np.broadcast_to(point[:, -1:], point[:, :-1].shape)
    residual, variance = residuals(nodes, correct, attempts, intercept, slope)
    by_intercept, by_slope = residual.sum(axis=-2), (nodes @ residual).sum(axis=-1)
    diagonal = variance.sum(axis=-2)
    diagonal = diagonal + 1e-12 * diagonal.max(axis=-1, keepdims=True) + np.finfo(float).tiny
    border, corner = nodes @ variance, (nodes**2 @ variance).sum(axis=-1)
    remaining = corner - (border**2 / diagonal).sum(axis=-1)
    remaining = np.maximum(remaining, 1e-12 * corner + np.finfo(float).tiny)
    slope_step = (by_slope - (border * by_intercept / diagonal).sum(axis=-1)) / remaining
    intercept_step = (by_intercept - border * slope_step[:, None]) / diagonal
    step = np.concatenate([intercept_step, slope_step[:, None]], axis=1)
    longest = np.abs(step).max(axis=1, keepdims=True)
    return step * (LONGEST_STEP / np.maximum(longest, LONGEST_STEP))


def _q(nodes: Array, correct: Array, attempts: Array, point: Array) -> Array:
    """Expected complete-data log-likelihood at rows (d, a), shape (S,)."""
    logits = point[:, None, :-1] + point[:, None, -1:] * nodes[:, None]
    return (correct * logits - attempts * softplus(logits)).sum(axis=(-1, -2))


def _attempts(counts: TwoPLCounts) -> Array:
    """Return expected examinees per node and item, (..., K, I) or (..., K, 1)."""
    return counts.examinees[..., None] if counts.attempts is None else counts.attempts
