"""Parameters with axes: what a natural parameter is called, how its entries are named, and where it lives.

`p[item3, class2]` is the entry of a parameter `p` with two axes. Two parameters belong to the same components when
they share an axis: another labelling of the components permutes that axis wherever it occurs.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import product
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class Support(StrEnum):
    """Where a parameter lives. A simplex adds up to 1 along the last axis; a matrix has the last two axes.

    Examples
    --------
    >>> from comparisons import load_problem
    >>> {parameter.name: str(parameter.support) for parameter in load_problem("two-coins").parameters}
    {'weight': 'simplex', 'bias': 'unit interval'}
    """

    REAL = "real"
    POSITIVE = "positive"
    UNIT_INTERVAL = "unit interval"
    INTERVAL = "interval"
    SIMPLEX = "simplex"
    COVARIANCE = "positive definite matrix"
    CORRELATION = "correlation matrix"


MATRICES = (Support.COVARIANCE, Support.CORRELATION)


@dataclass(frozen=True)
class Axis:
    """One axis of a parameter: `class` with the labels `class1`, `class2`, ...

    Attributes
    ----------
    name : str
        Parameters with an axis of the same name belong to the same components.
    labels : tuple of str

    Examples
    --------
    >>> from comparisons import Axis
    >>> len(Axis("coin", ("coin1", "coin2")))
    2
    """

    name: str
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Parameter:
    """A natural parameter: a name, its axes, its support.

    Without axes it is a single number, which is stored as a vector of one. Its values are an array of `shape`, any
    leading axes in front. Its *entries* are the numbers of which it consists, in a row: all cells of the array, but
    of a covariance matrix the lower triangle, row by row, and of a correlation matrix that without its diagonal.

    Attributes
    ----------
    name : str
    axes : tuple of Axis
    support : Support

    Examples
    --------
    >>> from comparisons import Axis, Parameter, Support
    >>> classes, items = Axis("class", ("class1", "class2")), Axis("item", ("item1", "item2", "item3"))
    >>> p = Parameter("p", (items, classes), Support.UNIT_INTERVAL)
    >>> p.shape, p.size, p.names[1]
    ((3, 2), 6, 'p[item1, class2]')
    """

    name: str
    axes: tuple[Axis, ...] = ()
    support: Support = Support.REAL

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes."""
        return tuple(map(len, self.axes)) or (1,)

    @property
    def is_matrix(self) -> bool:
        """Whether the last two axes are those of a symmetric matrix."""
        return self.support in MATRICES

    @cached_property
    def _cells(self) -> npt.NDArray[np.intp]:
        """Which cell of the flattened array each entry is."""
        cells = np.arange(int(np.prod(self.shape)))
        if not self.is_matrix:
            return cells
        rows, columns = np.tril_indices(self.shape[-1], -1 if self.support is Support.CORRELATION else 0)
        return np.asarray(cells.reshape(self.shape)[..., rows, columns].ravel())

    @cached_property
    def _entry_of_cell(self) -> npt.NDArray[np.intp]:
        """Which entry each cell holds; one past the last for the diagonal of a correlation matrix."""
        held = np.full(self.shape, self.size)
        held.reshape(-1)[self._cells] = np.arange(self.size)
        return np.minimum(held, np.swapaxes(held, -1, -2)) if self.is_matrix else held

    @property
    def size(self) -> int:
        """Number of entries."""
        return len(self._cells)

    @property
    def free(self) -> int:
        """Number of entries that may be chosen: of weights that add up to 1 all but one."""
        return self.size - (self.size // self.shape[-1] if self.support is Support.SIMPLEX else 0)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Labels of the entries: `item3, class2`; one empty label of a single number."""
        every = [", ".join(labels) for labels in product(*(axis.labels for axis in self.axes))]
        if not self.is_matrix:
            return tuple(every)
        # Of a matrix the entry below the diagonal, named in the order of its axis: covariance[x, y].
        upper = np.swapaxes(np.arange(len(every)).reshape(self.shape), -1, -2).ravel()
        return tuple(every[upper[cell]] for cell in self._cells)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the entries: `p[item3, class2]`; of a single number its own."""
        return tuple(scalar_name(self.name, label) for label in self.labels)

    def flat(self, values: Any) -> Array:
        """Entries (..., size) of values (..., *shape)."""
        array = np.asarray(values, dtype=float)
        lead = array.shape[: array.ndim - len(self.shape)]
        cells = array.reshape(*lead, -1)
        return np.asarray(cells[..., self._cells]) if self.is_matrix else cells

    def full(self, entries: Any) -> Array:
        """Values (..., *shape) of entries (..., size): the inverse of `flat`."""
        array = np.asarray(entries, dtype=float)
        if self.support is Support.CORRELATION:
            array = np.concatenate([array, np.ones((*array.shape[:-1], 1))], axis=-1)
        if self.is_matrix:
            return np.asarray(array[..., self._entry_of_cell])
        return array.reshape(*array.shape[:-1], *self.shape)

    @cached_property
    def label_numbers(self) -> npt.NDArray[np.intp]:
        """Which label every entry has along every axis, (size, axes)."""
        places = np.indices(self.shape)
        return np.stack([self.flat(numbers) for numbers in places], axis=-1).astype(np.intp)

    def along(self, axis: str) -> tuple[int, ...]:
        """Positions at which an axis occurs."""
        return tuple(place for place, own in enumerate(self.axes) if own.name == axis)


class WithParameters(Protocol):
    """What has parameters, and what follows from them by name."""

    parameters: tuple[Parameter, ...]

    @cached_property
    def by_name(self) -> dict[str, Parameter]:
        """Parameters by name."""
        return {parameter.name: parameter for parameter in self.parameters}

    @cached_property
    def labels(self) -> dict[str, tuple[str, ...]]:
        """Labels of the entries of each parameter."""
        return {parameter.name: parameter.labels for parameter in self.parameters}

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Every axis once, in order of appearance."""
        return axes_of(self.parameters)

    @property
    def sizes(self) -> dict[str, int]:
        """How many entries each parameter has."""
        return {parameter.name: parameter.size for parameter in self.parameters}

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each parameter."""
        return {parameter.name: parameter.shape for parameter in self.parameters}


def axes_of(parameters: Iterable[Parameter]) -> tuple[Axis, ...]:
    """Every axis once, in order of appearance."""
    return tuple(dict.fromkeys(axis for parameter in parameters for axis in parameter.axes))


def reordered(
    natural: Mapping[str, Array], places: Mapping[str, Iterable[int]], order: Sequence[int] | npt.NDArray[np.intp]
) -> dict[str, Array]:
    """Natural parameters with the labels of an axis in another order.

    Parameters
    ----------
    natural : dict of name -> array
    places : dict of name -> positions at which the axis occurs
    order : sequence of int
        Which entry comes first, second, ...
    """
    moved = dict(natural)
    for name, positions in places.items():
        for position in positions:
            moved[name] = np.take(moved[name], order, axis=position)
    return moved


def support_of(objective: Any, name: str) -> Support:
    """Where a parameter lives, as its transform in PyMC's model says.

    Parameters
    ----------
    objective : pp_models.objective.Objective
    name : str
    """
    if objective.is_simplex(name):
        return Support.SIMPLEX
    if objective.is_matrix(name):
        return Support.CORRELATION if objective.is_correlation(name) else Support.COVARIANCE
    low, high = objective.edges(name)
    if np.isinf(low).all() and np.isinf(high).all():
        return Support.REAL
    if (low == 0).all() and np.isinf(high).all():
        return Support.POSITIVE
    return Support.UNIT_INTERVAL if (low == 0).all() and (high == 1).all() else Support.INTERVAL


def scalar_name(name: str, label: str) -> str:
    """`a[item1]`; of a parameter that is a single number, whose label is empty, its name alone."""
    return f"{name}[{label}]" if label else name


def numbered(name: str, stem: str, size: int) -> Axis:
    """An axis whose labels are a word with a number: `coin1`, `coin2`, ..."""
    return Axis(name, tuple(f"{stem}{number}" for number in range(1, size + 1)))
