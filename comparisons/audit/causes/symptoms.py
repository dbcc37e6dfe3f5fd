"""What is wrong with an EM where it shows without a comparison."""

from collections.abc import Callable

import numpy as np

from comparisons.audit.copies import difference
from comparisons.audit.guard import Trouble, out_of_time
from comparisons.audit.own_em import one_cycle
from comparisons.audit.reference import Reference
from comparisons.audit.subject import Subject
from comparisons.case import Natural

POINTS = 4
SAME = 1e-12
# To this share what is left of the gradient of Q is proportional to a parameter.
PROPORTIONAL = 1e-3
# A cycle this near to EM's may be EM's in single precision; between parameters so near to each other a smooth one has
# second differences below the last.
NEARLY, BESIDE, JUMP = 1e-3, 1e-6, 1e-9


def symptom(subject: Subject, reference: Reference) -> str:
    """What shows at once, in words; empty where nothing does."""
    if subject.step is not None:
        return _of_cycles(subject, reference)
    if subject.fit is not None and subject.starts:
        return _of_fits(subject, reference)
    return ""


def trace(subject: Subject, reference: Reference) -> str:
    """What estimates have in common that may also be chance: few decimals, one and the same limit, jumps."""
    if subject.step is not None:
        points = reference.points[:POINTS]
        after = _all(subject.step, points)
        right = [one_cycle(reference.case, point) for point in points]
        return (
            _rounded(after, points)
            or (_kept_off(after, right) if len(after) == len(right) else "")
            or _jumps(subject, reference, after)
        )
    if subject.fit is not None and subject.starts:
        ends = _ends(subject, reference)
        if all(np.array_equal(reference.case.flat(end), reference.case.flat(ends[0])) for end in ends):
            return "the start is not used: every start gives the same estimates, to the last digit"
        return _rounded(ends, reference.points[:POINTS])
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
    for name in case.labels:
        if all(np.array_equal(one[name], point[name]) for one, point in zip(after, points, strict=False)):
            return f"{name} is never updated"
    return _prior(subject, reference)


def _counts_stay(subject: Subject, points: list[Natural]) -> bool:
    assert subject.e_step is not None
    counts = [subject.e_step(point).counts for point in points]
    return bool(counts[0]) and all(
        np.array_equal(one[name], counts[0][name]) for one in counts[1:] for name in counts[0]
    )


def _rounded(after: list[Natural], points: list[Natural]) -> str:
    """A parameter that always has few decimals."""
    for name in after[0]:
        values = np.concatenate([np.ravel(natural[name]) for natural in after])
        if np.isin(values, np.concatenate([np.ravel(natural[name]) for natural in points])).any():
            continue
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
        should = np.concatenate([np.ravel(natural[name]) for natural in right])
        for limit, words, beyond in (
            (values.min(), "below", should < values.min()),
            (values.max(), "above", should > values.max()),
        ):
            if beyond.sum() > 1 and (values[beyond] == limit).all():
                return f"{name} {words} {limit:.6g} is set to {limit:.6g}: it is kept from some values"
    return ""


def _jumps(subject: Subject, reference: Reference, after: list[Natural]) -> str:
    """A cycle that is right but for small jumps: its second differences are too large for a smooth function."""
    case = reference.case
    apart = max(
        difference(case, one, one_cycle(case, point)) for one, point in zip(after, reference.points, strict=False)
    )
    if not apart <= NEARLY:
        return ""
    assert subject.step is not None
    jumps = []
    for point, here in zip(reference.points, after, strict=False):
        x = reference.free(point)
        ahead, back = (subject.step(reference.named(x + sign * BESIDE * (1 + np.abs(x)))) for sign in (1, -1))
        bend = case.flat(ahead) - 2 * case.flat(here) + case.flat(back)
        jumps.append(float(np.abs(bend / case.size(here)).max()))
    if float(np.median(jumps)) > JUMP:
        return "single precision, rounded numbers or a loose inner tolerance: nearly the same parameters give jumps"
    return ""


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
    return ""


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
