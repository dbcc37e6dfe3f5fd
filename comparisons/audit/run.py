"""All checks of an EM, one after the other."""

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from comparisons import catalogue
from comparisons.audit import cycle, datasets, guard, limits, reported, steps, stops
from comparisons.audit.another_language import CommandEM, ended
from comparisons.audit.causes import faint_cause, likely_cause
from comparisons.audit.domain import domain, where_it_works
from comparisons.audit.exact_cycle import exact_cycle
from comparisons.audit.finding import MEANING, Finding, Level, Outcome, failed, level_of, not_applicable
from comparisons.audit.other_data import other_data
from comparisons.audit.reference import Reference, with_cycle
from comparisons.audit.subject import Subject, adapt, is_fit, made_by
from comparisons.case import Case
from comparisons.errors import InputError, Trouble
from comparisons.outside.audited import auditable
from comparisons.outside.em import OutsideEM, bound_em

CHECKS: dict[str, Callable[[Subject, Reference], Finding]] = {
    "domain": domain,
    "log_likelihood": steps.log_likelihood,
    "expected_counts": steps.expected_counts,
    "mass": steps.mass,
    "fisher": steps.fisher,
    "ascent": cycle.ascent,
    "m_step": cycle.m_step,
    "symmetry": cycle.symmetry,
    "fixed_point": limits.fixed_point,
    "rate": limits.rate,
    "reported_log_likelihood": reported.reported_log_likelihood,
    "stopping": stops.stopping,
    "standard_errors": reported.standard_errors,
    "missing": datasets.missing,
    "weights": datasets.weights,
    "edge_cases": datasets.edge_cases,
    "exact_cycle": exact_cycle,
}
# What is asked of an EM on data that were made for it.
ON_OTHER_DATA = (
    "log_likelihood",
    "expected_counts",
    "mass",
    "fisher",
    "ascent",
    "m_step",
    "fixed_point",
    "reported_log_likelihood",
    "stopping",
)
CHECKS["other_data"] = lambda subject, reference: other_data(
    subject, reference, {name: CHECKS[name] for name in ON_OTHER_DATA}
)
# What is derived from the complete data.
OF_STEPS = ("expected_counts", "mass", "fisher", "m_step", "rate", "exact_cycle")
# Failures that follow from others say less about the cause: what they usually mean is told last.
GENERAL = {"fisher": 1, "ascent": 3, "fixed_point": 4, "rate": 5, "stopping": 2, "symmetry": 2, "weights": 2}
# Where one of these fails, the estimates are wrong, not only what is said of them.
OF_ESTIMATES = ("expected_counts", "mass", "fisher", "ascent", "m_step", "symmetry", "fixed_point", "rate")
# The row of an EM that no check can be put to.
WHOLE = "the EM itself"
Factory = Callable[[dict[str, Any]], Any]
# The audit reckons with NumPy's own answer to an overflow, whatever the user's module or session asks for.
_as_numpy_does = np.errstate(divide="warn", over="warn", under="ignore", invalid="warn")


def subject_of(em: Any, case: Case, factory: Factory | None = None) -> Subject:
    """The EM under audit; with a factory it can be put on other data as well.

    Raises
    ------
    Trouble
    """
    if isinstance(em, CommandEM) and factory is None:
        em, factory = None, em
    plain_fit = em is not None and is_fit(em, case)

    def made(on: Case, given: Mapping[str, Any]) -> Subject:
        if plain_fit:
            # A function of data and a start needs no factory: it takes other data as it is.
            return adapt(em, on, given)
        assert factory is not None
        built, unaware = made_by(factory, on, given)
        subject = adapt(built, on, given)
        # Either the factory or what it made may have looked at the frequencies.
        own = subject.unaware
        return replace(subject, unaware=unaware if own is None else lambda: unaware() and own())

    def rebuild(other: Case) -> Subject:
        assert other.audit is not None
        return made(other, deepcopy(other.audit.data))

    if factory is None and not plain_fit:
        return adapt(em, case, deepcopy(case.audit.data) if case.audit else {})
    if em is not None and not plain_fit:
        return replace(adapt(em, case, {}), rebuild=rebuild)
    assert case.audit is not None
    given = deepcopy(case.audit.data)
    return replace(made(case, given), rebuild=rebuild, given=given)


