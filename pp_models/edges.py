"""The edges of the parameter space: which parameters lie next to one, and steps towards it and away from it.

A parameter with edges is a probability, a weight, a correlation, or a positive number. In the free parameters
(logits, logarithms) every gradient vanishes at an edge, whether the likelihood rises or falls there. Steps that
multiply the distance to the edge show which of the two it does, in any units.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

# A parameter this close to an edge, beside the width of its range (or its unit), is next to it.
NEXT_TO = 1e-3
# The distance grows by this factor from step to step of a walk away from an edge, up to half the range.
FACTOR = 10.0


class Space(Protocol):
    """Where natural parameters live; `pp_models.objective.Objective` knows."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the natural parameters."""
        ...

    def edges(self, name: str) -> tuple[Array, Array]:
        """Where the range ends, below and above, of the parameter's shape."""
        ...

    def unit(self, name: str) -> Array:
        """Size of a change that matters, of the parameter's shape."""
        ...

    def is_simplex(self, name: str) -> bool:
        """Whether the parameter is a vector of weights."""
        ...


class Edge(NamedTuple):
    """One scalar parameter next to an edge of its range.

    Attributes
    ----------
    name : str
    entry : int
        Position in the flattened parameter.
    upper : bool
        The upper edge of the range, else the lower one.
    distance : float
        From the edge.
    width : float
        Of the range, or the unit of a positive parameter.
    """

    name: str
    entry: int
    upper: bool
    distance: float
    width: float


def edges_nearby(space: Space, natural: Mapping[str, Array], within: float = NEXT_TO) -> list[Edge]:
    """Parameters next to an edge, the nearest first. Of weights only the lower edge counts: all else is then at it."""
    found = []
    for name in space.names:
        values = np.ravel(natural[name])
        low, high = (np.ravel(edge) for edge in space.edges(name))
        with np.errstate(invalid="ignore"):
            width = np.where(np.isfinite(high - low), high - low, np.ravel(space.unit(name)))
        sides = ((low, False),) if space.is_simplex(name) else ((low, False), (high, True))
        for edge, upper in sides:
            distance = np.abs(values - edge)
            for index in np.flatnonzero(np.isfinite(edge) & (distance < within * width)):
                found.append(Edge(name, int(index), upper, float(distance[index]), float(width[index])))
    return sorted(found, key=lambda edge: edge.distance / edge.width)


def at_distance(space: Space, natural: Mapping[str, Array], edge: Edge, distance: float) -> dict[str, Array]:
    """The same point with one parameter at another distance from its edge; other weights share what is left."""
    return {name: values[0] for name, values in at_distances(space, natural, edge, [distance]).items()}


def at_distances(
    space: Space, natural: Mapping[str, Array], edge: Edge, distances: Sequence[float]
) -> dict[str, Array]:
    """Points as of `at_distance`, one for each distance, along a leading axis."""
    given = np.asarray(distances, dtype=float)
    points = {
        name: np.repeat(np.asarray(values, dtype=float)[None], len(given), axis=0) for name, values in natural.items()
    }
    # In the order of the entries: of another order a flat view would be a copy, and the change would be lost.
    values = points[edge.name] = np.ascontiguousarray(points[edge.name])
    if space.is_simplex(edge.name):
        size = values.shape[-1]
        weights, own = values.reshape(len(given), -1, size)[:, edge.entry // size], edge.entry % size
        others = np.arange(size) != own
        weights[:, others] *= ((1 - given) / weights[:, others].sum(axis=1))[:, None]
        weights[:, own] = given
    else:
        low, high = (np.ravel(end)[edge.entry] for end in space.edges(edge.name))
        values.reshape(len(given), -1)[:, edge.entry] = high - given if edge.upper else low + given
    return points


def inwards(edge: Edge) -> list[float]:
    """Distances of a walk away from an edge, up to half the range."""
    last = edge.width / 2
    first = max(edge.distance, np.finfo(float).tiny) * FACTOR
    count = max(1, int(np.ceil(np.log(last / first) / np.log(FACTOR))) + 1) if first < last else 1
    return [float(d) for d in np.geomspace(first, last, count)] if first < last else [last]
