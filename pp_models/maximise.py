"""Maximise a compiled objective: L-BFGS-B, then Newton steps on the exact Hessian.

The quasi-Newton stage brings the start near an optimum; Newton brings the gradient to round-off, which
an optimiser's default tolerance does not. An eigenvalue of the wrong sign is mirrored, so that a Newton
step climbs; at a stationary point, a saddle included, the gradient is zero and nothing moves: a start
at a saddle stays there, as it does under EM. A logit or a logarithm makes every gradient vanish at the edge
of a range, so there a walk away from the edge decides (see `pp_models.edges`): where the likelihood rises the
climb goes on, where it does not the parameter is set to the edge.
"""

from enum import StrEnum
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from pp_models.edges import Space, at_distance, edges_nearby, inwards
from pp_models.newton import newton_step, own_units
from pp_models.objective import Array

MAX_EVALUATIONS = 3_000
MAX_NEWTON_STEPS = 60
MAX_HALVINGS = 30
# A step still as long as this close to the end points to a maximum at infinity, and gradients that no longer
# shrink to this share from step to step to a maximum flatter than a parabola: try these multiples, up to a length.
LONG_STEP = 0.5
SLOW = 0.25
# A gradient that shrinks no further than to this share from step to step has stalled.
STALLED = 0.9
LONGER = 2.0 ** np.arange(1, 21)
FURTHEST = 32.0
# Two values differ by chance by up to this many times their measured round-off, the higher one being the luckiest of
# all that were tried; a gradient is right to this many times its own.
ROUND_OFFS = 8.0
NOISY = 4.0
# A maximum to gain below this share of the objective is round-off; it is in any case below this much.
ROUND_OFF = 1e-12
NOTHING_TO_GAIN = 1e-10
# A rise of this many times the round-off shows that the objective rises from an edge.
RISE = 4.0
# How often a climb may leave an edge.
MAX_RELEASES = 8
# Where round-off is measured beside a point, in units of the last place of the parameters. A log-likelihood is a sum
# of terms n log n, and a step of h changes each by about n h: it takes h above log n units, 30 or so, to round
# another way. Steps of a few units may all give the very same number, and so no round-off.
NOISE_POINTS = (-300.0, -30.0, 30.0, 300.0)
# A gradient below this share of the objective is round-off: a parameter error of about as much.
GRADIENT_ROUND_OFF = 1e-12
# Distance to a bound (in free units) within which a parameter counts as being at it.
AT_BOUND = 1e-6
# A parameter this close to an edge, beside the width of its range, is at it, whether or not its logit ran all the way.
AT_EDGE = 1e-9


class Surface(Space, Protocol):
    """What is climbed: `pp_models.objective.Objective`, or one that stands in for it."""

    @property
    def bounds(self) -> Array:
        """Bounds (size, 2) of the free parameters."""
        ...

    @property
    def observations(self) -> float:
        """Number of observations."""
        ...

    def value_and_gradient(self, x: Array) -> tuple[Any, Array]:
        """Objective and its gradient at free parameters."""
        ...

    @property
    def is_large(self) -> bool:
        """Whether one Hessian costs so much more than a gradient that another's is taken where it will do."""
        ...

    def hessian(self, x: Array) -> Array:
        """Hessian of the objective."""
        ...

    def hessian_nearby(self, x: Array) -> Array:
        """Hessian of the objective, or, of large data, at a known point nearby."""
        ...

    def natural(self, x: Array) -> dict[str, Array]:
        """Natural parameters by name."""
        ...

    def free(self, params: Any) -> Array:
        """Free parameters of natural ones."""
        ...

    def is_bounded(self, name: str) -> bool:
        """Whether a natural parameter lives between two finite edges."""
        ...


class MaximumStatus(StrEnum):
    """Why the maximisation stopped."""

    CONVERGED = "converged"
    BOUNDARY = "boundary"
    ITERATION_LIMIT = "iteration limit"
    NOT_FINITE = "not finite"


class Maximum(NamedTuple):
    """Where the maximisation of one start ended.

    Attributes
    ----------
    x : array (size,)
        Free parameters.
    params : dict of arrays
        Natural parameters by name.
    objective : float
        Log-likelihood, or log-posterior.
    gradient_norm : float
        Largest component of the gradient by the free parameters, those held at a bound left out.
    status : MaximumStatus
    evaluations : int
        Evaluations of objective and gradient.
    """

    x: Array
    params: dict[str, Array]
    objective: float
    gradient_norm: float
    status: MaximumStatus
    evaluations: int


