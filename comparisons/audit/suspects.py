"""The likeliest cause of a wrong EM: mistakes that people make, tried one by one until one gives the same numbers.

Each suspect is a small change of the data (frequencies of 1, incomplete rows dropped) or of the expected counts
(responsibilities made hard, without weights, of the row before). Where one cycle of the EM under audit, or the end of
its fit, is that of the suspect, the suspect is named.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from comparisons.audit.copies import difference
from comparisons.audit.guard import Trouble
from comparisons.audit.own_em import one_cycle
from comparisons.audit.reference import Reference
from comparisons.audit.subject import Subject
from comparisons.case import Array, Case, Natural

Cycle = Callable[[Natural], Natural]
POINTS = 2
# The same cycle, and the same end of a fit, beside the size of the parameters.
SAME_CYCLE, SAME_END = 1e-7, 1e-4
# A suspect differs from EM by more than this, else it says nothing.
DIFFERENT = 1e-5
# Cycles of a suspect from the maximum to where its own fixed point is.
CYCLES = 400


def likely_cause(subject: Subject, reference: Reference) -> str:
    """The first suspect that gives the numbers of the EM under audit, in words; empty if none does."""
    for words, cycle in _suspects(reference):
        try:
            with np.errstate(all="ignore"):
                if _matches(subject, reference, cycle):
                    return words
        except (Trouble, ValueError, ArithmeticError, np.linalg.LinAlgError):
            continue
    return ""


def _matches(subject: Subject, reference: Reference, cycle: Cycle) -> bool:
    """Whether the suspect does what the EM does, and not what it should."""
    case = reference.case
    if subject.step is not None:
        points = reference.points[:POINTS]
        expected = [cycle(point) for point in points]
        pairs = list(zip(points, expected, strict=True))
        if max(difference(case, one, one_cycle(case, point)) for point, one in pairs) < DIFFERENT:
            return False
        return all(difference(case, subject.step(point), one) <= SAME_CYCLE for point, one in pairs)
    if subject.fit is None or not subject.starts or not reference.top.attained:
        return False
    point = top = reference.top.natural
    for _ in range(CYCLES):
        point, before = cycle(point), point
        if difference(case, point, before) < SAME_END * 1e-4:
            break
    if difference(case, point, top) < 10 * SAME_END or difference(case, one_cycle(case, point), point) < SAME_END:
        return False
    return difference(case, subject.fit(point, None).natural, point) <= SAME_END


def _suspects(reference: Reference) -> Iterator[tuple[str, Cycle]]:
    """Every suspect in words, with its cycle."""
    for words, data in _other_data(reference):
        try:
            other = reference.hooks.rebind(data)
        except ValueError:
            continue
        if other.sizes == reference.case.sizes:
            yield words, partial(one_cycle, other)
    for words, change in _other_steps(reference.case):
        yield words, change
    if reference.complete.states:
        for words, weigh in RESPONSIBILITIES.items():
            yield words, partial(_by_counts, reference, weigh)


def _other_data(reference: Reference) -> Iterator[tuple[str, dict[str, Any]]]:
    """The data as a mistaken EM sees them."""
    data, rows = reference.hooks.data, reference.hooks.rows
    often = np.asarray(data["frequencies"], dtype=float)
    if rows and (often != 1).any():
        yield "the frequencies are left out", {**data, "frequencies": np.ones(len(often))}
        yield "a frequency of 0 is taken for 1", {**data, "frequencies": np.maximum(often, 1.0)}
    whole = np.ones(len(often), dtype=bool)
    for name in rows:
        values = np.asarray(data[name], dtype=float).reshape(len(often), -1)
        whole &= ~np.isnan(values).any(axis=1)
    if rows and not whole.all() and whole.any():
        yield "rows with a missing entry are dropped", _kept(data, rows, whole)
        for name in rows:
            yield "a missing entry is taken for 0", {**data, name: np.nan_to_num(data[name])}
            filled = np.where(np.isnan(data[name]), np.nanmean(data[name], axis=0), data[name])
            yield "a missing entry is filled in with the mean", {**data, name: filled}
    if len(rows) and len(often) > 2:
        index = np.arange(len(often))
        yield "the first row is left out", _kept(data, rows, index > 0)
        yield "the last row is left out", _kept(data, rows, index < len(often) - 1)
        stacked = np.column_stack([np.nan_to_num(np.reshape(data[name], (len(often), -1)), nan=-1.0) for name in rows])
        _, first = np.unique(stacked, axis=0, return_index=True)
        if len(first) < len(often):
            yield "equal rows are counted once", _kept(data, rows, np.isin(index, first))
    if "flips" in data and np.ptp(data["flips"]) > 0:
        for which, flips in (
            ("flips of the first row", data["flips"][0]),
            ("mean number of flips", np.mean(data["flips"])),
        ):
            yield f"the {which} are used for all rows", {**data, "flips": np.full_like(data["flips"], flips)}


def _kept(data: Mapping[str, Any], rows: tuple[str, ...], keep: npt.NDArray[np.bool_]) -> dict[str, Any]:
    return {**data, **{name: np.asarray(data[name])[keep] for name in (*rows, "frequencies")}}


def _other_steps(case: Case) -> Iterator[tuple[str, Cycle]]:
    """A right cycle with something done to its result."""
    for name, entries in case.labels.items():

        def kept(natural: Natural, name: str = name) -> Natural:
            return {**one_cycle(case, natural), name: natural[name]}

        def exchanged(natural: Natural, name: str = name) -> Natural:
            new = one_cycle(case, natural)
            return {**new, name: new[name][::-1]}

        def ordered(natural: Natural, name: str = name) -> Natural:
            new = one_cycle(case, natural)
            return {**new, name: np.sort(new[name])}

        def reversed_sign(natural: Natural, name: str = name) -> Natural:
            new = one_cycle(case, natural)
            return {**new, name: -new[name]}

        yield f"{name} is never updated", kept
        if len(entries) > 1:
            yield f"{name} is in another order than the other parameters", exchanged
            yield f"{name} is sorted and the other parameters are left behind", ordered
        yield f"{name} has the wrong sign", reversed_sign


def _by_counts(reference: Reference, weigh: Callable[[Reference, Array, Natural], Array], natural: Natural) -> Natural:
    """One cycle with other responsibilities."""
    case = reference.case
    params = case.to_em(natural)
    responsibilities = reference.complete.responsibilities(reference.free(natural))
    counts = reference.hooks.expected_counts(weigh(reference, responsibilities, natural))
    expected = case.em.e_step(params).expected_counts
    known = {name: values for name, values in counts.items() if name in getattr(expected, "_fields", ())}
    return case.from_em(case.em.m_step(expected._replace(**known), params))


def _often(reference: Reference) -> Array:
    return reference.complete.frequencies[:, None]


def _hard(reference: Reference, posterior: Array, _: Natural) -> Array:
    return _often(reference) * np.eye(posterior.shape[1])[posterior.argmax(axis=1)]


def _without_weights(reference: Reference, posterior: Array, natural: Natural) -> Array:
    data = reference.hooks.data
    weight = natural.get("weight", data.get("weights", data.get("fixed_weight")))
    if weight is None:
        raise ValueError("the model has no weights")
    flat = posterior / np.maximum(weight, np.finfo(float).tiny)
    return _often(reference) * flat / flat.sum(axis=1, keepdims=True)


def _weights_twice(reference: Reference, posterior: Array, natural: Natural) -> Array:
    data = reference.hooks.data
    weight = natural.get("weight", data.get("weights"))
    if weight is None:
        raise ValueError("the model has no weights")
    twice = posterior * weight
    return _often(reference) * twice / twice.sum(axis=1, keepdims=True)


RESPONSIBILITIES: dict[str, Callable[[Reference, Array, Natural], Array]] = {
    "every observation is given to its likeliest component as a whole": _hard,
    "the weights are left out of the posterior": _without_weights,
    "the weights are used twice in the posterior": _weights_twice,
    "the posterior is that of the row before": lambda r, posterior, _: _often(r) * np.roll(posterior, 1, axis=0),
    "the posterior is that of the row after": lambda r, posterior, _: _often(r) * np.roll(posterior, -1, axis=0),
    "the posterior adds up to 1 over the observations, not over the components": (
        lambda r, posterior, _: _often(r) * posterior / posterior.sum(axis=0)
    ),
    "every component gets the same share of every observation": (
        lambda r, posterior, _: _often(r) * np.full_like(posterior, 1 / posterior.shape[1])
    ),
    "the frequencies are left out of the responsibilities": lambda _r, posterior, _n: posterior,
}
