"""Two ways to write down the same data."""

from collections.abc import Mapping
from typing import Any

import numpy as np

Written = dict[str, tuple[dict[str, Any], dict[str, Any]]]


def row_twice(data: Mapping[str, Any], rows: tuple[str, ...]) -> Written:
    """A frequency of 2 for a row, and the row twice; `rows` has one entry per row in each of these data."""
    often = data["frequencies"]
    first = int(np.flatnonzero(often > 0)[0])
    twice = np.where(np.arange(len(often)) == first, 2 * often, often)
    again = {name: np.concatenate([data[name], data[name][first : first + 1]]) for name in (*rows, "frequencies")}
    return {"a frequency of 2 for the row twice": ({**data, "frequencies": twice}, {**data, **again})}


def empty_row(data: Mapping[str, Any], name: str) -> Written:
    """The data, and one more row in which every entry is missing."""
    values = np.concatenate([data[name], np.full_like(data[name][:1], np.nan)])
    return {
        "a row without responses": (
            dict(data),
            {**data, name: values, "frequencies": np.append(data["frequencies"], 1.0)},
        )
    }
