"""Logistic regression of expected answers on ability: the M-step of the 2PL.

For each item, maximise over (d, a)

    q(d, a) = sum_k r_k z_k - n_k log(1 + e^z_k) + log prior,     z_k = d + a theta_k

by Newton-Raphson, all items of all starts at once. q is concave under flat priors, so Newton needs
guarding in two places only. A long step may overshoot: it is halved until q does not fall. The 2x2
information may be singular (an item that all examinees at all nodes get right): its diagonal is
raised until it is not, which shortens the step.

Source: Baker and Kim (2004), sections 2.3 and 6.4.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from em_reference.layout import Array
from em_reference.priors import ScalarPrior

# A full Newton step on a logistic log-likelihood cannot lower it while no logit moves by more than
# log 2: the curvature changes by at most e^|dz| (Bach 2010, Electronic Journal of Statistics 4, 384),
# and q(step) - q(0) >= (step' H step) (1 - e^|dz| / 2).
SAFE_MOVE = np.log(2.0)
# No item moves further than this in one Newton step, in logits at one standard deviation of ability.
LONGEST_STEP = 5.0
MAX_NEWTON_STEPS = 50
MAX_HALVINGS = 40
RELATIVE_RIDGE = 1e-12
# Items (of any start) regressed at once: they stay in the cache from one Newton step to the next.
BLOCK = 1024


def softplus(z: Array) -> Array:
    """Return log(1 + e^z), without overflow."""
    return np.maximum(z, 0.0) + np.log1p(np.exp(-np.abs(z)))


def total_softplus(z: Array) -> Array:
    """Sum over items of log(1 + e^z), z of shape (..., I, K): one logarithm per 512 items.

    The logarithm is of a product of at most 2^512, which does not overflow.
    """
    product = np.multiply.reduceat(1.0 + np.exp(-np.abs(z)), np.arange(0, z.shape[-2], 512), axis=-2)
    return np.maximum(z, 0.0).sum(axis=-2) + np.log(product).sum(axis=-2)


def residuals(nodes: Array, correct: Array, attempts: Array, intercept: Array, slope: Array) -> tuple[Array, Array]:
    """Residual r - n P and binomial variance n P (1 - P), both (..., K, I)."""
    probability = expit(intercept[..., None, :] + slope[..., None, :] * nodes[:, None])
    fitted = attempts * probability
    return correct - fitted, fitted * (1 - probability)


def newton(
    nodes: Array,
    correct: Array,
    attempts: Array,
    intercept: Array,
    slope: Array,
    *,
    tolerance: float,
    intercept_prior: ScalarPrior | None = None,
    slope_prior: ScalarPrior | None = None,
) -> tuple[Array, Array]:
    """Maximise q of every item from the current values.

    Parameters
    ----------
    nodes : array (K,)
    correct, attempts : array (..., K, I)
        r-bar and n-bar; `attempts` may broadcast over items.
    intercept, slope : array (..., I)
    tolerance : float
        An item is finished after the first Newton step whose larger component is below it.

    Returns
    -------
    intercept, slope : array (..., I)
    """
    right, taken = _rows(correct), _rows(attempts)
    powers = np.stack([np.ones_like(nodes), nodes, nodes**2], axis=1)
    sharing = len(right) // len(taken)
    point = np.stack([np.ravel(intercept), np.ravel(slope)], axis=1).astype(float)
    for first in range(0, len(point), BLOCK):
        rows = np.arange(first, min(first + BLOCK, len(point)))
        items = _Items(powers, right[rows] @ powers[:, :2], taken, rows // sharing, (intercept_prior, slope_prior))
        point[rows] = _climb(items, point[rows], tolerance)
    return point[:, 0].reshape(np.shape(slope)), point[:, 1].reshape(np.shape(slope))


def _rows(counts: Array) -> Array:
    """Counts (..., K, I) as contiguous rows (... I, K): sums over nodes are then one matrix product."""
    return np.ascontiguousarray(np.swapaxes(counts, -1, -2)).reshape(-1, counts.shape[-2])


class _Items(NamedTuple):
    """Items (of any start) whose q is to be climbed.

    Attributes
    ----------
    powers : array (K, 3)
        1, theta, theta^2.
    right : array (rows, 2)
        sum_k r_k and sum_k r_k theta_k: all that q needs of the right answers.
    taken : array (M, K)
        Expected examinees.
    taker : array of int (rows,)
        Which row of `taken` belongs to the item.
    priors : tuple
        Of intercept and slope.
    """

    powers: Array
    right: Array
    taken: Array
    taker: npt.NDArray[np.intp]
    priors: tuple[ScalarPrior | None, ScalarPrior | None]

    def subset(self, rows: npt.NDArray[Any]) -> "_Items":
        return self._replace(right=self.right[rows], taker=self.taker[rows])

    def q(self, point: Array) -> Array:
        """Q at (d, a), shape (rows,)."""
        logits = point @ self.powers[:, :2].T
        total = (point * self.right).sum(axis=1) - (self.taken[self.taker] * softplus(logits)).sum(axis=1)
        for axis, prior in enumerate(self.priors):
            if prior is not None:
                total += prior.log_density(point[:, axis])
        return total

    def newton_step(self, point: Array) -> Array:
        """Newton step at (d, a), shape (rows, 2)."""
        probability = _logistic(point @ self.powers[:, :2].T)
        fitted = self.taken[self.taker]
        fitted *= probability
        gradient = self.right - fitted @ self.powers[:, :2]
        fitted *= np.subtract(1.0, probability, out=probability)
        curvature = fitted @ self.powers
        for axis, prior in enumerate(self.priors):
            if prior is not None:
                gradient[:, axis] += prior.slope(point[:, axis])
                # Where a log-normal prior is convex its curvature would spoil the ascent direction.
                curvature[:, 2 * axis] += np.maximum(-prior.curvature(point[:, axis]), 0.0)
        return _solve(gradient, curvature)


def _climb(items: _Items, point: Array, tolerance: float) -> Array:
    """Newton-Raphson from `point`; an item that has arrived is not moved further."""
    furthest = np.abs(items.powers[:, 1]).max()
    guarded = any(prior is not None for prior in items.priors)
    point = point.copy()
    moving = np.arange(len(point))
    for _ in range(MAX_NEWTON_STEPS):
        active, at = items.subset(moving), point[moving]
        step = active.newton_step(at)
        long = guarded | (np.abs(step[:, 0]) + np.abs(step[:, 1]) * furthest > SAFE_MOVE)
        if long.any():
            step[long] = _halved(active.subset(long).q, at[long], step[long])
        point[moving] += step
        moving = moving[np.abs(step).max(axis=1) >= tolerance]
        if moving.size == 0:
            break
    return point


def _logistic(z: Array) -> Array:
    """1 / (1 + e^-z), written over z. e^-z may overflow to infinity, which gives the right 0."""
    np.negative(z, out=z)
    with np.errstate(over="ignore"):
        np.exp(z, out=z)
    z += 1.0
    return np.reciprocal(z, out=z)


def _solve(gradient: Array, curvature: Array) -> Array:
    """Newton steps (rows, 2) of the 2x2 systems, the diagonal raised where they are near singular."""
    (g0, g1), (h00, h01, h11) = gradient.T, curvature.T
    ridge = RELATIVE_RIDGE * (h00 + h11) + np.finfo(float).tiny
    h00, h11 = h00 + ridge, h11 + ridge
    determinant = h00 * h11 - h01**2
    singular = ~(determinant > RELATIVE_RIDGE * h00 * h11)
    h01 = np.where(singular, 0.0, h01)
    determinant = np.where(singular, h00 * h11, determinant)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        step = np.stack([h11 * g0 - h01 * g1, h00 * g1 - h01 * g0], axis=1) / determinant[:, None]
    step = np.nan_to_num(step, nan=0.0, posinf=LONGEST_STEP, neginf=-LONGEST_STEP)
    longest = np.abs(step).max(axis=1, keepdims=True)
    return step * (LONGEST_STEP / np.maximum(longest, LONGEST_STEP))


def _halved(q: Callable[[Array], Array], point: Array, step: Array) -> Array:
    """Shorten each row's step by halves until q does not fall below its value at `point`."""
    before = q(point)
    shorter = np.ones((len(point), 1))
    for _ in range(MAX_HALVINGS):
        after = q(point + shorter * step)
        falls = ~(after >= before - 1e-13 * (1 + np.abs(before)))
        if not falls.any():
            break
        shorter[falls] /= 2
    else:
        shorter[falls] = 0.0
    return shorter * step
