"""The edges of the parameter space: which parameters are at one, and whether the likelihood rises away from it.

A parameter is at an edge when setting it there costs nothing: with 3 heads in four million flips a bias of 1e-6 is
not at 0, with none it is. At the edge and rising inwards, to first order (Karush-Kuhn-Tucker), is no stationary
point; at the edge and falling inwards is a maximum at the boundary; beyond a flat region it may rise.

A component without weight says nothing about where it is, so it is tried in many places.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np

from comparisons.case import Array, Case, Natural, Parameter
from comparisons.compiled import Compiled
from pp_models.edges import Edge, at_distance, edges_nearby, inwards
from pp_models.maximise import maximise
from pp_models.objective import Objective

# Below this a weight is next to nothing.
EDGE = 1e-6
# Weight given to a component that has none, to find out whether the likelihood rises there; and how many random
# places are tried for it, which may be anywhere.
LITTLE = 1e-4
PLACES = 32
# No more single observations than this say where else.
MOST_ALONE = 64
# Share of a rise that the derivative at the edge must explain to be its cause.
FIRST_ORDER = 0.1


@dataclass(frozen=True)
class AtEdge:
    """One parameter at an edge of its range.

    Attributes
    ----------
    name : str
        Of the scalar parameter, `bias[coin1]`.
    edge : Edge
    level : bool
        The objective does not change at all on the way to the middle of the range.
    way_up : array or None
        Free parameters on the way inwards at which the objective is higher.
    derivative : float
        Of the objective, inwards, per unit of the parameter, where it rises; else 0.
    first_order : bool
        The objective rises from the edge itself, not only beyond a flat region.
    """

    name: str
    edge: Edge
    level: bool
    way_up: Array | None = None
    derivative: float = 0.0
    first_order: bool = False


def at_edges(compiled: Compiled, natural: Natural, tolerance: float) -> tuple[list[AtEdge], Natural]:
    """Parameters at an edge, and the point with all of them set to it; what differs by `tolerance` is level."""
    objective = compiled.objective
    found = []
    height = float(objective.value_and_gradient(objective.free(natural))[0])
    for edge in edges_nearby(objective, natural):
        there = at_distance(objective, natural, edge, 0.0)
        at_height = float(objective.value_and_gradient(objective.free(there))[0])
        if not at_height >= height - tolerance:
            continue
        natural, height = there, max(height, at_height)
        found.append(edge)
    return [_walked(compiled, natural, edge._replace(distance=0.0), height, tolerance) for edge in found], natural


def _walked(compiled: Compiled, natural: Natural, edge: Edge, height: float, tolerance: float) -> AtEdge:
    """What the objective does on the way from an edge to the middle of the range, as long as it does not fall."""
    case, objective = compiled
    name = case.entry(edge.name, edge.entry)
    first = edge._replace(distance=1e-13 * edge.width)
    for distance in inwards(first):
        further = objective.free(at_distance(objective, natural, edge, distance))
        value = float(objective.value_and_gradient(further)[0])
        if value > height + 4 * tolerance:
            derivative = _derivative(objective, natural, edge)
            explained = derivative * distance >= FIRST_ORDER * (value - height)
            return AtEdge(name, edge, False, further, derivative, explained)
        if not value >= height - tolerance:
            return AtEdge(name, edge, False)
    return AtEdge(name, edge, True)


def _derivative(objective: Objective, natural: Natural, edge: Edge) -> float:
    """Derivative inwards per unit; the other weights of a simplex give up what one of them gains."""
    gradient = objective.natural_gradient(natural)[edge.name]
    by_entry = np.ravel(gradient)
    if objective.is_simplex(edge.name):
        size = natural[edge.name].shape[-1]
        row = edge.entry // size
        weights, by_weight = (values.reshape(-1, size)[row] for values in (natural[edge.name], gradient))
        return float(by_entry[edge.entry] - by_weight @ weights)
    return float(-by_entry[edge.entry] if edge.upper else by_entry[edge.entry])


def at_edge(compiled: Compiled, natural: Natural, tolerance: float | None = None) -> tuple[str, ...]:
    """Names of the parameters at an edge of their range, those left out that make no difference anywhere."""
    case, objective = compiled
    value = float(objective.value_and_gradient(objective.free(natural))[0])
    tolerance = 1e-9 * (1 + abs(value)) if tolerance is None else tolerance
    found = {at.name for at in at_edges(compiled, natural, tolerance)[0] if not at.level}
    return tuple(name for name in case.parameter_names() if name in found)


def better_place(compiled: Compiled, natural: Natural, floor: float) -> Array | None:
    """Free parameters above `floor` with a little weight for a component that has none, somewhere else."""
    objective = compiled.objective
    moved = list(_with_weight(compiled, natural))
    if not moved:
        return None
    free = np.stack([objective.free(place) for place in moved])
    values = np.nan_to_num(objective.value_and_gradient(free)[0], nan=-np.inf)
    best = free[values.argmax()]
    if values.max() > floor:
        return np.asarray(best)
    # The rise may be too gentle for one step.
    climbed = maximise(objective, best)
    return climbed.x if climbed.objective > floor else None


def ends_of_ridge(compiled: Compiled, natural: Natural) -> Iterator[tuple[str, Natural]]:
    """Points at which one component has given all its weight to another: the same mixture where the two are alike.

    With the name of the weights; a component that has no weight has nothing to give, and is one that is not needed.
    """
    for name, shape in compiled.case.shapes.items():
        if not compiled.objective.is_simplex(name) or len(shape) > 1:
            continue
        for giver, taker in permutations(range(len(natural[name])), 2):
            weights = natural[name].copy()
            weights[taker] += weights[giver]
            weights[giver] = 0.0
            yield name, {**natural, name: weights}


def _with_weight(compiled: Compiled, natural: Natural) -> Iterator[Natural]:
    """A little weight for every component that has none, in every place that is tried for it."""
    case, objective = compiled
    for edge in edges_nearby(objective, natural, EDGE):
        if objective.is_simplex(edge.name) and natural[edge.name].ndim == 1:
            for place in _places(case, natural, case.by_name[edge.name], edge.entry):
                yield at_distance(objective, place, edge, LITTLE)


def _places(case: Case, natural: Natural, weight: Parameter, component: int) -> Iterator[Natural]:
    """Where a component without weight may be: where it is, where random starts put it, and where single data do."""
    yield natural
    rng = np.random.default_rng(PLACES)
    own: dict[str, Any] = {}
    for parameter in case.parameters:
        places = parameter.along(weight.axes[0].name) if parameter is not weight else ()
        if places:
            own[parameter.name] = tuple(component if i in places else slice(None) for i in range(len(parameter.axes)))
    drawn = [case.draw_start(rng) for _ in range(PLACES if own else 0)]
    tried = [{name: start[name][index] for name, index in own.items()} for start in drawn]
    if own and own.keys() <= case.alone.keys():
        observations = len(case.alone[next(iter(own))])
        chosen = np.unique(np.linspace(0, observations - 1, MOST_ALONE).round().astype(int))
        tried += [{name: case.alone[name][j] for name in own} for j in chosen]
    for values in tried:
        place = {name: entries.copy() for name, entries in natural.items()}
        for name, index in own.items():
            place[name][index] = values[name]
        yield place
