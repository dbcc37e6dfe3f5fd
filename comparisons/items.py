"""What the item response families share: the grid of abilities, the curves, and what an audit needs."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.special import expit

from comparisons.case import Array, AuditHooks, Away, Case, Curves, Natural
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


def item_audit(
    responses: Array,
    frequencies: Array | None,
    grid: tuple[Array, Array],
    build_model: Callable[[], Any],
    rebind: Callable[[dict[str, Any]], Case],
    *,
    slopes: int,
    mirrored: bool,
) -> AuditHooks:
    """What the audit of an item response EM needs.

    Parameters
    ----------
    responses : array (N, I)
    frequencies : array (N,) or None
    grid : tuple
        Nodes and weights (K,).
    build_model, rebind : callable
        As in `AuditHooks`.
    slopes : int
        One per item, or 1 for all items.
    mirrored : bool
        Whether reflecting the ability axis changes nothing.
    """
    responses = np.array(responses, dtype=float)
    counts = np.ones(len(responses)) if frequencies is None else np.array(frequencies, dtype=float)
    nodes, weights = grid
    data = {"responses": responses, "frequencies": counts, "nodes": nodes, "weights": weights}
    seen = counts > 0
    right = np.nan_to_num(responses[seen])
    answered = (~np.isnan(responses[seen])).astype(float)

    def expected_counts(weighted: Array) -> dict[str, Array]:
        found = {"examinees": weighted.sum(axis=0), "correct": weighted.T @ right}
        return found if answered.all() else {**found, "attempts": weighted.T @ answered}

    def score(expected: Mapping[str, Array], natural: Natural) -> Natural:
        attempts = expected.get("attempts")
        if attempts is None or attempts.shape != expected["correct"].shape:
            attempts = expected["examinees"][:, None]
        residual = expected["correct"] - attempts * expit(natural["d"] + natural["a"] * nodes[:, None])
        by_slope = nodes @ residual
        return {"d": residual.sum(axis=0), "a": by_slope.sum(keepdims=True) if slopes == 1 else by_slope}

    def rows(responses: Array, counts: Array) -> dict[str, Any]:
        return {**data, "responses": responses, "frequencies": counts}

    first = int(np.flatnonzero(seen)[0])
    twice = counts.copy()
    twice[first] *= 2
    items = responses.shape[1]
    empty = np.full((1, items), np.nan)
    alike = np.arange(6 * (items - 1)).reshape(6, -1) % 2
    return AuditHooks(
        build_model=build_model,
        expected_counts=expected_counts,
        score=score,
        mass={
            "examinees": float(counts.sum()),
            "correct": counts[seen] @ right,
            **({} if answered.all() else {"attempts": counts[seen] @ answered}),
        },
        data=data,
        rebind=rebind,
        symmetries={"reflecting ability": lambda natural: {"d": natural["d"], "a": -natural["a"]}} if mirrored else {},
        same_data={
            "a frequency of 2 for the row twice": (
                rows(responses, twice),
                rows(np.vstack([responses, responses[first]]), np.append(counts, counts[first])),
            ),
            "a row without responses": (
                rows(responses, counts),
                rows(np.vstack([responses, empty]), np.append(counts, 1.0)),
            ),
        },
        edge_cases={
            "one examinee": rows(np.arange(float(items))[None] % 2, np.ones(1)),
            "all examinees equal": rows(np.tile(np.arange(items) % 2.0, (5, 1)), np.ones(5)),
            "an item that everyone got right": rows(np.column_stack([np.ones(6), alike]), np.ones(6)),
        },
        edge_starts={
            "a slope of 0" if slopes == 1 else "all slopes 0": {
                "d": np.linspace(-1, 1, items),
                "a": np.zeros(slopes),
            }
        },
    )
