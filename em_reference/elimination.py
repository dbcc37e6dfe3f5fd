"""Exact inference for all rows of incomplete data at once: variable elimination, forwards and backwards.

What a row leaves open falls apart into components that, given what is seen, do not speak to each other: two open
variables are joined when they stand in one family. A component with the states that are seen around it, an `instance`,
occurs in many rows and is solved once. Its open variables are summed out one by one in min-fill order; variable v
takes the product of the entries and messages that depend on it, its bucket, and leaves a message (Dechter 1999):

    message(u) = sum over states of v  of  prod over factors in the bucket  factor(u, v)

The last message is the probability Z of what is seen. Backwards, the derivative of log Z by the logarithm of each
entry of a table is the expected number of times that the completed row takes it, the expected family count: no
division, so that zeros do no harm. Everything is done with logarithms: long rows do not underflow.

The sums of all instances are laid out once, in levels: what a level adds up depends on earlier levels alone. A level
is one sparse matrix product, for all instances and all starts.

Sources: Dechter (1999), Artificial Intelligence 113, 41-85; Lauritzen (1995), Computational Statistics and Data
Analysis 19, 191-201, for the E-step; Darwiche (2003), Journal of the ACM 50, 280-305, for the derivatives.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from em_reference.components import Component, components
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


class Level(NamedTuple):
    """Sums that depend on earlier levels alone.

    Attributes
    ----------
    inputs : array (I,)
        Different cells that occur in the terms.
    taken : sparse array (M, I)
        How often each term takes each of them.
    starts : array (O,)
        Where the terms of each sum begin.
    sum_of_term : array (M,)
    outputs : array (O,)
        Cells of the sums.
    marginal : array (M,)
        Which (instance, variable, state) each term is about.
    """

    inputs: Whole
    taken: csr_array
    starts: Whole
    sum_of_term: Whole
    outputs: Whole
    marginal: Whole


class Solved(NamedTuple):
    """What elimination finds, at S starts.

    Attributes
    ----------
    log_probability : array (R, S)
        log Z of every instance.
    cells : array (C, S)
        Logarithms of tables and messages.
    """

    log_probability: Array
    cells: Array


class Plan(NamedTuple):
    """The sums for all instances of all components.

    Attributes
    ----------
    components : list of Component
        With the instances of each.
    levels : list of Level
    roots : array (R,)
        The cell that holds Z of each instance, component by component.
    size : int
        Number of cells; those of the tables come first.
    marginals : list of dict of variable -> array (J,)
        Where the marginals of the instances of each component begin.
    marginal_size : int
    """

    components: list[Component]
    levels: list[Level]
    roots: Whole
    size: int
    marginals: list[dict[int, Whole]]
    marginal_size: int

    def forward(self, log_tables: Array, *, most_probable: bool = False) -> Solved:
        """Sum out what is open, at tables (T, S); or maximise over it."""
        cells = np.empty((self.size, log_tables.shape[1]))
        cells[: len(log_tables)] = log_tables
        for level in self.levels:
            terms = level.taken @ cells[level.inputs]
            top = np.maximum.reduceat(terms, level.starts)
            if most_probable:
                cells[level.outputs] = top
                continue
            top = np.where(np.isfinite(top), top, 0.0)
            terms -= top[level.sum_of_term]
            with np.errstate(divide="ignore"):
                cells[level.outputs] = np.log(np.add.reduceat(np.exp(terms), level.starts)) + top
        return Solved(cells[self.roots], cells)

    def terms(self, level: Level, cells: Array) -> Array:
        """Logarithms of the terms of a level, (M, S)."""
        return np.asarray(level.taken @ cells[level.inputs])

    def shares(self, level: Level, cells: Array) -> Array:
        """Share of each term in its sum, (M, S); 0 where the sum is."""
        sums = cells[level.outputs][level.sum_of_term]
        possible = np.isfinite(sums)
        return np.exp(np.where(possible, self.terms(level, cells) - np.where(possible, sums, 0.0), -np.inf))

    def largest(self, level: Level, cells: Array) -> Array:
        """1 for the largest term of each sum, the first of several, 0 for the others, (M, S)."""
        terms = self.terms(level, cells)
        top = terms == np.maximum.reduceat(terms, level.starts)[level.sum_of_term]
        place = np.cumsum(top, axis=0)
        before = place[level.starts] - top[level.starts]
        return np.asarray(top & (place - before[level.sum_of_term] == 1), dtype=float)

    def backward(
        self, solved: Solved, frequencies: Array, *, most_probable: bool = False, marginals: Array | None = None
    ) -> Array:
        """Derivatives (C, S) of the sum of log Z by the logarithm of every cell: for tables, expected family counts.

        Parameters
        ----------
        solved : Solved
            By `forward`, with the same word on what is most probable: then the counts of that completion, 0 and 1.
        frequencies : array (R,)
            How often each instance occurs.
        marginals : array (A, S), optional
            Zeros, to which is added how often each open variable of each instance is in each state.
        """
        share = self.largest if most_probable else self.shares
        counts = np.zeros_like(solved.cells)
        counts[self.roots] = frequencies[:, None]
        for level in reversed(self.levels):
            expected = share(level, solved.cells) * counts[level.outputs][level.sum_of_term]
            counts[level.inputs] += level.taken.T @ expected
            if marginals is not None:
                np.add.at(marginals, level.marginal, expected)
        return counts


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
