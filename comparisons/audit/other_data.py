"""Checks on data that were made to show what the given data do not.

Flips of the first row used for all are no error where all rows have ten flips. So each family makes data that use
what it allows: unequal flips, frequencies of 0 and above 1, missing answers, rare outcomes, rows whose probability is
too small for a double, another number of rows, of items or of components, and the same number of rows with other
values. And whatever the model, the given rows are put in another order, doubled, resampled and weighted.

The EM under audit is first compared with the reference EM, which costs next to nothing. Where the two differ PyMC's
model of the same data is built, and PyMC decides: every check is put to it there.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from comparisons.audit.causes import below_zero, faint_cause, likely_cause
from comparisons.audit.causes.made_data import HINTS, SHOWS
from comparisons.audit.constants import compared
from comparisons.audit.copies import difference
from comparisons.audit.domain import where_it_works
from comparisons.audit.early_stops import SMALL_STEP
from comparisons.audit.finding import Finding, Outcome, not_applicable, passed, remark
from comparisons.audit.forms import spread
from comparisons.audit.guard import PATIENCE, no_longer_than, out_of_time
from comparisons.audit.noise import forgiven
from comparisons.audit.own_em import end_of_em, one_cycle
from comparisons.audit.reference import Reference
from comparisons.audit.rows import some_rows
from comparisons.audit.stop_rules import Rule, rule_of
from comparisons.audit.subject import Subject
from comparisons.case import AuditHooks, Case, Natural
from comparisons.errors import Trouble

# What can be asked only where there is a regular maximum.
AT_THE_MAXIMUM = ("m_step", "fixed_point", "stopping")
# On other data a tolerance may stop further off.
OF_STOPS = ("fixed_point", "stopping")
# What is said of the estimates, and may have a constant that belongs to one number of components.
OF_VALUES = ("log_likelihood", "reported_log_likelihood")
Check = Callable[[Subject, Reference], Finding]
POINTS = 3
# A whole fit may take too long on data with so many times the parameters; a few cycles do not.
COSTLY = 3
# One cycle of the two EMs may differ by this beside the size of a parameter; a fit at the maximum may move this.
SAME = 1e-7
STAYS = 1e-5
REPORTED = 1e-8
# A cycle that is not EM's gains at least this share of what EM's gains, up to round-off.
SLOWER, ROUND_OFF = 1e-3, 1e-9
# Where it is after so many cycles as well.
FOLLOWED = 100


def other_data(subject: Subject, reference: Reference, checks: Mapping[str, Check]) -> Finding:
    """No check fails on data that use what the family allows, made from the seed of the audit."""
    check = "other_data"
    if subject.rebuild is None:
        return not_applicable(check, "needs a factory that takes other data")
    rng = np.random.default_rng([reference.seed, 5])
    made = {**reference.hooks.made(rng), **rewritten(reference.hooks, rng)}
    if not made:
        return not_applicable(check, "no other data are known for this model")
    fine, remarks = [], []
    late = out_of_time()
    for what, data in made.items():
        if late():
            break
        try:
            case = reference.hooks.rebind(data)
        except ValueError:
            # Resampled rows may be none that the family takes.
            continue
        same_size = case.sizes == reference.case.sizes
        if subject.step is None and sum(case.sizes.values()) > COSTLY * sum(reference.case.sizes.values()):
            continue
        try:
            other = subject.rebuild(_written_out(case) if subject.ignores_frequencies else case)
            if _as_the_reference(other, case, reference.seed, forgiven(subject, reference), same_size=same_size):
                fine.append(what)
                continue
        except Trouble as trouble:
            if not same_size:
                # An EM may be written for one number of components or items.
                continue
            remarks.append(f"{'refuses' if trouble.refused else 'not robust with'} {what}: {trouble}")
            continue
        with no_longer_than(PATIENCE):
            there = where_it_works(other, Reference(case, reference.seed))
            asked = {name: check for name, check in checks.items() if same_size or name not in OF_VALUES}
            fault = _fault(other, there, asked)
        if fault is not None:
            name, found = fault
            where = f"with {what} (seed {reference.seed}), {name}: {found.found}"
            # Where the data were made for one kind of bug, that is the likeliest cause.
            cause = SHOWS.get(what) or likely_cause(other, there, sizes=False) or below_zero(other, there)
            cause = cause or HINTS.get(what) or faint_cause(other, there) or found.meaning
            return found._replace(check=check, found=where, meaning=cause)
        fine.append(what)
    if remarks:
        return remark(check, "; ".join(remarks))
    return passed(check, f"right with {', '.join(fine)}")


def rewritten(hooks: AuditHooks, rng: np.random.Generator) -> dict[str, dict[str, Any]]:
    """The rows of the data in another order, all twice, resampled, and with other frequencies."""
    data, size = hooks.data, len(hooks.data["frequencies"])
    if not hooks.rows:
        return {}
    every, often = np.arange(size), np.asarray(data["frequencies"], dtype=float)
    total = max(1, int(often.sum()))
    return {
        "the rows in another order": some_rows(data, hooks.rows, rng.permutation(size)),
        "every row twice": some_rows(data, hooks.rows, np.concatenate([every, every])),
        "resampled rows": {**data, "frequencies": rng.multinomial(total, often / often.sum()).astype(float)},
        "each row one to three times as often": {**data, "frequencies": often * rng.integers(1, 4, size)},
    }


def _written_out(case: Case) -> Case:
    """The same data, every row as often as it was seen."""
    assert case.audit is not None
    return case.audit.rebind(spread(case, case.audit.data))


def _fault(subject: Subject, reference: Reference, checks: Mapping[str, Check]) -> tuple[str, Finding] | None:
    """The first check that fails with PyMC's model of these data, None if none does."""
    for name, check in checks.items():
        if name in AT_THE_MAXIMUM and not reference.top.regular:
            continue
        try:
            finding = check(subject, reference)
        except Trouble as trouble:
            if trouble.refused:
                continue
            finding = Finding(name, Outcome.FAILED, str(trouble), trouble.at)
        if finding.outcome is Outcome.FAILED and not (
            name in OF_STOPS and rule_of(subject, reference) is Rule.TOLERANCE
        ):
            return name, finding
    return None


