"""Where the likelihood itself is unbounded: parameters that it drives to the edge of their range, without limit.

The standard deviation of one component of a mixture goes to 0 while its mean sits on an observation (Kiefer and
Wolfowitz 1956; Day 1969): the log-likelihood then grows like -c log(distance from the edge), by the same amount for
every decade. Towards a maximum at the edge, or at infinity, what a decade adds goes to 0 instead. So the way is
walked decade by decade, PyMC maximising over everything else, as far as the log-likelihood can be computed: nothing
depends on the names of the parameters or on the units of the data.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from comparisons.case import Array, Axis, Case, Natural
from comparisons.compiled import Compiled
from comparisons.parameters import reordered
from pp_models.edges import edges_nearby
from pp_models.maximise import ROUND_OFFS, polish, round_off
from pp_models.objective import Objective

# Rise of the objective by the logarithm of the distance from the edge below which it is none.
RISES = 1e-3
# So many decades in a row add the same, up to this share of it.
DECADES, SAME = 4, 0.05
DECADE = np.log(10.0)
# Where rounding moves the objective by more than this, no decade is judged: one is looked for further back.
COMPUTABLE = 1e-3
# Of the smallest double above 0.
LARGEST_LOGARITHM = 745.0
# Distance to a bound of the free parameters within which a parameter is next to it.
NEXT_TO_BOUND = np.log(1e3)


@dataclass(frozen=True)
class Held:
    """An objective with some of its free parameters held: their bounds are where they stand."""

    objective: Objective
    bounds: Array

    @classmethod
    def at(cls, objective: Objective, x: Array, held: npt.NDArray[np.bool_]) -> "Held":
        """Hold the free parameters of a mask at their values in `x`."""
        return cls(objective, np.where(held[:, None], x[:, None], objective.bounds))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.objective, name)


class Rung(NamedTuple):
    """A point on the way to an edge at which the objective is highest in everything else."""

    x: Array
    height: float
    gradient: Array


def unbounded(compiled: Compiled, x: Array, gradient: Array, noise: float) -> tuple[str, ...]:
    """Names of the parameters towards whose edge the objective rises without bound; none where it does not.

    Asked of a point as close to an edge as a climb gets: at the bound of the free parameters, or where the objective
    can no longer be computed. The decades before it show how it got there.

    Parameters
    ----------
    compiled : Compiled
    x, gradient : array (size,)
        Free parameters, and the gradient there.
    noise : float
        How far rounding may move the objective there; infinite where it has no finite derivatives.
    """
    case, objective = compiled
    way = _next_to_edges(objective, x)
    if noise <= COMPUTABLE and not (_at_bounds(objective, x) & (way * gradient > RISES)).any():
        return ()
    # A logarithm of a standard deviation has no edge but infinity; a number beyond that of any double is no logarithm.
    far = np.isinf(objective.bounds).all(axis=1) & (np.abs(x) > DECADES * DECADE) & (np.abs(x) < LARGEST_LOGARITHM)
    endless = np.flatnonzero(far) if noise > COMPUTABLE else ()
    ways = [way, *(np.where(np.arange(len(x)) == index, np.sign(x), 0.0) for index in endless)]
    steady = ((one, _last_of_steady_rise(objective, x, one)) for one in ways if one.any())
    way, last = next(((one, last) for one, last in steady if last is not None), (way, None))
    if last is None:
        return ()
    slopes = way * last.gradient
    runs = slopes > max(RISES, SAME * slopes.sum())
    return tuple(
        case.entry(name, place)
        for name, labels in case.labels.items()
        if not objective.is_simplex(name)
        for place in range(len(labels))
        if runs[objective.places[name].start + place]
    )


def on_the_way(objective: Objective, x: Array, edge: Array) -> bool:
    """Whether the objective rises over a decade from a point towards an edge, where a climb from there has ended."""
    inwards = np.isfinite(objective.bounds).all(axis=1) & (_next_to_edges(objective, edge) != 0)
    way = np.where(inwards, np.sign(edge - x), 0.0)
    if not way.any():
        return True
    height = float(objective.value_and_gradient(x)[0])
    return bool(_highest(objective, _moved(objective, x, way, 1), way).height > height)


def same_edge(case: Case, natural: Natural, names: tuple[str, ...], others: tuple[str, ...]) -> bool:
    """Whether two sets of parameters are the same, or are after an exchange of labels that changes nothing."""
    if names == others:
        return True
    if len(names) != len(others):
        return False
    exchanged = dict(natural)
    for axis in case.axes:
        here, there = (_labels_along(case, axis, chosen) for chosen in (names, others))
        if here == there or len(here) != len(there):
            continue
        every = range(len(axis))
        order = np.arange(len(axis))
        order[np.setdiff1d(every, there)], order[there] = np.setdiff1d(every, here), here
        exchanged = reordered(exchanged, {p.name: p.along(axis.name) for p in case.parameters}, order)
    aligned = case.align(natural, exchanged)
    return all(np.array_equal(aligned[name], exchanged[name]) for name in case.labels)


def _labels_along(case: Case, axis: Axis, names: tuple[str, ...]) -> list[int]:
    """Which labels of an axis some entries have, by number."""
    found: set[int] = set()
    for parameter in case.parameters:
        chosen = [place for place, name in enumerate(parameter.names) if name in names]
        for along in parameter.along(axis.name):
            found |= set(parameter.label_numbers[chosen, along].tolist())
    return sorted(found)


def _last_of_steady_rise(objective: Objective, x: Array, way: Array) -> Rung | None:
    """The last point before an edge that can be computed, if decade after decade before it adds the same."""
    bounds = objective.bounds
    from_middle = np.abs(x - np.where(np.isfinite(bounds), bounds, 0.0).mean(axis=1))
    steps = range(1 + int(from_middle[way != 0].max() / DECADE))
    back = next((step for step in steps if not _rounded(objective, _moved(objective, x, way, -step))), None)
    if back is None:
        return None
    rungs = [_highest(objective, _moved(objective, x, way, -back), way)]
    for _ in range(DECADES):
        rungs.append(_highest(objective, _moved(objective, rungs[-1].x, way, -1), way))
    heights = np.array([rung.height for rung in rungs])
    if not np.isfinite(heights).all():
        return None
    rises = -np.diff(heights)
    steady = rises[0] > RISES * DECADE and (np.abs(rises - rises[0]) <= SAME * rises[0]).all()
    return rungs[0] if steady else None


def _highest(objective: Objective, x: Array, way: Array) -> Rung:
    """Where PyMC gets to from a point, with the parameters on their way held."""
    end = polish(Held.at(objective, x, way != 0), x)[0]
    height, gradient = objective.value_and_gradient(end)
    return Rung(end, float(height), gradient)


def _moved(objective: Objective, x: Array, way: Array, decades: int) -> Array:
    return np.clip(x + decades * DECADE * way, *objective.bounds.T)


def _rounded(objective: Objective, x: Array) -> bool:
    """Whether rounding leaves too little of the objective to see what a decade adds."""
    value, gradient = objective.value_and_gradient(x)
    computed = np.isfinite(value) and np.isfinite(gradient).all()
    return not (computed and ROUND_OFFS * round_off(objective, x).value <= COMPUTABLE)


def _at_bounds(objective: Objective, x: Array) -> npt.NDArray[np.bool_]:
    """Free parameters next to a bound of theirs."""
    low, high = objective.bounds.T
    return (x <= low + NEXT_TO_BOUND) | (x >= high - NEXT_TO_BOUND)


def _next_to_edges(objective: Objective, x: Array) -> Array:
    """Direction (size,) towards the edges next to a point: 1, -1, or 0 for what is next to none.

    A weight that goes to 0 leaves no likelihood unbounded.
    """
    low, high = objective.bounds.T
    way = np.where(_at_bounds(objective, x), np.where(high - x < x - low, 1.0, -1.0), 0.0)
    for edge in edges_nearby(objective, objective.natural(x)):
        way[objective.places[edge.name]][edge.entry : edge.entry + 1] = 1.0 if edge.upper else -1.0
    for name in filter(objective.is_simplex, objective.names):
        way[objective.places[name]] = 0.0
    return way
