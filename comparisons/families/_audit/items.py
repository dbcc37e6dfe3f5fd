"""What the audit of an item response EM needs."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from scipy.special import expit

from comparisons.case import Array, AuditHooks, Case
from comparisons.families._audit.mistakes.items import item_mistakes
from comparisons.families._audit.written_twice import empty_row, row_twice
from comparisons.families._item_response import ItemData, reflected

# Examinees of data that are made.
EXAMINEES = 400
MANY_ITEMS = 45


def item_audit(
    data: ItemData,
    rebind: Callable[[dict[str, Any]], Case],
    *,
    slopes: int,
    mirrored: bool,
    prior_constants: Mapping[str, float] | None = None,
) -> AuditHooks:
    """The hooks of one data set.

    Parameters
    ----------
    data : ItemData
    rebind : callable
        As in `AuditHooks`.
    slopes : int
        One per item, or 1 for all items.
    mirrored : bool
        Whether reflecting the ability axis changes nothing.
    prior_constants : dict of what -> float, optional
        What a log-posterior gains that leaves out the constants of the priors.
    """
    responses = np.array(data.responses, dtype=float)
    counts = np.ones(len(responses)) if data.frequencies is None else np.array(data.frequencies, dtype=float)
    given = {"responses": responses, "frequencies": counts, "nodes": data.nodes, "weights": data.weights}
    items = responses.shape[1]

    def rows(responses: Array) -> dict[str, Any]:
        return {**given, "responses": responses, "frequencies": np.ones(len(responses))}

    return AuditHooks(
        data=given,
        rebind=rebind,
        symmetries={"reflecting ability": reflected} if mirrored else {},
        same_data={**row_twice(given, ("responses",)), **empty_row(given, "responses")},
        edge_cases={
            "one examinee": rows(np.arange(float(items))[None] % 2),
            "all examinees equal": rows(np.tile(np.arange(items) % 2.0, (5, 1))),
            "an item that everyone got right": rows(
                np.column_stack([np.ones(6), np.arange(6 * (items - 1)).reshape(6, -1) % 2])
            ),
        },
        edge_starts={
            "a slope of 0" if slopes == 1 else "all slopes 0": {"d": np.linspace(-1, 1, items), "a": np.zeros(slopes)}
        },
        constants={**_constants(data.nodes, data.weights, counts), **(prior_constants or {})},
        rows=("responses",),
        complete_counts=_with_attempts,
        mistakes=partial(item_mistakes, given, rebind),
        made=partial(_made, given, slopes, mirrored),
    )


def _with_attempts(counts: Mapping[str, Array]) -> Mapping[str, Array]:
    """Where an EM does not tell the attempts at each item, everyone has attempted every item."""
    attempts, shape = counts.get("attempts"), counts["correct"].shape
    if attempts is not None and attempts.shape == shape:
        return counts
    return {**counts, "attempts": np.broadcast_to(counts["examinees"][:, None], shape)}


def _constants(nodes: Array, weights: Array, counts: Array) -> dict[str, float]:
    """The normal density at the nodes without their spacing, where the weights are proportional to it."""
    ratio = np.exp(-(nodes**2) / 2) / np.sqrt(2 * np.pi) / np.maximum(weights, np.finfo(float).tiny)
    if np.ptp(ratio) > 1e-9 * ratio[0]:
        return {}
    every, inner = float(counts.sum() * np.log(ratio.mean())), float(np.mean(np.diff(nodes)))
    return {
        "the spacing of the nodes": every,
        "the sum of the weights": every + float(counts.sum() * np.log(inner)),
        "the factor 1 / sqrt(2 pi)": every + float(counts.sum() * np.log(2 * np.pi) / 2),
    }


def _other_grid(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The same responses on nodes that are not symmetric: the last one left out."""
    weights = data["weights"][:-1]
    other = {**data, "nodes": data["nodes"][:-1], "weights": weights / weights.sum()}
    return {"nodes that are not symmetric": other} if len(weights) > 3 else {}


def _made(data: dict[str, Any], slopes: int, mirrored: bool, rng: np.random.Generator) -> dict[str, dict[str, Any]]:
    """Responses as the family allows them, of as many items and of more, and on another grid."""

    def rows(responses: Array, counts: Array) -> dict[str, Any]:
        return {**data, "responses": responses, "frequencies": counts}

    items = data["responses"].shape[1]
    return {
        **{what: rows(*other) for what, other in _drawn(rng, data["responses"], slopes, mirrored).items()},
        **_other_grid(data),
        **{what: rows(*_answers(rng, *other)) for what, other in _other_sizes(items, slopes).items()},
    }


def _drawn(rng: np.random.Generator, responses: Array, slopes: int, mirrored: bool) -> dict[str, tuple[Array, Array]]:
    """Responses to as many items, as the family allows them; enough examinees for a maximum that is a regular one."""
    items = responses.shape[1]
    d, a = _difficulties(items, slopes)

    def answer(size: int, d: Array = d, a: Array = a, missing: float = 0.0) -> tuple[Array, Array]:
        return _answers(rng, size, d, a, missing)

    turned = np.where(np.arange(items) == 0, -a, a)
    one_turned = {"an item that is solved less often with more ability": answer(EXAMINEES, a=turned)}
    patterns, often = answer(EXAMINEES)
    never = rng.permutation(len(often))[: max(1, len(often) // 6)]
    often[never] = 0.0
    size = len(responses)
    same = answer(4 * EXAMINEES)
    kept = np.resize(rng.permutation(len(same[1])), size)
    return {
        "missing answers": answer(EXAMINEES, missing=0.15),
        "frequencies of 0 and above 1": (patterns, often),
        "the same number of rows with other values": (same[0][kept], same[1][kept]),
        "rare right answers": answer(2 * EXAMINEES, d=d - 1.8),
        "a steep item and an easy one": answer(
            5 * EXAMINEES, d=d + np.where(np.arange(items) == items - 1, 5.5, 0.0), a=a + 3.5 * (np.arange(items) == 0)
        ),
        **(one_turned if slopes > 1 and mirrored else {}),
    }


def _other_sizes(items: int, slopes: int) -> dict[str, tuple[int, Array, Array]]:
    """Examinees and items for data with more items; with many a pattern's probability is below the round-off of 1."""
    more = {"one more item": (EXAMINEES, items + 1), f"{MANY_ITEMS} items": (EXAMINEES // 4, MANY_ITEMS)}
    return {what: (size, *_difficulties(number, slopes)) for what, (size, number) in more.items()}


def _difficulties(items: int, slopes: int) -> tuple[Array, Array]:
    """Intercepts and slopes that data are drawn with."""
    return np.linspace(-0.8, 0.8, items), np.full(items, 1.2) if slopes == 1 else np.linspace(1.0, 1.4, items)


def _answers(rng: np.random.Generator, size: int, d: Array, a: Array, missing: float = 0.0) -> tuple[Array, Array]:
    """Patterns of so many examinees, and how often each was seen."""
    answers = (rng.random((size, len(d))) < expit(d + a * rng.normal(size=(size, 1)))).astype(float)
    answers[rng.random(answers.shape) < missing] = np.nan
    answers = answers[~np.isnan(answers).all(axis=1)]
    patterns, often = np.unique(np.nan_to_num(answers, nan=2.0), axis=0, return_counts=True)
    return np.where(patterns == 2.0, np.nan, patterns), often.astype(float)
