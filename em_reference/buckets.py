"""The sums of a variable elimination, laid out for all rows of incomplete data at once; see `em_reference.elimination`.

The open variables of a component are summed out one by one, next the one whose neighbours lack the fewest arcs among
themselves (min-fill). Its bucket holds all that depends on it; the sum over its states is a message about the others.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from em_reference.components import Component, components
from em_reference.elimination import Level, Plan
from em_reference.layout import Array
from em_reference.network import Network, Whole


class Factor(NamedTuple):
    """A function of open variables: entry of a table, or message. Cell of states x: base + sum of strides * x.

    Attributes
    ----------
    scope : tuple of int
        Open variables on which it depends.
    strides : tuple of int
    base : array (J,)
        Cell of the states 0, instance by instance.
    level : int
        0 for a table, above the levels of what a message was made of.
    """

    scope: tuple[int, ...]
    strides: tuple[int, ...]
    base: Whole
    level: int


class Bucket(NamedTuple):
    """What is added up when one variable is summed out, for all instances of a component.

    Attributes
    ----------
    level : int
    cells : tuple of arrays (M,)
        One array per factor: which cell each of the M terms takes from it.
    states : int
        States of the variable: so many neighbouring terms are added up.
    first : int
        Cell of the first sum; the others follow.
    marginal : array (M,)
        Which (instance, variable, state) each term is about.
    """

    level: int
    cells: tuple[Whole, ...]
    states: int
    first: int
    marginal: Whole


def plan(network: Network, codes: Array, frequencies: Array, most_cells: int) -> Plan:
    """Lay out the sums for rows (J, V) with missing entries.

    Raises
    ------
    ValueError
        If one sum has more than `most_cells` terms per instance.
    """
    found = components(network, codes, frequencies)
    buckets: list[Bucket] = []
    roots, marginals, size, marginal_size = [], [], network.size, 0
    for component in found:
        places, position = {}, len(buckets)
        for variable in component.variables:
            places[variable] = marginal_size + network.states[variable] * np.arange(len(component.codes))
            marginal_size += network.states[variable] * len(component.codes)
        buckets += _buckets(network, component, size, places, most_cells)
        for bucket in buckets[position:]:
            size += len(bucket.marginal) // bucket.states
        roots.append(np.arange(size - len(component.codes), size))
        marginals.append(places)
    everywhere = np.concatenate(roots) if roots else np.zeros(0, dtype=np.int64)
    return Plan(found, _levels(buckets), everywhere, size, marginals, marginal_size)


def _buckets(
    network: Network, component: Component, size: int, places: dict[int, Whole], most_cells: int
) -> list[Bucket]:
    """Sum out the variables of a component one by one; the last sum is Z."""
    factors = list(_factors(network, component))
    made = []
    for variable in _order(network, component.variables, [factor.scope for factor in factors]):
        own = [factor for factor in factors if variable in factor.scope]
        scope = tuple(sorted({member for factor in own for member in factor.scope} - {variable}))
        shape = [network.states[member] for member in (*scope, variable)]
        if np.prod(shape, dtype=float) > most_cells:
            raise ValueError(
                f"summing out what is open takes tables of {np.prod(shape, dtype=float):.3g} cells, "
                f"expected at most {most_cells}"
            )
        grid = np.indices(shape).reshape(len(shape), -1)
        axis = {member: grid[place] for place, member in enumerate((*scope, variable))}
        cells = tuple(
            (factor.base[:, None] + sum(s * axis[m] for s, m in zip(factor.strides, factor.scope, strict=True))).ravel()
            for factor in own
        )
        level = 1 + max(factor.level for factor in own)
        marginal = (places[variable][:, None] + axis[variable]).ravel()
        made.append(Bucket(level, cells, shape[-1], size, marginal))
        each = int(np.prod(shape[:-1], dtype=int))
        strides = tuple(int(np.prod(shape[place + 1 : -1], dtype=int)) for place in range(len(scope)))
        message = Factor(scope, strides, size + each * np.arange(len(component.codes)), level)
        size += each * len(component.codes)
        factors = [factor for factor in factors if variable not in factor.scope] + [message]
    return made


def _factors(network: Network, component: Component) -> list[Factor]:
    """The tables that depend on the open variables, at what each instance has seen."""
    found = []
    opened = set(component.variables)
    for child, family in enumerate(network.families):
        if opened.isdisjoint(family):
            continue
        base = np.full(len(component.codes), network.first[child])
        scope, strides = [], []
        for member, stride in zip(family, network.strides[child], strict=True):
            if member in opened:
                scope.append(member)
                strides.append(stride)
            else:
                base = base + stride * component.codes[:, component.around.index(member)]
        found.append(Factor(tuple(scope), tuple(strides), base, 0))
    return found


def _order(network: Network, variables: tuple[int, ...], scopes: list[tuple[int, ...]]) -> list[int]:
    """Min-fill: next the variable whose neighbours lack the fewest arcs among themselves, then the smallest table."""
    near = {one: {other for scope in scopes if one in scope for other in scope} - {one} for one in variables}
    order = []
    while near:
        variable = min(near, key=lambda one: (_fill(near, one), np.prod([network.states[n] for n in near[one]]), one))
        around = near.pop(variable)
        for one in around:
            near[one] = (near[one] | around) - {one, variable}
        order.append(variable)
    return order


def _fill(near: dict[int, set[int]], variable: int) -> int:
    around = near[variable]
    return sum(len(around - near[one]) - 1 for one in around)


def _levels(buckets: list[Bucket]) -> list[Level]:
    """Put together what may be added up at the same time."""
    last = max((bucket.level for bucket in buckets), default=0)
    return [_level([bucket for bucket in buckets if bucket.level == level]) for level in range(1, last + 1)]


def _level(buckets: list[Bucket]) -> Level:
    terms = np.cumsum([0, *(len(bucket.marginal) for bucket in buckets)])
    every = np.concatenate([column for bucket in buckets for column in bucket.cells])
    rows = np.concatenate(
        [np.tile(np.arange(a, b), len(bucket.cells)) for a, b, bucket in zip(terms, terms[1:], buckets, strict=False)]
    )
    inputs, column = np.unique(every, return_inverse=True)
    taken = csr_array((np.ones(len(rows)), (rows, column.reshape(-1))), shape=(int(terms[-1]), len(inputs)))
    lengths = np.concatenate([np.full(len(b.marginal) // b.states, b.states) for b in buckets])
    outputs = np.concatenate([b.first + np.arange(len(b.marginal) // b.states) for b in buckets])
    starts = np.cumsum(lengths) - lengths
    return Level(inputs, taken, starts, np.repeat(np.arange(len(lengths)), lengths), outputs,
                 np.concatenate([bucket.marginal for bucket in buckets]))  # fmt: skip
