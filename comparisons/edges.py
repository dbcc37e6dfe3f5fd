"""The edges of the parameter space: which parameters are at 0 or 1, and whether the likelihood rises inwards.

A component without weight says nothing about where it is, so it is tried in many places. A level stretch that
ends at such an edge may go on as a rise there.
"""

from collections.abc import Iterator
from itertools import permutations

import numpy as np
import numpy.typing as npt

from comparisons.case import Array, Case, Natural
from pp_models.maximise import maximise
from pp_models.objective import Objective

# A weight or a probability this close to 0 or 1 is at the boundary.
EDGE = 1e-6
# Step inwards from the boundary that tests whether the likelihood rises there; and how many places are tried
# for a component whose weight is 0, which may be anywhere.
INWARDS = 1e-4
PLACES = 32


def at_edge(case: Case, objective: Objective, natural: Natural) -> tuple[str, ...]:
    """Weights and probabilities at 0 or 1."""
    names = []
    for name in _bounded(case, objective):
        values = natural[name]
        for label, value in zip(case.labels[name], values, strict=True):
            if value < EDGE or value > 1 - EDGE:
                names.append(f"{name}[{label}]")
    return tuple(names)


def higher_inside(case: Case, objective: Objective, natural: Natural, floor: float) -> Array | None:
    """Free parameters above `floor` and a small step inside the edges that `natural` is at; None without any."""
    inner, empty = _inwards(case, objective, natural)
    if not len(inner):
        return None
    values = np.nan_to_num(objective.value_and_gradient(inner)[0], nan=-np.inf)
    if values.max() > floor:
        return np.asarray(inner[values.argmax()])
    if not empty.any():
        return None
    # The rise may be too gentle for one step: climb on from the best place for a component without weight.
    climbed = maximise(objective, inner[np.where(empty, values, -np.inf).argmax()])
    return climbed.x if climbed.objective > floor else None


def ends_of_ridge(case: Case, objective: Objective, natural: Natural) -> Iterator[Natural]:
    """Points at which one component has given all its weight to another: the same mixture where the two are alike."""
    for name in filter(objective.is_simplex, case.labels):
        for giver, taker in permutations(range(len(case.labels[name])), 2):
            weights = natural[name].copy()
            weights[taker] += weights[giver]
            weights[giver] = 0.0
            if natural[name][giver] >= EDGE:
                yield {**natural, name: weights}


def _inwards(case: Case, objective: Objective, natural: Natural) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Free parameters (steps, size) a small step inside every edge, and which of them give weight to a component."""
    moved: list[Natural] = []
    empty: list[bool] = []
    for name in _bounded(case, objective):
        values = natural[name]
        for index in np.flatnonzero((values < EDGE) | (values > 1 - EDGE)):
            inner = values.copy()
            if not objective.is_simplex(name):
                inner[index] = INWARDS if values[index] < 0.5 else 1 - INWARDS
                moved.append({**natural, name: inner})
            elif values[index] < 0.5:
                inner = inner * (1 - INWARDS)
                inner[index] += INWARDS
                moved += [{**place, name: inner} for place in _places(case, natural, name, case.labels[name][index])]
            empty += [objective.is_simplex(name)] * (len(moved) - len(empty))
    free = [objective.free(natural) for natural in moved]
    return np.reshape(free, (len(free), objective.size)), np.array(empty, dtype=bool)


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


def _bounded(case: Case, objective: Objective) -> list[str]:
    """Names of the natural parameters that live between 0 and 1."""
    return [name for name in case.labels if objective.is_bounded(name)]
