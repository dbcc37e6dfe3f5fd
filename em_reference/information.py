"""Observed information and standard errors of the maximum-likelihood estimate.

Fisher's identity: the gradient of the observed-data log-likelihood is the expected gradient of the
complete-data log-likelihood,

    s(theta) = d/dtheta' Q(theta' | theta) at theta' = theta

which a problem offers as `score`, a function of the expected counts. The observed information is minus
its total derivative, through the counts and through theta:

    I(theta) = -ds/dtheta        (Oakes 1999, Journal of the Royal Statistical Society B 61, 479-482)

equal to the complete information less the missing information (Louis 1982, JRSS B 44, 226-233). With
a prior it is the curvature of the log-posterior. The derivative is taken by central differences with
two Richardson extrapolations (error of order h^6), all points in one batched E-step.
"""

from typing import Any, Protocol

import numpy as np

from em_reference.em import EMProblem
from em_reference.layout import Array, Layout

# Largest of the three steps, beside max(1, |theta|), and the share that each further one is of it.
STEP = 4e-3
HALVES = (1.0, 0.5, 0.25)
RICHARDSON = (1 / 45, -20 / 45, 64 / 45)
# The edge of the parameter space lies at least this many steps away: the error of the differences is
# then of the order of MARGIN^-6.
MARGIN = 50.0
# Numerical noise of an eigenvalue of the information, beside the largest.
RELATIVE_NOISE = 1e-9
# A parameter is not identified when this much of it (squared) lies in directions without information.
SHARE = 1e-6


class ScoredProblem(EMProblem, Protocol):
    """An EM problem that also knows its score and the directions in which its parameters may move."""

    def score(self, expected_counts: Any, params: Any) -> Any:
        """Gradient of the expected complete-data log-posterior at `params`, a NamedTuple like these."""
        ...

    def free_directions(self) -> Array:
        """Orthonormal basis (P, F) of the directions in which the P parameters may move."""
        ...


def observed_information(problem: ScoredProblem, params: Any) -> Array:
    """Minus the Hessian of the observed-data log-posterior in the basis `problem.free_directions()`.

    Parameters
    ----------
    problem : ScoredProblem
    params : NamedTuple of arrays
        One point, without leading axes, inside the parameter space.

    Returns
    -------
    array (F, F)
        Symmetric. Near an edge the steps are shortened to a fiftieth of the way to it; on the edge
        itself the derivative does not exist and the result is NaN.
    """
    layout = Layout.of(params, ())
    center = layout.flatten(params)[0]
    basis = problem.free_directions()
    with np.errstate(all="ignore"):
        size = _longest_inside(problem, layout, center, basis)
        offsets = np.array([sign * half for half in HALVES for sign in (1.0, -1.0)])
        points = center + offsets[:, None, None] * (size[:, None] * basis.T)
        batch = layout.unflatten(points)
        score = problem.score(problem.e_step(batch).expected_counts, batch)
        gradient = layout.flatten(score).reshape(*points.shape) @ basis
        plus, minus = gradient[0::2], gradient[1::2]
        slopes = (plus - minus) / (2 * np.array(HALVES)[:, None, None] * size[:, None])
        jacobian = np.tensordot(RICHARDSON, slopes, axes=1)
    return -(jacobian + jacobian.T) / 2


def standard_errors(problem: ScoredProblem, params: Any) -> Any:
    """Asymptotic standard errors: square roots of the diagonal of the inverse information.

    An eigenvector of the information whose eigenvalue is not above noise (1e-9 of the largest) carries
    no information. A parameter of which such directions hold more than a millionth is not identified:
    its standard error is infinite. The others come from the remaining directions. A parameter that may
    not move has 0. With a negative eigenvalue beyond noise (a saddle), or on the edge of the parameter
    space, there is no standard error: NaN throughout.

    Returns
    -------
    NamedTuple of arrays
        Of the shape of `params`.
    """
    layout = Layout.of(params, ())
    basis = problem.free_directions()
    information = observed_information(problem, params)
    if not np.isfinite(information).all():
        return layout.unflatten(np.full(len(basis), np.nan))
    values, vectors = np.linalg.eigh(information)
    noise = RELATIVE_NOISE * np.abs(values).max(initial=0.0)
    if (values < -noise).any():
        return layout.unflatten(np.full(len(basis), np.nan))
    known = values > noise
    directions = basis @ vectors
    variance = (directions[:, known] ** 2 / values[known]).sum(axis=1)
    silent = directions[:, ~known] ** 2
    lost = silent.sum(axis=1) > SHARE * np.maximum((directions**2).sum(axis=1), np.finfo(float).tiny)
    return layout.unflatten(np.where(lost, np.inf, np.sqrt(variance)))


def _longest_inside(problem: ScoredProblem, layout: Layout, center: Array, basis: Array) -> Array:
    """Length of the first step along each direction: shortened until both ends are well inside."""
    size = STEP * np.maximum(1.0, np.abs(center) @ np.abs(basis))
    for _ in range(40):
        ends = center + np.array([MARGIN, -MARGIN])[:, None, None] * (size[:, None] * basis.T)
        inside = np.all(problem.feasible(layout.unflatten(ends)), axis=0)
        if inside.all():
            break
        size = np.where(inside, size, size / 2)
    return size