def _as_the_reference(subject: Subject, case: Case, seed: int, noise: float, *, same_size: bool) -> bool:
    """Whether nothing but its noise tells the EM under audit from the reference EM on these data."""
    rng = np.random.default_rng([seed, 6])
    starts = [case.draw_start(rng) for _ in range(POINTS)]
    ends = [end_of_em(case, start) for start in starts[:1]]
    if subject.step is not None:
        # With many items an EM may break far from the maximum, and be right or wrong beside it.
        points = [*starts, *ends] if same_size else _taken(subject.step, [*ends, *starts])
        if not _same_cycle(subject, case, SAME + noise, points, ends):
            return False
    # Written for one number of components, an EM may leave out what is constant then.
    if subject.e_step is not None and same_size:
        told = [(point, subject.e_step(point).log_likelihood) for point in [*starts, *ends]]
        if not _same_values(case, [(point, value) for point, value in told if value is not None]):
            return False
    return subject.fit is None or _same_fit(subject, case, starts, ends, same_size=same_size)


def _taken(step: Callable[[Natural], Natural], points: list[Natural]) -> list[Natural]:
    """The points at which a cycle runs through, the first of them if it does not there."""
    step(points[0])
    found = points[:1]
    for point in points[1:]:
        try:
            step(point)
        except Trouble:
            continue
        found.append(point)
    return found


def _same_cycle(subject: Subject, case: Case, allowed: float, points: list[Natural], ends: list[Natural]) -> bool:
    """One cycle of both EMs is the same; or the likelihood never falls and the reference's end stays."""
    assert subject.step is not None
    gaps = [difference(case, subject.step(point), one_cycle(case, point)) for point in points]
    if max(gaps) <= allowed:
        return True
    if any(difference(case, subject.step(end), end) > max(1e-6, allowed) for end in ends):
        return False
    point = points[0]
    for _ in range(FOLLOWED):
        point = subject.step(point)
    return _climbs_on(subject, case, [*points, point])


def _climbs_on(subject: Subject, case: Case, points: list[Natural]) -> bool:
    """Whether a cycle that is not EM's never falls, and gains where EM gains: it may not stand where EM does not."""
    assert subject.step is not None
    for point in points:
        before = _height(case, point)
        by_em, by_it = _height(case, one_cycle(case, point)) - before, _height(case, subject.step(point)) - before
        if by_it < SLOWER * by_em - ROUND_OFF * (1 + abs(before)):
            return False
    return True


def _same_values(case: Case, told: list[tuple[Natural, float]]) -> bool:
    """The log-likelihoods are those of the reference, up to constants that the family names."""
    if not told:
        return True
    assert case.audit is not None
    ours = np.array([value for _, value in told])
    expected = [_expectation(case, point) for point, _ in told]
    for with_prior in (False, True):
        theirs = np.array([likelihood + with_prior * prior for likelihood, prior in expected])
        found = compared(ours, theirs, case.audit.constants)
        if np.abs(found.gap).max() <= REPORTED * found.scale:
            return True
    return False


def _same_fit(subject: Subject, case: Case, starts: list[Natural], ends: list[Natural], *, same_size: bool) -> bool:
    """A fit from the reference's end stays there, and one from elsewhere ends where EM hardly moves."""
    assert subject.fit is not None
    estimates = [subject.fit(start, None) for start in starts[:2]]
    for estimate in estimates:
        near = difference(case, one_cycle(case, estimate.natural), estimate.natural) <= SMALL_STEP
        if not near and estimate.converged is not False:
            return False
    if subject.starts:
        again = [subject.fit(end, None) for end in ends]
        if any(difference(case, one.natural, end) > STAYS for one, end in zip(again, ends, strict=True)):
            return False
        estimates += again
    told = [(one.natural, one.log_likelihood) for one in estimates]
    return not same_size or _same_values(case, [(point, value) for point, value in told if value is not None])


def _expectation(case: Case, natural: Natural) -> tuple[float, float]:
    with np.errstate(all="ignore"):
        found = case.em.e_step(case.to_em(natural))
    return float(found.log_likelihood), float(found.log_prior)


def _height(case: Case, natural: Natural) -> float:
    return sum(_expectation(case, natural))
