"""What is wrong with an EM where it shows at once, without trying mistakes."""

from collections.abc import Callable

import numpy as np

from comparisons.audit.copies import difference
from comparisons.audit.guard import out_of_time
from comparisons.audit.own_em import one_cycle
from comparisons.audit.reference import Reference
from comparisons.audit.stop_rules import cut_off
from comparisons.audit.subject import Subject
from comparisons.case import Natural, scalar_name
from comparisons.errors import Trouble

POINTS = 4
# Equal to EM's result, beside the size of a parameter.
RIGHT = 1e-4
# To this share what is left of the gradient of Q is proportional to a parameter.
PROPORTIONAL = 1e-3


def symptom(subject: Subject, reference: Reference) -> str:
    """What shows at once, in words; empty where nothing does."""
    if subject.step is not None:
        return _of_cycles(subject, reference)
    if subject.fit is not None and subject.starts:
        return _of_fits(subject, reference)
    return ""


def _of_cycles(subject: Subject, reference: Reference) -> str:
    assert subject.step is not None
    points = reference.points[:POINTS]
    case = reference.case
    after, again = tried(subject.step, points), tried(subject.step, points)
    if not after:
        return ""
    if len(after) != len(again) or any(
        not np.array_equal(case.flat(one), case.flat(two)) for one, two in zip(after, again, strict=True)
    ):
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


def _of_fits(subject: Subject, reference: Reference) -> str:
    case, starts, ends = reference.case, reference.points[:POINTS], ends_of(subject, reference)
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


def ends_of(subject: Subject, reference: Reference) -> list[Natural]:
    """Estimates of a fit from the first starts, as many as time allows."""
    assert subject.fit is not None
    late = out_of_time()
    ends: list[Natural] = []
    for start in reference.points[:POINTS]:
        if len(ends) > 1 and late():
            break
        ends.append(subject.fit(start, None).natural)
    return ends


def tried(step: Callable[[Natural], Natural], points: list[Natural]) -> list[Natural]:
    """What comes out at those points that are taken."""
    found = []
    for point in points:
        try:
            found.append(step(point))
        except Trouble as trouble:
            if not trouble.refused:
                raise
    return found
