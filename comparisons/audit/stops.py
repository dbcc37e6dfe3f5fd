"""Where a fit stops: near a maximum, not at a saddle, and where the EM's own cycle leads."""

import numpy as np

from comparisons.audit.finding import Finding, described, failed, not_applicable, passed
from comparisons.audit.limits import ARRIVED, RISE, follow
from comparisons.audit.reference import Reference
from comparisons.audit.subject import Estimate, Subject
from comparisons.case import Natural

# The most that a fit may call convergence, in standard errors; and how far it may go from a fixed point of
# its own cycle, where a fit that only stops early stays.
STOPPED = 1e-2
LEFT = 1e-3
# An upward curvature of this share of the steepest is that of a saddle; a step this long along it rises.
UPWARD = 1e-3
AHEAD = 0.1

SADDLE = "the fit starts from equal components or zero slopes, whatever start it is given"
BESIDE = "the fit does something else than its cycle: a prior left in, estimates rounded"


def stopping(subject: Subject, reference: Reference) -> Finding:
    """A fit that says it converged is near a maximum, and one that ran into its limit does not say so."""
    check = "stopping"
    if subject.fit is None:
        return not_applicable(check, "the EM offers no fit")
    start = reference.points[0]
    if subject.limits_cycles:
        short = subject.fit(start, 2)
        distance = reference.distance_to_zero(short.natural)
        if short.converged and distance > STOPPED:
            found = f"stopped after 2 cycles, {distance:.3g} standard errors short, it says that it converged"
            return failed(check, found, described(start))
    estimate: Estimate = subject.fit(start, None)
    distance = reference.distance_to_zero(estimate.natural)
    if estimate.converged is not False:
        if distance > STOPPED:
            found = f"it stopped {distance:.3g} standard errors from a zero of PyMC's gradient and does not say so"
            return failed(check, found, described(estimate.natural))
        # One start may itself lie on the way to a saddle; a second one, at random, does not.
        other = reference.points[-1]
        if _is_saddle(reference, estimate.natural) and _is_saddle(reference, subject.fit(other, None).natural):
            found = "from different starts it stops at a saddle of PyMC's likelihood, which rises on from there"
            return failed(check, found, described(estimate.natural))._replace(meaning=SADDLE)
        left = _left(subject, reference, estimate.natural)
        if left > LEFT:
            found = f"started at a fixed point of its own cycle, the fit ends {left:.3g} standard errors from there"
            return failed(check, found, described(estimate.natural))._replace(meaning=BESIDE)
    said = "" if estimate.converged is None else f" and says converged = {estimate.converged}"
    return passed(check, f"it stops {distance:.1e} standard errors from a zero of PyMC's gradient{said}")


def _is_saddle(reference: Reference, natural: Natural) -> bool:
    """Whether PyMC's Hessian clearly bends upwards in some direction, and the likelihood rises along it."""
    objective, x = reference.objective, reference.free(natural)
    curvatures, ways = np.linalg.eigh(objective.hessian(x))
    if curvatures[-1] <= UPWARD * np.abs(curvatures).max():
        return False
    value = objective.value_and_gradient(x)[0]
    ahead = np.clip(x + AHEAD * np.outer([-1, 1], ways[:, -1]), *objective.bounds.T)
    return bool((objective.value_and_gradient(ahead)[0] > value + RISE * (1 + abs(value))).all())


def _left(subject: Subject, reference: Reference, end: Natural) -> float:
    """How far the fit goes from where the EM's own cycle leads on from the fit's end; 0 where it leads nowhere.

    A fit that stops early is off as well, but not when it starts there; a prior left in, or rounding, is.
    """
    assert subject.fit is not None
    if subject.step is None or reference.distance_to_zero(end) <= LEFT:
        return 0.0
    fixed = follow(subject, end).end
    return reference.distance_to_zero(subject.fit(fixed, None).natural) if _arrived(reference, fixed) else 0.0


def _arrived(reference: Reference, natural: Natural) -> bool:
    return reference.distance_to_zero(natural) <= ARRIVED
