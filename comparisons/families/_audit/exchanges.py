"""Exchanges of components, which change nothing."""

from collections.abc import Callable
from functools import partial

from comparisons.case import Natural


def exchanges(size: int, what: str) -> dict[str, Callable[[Natural], Natural]]:
    """Exchanges of components that give every order, one after another."""
    if size < 2:
        return {}
    found: dict[str, Callable[[Natural], Natural]] = {
        f"swapping two {what}s": partial(_in_order, [1, 0, *range(2, size)])
    }
    if size > 2:
        found[f"renaming the {what}s in turn"] = partial(_in_order, [size - 1, *range(size - 1)])
    return found


def _in_order(order: list[int], natural: Natural) -> Natural:
    return {name: values[order] for name, values in natural.items()}
