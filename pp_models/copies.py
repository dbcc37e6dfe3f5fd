"""A compiled function in several threads: PyTensor's functions hold their results, so every thread needs its own."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import cache
from queue import SimpleQueue
from typing import Any, TypeVar

from threadpoolctl import ThreadpoolController

Block = TypeVar("Block")
Result = TypeVar("Result")


class Copies:
    """A compiled function that several threads may call: each call takes a copy that no other holds.

    Parameters
    ----------
    function : callable
        Compiled by PyTensor.
    threads : int
    """

    def __init__(self, function: Any, threads: int) -> None:
        self._free: SimpleQueue[Callable[..., Any]] = SimpleQueue()
        for copy in (function, *(function.copy() for _ in range(threads - 1))):
            self._free.put(copy)

    def __call__(self, *arguments: Any) -> Any:
        """What the function returns."""
        copy = self._free.get()
        try:
            return copy(*arguments)
        finally:
            self._free.put(copy)


def over(work: Callable[[Block], Result], blocks: Iterable[Block], threads: int) -> list[Result]:
    """Results for all blocks, in their order."""
    if threads == 1:
        return [work(block) for block in blocks]
    with one_thread_of_linear_algebra():
        return list(_pool(threads).map(work, blocks))


def one_thread_of_linear_algebra() -> AbstractContextManager[Any]:
    """Matrices are small here, or shared out: a library that takes all cores for each keeps other threads waiting."""
    limit: AbstractContextManager[Any] = _libraries().limit(limits=1, user_api="blas")
    return limit


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "pymc")
