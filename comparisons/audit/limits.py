"""Checks of where the EM goes: its fixed points and its rate."""

from typing import NamedTuple

import numpy as np

from comparisons.audit.copies import difference, nearest
from comparisons.audit.early_stops import (
    ARRIVED,
    FIXED,
    LEAVES_OFF,
    carried_on,
    stays_at_the_maximum,
    stops,
)
from comparisons.audit.finding import Finding, Outcome, described, failed, not_applicable, passed, remark
from comparisons.audit.guard import out_of_time
from comparisons.audit.noise import forgiven, noise
from comparisons.audit.own_em import one_cycle
from comparisons.audit.reference import Reference
from comparisons.audit.stop_rules import cut_off
from comparisons.audit.subject import Subject
from comparisons.audit.top import RISE, taken_copy
from comparisons.case import Array, Natural
from comparisons.errors import Trouble

# One cycle of an EM is EM's to this share, at so many parameters; else it is followed from all, for so many cycles.
SAME_CYCLE, SOME, FOLLOWED = 1e-7, 3, 300
# A cycle that gains less than this share of what EM's would gain does not move.
SLOWER = 1e-3
# On a ridge, where there are no standard errors: what a cycle may move a parameter, beside its size.
FIXED_ON_RIDGE = 1e-5
# An EM is followed until no parameter moves by more than STILL in a cycle, or so many cycles. While it
# still moves, it must have risen or come closer over the last RECENT cycles.
STILL = 1e-12
MAX_CYCLES = 3_000
RECENT = 100
# Steps of the differences that give the Jacobian of the map: two, extrapolated (Richardson), long enough
# for the tolerance of an inner iteration, about 1e-6, not to matter.
STEP = 1e-3
RATE = 2e-3
# A direction that one cycle shortens to this share is gone at once: its rate is not measured twice.
AT_ONCE = 1e-3
# An upward curvature of this share of the steepest is that of a saddle; a step this long along it rises.
UPWARD = 1e-3
AHEAD = 0.1


def fixed_point(subject: Subject, reference: Reference) -> Finding:
    """At convergence PyMC's gradient is zero, and PyMC's maximum is a fixed point of the map."""
    check = "fixed_point"
    if subject.step is None and subject.fit is None:
        return not_applicable(check, "the EM offers neither a cycle nor a fit")
    if subject.step is None:
        return _of_a_fit(subject, reference)
    moved = moves_the_maximum(subject, reference)
    if moved is not None:
        return moved
    finding: Finding | None = None
    late = out_of_time()
    for point in reference.points:
        if finding is not None and late():
            break
        path = follow(subject, reference, point, MAX_CYCLES if finding is None else FOLLOWED)
        if path.unbounded:
            continue
        arrived = _arrives(subject, reference, path, ARRIVED if finding is None else LEAVES_OFF)
        if arrived.outcome is Outcome.FAILED:
            return arrived
        if finding is None:
            finding = arrived
            # The others have a time of their own.
            late = out_of_time()
            # A cycle that is less than EM's may come to a stand from some starts.
            if is_em(subject, reference):
                break
    return finding or passed(check, "from every random start it goes where the likelihood has no bound")


def is_em(subject: Subject, reference: Reference) -> bool:
    """Whether one cycle is EM's at the first random parameters, up to its noise."""
    assert subject.step is not None
    case, allowed = reference.case, SAME_CYCLE + forgiven(subject, reference)
    some = reference.points[:SOME]
    return all(difference(case, subject.step(point), one_cycle(case, point)) <= allowed for point in some)


def _arrives(subject: Subject, reference: Reference, path: "Path", near: float = ARRIVED) -> Finding:
    """Whether a path has come this near to a zero of PyMC's gradient, in standard errors, or goes on like EM."""
    check = "fixed_point"
    distance = reference.distance_to_zero(path.end)
    if distance <= near:
        return passed(check, f"it ends {distance:.1e} standard errors from a zero of PyMC's gradient")
    # On a plateau the distance to the next zero may grow while the EM climbs on.
    rise = reference.climbed(path.end) - reference.climbed(path.before)
    still = path.still or not (rise > 0 or distance < reference.distance_to_zero(path.before))
    if (still or _stands(subject, reference, path.end)) and not reference.runs_off(path.end):
        found = f"it ends {distance:.3g} standard errors from a zero of PyMC's gradient"
        return failed(check, found, described(path.end))
    fixed = "; PyMC's maximum is a fixed point" if reference.top.attained else ""
    return passed(
        check,
        f"after {path.cycles} cycles the log-likelihood still increases, {distance:.1e} standard errors from a zero of "
        f"its gradient{fixed}",
    )


