"""Checks that put the EM on other data: the same data written differently, and awkward data."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from comparisons.audit.causes import likely_cause
from comparisons.audit.copies import difference
from comparisons.audit.finding import Finding, Outcome, described, failed, not_applicable, passed, remark
from comparisons.audit.guard import out_of_time
from comparisons.audit.noise import forgiven
from comparisons.audit.own_em import end_of_em, one_cycle
from comparisons.audit.reference import Reference
from comparisons.audit.subject import Subject, whole_fit
from comparisons.case import Case, Natural
from comparisons.errors import Trouble

# How far one cycle on the same data may differ, beside the size of a parameter and beyond its noise; and a whole fit,
# which may stop a cycle sooner or later.
SAME_CYCLE = 1e-7
SAME_FIT = 1e-3
CYCLES = 3
CACHED = "something of the first data is kept: a cache by the number of rows, numbers written into the code"
# How far a cycle may move what the reference EM left, beside its size.
STAYS = 1e-6


def missing(subject: Subject, reference: Reference) -> Finding:
    """A row without any response changes nothing."""
    return _same_data(subject, reference, "missing", "a row without responses")


def weights(subject: Subject, reference: Reference) -> Finding:
    """A frequency of 2 is the row twice."""
    what = "a frequency of 2 for the row twice"
    if subject.rebuild is not None and what in reference.hooks.same_data and subject.ignores_frequencies:
        return remark("weights", "takes no frequencies: every row has to be given as often as it was seen")
    finding = _same_data(subject, reference, "weights", what)
    if finding.outcome is Outcome.PASSED and subject.step is not None:
        others = [reference.hooks.same_data[what][0], *reference.hooks.edge_cases.values()]
        if _blind(subject, reference, others):
            found = "one cycle is the same on all other data: it still uses those of the first EM"
            return failed("weights", found)._replace(meaning=CACHED)
    return finding


def _blind(subject: Subject, reference: Reference, others: Sequence[Mapping[str, Any]]) -> bool:
    """Whether one cycle is the same, to the last digit, on several other data; data it refuses do not count."""
    assert subject.step is not None
    assert subject.rebuild is not None
    point, told = reference.points[0], 0
    here = reference.case.flat(subject.step(point))
    for other in (reference.hooks.rebind(dict(data)) for data in others):
        if other.sizes != reference.case.sizes:
            continue
        try:
            there = other.flat(_act(subject.rebuild(other))(point))
        except Trouble:
            continue
        if not np.array_equal(here, there):
            return False
        told += 1
    return told > 1


def _same_data(subject: Subject, reference: Reference, check: str, what: str) -> Finding:
    if what not in reference.hooks.same_data:
        return not_applicable(check, "does not apply to this model")
    if subject.rebuild is None:
        return not_applicable(check, "needs a factory that takes other data")
    one, other = (reference.hooks.rebind(data) for data in reference.hooks.same_data[what])
    does = "the fit" if subject.step is None else "one cycle"
    allowed = SAME_FIT if subject.step is None else SAME_CYCLE + forgiven(subject, reference)
    told = f"{what} gives the same {'fit' if subject.step is None else 'cycle'}"
    try:
        first, second = subject.rebuild(one), subject.rebuild(other)
        for point in reference.points[:3]:
            gap = difference(reference.case, _act(first)(point), _act(second)(point))
            if gap <= allowed:
                continue
            if not _same_fixed_point(first, second, one):
                finding = failed(check, f"with {what}, {does} differs by {gap:.2g}", described(point))
                return finding._replace(meaning=_cause(subject, reference, (first, one), (second, other), check))
            told = f"with {what}, {does} differs by {gap:.2g}, and where it ends does not"
    except Trouble as trouble:
        if trouble.refused:
            return not_applicable(check, f"the EM refuses {what}: {trouble}")
        return failed(check, f"with {what}: {trouble}")._replace(meaning="")
    return passed(check, told)


def _cause(
    subject: Subject, reference: Reference, first: tuple[Subject, Case], second: tuple[Subject, Case], check: str
) -> str:
    """What makes the two differ: the mistake that shows on one of them, or what is kept of the data before."""
    point = reference.points[0]
    here = reference.case.flat(_act(subject)(point))
    if check == "weights":
        # The same number of rows with other values, then a row that was seen once more, or stands there once more.
        changed = _first_row_replaced(reference)
        if changed is not None and subject.rebuild is not None:
            there = _act(subject.rebuild(changed))(point)
            if np.array_equal(changed.flat(there), here):
                return CACHED
        same = [np.array_equal(case.flat(_act(em)(point)), here) for em, case in (first, second)]
        if any(same):
            return "the frequencies are left out" if same[0] else "equal rows are counted once"
    for em, case in (second, first):
        if em.step is None or difference(case, em.step(point), one_cycle(case, point)) > STAYS:
            cause = likely_cause(em, Reference(case, reference.seed))
            if cause:
                return cause
    return ""


def _first_row_replaced(reference: Reference) -> Case | None:
    """The data of the audit, but the first row is one that differs from it; None where there is none."""
    data = reference.hooks.data
    rows = {name: np.array(data[name], dtype=float) for name in reference.hooks.rows}
    for place in range(1, len(next(iter(rows.values()), np.empty(0)))):
        if any(not np.array_equal(values[0], values[place], equal_nan=True) for values in rows.values()):
            for values in rows.values():
                values[0] = values[place]
            return reference.hooks.rebind({**data, **rows})
    return None


def _same_fixed_point(first: Subject, second: Subject, case: Case) -> bool:
    """Whether both stay where the reference EM ends on these data: a cycle may count what is missing in its own way."""
    if first.step is None or second.step is None:
        return False
    end = end_of_em(case, case.draw_start(np.random.default_rng(0)))
    return all(difference(case, step(end), end) <= STAYS for step in (first.step, second.step))


def _act(subject: Subject) -> Callable[[Natural], Natural]:
    """One cycle, or where there is none the whole fit."""
    return subject.step or whole_fit(subject)


def edge_cases(subject: Subject, reference: Reference) -> Finding:
    """On awkward data, and from awkward starts, the EM stays finite or refuses with a ValueError.

    That it does not is no error of its formulas: it is a remark.
    """
    check = "edge_cases"
    tried: list[str] = []
    troubles: list[tuple[str, Trouble, Natural]] = []
    late = out_of_time()
    for what, make, start in _edges(subject, reference):
        if tried and late():
            break
        trouble = _trouble(make, start)
        tried.append(what)
        if trouble is not None:
            troubles.append((what, trouble, start))
            if trouble.late:
                # An EM that hangs once may hang each time.
                break
    if troubles:
        faults = {str(trouble): [what for what, other, _ in troubles if str(other) == str(trouble)]
                  for _, trouble, _ in troubles}  # fmt: skip
        found = "; ".join(f"{', '.join(where)}: {fault}" for fault, where in faults.items())
        return remark(check, f"not robust at edges: {found}", described(troubles[0][2]))
    if not tried:
        return not_applicable(check, "needs a factory that takes other data")
    return passed(check, f"finite, or a clear error, with {', '.join(tried)}")


def _edges(subject: Subject, reference: Reference) -> Iterator[tuple[str, Callable[[], Subject], Natural]]:
    """What is awkward, how to make the EM for it, and where it starts."""
    for what, start in reference.hooks.edge_starts.items():
        yield f"a start with {what}", lambda: subject, start
    rebuild = subject.rebuild
    if rebuild is None:
        return
    for what, data in reference.hooks.edge_cases.items():
        other = reference.hooks.rebind(data)
        yield what, partial(rebuild, other), other.draw_start(np.random.default_rng([reference.seed, 3]))


def _trouble(make: Callable[[], Subject], start: Natural) -> Trouble | None:
    """What goes wrong in a few cycles; a ValueError is no fault."""
    try:
        subject = make()
        point = start
        for _ in range(1 if subject.step is None else CYCLES):
            point = _act(subject)(point)
    except Trouble as trouble:
        return None if trouble.refused else trouble
    return None
