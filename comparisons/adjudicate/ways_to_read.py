"""Ways to read the numbers of a file as parameters of the model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from comparisons.case import Array, scalar_name


@dataclass(frozen=True)
class Reading:
    """One way to take what is printed as parameters of the model.

    A number of the file is put in its place, multiplied and shifted; what comes out is a quantity of the model
    under its own name (b, with the sign that it has there), and only that is compared with an optimum.

    Attributes
    ----------
    changes : tuple of str
        What must be done to the file beyond taking it as its header says; empty for the plain reading.
    roles : tuple of str
        Names of the quantities, block by block: ("b", "a").
    to_natural, from_natural : callables array -> array
        Between the quantities and the natural parameters, both flat, each undoing the other.
    scale, offset : arrays (P,)
        A quantity is offset + scale * number.
    order : array of int or None
        Where each number is found among those printed; None where it stands.
    blocks : tuple of tuples of str
        Labels of each role where they differ: one slope beside many intercepts.
    """

    changes: tuple[str, ...]
    roles: tuple[str, ...]
    to_natural: Callable[[Array], Array]
    from_natural: Callable[[Array], Array]
    scale: Array
    offset: Array
    order: npt.NDArray[np.int64] | None = None
    blocks: tuple[tuple[str, ...], ...] = ()

    def placed(self, values: Array) -> Array:
        """Numbers, as they are, in the order of the parameters."""
        return values if self.order is None else values[self.order]

    def quantities(self, values: Array) -> Array:
        """What the numbers of the file stand for, in the order of the parameters."""
        return self.offset + self.scale * self.placed(values)

    def half_units(self, half_unit: Array) -> Array:
        """Half a unit of the last digit printed, in the quantities that they stand for."""
        return np.abs(self.scale) * self.placed(half_unit)

    def natural(self, values: Array) -> Array:
        """Natural parameters of the numbers as they stand in the file."""
        return self.to_natural(self.quantities(values))

    def names(self, labels: Sequence[str]) -> list[str]:
        """Names of all quantities, of these labels unless each role has its own: `b[item1]`."""
        blocks = self.blocks or (tuple(labels),) * len(self.roles)
        return [scalar_name(role, label) for role, block in zip(self.roles, blocks, strict=True) for label in block]

    def moved(self, rows: Sequence[str]) -> list[tuple[str, str]]:
        """Rows of the file that are not where they belong, each with the one that it really is."""
        order = np.arange(len(rows)) if self.order is None else self.order[: len(rows)]
        return [(rows[place], rows[i]) for i, place in enumerate(order) if place != i]

    @property
    def as_it_stands(self) -> bool:
        """Whether every number is the quantity itself."""
        return self.order is None and bool((self.scale == 1).all() and (self.offset == 0).all())

    def reordered(self, order: npt.NDArray[np.int64], change: str) -> "Reading":
        """Read the same with the numbers taken from other places."""
        return replace(self, order=order, changes=(*self.changes, change))
