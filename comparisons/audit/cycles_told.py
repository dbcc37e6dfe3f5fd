"""Whether the number of cycles that a fit reports is the number that it took, and its limit holds.

The reference EM runs from the same start, cycle by cycle. A plain EM that took n cycles stands where the reference
stands after n. A fit that is on no point of that path (accelerated, generalised) is not judged.
"""

from dataclasses import replace

import numpy as np

from comparisons.audit.copies import difference
from comparisons.audit.finding import Finding, described, failed
from comparisons.audit.reference import Reference
from comparisons.audit.subject import Estimate, Subject
from comparisons.case import Natural, each
from em_reference.em import em

LIMITS = (2, 6)
LONGEST = 300
# Cycles between two extrapolations.
EXTRAPOLATED = (2, 3)
# A point is the one after n cycles when it is this much nearer to it than the points before and after.
CLOSE = 1e-3
# In standard errors: arrived, although the reference is far away after so many times the cycles that were allowed.
THERE, AWAY, FASTER = 1e-6, 1e-2, 10


def cycles_told(subject: Subject, reference: Reference) -> Finding | None:
    """A fault in the number of cycles, None if there is none or none can be seen."""
    assert subject.fit is not None
    start = reference.points[0]
    path = path_of(reference, start)
    several = _cycles_in_one(subject, reference, path) if subject.limits_cycles else 1
    for limit in (*LIMITS, None) if subject.limits_cycles else (None,):
        estimate = subject.fit(start, limit)
        fault = _fault(reference, path, estimate, limit, several)
        if fault:
            return failed("stopping", fault[0], described(start))._replace(meaning=fault[1])
    return None


def _cycles_in_one(subject: Subject, reference: Reference, path: list[Natural]) -> int:
    """How many cycles of EM the fit counts as one: SQUAREM takes two or three before each extrapolation."""
    assert subject.fit is not None
    start = reference.points[0]
    short, long = (taken(reference, path, subject.fit(start, limit).natural) for limit in LIMITS)
    several = 0 if short is None else short // LIMITS[0]
    whole = several in EXTRAPOLATED and short == several * LIMITS[0]
    return several if whole and long in (None, several * LIMITS[1]) else 1


def _fault(
    reference: Reference, path: list[Natural], estimate: Estimate, limit: int | None, several: int
) -> tuple[str, str] | None:
    """What is wrong with the cycles of one fit, and what it usually means."""
    cycles = taken(reference, path, estimate.natural)
    if limit is not None:
        if estimate.cycles is not None and estimate.cycles > 2 * limit + 1:
            return (
                f"it reports {estimate.cycles} cycles where max_cycles={limit} allows {limit}",
                "the limit is not used",
            )
        over = cycles is not None and cycles > several * limit + 1
        if cycles is None and limit < len(path):
            there = reference.distance_to_zero(estimate.natural) <= THERE
            over = there and reference.distance_to_zero(path[min(FASTER * limit, len(path) - 1)]) > AWAY
        if over:
            told = f"{cycles} cycles" if cycles is not None else "all cycles to the end"
            return f"it takes {told} where max_cycles={limit} allows {limit}", "the limit is not used"
    if cycles is None or estimate.cycles is None or cycles < 2 or several > 1:
        return None
    if estimate.cycles == cycles - 1:
        return f"it reports {estimate.cycles} cycles and took {cycles}", "cycles are counted from 0"
    if abs(estimate.cycles - 2 * cycles) <= 1 and cycles > 2:
        return f"it reports {estimate.cycles} cycles and took {cycles}", "E- and M-steps are counted as cycles"
    return None


def path_of(reference: Reference, start: Natural) -> list[Natural]:
    """Where the reference EM stands after 0, 1, 2, ... cycles."""
    case = reference.case
    trace = em(case.em, case.to_em(start), replace(case.stop, max_cycles=LONGEST), trace=True).trace
    assert trace is not None
    return list(each(case.from_em(trace.params)))


def taken(reference: Reference, path: list[Natural], end: Natural) -> int | None:
    """After how many cycles the reference stands at a point, None where it never does or that cannot be told."""
    apart = np.array([difference(reference.case, end, point) for point in path])
    nearest = int(apart.argmin())
    steps = [difference(reference.case, path[n], path[n - 1]) for n in (nearest, nearest + 1) if 0 < n < len(path)]
    if not steps or nearest == len(path) - 1:
        return None
    return nearest if apart[nearest] <= CLOSE * min(steps) else None
