"""What kind of stationary point an endpoint is, from PyMC's gradient and Hessian.

A second derivative alone does not tell a ridge from a flat maximum, nor a saddle from a maximum that is
not quite reached. So every direction that the Hessian leaves open is walked: a step is taken, PyMC
climbs from there, and what it comes back with decides.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from comparisons.case import Array, Case, Natural
from comparisons.diverging import running_off
from comparisons.edges import at_edge, ends_of_ridge, higher_inside
from pp_models.maximise import held_at_bound, maximise, newton_step, polish
from pp_models.objective import Objective

# Two endpoints are one optimum when no observation's log-likelihood differs by more than this.
SAME = 1e-5
# Close to a maximum, what is still to gain grows with the square of the distance: two endpoints of equal
# height may differ by this much in a fingerprint and be one optimum, of which one or both fell short.
ALMOST = 1e-2
# What a Newton step still promises to gain, beside 1 + |log-likelihood|, at a stationary point.
STATIONARY_GAIN = 1e-10
# Distance to a bound of the free parameters (weights and probabilities end at 1e-12 and 1 - 1e-12, here at 1e-9)
# from which on a gradient outwards is none.
AT_THE_EDGE = np.log(1e3)
# Curvature, beside the steepest, below which a direction is walked to find out what it is.
OPEN_CURVATURE = 1e-5
# Length of a step of that walk in free units (logits, log-ratios, intercepts, slopes), and how far it goes
# as long as the ground is level.
WALK = 0.25
FAR = 16.0
# Gain of log-likelihood, beside 1 + |log-likelihood|, that proves a way up.
RISE = 1e-8
# A natural parameter moved when it changed by more than this share of 1 + its size.
MOVED = 1e-4


class Kind(StrEnum):
    """Kind of an optimum.

    best            regular maximum, none higher is known
    local           regular maximum below the best one
    saddle          stationary, but the likelihood rises in some direction, perhaps at the end of level ground
    ridge           maximum along which some parameters move freely: the data do not identify them
    boundary        maximum with a weight at 0 or a probability at 0 or 1
    diverging       the likelihood does not fall as a parameter runs off to infinity
    degenerate      the likelihood itself is unbounded there: no estimate exists
    not stationary  no optimum at all: the gradient is not zero
    """

    BEST = "best"
    LOCAL = "local"
    SADDLE = "saddle"
    RIDGE = "ridge"
    BOUNDARY = "boundary"
    DIVERGING = "diverging"
    DEGENERATE = "degenerate"
    NOT_STATIONARY = "not stationary"


@dataclass(frozen=True)
class Point:
    """A point with what the kind is decided from.

    Attributes
    ----------
    natural : Natural
    x : array
        Free parameters (clipped off the boundary).
    objective, log_likelihood : float
        They differ by the log prior, where there is one.
    gradient_norm, gain : float
        `gain` is what a Newton step promises, g' |H|^-1 g / 2.
    fingerprint : array
        Log-likelihood of every observation.
    """

    natural: Natural
    x: Array
    objective: float
    log_likelihood: float
    gradient_norm: float
    gain: float
    fingerprint: Array

    @property
    def stationary(self) -> bool:
        """Whether the gradient is zero as far as the log-likelihood can tell."""
        return self.gain <= STATIONARY_GAIN * (1 + abs(self.objective))


@dataclass(frozen=True)
class Judgement:
    """What a point is.

    Attributes
    ----------
    kind : Kind
    not_identified, at_edge, diverging : tuple of str
        Names of the parameters that the data leave open there, that are at 0 or 1, that run off.
    way_up : array or None
        Free parameters from which PyMC climbs higher: off a saddle, or on from a point not stationary.
    """

    kind: Kind
    not_identified: tuple[str, ...] = ()
    at_edge: tuple[str, ...] = ()
    diverging: tuple[str, ...] = ()
    way_up: Array | None = None


def examine(case: Case, objective: Objective, natural: Natural) -> Point:
    """Evaluate PyMC's side at natural parameters."""
    x = objective.free(natural)
    value, gradient = objective.value_and_gradient(x)
    inside = ~held_at_bound(objective, x, gradient, AT_THE_EDGE)
    _, gain = newton_step(objective.hessian(x), gradient, inside)
    norm = float(np.abs(gradient[inside]).max(initial=0.0))
    return Point(natural, x, value, objective.log_likelihood(x), norm, gain, objective.pointwise(x))