def _stands(subject: Subject, reference: Reference, point: Natural) -> bool:
    """Whether a cycle gains next to nothing where EM's would gain something."""
    assert subject.step is not None
    value = reference.climbed(point)
    by_em = reference.climbed(one_cycle(reference.case, point)) - value
    return by_em > RISE * (1 + abs(value)) and reference.climbed(subject.step(point)) - value < SLOWER * by_em


def _of_a_fit(subject: Subject, reference: Reference) -> Finding:
    """A fit that starts at PyMC's maximum stays there, and its ends lead there when it is carried on."""
    check = "fixed_point"
    assert subject.fit is not None
    stays = stays_at_the_maximum(subject, reference)
    if stays is not None and stays > FIXED:
        top = reference.top.natural
        ended = nearest(reference.case, subject.fit(top, None).natural, top)
        return _moved(reference, ended, "a fit that starts at PyMC's maximum")
    found = stops(subject, reference)
    worst = max(found, key=lambda stop: stop.distance)
    if worst.distance <= ARRIVED:
        return passed(check, f"it ends {worst.distance:.1e} standard errors from a zero of PyMC's gradient")
    told = f"it ends {worst.distance:.3g} standard errors from a zero of PyMC's gradient"
    cut = cut_off(subject, reference)
    if cut is not None:
        return failed(check, told, described(worst.start))._replace(meaning=cut[2])
    if not subject.starts:
        return failed(check, told, described(worst.start))
    left = carried_on(subject, reference, worst.end)
    if left <= ARRIVED or worst.converged is False or (stays is not None and left <= LEAVES_OFF):
        return passed(check, f"{told}; continued, it comes to {left:.1e}")
    return failed(check, f"{told}; continued from there, it comes no nearer than {left:.3g}", described(worst.end))


def moves_the_maximum(subject: Subject, reference: Reference) -> Finding | None:
    """The finding that a cycle leaves PyMC's maximum, None if it stays or there is none."""
    step = subject.step
    assert step is not None
    if not reference.top.attained:
        return None
    for place in [reference.top.natural, *reference.beside_top]:
        at = taken_copy(step, reference.hooks.symmetries, place)
        if at is None:
            continue
        moved = nearest(reference.case, step(at), at)
        far = reference.apart(moved, at) > FIXED
        if not far and not reference.top.regular:
            # What has no weight may go anywhere; EM's own cycle says what stays on a ridge.
            allowed = FIXED_ON_RIDGE + noise(subject, reference)
            far = min(difference(reference.case, moved, to) for to in (at, one_cycle(reference.case, at))) > allowed
        if far:
            return _moved(reference, moved, "one cycle at PyMC's maximum", at)
    return None


def _moved(reference: Reference, after: Natural, what: str, at: Natural | None = None) -> Finding:
    top = reference.top.natural if at is None else at
    before, now = reference.case.flat(top), reference.case.flat(after)
    index = int((np.abs(now - before) / reference.case.size(top)).argmax())
    name = reference.case.parameter_names()[index]
    return failed("fixed_point", f"{what} moves {name} from {before[index]:.8g} to {now[index]:.8g}", described(top))


class Path(NamedTuple):
    """Where the EM is, where it was some cycles before, cycles so far, and whether it stands still.

    `unbounded` where it has gone, until its numbers ended, to where the likelihood has no bound.
    """

    end: Natural
    before: Natural
    cycles: int
    still: bool
    unbounded: bool = False


def follow(subject: Subject, reference: Reference, start: Natural, most: int = MAX_CYCLES) -> Path:
    """Follow the EM's cycle to its end, or as far as time allows.

    Raises
    ------
    Trouble
        If the cycle breaks, but where the likelihood has no bound.
    """
    assert subject.step is not None
    path = [start]
    late = out_of_time()
    for cycles in range(1, most + 1):
        try:
            point = subject.step(path[-1])
            still = all((np.abs(point[name] - path[-1][name]) <= STILL).all() for name in point)
            ended = still or late() or cycles == most
            if ended:
                # A matrix that is singular in double precision is no point of the parameter space any more.
                reference.free(point)
        except Trouble as trouble:
            if not trouble.late and any(reference.runs_off(place) for place in reversed(path)):
                return Path(path[-1], path[0], cycles, True, unbounded=True)
            raise
        path = [*path[-RECENT:], point]
        if ended:
            break
    return Path(point, path[0], cycles, still)


