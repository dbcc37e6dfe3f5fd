"""What the numbers of a wrong EM have in common, where no mistake is found that gives the same ones."""

import numpy as np

from comparisons.audit.causes.symptoms import POINTS, RIGHT, ends_of, tried
from comparisons.audit.copies import difference
from comparisons.audit.guard import out_of_time
from comparisons.audit.own_em import end_of_em, one_cycle
from comparisons.audit.reference import Reference
from comparisons.audit.subject import Subject, whole_fit
from comparisons.case import Natural

SAME = 1e-12
# Beside the maximum, in free parameters.
NEAR_TOP = 1e-2
# A cycle this near to EM's may be EM's in single precision; between parameters so near to each other a smooth one has
# second differences below the last.
NEARLY, BESIDE, JUMP = 1e-3, 1e-6, 1e-9
JUMPS = "single precision, rounded numbers or a loose inner tolerance"


def only_below_zero(subject: Subject, reference: Reference) -> str:
    """An EM that is right where a parameter is positive, and wrong where it is not."""
    case = reference.case
    act = subject.step or (whole_fit(subject) if subject.fit is not None and subject.starts else None)
    if act is None:
        return ""
    late = out_of_time()

    def wrong(point: Natural) -> bool:
        should = one_cycle(case, point) if subject.step is not None else end_of_em(case, point)
        return difference(case, act(point), should) > RIGHT

    for name in case.labels:
        below = [point for point in reference.points if (point[name] < 0).any()][:POINTS]
        if not below or late():
            continue
        above = [{**point, name: np.abs(point[name])} for point in below]
        if not any(map(wrong, above)) and sum(map(wrong, below)) > len(below) / 2:
            return f"it is right where {name} is positive and wrong below 0: {name} is kept from some values"
    return ""


def right_near_the_maximum(subject: Subject, reference: Reference) -> str:
    """An EM whose cycle stays at the maximum, and beside it does what EM does."""
    case, top = reference.case, reference.top
    if subject.step is None or not top.regular:
        return ""
    beside = [top.natural, *(reference.named(top.x + sign * NEAR_TOP) for sign in (1, -1))]
    if all(difference(case, subject.step(point), one_cycle(case, point)) <= RIGHT for point in beside):
        return (
            "it is right near the maximum and wrong far from it: a Newton step or an acceleration that is not limited, "
            "or some values are cut off or treated apart"
        )
    return ""


def trace(subject: Subject, reference: Reference) -> str:
    """What estimates have in common that may also be chance: few decimals, one and the same limit, jumps."""
    if subject.step is not None:
        points = reference.points[:POINTS]
        after = tried(subject.step, points)
        if not after:
            return ""
        right = [one_cycle(reference.case, point) for point in points]
        return (
            _rounded(after, points, reference.complete.rows)
            or (_kept_off(after, right) if len(after) == len(right) else "")
            or (f"{JUMPS}: nearly the same parameters give results that jump" if jumps_of(subject, reference) else "")
        )
    if subject.fit is not None and subject.starts:
        ends = ends_of(subject, reference)
        if all(np.array_equal(reference.case.flat(end), reference.case.flat(ends[0])) for end in ends):
            return "the start is not used: every start gives the same estimates, to the last digit"
        return _rounded(ends, reference.points[:POINTS], reference.complete.rows)
    return ""


def _rounded(after: list[Natural], points: list[Natural], rows: float) -> str:
    """A parameter that always has few decimals."""
    for name in after[0]:
        values = np.concatenate([np.ravel(natural[name]) for natural in after])
        if np.isin(values, np.concatenate([np.ravel(natural[name]) for natural in points])).any():
            continue
        if name == "weight" and (np.abs(values * rows - np.round(values * rows)) <= SAME * rows).all():
            return "weights are whole numbers of observations: each is given to one component as a whole"
        for decimals in range(1, 7):
            if (np.abs(values - np.round(values, decimals)) <= SAME).all() and np.ptp(values) > 0:
                return f"{name} is rounded to {decimals} decimals"
        if (values == values.astype(np.float32)).all() and (values % 0.125 != 0).any():
            return f"{name} is in single precision"
    return ""


def _kept_off(after: list[Natural], right: list[Natural]) -> str:
    """A parameter that stops at one and the same value, which EM passes."""
    for name in after[0]:
        values = np.concatenate([np.ravel(natural[name]) for natural in after])
        if len(after) > 2 and all(np.array_equal(natural[name], after[0][name]) for natural in after):
            return f"{name} is the same whatever the parameters: what it is made of does not depend on the posterior"
        should = np.concatenate([np.ravel(natural[name]) for natural in right])
        for limit, words, beyond in (
            (values.min(), "below", should < values.min()),
            (values.max(), "above", should > values.max()),
        ):
            if beyond.sum() > 1 and (values[beyond] == limit).all() and (values != limit).any():
                return f"{name} {words} {limit:.6g} is set to {limit:.6g}: it is kept from some values"
    return ""


def jumps_of(subject: Subject, reference: Reference) -> float:
    """Jumps of a cycle that is EM's but for them: second differences that are too large for a smooth function; or 0."""
    case = reference.case
    assert subject.step is not None
    jumps = []
    for point in reference.points[:POINTS]:
        x = reference.free(point)
        near = [reference.named(x + by * BESIDE * (1 + np.abs(x))) for by in (-1, 0, 1)]
        found = tried(subject.step, near)
        if len(found) < len(near):
            continue
        back, here, ahead = found
        if difference(case, here, one_cycle(case, near[1])) > NEARLY:
            return 0.0
        bend = case.flat(ahead) - 2 * case.flat(here) + case.flat(back)
        jumps.append(float(np.abs(bend / case.size(here)).max()))
    typical = float(np.median(jumps)) if jumps else 0.0
    return typical if typical > JUMP else 0.0
