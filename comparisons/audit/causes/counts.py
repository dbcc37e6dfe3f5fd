"""Mistakes in the posterior and in the expected counts."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from comparisons.audit.causes.data import count_shapes
from comparisons.audit.causes.mistake import Mistake
from comparisons.audit.own_em import one_cycle
from comparisons.audit.reference import Reference
from comparisons.case import Array, Case, Natural

Weigh = Callable[[Reference, Array, Natural], Array]
Change = Callable[[Array], Array]
DECIMALS = (1, 2, 3, 4, 5, 6, 8)


def wrong_posteriors(reference: Reference) -> Iterator[Mistake]:
    """Every mistake in the posterior."""
    if not reference.complete.states:
        return
    rounded: dict[str, Weigh] = {f"the posterior is rounded to {n} decimals": partial(_rounded, n) for n in DECIMALS}
    for least in (0.05, 0.01, 1e-3, 1e-4, 1e-5, 1e-6):
        rounded[f"shares of the posterior below {least:g} are set to 0"] = partial(_large, least)
    yield Mistake("the posterior is raised to the power {amount}", partial(_by_power, reference), 0.9)
    for words, weigh in {**POSTERIORS, **rounded}.items():
        counts, cycle = partial(_counts_of_posterior, reference, weigh), partial(_by_posterior, reference, weigh)
        yield Mistake(words, cycle, counts=counts)
        for parameter in reference.case.labels if len(reference.case.labels) > 1 and words in POSTERIORS else ():
            only = partial(_in_one_place, reference.case, parameter, cycle)
            yield Mistake(f"in the M-step of {parameter}, {words}", only)


def wrong_counts(reference: Reference) -> Iterator[Mistake]:
    """Every mistake in one of the expected counts."""
    case = reference.case
    shapes = count_shapes(case)
    for name, shape in shapes.items():
        yield from _of_one(case, name, shape)
        for other in (other for other in shapes if other != name):
            words = f"{{amount}} is added to the expected {name} and twice as much to the {other}"
            yield Mistake(f"{words}: a prior or a smoothing is left in", partial(_added, case, name, other), 0.01)


def _counts_of_posterior(reference: Reference, weigh: Weigh, natural: Natural) -> Mapping[str, Array]:
    responsibilities = reference.complete.responsibilities(reference.free(natural))
    return reference.expected_counts(weigh(reference, responsibilities, natural))


def _by_posterior(reference: Reference, weigh: Weigh, natural: Natural, _: float) -> Natural:
    """The M-step after expected counts from other frequencies times responsibilities, (J, K)."""
    case = reference.case
    params = case.to_em(natural)
    counts = _counts_of_posterior(reference, weigh, natural)
    expected = case.em.e_step(params).expected_counts
    known = {name: values for name, values in counts.items() if name in getattr(expected, "_fields", ())}
    return case.from_em(case.em.m_step(expected._replace(**known), params))


def _of_one(case: Case, name: str, shape: tuple[int, ...]) -> Iterator[Mistake]:
    """One of the expected counts by itself: summed, shifted, exchanged, rounded, with something added."""
    changes: dict[str, Change] = {f"the expected {name} are rounded to whole numbers": np.round}
    for axis in (axis for axis, size in enumerate(shape) if size > 1):
        where = f" (axis {axis + 1})" if len(shape) > 1 else ""
        changes |= {words + where: change for words, change in _along(name, axis).items()}
    for words, change in changes.items():

        def changed(now: Any, _: float, change: Change = change) -> dict[str, Any]:
            return {name: change(np.asarray(getattr(now, name), dtype=float))}

        yield Mistake(words, partial(_changed, case, changed), counts=partial(_changed_counts, case, changed))
        # An M-step of several parameters may use the wrong counts in one place only.
        for parameter in case.labels if len(case.labels) > 1 else ():
            only = partial(_in_one_place, case, parameter, partial(_changed, case, changed))
            yield Mistake(f"in the M-step of {parameter}, {words}", only)
    times, plus = f"the expected {name} are {{amount}} times what they should be", f"{{amount}} is added to the {name}"
    yield Mistake(times, partial(_changed, case, lambda now, by: {name: getattr(now, name) * by}), 1.1)
    added = partial(_changed, case, lambda now, by: {name: getattr(now, name) + by})
    yield Mistake(f"{plus}: a prior or a smoothing is left in", added, 0.01)


def _along(name: str, axis: int) -> dict[str, Change]:
    """What goes wrong along one axis of an array of expected counts."""
    return {
        f"the expected {name} of all are used for each: a sum over the wrong axis, or a wrong denominator": (
            lambda a: np.broadcast_to(a.sum(axis, keepdims=True), a.shape)
        ),
        f"the mean of the expected {name} of all is used for each, all observations for those of one": (
            lambda a: np.broadcast_to(a.mean(axis, keepdims=True), a.shape)
        ),
        f"the expected {name} of the first are used for all": (lambda a: np.broadcast_to(a.take([0], axis), a.shape)),
        f"the expected {name} are in another order, shifted by one place: an index one off": lambda a: np.roll(
            a, 1, axis
        ),
        f"the expected {name} are in another order, shifted back by one place: an index one off": lambda a: np.roll(
            a, -1, axis
        ),
        f"the expected {name} start one place too late, an index one off": lambda a: _moved(a, 1, axis),
        f"the expected {name} start one place too early, an index one off": lambda a: _moved(a, -1, axis),
        f"the expected {name} are in the reverse order": lambda a: np.flip(a, axis),
    }


def _changed(case: Case, change: Callable[[Any, float], dict[str, Any]], natural: Natural, amount: float) -> Natural:
    """One cycle with some of the expected counts changed."""
    params = case.to_em(natural)
    counts = case.em.e_step(params).expected_counts
    return case.from_em(case.em.m_step(counts._replace(**change(counts, amount)), params))


def _changed_counts(case: Case, change: Callable[[Any, float], dict[str, Any]], natural: Natural) -> dict[str, Array]:
    """The expected counts of such a cycle."""
    counts = case.em.e_step(case.to_em(natural)).expected_counts
    return {name: values for name, values in {**counts._asdict(), **change(counts, 0.0)}.items() if values is not None}


def _in_one_place(
    case: Case, parameter: str, wrong: Callable[[Natural, float], Natural], natural: Natural, amount: float
) -> Natural:
    return {**one_cycle(case, natural), parameter: wrong(natural, amount)[parameter]}


def _added(case: Case, name: str, other: str, natural: Natural, amount: float) -> Natural:
    def change(now: Any, by: float) -> dict[str, Any]:
        return {name: getattr(now, name) + by, other: getattr(now, other) + 2 * by}

    return _changed(case, change, natural, amount)


def _moved(values: Array, way: int, axis: int) -> Array:
    moved = np.roll(values, way, axis)
    edge = [slice(None)] * values.ndim
    edge[axis] = slice(0, 1) if way > 0 else slice(-1, None)
    moved[tuple(edge)] = 0.0
    return moved


def _often(reference: Reference) -> Array:
    return reference.complete.frequencies[:, None]


def _rounded(decimals: int, reference: Reference, posterior: Array, _: Natural) -> Array:
    return _often(reference) * np.round(posterior, decimals)


def _large(least: float, reference: Reference, posterior: Array, _: Natural) -> Array:
    return _often(reference) * np.where(posterior < least, 0.0, posterior)


def _by_power(reference: Reference, natural: Natural, power: float) -> Natural:
    def weigh(reference: Reference, posterior: Array, _: Natural) -> Array:
        raised = posterior**power
        return np.asarray(_often(reference) * raised / raised.sum(axis=1, keepdims=True))

    return _by_posterior(reference, weigh, natural, 0.0)


def _hard(reference: Reference, posterior: Array, _: Natural) -> Array:
    return _often(reference) * np.eye(posterior.shape[1])[posterior.argmax(axis=1)]


def _weights(reference: Reference, natural: Natural) -> Array:
    data = reference.hooks.data
    weight = natural.get("weight", data.get("weights", data.get("fixed_weight")))
    if weight is None:
        raise ValueError("the model has no weights")
    return np.asarray(weight, dtype=float)


def _without_weights(reference: Reference, posterior: Array, natural: Natural) -> Array:
    flat = posterior / np.maximum(_weights(reference, natural), np.finfo(float).tiny)
    return _often(reference) * flat / flat.sum(axis=1, keepdims=True)


def _weights_twice(reference: Reference, posterior: Array, natural: Natural) -> Array:
    twice = posterior * _weights(reference, natural)
    return _often(reference) * twice / twice.sum(axis=1, keepdims=True)


def _joint(reference: Reference, natural: Natural, *, coefficients: bool = False) -> Array:
    """Probability of every observation with every state; with or without factors that the states have in common."""
    joint = reference.complete.log_joint(reference.free(natural))
    return np.asarray(np.exp(joint if coefficients else joint - joint.max(axis=1, keepdims=True)))


def _unnormalised(reference: Reference, _: Array, natural: Natural) -> Array:
    return _often(reference) * _joint(reference, natural, coefficients=True)


def _over_observations(reference: Reference, _: Array, natural: Natural) -> Array:
    joint = _joint(reference, natural, coefficients=True)
    return np.asarray(_often(reference) * joint / joint.sum(axis=0))


def _over_observations_first(reference: Reference, _: Array, natural: Natural) -> Array:
    joint = _joint(reference, natural, coefficients=True)
    share = joint / joint.sum(axis=0)
    return np.asarray(_often(reference) * share / share.sum(axis=1, keepdims=True))


def _over_observations_again(reference: Reference, posterior: Array, _: Natural) -> Array:
    return np.asarray(_often(reference) * posterior / posterior.sum(axis=0))


POSTERIORS: dict[str, Weigh] = {
    "every observation is given to its likeliest component as a whole": _hard,
    "the weights are left out of the posterior": _without_weights,
    "the weights are used twice in the posterior": _weights_twice,
    "the posterior is not divided by its sum, so that it does not add up to 1": _unnormalised,
    "the posterior is that of the row before": lambda r, posterior, _: _often(r) * np.roll(posterior, 1, axis=0),
    "the posterior is that of the row after": lambda r, posterior, _: _often(r) * np.roll(posterior, -1, axis=0),
    "the posterior adds up to 1 over the observations, not over the components": _over_observations,
    "the posterior is made to add up to 1 over the observations first, then over the components": (
        _over_observations_first
    ),
    "the posterior is made to add up to 1 over the observations as well": _over_observations_again,
    "every component gets the same share of every observation": (
        lambda r, posterior, _: _often(r) * np.full_like(posterior, 1 / posterior.shape[1])
    ),
    "the frequencies are left out of the responsibilities": lambda _r, posterior, _n: posterior,
}
