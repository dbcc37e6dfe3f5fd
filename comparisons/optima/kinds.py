"""What kind of stationary point an endpoint is, from PyMC's gradient and Hessian.

A second derivative alone does not tell a ridge from a flat maximum, nor a saddle from a maximum that is
not quite reached. So every direction that the Hessian leaves open is walked: a step is taken, PyMC
climbs from there, and what it comes back with decides.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from comparisons.case import Array, Case, Natural, natural_of
from comparisons.compiled import Compiled
from comparisons.optima.diverging import diverging_group
from comparisons.optima.edges import AtEdge, at_edges, better_place, ends_of_ridge
from comparisons.optima.unbounded import unbounded
from pp_models.maximise import (
    NOISY,
    ROUND_OFFS,
    Maximum,
    held_at_bound,
    maximise,
    polish,
    round_off,
)
from pp_models.newton import newton_step
from pp_models.objective import Objective

# Two endpoints are one optimum when no observation's log-likelihood differs by more than this, and all of them
# together put the two less than that many standard errors apart.
SAME, SAME_IN_ERRORS = 1e-5, 1e-2
# Close to a maximum, what is still to gain grows with the square of the distance: two endpoints of equal
# height may differ by this much in a fingerprint and be one optimum, of which one or both fell short.
ALMOST = 1e-2
# What a Newton step still promises to gain at a stationary point: 1e-4 standard errors from a zero of the gradient.
STATIONARY_GAIN = 5e-9
# Two heights are level, and a rise is none, below this share of 1 + |log-likelihood|, but at most this much, and at
# least a multiple of the round-off.
LEVEL, MOST_LEVEL = 1e-9, 1e-6
RISE, MOST_RISE = 1e-8, 1e-5
# Where the round-off of single observations is measured, as `NOISE_POINTS` of the objective; more of them, since each
# observation may be rounded to the very same number by chance.
ROUNDED_AT = np.concatenate([-30.0 * 2.0 ** np.arange(5, -1, -1), 30.0 * 2.0 ** np.arange(6)])
# Distance to a bound of the free parameters from which on a gradient outwards is none.
AT_THE_EDGE = np.log(1e3)
# Curvature, beside the steepest, below which a direction is walked to find out what it is.
OPEN_CURVATURE = 1e-5
# Length of a step of that walk in free units (logits, log-ratios, intercepts, slopes), and how far it goes
# as long as the likelihood stays flat.
WALK = 0.25
FAR = 16.0
# Where the likelihood is flat to third order, this curvature may be left at a point that is stationary as far as it can
# tell; and Newton steps by which all else follows a step away from there.
CUBIC_CURVATURE = 1e-3
FOLLOWING = 4
# A natural parameter moved when it changed by more than this share of its unit and its size.
MOVED = 1e-4
# A weight below this is none, and its moves are none.
NEXT_TO_NOTHING = 1e-8
# Weights take part in an exchange when they change by this share of the largest change.
EXCHANGED = 1e-2


def capped(share: float, size: float, most: float) -> float:
    """A share of 1 + the size of something, but no more than so much: what may depend on it and not grow with it."""
    return min(share * (1 + abs(size)), most)


class Kind(StrEnum):
    """Kind of an optimum.

    best            regular maximum, none higher is known
    local           regular maximum below the best one
    saddle          stationary, but the likelihood rises in some direction, perhaps beyond a flat region
    ridge           maximum along which some parameters move freely: the data do not identify them
    boundary        maximum with a parameter at the edge of its range, falling inwards
    diverging       the likelihood does not decrease as a parameter tends to infinity
    degenerate      the likelihood itself is unbounded there: no estimate, and never the best
    not stationary  no optimum at all: the gradient is not zero, or it rises inwards from an edge
    """

    BEST = "best"
    LOCAL = "local"
    SADDLE = "saddle"
    RIDGE = "ridge"
    BOUNDARY = "boundary"
    DIVERGING = "diverging"
    DEGENERATE = "degenerate"
    NOT_STATIONARY = "not stationary"


# What is reported there is no maximum, even where EM and PyMC agree.
NO_MAXIMUM = (Kind.SADDLE, Kind.DEGENERATE, Kind.NOT_STATIONARY)


@dataclass(frozen=True)
class Point:
    """A point with what the kind is decided from.

    Attributes
    ----------
    natural : Natural
    x : array
        Free parameters (moved off the edges).
    objective, log_likelihood : float
        They differ by the log prior, where there is one.
    gradient_norm, gain : float
        Without parameters at an edge; `gain` is what a Newton step promises, g' |H|^-1 g / 2, and what setting
        parameters to their edges gains.
    fingerprint : array
        Log-likelihood of every observation.
    frequencies : array
        How often each was seen.
    rounding : array
        Round-off of the fingerprint.
    level : float
        Two heights that differ by less are level.
    edges : tuple of AtEdge
    unbounded : tuple of str
        Parameters at an edge towards which the objective rises without bound.
    """

    natural: Natural
    x: Array
    objective: float
    log_likelihood: float
    gradient_norm: float
    gain: float
    fingerprint: Array
    frequencies: Array
    rounding: Array
    level: float
    edges: tuple[AtEdge, ...]
    unbounded: tuple[str, ...]

    @property
    def level_gradient(self) -> bool:
        """Whether the gradient is zero as far as the log-likelihood can tell, edges left out."""
        return self.gain <= STATIONARY_GAIN

    @property
    def stationary(self) -> bool:
        """Whether the gradient is zero, and the objective rises from no edge."""
        return self.level_gradient and not any(at.first_order for at in self.edges)

    @property
    def rise(self) -> float:
        """A gain of height that is no round-off."""
        return max(capped(RISE, self.objective, MOST_RISE), 2 * self.level)


@dataclass(frozen=True)
class Judgement:
    """What a point is.

    Attributes
    ----------
    kind : Kind
    not_identified, at_edge, diverging : tuple of str
        Names of the parameters that make no difference there, that are at an edge, that diverge (or go to the edge
        at which the objective is unbounded).
    way_up : array or None
        Free parameters from which PyMC climbs higher: off a saddle, or on from a point not stationary.
    """

    kind: Kind
    not_identified: tuple[str, ...] = ()
    at_edge: tuple[str, ...] = ()
    diverging: tuple[str, ...] = ()
    way_up: Array | None = None


def examine(compiled: Compiled, natural: Natural) -> Point:
    """Evaluate PyMC's model at natural parameters."""
    objective = compiled.objective
    x = objective.free(natural)
    value, gradient = objective.value_and_gradient(x)
    rounding = round_off(objective, x)
    noise = ROUND_OFFS * rounding.value
    edges, settled = at_edges(compiled, natural, max(STATIONARY_GAIN / 10, noise))
    height = objective.value_and_gradient(objective.free(settled))[0]
    inside = ~held_at_bound(objective, x, gradient, AT_THE_EDGE) & _off_edges(objective, edges)
    hessian = objective.hessian(x)
    smooth = bool(np.isfinite(hessian[np.ix_(inside, inside)]).all())
    runs_off = unbounded(compiled, x, gradient, noise if smooth else np.inf)
    beyond = _beyond(objective, x, gradient, runs_off)
    noisy = NOISY * rounding.gradient
    _, gain = newton_step(hessian, gradient, inside, noisy, objective.observations)
    return Point(
        natural=natural,
        x=x,
        objective=float(value),
        log_likelihood=objective.log_likelihood(x),
        gradient_norm=float(np.abs(gradient[inside]).max(initial=0.0)),
        gain=(gain if smooth else np.inf) + max(float(height - value) - noise - beyond, 0.0),
        fingerprint=objective.fingerprint(x),
        frequencies=objective.frequencies,
        rounding=rounding_of_fingerprint(objective, x),
        level=max(capped(LEVEL, value, MOST_LEVEL), noise) + beyond,
        edges=tuple(edges),
        unbounded=runs_off,
    )