def same(one: Array, other: Array) -> bool:
    """Whether two fingerprints are those of one optimum."""
    return bool(np.abs(one - other).max() <= SAME)


def judge(case: Case, objective: Objective, point: Point) -> Judgement:
    """Kind of a point, `Kind.BEST` standing for any regular maximum: which one is best, others decide."""
    scale = 1 + abs(point.objective)
    away = running_off(case, objective, point.natural, point.objective - RISE * scale)
    if away is not None:
        flat, _ = _walk(case, objective, point, np.inf)
        names = tuple(name for name in case.parameter_names() if name in {*away.names, *flat})
        return Judgement(Kind.DIVERGING, names, (), away.names)
    edge = at_edge(case, objective, point.natural)
    if not point.stationary:
        return Judgement(Kind.NOT_STATIONARY, (), edge, way_up=point.x)
    floor = point.objective + RISE * scale
    inside = higher_inside(case, objective, point.natural, floor)
    names, along = _walk(case, objective, point, floor)
    way_up = along if inside is None else inside
    if names and way_up is None:
        # Where a ridge ends a component has no weight; with a little weight elsewhere the likelihood may rise.
        ends = [
            end
            for end in ends_of_ridge(case, objective, point.natural)
            if same(objective.pointwise(objective.free(end)), point.fingerprint)
        ]
        higher = (higher_inside(case, objective, end, floor) for end in ends)
        way_up = next((x for x in higher if x is not None), None)
    if way_up is not None:
        return Judgement(Kind.SADDLE, names, edge, way_up=way_up)
    return Judgement(Kind.RIDGE if names else Kind.BOUNDARY if edge else Kind.BEST, names, edge)


def _walk(case: Case, objective: Objective, point: Point, floor: float) -> tuple[tuple[str, ...], Array | None]:
    """Along every open direction: names of the parameters that move freely, and a point above `floor`, if any."""
    flat = np.zeros(len(case.parameter_names()), dtype=bool)
    way_up = None
    here = case.flat(point.natural)
    for direction in _open_directions(objective, point.x):
        for way in (direction, -direction):
            higher = _higher_along(objective, point, way, floor)
            start = np.clip(point.x + WALK * way, *objective.bounds.T)
            x = polish(objective, start)[0] if higher is None else maximise(objective, higher).x
            if objective.value_and_gradient(x)[0] > floor:
                way_up = x if way_up is None else way_up
            elif same(objective.pointwise(x), point.fingerprint):
                flat |= np.abs(case.flat(objective.natural(x)) - here) > MOVED * (1 + np.abs(here))
    return tuple(name for name, is_flat in zip(case.parameter_names(), flat, strict=True) if is_flat), way_up


def _open_directions(objective: Objective, x: Array) -> npt.NDArray[np.float64]:
    """Unit vectors (rows) along which the Hessian does not bend down clearly."""
    eigenvalues, vectors = np.linalg.eigh(objective.hessian(x))
    steepest = np.abs(eigenvalues).max(initial=0.0)
    return vectors.T[eigenvalues > -OPEN_CURVATURE * steepest]


def _higher_along(objective: Objective, point: Point, way: Array, floor: float) -> Array | None:
    """The first higher point on a straight walk over level ground; None where the ground falls, or stays level.

    A bias near 0 under a high power, or a component without weight, leaves a plateau that may end in a rise.
    """
    steps = np.arange(WALK, FAR + WALK, WALK)
    line = np.clip(point.x + steps[:, None] * way, *objective.bounds.T)
    values, _ = objective.value_and_gradient(line)
    level_ground = values >= 2 * point.objective - floor
    reached = len(values) if level_ground.all() else int(level_ground.argmin())
    higher = np.flatnonzero(values[:reached] > floor)
    return line[higher[0]] if len(higher) else None
