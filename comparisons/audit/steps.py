"""Checks of the E-step, at random parameters: nothing about convergence is needed to see them fail."""

import numpy as np

from comparisons.audit.aligned import aligned
from comparisons.audit.causes.values import instead_of_log_likelihood
from comparisons.audit.finding import Finding, described, failed, judged, not_applicable, passed
from comparisons.audit.reference import Reference
from comparisons.audit.subject import Subject

# Round-off of a log-likelihood, and of expected counts, beside 1 + their size.
EQUAL = 1e-9


def log_likelihood(subject: Subject, reference: Reference) -> Finding:
    """The EM's own log-likelihood equals PyMC's, up to a constant that does not depend on the parameters."""
    check = "log_likelihood"
    if subject.e_step is None:
        return not_applicable(check, "the EM offers no E-step that gives a log-likelihood")
    values = [subject.e_step(point).log_likelihood for point in reference.points]
    if any(value is None for value in values):
        return not_applicable(check, "the E-step gives no log-likelihood")
    value = np.array(values, dtype=float)
    if not np.isfinite(value).all():
        worst = int(np.flatnonzero(~np.isfinite(value))[0])
        return failed(check, f"the log-likelihood is {value[worst]}", described(reference.points[worst]))
    compared = reference.compared(value, reference.points)
    worst = int(np.abs(compared.gap).argmax())
    up_to = f" without {compared.names} ({compared.constant:+.6g})" if compared.names else ""
    found = f"equal to PyMC's to {np.abs(compared.gap).max():.1e} at {len(value)} points{up_to}"
    ok = bool(np.abs(compared.gap).max() <= EQUAL * compared.scale)
    what = ""
    if not ok:
        theirs = np.array([reference.log_likelihood(point) for point in reference.points])
        what = instead_of_log_likelihood(value, reference.points, reference)
        found = f"{value[worst]:.10g} where PyMC's is {theirs[worst]:.10g}{f': {what}' if what else ''}"
        least = int(np.abs(value - theirs).argmin())
        if not what and least != worst:
            found += f"; {value[worst] - theirs[worst]:+.6g} here and {value[least] - theirs[least]:+.6g} elsewhere"
        found += reference.allowed()
    finding = judged(check, ok, found, described(reference.points[worst]))
    return finding._replace(meaning=f"it is {what}") if what else finding


def expected_counts(subject: Subject, reference: Reference) -> Finding:
    """The E-step's expected counts equal the gradients of PyMC's log-likelihood."""
    check = "expected_counts"
    if subject.e_step is None:
        return not_applicable(check, "the EM offers no E-step")
    worst, where, what, seen = 0.0, reference.points[0], "", ""
    for point in reference.points:
        theirs = reference.expected_counts(reference.weighted(point))
        ours = aligned(subject.e_step(point).counts, theirs)
        shared = [name for name in theirs if name in ours]
        if not shared:
            return not_applicable(check, f"no counts by name, expected some of {', '.join(theirs)}")
        seen = ", ".join(shared)
        for name in shared:
            if ours[name].shape != theirs[name].shape:
                told = f"{name} has shape {ours[name].shape}, expected {theirs[name].shape}"
                return failed(check, told)._replace(meaning="another number of nodes, of components or of items")
            gap = np.abs(ours[name] - theirs[name]) / (1 + np.abs(theirs[name]).max())
            gap = np.nan_to_num(gap, nan=np.inf)
            if gap.max() > worst:
                index = np.unravel_index(int(gap.argmax()), gap.shape)
                worst, where = float(gap.max()), point
                place = ", ".join(str(i + 1) for i in index)
                what = f"{name}[{place}] is {ours[name][index]:.10g}, by PyMC's gradient {theirs[name][index]:.10g}"
    ok = worst <= EQUAL
    return judged(check, ok, f"{seen} equal PyMC's gradients to {worst:.1e}" if ok else what, described(where))


def mass(subject: Subject, reference: Reference) -> Finding:
    """Expected counts add up to the data, each kind of them, item by item."""
    check = "mass"
    if subject.e_step is None:
        return not_applicable(check, "the EM offers no E-step")
    if not reference.mass:
        return not_applicable(check, "no counts of this model have to add up to anything")
    seen: list[str] = []
    for point in reference.points:
        theirs = reference.expected_counts(reference.weighted(point))
        counts = aligned(subject.e_step(point).counts, theirs)
        seen = [name for name in reference.mass if name in counts]
        for name in seen:
            total = np.atleast_1d(reference.mass[name])
            if counts[name].shape != theirs[name].shape:
                return failed(check, f"{name} has shape {counts[name].shape}, expected {theirs[name].shape}")
            found = np.atleast_1d(counts[name].sum(axis=0))
            gap = np.nan_to_num(np.abs(found - total) / (1 + np.abs(total)), nan=np.inf)
            if gap.max() > EQUAL:
                worst = int(gap.argmax())
                place = f" of item {worst + 1}" if len(total) > 1 else ""
                found_, wanted = found[worst], total[worst]
                return failed(check, f"{name}{place} add up to {found_:.10g}, expected {wanted:.10g}", described(point))
    if not seen:
        return not_applicable(check, f"no counts by name, expected some of {', '.join(reference.mass)}")
    sums = ", ".join(f"{name} {np.sum(reference.mass[name]):.10g}" for name in seen)
    return passed(check, f"adds up to the data: {sums}")


def fisher(subject: Subject, reference: Reference) -> Finding:
    """Gradient of Q at its own parameters, from the EM's counts, equals the gradient of the log-likelihood."""
    check = "fisher"
    if subject.e_step is None:
        return not_applicable(check, "the EM offers no E-step")
    worst, where = 0.0, reference.points[0]
    for point in reference.points:
        weighted = reference.weighted(point)
        expected = reference.expected_counts(weighted)
        counts = aligned(subject.e_step(point).counts, expected)
        if not set(expected) <= set(counts):
            return not_applicable(check, f"needs the counts {', '.join(sorted(expected))} by name")
        wrong = [name for name in expected if counts[name].shape != expected[name].shape]
        if wrong:
            return failed(check, f"{wrong[0]} has shape {counts[wrong[0]].shape}, expected {expected[wrong[0]].shape}")
        ours = reference.score(counts, point)
        x = reference.free(point)
        # Of the log-likelihood itself: by Fisher's identity that is what Q has to give.
        theirs = reference.likelihood_gradient(x)
        gap = float(np.nan_to_num(np.abs(ours - theirs) / (1 + np.abs(theirs).max()), nan=np.inf).max())
        if gap > worst:
            worst, where = gap, point
    found = f"the gradients agree to {worst:.1e}" if worst <= 10 * EQUAL else f"the gradients differ by {worst:.1e}"
    return judged(check, worst <= 10 * EQUAL, found, described(where))