def _beyond(objective: Objective, x: Array, gradient: Array, runs_off: tuple[str, ...]) -> float:
    """What is to gain between the bounds, which are a little off the edges, and the edges themselves.

    There the objective changes in proportion to the distance: by its derivative by the logarithm of it.
    """
    if runs_off:
        return 0.0
    return float(np.abs(gradient[held_at_bound(objective, x, gradient, AT_THE_EDGE)]).sum())


def rounding_of_fingerprint(objective: Objective, x: Array) -> Array:
    """Round-off of every observation's log-likelihood, as `pp_models.maximise.round_off` measures that of their sum.

    The log-probability of 4e14 heads in 1e15 flips is a difference of terms near 1e15: it is right to a tenth.
    """
    here = objective.fingerprint(x)
    steps = np.finfo(float).eps * np.outer(ROUNDED_AT, 1 + np.abs(x))
    around = np.stack([objective.fingerprint(x + step) for step in steps])
    off = np.abs((around + around[::-1]) / 2 - here).max(axis=0)
    return ROUND_OFFS * np.where(np.isfinite(off), np.maximum(off, np.spacing(np.abs(here))), 0.0)


def examine_end(compiled: Compiled, end: Maximum) -> Point:
    """Evaluate PyMC's model where a climb of PyMC's has ended."""
    return examine(compiled, {name: end.params[name] for name in compiled.case.labels})


