"""Near enough to the maximum for all practical purposes, with the digits that are lost, and why."""

import numpy as np

from comparisons.adjudicate.allowance import Allowance
from comparisons.adjudicate.comparison import TOLERANCE, Comparison
from comparisons.adjudicate.distance import Neighbourhood
from comparisons.adjudicate.finding import Finding, Verdict
from comparisons.adjudicate.grids import OtherGrid, other_grid
from comparisons.adjudicate.stopped_early import AS_WHEN_STOPPED, creeping
from comparisons.adjudicate.ways_to_read import Reading
from comparisons.case import Natural
from comparisons.optima.find import Optimum

# Tolerances that packages use: ltm, TAM, mirt, flexMIRT; BILOG-MG.
LOOSEST = 1e-2
OTHERWISE = (
    "the difference is not in the directions in which EM converges slowly; possible causes are another optimiser, "
    "{causes}, or data that differ in a few rows"
)


def near_enough(
    comparison: Comparison, reading: Reading, best: Optimum, natural: Natural, place: Neighbourhood
) -> Finding | None:
    """At the maximum for practical purposes, or at that of another quadrature; None further away."""
    if best.judgement.diverging:
        # What tends to infinity is judged by whether the likelihood still increases.
        return None
    distance = place.likelihood_distance(natural)
    grid = None if place.left_open else other_grid(comparison, reading, natural, distance)
    practical = comparison.practically(place, reading)
    allowance = comparison.allowance(place, reading)
    if grid is not None and (practical is None or (grid.short and grid.within_rounding)):
        return Finding(Verdict.ANOTHER_MODEL, reading, place, allowance=allowance, detail=_under(grid, distance))
    if practical is None:
        return None
    why = _because_of(grid) if grid is not None else _why(comparison, reading, natural, place, allowance)
    return Finding(Verdict.PRACTICALLY_AT_MAXIMUM, reading, place, allowance=allowance, detail=why)


def _under(grid: OtherGrid, distance: float) -> str:
    what = "a coarser quadrature that is also too short" if grid.short else "another quadrature, perhaps a coarser one"
    return (
        f"the maximum under {grid.in_words}, and {distance:.2g} standard errors from the one under the nodes used "
        f"here: {what}"
    )


def _because_of(grid: OtherGrid) -> str:
    return f"they are the maximum under {grid.in_words}: another quadrature than the one used here"


def _why(
    comparison: Comparison, reading: Reading, natural: Natural, place: Neighbourhood, allowance: Allowance | None
) -> str:
    """Why digits are lost where no other quadrature explains it."""
    if allowance is not None and creeping(comparison.case, comparison.estimates, place, reading, natural) is not None:
        tolerance = 10.0 ** np.ceil(np.log10(allowance.change))
        if TOLERANCE < tolerance <= LOOSEST:
            return f"{AS_WHEN_STOPPED} at a tolerance of {tolerance:g} per cycle"
        return f"{AS_WHEN_STOPPED} early"
    return OTHERWISE.format(causes=comparison.form.CAUSES)
