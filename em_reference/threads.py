"""Large work on all cores: NumPy lets go of Python's lock in matrix products and elementwise functions."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

Part = TypeVar("Part")
Result = TypeVar("Result")


def number_of_threads() -> int:
    """As many as OMP_NUM_THREADS says, as for the libraries of linear algebra; else one for each core."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    return int(given) if given.isdigit() and int(given) else os.cpu_count() or 1


def in_threads(work: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
    """The results of all parts, in their order, whatever the number of threads."""
    threads = number_of_threads()
    if threads == 1 or len(parts) < 2:
        return [work(part) for part in parts]
    return list(_pool(threads).map(work, parts))


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "em")
