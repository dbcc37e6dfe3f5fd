"""A discrete Bayesian network: who the parents of each variable are, and where its conditional table stands.

The joint probability of a completed row x is a product of one entry of each table (Pearl 1988, section 3.3):

    P(x) = prod_v P(x_v | x_parents(v))

All tables lie side by side in one vector of length T: that of variable v has the axes (parents in the order given, v),
the states of v last, so that a stretch of as many entries as v has states adds up to 1.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from em_reference.layout import Array

Whole = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Network:
    """Parents and numbers of states of V variables.

    Parameters
    ----------
    states : tuple of int
        States of each variable, two or more.
    parents : tuple of tuple of int
        Positions of the parents of each variable.

    Raises
    ------
    ValueError
        If the numbers are impossible, or arrows run in a circle.
    """

    states: tuple[int, ...]
    parents: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        if not self.states or len(self.states) != len(self.parents):
            raise ValueError(f"{len(self.states)} numbers of states and {len(self.parents)} lists of parents")
        if min(self.states) < 2:
            raise ValueError(f"a variable has {min(self.states)} state(s), expected at least 2")
        for child, parents in enumerate(self.parents):
            if len(set(parents)) < len(parents) or not set(parents) <= set(range(len(self.states))):
                raise ValueError(f"variable {child} has the parents {parents}, expected different variables")
        if self.cycle:
            raise ValueError(f"the arrows run in a circle: {' -> '.join(map(str, self.cycle))}")

    @cached_property
    def cycle(self) -> tuple[int, ...]:
        """A circle of arrows, its first variable again at the end; empty where there is none."""
        left = dict(enumerate(map(set, self.parents)))
        while free := [child for child, parents in left.items() if not parents & left.keys()]:
            for child in free:
                del left[child]
        if not left:
            return ()
        # Everything that is left has a parent that is left: walking up must come back.
        path = [next(iter(left))]
        while path[-1] not in path[:-1]:
            path.append(min(left[path[-1]] & left.keys()))
        return tuple(reversed(path[path.index(path[-1]) :]))

    @cached_property
    def families(self) -> tuple[tuple[int, ...], ...]:
        """The axes of each table: the parents of a variable, then itself."""
        return tuple((*parents, child) for child, parents in enumerate(self.parents))

    @cached_property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shape of each table."""
        return tuple(tuple(self.states[member] for member in family) for family in self.families)

    @cached_property
    def strides(self) -> tuple[tuple[int, ...], ...]:
        """How far apart in its table two neighbouring states of each member of a family are."""
        return tuple(tuple(int(np.prod(shape[place + 1 :])) for place in range(len(shape))) for shape in self.shapes)

    @cached_property
    def first(self) -> tuple[int, ...]:
        """Where each table begins."""
        return tuple(int(end) for end in np.cumsum([0, *(np.prod(shape) for shape in self.shapes)])[:-1])

    @cached_property
    def size(self) -> int:
        """Entries T of all tables."""
        return int(sum(np.prod(shape) for shape in self.shapes))

    @cached_property
    def conditionals(self) -> Whole:
        """Where each conditional distribution begins: one for every configuration of the parents of a variable."""
        starts = [np.arange(first, first + np.prod(shape), shape[-1])
                  for first, shape in zip(self.first, self.shapes, strict=True)]  # fmt: skip
        return np.concatenate(starts).astype(np.int64)

    @cached_property
    def conditional_of_entry(self) -> Whole:
        """Which of these each entry belongs to, (T,)."""
        return np.repeat(np.arange(len(self.conditionals)), np.diff([*self.conditionals, self.size]))

    def sums(self, entries: Array) -> Array:
        """Sums (..., T) over the conditional distribution of each entry."""
        return np.asarray(np.add.reduceat(entries, self.conditionals, axis=-1)[..., self.conditional_of_entry])

    def entries(self, variable: int, codes: Array | Whole) -> Whole:
        """Which entry each complete row (J, V) takes from the table of a variable, (J,)."""
        family, strides = list(self.families[variable]), self.strides[variable]
        return self.first[variable] + codes[:, family].astype(np.int64) @ np.array(strides, dtype=np.int64)

    @cached_property
    def directions(self) -> Array:
        """Orthonormal basis (T, F) of the directions in which every conditional distribution keeps its sum."""
        columns = self.size - len(self.conditionals)
        basis, column = np.zeros((self.size, columns)), 0
        for first, last in zip(self.conditionals, [*self.conditionals[1:], self.size], strict=True):
            own = int(last - first)
            basis[first:last, column : column + own - 1] = np.linalg.svd(np.ones((1, own)))[2][1:].T
            column += own - 1
        return basis
