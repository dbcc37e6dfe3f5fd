"""Pairs that lie on a line: there the likelihood of a bivariate normal has no bound."""

from typing import NamedTuple

import numpy as np

from comparisons.case import Array, Natural

# Complete rows lie on a line when it leaves this share of their squares.
ON_A_LINE = 1e-14
NEXT_TO_ONE = 1e-6


class Line(NamedTuple):
    """The line nearest to the complete rows, through 0 where the means are known to be.

    Attributes
    ----------
    through : array (2,)
    slope : float
        0 where there is none that is neither level nor upright.
    left : float
        Share of the squares of y that it leaves unexplained, 1 - r^2.
    """

    through: Array
    slope: float
    left: float


def line_through(values: Array, means_zero: bool) -> Line | None:
    """The line through complete rows (N, 2), None where there are none."""
    if not len(values):
        return None
    through = np.zeros(2) if means_zero else values.mean(axis=0)
    x, y = (values - through).T
    if not means_zero and not (x.any() and y.any()):
        # One place: every line through it will do.
        return Line(through, 1.0 if not x.any() and not y.any() else 0.0, 0.0)
    slope = float(x @ y / (x @ x)) if x.any() else 0.0
    return Line(through, slope, float((y - slope * x) @ (y - slope * x) / (y @ y)) if y.any() else 0.0)


def towards_the_line(values: Array, means_zero: bool, mean: Array, variance: Array) -> tuple[Natural, ...]:
    """A point next to where the likelihood is unbounded, if all complete rows lie on an oblique line; else none.

    With the correlation at 1 or -1 and standard deviations in the ratio of its slope these rows have a density without
    bound, whatever the single entries do.
    """
    line = line_through(values[~np.isnan(values).any(axis=1)], means_zero)
    if line is None or line.slope == 0 or line.left > ON_A_LINE:
        return ()
    first = float(variance[0])
    point = {
        "variance": np.array([first, line.slope**2 * first]),
        "correlation": np.array([np.sign(line.slope) * (1 - NEXT_TO_ONE)]),
    }
    return (point if means_zero else {"mean": line.through, **point},)
