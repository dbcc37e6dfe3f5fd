"""Checks of where the EM goes: its fixed points, its rate, when it stops and what it then reports."""

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from comparisons.audit.finding import Finding, Outcome, described, failed, judged, not_applicable, passed
from comparisons.audit.guard import time_limit
from comparisons.audit.reference import Reference
from comparisons.audit.steps import gaps
from comparisons.audit.subject import Subject
from comparisons.case import Array, Natural

# Distances in standard errors: what one cycle at PyMC's maximum may move, and at convergence.
FIXED = 1e-5
ARRIVED = 1e-4
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
REPORTED = 1e-8
# One cycle from PyMC's maximum that rises by more than this share of 1 + |log-likelihood| shows that it is
# none; PyMC then climbs on from there, so many times.
RISE = 1e-9
LIFTS = 10


def fixed_point(subject: Subject, reference: Reference) -> Finding:
    """At convergence PyMC's gradient is zero, and PyMC's maximum is a fixed point of the map."""
    check = "fixed_point"
    if subject.step is None and subject.fit is None:
        return not_applicable(check, "the EM offers neither a cycle nor a fit")
    if subject.step is not None:
        _lift(subject.step, reference)
    top = reference.top
    if subject.step is not None and top.attained:
        moved = subject.step(top.natural)
        if reference.apart(moved, top.natural) > FIXED:
            before, after = reference.case.flat(top.natural), reference.case.flat(moved)
            index = int((np.abs(after - before) / (1 + np.abs(before))).argmax())
            name = reference.case.parameter_names()[index]
            found = f"one cycle at PyMC's maximum moves {name} from {before[index]:.8g} to {after[index]:.8g}"
            return failed(check, found, described(top.natural))
    path = follow(subject, reference.points[0])
    distance = reference.distance_to_zero(path.end)
    if distance <= ARRIVED:
        return passed(check, f"it ends {distance:.1e} standard errors from a zero of PyMC's gradient")
    # On a plateau the distance to the next zero may grow while the EM climbs on.
    rise = reference.climbed(path.end) - reference.climbed(path.before)
    if path.still or not (rise > 0 or distance < reference.distance_to_zero(path.before)):
        found = f"it ends {distance:.3g} standard errors from a zero of PyMC's gradient"
        return failed(check, found, described(path.end))
    fixed = "; PyMC's maximum is fixed" if top.attained and subject.step is not None else ""
    return passed(
        check, f"after {path.cycles} cycles it still climbs, {distance:.1e} standard errors from a zero{fixed}"
    )


def _lift(step: Callable[[Natural], Natural], reference: Reference) -> None:
    """Have PyMC climb on where one cycle from its maximum goes higher, by PyMC's own likelihood."""
    for _ in range(LIFTS):
        value = reference.climbed(reference.top.natural)
        moved = step(reference.top.natural)
        if not (reference.top.attained and reference.climbed(moved) > value + RISE * (1 + abs(value))):
            return
        reference.lift(moved)


class _Path(NamedTuple):
    """Where the EM is, where it was some cycles before, cycles so far, and whether it stands still."""

    end: Natural
    before: Natural
    cycles: int
    still: bool


def follow(subject: Subject, start: Natural) -> _Path:
    """Follow the EM to its end, or as far as time allows."""
    if subject.step is None:
        assert subject.fit is not None
        return _Path(subject.fit(start, None).natural, start, 1, True)
    path = [start]
    until = time.monotonic() + time_limit.get()
    for cycles in range(1, MAX_CYCLES + 1):  # noqa: B007 - how many, when it ends
        point = subject.step(path[-1])
        still = all((np.abs(point[name] - path[-1][name]) <= STILL).all() for name in point)
        path = [*path[-RECENT:], point]
        if still or time.monotonic() > until:
            break
    return _Path(point, path[0], cycles, still)


def rate(subject: Subject, reference: Reference) -> Finding:
    """The eigenvalues of the map's Jacobian are real and in [0, 1]; the largest is the rate observed, and EM's."""
    check = "rate"
    if subject.step is None:
        return not_applicable(check, "the EM offers no single cycle")
    if not reference.top.regular:
        return not_applicable(check, f"PyMC found no regular maximum but one of kind '{reference.top.kind}'")
    where = described(reference.top.natural)
    eigenvalues, vectors = np.linalg.eig(_jacobian(subject, reference))
    real = eigenvalues.real
    if np.abs(eigenvalues.imag).max() > RATE or not (real.min() >= -RATE and real.max() <= 1 + RATE):
        listed = ", ".join(f"{value:.4g}" for value in np.sort_complex(eigenvalues)[::-1][:6])
        return failed(check, f"the eigenvalues of the map's Jacobian are {listed}, expected real ones in [0, 1]", where)
    slowest = int(real.argmax())
    largest, expected = float(real[slowest]), float(reference.rates()[-1])
    observed = _observed(subject, reference, vectors.real[:, slowest])
    if abs(observed - largest) > RATE:
        found = f"it closes in at a rate of {observed:.5f}, but its Jacobian's largest eigenvalue is {largest:.5f}"
        return failed(check, found, where)
    if abs(largest - expected) > RATE:
        found = f"its rate is {largest:.5f} where EM's would be {expected:.5f}: an incomplete, damped or longer step"
        return Finding(check, Outcome.GENERALISED, found, where)
    return passed(check, f"rate {observed:.5f}, largest eigenvalue {largest:.5f}, by PyMC {expected:.5f}", where)


