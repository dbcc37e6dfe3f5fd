"""Observed information and standard errors of the maximum-likelihood estimate.

Fisher's identity: the gradient of the observed-data log-likelihood is the expected gradient of the
complete-data log-likelihood,

    s(theta) = d/dtheta' Q(theta' | theta) at theta' = theta

which a problem offers as `score`, a function of the expected counts. The observed information is minus
its total derivative, through the counts and through theta:

    I(theta) = -ds/dtheta        (Oakes 1999, Journal of the Royal Statistical Society B 61, 479-482)

equal to the complete information less the missing information, which is computed by a way of its own in
`em_reference.louis`. With a prior it is the curvature of the log-posterior. The derivative is taken by central
differences with two Richardson extrapolations (error of order h^6), all points in one batched E-step.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

from em_reference.em import EMProblem
from em_reference.layout import Array, Layout

# Largest of the three steps: this share of the unit of a parameter or of its size, but no more than the other share of
# its standard error, at first that of the complete data, then the one when all others are known. Each further step is a
# share of it.
STEP = 4e-3
SHARE_OF_ERROR = 0.05
HALVES = (1.0, 0.5, 0.25)
RICHARDSON = (1 / 45, -20 / 45, 64 / 45)
# The same from the two shorter steps alone: how far the two are apart is the error.
SHORTER = (0.0, -1 / 3, 4 / 3)
# The edge of the parameter space lies at least this many steps away: the error of the differences is
# then of the order of MARGIN^-6.
MARGIN = 50.0
# Numerical noise of an eigenvalue of the information, scaled to a diagonal of ones.
RELATIVE_NOISE = 1e-9
# Information along a direction that is not this many times its own numerical error is none.
CLEAR = 10.0
# A parameter is not identified when this much of it (squared) lies in directions without information.
SHARE = 1e-6
# The same scaled eigenvalue is right to no more than this: what differences of a score leave.
DIFFERENCES = 1e-11
# A variance that may be wrong by more than this share of itself, because the information is nearly singular, is none.
EXACT = 1e-4


class ScoredProblem(EMProblem, Protocol):
    """An EM problem that also knows its score and the directions in which its parameters may move."""

    def score(self, expected_counts: Any, params: Any) -> Any:
        """Gradient of the expected complete-data log-posterior at `params`, a NamedTuple like these."""
        ...

    def free_directions(self) -> Array:
        """Orthonormal basis (P, F) of the directions in which the P parameters may move."""
        ...


def observed_information(problem: ScoredProblem, params: Any, *, held: Any = None, units: Any = None) -> Array:
    """Minus the Hessian of the observed-data log-posterior in the basis `problem.free_directions()`.

    Parameters
    ----------
    problem : ScoredProblem
    params : NamedTuple of arrays
        One point, without leading axes, inside the parameter space.
    held : NamedTuple of bool arrays, optional
        Parameters that are held fixed (at an edge, or on their way to infinity); the basis is then one of
        the directions that leave them as they are.
    units : NamedTuple of arrays, optional
        Size of a change that matters, as in `StopRule`; 1 when left out.

    Returns
    -------
    array (F, F)
        Symmetric. Near an edge the steps are shortened to a fiftieth of the way to it; on the edge
        itself the derivative does not exist and the result is NaN.
    """
    return oakes(problem, params, held, units).matrix


class Information(NamedTuple):
    """Information in a basis of directions.

    Attributes
    ----------
    matrix : array (F, F)
        Symmetric.
    error : array (F,)
        Numerical error of its diagonal.
    basis : array (P, F)
        The directions.
    """

    matrix: Array
    error: Array
    basis: Array


def oakes(problem: ScoredProblem, params: Any, held: Any = None, units: Any = None) -> Information:
    """Observed information by Oakes' formula; arguments as of `observed_information`."""

    def score_at(batch: Any) -> Any:
        return problem.score(problem.e_step(batch).expected_counts, batch)

    return slope_of_score(problem, score_at, params, held, units)


def slope_of_score(
    problem: ScoredProblem, score_at: Callable[[Any], Any], params: Any, held: Any, units: Any
) -> Information:
    """Minus the derivative of a score, a function of parameters with leading axes."""
    layout = Layout.of(params, ())
    center = layout.flatten(params)[0]
    basis = _basis(problem, layout, held)
    unit = np.ones(len(center)) if units is None else layout.flatten(units)[0]
    if not basis.size:
        return Information(np.zeros((0, 0)), np.zeros(0), basis)
    longest = np.abs(basis).T @ (STEP * np.maximum(unit, np.abs(center)))
    size = np.minimum(longest, SHARE_OF_ERROR * _least_errors(problem, params, basis, longest))
    for _ in range(2):
        with np.errstate(all="ignore"):
            size = _inside(problem, layout, center, basis, size)
            information, error = _by_differences(score_at, layout, center, basis, size)
            diagonal = np.diag(information)
            known = diagonal > CLEAR * error
            size = np.where(known, np.minimum(longest, SHARE_OF_ERROR / np.sqrt(np.where(known, diagonal, 1.0))), size)
    return Information(information, error, basis)


