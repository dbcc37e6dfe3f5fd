"""What the audit of an EM of a Bayesian network needs."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from scipy.special import gammaln

from comparisons.case import Array, AuditHooks, Case, Natural
from comparisons.families._audit.mistakes.bayes_net import network_mistakes
from comparisons.families._audit.written_twice import row_twice
from comparisons.families._network import TableFields
from comparisons.parameters import reordered
from em_reference.bayes_net import BayesNet

# Rows times completions of the longest of them, up to which the complete data are named one by one.
MOST_NAMED = 2**18


def network_audit(
    em: BayesNet,
    fields: TableFields,
    labels: Mapping[str, tuple[str, ...]],
    hidden: tuple[str, ...],
    prior: Natural | None,
    rebind: Callable[[dict[str, Any]], Case],
) -> AuditHooks:
    """The hooks of one data set; the only counts are the expected family counts, all tables side by side."""
    rows = np.array(em.rows, dtype=float)
    often = np.ones(len(rows)) if em.frequencies is None else np.array(em.frequencies, dtype=float)
    data = {
        "variables": tuple(labels),
        "states": em.network.states,
        "parents": tuple(fields.parents[name] for name in labels),
        "rows": rows,
        "frequencies": often,
    }
    completions = np.where(np.isnan(rows), em.network.states, 1).astype(float).prod(axis=1).max()
    return AuditHooks(
        data=data,
        rebind=rebind,
        symmetries=_exchanges(fields, hidden),
        same_data=row_twice(data, ("rows",)),
        edge_cases=_edge_cases(data),
        edge_starts={"a probability of 0": _with_zero(fields)},
        constants=_constants(prior),
        rows=("rows",),
        made=partial(_made, data),
        complete_counts=partial(_side_by_side, fields),
        steps=bool(completions * len(rows) <= MOST_NAMED),
        mistakes=partial(network_mistakes, em, fields),
    )


def _exchanges(fields: TableFields, hidden: tuple[str, ...]) -> dict[str, Callable[[Natural], Natural]]:
    """Exchanges of the states of latent variables that give every order, one after another."""
    found: dict[str, Callable[[Natural], Natural]] = {}
    for name in hidden:
        states, places = fields.shapes[name][-1], fields.places(name)
        found[f"swapping two states of {name}"] = partial(_in_order, places, (1, 0, *range(2, states)))
        if states > 2:
            found[f"renaming the states of {name} in turn"] = partial(
                _in_order, places, (states - 1, *range(states - 1))
            )
    return found


def _in_order(places: Mapping[str, tuple[int, ...]], order: tuple[int, ...], natural: Natural) -> Natural:
    return reordered(natural, places, order)


def _side_by_side(fields: TableFields, counts: Mapping[str, Array]) -> Mapping[str, Array]:
    """Counts that an EM tells table by table, as the one vector that they are here."""
    if "families" in counts or not set(fields.names) <= set(counts):
        return counts
    return {"families": fields.to_em({name: np.asarray(counts[name]) for name in fields.names}).probability}


def _edge_cases(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Few rows, equal rows, rows in which nothing is seen."""
    variables, whole = len(data["variables"]), np.zeros(len(data["variables"]))
    alternating = np.arange(variables) % 2.0

    def rows(*given: Any) -> dict[str, Any]:
        return {**data, "rows": np.array(given), "frequencies": np.ones(len(given))}

    first = np.where(np.arange(variables) == 0, 0.0, np.nan)
    return {
        "one row": rows(whole),
        "all rows equal": rows(*[alternating] * 5),
        "a row in which nothing is seen": rows(whole, alternating, np.full(variables, np.nan)),
        "only the first variable is seen": rows(first, first, first + 1),
    }


def _with_zero(fields: TableFields) -> Natural:
    """Even distributions, but for the first state of the last variable in the first configuration of its parents."""
    tables = {name: np.full(shape, 1 / shape[-1]) for name, shape in fields.shapes.items()}
    last = tables[fields.names[-1]].reshape(-1, fields.shapes[fields.names[-1]][-1])
    last[0] = np.append(0.0, np.full(last.shape[1] - 1, 1 / (last.shape[1] - 1)))
    return tables


def _constants(prior: Natural | None) -> dict[str, float]:
    """What a log-posterior gains that leaves out the constants of the priors."""
    if prior is None:
        return {}
    constant = sum(float((gammaln(table).sum(axis=-1) - gammaln(table.sum(axis=-1))).sum()) for table in prior.values())
    return {"the constant of the priors": constant} if constant else {}


def _made(data: dict[str, Any], rng: np.random.Generator) -> dict[str, dict[str, Any]]:
    """Rows of the same network; what is never seen stays so."""
    hidden = np.isnan(data["rows"]).all(axis=0)

    def draw(size: int, missing: float, frequencies: Array | None = None) -> dict[str, Any]:
        rows = _drawn(data, rng, size, missing)
        rows[:, hidden] = np.nan
        return {**data, "rows": rows, "frequencies": np.ones(size) if frequencies is None else frequencies}

    size = 40
    return {
        "a third of the entries missing": draw(size, 1 / 3),
        "frequencies of 0, 1, 2 and 3": draw(size, 0.2, np.array([1.0, 2, 0, 3])[np.arange(size) % 4]),
        "few entries missing": draw(size, 0.05),
        "the same number of rows with other values": draw(max(len(data["rows"]), 12), 0.15),
    }


def _drawn(data: dict[str, Any], rng: np.random.Generator, size: int, missing: float) -> Array:
    """Rows of the network, each variable drawn given its parents, by tables that are drawn too."""
    variables, rows = data["variables"], np.full((size, len(data["variables"])), -1)
    left = set(range(len(variables)))
    while left:
        for place in sorted(left):
            above = [variables.index(parent) for parent in data["parents"][place]]
            if left.isdisjoint(above):
                states = data["states"][place]
                table = rng.dirichlet(np.full(states, 0.7), [data["states"][parent] for parent in above])
                chances = table[tuple(rows[:, above].T)] if above else np.tile(table, (size, 1))
                rows[:, place] = (rng.random(size)[:, None] > chances.cumsum(axis=1)[:, :-1]).sum(axis=1)
                left.discard(place)
    seen = rng.random(rows.shape) >= missing
    # One row that is whole, so that not all of a column is missing.
    seen[0] = True
    return np.where(seen, rows, np.nan)
