"""Rows of the data of an audit."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


def some_rows(data: Mapping[str, Any], rows: Sequence[str], index: npt.NDArray[Any]) -> dict[str, Any]:
    """The same data with some of the rows, by a mask or by their places, with the frequencies of these."""
    return {**data, **{name: np.asarray(data[name])[index] for name in (*rows, "frequencies")}}
