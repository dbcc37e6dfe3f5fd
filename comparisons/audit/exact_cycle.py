"""One cycle of an outside EM beside the exact one that its model implies, number by number."""

import numpy as np
import numpy.typing as npt

from comparisons.audit.constants import NAMES
from comparisons.audit.cycle import COMPLETE
from comparisons.audit.finding import Finding, Outcome, described, not_applicable, passed
from comparisons.audit.noise import forgiven
from comparisons.audit.own_em import one_cycle
from comparisons.audit.reference import Reference
from comparisons.audit.subject import Subject
from comparisons.case import Array, Case, Natural
from comparisons.errors import Trouble

# One cycle of two EMs may differ by this beside the size of a parameter: the exact M-step is numerical.
SAME = 1e-6
# How near a ratio must be to one that has a name.
NEAR = 1e-6


def exact_cycle(subject: Subject, reference: Reference) -> Finding:
    """One cycle moves every parameter where the exact E-step and the maximum of Q move it.

    A cycle that is less than EM's or more is no error by itself: the other checks say whether it is.
    """
    check = "exact_cycle"
    if subject.step is None:
        return not_applicable(check, "the EM offers no cycle")
    case, allowed = reference.case, SAME + forgiven(subject, reference)
    worst, told, what, where = 0.0, "", "", ""
    for point in reference.points:
        ours, exact = subject.step(point), one_cycle(case, point)
        gaps = np.abs(case.flat(ours) - case.flat(exact)) / case.size(exact)
        if gaps.max() > max(worst, allowed) and not _maximises_q(reference, point, ours):
            worst, where = float(gaps.max()), described(point)
            told, what = _pair(reference, ours, exact, int(gaps.argmax()))
    if worst <= allowed:
        return passed(check, f"one cycle is that of the exact EM at {len(reference.points)} points")
    return Finding(check, Outcome.GENERALISED, told, where, what)


def _maximises_q(reference: Reference, point: Natural, ours: Natural) -> bool:
    """Whether a cycle ends at the maximum of Q, or where Q, as the likelihood, has no bound.

    PyMC's climb to that maximum may end elsewhere, where next to nothing depends on a parameter.
    """
    weighted = reference.weighted(point)
    try:
        return reference.short_of_maximum(reference.free(ours), weighted) <= COMPLETE
    except Trouble:
        return reference.runs_off(point)


def _pair(reference: Reference, ours: Natural, exact: Natural, index: int) -> tuple[str, str]:
    """The two numbers and their ratio; and what that is, where it is simple."""
    case = reference.case
    name, one, other = case.parameter_names()[index], case.flat(ours)[index], case.flat(exact)[index]
    told = f"after one cycle {name} is {one:.8g}, by the exact EM {other:.8g}"
    if other:
        told += f", ratio {one / other:.7g}"
    swap, ratio = exchanged(case, ours, exact), named_ratio(one / other, reference.complete.rows, case) if other else ""
    what = swap or (f"{name} is {ratio} that of the exact EM" if ratio else "")
    return (f"{told}: {what}" if what else told), what


def named_ratio(ratio: float, rows: float, case: Case) -> str:
    """What a ratio is: n / (n - 1), 2, 1.702, a sign, the number of labels of an axis; empty where nothing simple."""
    known: dict[str, float] = {
        "minus": -1.0,
        "n / (n - 1) times": rows / (rows - 1) if rows > 1 else np.inf,
        "(n - 1) / n times": (rows - 1) / rows,
        "n / (n - 2) times": rows / (rows - 2) if rows > 2 else np.inf,
        "twice": 2.0,
        "half": 0.5,
        "n (the number of observations) times": rows,
        "1 / n times": 1 / rows,
    }
    for name, value in NAMES.items():
        known[f"{name}{' (the scale of the normal ogive)' if '1.7' in name else ''} times"] = value
    for axis in case.axes:
        known.setdefault(f"{len(axis)} (the number of labels of {axis.name}) times", float(len(axis)))
        known.setdefault(f"1 / {len(axis)} (by the number of labels of {axis.name})", 1 / len(axis))
    return next((words for words, value in known.items() if abs(ratio / value - 1) <= NEAR), "")


def exchanged(case: Case, ours: Natural, exact: Natural) -> str:
    """Which two entries of one parameter have each other's value."""
    for parameter in case.parameters:
        one, other = parameter.flat(ours[parameter.name]), parameter.flat(exact[parameter.name])
        apart = np.flatnonzero(~_same(one, other))
        if len(apart) == 2 and _same(one[apart], other[apart[::-1]]).all():
            return f"{parameter.names[apart[0]]} and {parameter.names[apart[1]]} have each other's value"
    return ""


def _same(one: Array, other: Array) -> npt.NDArray[np.bool_]:
    return np.asarray(np.abs(one - other) <= SAME * (1 + np.abs(other)))
