"""How far from the maximum a fit stops, from starts in all directions, and whether it goes there when carried on.

A fit that stops as its author said, at a change of 1e-8 in the log-likelihood or 1e-4 in the parameters, is right
and stops early. So it is carried on from where it stopped, by its own cycle, or by fits that start at the end of the
last one. If that leads to the maximum, the distance is a remark; if it does not, the fit ends somewhere else.
A stop that takes a step down for a small one ends early from some directions only: the step that EM would take next
tells.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from comparisons.audit.copies import copies, nearest
from comparisons.audit.guard import out_of_time
from comparisons.audit.own_em import before_collapse
from comparisons.audit.reference import Reference
from comparisons.audit.subject import Estimate, Subject
from comparisons.case import Array, Natural
from comparisons.errors import Trouble

# At a zero of the gradient, in standard errors.
ARRIVED = 1e-4
# The next EM step of a fit that stopped early is at most this, beside the size of each parameter; or it is within
# this many standard errors of the maximum.
SMALL_STEP = 1e-3
NEAR = 0.1
# A fit that stays at the maximum when it starts there may stop this far from it: its inner optimiser leaves off.
LEAVES_OFF = 1e-2
FIXED = 1e-5
# Starts beside the maximum: so many standard errors away along each parameter.
BESIDE = 2.0
MOST_BESIDE = 6
RANDOM = 8
# Rounds of fits from the end of the last one; every third is from an extrapolation, which is dropped where it is lower.
ROUNDS = 400


class Stop(NamedTuple):
    """Where a fit ended from one start.

    Attributes
    ----------
    start, end : Natural
    distance : float
        From a zero of PyMC's gradient, in standard errors.
    next_step : float
        What EM's next step would move, beside the size of each parameter.
    converged : bool or None
    """

    start: Natural
    end: Natural
    distance: float
    next_step: float
    converged: bool | None


@lru_cache(maxsize=4)
def stops(subject: Subject, reference: Reference) -> tuple[Stop, ...]:
    """Ends of the fit from random starts and from beside the maximum, as far as time allows."""
    assert subject.fit is not None
    found: list[Stop] = []
    refused: Trouble | None = None
    late = out_of_time()
    for start in [*reference.points[:RANDOM], *beside(reference)]:
        if found and late():
            break
        try:
            estimate = subject.fit(start, None)
        except Trouble as trouble:
            if not trouble.refused and (trouble.late or not collapses(reference, start)):
                raise
            refused = trouble
            continue
        end = estimate.natural
        found.append(Stop(start, end, reference.distance_to_zero(end), next_step(reference, end), estimate.converged))
    if not found and refused is not None:
        raise refused
    return tuple(found)


def collapses(reference: Reference, start: Natural) -> bool:
    """Whether the reference EM, too, ends at no finite value from a start, where the likelihood has no bound."""
    # From its last values a climb may drown in rounding, from the first it may go elsewhere.
    return any(reference.runs_off(place) for place in before_collapse(reference.case, start))


def fit_at_the_maximum(subject: Subject, reference: Reference) -> tuple[Natural, Estimate] | None:
    """A fit that starts at PyMC's maximum, or at a symmetric copy that it takes; None where it cannot be asked."""
    assert subject.fit is not None
    if not (subject.starts and reference.top.attained):
        return None
    for copy in copies(reference.hooks.symmetries, reference.top.natural):
        try:
            return copy, subject.fit(copy, None)
        except Trouble as trouble:
            if not trouble.refused:
                raise
    return None


def stays_at_the_maximum(subject: Subject, reference: Reference) -> float | None:
    """How far such a fit ends from its start, in standard errors."""
    found = fit_at_the_maximum(subject, reference)
    return None if found is None else reference.apart(nearest(reference.case, found[1].natural, found[0]), found[0])


def beside(reference: Reference) -> list[Natural]:
    """Starts on both sides of the maximum along each parameter, where it is a regular one."""
    top = reference.top
    if not top.regular:
        return []
    errors = 1 / np.sqrt(np.maximum(-np.diag(reference.information), np.finfo(float).tiny))
    low, high = reference.objective.bounds.T
    ways = [sign * row for row in np.eye(len(top.x)) for sign in (1.0, -1.0)]
    some = np.unique(np.linspace(0, len(ways) - 1, MOST_BESIDE, dtype=int))
    chosen = [ways[index] for index in some] + [sign * np.ones(len(top.x)) for sign in (1.0, -1.0)]
    return [reference.named(np.clip(top.x + BESIDE * errors * way, low, high)) for way in chosen]


def next_step(reference: Reference, natural: Natural) -> float:
    """Largest move of a parameter in EM's next step, beside its size: the gradient by the complete information."""
    x = reference.free(natural)
    gradient = reference.objective.value_and_gradient(x)[1]
    # Without the complete data, by the observed information: a step of Newton's method, which is longer.
    steps = reference.hooks.steps
    complete = -(reference.hessian_of_q(x, reference.weighted(natural)) if steps else reference.objective.hessian(x))
    if not (np.isfinite(complete).all() and np.isfinite(gradient).all()):
        return np.inf
    step = np.asarray(np.linalg.lstsq(complete, gradient, rcond=1e-12)[0], dtype=float)
    return float(np.abs(reference.natural_change(x, step) / reference.case.size(natural)).max())


def carried_on(subject: Subject, reference: Reference, end: Natural) -> float:
    """Distance from a zero of PyMC's gradient, in standard errors, once the fit is carried on from its end."""
    assert subject.fit is not None
    late = out_of_time()
    path = [reference.free(end)]
    best = reference.distance_to_zero(end)
    for count in range(1, ROUNDS + 1):
        ahead = _extrapolated(path) if count % 3 == 0 and len(path) >= 3 else None
        if ahead is not None:
            low, high = reference.objective.bounds.T
            ahead = np.clip(ahead, low, high)
            values, _ = reference.objective.value_and_gradient(np.stack([path[-1], ahead]))
            path = [ahead] if values[1] >= values[0] else path
        try:
            now = subject.fit(reference.named(path[-1]), None).natural
        except Trouble as trouble:
            if trouble.late or trouble.refused or not collapses(reference, reference.named(path[-1])):
                raise
            # It was on its way to where the likelihood has no bound, and has gone on.
            return 0.0
        x = reference.free(now)
        path = [*path[-2:], x]
        distance = reference.distance_to_zero(now)
        still = len(path) > 1 and np.abs(path[-1] - path[-2]).max() == 0
        best = min(best, distance)
        if best <= ARRIVED or still or late():
            break
    return best


def _extrapolated(path: list[Array]) -> Array | None:
    """The limit of three points that close in at one rate (Aitken), None where they do not."""
    one, two, three = path[-3:]
    first, second = two - one, three - two
    curve = second - first
    if not float(curve @ curve) > 0:
        return None
    length = -float(np.linalg.norm(first) / np.linalg.norm(curve))
    return np.asarray(one - 2 * length * first + length**2 * curve)