@_as_numpy_does
def run_check(name: str, subject: Subject, reference: Reference) -> Finding:
    """Run one check; whatever the EM does wrong on the way is its finding."""
    if name in OF_STEPS and not reference.hooks.steps:
        return not_applicable(name, "the model does not name its log_joint")
    try:
        finding = CHECKS[name](subject, with_cycle(reference, subject.step))
    except Trouble as trouble:
        finding = failed(name, str(trouble), trouble.at)._replace(meaning="")
    if subject.given is not None:
        pristine = dict(guard.arrays(reference.hooks.data))
        if guard.changed(pristine, subject.given):
            for place, mine in guard.arrays(subject.given):
                mine[...] = pristine[place]
            return failed(name, "it changed the data that it was given")._replace(meaning="")
    return finding


def check_em(
    em: Any = None,
    case: Case | str | Callable[[], Case] | None = None,
    *,
    factory: Factory | None = None,
    seed: int = 0,
    time_limit: float = 20.0,
    data_only: bool = False,
) -> pd.DataFrame:
    """Audit an EM.

    Parameters
    ----------
    em : object or callable
        An object with `e_step` and `m_step`; or with `step`; or with `fit`; or a function theta -> theta';
        or a function (data, start) -> estimates. Parameters are dicts of arrays by name, or flat arrays in
        its `parameter_order`. See `comparisons.audit.subject`.
    case : Case, str or callable () -> Case
        The data and the model that it claims to fit; a problem of the catalogue by its name; or a function that makes
        it. Of a case of `comparisons.bind` it is the bound EM that is audited, where no other is given.
    factory : callable data -> em, optional
        Enables the checks that need other data; with it `em` may be left out. For an EM in another language it is
        `comparisons.command_em("Rscript my_em.R")`.
    seed : int
        Of the random parameters.
    time_limit : float
        Seconds that one call of the EM may take; a whole fit may take ten times as long.
    data_only : bool
        Leave out the data that are made to show what the given ones do not.

    Returns
    -------
    DataFrame
        check, outcome ("passed", "failed", "generalised EM", "accelerated EM", "remark", "not applicable"), found, at,
        meaning. Its `attrs["level"]` is "right", "right, with remarks" or "wrong".

    Raises
    ------
    ValueError
        If there is no case, or its family has no audit hooks.
    InputError
        If there is no problem of that name, or the bound model names a `log_joint` that does not add up to its
        log-likelihood. What the EM does wrong, also that it raises an error, is a finding and no exception.

    Examples
    --------
    >>> from comparisons import check_em
    >>> def linkage(theta):
    ...     linked = 125 * theta / (2 + theta) + 34  # 125, 18, 20, 34 animals in four cells
    ...     return linked / (linked + 18 + 20)
    >>> def em(params):
    ...     return {"theta": linkage(params["theta"])}
    >>> check_em(em, "genetic-linkage").attrs["level"]
    'right'
    >>> def wrong(params):
    ...     return {"theta": linkage(params["theta"]) ** 2}
    >>> table = check_em(wrong, "genetic-linkage")
    >>> table.attrs["level"], table["check"][table["outcome"] == "failed"].tolist()
    ('wrong', ['ascent', 'm_step', 'fixed_point'])
    """
    token = guard.time_limit.set(time_limit)
    try:
        findings = audit(em, case, factory=factory, seed=seed, data_only=data_only)
    finally:
        guard.time_limit.reset(token)
    table = pd.DataFrame([{**finding._asdict(), "outcome": str(finding.outcome)} for finding in findings])
    table.attrs["level"] = str(level_of(findings))
    return table


@_as_numpy_does
def audit(
    em: Any,
    case: Case | str | Callable[[], Case] | None,
    *,
    factory: Factory | None = None,
    seed: int = 0,
    data_only: bool = False,
) -> list[Finding]:
    """The findings of all checks; see `check_em`."""
    given = None if case is None else catalogue.case_of(case)
    if em is None and factory is None and given is not None and isinstance(given.em, OutsideEM):
        em = bound_em(given.em)
    bound = bound_case(given)
    with ended(em, factory):
        return _findings(em, bound, factory, seed, data_only)