def _jacobian(subject: Subject, reference: Reference) -> Array:
    """Jacobian of the map in free parameters at the top, by central differences."""
    x = reference.top.x

    def slope(row: Array, step: float) -> Array:
        ahead, back = (_mapped(subject, reference, x + sign * step * row) for sign in (1, -1))
        return (ahead - back) / (2 * step)

    columns = [(4 * slope(row, STEP / 2) - slope(row, STEP)) / 3 for row in np.eye(len(x))]
    return np.stack(columns, axis=1)


def _mapped(subject: Subject, reference: Reference, x: Array) -> Array:
    assert subject.step is not None
    return reference.free(subject.step(reference.named(x)))


def _observed(subject: Subject, reference: Reference, direction: Array) -> float:
    """How fast two points on either side of the top approach each other, on the slowest way in.

    Their difference is free of the curvature of the map; where one cycle all but joins them, the
    second cycle would only show round-off.
    """
    ends = [reference.top.x + sign * STEP * direction / np.linalg.norm(direction) for sign in (1, -1)]
    apart = [2 * STEP]
    for _ in range(2):
        ends = [_mapped(subject, reference, end) for end in ends]
        apart.append(float(np.linalg.norm(ends[0] - ends[1])))
    first = apart[1] / apart[0]
    return first if first < AT_ONCE else apart[2] / apart[1]


def reported_log_likelihood(subject: Subject, reference: Reference) -> Finding:
    """The log-likelihood that a fit reports belongs to the parameters that it returns."""
    check = "reported_log_likelihood"
    if subject.fit is None:
        return not_applicable(check, "the EM offers no fit that reports a log-likelihood")
    # Early on, the values of successive cycles differ most. A fit that cannot be cut short shows less.
    limits = (2, 3, 5, None) if subject.limits_cycles else (None,)
    starts = reference.points[: 1 if subject.limits_cycles else 2]
    estimates = [subject.fit(start, limit) for start in starts for limit in limits]
    if any(estimate.log_likelihood is None for estimate in estimates):
        return not_applicable(check, "the fit reports no log-likelihood")
    values = np.array([estimate.log_likelihood for estimate in estimates], dtype=float)
    if not np.isfinite(values).all():
        return failed(check, f"it reports {values[~np.isfinite(values)][0]}", described(reference.points[0]))
    constant, gap, scale = gaps(reference, values, [estimate.natural for estimate in estimates])
    worst = int(np.abs(gap).argmax())
    if abs(gap[worst]) > REPORTED * scale:
        cut = f"after {limits[worst]} cycles " if limits[worst % len(limits)] else ""
        found = f"{cut}it differs from PyMC's at the returned parameters by {gap[worst] + constant:.3g}"
        return failed(check, found, described(estimates[worst].natural))
    up_to = f" up to the constant {constant:.6g}" if abs(constant) > REPORTED * scale else ""
    return passed(check, f"it is PyMC's at the returned parameters, to {np.abs(gap).max():.1e}{up_to}")


def standard_errors(subject: Subject, reference: Reference) -> Finding:
    """Standard errors equal those of PyMC's observed information."""
    check = "standard_errors"
    if subject.standard_errors is None:
        return not_applicable(check, "the EM offers no standard errors")
    if not reference.top.regular:
        return not_applicable(check, f"PyMC found no regular maximum but one of kind '{reference.top.kind}'")
    from comparisons.agreement import standard_errors as by_pymc

    best = reference.top.natural
    ours = reference.case.flat(subject.standard_errors(best))
    theirs = by_pymc(reference.case, reference.objective, best)
    gap = np.nan_to_num(np.abs(ours / theirs - 1), nan=np.inf)
    worst = int(gap.argmax())
    name = reference.case.parameter_names()[worst]
    found = f"{name}: {ours[worst]:.8g}, by PyMC {theirs[worst]:.8g}"
    return judged(check, bool(gap.max() <= 1e-4), found, described(best))