def same(one: Array, other: Array, frequencies: Array | float = 1.0, rounding: Array | float = 0.0) -> bool:
    """Whether two fingerprints are those of one optimum."""
    most = differences(one, other, rounding).max()
    return bool(most <= SAME and apart(one, other, frequencies, rounding) <= SAME_IN_ERRORS)


def apart(one: Array, other: Array, frequencies: Array | float = 1.0, rounding: Array | float = 0.0) -> float:
    """Distance of two fitted distributions in standard errors.

    sum_j f_j (difference of log p_j)^2 is, to first order, the squared distance of the parameters by the information.
    """
    return float(np.sqrt(np.sum(frequencies * differences(one, other, rounding) ** 2)))


def differences(one: Array, other: Array, rounding: Array | float) -> Array:
    """How much more than round-off two fingerprints differ, observation by observation."""
    return np.maximum(np.abs(one - other) - rounding, 0.0)


def judge(compiled: Compiled, point: Point) -> Judgement:
    """Kind of a point, `Kind.BEST` standing for any regular maximum: which one is best, others decide."""
    case, objective = compiled
    if point.unbounded:
        return Judgement(Kind.DEGENERATE, (), (), point.unbounded)
    away = diverging_group(compiled, point.natural, point.objective - point.rise)
    if away is not None:
        flat, _ = _walk(compiled, point, np.inf)
        names = tuple(name for name in case.parameter_names() if name in {*away.names, *flat})
        return Judgement(Kind.DIVERGING, names, (), away.names)
    if not point.stationary:
        return not_stationary(case, point)
    edge = with_the_rest(compiled, {at.name for at in point.edges if not at.level})
    floor = point.objective + point.rise
    flat, way_up = _walk(compiled, point, floor)
    flat |= {at.name for at in point.edges if at.level}
    if way_up is None:
        way_up = next((at.way_up for at in point.edges if at.way_up is not None), None)
    if way_up is None:
        way_up = better_place(compiled, point.natural, floor)
    if way_up is None:
        way_up = _rises_beside(objective, point, floor)
    if flat and way_up is None:
        # Where a ridge ends a component has no weight; with a little weight elsewhere the likelihood may rise.
        ends = [
            (name, end)
            for name, end in ends_of_ridge(compiled, point.natural)
            if same(objective.fingerprint(objective.free(end)), point.fingerprint, point.frequencies, point.rounding)
        ]
        higher = (better_place(compiled, end, floor) for _, end in ends)
        way_up = next((x for x in higher if x is not None), None)
        # A component more than is needed may share the weight of any other.
        flat |= {entry for name, _ in ends for entry in case.by_name[name].names}
    names, edges = _in_order(case, flat), _in_order(case, edge - flat)
    if way_up is not None:
        return Judgement(Kind.SADDLE, names, edges, way_up=way_up)
    return Judgement(Kind.RIDGE if names else Kind.BOUNDARY if edges else Kind.BEST, names, edges)


def with_the_rest(compiled: Compiled, at_edge: set[str]) -> set[str]:
    """Parameters at an edge, and the one weight that is 1 because all others that it adds up with are at 0."""
    found = set(at_edge)
    for name, parameter in compiled.case.by_name.items():
        if compiled.objective.is_simplex(name):
            for row in np.array(parameter.names).reshape(-1, parameter.shape[-1]).tolist():
                rest = [entry for entry in row if entry not in at_edge]
                found |= set(rest) if len(rest) == 1 else set()
    return found


def not_stationary(case: Case, point: Point) -> Judgement:
    """The judgement of a point that is not stationary, with a higher point off an edge, if there is one."""
    up = next((at.way_up for at in point.edges if at.first_order), point.x)
    edge = {at.name for at in point.edges if not at.level}
    return Judgement(Kind.NOT_STATIONARY, (), _in_order(case, edge), way_up=up)


def _in_order(case: Case, names: set[str]) -> tuple[str, ...]:
    return tuple(name for name in case.parameter_names() if name in names)


def beside_on_ridge(compiled: Compiled, point: Point) -> list[Natural]:
    """Other places that give every observation the same probability, one step along each open direction."""
    case, objective = compiled
    places = []
    for direction in _open_directions(objective, point):
        for way in (direction, -direction):
            x = polish(objective, np.clip(point.x + WALK * way, *objective.bounds.T))[0]
            if same(objective.fingerprint(x), point.fingerprint, point.frequencies, point.rounding):
                places.append({name: objective.natural(x)[name] for name in case.labels})
    return places