def _findings(em: Any, case: Case, factory: Factory | None, seed: int, data_only: bool) -> list[Finding]:
    try:
        subject = subject_of(em, case, factory)
    except Trouble as trouble:
        return [Finding(WHOLE, Outcome.FAILED, str(trouble))]
    reference = Reference(case, seed).compile()
    with guard.no_longer_than(guard.AUDIT * guard.time_limit.get()):
        reference = where_it_works(subject, reference)
        findings = run_checks(subject, reference, (name for name in checks_for(case) if name != "other_data"))
        if data_only or level_of(findings) is Level.WRONG:
            why = "left out (--data-only)" if data_only else "the EM is wrong on the given data already"
            findings.append(not_applicable("other_data", why))
        else:
            findings.append(run_check("other_data", subject, reference))
        return _cause_first(_said_once(findings), subject, reference)


def checks_for(case: Any) -> list[str]:
    """Names of the checks of an EM on a case: of a built-in model those of the steps say more than the whole cycle.

    The case may be the name of a problem, or a function that makes one.
    """
    built_in = isinstance(case, str) or getattr(case, "family", "outside") != "outside"
    return [name for name in CHECKS if name != "exact_cycle" or not built_in]


def run_checks(subject: Subject, reference: Reference, order: Iterable[str]) -> list[Finding]:
    """Findings of these checks, run in this order; told in the order of `CHECKS`, and the same in whichever order."""
    found = {name: run_check(name, subject, reference) for name in order}
    return [found[name] for name in CHECKS if name in found]


def _cause_first(findings: list[Finding], subject: Subject, reference: Reference) -> list[Finding]:
    """The first failure tells the likeliest cause: a suspect with the same numbers, else what is most specific."""
    wrong = [index for index, finding in enumerate(findings) if finding.outcome is Outcome.FAILED]
    if not wrong or findings[wrong[0]].check == "other_data":
        return findings
    of_estimates = [i for i in wrong if findings[i].check in OF_ESTIMATES]
    searched = bool(of_estimates) and reference.hooks.steps
    cause = likely_cause(subject, reference) if searched else ""
    if not cause:
        # What is wrong with the estimates comes before what is wrong with what is said of them.
        some = of_estimates or wrong
        specific = [
            findings[i].meaning for i in some if findings[i].meaning not in ("", MEANING.get(findings[i].check, ""))
        ]
        specific += [finding.meaning for finding in findings if finding.check == "exact_cycle" and finding.meaning]
        faint = faint_cause(subject, reference) if searched and not specific else ""
        usual = [findings[i].meaning for i in sorted(some, key=lambda i: GENERAL.get(findings[i].check, 0))]
        cause = next(filter(None, [*specific, faint, *usual]), "")
    first = findings[wrong[0]]
    return [*findings[: wrong[0]], first._replace(meaning=cause or first.meaning), *findings[wrong[0] + 1 :]]


def _said_once(findings: list[Finding]) -> list[Finding]:
    """One and the same trouble (an object of another kind is returned) is one finding, not one of every check."""
    first: dict[str, str] = {}
    told = []
    for finding in findings:
        again = first.get(finding.found) if finding.outcome is Outcome.FAILED and not finding.meaning else None
        told.append(not_applicable(finding.check, f"see {again}") if again else finding)
        if finding.outcome is Outcome.FAILED:
            first.setdefault(finding.found, finding.check)
    return told


def bound_case(case: Case | str | Callable[[], Case] | None) -> Case:
    """The case itself, a problem of the catalogue, or what a function makes; a bound one with the EM it implies.

    Raises
    ------
    ValueError
        If there is none.
    InputError
        If its family has no audit hooks, or its `log_joint` is not that of its likelihood.
    """
    case = None if case is None else catalogue.case_of(case)
    if case is None:
        raise ValueError("an audit needs a case whose family has audit hooks")
    if isinstance(case.em, OutsideEM):
        return auditable(case)
    if case.audit is None:
        raise InputError(f"{case.name}: there is no audit of the family {case.family}")
    return case


def is_right(table: pd.DataFrame) -> bool:
    """Whether no check failed."""
    return bool(table.attrs["level"] != Level.WRONG)
