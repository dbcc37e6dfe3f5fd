"""What a fit promises: it stops near a maximum, not at a saddle, where its own cycle leads, and says so truly."""

import numpy as np

from comparisons.audit.copies import difference
from comparisons.audit.cycles_told import cycles_told
from comparisons.audit.early_stops import (
    ARRIVED,
    FIXED,
    LEAVES_OFF,
    NEAR,
    Stop,
    carried_on,
    stays_at_the_maximum,
    stops,
)
from comparisons.audit.finding import Finding, described, failed, not_applicable, passed, remark
from comparisons.audit.limits import Path, follow, way_up
from comparisons.audit.own_em import end_of_em
from comparisons.audit.reference import Reference
from comparisons.audit.stop_rules import cut_off
from comparisons.audit.subject import Subject
from comparisons.case import Natural
from comparisons.optima.kinds import Kind, examine, judge

# Starts that tell whether they are used.
ENOUGH = 4
# Two fits from the same start that differ by less, beside the size of each parameter, add up in another order.
THE_SAME = 1e-13
# The rate of an EM below which its ends do not tell.
SLOW = 0.2
# The most that a fit cut short may call convergence, in standard errors.
STOPPED = 1e-2
# How far a fit may go from a fixed point of its own cycle, where a fit that only stops early stays.
LEFT = 1e-3
# This far from a zero, in standard errors, is at it: what then does not say that it converged never does.
AT_ZERO = 1e-6
# No EM from a random start comes so near to a saddle, this much below the maximum.
EXACTLY, LOWER = 1e-8, 1e-3

SADDLE = "the fit starts from equal components or zero slopes, whatever start it is given"
BESIDE = "the fit does something else than its cycle: a prior left in, estimates rounded"
MERGED = "components that are near each other are taken for one, or parameters are kept from some values"


def stopping(subject: Subject, reference: Reference) -> Finding:
    """A fit that says it converged is near a maximum, and one that ran into its limit does not say so."""
    check = "stopping"
    if subject.fit is None:
        return not_applicable(check, "the EM offers no fit")
    ends = stops(subject, reference)
    fault = _where(subject, reference, ends) or _cut_short(subject, reference) or cycles_told(subject, reference)
    return fault or _unused_start(subject, reference, ends) or _kept(subject, reference, ends) or _early(ends)


def _cut_short(subject: Subject, reference: Reference) -> Finding | None:
    """A fit that runs into its limit of cycles, and says that it converged."""
    if not subject.limits_cycles:
        return None
    assert subject.fit is not None
    start = reference.points[0]
    short = subject.fit(start, 2)
    distance = reference.distance_to_zero(short.natural)
    if not short.converged or distance <= STOPPED:
        return None
    found = f"stopped after 2 cycles, {distance:.3g} standard errors short, it says that it converged"
    return failed("stopping", found, described(start))


def _where(subject: Subject, reference: Reference, found: tuple[Stop, ...]) -> Finding | None:
    """A fault in where the fit ends, None if there is none."""
    check = "stopping"
    assert subject.fit is not None
    claimed = [stop for stop in found if stop.converged is not False]
    cut = cut_off(subject, reference)
    if cut is not None:
        return failed(check, cut[1], described(cut[0].start))._replace(meaning=cut[2])
    ways = [(stop, way_up(reference, stop.end)) for stop in claimed if stop.distance <= NEAR]
    saddles = [(stop, beside) for stop, beside in ways if beside is not None]
    # One start may itself lie on the way to a saddle; several, at random, do not, nor one that starts above it.
    if len(saddles) > 1 and len(saddles) == len(claimed):
        told = "from different starts it stops at a saddle of PyMC's likelihood, which increases from there"
        return failed(check, told, described(saddles[0][0].end))._replace(meaning=SADDLE)
    for stop, beside in saddles[:2]:
        if reference.climbed(subject.fit(beside, None).natural) < reference.climbed(beside):
            told = "it stops at a saddle of PyMC's likelihood, and returns there from a higher point beside it"
            return failed(check, told, described(stop.start))._replace(meaning=MERGED)
    for stop in claimed:
        if stop.distance <= EXACTLY and stop.start is not reference.case.start and _below(reference, stop):
            told = "from a random start it ends exactly at a saddle of PyMC's likelihood, where EM does not end"
            return failed(check, told, described(stop.start))._replace(meaning=MERGED)
    if not claimed:
        return _never_says_so(subject, reference, found)
    worst = max(claimed, key=lambda stop: stop.distance)
    if worst.distance > ARRIVED:
        path = None if subject.step is None else follow(subject, reference, worst.end)
        left = 0.0 if path is None else _left(subject, reference, path.end)
        if left > LEFT:
            told = f"started at a fixed point of its own cycle, the fit ends {left:.3g} standard errors from there"
            return failed(check, told, described(worst.end))._replace(meaning=BESIDE)
        away = _carried(subject, reference, worst, path)
        stays = stays_at_the_maximum(subject, reference) if away > ARRIVED else None
        if away > (LEAVES_OFF if stays is not None and stays <= FIXED else ARRIVED):
            where = f"{away:.3g} standard errors from a zero of PyMC's gradient"
            told = (
                f"continued from where it stopped, it stays {where}"
                if subject.starts
                else f"it stops {where}, and takes no start from which it could be continued"
            )
            return failed(check, told, described(worst.end))._replace(meaning=BESIDE)
    return _never_says_so(subject, reference, found)


