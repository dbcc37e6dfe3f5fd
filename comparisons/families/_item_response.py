"""What the item response families share: the grid of abilities, the curves, and what an audit needs."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import expit

from comparisons.case import Array, Away, Curves, Natural
from comparisons.families import Option
from comparisons.parsing import Range
from em_reference.quadrature import equally_spaced

GRID_OPTIONS = (
    Option("nodes", int, "number of quadrature nodes, equally spaced", default=61, range=Range(2, 10_000)),
    Option("limit", float, "nodes reach from -LIMIT to LIMIT standard deviations", default=6.0, range=Range(0.5, 30)),
)
# Intercepts and slopes of a start.
START = Range(-100, 100)
# A slope beyond this, or a logit at the mean ability beyond it, is looked at: does it run off? Then at this
# many times the slope and intercept.
STEEP = 4.0
FURTHER = 4.0


def equal_grid(options: Mapping[str, Any]) -> tuple[Array, Array]:
    """Equally spaced nodes and their weights, from the options."""
    return equally_spaced(options["nodes"], options["limit"])


def symmetric_grid(nodes: Array, weights: Array) -> bool:
    """Whether the ability distribution is its own mirror image."""
    order, mirror = np.argsort(nodes), np.argsort(-nodes)
    return bool(np.allclose(nodes[order], -nodes[mirror]) and np.allclose(weights[order], weights[mirror]))


def item_start_fault(start: Natural) -> str | None:
    """Further out every curve is a step, or level, and a logit is no more than round-off."""
    for name, values in start.items():
        outside = np.flatnonzero(np.abs(values) > START.most)
        if len(outside):
            return f"{name} holds {values[outside[0]]:g}, expected numbers {START}"
    return None


def described_grid(nodes: Array, weights: Array) -> str:
    """The grid in words, for the settings of a report."""
    return f"{len(nodes)} nodes on [{nodes.min():g}, {nodes.max():g}], weights add up to {weights.sum():.6g}"


def item_curves(natural: Natural, items: tuple[str, ...]) -> Curves:
    """Item characteristic curves P(right | theta); the slope may be one for all."""
    theta = np.linspace(-4.0, 4.0, 161)
    probability = expit(natural["d"] + natural["a"] * theta[:, None])
    return Curves(
        "Item characteristic curves",
        "ability (standard deviations)",
        "probability of a right answer",
        theta,
        dict(zip(items, probability.T, strict=True)),
    )


def steep_items(natural: Natural, items: tuple[str, ...], nodes: Array) -> tuple[Away, ...]:
    """Every steep item, and points at which its curve is steeper still.

    A curve that becomes a step between two nodes turns about its own middle; one that becomes a step at a node,
    where it keeps a probability between 0 and 1, turns about that node.
    """
    found = []
    ordered = np.sort(nodes)
    for index in np.flatnonzero(np.abs(natural["a"]) > STEEP):
        slope, middle = natural["a"][index], -natural["d"][index] / natural["a"][index]
        above = int(np.clip(np.searchsorted(ordered, middle), 1, len(ordered) - 1))
        for pivot in (middle, *ordered[above - 1 : above + 1]):
            further = {name: values.copy() for name, values in natural.items()}
            further["a"][index] = FURTHER * slope
            further["d"][index] += (1 - FURTHER) * slope * pivot
            found.append(Away((f"d[{items[index]}]", f"a[{items[index]}]"), further))
    return tuple(found)


def as_many(items: tuple[str, ...], responses: Array) -> tuple[str, ...]:
    """Names for the columns of other responses: the given ones, and item6, item7, ... for further columns."""
    size = np.shape(responses)[1]
    return (*items[:size], *(f"item{place + 1}" for place in range(len(items), size)))
