"""Exchanges of components, which change nothing."""

from collections.abc import Callable
from functools import partial

from comparisons.case import Natural


def exchanges(size: int, what: str, several: str | None = None) -> dict[str, Callable[[Natural], Natural]]:
    """Exchanges of components that give every order, one after another.

    Parameters
    ----------
    size : int
        Number of components, which are the first axis of every parameter.
    what, several : str
        How one is called, and how several are; with an s when left out.
    """
    several = several or f"{what}s"
    if size < 2:
        return {}
    found: dict[str, Callable[[Natural], Natural]] = {
        f"swapping two {several}": partial(_in_order, [1, 0, *range(2, size)])
    }
    if size > 2:
        found[f"renaming the {several} in turn"] = partial(_in_order, [size - 1, *range(size - 1)])
    return found


def _in_order(order: list[int], natural: Natural) -> Natural:
    return {name: values[order] for name, values in natural.items()}
