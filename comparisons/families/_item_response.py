"""What the item response families share: the answers on a grid of abilities, the curves, steep items."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit

from comparisons.case import Array, Away, Curves, Natural
from comparisons.families import Option
from comparisons.families._answers import answers_in_words
from comparisons.families._binding import Model
from comparisons.parsing import Range
from em_reference.quadrature import equally_spaced

GRID_OPTIONS = (
    Option("nodes", int, "number of quadrature nodes, equally spaced", default=61, range=Range(2, 10_000)),
    Option("limit", float, "nodes reach from -LIMIT to LIMIT standard deviations", default=6.0, range=Range(0.5, 30)),
)
# Intercepts and slopes of a start.
START = Range(-100, 100)
# A slope beyond this, or a logit at the mean ability beyond it, is looked at: does it diverge? Then at this
# many times the slope and intercept.
STEEP = 4.0
FURTHER = 4.0


def equal_grid(options: Mapping[str, Any]) -> tuple[Array, Array]:
    """Equally spaced nodes and their weights, from the options."""
    return equally_spaced(options["nodes"], options["limit"])


def item_start_fault(start: Natural) -> str | None:
    """Further out every curve is a step, or level, and a logit is no more than round-off."""
    for name, values in start.items():
        outside = np.flatnonzero(np.abs(values) > START.most)
        if len(outside):
            return f"{name} holds {values[outside[0]]:g}, expected numbers {START}"
    return None


class ItemData(NamedTuple):
    """Answers to items, and the grid of abilities.

    Attributes
    ----------
    responses : array (N, I)
        0, 1 or NaN.
    items : tuple of str
    frequencies : array (N,) or None
        Frequencies.
    nodes, weights : array (Q,)
    """

    responses: Array
    items: tuple[str, ...]
    frequencies: Array | None
    nodes: Array
    weights: Array

    @property
    def symmetric(self) -> bool:
        """Whether the ability distribution is its own mirror image."""
        order, mirror = np.argsort(self.nodes), np.argsort(-self.nodes)
        same = np.allclose(self.weights[order], self.weights[mirror])
        return bool(np.allclose(self.nodes[order], -self.nodes[mirror]) and same)

    @property
    def settings(self) -> dict[str, str]:
        """Answers and grid in words, for the settings of a report."""
        grid = f"{len(self.nodes)} nodes on [{self.nodes.min():g}, {self.nodes.max():g}]"
        return {
            **answers_in_words(self.responses, self.frequencies),
            "quadrature": f"{grid}, weights add up to {self.weights.sum():.6g}",
        }

    def model(self, file: str, **given: Any) -> Model:
        """The PyMC model of these data."""
        data = {
            "responses": self.responses,
            "nodes": self.nodes,
            "weights": self.weights,
            "frequencies": self.frequencies,
        }
        return Model(file, {**data, **given}, ("responses",))

    def other(self, data: Mapping[str, Any]) -> "ItemData":
        """Other answers, perhaps on another grid; further columns are called item6, item7, ..."""
        size = np.shape(data["responses"])[1]
        items = (*self.items[:size], *(f"item{place + 1}" for place in range(len(self.items), size)))
        grid = data.get("nodes", self.nodes), data.get("weights", self.weights)
        return ItemData(data["responses"], items, data["frequencies"], *grid)

    def curves(self, natural: Natural) -> Curves:
        """Item characteristic curves P(right | theta); the slope may be one for all."""
        theta = np.linspace(-4.0, 4.0, 161)
        probability = expit(natural["d"] + natural["a"] * theta[:, None])
        return Curves(
            "Item characteristic curves",
            "ability (standard deviations)",
            "probability of a right answer",
            theta,
            dict(zip(self.items, probability.T, strict=True)),
        )


def turned(natural: Natural, reference: Natural) -> Natural:
    """Turn the ability axis round where that brings the slopes closer; the likelihood is the same."""
    return reflected(natural) if float(natural["a"] @ reference["a"]) < 0 else natural


def upright(natural: Natural) -> Natural:
    """The mirror image whose slopes are positive on average."""
    return turned(natural, {"a": np.ones_like(natural["a"])})


def reflected(natural: Natural) -> Natural:
    """The ability axis turned round."""
    return {"d": natural["d"], "a": -natural["a"]}


def difficulties(natural: Natural) -> Natural:
    """Where on the ability axis the probability is 1/2."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return {"b": -natural["d"] / natural["a"]}


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
