"""What the audit of a latent class EM needs."""

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from scipy.special import gammaln

from comparisons.case import Array, AuditHooks, Case, Natural
from comparisons.families._audit.exchanges import exchanges
from comparisons.families._audit.mistakes.latent_classes import class_mistakes
from comparisons.families._audit.written_twice import row_twice
from comparisons.families._class_items import name_of
from em_reference.latent_classes import LatentClasses

# Respondents of data that are made, drawn one by one or as a table; and how rare the last state of an item may be.
RESPONDENTS, MANY, RARE = 300, 1_500, 0.2
MANY_ITEMS = 60
# Patterns that a table may have, and how many of them a parameter of a class more takes.
MOST_CELLS, CELLS_PER_PARAMETER = 512, 4


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
    classes, sizes = data["classes"], np.asarray(data["categories"])

    def bound(responses: Array, frequencies: Array, sizes: Any = sizes, classes: int = classes) -> dict[str, Any]:
        return {"responses": responses, "frequencies": frequencies, "categories": sizes, "classes": classes}

    def drawn(sizes: Any = sizes, missing: float = 0.0) -> dict[str, Any]:
        responses = _drawn(rng, RESPONDENTS, sizes, classes, missing)
        return bound(responses, np.ones(len(responses)), sizes)

    often = drawn()
    often["frequencies"] = np.array([1.0, 2, 0, 3])[np.arange(len(often["responses"])) % 4]
    wider = np.append(sizes, sizes[-1])
    return {
        "missing answers": drawn(missing=0.15),
        "frequencies of 0, 1, 2 and 3": often,
        "the same number of rows with other values": bound(*_as_many(rng, len(data["responses"]), sizes, classes)),
        "rare answers": bound(*_table(sizes, classes, rare=True)),
        "one item more": drawn(wider),
        f"{MANY_ITEMS} items": drawn(np.resize(sizes, MANY_ITEMS)),
        "one class more": _one_class_more(sizes, classes + 1, bound),
    }


def _one_class_more(sizes: Array, classes: int, bound: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """So many items that the classes are identified."""
    while np.prod(sizes, dtype=float) < CELLS_PER_PARAMETER * classes * (1 + (sizes - 1).sum()):
        sizes = np.append(sizes, sizes[-1])
    return bound(*_table(sizes, classes, many=3 * MANY), sizes, classes)


def _of_classes(sizes: Array, classes: int, rare: bool = False) -> list[Array]:
    """Probabilities (K, C) of the states of every item: each class has a usual one, which most of it give."""
    found = []
    for i, (size, strays) in enumerate(zip(sizes, np.linspace(0.15, 0.45, len(sizes)), strict=True)):
        usual = [(k + i * (k > 1)) % size for k in range(classes)]
        probability = np.full((classes, size), strays / size)
        probability[np.arange(classes), usual] += 1 - strays
        if rare:
            probability[:, -1] *= RARE
        found.append(probability / probability.sum(axis=1, keepdims=True))
    return found


def _drawn(rng: np.random.Generator, size: int, sizes: Array, classes: int, missing: float) -> Array:
    """Answers (N, I) of respondents of the classes in turn."""
    which = np.arange(size) % classes
    columns = [
        (rng.random(size)[:, None] > np.cumsum(probability, axis=1)[which, :-1]).sum(axis=1)
        for probability in _of_classes(sizes, classes)
    ]
    responses = np.array(columns, dtype=float).T
    responses[rng.random(responses.shape) < missing] = np.nan
    return responses[~np.isnan(responses).all(axis=1)]


def _table(sizes: Array, classes: int, rare: bool = False, many: int = MANY) -> tuple[Array, Array]:
    """Patterns of the first items, and how often each is expected among many respondents, in whole numbers.

    So the maximum is near the probabilities that they were made with, inside the parameter space.
    """
    few = np.cumprod(np.asarray(sizes, dtype=float)) <= MOST_CELLS
    patterns = np.array(list(product(*(range(size) for size in np.asarray(sizes)[few]))), dtype=float)
    joint = np.tile((1.0 + np.arange(classes)) / (1.0 + np.arange(classes)).sum(), (len(patterns), 1))
    for column, probability in zip(patterns.T, _of_classes(sizes, classes, rare), strict=False):
        joint *= probability[:, column.astype(int)].T
    often = np.round(many * joint.sum(axis=1))
    full = np.zeros((len(patterns), len(sizes)))
    full[:, few] = patterns
    # Items beyond those of the table are answered in turn.
    full[:, ~few] = np.arange(len(patterns))[:, None] % np.asarray(sizes)[~few]
    return full[often > 0], often[often > 0]


def _as_many(rng: np.random.Generator, rows: int, sizes: Array, classes: int) -> tuple[Array, Array]:
    """The same table in so many rows: some of its patterns, or each in several parts."""
    patterns, often = _table(sizes, classes)
    place = np.resize(rng.permutation(len(often)), rows)
    parts = np.bincount(place, minlength=len(often))
    return patterns[place], np.ceil(often / np.maximum(parts, 1))[place]