def maximise(objective: Surface, start: Array) -> Maximum:
    """Climb from one vector of free parameters.

    A start at which the objective is not finite ends with `MaximumStatus.NOT_FINITE`, not an exception.
    """
    low, high = objective.bounds.T
    x = np.clip(start, low, high)
    value, gradient = objective.value_and_gradient(x)
    evaluations = 1
    if not (np.isfinite(value) and np.isfinite(gradient).all()):
        return Maximum(x, objective.natural(x), float(value), np.inf, MaximumStatus.NOT_FINITE, evaluations)

    for _ in range(MAX_RELEASES):
        x, more, settled = _climb(objective, x, value)
        evaluations += more
        x, value, more, released = _at_the_edges(objective, x)
        evaluations += more
        if not released:
            break
    value, gradient = objective.value_and_gradient(x)
    held = held_at_bound(objective, x, gradient)
    norm = float(np.abs(gradient[~held]).max(initial=0.0))
    if not np.isfinite(value):
        status = MaximumStatus.NOT_FINITE
    elif not settled:
        status = MaximumStatus.ITERATION_LIMIT
    else:
        status = MaximumStatus.BOUNDARY if held.any() or _at_edge(objective, x) else MaximumStatus.CONVERGED
    return Maximum(x, objective.natural(x), float(value), norm, status, evaluations)


def _climb(objective: Surface, x: Array, value: float) -> tuple[Array, int, bool]:
    """L-BFGS-B, then Newton: where it ends, evaluations, and whether nothing is left to gain.

    L-BFGS-B begins with a step as long as the gradient where all parameters have bounds, so the objective is measured
    in its size at the start: ten thousand times the data take the same way.
    """
    scale = 1 + abs(value)

    def falling(z: Array) -> tuple[float, Array]:
        f, g = objective.value_and_gradient(z)
        return -f / scale, -g / scale

    climbed = minimize(
        falling,
        x,
        jac=True,
        method="L-BFGS-B",
        bounds=objective.bounds,
        options={"maxfun": MAX_EVALUATIONS, "maxiter": MAX_EVALUATIONS, "ftol": 1e-8, "gtol": 1e-5},
    )
    if np.isfinite(climbed.fun) and -climbed.fun * scale >= value:
        x = climbed.x
    x, evaluations, settled = polish(objective, x)
    return x, evaluations + int(climbed.nfev), settled


def _at_the_edges(objective: Surface, x: Array) -> tuple[Array, float, int, bool]:
    """Parameters next to an edge, set to it, or released where the objective rises away from it.

    Returns
    -------
    x, value : array, float
        Where a released climb goes on, or where all edges are settled.
    evaluations : int
    released : bool
    """
    value = float(objective.value_and_gradient(x)[0])
    evaluations = 1
    natural = objective.natural(x)
    edges = edges_nearby(objective, natural)
    if not edges or not np.isfinite(value):
        return x, value, evaluations, False
    rounding = max(ROUND_OFF * (1 + abs(value)), 2 * round_off(objective, x).value)
    evaluations += 1 + len(NOISE_POINTS)
    for edge in edges:
        for distance in inwards(edge):
            further = objective.free(at_distance(objective, natural, edge, distance))
            height = float(objective.value_and_gradient(further)[0])
            evaluations += 1
            if height > value + RISE * rounding:
                return further, height, evaluations, True
            if not height >= value - rounding:
                break
        snapped = objective.free(at_distance(objective, natural, edge, 0.0))
        height = float(objective.value_and_gradient(snapped)[0])
        evaluations += 1
        if height >= value - rounding:
            x, value, natural = snapped, height, objective.natural(snapped)
    x, more, _ = polish(objective, x)
    return x, value, evaluations + more, False


class RoundOff(NamedTuple):
    """How far rounding alone may move the objective (float), and its gradient (size,), at a point."""

    value: float
    gradient: Array


def round_off(objective: Surface, x: Array) -> RoundOff:
    """Round-off at a point: how far the objective is from linear over steps too small to bend.

    Of the gradient g it is how far g(x) is from the mean of g(x - h) and g(x + h). No value is better than half a
    unit of its last place, and the difference of two than one unit.
    """
    value, gradient = objective.value_and_gradient(x)
    steps = np.finfo(float).eps * np.outer(NOISE_POINTS, 1 + np.abs(x))
    values, gradients = map(np.array, zip(*(objective.value_and_gradient(x + step) for step in steps), strict=True))
    off = np.abs(values - value - steps @ gradient).max()
    between = np.abs((gradients + gradients[::-1]) / 2 - gradient).max(axis=0)
    if not (np.isfinite(off) and np.isfinite(between).all()):
        return RoundOff(0.0, np.zeros_like(gradient))
    return RoundOff(max(float(off), float(np.spacing(abs(value)))), between)


