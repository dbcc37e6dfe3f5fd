"""Checks of one whole cycle, at random parameters: ascent, the M-step, symmetry."""

from collections.abc import Callable

import numpy as np

from comparisons.audit.causes.symptoms import never_updated
from comparisons.audit.causes.traces import JUMPS, jumps_of
from comparisons.audit.copies import copies, difference
from comparisons.audit.early_stops import ARRIVED
from comparisons.audit.finding import Finding, Outcome, described, failed, judged, not_applicable, passed, remark
from comparisons.audit.guard import out_of_time
from comparisons.audit.limits import FOLLOWED, follow, moves_the_maximum, way_up
from comparisons.audit.noise import forgiven
from comparisons.audit.reference import Reference
from comparisons.audit.steps import EQUAL, expected_counts
from comparisons.audit.subject import Subject, whole_fit
from comparisons.case import Array, Natural
from comparisons.errors import Trouble

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
# Cycles that are taken from each random point.
CYCLES = 4
# Two orders of summation may differ by this share of the size of a parameter, beyond the cycle's noise.
SYMMETRIC = 1e-6

# An M-step that settles so near to the maximum of Q maximises nearly the same.
LITTLE = 0.05
NEARLY = (
    "a little is added or cut off (a prior, smoothing, rounding), or an inner optimiser stops early or has a gradient "
)
NEARLY += "from difference quotients"
BREAKS = "a Newton step that is not limited, a logarithm or a division without guard"


def ascent(subject: Subject, reference: Reference) -> Finding:
    """PyMC's log-likelihood (or log-posterior) never falls along the EM map."""
    check = "ascent"
    if subject.step is None and subject.fit is None:
        return not_applicable(check, "the EM offers neither a cycle nor a fit")
    step = subject.step or whole_fit(subject)
    steps, cycles = 0, CYCLES if subject.step else 1
    starts = reference.points[: None if subject.step else 3] if subject.step or subject.starts else []
    for point in starts:
        fall = _fall(step, reference, point, cycles)
        if fall is not None:
            return failed(check, f"the log-likelihood falls from {fall[0]:.10g} to {fall[1]:.10g}", described(point))
        steps += cycles
    if reference.broken:
        tried = len(reference.broken) + len(reference.points)
        found = f"the cycle breaks at {len(reference.broken)} of {tried} random parameters: {reference.broken[0]}"
        return failed(check, found, reference.broken[0].at)._replace(meaning=BREAKS)
    if not starts:
        return not_applicable(check, "the fit takes no start to rise from")
    return passed(check, f"it never fell in {steps} {'cycles' if subject.step else 'fits'} from random parameters")


def _fall(
    step: Callable[[Natural], Natural], reference: Reference, point: Natural, cycles: int = CYCLES
) -> tuple[float, float] | None:
    """The log-likelihood before and after the first cycle in which it falls, None if it never does."""
    value = reference.climbed(point)
    for _ in range(cycles):
        before = point
        try:
            point = step(before)
            after = reference.climbed(point)
        except Trouble as trouble:
            # Where the likelihood has no bound an EM that is right goes there until its numbers end.
            if not trouble.late and reference.runs_off(before):
                return None
            raise
        if not after >= value - EQUAL * (1 + abs(value)):
            return value, after
        value = after
    return None


def m_step(subject: Subject, reference: Reference) -> Finding:
    """The M-step's answer is a stationary point of PyMC's Q that no search around it improves.

    An answer that is not, but raised Q, may be an incomplete M-step (one Newton step, a damped step) or
    the maximum of another function. Repeated on the same counts the first goes on to the maximum of Q;
    the second stays where it is. A cycle that is more than EM (accelerated, with expanded parameters) may end off the
    maximum of Q, or below it, and is right nevertheless: its likelihood never falls and the maximum stays where it is.
    """
    finding = _m_step(subject, reference)
    if finding.outcome is Outcome.GENERALISED:
        # An M-step that leaves something where it is climbs too, and ends below the maximum.
        stays = never_updated(subject, reference)
        return failed("m_step", f"{stays} in any cycle")._replace(meaning=stays) if stays else finding
    if finding.outcome is not Outcome.FAILED:
        return finding
    if expected_counts(subject, reference).outcome is Outcome.FAILED:
        found = f"{finding.found}; the expected counts that it was given are wrong, it may follow from them"
        return finding._replace(found=found, meaning="")
    if _right_all_the_same(subject, reference):
        found = f"{finding.found}, but the likelihood never falls and PyMC's maximum stays: more than an M-step"
        return remark("m_step", found, finding.at, Outcome.GENERALISED)
    return finding


def _right_all_the_same(subject: Subject, reference: Reference) -> bool:
    """Whether the cycle climbs from everywhere and stays at a maximum that is attained."""
    assert subject.step is not None
    if any(_fall(subject.step, reference, point) for point in reference.points):
        return False
    if moves_the_maximum(subject, reference) is not None or not reference.top.attained:
        return False
    # It may keep the likelihood from falling by not moving at all where EM does.
    late = out_of_time()
    for point in reference.points:
        end = follow(subject, reference, point, FOLLOWED)
        if (
            end.still
            and not end.unbounded
            and (way_up(reference, end.end) is not None or reference.distance_to_zero(end.end) > ARRIVED)
        ):
            return False
        if late():
            break
    return True


