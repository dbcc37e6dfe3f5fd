"""What a fit reports beside its estimates: the log-likelihood and the standard errors."""

import numpy as np

from comparisons.audit.causes.values import instead_of_errors, instead_of_log_likelihood
from comparisons.audit.early_stops import fit_at_the_maximum, stops
from comparisons.audit.finding import Finding, described, failed, judged, not_applicable, passed
from comparisons.audit.reference import Reference
from comparisons.audit.subject import Estimate, Subject
from comparisons.case import Natural, natural_of

# Difference of a log-likelihood beside 1 + its size, and of a standard error beside itself: that of numerical
# differentiation is forgiven, that of N - 1 for N among 500 is not.
REPORTED = 1e-8
SAME_ERROR = 9e-4
# Standard errors are compared at most so far from the maximum, in standard errors.
AT_THE_MAXIMUM = 1e-2
LIMITS = (2, 3, 5, None)


def reported_log_likelihood(subject: Subject, reference: Reference) -> Finding:
    """The log-likelihood that a fit reports belongs to the parameters that it returns, at several ends."""
    check = "reported_log_likelihood"
    if subject.fit is None:
        return not_applicable(check, "the EM offers no fit that reports a log-likelihood")
    estimates, cut = _ends(subject, reference)
    if any(estimate.log_likelihood is None for estimate in estimates):
        return not_applicable(check, "the fit reports no log-likelihood")
    values = np.array([estimate.log_likelihood for estimate in estimates], dtype=float)
    ends = [estimate.natural for estimate in estimates]
    if not np.isfinite(values).all():
        return failed(check, f"it reports {values[~np.isfinite(values)][0]}", described(ends[0]))
    found = reference.compared(values, ends)
    worst = int(np.abs(found.gap).argmax())
    if abs(found.gap[worst]) > REPORTED * found.scale:
        after = f"after {cut[worst]} cycles " if cut[worst] else ""
        should = reference.log_likelihood(ends[worst])
        told = f"{after}it reports {values[worst]:.10g}, PyMC's at the returned parameters is {should:.10g}"
        what = instead_of_log_likelihood(values, ends, reference, _before(subject, reference, cut))
        finding = failed(check, f"{told}{f': {what}' if what else ''}{reference.allowed()}", described(ends[worst]))
        return finding._replace(meaning=f"it is {what}") if what else finding
    up_to = f" without {found.names} ({found.constant:+.6g})" if found.names else ""
    return passed(check, f"it is PyMC's at the returned parameters, to {np.abs(found.gap).max():.1e}{up_to}")


def _ends(subject: Subject, reference: Reference) -> tuple[list[Estimate], list[int | None]]:
    """Estimates whose log-likelihoods differ as far as possible, and after how many cycles each was cut short."""
    assert subject.fit is not None
    if subject.limits_cycles:
        return [subject.fit(reference.points[0], limit) for limit in LIMITS], list(LIMITS)
    estimates = [subject.fit(stop.start, None) for stop in stops(subject, reference)]
    return estimates, [None] * len(estimates)


def _before(subject: Subject, reference: Reference, cut: list[int | None]) -> list[list[Natural]]:
    """Where a fit was one and two cycles before each of its ends."""
    assert subject.fit is not None
    start = reference.points[0]
    found = []
    for ago in (1, 2) if None not in cut[:-1] and len(cut) > 1 else ():
        limits = [limit and limit - ago for limit in cut]
        found.append([start if limit == 0 else subject.fit(start, limit).natural for limit in limits])
    return found


def standard_errors(subject: Subject, reference: Reference) -> Finding:
    """Standard errors equal those of PyMC's observed information."""
    check = "standard_errors"
    place = _place(subject, reference)
    if place is None:
        return not_applicable(check, "the EM offers no standard errors")
    if not reference.top.regular:
        return not_applicable(check, f"PyMC found no regular maximum but one of kind '{reference.top.kind}'")
    at, errors = place
    if reference.distance_to_zero(at) > AT_THE_MAXIMUM:
        return not_applicable(check, "the fit that reports them stopped too early for a comparison")
    from comparisons.optima.standard_errors import standard_errors as by_pymc

    case = reference.case
    ours = case.flat(errors)
    theirs = by_pymc(reference.compiled, at)
    gap = np.nan_to_num(np.abs(ours / theirs - 1), nan=np.inf)
    worst = int(gap.argmax())
    name = case.parameter_names()[worst]
    found = f"{name}: {ours[worst]:.8g}, by PyMC {theirs[worst]:.8g}"
    ok = bool(gap.max() <= SAME_ERROR)
    what = "" if ok else instead_of_errors(errors, natural_of(case, theirs), at, reference)
    finding = judged(check, ok, f"{found}{f': {what}' if what else ''}", described(at))
    return finding._replace(meaning=f"it is {what}") if what else finding


def _place(subject: Subject, reference: Reference) -> tuple[Natural, Natural] | None:
    """Where standard errors are given, and these; from the method of that name, or as a part of a fit."""
    if subject.standard_errors is not None:
        best = reference.top.natural
        return best, subject.standard_errors(best)
    if subject.fit is None:
        return None
    found = fit_at_the_maximum(subject, reference)
    estimate = found[1] if found is not None else subject.fit(reference.points[0], None)
    return None if estimate.standard_errors is None else (estimate.natural, estimate.standard_errors)
