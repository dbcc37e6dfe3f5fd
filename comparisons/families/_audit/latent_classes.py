"""What the audit of a latent class EM needs."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy.special import gammaln

from comparisons.case import Array, AuditHooks, Case, Natural
from comparisons.families._audit.exchanges import exchanges
from comparisons.families._audit.mistakes.latent_classes import class_mistakes
from comparisons.families._audit.written_twice import row_twice
from comparisons.families._class_items import name_of
from em_reference.latent_classes import LatentClasses

# Respondents of data that are made.
RESPONDENTS = 300
MANY_ITEMS = 60


def class_audit(em: LatentClasses, rebind: Callable[[dict[str, Any]], Case]) -> AuditHooks:
    """The hooks of one data set."""
    responses = np.array(em.responses, dtype=float)
    often = np.ones(len(responses)) if em.frequencies is None else np.array(em.frequencies, dtype=float)
    data = {"responses": responses, "frequencies": often, "categories": em.sizes, "classes": em.classes}
    items = len(em.sizes)

    def rows(responses: Array) -> dict[str, Any]:
        return {**data, "responses": responses, "frequencies": np.ones(len(responses))}

    in_turn = np.arange(6.0)[:, None] % em.sizes
    return AuditHooks(
        data=data,
        rebind=rebind,
        symmetries=exchanges(em.classes, "class", "classes"),
        same_data=row_twice(data, ("responses",)),
        edge_cases={
            "one respondent": rows(np.arange(float(items))[None] % em.sizes),
            "all respondents equal": rows(np.tile(np.arange(items) % em.sizes.astype(float), (5, 1))),
            "an item that everyone answered alike": rows(np.where(np.arange(items) == 0, 0.0, in_turn)),
        },
        edge_starts=_edge_starts(em),
        constants=_constants(em),
        rows=("responses",),
        mistakes=partial(class_mistakes, data),
        made=partial(_made, data),
    )


def _edge_starts(em: LatentClasses) -> dict[str, Natural]:
    """The first weight at 0, and the first probability."""
    if em.classes < 2:
        return {}
    first = np.arange(em.classes) == 0
    of_class = (np.arange(em.classes) + 1) / (em.classes + 1)
    start: Natural = {"weight": np.full(em.classes, 1 / em.classes)}
    for size in map(int, np.unique(em.sizes)):
        items = int((em.sizes == size).sum())
        if size == 2:
            start[name_of(2)] = np.repeat(of_class[:, None], items, axis=1)
        else:
            tilted = 1 + of_class[:, None] * np.arange(size)
            start[name_of(size)] = np.repeat((tilted / tilted.sum(axis=1, keepdims=True))[:, None], items, axis=1)
    name = name_of(int(em.sizes.min()))
    edge = np.array(start[name])
    if name == name_of(2):
        edge[0, 0] = 0.0
    else:
        edge[0, 0] = np.append(0.0, np.full(edge.shape[-1] - 1, 1 / (edge.shape[-1] - 1)))
    return {
        "a weight of 0": {**start, "weight": np.where(first, 0.0, 1 / (em.classes - 1))},
        "a probability of 0": {**start, name: edge},
    }


def _constants(em: LatentClasses) -> dict[str, float]:
    """Those of the priors."""
    constants = {}
    if em.weight_prior is not None and em.classes > 1:
        constants["the constant of the prior on weights"] = _of_dirichlet(em.weight_prior.alpha, em.classes)
    if em.category_prior is not None:
        every = sum(_of_dirichlet(em.category_prior.alpha, int(size)) for size in em.sizes)
        constants["the constant of the prior on categories"] = em.classes * every
    return {what: value for what, value in constants.items() if value}


def _of_dirichlet(alpha: float, size: int) -> float:
    return float(size * gammaln(alpha) - gammaln(size * alpha))


def _made(data: dict[str, Any], rng: np.random.Generator) -> dict[str, dict[str, Any]]:
    """Answers as the family allows them, of as many items and classes and of one more."""
    classes, sizes = data["classes"], data["categories"]

    def answer(size: int, missing: float = 0.0, sizes: Any = sizes, classes: int = classes, **more: Any) -> dict:
        responses = _answers(rng, size, sizes, classes, missing, **more)
        frequencies = np.ones(len(responses))
        return {"responses": responses, "frequencies": frequencies, "categories": sizes, "classes": classes}

    often = answer(RESPONDENTS)
    often["frequencies"] = np.array([1.0, 2, 0, 3])[np.arange(len(often["responses"])) % 4]
    same = answer(RESPONDENTS)["responses"]
    kept = np.resize(rng.permutation(len(same)), len(data["responses"]))
    one_more, many = np.append(sizes, sizes[-1]), np.resize(sizes, MANY_ITEMS)
    found = {
        "missing answers": answer(RESPONDENTS, missing=0.15),
        "frequencies of 0, 1, 2 and 3": often,
        "the same number of rows with other values": {
            **data, "responses": same[kept], "frequencies": np.ones(len(kept)),
        },
        "rare answers": answer(2 * RESPONDENTS, rare=True),
        "one item more": answer(RESPONDENTS, sizes=one_more),
        f"{MANY_ITEMS} items": answer(RESPONDENTS, sizes=many),
        "one class more": answer(2 * RESPONDENTS, classes=classes + 1),
    }  # fmt: skip
    return found


def _answers(
    rng: np.random.Generator, size: int, sizes: Array, classes: int, missing: float = 0.0, rare: bool = False
) -> Array:
    """Answers (N, I) of classes in turn, each with a state of its own for every item, that most of it give."""
    items, which = np.arange(len(sizes)), np.arange(size) % classes
    usual = (which[:, None] + items * (which[:, None] > 1)) % sizes
    other = rng.integers(0, 1_000_000, (size, len(sizes))) % sizes
    strays = rng.random((size, len(sizes))) < np.linspace(0.15, 0.45, len(sizes))
    responses = np.where(strays, other, usual).astype(float)
    if rare:
        # The last state of every item is kept by few of those who have it.
        last = (responses == sizes - 1) & (rng.random(responses.shape) < 0.85)
        responses = np.where(last, 0.0, responses)
        responses[: len(sizes)][np.eye(len(sizes), dtype=bool)] = (np.asarray(sizes) - 1)[:size]
    responses[rng.random(responses.shape) < missing] = np.nan
    return responses[~np.isnan(responses).all(axis=1)]
