"""What is wrong with an EM where it shows without a comparison."""

from collections.abc import Callable

import numpy as np

from comparisons.audit.copies import difference
from comparisons.audit.guard import Trouble, out_of_time
from comparisons.audit.own_em import end_of_em, one_cycle
from comparisons.audit.reference import Reference
from comparisons.audit.stop_rules import cut_off
from comparisons.audit.subject import Subject
from comparisons.case import Natural, scalar_name

POINTS = 4
SAME = 1e-12
# Equal to EM's result, beside the size of a parameter.
RIGHT = 1e-4
NEAR_TOP = 1e-2
# To this share what is left of the gradient of Q is proportional to a parameter.
PROPORTIONAL = 1e-3
# A cycle this near to EM's may be EM's in single precision; between parameters so near to each other a smooth one has
# second differences below the last.
NEARLY, BESIDE, JUMP = 1e-3, 1e-6, 1e-9
JUMPS = "single precision, rounded numbers or a loose inner tolerance"


def symptom(subject: Subject, reference: Reference) -> str:
    """What shows at once, in words; empty where nothing does."""
    if subject.step is not None:
        return _of_cycles(subject, reference)
    if subject.fit is not None and subject.starts:
        return _of_fits(subject, reference)
    return ""


def only_below_zero(subject: Subject, reference: Reference) -> str:
    """An EM that is right where a parameter is positive, and wrong where it is not."""
    case = reference.case
    act = subject.step or (_fitted(subject) if subject.fit is not None and subject.starts else None)
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
        after = _all(subject.step, points)
        right = [one_cycle(reference.case, point) for point in points]
        return (
            _rounded(after, points, reference.complete.rows)
            or (_kept_off(after, right) if len(after) == len(right) else "")
            or (f"{JUMPS}: nearly the same parameters give results that jump" if jumps_of(subject, reference) else "")
        )
    if subject.fit is not None and subject.starts:
        ends = _ends(subject, reference)
        if all(np.array_equal(reference.case.flat(end), reference.case.flat(ends[0])) for end in ends):
            return "the start is not used: every start gives the same estimates, to the last digit"
        return _rounded(ends, reference.points[:POINTS], reference.complete.rows)
    return ""


def _of_cycles(subject: Subject, reference: Reference) -> str:
    assert subject.step is not None
    points = reference.points[:POINTS]
    case = reference.case
    after, again = _all(subject.step, points), _all(subject.step, points)
    if any(not np.array_equal(case.flat(one), case.flat(two)) for one, two in zip(after, again, strict=True)):
        return "equal parameters give different results: random numbers (a Monte Carlo step), or something is kept"
    if subject.e_step is not None and len(points) > 1 and _counts_stay(subject, points):
        return "the expected counts do not depend on the parameters: those of the first call are kept"
    return never_updated(subject, reference) or _prior(subject, reference)


def never_updated(subject: Subject, reference: Reference) -> str:
    """Parameters that no cycle moves, where EM's would, in words; empty if there are none."""
    assert subject.step is not None
    case = reference.case
    stays, moves = np.ones(len(case.unit), dtype=bool), np.zeros(len(case.unit), dtype=int)
    for point in reference.points:
        try:
            after = case.flat(subject.step(point))
        except Trouble as trouble:
            if trouble.refused:
                continue
            raise
        before = case.flat(point)
        stays &= after == before
        moves += np.abs(case.flat(one_cycle(case, point)) - before) > RIGHT * case.size(point)
    stays &= 2 * moves > len(reference.points)
    names = [name for name, still in zip(case.parameter_names(), stays, strict=True) if still]
    if not names:
        return ""
    whole = [
        name for name, entries in case.labels.items() if {scalar_name(name, entry) for entry in entries} <= set(names)
    ]
    told = whole if sum(len(case.labels[name]) for name in whole) == len(names) else names
    return f"{' and '.join(told)} {'is' if len(told) == 1 else 'are'} never updated"