def _below(reference: Reference, stop: Stop) -> bool:
    """Whether a fit ended at a saddle well below the maximum, and a right EM from the same start does not."""
    case, end = reference.case, stop.end
    if reference.climbed(end) > reference.climbed(reference.top.natural) - LOWER:
        return False
    if reference.climbed(end_of_em(case, stop.start)) <= reference.climbed(end) + LOWER:
        return False
    return judge(reference.compiled, examine(reference.compiled, end)).kind is Kind.SADDLE


def _never_says_so(subject: Subject, reference: Reference, found: tuple[Stop, ...]) -> Finding | None:
    """Started at a maximum, a fit that then does not move at all has converged."""
    assert subject.fit is not None
    for stop in found:
        if stop.converged is False and stop.distance <= AT_ZERO:
            again = subject.fit(stop.end, None)
            stands = difference(reference.case, again.natural, stop.end) <= AT_ZERO
            if again.converged is False and stands and reference.top.regular:
                told = "started at a maximum, where it stays, it says that it did not converge"
                return failed("stopping", told, described(stop.end))._replace(meaning="the flag is never set")
            break
    return None


def _unused_start(subject: Subject, reference: Reference, found: tuple[Stop, ...]) -> Finding | None:
    """A fit that gives the same estimates from every start, to the last digit, has not used it.

    One number, or an EM that is done in a few cycles, comes to the same double from everywhere.
    """
    if not (subject.starts and reference.hooks.steps and reference.top.regular and len(reference.case.unit) > 1):
        return None
    if reference.rates()[-1] <= SLOW:
        return None
    first = reference.case.flat(found[0].end)
    starts = {reference.case.flat(stop.start).tobytes() for stop in found}
    if len(starts) < ENOUGH or any(not np.array_equal(reference.case.flat(stop.end), first) for stop in found):
        return None
    told = f"takes a start and does not use it: {len(starts)} starts give the same estimates, to the last digit"
    return remark("stopping", told)


def _kept(subject: Subject, reference: Reference, found: tuple[Stop, ...]) -> Finding | None:
    """A fit that gives other estimates when it starts at the same place once more."""
    assert subject.fit_again is not None
    again = subject.fit_again(found[0].start, None).natural
    apart = difference(reference.case, again, found[0].end)
    if apart <= THE_SAME:
        return None
    told = f"the same start gives other estimates the second time, by {apart:.1e}: something is kept of the fit before"
    return remark("stopping", f"{told}, or random numbers are used", described(found[0].start))


def _early(found: tuple[Stop, ...]) -> Finding:
    """How far from a maximum the fit stops."""
    worst = max(found, key=lambda stop: stop.distance)
    said = "" if worst.converged is None else f" and says converged = {worst.converged}"
    where = f"it stops {'up to ' * (len(found) > 1)}{worst.distance:.1e} standard errors from a zero of PyMC's gradient"
    if worst.distance <= ARRIVED or worst.converged is False:
        return passed("stopping", f"{where}{said}")
    return remark("stopping", f"stops early: {where}{said}, and stays at the maximum", described(worst.end))


def _carried(subject: Subject, reference: Reference, stop: Stop, path: Path | None) -> float:
    """Distance from a zero, in standard errors, once the EM is carried on from where it stopped; 0 while it climbs."""
    if path is None:
        return carried_on(subject, reference, stop.end)
    distance = reference.distance_to_zero(path.end)
    return 0.0 if distance < stop.distance and not path.still else distance


def _left(subject: Subject, reference: Reference, fixed: Natural) -> float:
    """How far the fit goes from where the EM's own cycle has led on from the fit's end; 0 where that is nowhere.

    A fit that stops early is off as well, but not when it starts there; a prior left in, or rounding, is.
    """
    assert subject.fit is not None
    if reference.distance_to_zero(fixed) > ARRIVED:
        return 0.0
    return reference.distance_to_zero(subject.fit(fixed, None).natural)
