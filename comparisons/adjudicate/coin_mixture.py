"""Estimates of a mixture of coins: a bias and, unless known, a weight per component."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from comparisons.adjudicate.estimates import (
    NAMELESS,
    Estimates,
    Names,
    Role,
    by_column,
    find_column,
    listed,
    missing_role,
    plain,
    read_column,
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
    labels = case.labels["bias"]
    names = labels if component is None else _names(table, component)
    rows = [names.index(label) for label in labels] if set(names) == set(labels) else range(coins)
    columns = {name: column for name, column in (("weight", weight), ("bias", bias)) if name in case.labels}
    found = {name: read_column(table, str(column), rows) for name, column in columns.items()}
    for name, numbers in found.items():
        values, where = numbers.values, f"{table.path}, column {columns[name]!r}"
        outside = np.flatnonzero((values < 0) | (values > 1))
        if len(outside):
            where = f"{table.path}, row {table.lines[rows[outside[0]]]}, column {columns[name]!r}"
            raise InputError(f"{where}: {values[outside[0]]:g}, expected a number from 0 to 1")
        if name == "weight" and abs(values.sum() - 1) > min(numbers.half_unit.sum(), MOST_AMISS) + 1e-6:
            raise InputError(f"{where}: adds up to {values.sum():g}, expected 1")
    notes = unused_columns(table, [component, bias, *(["weight"] if free else []), weight if free else bias])
    return Estimates(
        table.path,
        tuple(map(str, columns.values())),
        tuple(names[row] for row in rows),
        *by_column(list(found.values())),
        tuple(columns),
        tuple(notes),
    )


def _names(table: Table, column: str) -> tuple[str, ...]:
    """Names of the components; one that is named twice is refused."""
    position, seen = table.column(column), []
    for line, row in zip(table.lines, table.cells, strict=True):
        name = row[position].strip()
        if name in seen:
            raise InputError(f"{table.path}, row {line}: component {name!r} appears twice, expected once")
        seen.append(name)
    return tuple(seen)


def reading(estimates: Estimates, _: Mapping[str, Any]) -> Reading:
    """The file as it stands; weights are made to add up to 1 in spite of rounding."""
    return _reading((), estimates, tails=False)


def _reading(changes: tuple[str, ...], estimates: Estimates, tails: bool) -> Reading:
    free = "weight" in estimates.roles

    def to_natural(quantities: Array) -> Array:
        weight, bias = np.split(quantities, 2) if free else (quantities[:0], quantities)
        return np.concatenate([weight / weight.sum() if free else weight, bias])

    of_bias = np.repeat([role == "bias" for role in estimates.roles], len(estimates.values) // len(estimates.roles))
    offset = np.where(tails & of_bias, 1.0, 0.0)
    return Reading(changes, estimates.roles, to_natural, lambda natural: natural, 1 - 2 * offset, offset)


def conversions(estimates: Estimates, _: Mapping[str, Any]) -> Iterator[Reading]:
    """The other way to read the file: probabilities of tails."""
    yield _reading(("probabilities of tails instead of heads",), estimates, tails=True)


def reorder(case: Case, reading: Reading, values: Array, target: Array) -> Reading | None:
    """The weights in the order of the biases, None when they are."""
    if "weight" not in case.labels or np.isnan(target).any():
        return None
    (given, _), (wanted, _) = np.split(reading.quantities(values), 2), np.split(target, 2)
    order = linear_sum_assignment(np.abs(wanted[:, None] - given))[1]
    if (order == np.arange(len(order))).all():
        return None
    places = np.concatenate([order, np.arange(len(order), 2 * len(order))])
    return reading.reordered(places, "component labels of the weights permuted against those of the biases")


def targets(case: Case, optimum: Natural, left_open: Names, given: Natural) -> list[tuple[Natural, Names]]:
    """The optimum with its coins in the order of the file: by all that is given, and by the biases alone.

    With each the names, in that order, of what is left open there.
    """
    found = []
    for by in (tuple(case.labels), ("bias",)):
        distance = sum(np.abs(given[name][:, None] - optimum[name]) for name in by)
        order = linear_sum_assignment(distance)[1]
        names = {
            f"{name}[{labels[place]}]": f"{name}[{labels[old]}]"
            for name, labels in case.labels.items()
            for place, old in enumerate(order)
        }
        ordered = {name: values[order] for name, values in optimum.items()}
        found.append((ordered, tuple(new for new, old in names.items() if old in left_open)))
    return found


def tame(_: Case, natural: Natural) -> Natural:
    """Weights and biases are of moderate size."""
    return natural


def groups(case: Case) -> tuple[str, tuple[str, ...]]:
    """What the parameters belong to."""
    return "coin", tuple(case.labels["bias"])


def order_in_words(reading: Reading, estimates: Estimates) -> str:
    """Which coin each weight belongs to."""
    if reading.order is None:
        return ""
    coins = estimates.rows
    pairs = [f"{coins[row]} belongs to {coins[i]}" for i, row in enumerate(reading.order[: len(coins)]) if row != i]
    return f"the weight of {listed(pairs)}"


def customary_starts(_: Case) -> dict[str, Natural]:
    """None: every author has another."""
    return {}


def another_model(case: Case, natural: Natural, reading: Reading, estimates: Estimates) -> str | None:
    """The mixture with known equal weights, if the estimates are its maximum."""
    if "weight" not in case.labels:
        return None
    given = np.split(reading.quantities(estimates.values), 2)
    half = np.split(reading.half_units(estimates.half_unit), 2)
    equal = np.full(len(natural["weight"]), 1 / len(natural["weight"]))
    if (np.abs(given[0] - equal) > half[0] + 1e-8).any():
        return None
    bias = natural["bias"]
    for _ in range(CYCLES):
        # The M step of the biases does not look at the weights.
        bias, last = em_step(case, {"weight": equal, "bias": bias})["bias"], bias
        if np.abs(bias - last).max() < 1e-10:
            break
    if (np.abs(bias - given[1]) > half[1] + EM_TOLERANCE).any():
        return None
    at_edge = [label for label, p in zip(estimates.rows, bias, strict=True) if p in (0, 1)]
    held = f" and never moves a bias from 0 or 1 ({listed(at_edge)})" if at_edge else ""
    return f"the weights are fixed equal, and the biases are where EM ends that leaves them so{held} (--equal-weights)"