def _walk(compiled: Compiled, point: Point, floor: float) -> tuple[set[str], Array | None]:
    """Along every open direction: names of the parameters that move freely, and a point above `floor`, if any."""
    case, objective = compiled
    flat = np.zeros(len(case.parameter_names()), dtype=bool)
    way_up = None
    for direction in _open_directions(objective, point):
        for way in (direction, -direction):
            higher = _higher_along(objective, point, way, floor)
            start = np.clip(point.x + WALK * way, *objective.bounds.T)
            x = polish(objective, start)[0] if higher is None else maximise(objective, higher).x
            if objective.value_and_gradient(x)[0] > floor:
                way_up = x if way_up is None else way_up
            elif same(objective.fingerprint(x), point.fingerprint, point.frequencies, point.rounding):
                flat |= _moved(compiled, objective.natural(x), point.natural)
    return {name for name, is_flat in zip(case.parameter_names(), flat, strict=True) if is_flat}, way_up


def _moved(compiled: Compiled, natural: Natural, before: Natural) -> npt.NDArray[np.bool_]:
    """Which parameters differ; of weights those that exchange what they have, however little one of them has."""
    case, objective = compiled
    size = natural_of(case, case.size(before))
    moved = {}
    for name in case.labels:
        change = np.abs(natural[name] - before[name])
        if objective.is_simplex(name):
            something = np.maximum(before[name], natural[name]) > NEXT_TO_NOTHING
            exchanged = something & (change > MOVED * np.maximum(before[name], NEXT_TO_NOTHING))
            taking_part = change >= EXCHANGED * change.max(axis=-1, keepdims=True)
            moved[name] = exchanged.any(axis=-1, keepdims=True) & taking_part
        else:
            moved[name] = change > MOVED * size[name]
    return case.flat(moved).astype(bool)


def _off_edges(objective: Objective, edges: Iterable[AtEdge]) -> npt.NDArray[np.bool_]:
    """Free parameters, those left out that stand for a parameter at an edge; weights have none of their own."""
    inside = np.ones(objective.size, dtype=bool)
    for edge in (at.edge for at in edges if not objective.is_simplex(at.edge.name)):
        inside[objective.places[edge.name].start + edge.entry] = False
    return inside


def _open_directions(objective: Objective, point: Point, curvature: float = OPEN_CURVATURE) -> npt.NDArray[np.float64]:
    """Unit vectors (rows) along which the Hessian does not bend down clearly; none towards an edge that is there."""
    inside = _off_edges(objective, point.edges)
    eigenvalues, vectors = np.linalg.eigh(objective.hessian(point.x)[np.ix_(inside, inside)])
    steepest = np.abs(eigenvalues).max(initial=0.0)
    chosen = vectors.T[eigenvalues > -curvature * steepest]
    directions = np.zeros((len(chosen), objective.size))
    directions[:, inside] = chosen
    return directions


def _higher_along(objective: Objective, point: Point, way: Array, floor: float) -> Array | None:
    """The first higher point on a straight line along which the objective is flat; None where it falls, or stays flat.

    A bias near 0 under a high power, or a component without weight, leaves a plateau that may end in a rise.
    """
    steps = np.arange(WALK, FAR + WALK, WALK)
    line = np.clip(point.x + steps[:, None] * way, *objective.bounds.T)
    values, _ = objective.value_and_gradient(line)
    flat = values >= 2 * point.objective - floor
    reached = len(values) if flat.all() else int(flat.argmin())
    higher = np.flatnonzero(values[:reached] > floor)
    return line[higher[0]] if len(higher) else None


def _rises_beside(objective: Objective, point: Point, floor: float) -> Array | None:
    """Free parameters above `floor` beside a point, with no fall on the way there; None where there are none.

    Two components on top of one another: as they part, the variance that they share has to shrink with them, and a
    straight line falls. Such a point is flat to third order, and is reached to a few digits only.
    """
    for direction in _open_directions(objective, point, CUBIC_CURVATURE):
        for way in (direction, -direction):
            for share in 2.0 ** np.arange(-4, 1):
                x = _followed(objective, point.x + share * WALK * way, way)
                height = -np.inf if x is None else float(objective.value_and_gradient(x)[0])
                if height > floor:
                    return x
                if not height >= 2 * point.objective - floor:
                    break
    return None


def _followed(objective: Objective, x: Array, way: Array) -> Array | None:
    """A point once all else has followed a step along a way, by Newton steps; None where they lead nowhere."""
    others = np.linalg.svd(way[np.newaxis])[2][1:].T
    free = np.ones(others.shape[1], dtype=bool)
    x = np.clip(x, *objective.bounds.T)
    for _ in range(FOLLOWING):
        gradient, hessian = objective.value_and_gradient(x)[1], objective.hessian(x)
        if not (np.isfinite(gradient).all() and np.isfinite(hessian).all()):
            return None
        step, _ = newton_step(others.T @ hessian @ others, others.T @ gradient, free, 0.0, objective.observations)
        x = np.clip(x + others @ step, *objective.bounds.T)
    return x
