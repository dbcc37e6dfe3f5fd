"""What must be granted to estimates beyond their rounding, for them to be a stationary point."""

from typing import NamedTuple


class Allowance(NamedTuple):
    """What must be granted beyond rounding.

    Attributes
    ----------
    change : float
        Largest change of a parameter in the next EM cycle, in its unit, at the best point that rounds to the file.
    distance : float
        Distance of that point from the optimum in standard errors, by the log-likelihood.
    """

    change: float
    distance: float
