"""Estimates of the 2PL: intercepts or difficulties, with slopes, and the ways in which packages differ.

Here  P(right | theta) = 1 / (1 + exp(-(d + a theta))),  b = -d / a.  Elsewhere the logit is
D (a theta + d) or D a (theta - b) with D = 1.702 or 1.7 (the normal-ogive metric), d counts the other
way round, the ability axis is reflected, or the items stand in another order.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from comparisons.adjudicate.estimates import Estimates, Names, listed
from comparisons.adjudicate.forms import rasch
from comparisons.adjudicate.forms.item_file import ROLES as ROLES
from comparisons.adjudicate.forms.item_file import read_items
from comparisons.adjudicate.forms.layouts import ANY_LAYOUT
from comparisons.adjudicate.slope_prior import slope_prior
from comparisons.adjudicate.ways_to_read import Reading
from comparisons.case import Array, Case, Natural

read = read_items
# Options of the command beside those of the family: name, choices, help.
CHOICES = (
    ("parametrisation", ("d", "b"), "Which to read when the file has both: intercepts d or difficulties b."),
    (
        "scale",
        ("logistic", "normal"),
        "Metric of the estimates: logistic, or normal (a times 1.702 is the logistic a).",
    ),
)
# What else leads near the maximum.
CAUSES = "a coarser quadrature, a weak prior"
LAYOUTS = ANY_LAYOUT
UNUSED_OPTIONS = ("scores",)
# Logits between two nodes from which on a curve is a step there, beyond what a probability in double precision tells.
STEP = 3000.0
NORMAL = 1.702
CONSTANTS = (1.702, 1.7)


def reading(estimates: Estimates, options: Mapping[str, Any]) -> Reading:
    """The file read as its header and --scale say."""
    factor = NORMAL if options.get("scale") == "normal" else 1.0
    sign = -1.0 if estimates.roles[0] == "-d" else 1.0
    return _reading((), estimates, estimates.roles[0] == "b", slope=factor, intercept=factor, sign=sign)


def _reading(
    changes: tuple[str, ...],
    estimates: Estimates,
    difficulties: bool,
    *,
    slope: float,
    intercept: float,
    sign: float = 1.0,
    axis: float = 1.0,
) -> Reading:
    """The first column as b or as d, with the factors that a wrong sign, another metric and a reflection make."""
    items = len(estimates.values) // 2
    scale = np.repeat([sign * axis if difficulties else sign * intercept, axis * slope], items)
    mean, spread = estimates.metric[0], float(np.sqrt(estimates.metric[1]))

    def to_natural(values: Array) -> Array:
        d, a = np.split(_d_of_b(values) if difficulties else values, 2)
        return np.concatenate([d + a * mean, a * spread])

    def from_natural(values: Array) -> Array:
        d, a = np.split(values, 2)
        of_file = np.concatenate([d - a / spread * mean, a / spread])
        return _b_of_d(of_file) if difficulties else of_file

    roles = ("b" if difficulties else "d", "a")
    return Reading(changes, roles, to_natural, from_natural, scale, np.zeros(2 * items))


def _d_of_b(values: Array) -> Array:
    b, a = np.split(values, 2)
    return np.concatenate([-a * b, a])


def _b_of_d(values: Array) -> Array:
    d, a = np.split(values, 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.concatenate([-d / a, a])


def conversions(estimates: Estimates, options: Mapping[str, Any], _: Natural) -> Iterator[Reading]:
    """Every other way to read the file, with the fewest changes first."""
    headed = estimates.roles[0] == "b"
    normal = options.get("scale") == "normal"
    scales: list[tuple[str, float, float]] = [("", NORMAL, NORMAL) if normal else ("", 1.0, 1.0)]
    if normal:
        scales += [("slopes in the logistic metric, not the normal one", 1.0, 1.0)]
        scales += [("normal metric with D = 1.7", 1.7, 1.7)]
    else:
        for constant in CONSTANTS:
            name = f"the normal-ogive metric (slopes to be multiplied by {constant})"
            scales.append((name, constant, constant))
            scales.append((f"slopes multiplied by {constant} already", 1 / constant, 1 / constant))
            if not headed:
                scales.append((f"slopes, but not intercepts, divided by {constant}", constant, 1.0))
                scales.append((f"slopes, but not intercepts, multiplied by {constant}", 1 / constant, 1.0))
    kinds = [
        ("", headed),
        ("intercepts d in the column of b" if headed else "difficulties b in the column of d", not headed),
    ]
    signs = [("", 1.0), ("sign of {} reversed", -1.0)]
    axes = [("", 1.0), ("reflected ability axis", -1.0)]
    found = []
    for (kind, difficulties), (sign, direction), (scale, slope, intercept), (axis, side) in product(
        kinds, signs, scales, axes
    ):
        if difficulties and slope != intercept:
            continue
        turned = -direction if estimates.roles[0] == "-d" and not difficulties else direction
        changes = tuple(change.format("b" if difficulties else "d") for change in (kind, sign, scale, axis) if change)
        found.append(
            _reading(changes, estimates, difficulties, slope=slope, intercept=intercept, sign=turned, axis=side)
        )
    yield from sorted((reading for reading in found if reading.changes), key=lambda reading: len(reading.changes))


def reorder(_: Case, reading: Reading, values: Array, target: Array) -> Reading | None:
    """The same reading with the items in the order that fits best, None when that is the order they have."""
    given, wanted = np.split(reading.quantities(values), 2), np.split(target, 2)
    if not np.isfinite(target).all():
        return None
    cost = sum(np.abs(t[:, None] - g) / (1e-6 + np.abs(t).mean()) for g, t in zip(given, wanted, strict=True))
    order = linear_sum_assignment(cost)[1]
    if (order == np.arange(len(order))).all():
        return None
    return reading.reordered(np.concatenate([order, order + len(order)]), "items in another order")


def targets(case: Case, optimum: Natural, left_open: Names, _: Natural) -> list[tuple[Natural, Names]]:
    """The optimum as it is reported, with slopes that are positive on the whole, and what is left open there."""
    return [(case.canonical(optimum), left_open)]


def tame(case: Case, natural: Natural) -> Natural:
    """The same probabilities at the nodes from numbers of moderate size.

    Beside a logit of 1e20 the other items' logits of an examinee are lost to round-off. A curve so steep is a step:
    only the node nearest to its middle may have a probability other than 0 and 1, and keeps it.
    """
    nodes = np.unique(case.em.grid[0])  # type: ignore[attr-defined]
    steepest = STEP / np.diff(nodes).min(initial=np.inf)
    steep = np.abs(natural["a"]) > steepest
    if not steep.any() or len(nodes) < 2:
        return natural
    d, a = (values.copy() for values in (natural["d"], natural["a"]))
    logits = d[steep, None] + a[steep, None] * nodes
    middle = np.abs(logits).argmin(axis=1)
    a[steep] = np.sign(a[steep]) * steepest
    d[steep] = np.clip(logits[np.arange(len(middle)), middle], -STEP / 2, STEP / 2) - a[steep] * nodes[middle]
    return {"d": d, "a": a}


def groups(case: Case) -> tuple[str, tuple[str, ...]]:
    """What the parameters belong to."""
    return "item", tuple(case.labels["a"])


def order_in_words(reading: Reading, estimates: Estimates) -> str:
    """Which item each row of the file really is."""
    pairs = [f"{row} is {item}" for row, item in reading.moved(estimates.rows)]
    return f"the row of {listed(pairs)}" if pairs else ""


def customary_starts(case: Case) -> dict[str, Natural]:
    """Starts of which textbooks and packages are fond."""
    items = len(case.labels["a"])
    return {"d = 0, a = 1": {"d": np.zeros(items), "a": np.ones(items)}}


def another_model(case: Case, natural: Natural, reading: Reading, estimates: Estimates) -> str | None:
    """A relative of the 2PL whose estimates these are, None when none is recognised."""
    slopes = np.split(estimates.values, 2)[1]
    if len(slopes) > 2 and np.ptp(slopes) == 0 and slopes[0] != 0:
        method = _by_which_method(case, natural, reading, estimates)
        return f"all slopes are equal, as in a one-parameter (Rasch) model{method}"
    return slope_prior(case, natural, reading, estimates)


def _by_which_method(case: Case, natural: Natural, reading: Reading, estimates: Estimates) -> str:
    """Which method and metric equal slopes come from, as far as that can be told."""
    half, half_slope = np.split(reading.half_units(estimates.half_unit), 2)
    slope = float(natural["a"][0])
    if reading.roles[0] == "b":
        half = abs(slope) * half
    if slope == 1:
        found = rasch.named(case, -natural["d"], half)
    else:
        found = rasch.one_slope(case, natural["d"], slope, half, float(half_slope[0]))
    return "" if found is None else f": {found}"