def way_up(reference: Reference, natural: Natural) -> Natural | None:
    """A higher point beside a saddle, None where the point is none."""
    objective, x = reference.objective, reference.free(natural)
    curvatures, ways = np.linalg.eigh(objective.hessian(x))
    if curvatures[-1] <= UPWARD * np.abs(curvatures).max():
        return None
    value = objective.value_and_gradient(x)[0]
    ahead = np.clip(x + AHEAD * np.outer([-1, 1], ways[:, -1]), *objective.bounds.T)
    values = objective.value_and_gradient(ahead)[0]
    if not (values > value + RISE * (1 + abs(value))).all():
        return None
    return reference.named(ahead[int(values.argmax())])


def rate(subject: Subject, reference: Reference) -> Finding:
    """How fast the EM closes in on PyMC's maximum: EM's own rate, the share of information that is missing.

    Another rate is that of a cycle that is more or less than EM's. It is right as long as it closes in.
    """
    check = "rate"
    if subject.step is None:
        return not_applicable(check, "the EM offers no single cycle")
    if not reference.top.regular:
        return not_applicable(check, f"PyMC found no regular maximum but one of kind '{reference.top.kind}'")
    at = taken_copy(subject.step, reference.hooks.symmetries, reference.top.natural)
    if at is None:
        return not_applicable(check, "the EM refuses PyMC's maximum")
    where = described(at)
    eigenvalues, vectors = np.linalg.eig(_jacobian(subject, reference, at))
    real, expected = eigenvalues.real, float(reference.rates()[-1])
    fastest = float(np.abs(eigenvalues).max())
    if fastest > 1 + RATE:
        found = f"it moves away from PyMC's maximum: the largest eigenvalue of its Jacobian is {fastest:.4g}"
        return failed(check, found, where)
    shown = np.sort_complex(eigenvalues)[::-1][:6]
    listed = ", ".join(f"{value:.4g}" for value in (shown if np.abs(shown.imag).max() > RATE else shown.real))
    if np.abs(eigenvalues.imag).max() > RATE or real.min() < -RATE:
        found = f"the eigenvalues of its Jacobian are {listed}, EM's are real and in [0, {expected:.4g}]"
        return remark(check, found, where, Outcome.ACCELERATED)
    slowest = int(real.argmax())
    largest = float(real[slowest])
    observed = _observed(subject, reference, at, vectors.real[:, slowest])
    for value in (largest, observed):
        if abs(value - expected) > RATE:
            kind = Outcome.ACCELERATED if value < expected else Outcome.GENERALISED
            pace = "faster, a longer step" if value < expected else "slower, an incomplete or damped step"
            found = f"its rate is {value:.5f} where EM's would be {expected:.5f}: {pace}"
            return remark(check, found, where, kind)
    return passed(check, f"rate {observed:.5f}, largest eigenvalue {largest:.5f}, by PyMC {expected:.5f}", where)


def _jacobian(subject: Subject, reference: Reference, at: Natural) -> Array:
    """Jacobian of the map in free parameters at the maximum, by central differences."""
    x = reference.free(at)

    def slope(row: Array, step: float) -> Array:
        ahead, back = (_mapped(subject, reference, at, x + sign * step * row) for sign in (1, -1))
        return (ahead - back) / (2 * step)

    columns = [(4 * slope(row, STEP / 2) - slope(row, STEP)) / 3 for row in np.eye(len(x))]
    return np.stack(columns, axis=1)


def _mapped(subject: Subject, reference: Reference, at: Natural, x: Array) -> Array:
    """One cycle from free parameters, in the labelling and the signs of the maximum."""
    assert subject.step is not None
    return reference.free(nearest(reference.case, subject.step(reference.named(x)), at))


def _observed(subject: Subject, reference: Reference, at: Natural, direction: Array) -> float:
    """How fast two points on either side of the top approach each other, on the slowest way in.

    Their difference is free of the curvature of the map; where one cycle all but joins them, the
    second cycle would only show round-off.
    """
    x = reference.free(at)
    ends = [x + sign * STEP * direction / np.linalg.norm(direction) for sign in (1, -1)]
    apart = [2 * STEP]
    for _ in range(2):
        ends = [_mapped(subject, reference, at, end) for end in ends]
        apart.append(float(np.linalg.norm(ends[0] - ends[1])))
    first = apart[1] / apart[0]
    return first if first < AT_ONCE else apart[2] / apart[1]
