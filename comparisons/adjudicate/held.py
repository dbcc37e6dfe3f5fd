"""Estimates that are a maximum only because some parameters are held at an edge of their range.

A program that leaves a parameter at 0 (a class that never has the property, a weight that has died) maximises over the
others. What it prints is no stationary point of the free model where the likelihood rises from that edge inwards. In
log-odds or logs every gradient vanishes at the edge, so the rise is measured per unit of the parameter itself.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from comparisons.adjudicate.steps import nearest_stationary
from comparisons.case import Array, Natural, each, stack
from comparisons.compiled import Compiled
from comparisons.optima.starts import draw_starts, run_em
from pp_models.edges import Edge, at_distance, edges_nearby
from pp_models.objective import Objective

# A weight or a probability this close to 0 or 1 is at the edge.
AT_EDGE = 1e-6
# Distance from the edge at which the rise is measured: of a probability next to the edge; of a weight further inside,
# where its share of the gradient stands out from the round-off of the other weights'.
NEXT_TO_EDGE = 1e-10
NEXT_TO_NO_WEIGHT = 1e-8
# Distance from the edge of the point from which PyMC climbs.
INWARDS = 1e-4
# A rise per unit, beside 1 + |log-likelihood|, below which there is none.
RISE = 1e-6
# Curvature upwards, beside the steepest, that is none.
LEVEL = 1e-7
# The log-likelihood rises by as much as the logarithm of the distance for every observation that is impossible at the
# edge, or by a share of it where several are in the way.
A_SHARE = 0.01
STARTS = 20


class Entry(NamedTuple):
    """One parameter at an edge of its range.

    Attributes
    ----------
    name : str
    place : Edge
        Where it is in the parameters.
    edge : float
        0 or 1.
    rise : float
        Derivative of the log-likelihood as the parameter leaves the edge, per unit.
    """

    name: str
    place: Edge
    edge: float
    rise: float


class Held(NamedTuple):
    """A stationary point of the model with some parameters held at an edge.

    Attributes
    ----------
    entries : tuple of Entry
        Those that are held.
    rising : tuple of Entry
        Those of them from whose edge the likelihood rises.
    natural : Natural
    what : str
        "the maximum" when no start with the same parameters held leads higher, "a local maximum" or "a saddle".
    """

    entries: tuple[Entry, ...]
    rising: tuple[Entry, ...]
    natural: Natural
    what: str


def kept_down(compiled: Compiled, natural: Natural) -> tuple[Entry, ...]:
    """Parameters at an edge from which the likelihood rises inwards."""
    least = RISE * (1 + abs(float(compiled.objective.value_and_gradient(compiled.objective.free(natural))[0])))
    return tuple(entry for entry in _entries(compiled, natural) if entry.rise > least)


def in_the_way(compiled: Compiled, natural: Natural) -> tuple[Entry, ...]:
    """Parameters at an edge at which something that was seen has probability 0: it rises with the distance from it."""
    found = _entries(compiled, natural)
    return tuple(entry for entry in found if entry.rise * _step(compiled.objective, entry) > A_SHARE)


def inside(objective: Objective, natural: Natural, entries: tuple[Entry, ...]) -> Natural:
    """A point a little inside the edges."""
    for entry in entries:
        natural = at_distance(objective, natural, entry.place, INWARDS)
    return natural


def held_at_edges(compiled: Compiled, natural: Natural, best: float) -> Held | None:
    """The stationary point next to `natural` with those parameters held that rise from their edge; None without."""
    objective = compiled.objective
    entries = kept_down(compiled, natural)
    if not entries:
        return None
    still = np.stack([_direction(objective, natural, entry) for entry in entries])
    found = nearest_stationary(compiled, _at_edges(objective, natural, entries), best, still)
    if found is None:
        return None
    found = _at_edges(objective, found, entries)
    names = {entry.name for entry in entries}
    rising = tuple(entry for entry in kept_down(compiled, found) if entry.name in names)
    if not rising:
        return None
    x = objective.free(found)
    free = np.linalg.qr(still.T, mode="complete")[0][:, len(still) :]
    curvature = np.linalg.eigvalsh(free.T @ objective.hessian(x) @ free)
    if curvature.max(initial=0.0) > LEVEL * np.abs(curvature).max(initial=0.0):
        return Held(rising, rising, found, "a saddle")
    # One that is at an edge without a rise of its own may rise together with others.
    for entries in (rising, tuple(_entries(compiled, found))):
        if _none_higher(compiled, entries, float(objective.value_and_gradient(x)[0])):
            return Held(entries, rising, found, "the maximum")
    return Held(rising, rising, found, "a local maximum")


def _none_higher(compiled: Compiled, entries: tuple[Entry, ...], level: float) -> bool:
    """Whether EM, which leaves a parameter at its edge, ends no higher from other starts with these held."""
    starts = [_at_edges(compiled.objective, start, entries) for start in each(draw_starts(compiled.case, STARTS, 0))]
    ends = run_em(compiled.case, compiled.objective, stack(starts))
    kept = np.all([ends.natural[entry.place.name][:, entry.place.entry] == entry.edge for entry in entries], axis=0)
    heights = ends.objective[kept]
    return bool(heights.max(initial=-np.inf) <= level + RISE * (1 + abs(level)))


def _entries(compiled: Compiled, natural: Natural) -> Iterator[Entry]:
    """Weights at 0, probabilities at 0 or 1, with the rise from there."""
    case, objective = compiled
    order = list(case.labels)
    nearby = [place for place in edges_nearby(objective, natural, AT_EDGE) if objective.is_bounded(place.name)]
    for place in sorted(nearby, key=lambda place: (order.index(place.name), place.entry)):
        entry = Entry(case.entry(place.name, place.entry), place, float(place.upper), 0.0)
        yield entry._replace(rise=_rise(objective, natural, entry))


def _rise(objective: Objective, natural: Natural, entry: Entry) -> float:
    """Derivative of the log-likelihood inwards, per unit of the parameter: by the free parameters, times theirs.

    Next to the edge the free parameters are straight lines in the logarithm of the distance from it.
    """
    step = _step(objective, entry)
    here = objective.free(at_distance(objective, natural, entry.place, step))
    return float(objective.value_and_gradient(here)[1] @ _direction(objective, natural, entry) / step)


def _direction(objective: Objective, natural: Natural, entry: Entry) -> Array:
    """Derivative of the free parameters by the logarithm of the distance from the edge."""
    step = _step(objective, entry)
    further, nearer = (objective.free(at_distance(objective, natural, entry.place, step * by)) for by in (2.0, 0.5))
    return np.asarray((further - nearer) / np.log(4.0))


def _step(objective: Objective, entry: Entry) -> float:
    """Distance from the edge at which the rise is measured."""
    return NEXT_TO_NO_WEIGHT if objective.is_simplex(entry.place.name) else NEXT_TO_EDGE


def _at_edges(objective: Objective, natural: Natural, entries: tuple[Entry, ...]) -> Natural:
    """The parameters exactly at their edges."""
    for entry in entries:
        natural = at_distance(objective, natural, entry.place, 0.0)
    return natural
