"""Does a fit stop by a tolerance? A loose one is its author's choice; to take a fall for a small change is a mistake.

A rule that stops at the first change below a tolerance leaves a trail: from whatever start, the last change is smaller
than every change before it, in the measure that the rule uses. A fit that compares the change with its sign, or that
does a fixed number of cycles, stops at changes of any size.
"""

from enum import StrEnum
from functools import lru_cache

import numpy as np

from comparisons.audit.cycles_told import path_of, taken
from comparisons.audit.early_stops import ARRIVED, NEAR, SMALL_STEP, Stop, stops
from comparisons.audit.reference import Reference
from comparisons.audit.subject import Subject
from comparisons.case import Array, Natural

# A rule that looks at the change before the last cycle is one cycle late.
LATE = (0, 1)
# Stops that are looked at.
MOST = 5
# So many fits of so many cycles each, all alike, are no chance.
SEVERAL = 4
# Further than this from the maximum, in standard errors, no tolerance is called small.
FAR = 1.0


class Rule(StrEnum):
    """What the stops of a fit have in common."""

    TOLERANCE = "a tolerance"
    CYCLES = "a fixed number of cycles"
    NONE = "no rule"
    UNKNOWN = "unknown"


MEANS = {
    Rule.TOLERANCE: "the tolerance is too loose",
    Rule.CYCLES: "a fixed number of cycles is done, converged or not",
    Rule.NONE: "the change is compared with its sign, so that a step down counts as a small one, or only some of the "
    "parameters are looked at",
    Rule.UNKNOWN: "",
}


def cut_off(subject: Subject, reference: Reference) -> tuple[Stop, str, str] | None:
    """The worst stop, far from a maximum, of a fit that says it converged; None where a tolerance explains it.

    A tolerance explains stops within `FAR` standard errors of the maximum.

    With it what is said of it, and what that usually means.
    """
    ends = [
        stop
        for stop in stops(subject, reference)
        if stop.converged is not False and stop.distance > NEAR and stop.next_step > SMALL_STEP
    ]
    if not ends:
        return None
    rule = rule_of(subject, reference)
    worst = max(ends, key=lambda stop: stop.distance)
    if rule is Rule.TOLERANCE and worst.distance <= FAR:
        return None
    told = f"it stopped {worst.distance:.3g} standard errors from a zero of PyMC's gradient and does not say so"
    return worst, told, MEANS[rule]


@lru_cache(maxsize=4)
def rule_of(subject: Subject, reference: Reference) -> Rule:
    """The rule by which a plain EM's fits stopped; unknown where there is no fit, or it is on no path of a plain EM."""
    if subject.fit is None:
        return Rule.UNKNOWN
    trails: list[Array] = []
    early = sorted((stop for stop in stops(subject, reference) if stop.distance > ARRIVED), key=lambda s: -s.distance)
    for stop in early[:MOST]:
        path = path_of(reference, stop.start)
        cycles = taken(reference, path, stop.end)
        if cycles:
            trails.append(_changes(reference, path[: cycles + 1]))
    if not trails:
        return Rule.UNKNOWN
    if len(trails) >= SEVERAL and len({trail.shape[1] for trail in trails}) == 1 and trails[0].shape[1] >= SEVERAL:
        return Rule.CYCLES
    for late in LATE:
        places = [max(trail.shape[1] - 1 - late, 0) for trail in trails]
        last = np.max([trail[:, place] for trail, place in zip(trails, places, strict=True)], axis=0)
        before = np.concatenate([trail[:, :place] for trail, place in zip(trails, places, strict=True)], axis=1)
        if before.shape[1] and (last <= before.min(axis=1)).any():
            return Rule.TOLERANCE
    return Rule.NONE


def _changes(reference: Reference, path: list[Natural]) -> Array:
    """Changes from cycle to cycle, (measure, cycle): of the parameters, beside their size, of the log-likelihood."""
    case = reference.case
    flat = np.array([case.flat(point) for point in path])
    value = np.array([reference.climbed(point) for point in path])
    step = np.abs(np.diff(flat, axis=0))
    gain = np.abs(np.diff(value))
    return np.array(
        [
            step.max(axis=1),
            (step / np.maximum(np.abs(flat[1:]), 1e-300)).max(axis=1),
            (step / case.unit).max(axis=1),
            np.sqrt((step**2).sum(axis=1)),
            step.sum(axis=1),
            gain,
            gain / (1 + np.abs(value[1:])),
        ]
    )
