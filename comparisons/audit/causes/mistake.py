"""A mistake that people make in an EM, as a cycle that makes it."""

from collections.abc import Callable, Mapping
from enum import Flag, auto
from typing import NamedTuple

from comparisons.case import Array, Natural

Counts = Callable[[Natural], Mapping[str, Array]]


class Of(Flag):
    """What a mistake can be compared with.

    CYCLE is one cycle. END is where a fit ends: the same cycle stays there. FIT is the estimates of a fit beside those
    of a right one from the same start.
    """

    CYCLE = auto()
    END = auto()
    FIT = auto()


class Mistake(NamedTuple):
    """One cycle of EM with something wrong.

    Attributes
    ----------
    words : str
        What is wrong; with `{amount}` in it where it has one.
    cycle : callable (natural, amount) -> natural
        Of a mistake that is compared with a fit: what comes out of the right estimates, or of the start.
    amount : float
        A usual size; 0 where the mistake has none. The size that an EM has is found by least squares.
    of : Of
    counts : callable natural -> dict of name -> array, optional
        The expected counts that it gives, where it is made in the E-step.
    from_start : bool
        Whether a whole fit is made of its start, not of the right estimates.
    """

    words: str
    cycle: Callable[[Natural, float], Natural]
    amount: float = 0.0
    of: Of = Of.CYCLE | Of.END
    counts: Counts | None = None
    from_start: bool = False


def plain(words: str, cycle: Callable[[Natural], Natural], of: Of = Of.CYCLE | Of.END) -> Mistake:
    """A mistake without a size."""
    return Mistake(words, lambda natural, _: cycle(natural), of=of)
