"""Mistakes in the EM of a Bayesian network."""

from collections.abc import Callable
from typing import Any

import numpy as np

from comparisons.case import Array, Natural
from comparisons.families._network import TableFields
from em_reference.bayes_net import BayesNet, NetworkCounts, NetworkParams
from em_reference.completions import Completed, complete, completions

Cycle = Callable[[Natural, float], Natural]
# Completions that are listed in each cycle.
MOST_LISTED = 2**14


def network_mistakes(em: BayesNet, fields: TableFields) -> dict[str, Cycle]:
    """Wrong weights of completions, and wrong ways to divide their counts."""
    if completions(em) > MOST_LISTED:
        return {}
    rows = np.asarray(em.rows, dtype=float)
    often = np.ones(len(rows)) if em.frequencies is None else np.asarray(em.frequencies, dtype=float)
    extra = 0.0 if em.prior is None else np.asarray(em.prior, dtype=float) - 1

    def entries(states: Any) -> Any:
        return np.stack([em.network.entries(variable, states) for variable in range(len(fields.names))], axis=1)

    def cycle(
        weigh: Callable[[Completed, Any, NetworkParams], Array],
        divide: Callable[[Array], Array] | None = None,
    ) -> Cycle:
        """One cycle with other weights (M,) or (M, V) of the completions, or another denominator."""

        def one(natural: Natural, _: float) -> Natural:
            params = fields.to_em(natural)
            listed = complete(em, params)
            taken = entries(listed.states)
            weight = np.asarray(weigh(listed, taken, params), dtype=float)
            weight = np.broadcast_to(weight.reshape(len(taken), -1), taken.shape) * often[listed.row][:, None]
            counts = np.bincount(taken.ravel(), weights=weight.ravel(), minlength=em.network.size).astype(float)
            if divide is None:
                return fields.from_em(em.m_step(NetworkCounts(counts), params))
            total = divide(counts + extra)
            return fields.from_em(NetworkParams(np.divide(counts + extra, total, out=params.probability.copy(),
                                                          where=total > 0)))  # fmt: skip

        return one

    def given(listed: Completed, _: Any, __: NetworkParams) -> Array:
        return listed.weight

    def by_row(listed: Completed, joint: Array) -> Array:
        return np.asarray(joint / np.bincount(listed.row, weights=joint)[listed.row])

    def most_probable(listed: Completed, _: Any, __: NetworkParams) -> Array:
        order = np.lexsort((-listed.weight, listed.row))
        first = order[np.unique(listed.row[order], return_index=True)[1]]
        return np.asarray(np.isin(np.arange(len(order)), first), dtype=float)

    def even(listed: Completed, _: Any, __: NetworkParams) -> Array:
        return by_row(listed, np.ones(len(listed.row)))

    def from_parents(listed: Completed, taken: Any, params: NetworkParams) -> Array:
        opened = np.isnan(rows)[listed.row]
        return by_row(listed, np.where(opened, params.probability[taken], 1.0).prod(axis=1))

    def from_children(listed: Completed, taken: Any, params: NetworkParams) -> Array:
        seen = ~np.isnan(rows)[listed.row]
        return by_row(listed, np.where(seen, params.probability[taken], 1.0).prod(axis=1))

    def whole_rows(listed: Completed, _: Any, __: NetworkParams) -> Array:
        return ~np.isnan(rows).any(axis=1)[listed.row]

    def whole_families(listed: Completed, _: Any, __: NetworkParams) -> Array:
        opened = np.isnan(rows)
        whole = np.stack([~opened[:, list(family)].any(axis=1) for family in em.network.families], axis=1)
        return np.asarray(whole[listed.row] * listed.weight[:, None])

    def separately(listed: Completed, _: Any, __: NetworkParams) -> Array:
        """Product of the marginals of the open variables in place of their joint probability."""
        size = max(em.network.states)
        cell = listed.row[:, None] * size + listed.states
        marginal = np.stack([np.bincount(column, weights=listed.weight)[column] for column in cell.T], axis=1)
        return np.asarray(marginal.prod(axis=1))

    tables = np.repeat(np.arange(len(fields.names)), [int(np.prod(shape)) for shape in fields.shapes.values()])
    found = {
        "the most probable completion counts once, in place of every one by its probability": cycle(most_probable),
        "every completion counts alike": cycle(even),
        "missing entries are filled in from their parents alone": cycle(from_parents),
        "the probabilities of the missing entries given their parents are left out": cycle(from_children),
        "rows with a missing entry are left out": cycle(whole_rows),
        "families with a missing entry are left out": cycle(whole_families),
        "missing entries of a row are taken for independent given what is seen": cycle(separately),
        "a table is divided by its total, not row by row": cycle(
            given, lambda counts: np.bincount(tables, weights=counts).astype(float)[tables]
        ),
    }
    return found