def _m_step(subject: Subject, reference: Reference) -> Finding:
    check = "m_step"
    if subject.step is None:
        return not_applicable(check, "the EM offers no single cycle")
    rng = np.random.default_rng([reference.seed, 2])
    short, where = 0.0, None
    points = [*reference.points, *([reference.top.natural] if reference.top.regular else [])]
    tried = 0
    for point in points:
        try:
            moved = subject.step(point)
        except Trouble as trouble:
            if trouble.refused:
                continue
            raise
        tried += 1
        weighted = reference.weighted(point)
        x = _best_copy(reference, moved, weighted)
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
            settled_at = _best_copy(reference, settled, weighted)
            left, end = reference.short_of_maximum(settled_at, weighted), reference.q(settled_at, weighted)
            lacking = max(left**2 / 2, _search(reference, settled_at, weighted, rng) - end)
            if (left > COMPLETE or lacking > scale) and lacking > SLIGHT * (end - before):
                found = f"it settles {left:.3g} standard errors (of the complete data) from the maximum of Q"
                finding = failed(check, found, described(point))
                return finding._replace(meaning=NEARLY) if left < LITTLE else finding
    if where is None:
        told = f"Q is at its maximum after each of {tried} M-steps"
        jumps = jumps_of(subject, reference)
        return remark(check, f"{told}, up to jumps of {jumps:.0e}: {JUMPS}") if jumps else passed(check, told)
    found = f"it raises Q and ends up to {short:.3g} standard errors short of its maximum: an incomplete M-step"
    return remark(check, found, described(where), Outcome.GENERALISED)


def _best_copy(reference: Reference, natural: Natural, weighted: Array) -> Array:
    """Free parameters of the symmetric copy with the highest Q: a cycle may end by sorting its components."""
    found = [reference.free(copy) for copy in copies(reference.hooks.symmetries, natural)]
    return found[0] if len(found) == 1 else max(found, key=lambda x: reference.q(x, weighted))


def _repeated(subject: Subject, reference: Reference, point: Natural) -> Natural | None:
    """Where the M-step settles when it is repeated on the counts of one point; None while it still moves."""
    if subject.e_step is None or subject.m_step is None:
        return None
    old = point
    for _ in range(REPEATS):
        # Counts afresh each time: an M-step may use them up.
        new = subject.m_step(subject.e_step(point).raw, old)
        if all((np.abs(new[name] - old[name]) <= SETTLED * (1 + np.abs(old[name]))).all() for name in old):
            return new
        old = new
    return None


def _search(reference: Reference, x: Array, weighted: Array, rng: np.random.Generator) -> float:
    """Highest Q at some random points around x."""
    low, high = reference.objective.bounds.T
    around = [x + scale * rng.normal(size=len(x)) for scale in (1e-3, 1e-2, 1e-1) for _ in range(3)]
    return max(reference.q(np.clip(z, low, high), weighted) for z in around)


def symmetry(subject: Subject, reference: Reference) -> Finding:
    """Relabelled or reflected parameters give the same output, relabelled or reflected in some way.

    A cycle that treats its components in an order (blocks of ECM, an acceleration) may differ: it is right as long as
    it climbs from the relabelled parameters too, and stays at the relabelled maximum.
    """
    check = "symmetry"
    if subject.step is None:
        return not_applicable(check, "the EM offers no single cycle")
    if not reference.hooks.symmetries:
        return not_applicable(check, "this model has no symmetry")
    worst, where, which = 0.0, None, ""
    for name, change in reference.hooks.symmetries.items():
        for point in reference.points:
            try:
                one, other = subject.step(change(point)), subject.step(point)
            except Trouble as trouble:
                if trouble.refused:
                    continue
                raise
            gap = difference(reference.case, one, change(other))
            if gap > worst or where is None:
                worst, where, which = gap, point, name
    if where is None:
        return not_applicable(check, "the EM refuses the relabelled parameters")
    found = f"one cycle after {which} differs by {worst:.1e} from {which} after one cycle"
    ok = worst <= SYMMETRIC + forgiven(subject, reference)
    if not ok and _right_on_copies(subject, reference):
        return remark(
            check, f"the order of its blocks or components matters: {found}", described(where), Outcome.GENERALISED
        )
    return judged(check, ok, found, described(where))


def _right_on_copies(subject: Subject, reference: Reference) -> bool:
    """Whether the cycle climbs from relabelled parameters, and stays at the relabelled maximum."""
    assert subject.step is not None
    if moves_the_maximum(subject, reference) is not None or not reference.top.attained:
        return False
    for change in reference.hooks.symmetries.values():
        if any(_fall(subject.step, reference, change(point)) for point in reference.points):
            return False
        relabelled = change(reference.top.natural)
        if difference(reference.case, subject.step(relabelled), relabelled) > SYMMETRIC:
            return False
    return True
