"""What kind of stationary point an endpoint is, from PyMC's gradient and Hessian.

A second derivative alone does not tell a ridge from a flat maximum, nor a saddle from a maximum that is
not quite reached. So every direction that the Hessian leaves open is walked: a step is taken, PyMC
climbs from there, and what it comes back with decides.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from comparisons.case import Array, Case, Natural
from pp_models.maximise import maximise, newton_step, polish
from pp_models.objective import Objective

# Two endpoints are one optimum when no observation's log-likelihood differs by more than this.
SAME = 1e-5
# Close to a maximum, what is still to gain grows with the square of the distance: two endpoints of equal
# height may differ by this much in a fingerprint and be one optimum, of which one or both fell short.
ALMOST = 1e-2
# What a Newton step still promises to gain, beside 1 + |log-likelihood|, at a stationary point.
STATIONARY_GAIN = 1e-10
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
# A weight or a probability this close to 0 or 1 is at the boundary.
EDGE = 1e-6
# Step inwards from the boundary that tests whether the likelihood rises there; and how many places are tried
# for a component whose weight is 0, which may be anywhere.
INWARDS = 1e-4
PLACES = 32


class Kind(StrEnum):
    """Kind of an optimum.

    best            regular maximum, none higher is known
    local           regular maximum below the best one
    saddle          stationary, but the likelihood rises in some direction
    ridge           maximum along which some parameters move freely: the data do not identify them
    boundary        maximum with a weight at 0 or a probability at 0 or 1
    diverging       the likelihood keeps rising as a parameter runs off to infinity
    not stationary  no optimum at all: the gradient is not zero
    """

    BEST = "best"
    LOCAL = "local"
    SADDLE = "saddle"
    RIDGE = "ridge"
    BOUNDARY = "boundary"
    DIVERGING = "diverging"
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
    low, high = objective.bounds.T
    inside = (x > low + 1e-6) & (x < high - 1e-6)
    _, gain = newton_step(objective.hessian(x), gradient, np.ones_like(inside))
    norm = float(np.abs(gradient[inside]).max(initial=0.0))
    return Point(natural, x, value, objective.log_likelihood(x), norm, gain, objective.pointwise(x))


def same(one: Array, other: Array) -> bool:
    """Whether two fingerprints are those of one optimum."""
    return bool(np.abs(one - other).max() <= SAME)


def runs_off(case: Case, objective: Objective, point: Point) -> tuple[str, ...]:
    """Names of parameters along which the objective does not fall, however far one goes."""
    found = case.runaway(point.natural)
    if found is None:
        return ()
    names, further = found
    value, _ = objective.value_and_gradient(objective.free(further))
    return names if value >= point.objective - RISE * (1 + abs(point.objective)) else ()


def judge(case: Case, objective: Objective, point: Point) -> Judgement:
    """Kind of a point, `Kind.BEST` standing for any regular maximum: which one is best, others decide."""
    diverging = runs_off(case, objective, point)
    if diverging:
        return Judgement(Kind.DIVERGING, diverging, (), diverging)
    at_edge = _at_edge(case, objective, point)
    if not point.stationary:
        return Judgement(Kind.NOT_STATIONARY, (), at_edge, way_up=point.x)
    level = RISE * (1 + abs(point.objective))
    inner = _inwards(case, objective, point)
    if len(inner):
        values, _ = objective.value_and_gradient(inner)
        if np.nanmax(values) > point.objective + level:
            return Judgement(Kind.SADDLE, (), at_edge, way_up=inner[np.nanargmax(values)])
    flat = np.zeros(len(case.parameter_names()), dtype=bool)
    here = case.flat(point.natural)
    for direction in _open_directions(objective, point.x):
        for way in (direction, -direction):
            higher = _higher_along(objective, point, way, level)
            start = np.clip(point.x + WALK * way, *objective.bounds.T)
            x = polish(objective, start)[0] if higher is None else maximise(objective, higher).x
            if objective.value_and_gradient(x)[0] > point.objective + level:
                return Judgement(Kind.SADDLE, (), at_edge, way_up=x)
            moved = np.abs(case.flat(objective.natural(x)) - here) > MOVED * (1 + np.abs(here))
            if same(objective.pointwise(x), point.fingerprint):
                flat |= moved
    names = tuple(name for name, is_flat in zip(case.parameter_names(), flat, strict=True) if is_flat)
    if names:
        return Judgement(Kind.RIDGE, names, at_edge)
    return Judgement(Kind.BOUNDARY if at_edge else Kind.BEST, (), at_edge)


def _open_directions(objective: Objective, x: Array) -> npt.NDArray[np.float64]:
    """Unit vectors (rows) along which the Hessian does not bend down clearly."""
    eigenvalues, vectors = np.linalg.eigh(objective.hessian(x))
    steepest = np.abs(eigenvalues).max(initial=0.0)
    return vectors.T[eigenvalues > -OPEN_CURVATURE * steepest]


def _higher_along(objective: Objective, point: Point, way: Array, level: float) -> Array | None:
    """The first higher point on a straight walk over level ground; None where the ground falls, or stays level.

    A bias near 0 under a high power, or a component without weight, leaves a plateau that may end in a rise.
    """
    steps = np.arange(WALK, FAR + WALK, WALK)
    line = np.clip(point.x + steps[:, None] * way, *objective.bounds.T)
    values, _ = objective.value_and_gradient(line)
    level_ground = values >= point.objective - level
    reached = len(values) if level_ground.all() else int(level_ground.argmin())
    higher = np.flatnonzero(values[:reached] > point.objective + level)
    return line[higher[0]] if len(higher) else None


def _bounded(case: Case, objective: Objective) -> list[str]:
    """Names of the natural parameters that live between 0 and 1."""
    return [name for name in case.labels if objective.is_bounded(name)]


def _at_edge(case: Case, objective: Objective, point: Point) -> tuple[str, ...]:
    """Weights and probabilities at 0 or 1."""
    names = []
    for name in _bounded(case, objective):
        values = point.natural[name]
        for label, value in zip(case.labels[name], values, strict=True):
            if value < EDGE or value > 1 - EDGE:
                names.append(f"{name}[{label}]")
    return tuple(names)


def _inwards(case: Case, objective: Objective, point: Point) -> Array:
    """Free parameters (steps, size) a small step inside every edge that the point is at."""
    moved: list[Natural] = []
    for name in _bounded(case, objective):
        values = point.natural[name]
        for index in np.flatnonzero((values < EDGE) | (values > 1 - EDGE)):
            inner = values.copy()
            if not objective.is_simplex(name):
                inner[index] = INWARDS if values[index] < 0.5 else 1 - INWARDS
                moved.append({**point.natural, name: inner})
            elif values[index] < 0.5:
                inner = inner * (1 - INWARDS)
                inner[index] += INWARDS
                label = case.labels[name][index]
                moved += [{**place, name: inner} for place in _places(case, point.natural, name, label)]
    return np.stack([objective.free(natural) for natural in moved]) if moved else np.empty((0, len(point.x)))


def _places(case: Case, natural: Natural, weight: str, label: str) -> Iterator[Natural]:
    """Where a component without weight may be: where it is, and where random starts put it."""
    yield natural
    rng = np.random.default_rng(PLACES)
    own = {name: labels.index(label) for name, labels in case.labels.items() if name != weight and label in labels}
    for _ in range(PLACES if own else 0):
        drawn = case.draw_start(rng)
        place = {name: values.copy() for name, values in natural.items()}
        for name, index in own.items():
            place[name][index] = drawn[name][index]
        yield place
