"""Parameters of many starts as one matrix, and back.

A problem speaks NamedTuples of arrays; stop rules and acceleration need vectors. `Layout` remembers
the shapes that lie between the two.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class Layout(NamedTuple):
    """Shape of each parameter field behind the leading axes.

    Attributes
    ----------
    kind : type
        The NamedTuple class of the parameters.
    shapes : tuple of tuple of int
        One shape per field, without leading axes.
    """

    kind: Any
    shapes: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, params: Any, lead: tuple[int, ...]) -> "Layout":
        """Layout of `params`, whose arrays carry the leading axes `lead`."""
        return cls(type(params), tuple(np.shape(field)[len(lead) :] for field in params))

    def flatten(self, params: Any) -> Array:
        """NamedTuple with any leading axes -> matrix (starts, parameters)."""
        columns = [
            np.reshape(np.asarray(field, dtype=float), (-1, int(np.prod(shape, dtype=int))))
            for field, shape in zip(params, self.shapes, strict=True)
        ]
        return np.concatenate(columns, axis=1)

    def unflatten(self, matrix: Array, lead: tuple[int, ...] | None = None) -> Any:
        """Array (..., parameters) -> NamedTuple; its leading axes are kept, or become `lead`."""
        lead = matrix.shape[:-1] if lead is None else lead
        sizes = [int(np.prod(shape, dtype=int)) for shape in self.shapes]
        columns = np.split(matrix, np.cumsum(sizes)[:-1], axis=-1)
        return self.kind(*(column.reshape(lead + shape) for column, shape in zip(columns, self.shapes, strict=True)))


def select(counts: Any, keep: npt.NDArray[Any]) -> Any:
    """Entries `keep` of the first axis of every array in a NamedTuple (None stays None)."""
    return type(counts)(*(None if field is None else field[keep] for field in counts))


def one_lead_axis(counts: Any, lead: tuple[int, ...]) -> Any:
    """Replace the leading axes `lead` of every array in a NamedTuple by a single one."""
    return type(counts)(
        *(None if field is None else np.reshape(field, (-1, *np.shape(field)[len(lead) :])) for field in counts)
    )