def _counts_stay(subject: Subject, points: list[Natural]) -> bool:
    assert subject.e_step is not None
    counts = [subject.e_step(point).counts for point in points]
    return bool(counts[0]) and all(
        np.array_equal(one[name], counts[0][name]) for one in counts[1:] for name in counts[0]
    )


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
        found = _all(subject.step, near)
        if len(found) < len(near):
            continue
        back, here, ahead = found
        if difference(case, here, one_cycle(case, near[1])) > NEARLY:
            return 0.0
        bend = case.flat(ahead) - 2 * case.flat(here) + case.flat(back)
        jumps.append(float(np.abs(bend / case.size(here)).max()))
    typical = float(np.median(jumps)) if jumps else 0.0
    return typical if typical > JUMP else 0.0


def _of_fits(subject: Subject, reference: Reference) -> str:
    case, starts, ends = reference.case, reference.points[:POINTS], _ends(subject, reference)
    if len(ends) < 2:
        return ""
    cycles = [one_cycle(case, start) for start in starts]
    if all(difference(case, end, cycle) <= 1e-9 for end, cycle in zip(ends, cycles, strict=False)):
        return "only one cycle is done: the posterior is computed once, before the loop, and never again"
    for name in case.labels:
        if all(np.array_equal(end[name], start[name]) for end, start in zip(ends, starts, strict=False)):
            return f"{name} is never updated"
    cut = cut_off(subject, reference)
    return "" if cut is None else cut[2]


def _prior(subject: Subject, reference: Reference) -> str:
    """A normal prior on one parameter: what is left of the gradient of Q is proportional to it.

    At the maximum of Q - a^2 / (2 s^2) the gradient of Q by a is a / s^2, and 0 by every other parameter.
    """
    assert subject.step is not None
    found: dict[str, list[float]] = {}
    for point in reference.points[:POINTS]:
        new = subject.step(point)
        x = reference.free(new)
        gradient = reference.complete.expected_log_joint(x, reference.weighted(point))[1]
        gradient += reference.complete.prior_gradient(x)
        jacobian = reference.objective.natural_jacobian(x)
        if jacobian.shape[0] != jacobian.shape[1]:
            return ""
        gradient = np.asarray(np.linalg.solve(jacobian.T, gradient), dtype=float)
        left = np.split(gradient, np.cumsum([len(new[name]) for name in reference.objective.names])[:-1])
        for name, part in zip(reference.objective.names, left, strict=True):
            factor = float(part @ new[name] / (new[name] @ new[name]))
            off = np.linalg.norm(part - factor * new[name]) + np.linalg.norm(gradient) - np.linalg.norm(part)
            if factor > 0 and off <= PROPORTIONAL * np.linalg.norm(part):
                found.setdefault(name, []).append(factor)
    for name, factors in found.items():
        if len(factors) >= max(2, POINTS - 1) and np.ptp(factors) <= PROPORTIONAL * max(factors):
            spread = 1 / np.sqrt(np.mean(factors))
            return f"a normal prior with a standard deviation of {spread:.4g} is left in on {name}: a ridge penalty"
    return ""


def _fitted(subject: Subject) -> Callable[[Natural], Natural]:
    fit = subject.fit
    assert fit is not None
    return lambda start: fit(start, None).natural


def _ends(subject: Subject, reference: Reference) -> list[Natural]:
    """Estimates of a fit from the first starts, as many as time allows."""
    assert subject.fit is not None
    late = out_of_time()
    ends: list[Natural] = []
    for start in reference.points[:POINTS]:
        if len(ends) > 1 and late():
            break
        ends.append(subject.fit(start, None).natural)
    return ends


def _all(step: Callable[[Natural], Natural], points: list[Natural]) -> list[Natural]:
    """What comes out at those points that are taken."""
    found = []
    for point in points:
        try:
            found.append(step(point))
        except Trouble as trouble:
            if not trouble.refused:
                raise
    return found
