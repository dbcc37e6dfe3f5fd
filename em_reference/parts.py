"""The E-step of the 2PL in parts that threads share: some starts, some patterns."""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from em_reference.layout import Array
from em_reference.threads import in_threads

# Parts of large work, and the least cells of starts x patterns x nodes in one.
PARTS, LEAST = 8, 1 << 18


class Part(NamedTuple):
    """Some starts and some blocks of patterns, the work of one thread."""

    starts: slice
    blocks: slice


def parts(n_starts: int, n_blocks: int, size: int, grid_size: int) -> list[list[Part]]:
    """Groups of starts, and of each the parts that add up; the same whatever the number of threads.

    Little work is one part. Much is divided by starts, and that of a few starts by blocks of patterns as well.
    """
    cells = n_starts * n_blocks * size * grid_size
    number = max(1, min(PARTS, cells // LEAST))
    by_start = _slices(n_starts, number)
    by_block = _slices(n_blocks, number // len(by_start))
    return [[Part(starts, blocks) for blocks in by_block] for starts in by_start]


def _slices(size: int, number: int) -> list[slice]:
    """At most so many slices of nearly equal length, and at least one."""
    ends = np.linspace(0, size, max(1, min(size, number)) + 1).astype(int)
    return [slice(int(a), int(b)) for a, b in pairwise(ends)]


def added_up(groups: list[list[Part]], counted: Callable[[Part], tuple[Array, Array]]) -> tuple[Array, Array]:
    """What was counted of all parts: added up over the patterns, the starts one after another."""
    found = in_threads(counted, [part for group in groups for part in group])
    size = len(groups[0])
    totals = [
        [sum(values[1:], values[0]) for values in zip(*found[i : i + size], strict=True)]
        for i in range(0, len(found), size)
    ]
    log_likelihood, counts = (np.concatenate(values) for values in zip(*totals, strict=True))
    return log_likelihood, counts