def _at_edge(objective: Surface, x: Array) -> bool:
    """Whether a parameter is at the edge of its range."""
    return bool(edges_nearby(objective, objective.natural(x), AT_EDGE))


class _Point(NamedTuple):
    """Free parameters with the objective and its gradient."""

    x: Array
    value: float
    gradient: Array


def polish(objective: Surface, x: Array) -> tuple[Array, int, bool]:
    """Newton steps until the gradient is at round-off or no longer shrinks.

    Returns
    -------
    x : array
    evaluations : int
    settled : bool
        Whether what is still to gain, g' |H|^-1 g / 2, is round-off.
    """
    low, high = objective.bounds.T
    evaluations = 0

    def at(x: Array) -> _Point:
        nonlocal evaluations
        evaluations += 1
        x = np.clip(x, low, high)
        return _Point(x, *objective.value_and_gradient(x))

    point = at(x)
    settled = False
    last_norm = np.inf
    noise = round_off(objective, point.x)
    evaluations += 1 + len(NOISE_POINTS)
    exact = not objective.is_large
    for _ in range(MAX_NEWTON_STEPS):
        free = ~held_at_bound(objective, point.x, point.gradient)
        hessian = objective.hessian(point.x) if exact else objective.hessian_nearby(point.x)
        step, gain = newton_step(hessian, point.gradient, free, NOISY * noise.gradient, objective.observations)
        chance = ROUND_OFFS * noise.value
        settled = gain <= min(ROUND_OFF * (1 + abs(point.value)), NOTHING_TO_GAIN)
        if settled and np.abs(point.gradient[free]).max(initial=0.0) <= GRADIENT_ROUND_OFF * (1 + abs(point.value)):
            break
        unit = np.zeros_like(point.gradient)
        unit[free] = own_units(hessian[np.ix_(free, free)], objective.observations)
        norm = _norm(point, unit)
        creeps, stalls, last_norm = norm > SLOW * last_norm, norm > STALLED * last_norm, norm
        if stalls and gain <= noise.value:
            # What is promised is round-off, and the gradient does not show the way either.
            settled = True
            break
        if creeps and not settled and not exact:
            # The Hessian of a point nearby is not near enough.
            exact = True
            continue

        here = point
        for halving in range(1 if settled else MAX_HALVINGS):
            trial = at(here.x + step / 2**halving)
            if _better(trial, here, unit, chance, settled):
                point = trial
                break
        if point is here:
            settled = settled or gain <= noise.value
            break
        if halving == 0 and (creeps or np.abs(step).max() > LONG_STEP):
            # A maximum at infinity (the logit of a weight that goes to 0) is reached by ever longer steps, and on
            # x^4 Newton goes a third of the way each time.
            for factor in LONGER[LONGER * np.abs(step).max() <= FURTHEST]:
                trial = at(here.x + factor * step)
                if not _better(trial, point, unit, chance, settled):
                    break
                point = trial
    return point.x, evaluations, settled


def _better(trial: _Point, than: _Point, unit: Array, chance: float, settled: bool) -> bool:
    """Whether a trial is worth moving to: higher, or level with a smaller gradient once the top is near.

    What is higher by `chance`, its round-off, is not higher.
    """
    if not (np.isfinite(trial.value) and np.isfinite(trial.gradient).all()):
        return False
    level = trial.value >= than.value - max(ROUND_OFF * (1 + abs(than.value)), chance)
    shrinks = _norm(trial, unit) < _norm(than, unit)
    return bool((level and shrinks) or (not settled and trial.value > than.value + chance))


def _norm(point: _Point, unit: Array) -> float:
    """Largest component of the gradient, each in its unit, for which one standard error is about 1; 0 where held."""
    return float(np.abs(unit * point.gradient).max(initial=0.0))


def held_at_bound(objective: Surface, x: Array, gradient: Array, within: float = AT_BOUND) -> npt.NDArray[np.bool_]:
    """Free parameters within a distance of a bound, with a gradient that points outwards (or nowhere)."""
    low, high = objective.bounds.T
    return ((x <= low + within) & (gradient <= 0)) | ((x >= high - within) & (gradient >= 0))
