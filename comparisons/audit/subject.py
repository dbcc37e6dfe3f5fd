"""The EM under audit, whatever its form, behind one face.

An EM may come as

    an object with e_step and m_step       every check applies
    a map theta -> theta'                  a plain function, or an object with `step`
    a fit                                  a plain function (data, start), or an object with `fit`

How a function is called is told by the names of its parameters, see `comparisons.audit.forms`. Parameters travel as a
dict of arrays by name, or, if the EM says `parameter_order = ("d", "a")`, as one flat array in that order; they come
back so, or as attributes, a NamedTuple, a tuple or an array in the order of the model. No class of ours is needed.

    e_step(params)            (expected counts, log-likelihood), or the counts alone. Counts in a dict by
                              the names of the model are compared one by one. What it keeps in `self` is its own.
    m_step(counts, params)    params; the arguments may be left out
    fit(start) or fit(data, start), optionally with max_cycles=
                              params, or a dict, object or tuple with params and, as far as it knows them,
                              log_likelihood, converged, cycles, standard_errors
    standard_errors(params)   a dict like the parameters
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from comparisons.audit.expected import Expected, codec_for, expected_of, ours
from comparisons.audit.finding import described
from comparisons.audit.forms import Form, Watched, arguments, form_of, required
from comparisons.audit.guard import FIT, guarded, readable
from comparisons.case import Case, Natural
from comparisons.errors import Trouble
from comparisons.reading.returned import Codec, scalar, told, told_params, unpacked
from em_reference.em import Status
from em_reference.em import em as run_em
from em_reference.information import standard_errors


class Estimate(NamedTuple):
    """What a fit gave; None where it does not say."""

    natural: Natural
    log_likelihood: float | None
    converged: bool | None
    cycles: int | None
    standard_errors: Natural | None = None


@dataclass(frozen=True, eq=False)
class Subject:
    """An EM under audit; a capability that it lacks is None.

    Attributes
    ----------
    e_step : callable natural -> Expected
    m_step : callable (raw expectation, natural) -> natural
    step : callable natural -> natural
        One EM cycle.
    fit, fit_again : callable (start, max_cycles or None) -> Estimate
        The first remembers what it gave, the second runs anew.
    starts : bool
        Whether `fit` begins at the start that it is given.
    limits_cycles : bool
        Whether `fit` takes a limit of cycles.
    standard_errors : callable natural -> natural
    rebuild : callable Case -> Subject
        The same EM on other data.
    given : dict
        The data that its factory was given.
    unaware : callable () -> bool, optional
        Whether it has no place for frequencies, or has never looked at those that it was given.
    """

    e_step: Callable[[Natural], Expected] | None = None
    m_step: Callable[[Any, Natural], Natural] | None = None
    step: Callable[[Natural], Natural] | None = None
    fit: Callable[[Natural, int | None], Estimate] | None = None
    fit_again: Callable[[Natural, int | None], Estimate] | None = None
    starts: bool = True
    limits_cycles: bool = False
    standard_errors: Callable[[Natural], Natural] | None = None
    rebuild: Callable[[Case], "Subject"] | None = None
    given: Mapping[str, Any] | None = None
    unaware: Callable[[], bool] | None = None

    @property
    def ignores_frequencies(self) -> bool:
        """Whether it has never learned how often a row was seen."""
        return self.unaware is not None and self.unaware()


def whole_fit(subject: Subject) -> Callable[[Natural], Natural]:
    """Estimates of a fit, as a function of its start."""
    fit = subject.fit
    assert fit is not None
    return lambda start: fit(start, None).natural


def adapt(em: Any, case: Case, data: Mapping[str, Any]) -> Subject:
    """Put an EM, in any of its forms, behind the face of a `Subject`.

    Raises
    ------
    Trouble
        If it is none of the forms.
    """
    with readable("the EM"):
        whole = _adapt(em, case, data)
    acts = ("e_step", "m_step", "step", "fit", "fit_again", "standard_errors")
    located: dict[str, Any] = {name: _located(getattr(whole, name), set(case.labels)) for name in acts}
    return replace(whole, **located)


def _located(act: Callable[..., Any] | None, labels: set[str]) -> Callable[..., Any] | None:
    """The same call, whose trouble tells at which parameters it came up."""
    if act is None:
        return None

    def located(*given: Any) -> Any:
        try:
            with readable("what it returned"):
                return act(*given)
        except Trouble as trouble:
            places = [value for value in given if isinstance(value, dict) and set(value) == labels]
            trouble.at = trouble.at or (described(places[-1]) if places else "")
            raise

    return located


def _adapt(em: Any, case: Case, data: Mapping[str, Any]) -> Subject:
    codec = codec_for(em, case)
    errors = getattr(em, "standard_errors", partial(standard_errors, em) if ours(em) else None)
    subject = Subject(standard_errors=(lambda at: _errors(errors, codec, at)) if callable(errors) else None)
    fit = em if is_fit(em, case) else getattr(em, "fit", partial(_reference_fit, em, case) if ours(em) else None)
    if callable(fit):
        subject = _with_fit(subject, fit, em, case, data, codec)
    if callable(getattr(em, "e_step", None)) and callable(getattr(em, "m_step", None)):
        return _with_steps(subject, em, case, codec)
    if callable(getattr(em, "step", None)):
        return replace(subject, step=_map("step", em.step, case, codec))
    if callable(fit):
        return subject
    if callable(em):
        return replace(subject, step=_map("the map", em, case, codec))
    raise Trouble(f"expected e_step and m_step, step, fit, or a function theta -> theta', got {type(em).__name__}")


def _with_fit(
    subject: Subject, fit: Callable[..., Any], em: Any, case: Case, data: Mapping[str, Any], codec: Codec
) -> Subject:
    """Add a fit, called by the names of its parameters."""
    form = Form(("start",), limit="max_cycles") if ours(em) else form_of(fit, case)
    given = form.watched(case, data)
    return replace(
        subject,
        fit=_remembered(partial(_fit, fit, form, em, case, given, codec)),
        fit_again=partial(_fit, fit, form, em, case, given, codec),
        starts=form.takes_start(case),
        limits_cycles=form.limit is not None,
        unaware=(lambda: form.unaware(case, given)) if form.takes_data(case) else None,
    )


def _with_steps(subject: Subject, em: Any, case: Case, codec: Codec) -> Subject:
    """Add the two steps; what an E-step keeps in the object is there for the M-step that follows it."""
    e_step, m_step = em.e_step, em.m_step
    count = len(required(m_step))
    alone = count == 1 and len(inspect.signature(m_step).parameters) == 1 if count else False
    names = required(e_step)
    e_form = form_of(e_step, case) if len(names) > 1 else None

    def expected(natural: Natural) -> Expected:
        if not names:
            _set_attributes(em, natural)
            return expected_of(guarded("e_step", e_step))
        given = [codec.encode(natural)] if e_form is None else arguments(e_form, case, {}, None, natural)
        return expected_of(guarded("e_step", e_step, *given))

    def updated(raw: Any, natural: Natural) -> Natural:
        if count == 0 and not inspect.signature(m_step).parameters:
            # What it needs was kept by its own E-step at these parameters.
            expected(natural)
            returned = guarded("m_step", m_step)
        else:
            returned = guarded("m_step", m_step, *((raw,) if alone else (raw, codec.encode(natural))))
        return codec.decode(em if returned is None else returned)

    return replace(subject, e_step=expected, m_step=updated, step=lambda at: updated(expected(at).raw, at))


def _set_attributes(em: Any, natural: Natural) -> None:
    """Parameters that an object keeps in itself."""
    for name, values in natural.items():
        setattr(em, f"{name}_" if hasattr(em, f"{name}_") else name, values.copy())


def _map(name: str, function: Callable[..., Any], case: Case, codec: Codec) -> Callable[[Natural], Natural]:
    """A map theta -> theta', called with its parts where it takes them one by one."""
    names = required(function)
    if len(names) > 1 and set(names) <= set(case.labels):
        return lambda natural: codec.decode(guarded(name, function, *(natural[key].copy() for key in names)))
    return lambda natural: _called(name, function, codec, natural)


