"""Discrete Bayesian network in PyMC, with missing entries anywhere.

For each variable v, one table:      v ~ Dirichlet(alpha), for every configuration of its parents; alpha = 1: flat
A completed row x has               log P(x) = sum_v log v[parents of v in x, x_v]
A row with open entries             log of the sum of that over all their states

An open variable without seen descendants adds up to 1 and is left out. What is left falls apart into groups that share
no table entry; each is one logsumexp over its states, or, where these are many, its variables are summed out one after
another, parents first.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, product
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pymc as pm
import pytensor.tensor as pt

from pp_models.complete_data import name_count
from pp_models.errors import TooLargeError
from pp_models.incomplete_rows import Group, Tables, groups_of
from pp_models.log_sum_exp import log_sum_exp

Indices = npt.NDArray[np.int64]

# Completions of a group of open variables that are listed one by one; and cells of a sum in which they are not.
MOST_LISTED = 2**13
MOST_CELLS = 2**22
# Entries of all completions of all rows, which the complete-data model lists.
MOST_COMPLETED = 2**24
# Numbers of a matrix of constants.
MOST_NUMBERS = 2**21
# The log probability of a completion that does not exist.
NEVER = -1e30


def build(
    rows: npt.ArrayLike,
    states: Mapping[str, int],
    parents: Mapping[str, Sequence[str]],
    *,
    frequencies: npt.ArrayLike | None = None,
    prior: Mapping[str, npt.ArrayLike] | None = None,
    hooks: bool = False,
) -> pm.Model:
    """Model with one variable per variable of the network: its table, (states of parents ..., own states).

    Parameters
    ----------
    rows : array (N, V)
        States as whole numbers from 0, NaN where missing, in the order of `states`.
    states : dict of name -> int
    parents : dict of name -> names
    frequencies : array (N,), optional
        How often each row was seen; its log-likelihood counts that many times.
    prior : dict of name -> array, optional
        Concentrations of the Dirichlet distributions, of the shape of the tables; 1 when left out.
    hooks : bool
        Name the intermediate values from which the steps of an EM are derived; see
        `pp_models.complete_data`.

    Raises
    ------
    TooLargeError
        If a row leaves open more than can be summed out, or, with `hooks`, than can be listed.
    """
    rows = np.asarray(rows, dtype=float)
    repeats = np.ones(len(rows)) if frequencies is None else np.asarray(frequencies, dtype=float)
    tables = Tables(tuple(states), states, {name: tuple(parents[name]) for name in states})
    with pm.Model() as model:
        drawn = {
            name: pm.Dirichlet(name, a=np.ones(tables.shape(name)) if prior is None else np.asarray(prior[name], float))
            for name in states
        }
        # Two more entries: 0 stands where a row takes fewer entries than others, NEVER for a completion too many.
        logs = pt.concatenate([*(pt.log(table).ravel() for table in drawn.values()), [0.0, NEVER]])
        pm.Potential("rows", repeats * _log_probability(tables, rows, logs))
        pm.Data("frequency of rows", repeats)
        if hooks:
            taken, exists = _completions(tables, rows)
            pm.Deterministic("log_joint", pt.where(exists, logs[taken].sum(axis=-1), NEVER))
            zeros = name_count("families", logs[: tables.size], (tables.size,))
            pm.Deterministic("tilted", pt.concatenate([zeros, np.zeros(1)])[taken].sum(axis=-1))
            pm.Data("row_frequency", repeats)
    return model


def _log_probability(tables: Tables, rows: npt.NDArray[np.float64], logs: Any) -> Any:
    """Log probability of every row, (N,)."""
    seen, groups = groups_of(tables, rows)
    sizes = [_rounded(np.prod([tables.states[name] for name in group.opened], dtype=float)) for group in groups]
    order = sorted((place for place, size in enumerate(sizes) if size <= MOST_LISTED), key=sizes.__getitem__)
    longer = [place for place, size in enumerate(sizes) if size > MOST_LISTED]
    sums = [np.zeros(1), *_listed_sums(tables, [(groups[place], sizes[place]) for place in order], logs)]
    sums += _one_after_another(tables, [groups[place] for place in longer], logs)
    whole = _total(logs, seen)
    if not groups:
        return whole
    return whole + _total(pt.concatenate(sums), _of_row(len(rows), [groups[place] for place in (*order, *longer)]))


def _of_row(rows: int, groups: list[Group]) -> Indices:
    """Which instances, counted from 1 through all groups, belong to each row; filled up with 0."""
    first = np.cumsum([1, *(len(group.base) for group in groups)])
    row = np.concatenate([group.rows for group in groups])
    instance = np.concatenate([start + group.place for start, group in zip(first, groups, strict=False)])
    order = np.argsort(row, kind="stable")
    often = np.bincount(row, minlength=rows)
    rank = np.arange(len(row)) - np.repeat(np.cumsum(often) - often, often)
    chosen = np.zeros((rows, int(often.max())), dtype=np.int64)
    chosen[row[order], rank] = instance[order]
    return chosen


def _total(values: Any, chosen: Indices) -> Any:
    """Sums of chosen entries of a vector: as a matrix product where that is not too large."""
    entries = values.type.shape[0]
    if entries is None or len(chosen) * entries > MOST_NUMBERS:
        return values[chosen].sum(axis=-1)
    often = np.zeros((len(chosen), entries))
    np.add.at(often, (np.arange(len(chosen))[:, None], chosen), 1.0)
    return pt.dot(often, values)


def _listed_sums(tables: Tables, listed: list[tuple[Group, int]], logs: Any) -> list[Any]:
    """Log of the sum over all completions, for groups in the order of how many these are."""
    if not listed:
        return []
    cells = [_listed(tables, group, size).reshape(-1, len(group.families)) for group, size in listed]
    widest = max(own.shape[1] for own in cells)
    filled = [np.pad(own, ((0, 0), (0, widest - own.shape[1])), constant_values=tables.size) for own in cells]
    instances: dict[int, int] = {}
    for group, size in listed:
        instances[size] = instances.get(size, 0) + len(group.base)
    parts = _split(_total(logs, np.concatenate(filled)), [size * often for size, often in instances.items()])
    return [
        log_sum_exp(part.reshape((often, size)), -1)
        for part, (size, often) in zip(parts, instances.items(), strict=True)
    ]


def _split(values: Any, lengths: list[int]) -> list[Any]:
    """Consecutive parts of a vector, by one operation: many slices of it would make a gradient of many terms."""
    return list(pt.split(values, lengths, n_splits=len(lengths))) if len(lengths) > 1 else [values]


def _rounded(completions: float) -> int:
    """The next power of two: groups of one size are one sum, and few different sums make a small graph."""
    return 2 ** int(np.ceil(np.log2(completions)))


def _listed(tables: Tables, group: Group, size: int) -> Indices:
    """Entries that each completion of a group takes, (instances, size, families); beyond the last one NEVER."""
    completions = np.array(list(product(*(range(tables.states[name]) for name in group.opened))))
    steps = np.array([[tables.step(child, name) for child in group.families] for name in group.opened])
    cells = group.base[:, None, :] + (completions @ steps)[None, :, :]
    filled = np.full((len(cells), size, cells.shape[2]), tables.size)
    filled[:, :, 0] = tables.size + 1
    filled[:, : cells.shape[1]] = cells
    return filled


def _one_after_another(tables: Tables, groups: list[Group], logs: Any) -> list[Any]:
    """Log of the sum over the open variables of each group, summed out when no further family speaks of them."""
    by_group = [list(_steps(tables, group)) for group in groups]
    steps = list(chain.from_iterable(by_group))
    if not steps:
        return []
    looked_up = logs[np.concatenate([step.cells.ravel() for step in steps])]
    parts = iter(_split(looked_up, [step.cells.size for step in steps]))
    sums = []
    for group, own in zip(groups, by_group, strict=True):
        partial: Any = np.zeros((len(group.base),))
        for step in own:
            partial = pt.expand_dims(partial, step.fresh) if step.fresh else partial
            partial = partial + next(parts).reshape(step.cells.shape)
            partial = log_sum_exp(partial, step.done) if step.done else partial
        sums.append(partial)
    return sums


class Step(NamedTuple):
    """One family enters the sum of a group, which has one axis for its instances and one for each variable in play.

    Attributes
    ----------
    cells : array
        Entries that it adds; of length 1 along the axes that it does not depend on.
    fresh, done : tuple of int
        Axes that the sum gains before, and those that are summed out after.
    """

    cells: Indices
    fresh: tuple[int, ...]
    done: tuple[int, ...]


def _steps(tables: Tables, group: Group) -> Iterator[Step]:
    """The families of a group, one after another."""
    families = _in_order(tables, group)
    kept: list[str] = []
    for place, child in enumerate(families):
        scope = _scope(tables, group, child)
        new = [name for name in scope if name not in kept]
        axes = [*kept, *new]
        cells = group.base[:, group.families.index(child)].reshape(-1, *[1] * len(axes))
        for axis, name in enumerate(axes, start=1):
            if name in scope:
                shape = [-1 if at == axis else 1 for at in range(len(axes) + 1)]
                cells = cells + (tables.step(child, name) * np.arange(tables.states[name])).reshape(shape)
        spoken = {name for later in families[place + 1 :] for name in (*tables.parents[later], later)}
        done = tuple(axis for axis, name in enumerate(axes, start=1) if name not in spoken)
        yield Step(cells, tuple(range(-len(new), 0)), done)
        kept = [name for name in axes if name in spoken]


def _scope(tables: Tables, group: Group, child: str) -> list[str]:
    """The open variables that a family speaks of."""
    return [name for name in (*tables.parents[child], child) if name in group.opened]


def _in_order(tables: Tables, group: Group) -> list[str]:
    """The families of a group, parents first; where that is too large, next the one that leaves least to be kept."""
    families = sorted(group.families, key=tables.depth.__getitem__)
    scopes = {child: set(_scope(tables, group, child)) for child in families}
    if _widest(tables, scopes, families) <= MOST_CELLS:
        return families
    order: list[str] = []
    kept: set[str] = set()
    while left := [child for child in families if child not in order]:
        # What each of them would leave to be kept, for the families after it.
        leaves = {
            child: (kept | scopes[child]) & set().union(*(scopes[later] for later in left if later != child))
            for child in left
        }
        cells = {child: _cells(tables, names) for child, names in leaves.items()}
        order.append(min(cells, key=cells.__getitem__))
        kept = leaves[order[-1]]
    if _widest(tables, scopes, order) > MOST_CELLS:
        raise TooLargeError(
            f"PyMC's model: summing out what one row leaves open takes more than {MOST_CELLS} cells, expected fewer "
            "missing cells in a row, or fewer parents"
        )
    return order


def _widest(tables: Tables, scopes: Mapping[str, set[str]], order: list[str]) -> float:
    """Cells of the largest table that is made when families are multiplied in this order."""
    widest, kept = 1.0, set[str]()
    for place, child in enumerate(order):
        kept |= scopes[child]
        widest = max(widest, _cells(tables, kept))
        kept &= set().union(*(scopes[later] for later in order[place + 1 :]))
    return widest


def _cells(tables: Tables, names: Iterable[str]) -> float:
    return float(np.prod([tables.states[name] for name in names], dtype=float))


def _completions(tables: Tables, rows: npt.NDArray[np.float64]) -> tuple[Indices, npt.NDArray[np.bool_]]:
    """Entries that every completion of every row takes, (N, K, V), and which of the K there are."""
    open_states = np.where(np.isnan(rows), [tables.states[name] for name in tables.names], 1.0)
    entries = open_states.prod(axis=1).max() * rows.size
    if entries > MOST_COMPLETED:
        raise TooLargeError(
            f"PyMC's model of the complete data: its rows have {entries / rows.shape[1]:.3g} completions, expected at "
            f"most {MOST_COMPLETED // rows.shape[1]}; fewer missing cells in a row, or fewer rows"
        )
    every = [list(_completed(tables, row)) for row in rows]
    most = max(map(len, every))
    exists = np.array([[place < len(own) for place in range(most)] for own in every])
    filled = np.array([[*own, *[own[0]] * (most - len(own))] for own in every])
    taken = np.where(exists[:, :, None], filled, tables.size)
    return taken, exists


def _completed(tables: Tables, row: npt.NDArray[np.float64]) -> Iterator[list[int]]:
    """Entries of the tables, one per variable, of each completion of a row."""
    ranges = [
        range(tables.states[name]) if np.isnan(x) else [int(x)] for name, x in zip(tables.names, row, strict=True)
    ]
    for states in product(*ranges):
        full = dict(zip(tables.names, states, strict=True))
        yield [tables.entry(child, full) for child in tables.names]
