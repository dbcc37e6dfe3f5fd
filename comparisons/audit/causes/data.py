"""Mistakes in reading the data: rows, frequencies, what is missing, nodes and weights."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import chain, combinations
from typing import Any

import numpy as np

from comparisons.audit.causes.mistake import Mistake
from comparisons.audit.own_em import one_cycle
from comparisons.audit.reference import Reference
from comparisons.audit.rows import some_rows
from comparisons.case import Array, Case, Natural

Data = dict[str, Any]
# Tables with more columns are not tried with any two of them exchanged.
MOST_COLUMNS = 10


def wrong_data(reference: Reference) -> Iterator[Mistake]:
    """Every misreading, of all expected counts, of some of them, and of the E-step alone."""
    case = reference.case
    names = tuple(count_shapes(case))
    for words, other in misread(reference):
        yield Mistake(words, partial(_of_other, other), counts=partial(_counts, other))
        for some in chain.from_iterable(combinations(names, size) for size in range(1, len(names))):
            where = " and ".join(some)
            mixed = partial(_mixed, case, other, some)
            yield Mistake(f"in the expected {where}: {words}", mixed, counts=partial(_mixed_counts, case, other, some))
    for words, amount, change in _by_amount(reference):
        yield Mistake(words, partial(_rebound, reference, change), amount)
        yield Mistake(f"in the E-step, {words}", partial(_rebound_e_step, reference, change), amount)


def count_shapes(case: Case) -> dict[str, tuple[int, ...]]:
    """Shapes of the expected counts of the reference EM, by name."""
    start = case.start if case.start is not None else case.draw_start(np.random.default_rng(0))
    counts = case.em.e_step(case.to_em(start)).expected_counts
    by_name = ((name, getattr(counts, name)) for name in getattr(counts, "_fields", ()))
    return {name: np.shape(values) for name, values in by_name if values is not None}


def _of_other(other: Case, natural: Natural, _: float) -> Natural:
    return one_cycle(other, natural)


def _counts(other: Case, natural: Natural) -> dict[str, Array]:
    counts = other.em.e_step(other.to_em(natural)).expected_counts
    return {name: values for name, values in counts._asdict().items() if values is not None}


def _mixed_counts(case: Case, other: Case, names: tuple[str, ...], natural: Natural) -> dict[str, Array]:
    wrong = _counts(other, natural)
    return {**_counts(case, natural), **{name: wrong[name] for name in names if name in wrong}}


def _mixed(case: Case, other: Case, names: tuple[str, ...], natural: Natural, _: float) -> Natural:
    """A cycle with some of the expected counts of other data."""
    params = case.to_em(natural)
    right, wrong = (one.em.e_step(params).expected_counts for one in (case, other))
    return case.from_em(case.em.m_step(right._replace(**{name: getattr(wrong, name) for name in names}), params))


def misread(reference: Reference) -> Iterator[tuple[str, Case]]:
    """The same model on the data as a mistaken EM sees them, where these are any and of the same size."""
    for words, data in _misreadings(reference):
        try:
            other = reference.hooks.rebind(data)
        except ValueError:
            continue
        if other.sizes == reference.case.sizes:
            yield words, other


def _misreadings(reference: Reference) -> Iterator[tuple[str, Data]]:
    """The data as a mistaken EM sees them."""
    data, rows = reference.hooks.data, reference.hooks.rows
    often = np.asarray(data["frequencies"], dtype=float)
    if rows and (often != 1).any():
        yield "the frequencies are left out", {**data, "frequencies": np.ones(len(often))}
        yield "a frequency of 0 is taken for 1", {**data, "frequencies": np.maximum(often, 1.0)}
    if rows and (often % 1 != 0).any():
        yield "frequencies are cut to whole numbers", {**data, "frequencies": np.floor(often)}
        yield "frequencies are rounded to whole numbers", {**data, "frequencies": np.round(often)}
    yield from _missing(data, rows, often)
    if len(rows) and len(often) > 2:
        yield from _left_out(data, rows, often)
    if "flips" in data and np.ptp(data["flips"]) > 0:
        for which, flips in (
            ("flips of the first row", data["flips"][0]),
            ("mean number of flips", np.mean(data["flips"])),
        ):
            yield f"the {which} are used for all rows", {**data, "flips": np.full_like(data["flips"], flips)}
    yield from _columns(data, rows)
    if "nodes" in data:
        yield from _nodes(data)


def _missing(data: Mapping[str, Any], rows: tuple[str, ...], often: Array) -> Iterator[tuple[str, Data]]:
    whole = np.ones(len(often), dtype=bool)
    for name in rows:
        whole &= ~np.isnan(np.asarray(data[name], dtype=float).reshape(len(often), -1)).any(axis=1)
    if not rows or whole.all():
        return
    if whole.any():
        yield "rows with a missing entry are dropped", some_rows(data, rows, whole)
    for name in rows:
        zero = "wrong" if name == "responses" else "0"
        yield f"a missing entry is taken for {zero}", {**data, name: np.nan_to_num(data[name])}
        filled = np.where(np.isnan(data[name]), np.nanmean(data[name], axis=0), data[name])
        yield "a missing entry is filled in with the mean", {**data, name: filled}
        for column in range(np.shape(data[name])[1]) if np.ndim(data[name]) == 2 else ():
            known = ~np.isnan(data[name][:, column])
            if known.any() and not known.all():
                yield f"rows whose entry {column + 1} is missing are dropped", some_rows(data, rows, known)
        zeros = np.where(np.nan_to_num(data[name], nan=1.0) == 0, np.nan, data[name])
        if zero == "0" and not np.isnan(zeros).all(axis=1).any() and np.isnan(zeros).sum() > np.isnan(data[name]).sum():
            yield "a 0 is taken for a missing entry", {**data, name: zeros}


def _left_out(data: Mapping[str, Any], rows: tuple[str, ...], often: Array) -> Iterator[tuple[str, Data]]:
    index = np.arange(len(often))
    yield "the first row is left out", some_rows(data, rows, index > 0)
    yield "the last row is left out", some_rows(data, rows, index < len(often) - 1)
    stacked = np.column_stack([np.nan_to_num(np.reshape(data[name], (len(often), -1)), nan=-1.0) for name in rows])
    _, first = np.unique(stacked, axis=0, return_index=True)
    if len(first) < len(often):
        yield "equal rows are counted once", some_rows(data, rows, np.isin(index, first))


def _columns(data: Mapping[str, Any], rows: tuple[str, ...]) -> Iterator[tuple[str, Data]]:
    """Tables with columns that are exchanged, or centred."""
    for name in (name for name in rows if np.ndim(data[name]) == 2):
        values = np.asarray(data[name], dtype=float)
        number = values.shape[1]
        for one in range(number - 1) if number <= MOST_COLUMNS else ():
            order = np.arange(number)
            order[[one, one + 1]] = one + 1, one
            yield f"columns {one + 1} and {one + 2} of the {name} are exchanged", {**data, name: values[:, order]}
        if name != "responses":
            mean = np.nanmean(values, axis=0)
            yield f"the mean of each column of the {name} is subtracted first", {**data, name: values - mean}


def _nodes(data: Mapping[str, Any]) -> Iterator[tuple[str, Data]]:
    nodes, weights = data["nodes"], data["weights"]
    place = np.arange(len(nodes))
    for words, other in {
        "the weights of the nodes are left out": np.ones(len(nodes)),
        "the weights of the nodes are used twice": weights**2,
        "the weights of the nodes are in the reverse order": weights[::-1],
        "the weights of the nodes are the normal density there, not the given ones": np.exp(-(nodes**2) / 2),
        "nodes with a weight below 1e-4 are left out": np.where(weights < 1e-4, 0.0, weights),
        "nodes with a weight below 1e-3 are left out": np.where(weights < 1e-3, 0.0, weights),
        "the first node is left out": np.where(place == 0, 0.0, weights),
        "the last node is left out": np.where(place == len(nodes) - 1, 0.0, weights),
    }.items():
        if other.sum() > 0 and not np.allclose(other / other.sum(), weights, rtol=1e-9):
            yield words, {**data, "weights": other / other.sum()}


def _by_amount(reference: Reference) -> Iterator[tuple[str, float, Callable[[float], Data]]]:
    """Misreadings that have a size."""
    data = reference.hooks.data
    if "nodes" in data:
        nodes = data["nodes"]
        yield "the nodes are {amount} times the given ones", 1.05, lambda size: {**data, "nodes": size * nodes}
        yield "the nodes are shifted by {amount}", 0.01, lambda size: {**data, "nodes": nodes + size}


def _rebound(reference: Reference, change: Callable[[float], Data], natural: Natural, amount: float) -> Natural:
    return one_cycle(reference.hooks.rebind(change(amount)), natural)


def _rebound_e_step(reference: Reference, change: Callable[[float], Data], natural: Natural, amount: float) -> Natural:
    other = reference.hooks.rebind(change(amount))
    return _mixed(reference.case, other, tuple(count_shapes(reference.case)), natural, amount)