def is_fit(em: Any, case: Case | None = None) -> bool:
    """Whether this is a plain function of data and a start that returns estimates.

    Raises
    ------
    Trouble
    """
    with readable("the EM"):
        stands_alone = callable(em) and not inspect.isclass(em)
        if not stands_alone or hasattr(em, "e_step") or hasattr(em, "step"):
            return False
        names = required(em)
        if case is None or len(names) < 2:
            return len(names) == 2
        form = form_of(em, case)
        return form.takes_data(case) and form.takes_start(case)


def _called(name: str, function: Callable[..., Any], codec: Codec, natural: Natural) -> Natural:
    return codec.decode(guarded(name, function, codec.encode(natural)))


def _errors(function: Callable[..., Any], codec: Codec, natural: Natural) -> Natural:
    return codec.errors(guarded("standard_errors", function, codec.encode(natural)))


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


def _fit(
    fit: Callable[..., Any],
    form: Form,
    em: Any,
    case: Case,
    data: Watched,
    codec: Codec,
    start: Natural,
    max_cycles: int | None,
) -> Estimate:
    """Call a fit that returns estimates, or a dict, tuple or object that also holds the rest."""
    given = arguments(form, case, data, codec.encode(start), start)
    named: dict[str, Any] = {} if max_cycles is None or form.limit is None else {form.limit: max_cycles}
    if form.start is not None:
        named[form.start] = codec.encode(start)
    if form.weights is not None:
        named[form.weights] = np.array(dict.__getitem__(data, "frequencies"))
    returned = guarded("fit", fit, *given, times=FIT, **named)
    extra = em if returned is None else unpacked(returned, case)
    params = told_params(extra)
    errors = told(extra, "standard_errors")
    value = scalar("log_likelihood", told(extra, "log_likelihood"))
    converged, count = (scalar(name, told(extra, name)) for name in ("converged", "cycles"))
    if count is not None and not np.isfinite(count):
        raise Trouble(f"returned 'cycles' = {count}, expected a whole number")
    return Estimate(
        codec.decode(extra if params is None else params),
        value,
        None if converged is None else bool(converged),
        None if count is None else int(count),
        None if errors is None else codec.errors(errors),
    )


def made_by(factory: Callable[..., Any], case: Case, data: Mapping[str, Any]) -> tuple[Any, Callable[[], bool]]:
    """What a factory makes of data, which it may write into but must leave as they are.

    Returns
    -------
    em : object
    unaware : callable () -> bool
        Whether it has no place for frequencies, or has never looked at them.

    Raises
    ------
    Trouble
    """
    form = form_of(factory, case, alone="data") if required(factory) else Form(())
    given = form.watched(case, data)
    made = guarded("the factory", lambda: factory(*arguments(form, case, given, None, {})))
    return made, lambda: form.unaware(case, given)
