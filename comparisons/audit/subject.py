"""The EM under audit, whatever its form, behind one face.

An EM may come as

    an object with e_step and m_step       every check applies
    a map theta -> theta'                  a plain function, or an object with `step`
    a fit (data, start) -> estimates       a plain function of two arguments, or an object with `fit`

Parameters travel as a dict of arrays by name, or, if the EM says `parameter_order = ("d", "a")`, as one
flat array in that order. No class of ours is needed.

    e_step(params)            (expected counts, log-likelihood), or the counts alone. Counts in a dict by
                              the names of the model are compared one by one.
    m_step(counts, params)    params; the second argument may be left out
    fit(start) or fit(data, start), optionally with max_cycles=
                              params, or a dict or object with params and, as far as it knows them,
                              log_likelihood, converged, cycles
    standard_errors(params)   a dict like the parameters
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from comparisons.audit.finding import described
from comparisons.audit.guard import FIT, Trouble, guarded, readable
from comparisons.audit.returned import Codec, Expected, codec_of, expected_of, ours, scalar
from comparisons.case import Case, Natural
from em_reference.em import Status
from em_reference.em import em as run_em
from em_reference.information import standard_errors


class Estimate(NamedTuple):
    """What a fit gave; None where it does not say."""

    natural: Natural
    log_likelihood: float | None
    converged: bool | None
    cycles: int | None


@dataclass(frozen=True)
class Subject:
    """An EM under audit; a capability that it lacks is None.

    Attributes
    ----------
    e_step : callable natural -> Expected
    m_step : callable (raw expectation, natural) -> natural
    step : callable natural -> natural
        One EM cycle.
    fit : callable (start, max_cycles or None) -> Estimate
    limits_cycles : bool
        Whether `fit` takes a limit of cycles.
    standard_errors : callable natural -> natural
    rebuild : callable Case -> Subject
        The same EM on other data.
    given : dict
        The data that its factory was given.
    """

    e_step: Callable[[Natural], Expected] | None = None
    m_step: Callable[[Any, Natural], Natural] | None = None
    step: Callable[[Natural], Natural] | None = None
    fit: Callable[[Natural, int | None], Estimate] | None = None
    limits_cycles: bool = False
    standard_errors: Callable[[Natural], Natural] | None = None
    rebuild: Callable[[Case], "Subject"] | None = None
    given: Mapping[str, Any] | None = None


def adapt(em: Any, case: Case, data: Mapping[str, Any]) -> Subject:
    """Put an EM, in any of its forms, behind the face of a `Subject`.

    Raises
    ------
    Trouble
        If it is none of the forms.
    """
    with readable("the EM"):
        whole = _adapt(em, case, data)
    acts = ("e_step", "m_step", "step", "fit", "standard_errors")
    located: dict[str, Any] = {name: _located(getattr(whole, name), set(case.labels)) for name in acts}
    return replace(whole, **located)


def _located(act: Callable[..., Any] | None, labels: set[str]) -> Callable[..., Any] | None:
    """The same call, whose trouble tells at which parameters it came up."""
    if act is None:
        return None

    def located(*arguments: Any) -> Any:
        try:
            with readable("what it returned"):
                return act(*arguments)
        except Trouble as trouble:
            places = [value for value in arguments if isinstance(value, dict) and set(value) == labels]
            trouble.at = trouble.at or (described(places[-1]) if places else "")
            raise

    return located


def _adapt(em: Any, case: Case, data: Mapping[str, Any]) -> Subject:
    codec = codec_of(em, case)
    errors = getattr(em, "standard_errors", partial(standard_errors, em) if ours(em) else None)
    fit = em if is_fit(em) else getattr(em, "fit", partial(_reference_fit, em, case) if ours(em) else None)
    subject = Subject(
        standard_errors=None if errors is None else lambda at: _called("standard_errors", errors, codec, at)
    )
    if callable(fit):
        limits = "max_cycles" in _parameters(fit)
        # A fit that keeps something of its own in the dict of data does so in a dict of its own.
        started = (lambda *given, **named: fit(dict(data), *given, **named)) if _required(fit) == 2 else fit
        subject = replace(subject, fit=_remembered(partial(_fit, started, codec)), limits_cycles=limits)
    e_step, m_step = getattr(em, "e_step", None), getattr(em, "m_step", None)
    if callable(e_step) and callable(m_step):
        alone = _required(m_step) == 1 and len(_parameters(m_step)) == 1

        def expected(natural: Natural) -> Expected:
            return expected_of(guarded("e_step", e_step, codec.encode(natural)))

        def updated(raw: Any, natural: Natural) -> Natural:
            arguments = (raw,) if alone else (raw, codec.encode(natural))
            return codec.decode(guarded("m_step", m_step, *arguments))

        return replace(subject, e_step=expected, m_step=updated, step=lambda at: updated(expected(at).raw, at))
    if callable(getattr(em, "step", None)):
        return replace(subject, step=lambda natural: _called("step", em.step, codec, natural))
    if callable(fit):
        return subject
    if callable(em):
        return replace(subject, step=lambda natural: _called("the map", em, codec, natural))
    raise Trouble(f"expected e_step and m_step, step, fit, or a function theta -> theta', got {type(em).__name__}")


def is_fit(em: Any) -> bool:
    """Whether this is a plain function (data, start) -> estimates.

    Raises
    ------
    Trouble
    """
    stands_alone = callable(em) and not inspect.isclass(em)
    with readable("the EM"):
        return stands_alone and not hasattr(em, "e_step") and not hasattr(em, "step") and _required(em) == 2


def _parameters(function: Any) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return {}


def _required(function: Any) -> int:
    """How many arguments a function cannot do without."""
    places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in places and p.default is p.empty for p in _parameters(function).values())


def _called(name: str, function: Callable[..., Any], codec: Codec, natural: Natural) -> Natural:
    return codec.decode(guarded(name, function, codec.encode(natural)))


def _remembered(fit: Callable[[Natural, int | None], Estimate]) -> Callable[[Natural, int | None], Estimate]:
    """The same fit, run once per start and limit, as several checks look at it."""
    known: dict[Any, Estimate | Trouble] = {}

    def remembered(start: Natural, limit: int | None) -> Estimate:
        key = (limit, *(values.tobytes() for values in start.values()))
        if key not in known:
            try:
                known[key] = fit(start, limit)
            except Trouble as trouble:
                known[key] = trouble
        found = known[key]
        if isinstance(found, Trouble):
            raise found
        return found

    return remembered


def _reference_fit(em: Any, case: Case, start: Any, *, max_cycles: int | None = None) -> dict[str, Any]:
    """Fit of an EM that is written to our protocol, by our own loop."""
    stop = case.stop if max_cycles is None else replace(case.stop, max_cycles=max_cycles)
    fit = run_em(em, start, stop)
    return {
        "params": fit.params,
        "log_likelihood": fit.log_likelihood,
        "converged": fit.status.item() is Status.CONVERGED,
        "cycles": fit.cycles,
    }


def _fit(fit: Callable[..., Any], codec: Codec, start: Natural, max_cycles: int | None) -> Estimate:
    """Call a fit that returns estimates, or a dict or object that also holds the rest."""
    named = {} if max_cycles is None else {"max_cycles": max_cycles}
    returned = guarded("fit", fit, codec.encode(start), times=FIT, **named)
    extra = returned if isinstance(returned, Mapping) else getattr(returned, "__dict__", {})
    value, converged, count = (scalar(name, extra.get(name)) for name in ("log_likelihood", "converged", "cycles"))
    if count is not None and not np.isfinite(count):
        raise Trouble(f"returned 'cycles' = {count}, expected a whole number")
    return Estimate(
        codec.decode(extra.get("params", returned)),
        value,
        None if converged is None else bool(converged),
        None if count is None else int(count),
    )
