"""What rows of incomplete data leave open, in parts that do not speak to each other given what is seen.

Two open variables belong together when they stand in one family, a variable and its parents: they are joined in the
moral graph restricted to what is open. The same part with the same states seen around it is one instance.
"""

from collections import defaultdict
from typing import NamedTuple

import numpy as np

from em_reference.layout import Array
from em_reference.network import Network, Whole

# A code made of several states stays a whole number that fits into 64 bits.
LARGEST_CODE = 2**62


class Component(NamedTuple):
    """Open variables that belong together, with the instances in which they occur.

    Attributes
    ----------
    variables : tuple of int
        Open.
    around : tuple of int
        Seen, in one family with some of them.
    codes : array (J, len(around))
        States that are seen there, instance by instance.
    frequencies : array (J,)
    rows : array (R,)
        Rows of the data in which these variables are open and belong together.
    instance : array (R,)
        Which instance each of these rows is.
    """

    variables: tuple[int, ...]
    around: tuple[int, ...]
    codes: Whole
    frequencies: Array
    rows: Whole
    instance: Whole


def components(network: Network, codes: Array, frequencies: Array) -> list[Component]:
    """The components of rows (N, V), missing entries NaN, with frequencies (N,)."""
    near = _neighbours(network)
    rows_of: dict[int, list[int]] = defaultdict(list)
    parts_of: dict[int, list[int]] = {}
    weights = [1 << variable for variable in range(len(network.states))]
    for row, is_open in enumerate(np.isnan(codes)):
        opened = sum(weights[variable] for variable in np.flatnonzero(is_open).tolist())
        if opened not in parts_of:
            parts_of[opened] = _parts(opened, near)
        for part in parts_of[opened]:
            rows_of[part].append(row)
    return [_component(network, part, np.array(rows), codes, frequencies) for part, rows in rows_of.items()]


def _neighbours(network: Network) -> list[int]:
    """Which variables stand in one family with each, itself among them, as bits."""
    near = [0] * len(network.states)
    for family in network.families:
        together = sum(1 << member for member in family)
        for member in family:
            near[member] |= together
    return near


def _bits(number: int) -> list[int]:
    found = []
    while number:
        lowest = number & -number
        found.append(lowest.bit_length() - 1)
        number ^= lowest
    return found


def _parts(opened: int, near: list[int]) -> list[int]:
    """Connected parts of a set of variables, all as bits."""
    parts = []
    while opened:
        part, fresh = 0, opened & -opened
        while fresh:
            part |= fresh
            reached = 0
            for variable in _bits(fresh):
                reached |= near[variable]
            fresh = reached & opened & ~part
        parts.append(part)
        opened &= ~part
    return parts


def _component(network: Network, part: int, rows: Whole, codes: Array, frequencies: Array) -> Component:
    variables = _bits(part)
    beside = sorted({m for family in network.families if not set(variables).isdisjoint(family) for m in family}
                    - set(variables))  # fmt: skip
    seen = codes[rows][:, beside].astype(np.int64)
    _, first, instance = _different(seen, [network.states[member] for member in beside])
    often = np.bincount(instance, weights=frequencies[rows], minlength=len(first)).astype(float)
    return Component(tuple(variables), tuple(beside), seen[first], often, rows, instance)


def _different(seen: Whole, states: list[int]) -> tuple[Whole, Whole, Whole]:
    """Different rows of states: a code of each, where it is first, and which one each row is."""
    if not states:
        return np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64), np.zeros(len(seen), dtype=np.int64)
    if np.prod(states, dtype=float) < LARGEST_CODE:
        strides = np.cumprod([1, *states[:-1]], dtype=np.int64)
        code, first, instance = np.unique(seen @ strides, return_index=True, return_inverse=True)
    else:
        code, first, instance = np.unique(seen, axis=0, return_index=True, return_inverse=True)
    return code, first, instance.reshape(-1)
