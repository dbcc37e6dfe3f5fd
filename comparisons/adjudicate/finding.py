"""A verdict on estimates, with what it rests on."""

from dataclasses import dataclass
from enum import StrEnum

from comparisons.adjudicate.allowance import Allowance
from comparisons.adjudicate.distance import Neighbourhood
from comparisons.adjudicate.held import Held
from comparisons.adjudicate.ways_to_read import Reading


class Verdict(StrEnum):
    """What the estimates are."""

    AT_MAXIMUM = "at the maximum"
    PRACTICALLY_AT_MAXIMUM = "at the maximum for practical purposes"
    STOPPED_EARLY = "stopped early"
    ANOTHER_OPTIMUM = "another optimum"
    ANOTHER_PARAMETRISATION = "another parametrisation"
    ANOTHER_MODEL = "another model or data"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, eq=False)
class Finding:
    """A verdict with what it rests on.

    Attributes
    ----------
    verdict : Verdict
    reading : Reading
        How the file was read to reach it.
    place : Neighbourhood
        The stationary point that the estimates were compared with.
    within_rounding : bool
    allowance : Allowance or None
        What had to be granted beyond rounding, where that was looked at.
    detail : str
        What else the sentence says.
    held : Held or None
        The parameters that are held at an edge of their range, where the place is a maximum only with them so.
    """

    verdict: Verdict
    reading: Reading
    place: Neighbourhood
    within_rounding: bool = False
    allowance: Allowance | None = None
    detail: str = ""
    held: Held | None = None
