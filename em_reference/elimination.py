"""Exact inference for all rows of incomplete data at once: variable elimination, forwards and backwards.

What a row leaves open falls apart into components that, given what is seen, do not speak to each other: two open
variables are joined when they stand in one family. A component with the states that are seen around it, an `instance`,
occurs in many rows and is solved once. Its open variables are summed out one by one in min-fill order; variable v
takes the product of the entries and messages that depend on it, its bucket, and leaves a message (Dechter 1999):

    message(u) = sum over states of v  of  prod over factors in the bucket  factor(u, v)

The last message is the probability Z of what is seen. Backwards, the derivative of log Z by the logarithm of each
entry of a table is the expected number of times that the completed row takes it, the expected family count: no
division, so that zeros do no harm. Everything is done with logarithms: long rows do not underflow.

The sums of all instances are laid out once (`em_reference.buckets`), in levels: what a level adds up depends on earlier
levels alone. A level is one sparse matrix product, for all instances and all starts.

Sources: Dechter (1999), Artificial Intelligence 113, 41-85; Lauritzen (1995), Computational Statistics and Data
Analysis 19, 191-201, for the E-step; Darwiche (2003), Journal of the ACM 50, 280-305, for the derivatives.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from em_reference.components import Component
from em_reference.layout import Array
from em_reference.network import Whole


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
