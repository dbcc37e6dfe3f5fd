"""Estimates of a mixture of coins: a bias and, unless known, a weight per component."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from comparisons.adjudicate.estimates import (
    NAMELESS,
    Estimates,
    Role,
    column_values,
    find_column,
    listed,
    missing_role,
    plain,
    unused_columns,
)
from comparisons.adjudicate.reading import Reading
from comparisons.adjudicate.steps import em_step
from comparisons.case import Array, Case, InputError, Natural
from comparisons.data import Table

COMPONENT = Role("component", ("component", "coin", "class", "cluster", "item", "name", plain(NAMELESS)))
WEIGHT = Role("weight", ("weight", "weights", "w", "pi", "lambda", "mixing", "proportion", "prior"))
BIAS = Role("bias", ("bias", "biases", "p", "prob", "probability", "theta", "phi"))
ROLES = (COMPONENT, WEIGHT, BIAS)
CHOICES: tuple[tuple[str, tuple[str, ...], str], ...] = ()
# What else leads near the maximum.
CAUSES = "a weak prior"
UNUSED_OPTIONS: tuple[str, ...] = ()
# Weights further than this from 1 in sum are refused, though so few digits might explain it.
MOST_AMISS = 0.05
# Cycles of the EM with equal weights, and how far from its end a package may stop.
CYCLES = 2000
EM_TOLERANCE = 1e-4


def read(table: Table, _: Table, case: Case, options: Mapping[str, Any]) -> Estimates:
    """Find the columns; the components keep the order of the file.

    Raises
    ------
    InputError
    """
    component, weight, bias = (find_column(table, role, options.get(role.name)) for role in ROLES)
    free = "weight" in case.labels
    if bias is None:
        raise missing_role(table, [BIAS])
    if free and weight is None:
        raise InputError(f"{missing_role(table, [WEIGHT])}, or --equal-weights if they are known")
    coins = len(case.labels["bias"])
    if len(table.cells) != coins:
        raise InputError(f"{table.path}: {len(table.cells)} component(s), expected {coins} as --coins says")
    if component is not None:
        _different(table, component)
    rows = range(coins)
    columns = {name: column for name, column in (("weight", weight), ("bias", bias)) if name in case.labels}
    read_columns = [column_values(table, str(column), rows) for column in columns.values()]
    for column, (values, half, _decimals) in zip(columns.values(), read_columns, strict=True):
        outside = np.flatnonzero((values < 0) | (values > 1))
        if len(outside):
            row, value = table.lines[outside[0]], values[outside[0]]
            raise InputError(f"{table.path}, row {row}, column {column!r}: {value:g}, expected a number from 0 to 1")
        if column == weight and abs(values.sum() - 1) > min(half.sum(), MOST_AMISS) + 1e-6:
            raise InputError(f"{table.path}, column {column!r}: adds up to {values.sum():g}, expected 1")
    notes = unused_columns(table, [component, bias, *(["weight"] if free else []), weight if free else bias])
    return Estimates(
        table.path,
        tuple(f"{name}[{label}]" for name in columns for label in case.labels[name]),
        np.concatenate([values for values, _, _ in read_columns]),
        np.concatenate([half for _, half, _ in read_columns]),
        max(decimals for _, _, decimals in read_columns),
        tuple(columns),
        tuple(notes),
    )


def _different(table: Table, column: str) -> None:
    """Refuse a component that is named twice."""
    position, seen = table.column(column), set()
    for line, row in zip(table.lines, table.cells, strict=True):
        name = row[position].strip()
        if name in seen:
            raise InputError(f"{table.path}, row {line}: component {name!r} appears twice, expected once")
        seen.add(name)


def reading(estimates: Estimates, _: Mapping[str, Any]) -> Reading:
    """The file as it stands; weights are made to add up to 1 in spite of rounding."""
    return _reading((), "weight" in estimates.roles, tails=False)


def _reading(changes: tuple[str, ...], free: bool, tails: bool) -> Reading:
    def to_natural(printed: Array) -> Array:
        weight, bias = np.split(printed, 2) if free else (printed[:0], printed)
        return np.concatenate([weight / weight.sum() if free else weight, 1 - bias if tails else bias])

    def to_printed(natural: Array) -> Array:
        weight, bias = np.split(natural, 2) if free else (natural[:0], natural)
        return np.concatenate([weight, 1 - bias if tails else bias])

    return Reading(changes, to_natural, to_printed)


def conversions(estimates: Estimates, _: Mapping[str, Any]) -> Iterator[Reading]:
    """The other way to read the file: probabilities of tails."""
    yield _reading(("probabilities of tails instead of heads",), "weight" in estimates.roles, tails=True)


def reorder(case: Case, reading: Reading, printed: Array, target: Array) -> Reading | None:
    """The weights in the order of the biases, None when they are."""
    if "weight" not in case.labels or np.isnan(target).any():
        return None
    (given, _), (wanted, _) = np.split(printed, 2), np.split(target, 2)
    order = linear_sum_assignment(np.abs(wanted[:, None] - given))[1]
    if (order == np.arange(len(order))).all():
        return None
    places = np.concatenate([order, np.arange(len(order), 2 * len(order))])
    return reading.reordered(places, "component labels of the weights permuted against those of the biases")


def targets(case: Case, optimum: Natural, given: Natural) -> list[Natural]:
    """The optimum with its coins in the order of the file: by all that is given, and by the biases alone."""
    order = linear_sum_assignment(np.abs(given["bias"][:, None] - optimum["bias"]))[1]
    return [case.align(optimum, given), {name: values[order] for name, values in optimum.items()}]


def groups(case: Case) -> tuple[str, tuple[str, ...]]:
    """What the parameters belong to."""
    return "coin", tuple(case.labels["bias"])


def order_in_words(reading: Reading, case: Case) -> str:
    """Which coin each weight belongs to."""
    if reading.order is None:
        return ""
    coins = case.labels["bias"]
    pairs = [f"{coins[row]} belongs to {coins[i]}" for i, row in enumerate(reading.order[: len(coins)]) if row != i]
    return f"the weight of {listed(pairs)}"


def customary_starts(_: Case) -> dict[str, Natural]:
    """None: every author has another."""
    return {}


def another_model(case: Case, natural: Natural, reading: Reading, estimates: Estimates) -> str | None:
    """The mixture with known equal weights, if the estimates are its maximum."""
    if "weight" not in case.labels:
        return None
    half = np.split(estimates.half_unit, 2)
    equal = np.full(len(natural["weight"]), 1 / len(natural["weight"]))
    if (np.abs(np.split(estimates.values, 2)[0] - equal) > half[0] + 1e-8).any():
        return None
    bias = natural["bias"]
    for _ in range(CYCLES):
        # The M step of the biases does not look at the weights.
        bias, last = em_step(case, {"weight": equal, "bias": bias})["bias"], bias
        if np.abs(bias - last).max() < 1e-10:
            break
    printed = np.split(reading.to_printed(np.concatenate([equal, bias])), 2)[1]
    if (np.abs(printed - np.split(estimates.values, 2)[1]) > half[1] + EM_TOLERANCE).any():
        return None
    return "the weights are fixed equal, and the biases are where EM ends that leaves them so (--equal-weights)"
