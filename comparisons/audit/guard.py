"""Calls into the EM under audit: in time, without a traceback of its own, without changed arguments.

Whatever it does wrong on the way (raise, hang, return NaN or another shape, change its input) becomes a
`Trouble` that names it.
"""

import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from comparisons.case import Array

# Seconds that one call may take, and that one check may spend on following the EM to its end. A whole
# fit may take FIT times as long.
FIT = 10
time_limit: ContextVar[float] = ContextVar("time_limit", default=20.0)
# A limit that the EM itself swallows (a bare except) strikes again after this many seconds.
AGAIN = 0.5


class Trouble(Exception):  # noqa: N818 - a finding, not an error of ours
    """The EM under audit raised, hung, returned something unusable or changed its input.

    Attributes
    ----------
    refused : bool
        It raised a ValueError: it said that it cannot do this.
    late : bool
        It did not return in time.
    at : str
        The parameters that it was called with, in words.
    """

    def __init__(self, text: str, *, refused: bool = False, late: bool = False) -> None:
        super().__init__(text)
        self.refused, self.late = refused, late
        self.at = ""


class _TimeOut(BaseException):
    """Not an Exception, so that `except Exception` in the EM under audit lets it through."""


def guarded(name: str, function: Callable[..., Any], *arguments: Any, times: float = 1, **named: Any) -> Any:
    """Call the EM under audit.

    Raises
    ------
    Trouble
    """
    before = [array.copy() for array in arrays(arguments)]
    seconds = times * time_limit.get()
    try:
        with _limited(seconds), np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = function(*arguments, **named)
    except _TimeOut:
        raise Trouble(f"{name} did not return within {seconds:g} seconds", late=True) from None
    except (Exception, SystemExit) as error:
        refused = isinstance(error, ValueError) and not isinstance(error, np.linalg.LinAlgError)
        raise Trouble(f"{name} raised {type(error).__name__}: {error}", refused=refused) from error
    if changed(before, arguments):
        raise Trouble(f"{name} changed its input in place")
    return result


def changed(before: list[Array], now: Any) -> bool:
    """Whether the arrays inside `now` differ from those kept before."""
    return not all(
        one.shape == other.shape and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
        for one, other in zip(before, arrays(now), strict=True)
    )


def arrays(value: Any) -> Iterator[Array]:
    """All arrays inside dicts, tuples and lists."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from arrays(part)
    elif isinstance(value, tuple | list):
        for part in value:
            yield from arrays(part)


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Interrupt what runs too long; only the main thread of a Unix process can be interrupted."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGALRM"):
        yield
        return

    def stop(_signal: int, _frame: Any) -> None:
        raise _TimeOut

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
