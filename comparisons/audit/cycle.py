"""Checks of one whole cycle, at random parameters: the M-step, ascent, symmetry."""

from collections.abc import Callable

import numpy as np

from comparisons.audit.finding import Finding, Outcome, described, failed, judged, not_applicable, passed
from comparisons.audit.reference import Reference
from comparisons.audit.steps import EQUAL, expected_counts
from comparisons.audit.subject import Subject
from comparisons.case import Array, Natural

# An M-step this close to the maximum of Q, in standard errors of the complete data, is complete. Newton
# steps to a tolerance of 1e-6 end far below it, an error of a millionth in an estimate lies above it.
COMPLETE = 1e-5
# An M-step that is not complete is repeated on the same counts, at most this often, until it moves less
# than this share of 1 + the size of each parameter.
REPEATS = 100
SETTLED = 1e-11
# An inner optimiser at its default tolerance settles this close below the maximum of Q, as a share of what it
# gained. At PyMC's maximum, where nothing is gained, no other function hides in that.
SLIGHT = 1e-6
# Cycles that are followed from each random point.
CYCLES = 4
# Two orders of summation may differ by this share of 1 + the size of a parameter, after inner iterations.
SYMMETRIC = 1e-6

BREAKS = "a Newton step that is not limited, a logarithm or a division without guard"


def ascent(subject: Subject, reference: Reference) -> Finding:
    """PyMC's log-likelihood (or log-posterior) never falls along the EM map."""
    check = "ascent"
    if subject.step is None and subject.fit is None:
        return not_applicable(check, "the EM offers neither a cycle nor a fit")
    step = subject.step or whole_fit(subject)
    steps, cycles = 0, CYCLES if subject.step else 1
    for point in reference.points[: None if subject.step else 3]:
        value = reference.climbed(point)
        for _ in range(cycles):
            moved = step(point)
            after = reference.climbed(moved)
            steps += 1
            if not after >= value - EQUAL * (1 + abs(value)):
                return failed(check, f"the log-likelihood falls from {value:.10g} to {after:.10g}", described(point))
            point, value = moved, after
    if reference.broken:
        tried = len(reference.broken) + len(reference.points)
        found = f"the cycle breaks at {len(reference.broken)} of {tried} random parameters: {reference.broken[0]}"
        return failed(check, found, reference.broken[0].at)._replace(meaning=BREAKS)
    return passed(check, f"it never fell in {steps} {'cycles' if subject.step else 'fits'} from random parameters")


def whole_fit(subject: Subject) -> Callable[[Natural], Natural]:
    """Estimates of a fit, as a function of its start."""
    fit = subject.fit
    assert fit is not None
    return lambda start: fit(start, None).natural


def m_step(subject: Subject, reference: Reference) -> Finding:
    """The M-step's answer is a stationary point of PyMC's Q that no search around it improves.

    An answer that is not, but raised Q, may be an incomplete M-step (one Newton step, a damped step) or
    the maximum of another function. Repeated on the same counts the first goes on to the maximum of Q;
    the second stays where it is.
    """
    finding = _m_step(subject, reference)
    if finding.outcome is Outcome.FAILED and expected_counts(subject, reference).outcome is Outcome.FAILED:
        found = f"{finding.found}; the expected counts that it was given are wrong, it may follow from them"
        return finding._replace(found=found, meaning="")
    return finding


def _m_step(subject: Subject, reference: Reference) -> Finding:
    check = "m_step"
    if subject.step is None:
        return not_applicable(check, "the EM offers no single cycle")
    rng = np.random.default_rng([reference.seed, 2])
    short, where = 0.0, None
    points = [*reference.points, *([reference.top.natural] if reference.top.regular else [])]
    for point in points:
        weighted = reference.weighted(point)
        x = reference.free(subject.step(point))
        before, after = reference.q(reference.free(point), weighted), reference.q(x, weighted)
        scale = EQUAL * (1 + abs(before))
        if not after >= before - scale:
            found = f"Q falls from {before:.10g} to {after:.10g}: this is not a step up"
            return failed(check, found, described(point))
        left = reference.short_of_maximum(x, weighted)
        if left <= COMPLETE and _search(reference, x, weighted, rng) <= after + scale:
            continue
        if left > short or where is None:
            short, where = left, point
        settled = _repeated(subject, reference, point)
        if settled is not None:
            left, end = reference.short_of_maximum(settled, weighted), reference.q(settled, weighted)
            lacking = max(left**2 / 2, _search(reference, settled, weighted, rng) - end)
            if (left > COMPLETE or lacking > scale) and lacking > SLIGHT * (end - before):
                found = f"it settles {left:.3g} standard errors (of the complete data) from the maximum of Q"
                return failed(check, found, described(point))
    if where is None:
        return passed(check, f"Q is at its maximum after each of {len(points)} M-steps")
    found = f"it raises Q and ends up to {short:.3g} standard errors short of its maximum: an incomplete M-step"
    return Finding(check, Outcome.GENERALISED, found, described(where))


def _repeated(subject: Subject, reference: Reference, point: Natural) -> Array | None:
    """Where the M-step settles when it is repeated on the counts of one point; None while it still moves."""
    if subject.e_step is None or subject.m_step is None:
        return None
    old = point
    for _ in range(REPEATS):
        # Counts afresh each time: an M-step may use them up.
        new = subject.m_step(subject.e_step(point).raw, old)
        if all((np.abs(new[name] - old[name]) <= SETTLED * (1 + np.abs(old[name]))).all() for name in old):
            return reference.free(new)
        old = new
    return None


def _search(reference: Reference, x: Array, weighted: Array, rng: np.random.Generator) -> float:
    """Highest Q at some random points around x."""
    low, high = reference.objective.bounds.T
    around = [x + scale * rng.normal(size=len(x)) for scale in (1e-3, 1e-2, 1e-1) for _ in range(3)]
    return max(reference.q(np.clip(z, low, high), weighted) for z in around)


def symmetry(subject: Subject, reference: Reference) -> Finding:
    """Relabelled or reflected parameters give relabelled or reflected output."""
    check = "symmetry"
    if subject.step is None:
        return not_applicable(check, "the EM offers no single cycle")
    if not reference.hooks.symmetries:
        return not_applicable(check, "this model has no symmetry")
    worst, where, which = 0.0, reference.points[0], ""
    for name, change in reference.hooks.symmetries.items():
        for point in reference.points:
            one = reference.case.flat(subject.step(change(point)))
            other = reference.case.flat(change(subject.step(point)))
            gap = float((np.abs(one - other) / (1 + np.abs(other))).max())
            if gap > worst or not which:
                worst, where, which = gap, point, name
    found = f"one cycle after {which} differs by {worst:.1e} from {which} after one cycle"
    return judged(check, worst <= SYMMETRIC, found, described(where))