def _least_errors(problem: ScoredProblem, params: Any, basis: Array, longest: Array) -> Array:
    """Standard errors along the basis if nothing were missing: no standard error is smaller.

    They tell how long a step may be before anything else is known: with 10^9 flips the likelihood of a bias falls by
    a factor of e within 10^-5, and over a step of 10^-3 its derivative is that of another mountain. The information
    of the complete data is minus the derivative of the score with the expected counts as they are, which is smooth.
    """
    layout = Layout.of(params, ())
    center = layout.flatten(params)[0]
    with np.errstate(all="ignore"):
        counts = problem.e_step(params).expected_counts
        size = _inside(problem, layout, center, basis, longest)
        ends = center + np.array([1.0, -1.0])[:, None, None] * (size[:, None] * basis.T)
        score = layout.flatten(problem.score(counts, layout.unflatten(ends))).reshape(ends.shape)
        along = np.einsum("sfp,pf->sf", np.where(np.abs(basis).max(axis=1) > 0, score, 0.0), basis)
        complete = (along[1] - along[0]) / (2 * size)
        return np.where(complete > 0, 1 / np.sqrt(np.where(complete > 0, complete, 1.0)), np.inf)


def _by_differences(
    score_at: Callable[[Any], Any], layout: Layout, center: Array, basis: Array, size: Array
) -> tuple[Array, Array]:
    """Minus the derivative of the score along the basis, by central differences, and the error of its diagonal."""
    offsets = np.array([sign * half for half in HALVES for sign in (1.0, -1.0)])
    points = center + offsets[:, None, None] * (size[:, None] * basis.T)
    score = score_at(layout.unflatten(points))
    # Where nothing may move, at an edge say, the score may not be finite.
    moves = np.abs(basis).max(axis=1, initial=0.0) > 0
    score = np.where(moves, layout.flatten(score).reshape(*points.shape), 0.0)
    gradient = score @ basis
    plus, minus = gradient[0::2], gradient[1::2]
    slopes = (plus - minus) / (2 * np.array(HALVES)[:, None, None] * size[:, None])
    jacobian = np.tensordot(RICHARDSON, slopes, axes=1)
    error = np.abs(np.diag(jacobian - np.tensordot(SHORTER, slopes, axes=1)))
    # The two may agree by chance; the score is right to a unit of its last place at best.
    rounding = np.finfo(float).eps * (np.abs(score) @ np.abs(basis)).max(axis=(0, 1))
    error = np.maximum(error, rounding / size)
    return -(jacobian + jacobian.T) / 2, error


def standard_errors(
    problem: Any,
    params: Any,
    *,
    held: Any = None,
    units: Any = None,
    by: Callable[..., Information] = oakes,
) -> Any:
    """Asymptotic standard errors: square roots of the diagonal of the inverse information.

    An eigenvector of the information, scaled to a diagonal of ones, whose eigenvalue is not above noise (1e-9)
    carries no information. A parameter of which such directions hold more than a millionth is not identified:
    its standard error is infinite. The others come from the remaining directions. A parameter that may
    not move has 0. With a negative eigenvalue beyond noise (a saddle), or on the edge of the parameter
    space, there is no standard error: NaN throughout. It is NaN for a parameter whose error the numerical derivative
    does not give to four digits.

    Parameters
    ----------
    problem, params, held, units
        As in `observed_information`. The errors are those of the model in which what is held is known.
    by : callable
        `oakes`, or `em_reference.louis.louis`.

    Returns
    -------
    NamedTuple of arrays
        Of the shape of `params`.
    """
    layout = Layout.of(params, ())
    information, error, basis = by(problem, params, held, units)
    if not np.isfinite(information).all():
        return layout.unflatten(np.full(len(basis), np.nan))
    speaks = np.abs(np.diag(information)) > CLEAR * error
    scale = np.sqrt(np.abs(np.diag(information)[speaks]))
    values, vectors = np.linalg.eigh(information[np.ix_(speaks, speaks)] / np.outer(scale, scale))
    if (values < -RELATIVE_NOISE).any():
        return layout.unflatten(np.full(len(basis), np.nan))
    known = values > RELATIVE_NOISE
    directions = (basis[:, speaks] / scale) @ vectors
    shares = directions[:, known] ** 2 / values[known]
    variance = shares.sum(axis=1)
    # What is wrong with the information along an eigenvector counts the more, the smaller its eigenvalue.
    wrong = np.maximum(CLEAR * vectors[:, known].T ** 2 @ (error[speaks] / scale**2), DIFFERENCES)
    uncertain = shares @ (wrong / values[known]) > EXACT * variance
    silent = (directions[:, ~known] ** 2).sum(axis=1)
    lost = silent > SHARE * np.maximum((directions**2).sum(axis=1), np.finfo(float).tiny)
    mute = (basis[:, ~speaks] ** 2).sum(axis=1) > SHARE
    return layout.unflatten(np.where(lost | mute, np.inf, np.where(uncertain, np.nan, np.sqrt(variance))))


def _basis(problem: ScoredProblem, layout: Layout, held: Any) -> Array:
    """Orthonormal basis of the free directions that leave what is held as it is."""
    basis = problem.free_directions()
    if held is None:
        return basis
    fixed = layout.flatten(held)[0] > 0
    if not fixed.any():
        return basis
    moves = np.linalg.norm(basis[fixed], axis=0) > 0
    _, values, right = np.linalg.svd(basis[fixed][:, moves])
    rank = int((values > np.sqrt(np.finfo(float).eps)).sum())
    found = np.hstack([basis[:, ~moves], basis[:, moves] @ right[rank:].T])
    # Not by round-off either: a 0 that moved by 1e-17 would leave the parameter space.
    found[fixed] = 0.0
    return found


def _inside(problem: ScoredProblem, layout: Layout, center: Array, basis: Array, size: Array) -> Array:
    """Length of the first step along each direction: shortened until both ends are well inside."""
    for _ in range(120):
        ends = center + np.array([MARGIN, -MARGIN])[:, None, None] * (size[:, None] * basis.T)
        inside = np.all(problem.feasible(layout.unflatten(ends)), axis=0)
        if inside.all():
            break
        size = np.where(inside, size, size / 2)
    return size
