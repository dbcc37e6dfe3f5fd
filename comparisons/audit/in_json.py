"""What is asked and answered in JSON, which has no NaN and no infinity: data and parameters written, numbers read."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from comparisons.errors import Trouble

# How JSON writers put what JSON has no number for; null is one of them wherever a number is expected.
NO_NUMBERS = {
    "NaN": np.nan,
    "NA": np.nan,
    "Inf": np.inf,
    "Infinity": np.inf,
    "-Inf": -np.inf,
    "-Infinity": -np.inf,
}


def numbers(value: Any) -> Any:
    """The same with NaN and infinity where a JSON writer has a null or a word for them."""
    if isinstance(value, dict):
        return {name: numbers(part) for name, part in value.items()}
    if isinstance(value, list):
        return [numbers(part) for part in value]
    if isinstance(value, str):
        return NO_NUMBERS.get(value, value)
    return np.nan if value is None else value


def line_of(act: str, message: Mapping[str, Any]) -> str:
    """A message as one line of JSON.

    Raises
    ------
    Trouble
        If it holds what JSON has no form for.
    """
    try:
        return json.dumps(_plain(message), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise Trouble(f"{act} cannot be written in JSON: {error}") from None


def _plain(value: Any) -> Any:
    """Dicts, lists, numbers and null, which stands for NaN: a missing answer."""
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if hasattr(value, "to_dict") and hasattr(value, "columns"):
        return _plain(value.to_dict("list"))
    if hasattr(value, "tolist"):
        array = np.asarray(value)
        if array.dtype.kind == "f" and np.isnan(array).any():
            array = array.astype(object)
            array[np.isnan(np.asarray(value))] = None
        return array.tolist()
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and np.isnan(value) else value
