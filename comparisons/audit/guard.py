"""Calls into the EM under audit: in time, without a traceback of its own, without changed arguments.

Whatever it does wrong on the way (raise, hang, return NaN or another shape, change its input) becomes a
`Trouble` that names it.
"""

import dis
import math
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from typing import Any

import numpy as np

from comparisons.case import Array
from comparisons.errors import Trouble

# Where an array is inside dicts, tuples and lists.
Place = tuple[Any, ...]
# Seconds that one call may take, and that one check may spend on following the EM to its end. A whole
# fit may take FIT times as long.
FIT = 10
# Seconds that one part of a check (fits from many starts, other data) may take before it does with what it has; more
# for a report whose numbers must not depend on how fast the machine is.
PATIENCE = 8.0
time_limit: ContextVar[float] = ContextVar("time_limit", default=20.0)
# Once so many times the limit of one call are spent, every further part of an audit does with the least it can.
AUDIT = 2
patience: ContextVar[float] = ContextVar("patience", default=PATIENCE)
_end: ContextVar[float] = ContextVar("end", default=math.inf)
# A limit that the EM itself swallows (a bare except) strikes again after this many seconds, so many times
# before the last resort is called, if there is one: it is given one line, and is expected to end the process.
AGAIN = 0.5
STRIKES = 10
last_resort: ContextVar[Callable[[str], None] | None] = ContextVar("last_resort", default=None)


def out_of_time() -> Callable[[], bool]:
    """Whether the seconds that one part of a check may take have passed since this was called."""
    until = min(time.monotonic() + min(time_limit.get(), patience.get()), _end.get())
    return lambda: time.monotonic() > until


@contextmanager
def no_longer_than(seconds: float) -> Iterator[None]:
    """Within it `out_of_time` is true once these seconds are spent."""
    token = _end.set(min(_end.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _end.reset(token)


class _TimeOut(BaseException):
    """Not an Exception, so that `except Exception` in the EM under audit lets it through."""


def guarded(name: str, function: Callable[..., Any], *arguments: Any, times: float = 1, **named: Any) -> Any:
    """Call the EM under audit.

    Raises
    ------
    Trouble
    """
    before = kept(arguments)
    seconds = times * time_limit.get()
    try:
        with _limited(name, seconds), np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = function(*arguments, **named)
    except _TimeOut:
        raise Trouble(f"{name} did not return within {seconds:g} seconds", late=True) from None
    except (KeyboardInterrupt, Trouble):
        raise
    except BaseException as error:
        raise Trouble(f"{name} raised {type(error).__name__}: {error}", refused=_refuses(error)) from error
    if changed(before, arguments):
        raise Trouble(f"{name} changed its input in place")
    return result


def _refuses(error: BaseException) -> bool:
    """Whether this is a ValueError (or the like) by a `raise` of the user's, not one that a computation ran into."""
    if not isinstance(error, ValueError | NotImplementedError | AssertionError) or error.__traceback__ is None:
        return False
    last = error.__traceback__
    while last.tb_next is not None:
        last = last.tb_next
    frame = last.tb_frame
    stated = dis.opname[frame.f_code.co_code[last.tb_lasti]] == "RAISE_VARARGS"
    return stated and frame.f_globals.get("__name__", "").partition(".")[0] not in ("numpy", "scipy")


@contextmanager
def readable(what: str) -> Iterator[None]:
    """An object of the user's whose attributes raise, or are not what they seem, is its finding too.

    Raises
    ------
    Trouble
    """
    try:
        yield
    except Trouble:
        raise
    except Exception as error:
        raise Trouble(f"{what} cannot be read: {type(error).__name__}: {error}") from error


def kept(value: Any) -> dict[Place, Array]:
    """Copies of the arrays inside `value`."""
    return {place: array.copy() for place, array in arrays(value)}


def changed(before: Mapping[Place, Array], now: Any) -> bool:
    """Whether the arrays inside `now` differ from those kept before, or others are there."""
    after = dict(arrays(now))
    return before.keys() != after.keys() or any(
        not np.array_equal(one, after[place], equal_nan=one.dtype.kind in "fc") for place, one in before.items()
    )


def arrays(value: Any, place: Place = ()) -> Iterator[tuple[Place, Array]]:
    """All arrays of numbers inside dicts, tuples and lists, with their places."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "biufc":
            yield place, value
    elif isinstance(value, Mapping):
        # Of a dict that watches who looks at its keys, the plain dict is asked.
        for name, part in dict.items(value) if isinstance(value, dict) else value.items():
            yield from arrays(part, (*place, name))
    elif isinstance(value, tuple | list):
        for index, part in enumerate(value):
            yield from arrays(part, (*place, index))


@contextmanager
def _limited(name: str, seconds: float) -> Iterator[None]:
    """Interrupt what runs too long; only the main thread of a Unix process can be interrupted."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGALRM"):
        yield
        return

    end, strikes = last_resort.get(), count(1)

    def stop(_signal: int, _frame: Any) -> None:
        if next(strikes) > STRIKES and end is not None:
            end(
                f"{name} did not return within {seconds:g} seconds and swallows every interruption: the audit ends here"
            )
        raise _TimeOut

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
