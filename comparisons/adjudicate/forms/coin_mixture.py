"""Estimates of a mixture of coins: a bias and, unless known, a weight per component."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.special import expit, logit

from comparisons.adjudicate.estimates import Column, Estimates, Names, by_column, listed, read_column
from comparisons.adjudicate.forms.headers import find_column, missing_role, unused_columns
from comparisons.adjudicate.forms.layouts import ANY_LAYOUT, read_sheet
from comparisons.adjudicate.forms.layouts.roles import NAMELESS, Role, Vocabulary, plain
from comparisons.adjudicate.steps import em_step
from comparisons.adjudicate.ways_to_read import Reading
from comparisons.case import Array, Case, InputError, Natural
from comparisons.reading.tables import Table

COMPONENT = Role(
    "component", ("component", "components", "comp", "coin", "class", "cluster", "item", "name", plain(NAMELESS))
)
WEIGHT = Role(
    "weight",
    ("weight", "weights", "w", "pi", "lambda", "lam", "mixing", "mixingproportion", "mixingweight", "proportion",
     "prior", "priors", "share", "shares"),
)  # fmt: skip
# Of two categories poLCA's second, and the first of mixtools, is a success.
BIAS = Role(
    "bias",
    ("bias", "biases", "p", "prob", "probs", "probability", "theta", "theta1", "phi", "success", "center", "pr(2)"),
)
# flexmix and glm: log odds.
LOGIT = Role("logit", ("coef(intercept)", "(intercept)", "intercept", "logit", "logodds", "eta"))
ROLES = (COMPONENT, WEIGHT, BIAS, LOGIT)
CHOICES: tuple[tuple[str, tuple[str, ...], str], ...] = ()
# What else leads near the maximum.
CAUSES = "a weak prior"
LAYOUTS = ANY_LAYOUT
UNUSED_OPTIONS: tuple[str, ...] = ()
# Weights further than this from 1 in sum are refused, though so few digits might explain it.
MOST_AMISS = 0.05
# Cycles of the EM with equal weights, and how far from its end a package may stop.
CYCLES = 2000
EM_TOLERANCE = 1e-4


def read(path: str | Path, _: Table, case: Case, options: Mapping[str, Any]) -> Estimates:
    """Find the columns; the components keep the order of the file.

    Raises
    ------
    InputError
    """
    sheet = read_sheet(path, Vocabulary(ROLES), options)
    found = _of_table(sheet.table, case, options)
    return found._replace(notes=(*sheet.notes, *found.notes))


def _of_table(table: Table, case: Case, options: Mapping[str, Any]) -> Estimates:
    component, weight, bias, log_odds = (find_column(table, role, options.get(role.name)) for role in ROLES)
    free = "weight" in case.labels
    if bias is None and log_odds is None:
        raise missing_role(table, [BIAS, LOGIT])
    if free and weight is None:
        raise InputError(f"{missing_role(table, [WEIGHT])}, or --equal-weights if they are known")
    success = ("bias", bias) if bias is not None else (LOGIT.name, log_odds)
    coins = len(case.labels["bias"])
    if len(table.cells) != coins:
        raise InputError(f"{table.path}: {len(table.cells)} component(s), expected {coins} as --coins says")
    labels = case.labels["bias"]
    names = labels if component is None else _names(table, component)
    rows = [names.index(label) for label in labels] if set(names) == set(labels) else range(coins)
    columns = {name: str(column) for name, column in ([("weight", weight)] if free else []) + [success]}
    found = {name: read_column(table, column, rows) for name, column in columns.items()}
    for name, numbers in found.items():
        _check(table, name, columns[name], numbers, rows)
    # A column of weights that are known is not read and needs no note.
    notes = unused_columns(table, [component, success[1], weight])
    return Estimates(
        table.path,
        tuple(columns.values()),
        tuple(names[row] for row in rows),
        *by_column(list(found.values())),
        tuple(columns),
        tuple(notes),
    )


def _check(table: Table, name: str, column: str, numbers: Column, rows: Sequence[int]) -> None:
    """Weights and biases are probabilities, and weights add up to 1."""
    values = numbers.values
    outside = np.flatnonzero((values < 0) | (values > 1))
    if len(outside) and name != LOGIT.name:
        where = f"{table.path}, row {table.lines[rows[outside[0]]]}, column {column!r}"
        raise InputError(f"{where}: {values[outside[0]]:g}, expected a number from 0 to 1")
    if name == "weight" and abs(values.sum() - 1) > min(numbers.half_unit.sum(), MOST_AMISS) + 1e-6:
        raise InputError(f"{table.path}, column {column!r}: adds up to {values.sum():g}, expected 1")


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
    free, odds = "weight" in estimates.roles, LOGIT.name in estimates.roles

    def to_natural(quantities: Array) -> Array:
        weight, bias = np.split(quantities, 2) if free else (quantities[:0], quantities)
        return np.concatenate([weight / weight.sum() if free else weight, expit(bias) if odds else bias])

    def from_natural(natural: Array) -> Array:
        weight, bias = np.split(natural, 2) if free else (natural[:0], natural)
        return np.concatenate([weight, logit(bias) if odds else bias])

    of_bias = np.repeat([role != "weight" for role in estimates.roles], len(estimates.values) // len(estimates.roles))
    # The log odds of tails are those of heads with the other sign.
    scale = np.where(tails & of_bias, -1.0, 1.0)
    offset = np.where(tails & of_bias & (not odds), 1.0, 0.0)
    return Reading(changes, estimates.roles, to_natural, from_natural, scale, offset)


def conversions(estimates: Estimates, _: Mapping[str, Any], __: Natural) -> Iterator[Reading]:
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
    pairs = [f"{row} belongs to {coin}" for row, coin in reading.moved(estimates.rows)]
    return f"the weight of {listed(pairs)}" if pairs else ""


def customary_starts(_: Case) -> dict[str, Natural]:
    """None: every author has another."""
    return {}


def another_model(case: Case, natural: Natural, reading: Reading, estimates: Estimates) -> str | None:
    """The mixture with known equal weights, if the estimates are its maximum."""
    if "weight" not in case.labels:
        return None
    half = np.split(reading.half_units(estimates.half_unit), 2)
    if LOGIT.name in estimates.roles:
        half[1] = half[1] * natural["bias"] * (1 - natural["bias"])
    equal = np.full(len(natural["weight"]), 1 / len(natural["weight"]))
    if (np.abs(natural["weight"] - equal) > half[0] + 1e-8).any():
        return None
    bias = natural["bias"]
    for _ in range(CYCLES):
        # The M step of the biases does not look at the weights.
        bias, last = em_step(case, {"weight": equal, "bias": bias})["bias"], bias
        if np.abs(bias - last).max() < 1e-10:
            break
    if (np.abs(bias - natural["bias"]) > half[1] + EM_TOLERANCE).any():
        return None
    at_edge = [label for label, p in zip(estimates.rows, bias, strict=True) if p in (0, 1)]
    held = f" and never moves a bias from 0 or 1 ({listed(at_edge)})" if at_edge else ""
    return (
        f"the weights are fixed equal, and the biases are those of an EM that keeps them equal{held} (--equal-weights)"
    )
