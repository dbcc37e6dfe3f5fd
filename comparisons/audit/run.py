"""All checks of an EM, one after the other."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from comparisons.audit import cycle, datasets, guard, limits, steps, stops
from comparisons.audit.finding import Finding, Outcome, failed
from comparisons.audit.guard import Trouble, guarded
from comparisons.audit.reference import Reference
from comparisons.audit.subject import Subject, adapt, is_fit
from comparisons.case import Case

CHECKS: dict[str, Callable[[Subject, Reference], Finding]] = {
    "log_likelihood": steps.log_likelihood,
    "expected_counts": steps.expected_counts,
    "mass": steps.mass,
    "fisher": steps.fisher,
    "ascent": cycle.ascent,
    "m_step": cycle.m_step,
    "symmetry": cycle.symmetry,
    "fixed_point": limits.fixed_point,
    "rate": limits.rate,
    "reported_log_likelihood": limits.reported_log_likelihood,
    "stopping": stops.stopping,
    "standard_errors": limits.standard_errors,
    "missing": datasets.missing,
    "weights": datasets.weights,
    "edge_cases": datasets.edge_cases,
}
# The row of an EM that no check can be put to.
WHOLE = "the EM itself"
Factory = Callable[[dict[str, Any]], Any]
# Our side reckons with NumPy's own answer to an overflow, whatever the user's module or session asks for.
_as_numpy_does = np.errstate(divide="warn", over="warn", under="ignore", invalid="warn")


def subject_of(em: Any, case: Case, factory: Factory | None = None) -> Subject:
    """The EM under audit; with a factory it can be put on other data as well.

    Raises
    ------
    Trouble
    """
    if factory is None and is_fit(em):
        # A function (data, start) -> estimates needs no factory: it takes other data as it is.
        def factory(_: dict[str, Any]) -> Any:
            return em

    def rebuild(other: Case) -> Subject:
        assert factory is not None
        assert other.audit is not None
        given = deepcopy(other.audit.data)
        return adapt(_made(factory, given), other, given)

    if factory is None:
        return adapt(em, case, deepcopy(case.audit.data) if case.audit else {})
    if em is not None and not is_fit(em):
        return replace(adapt(em, case, {}), rebuild=rebuild)
    assert case.audit is not None
    given = deepcopy(case.audit.data)
    # The dict is the factory's own, to add to as it likes; the arrays in it are shared.
    made = em if is_fit(em) else _made(factory, given)
    return replace(adapt(made, case, given), rebuild=rebuild, given=given)


def _made(factory: Factory, data: Mapping[str, Any]) -> Any:
    """What the factory makes of data, which it may write into but must leave as they are."""
    return guarded("the factory", lambda: factory(dict(data)))


@_as_numpy_does
def run_check(name: str, subject: Subject, reference: Reference) -> Finding:
    """Run one check; whatever the EM does wrong on the way is its finding."""
    try:
        finding = CHECKS[name](subject, reference)
    except Trouble as trouble:
        finding = failed(name, str(trouble), trouble.at)._replace(meaning="")
    if subject.given is not None:
        pristine = dict(guard.arrays(reference.hooks.data))
        if guard.changed(pristine, subject.given):
            for place, mine in guard.arrays(subject.given):
                mine[...] = pristine[place]
            return failed(name, "it changed the data that it was given")._replace(meaning="")
    return finding


def where_it_works(subject: Subject, reference: Reference) -> Reference:
    """The same reference at those random parameters at which one cycle runs through.

    An EM that breaks at some parameters (a Newton step that diverges) can still be judged at the others.
    That it breaks is one finding, of `ascent`, instead of the same one from every check.
    """
    if subject.step is None:
        return reference
    good, broken = [], []
    for point in reference.points:
        try:
            subject.step(point)
            good.append(point)
        except Trouble as trouble:
            if trouble.late:
                return reference
            broken.append(trouble)
    return reference.restricted(good, broken) if good and broken else reference


def check_em(
    em: Any = None,
    case: Case | str | None = None,
    *,
    factory: Factory | None = None,
    seed: int = 0,
    time_limit: float = 20.0,
) -> pd.DataFrame:
    """Audit an EM.

    Parameters
    ----------
    em : object or callable
        An object with `e_step` and `m_step`; or with `step`; or with `fit`; or a function theta -> theta';
        or a function (data, start) -> estimates. Parameters are dicts of arrays by name, or flat arrays in
        its `parameter_order`. See `comparisons.audit.subject`.
    case : Case or str
        The data and the model that it claims to fit; a problem of the catalogue by its name.
    factory : callable data -> em, optional
        Enables the checks that need other data; with it `em` may be left out.
    seed : int
        Of the random parameters.
    time_limit : float
        Seconds that one call of the EM may take; a whole fit may take ten times as long.

    Returns
    -------
    DataFrame
        check, outcome ("passed", "failed", "generalised EM", "not applicable"), found, at, meaning.

    Raises
    ------
    ValueError
        If there is no case, or its family has no audit hooks.
    """
    token = guard.time_limit.set(time_limit)
    try:
        findings = audit(em, case, factory=factory, seed=seed)
    finally:
        guard.time_limit.reset(token)
    return pd.DataFrame([{**finding._asdict(), "outcome": str(finding.outcome)} for finding in findings])


@_as_numpy_does
def audit(em: Any, case: Case | str | None, *, factory: Factory | None = None, seed: int = 0) -> list[Finding]:
    """The findings of all checks; see `check_em`."""
    bound = bound_case(case)
    try:
        subject = subject_of(em, bound, factory)
    except Trouble as trouble:
        return [Finding(WHOLE, Outcome.FAILED, str(trouble))]
    reference = where_it_works(subject, Reference(bound, seed))
    return [run_check(name, subject, reference) for name in CHECKS]


def bound_case(case: Case | str | None) -> Case:
    """The case itself, or a problem of the catalogue.

    Raises
    ------
    ValueError
        If there is none, or its family has no audit hooks.
    """
    if isinstance(case, str):
        from comparisons import catalogue

        case = catalogue.load(case)
    if case is None or case.audit is None:
        raise ValueError("an audit needs a case whose family has audit hooks")
    return case


def is_right(table: pd.DataFrame) -> bool:
    """Whether no check failed."""
    return not (table["outcome"] == str(Outcome.FAILED)).any()
