"""Ways to read the numbers of a file as parameters of the model."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from comparisons.case import Array


@dataclass(frozen=True)
class Reading:
    """One way to take what is printed as parameters of the model.

    Attributes
    ----------
    changes : tuple of str
        What must be done to the file beyond taking it as its header says; empty for the plain reading.
    to_natural, to_printed : callables array -> array
        Between the printed numbers and the natural parameters, both flat, each undoing the other.
    order : array of int or None
        Where each number is found among those printed; None where it stands.
    """

    changes: tuple[str, ...]
    to_natural: Callable[[Array], Array]
    to_printed: Callable[[Array], Array]
    order: npt.NDArray[np.int64] | None = None

    def sorted(self, values: Array) -> Array:
        """Printed numbers (or their half units) in the order of the parameters."""
        return values if self.order is None else values[self.order]

    def natural(self, values: Array) -> Array:
        """Natural parameters of the numbers as they stand in the file."""
        return self.to_natural(self.sorted(values))

    def reordered(self, order: npt.NDArray[np.int64], change: str) -> "Reading":
        """Read the same with the numbers taken from other places."""
        return replace(self, order=order, changes=(*self.changes, change))
