"""Estimates of the one-parameter model: difficulties or intercepts, with one slope or in one of the Rasch metrics.

Here  P(right | theta) = 1 / (1 + exp(-(d + a theta))),  theta standard normal.  Rasch programs have slopes of 1 and
leave the variance of ability free, a^2 in these terms: delta = -d; or let the difficulties add up to 0 and leave the
mean of ability free. Both are the same model, and what they leave out is taken from the maximum.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from comparisons.adjudicate.estimates import Estimates, Names
from comparisons.adjudicate.forms import item_file, rasch, two_pl
from comparisons.adjudicate.forms.layouts import ANY_LAYOUT
from comparisons.adjudicate.ways_to_read import Reading
from comparisons.case import Array, Case, InputError, Natural
from comparisons.reading.tables import Table

ROLES = item_file.ROLES
CHOICES = two_pl.CHOICES[:1]
CAUSES = "a coarser quadrature, a weak prior"
LAYOUTS = ANY_LAYOUT
UNUSED_OPTIONS: tuple[str, ...] = ()
# The label of the one slope, as the family has it.
ALL = "all"


def read(path: str | Path, data: Table, case: Case, options: Mapping[str, Any]) -> Estimates:
    """Find the columns; the slopes must all be the same.

    Raises
    ------
    InputError
    """
    found = item_file.read_items(path, data, case, options)
    items = len(case.labels["d"])
    slopes = found.values[items:]
    if np.ptp(slopes) > 2 * found.half_unit[items:].max():
        raise InputError(
            f"{path}, column {found.columns[1]!r}: from {slopes.min():g} to {slopes.max():g}, expected one slope "
            "for all items; the family two-pl has one for each"
        )
    # A slope of 1 without decimals is set, not rounded.
    half_unit = np.where((slopes == 1) & (found.half_unit[items:] == 0.5), 0.0, found.half_unit[items:])
    return found._replace(
        rows=(*found.rows, ALL),
        texts=found.texts[: items + 1],
        values=found.values[: items + 1],
        half_unit=np.append(found.half_unit[:items], half_unit[0]),
        blocks=(found.rows, (ALL,)),
    )


def reading(estimates: Estimates, _: Mapping[str, Any]) -> Reading:
    """The file as its header says."""
    sign = -1.0 if estimates.roles[0] == "-d" else 1.0
    return _reading((), estimates, estimates.roles[0] == "b", sign)


def _reading(changes: tuple[str, ...], estimates: Estimates, difficulties: bool, sign: float) -> Reading:
    mean, spread = estimates.metric[0], float(np.sqrt(estimates.metric[1]))

    def to_natural(values: Array) -> Array:
        first, slope = values[:-1], values[-1:]
        d = -slope * first if difficulties else first
        return np.concatenate([d + slope * mean, slope * spread])

    def from_natural(natural: Array) -> Array:
        slope = natural[-1:] / spread
        d = natural[:-1] - slope * mean
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.concatenate([-d / slope if difficulties else d, slope])

    return _of(changes, estimates, ("b" if difficulties else "d", "a"), to_natural, from_natural, sign)


def _of(
    changes: tuple[str, ...],
    estimates: Estimates,
    roles: tuple[str, str],
    to_natural: Any,
    from_natural: Any,
    sign: float,
) -> Reading:
    scale = np.append(np.full(len(estimates.values) - 1, sign), 1.0)
    return Reading(changes, roles, to_natural, from_natural, scale, np.zeros(len(scale)), blocks=estimates.blocks)


def conversions(estimates: Estimates, _: Mapping[str, Any], best: Natural) -> Iterator[Reading]:
    """The other sign, the other quantity, and the metrics in which abilities are not standard normal."""
    headed = estimates.roles[0] == "b"
    usual = -1.0 if estimates.roles[0] == "-d" else 1.0
    other = "intercepts d in the column of b" if headed else "difficulties b in the column of d"
    yield _reading((other,), estimates, not headed, 1.0)
    yield _reading(("sign of {} reversed".format("b" if headed else "d"),), estimates, headed, -usual)
    yield _reading((other, "sign of {} reversed".format("d" if headed else "b")), estimates, not headed, -1.0)
    slope, mean = abs(float(best["a"][0])), float((best["d"] / best["a"]).mean())
    if estimates.values[-1] == 1:
        free = f"slopes of 1 with the variance of ability free ({slope**2:.4g} at the maximum)"
        yield from _signed(free, estimates, slope, 0.0)
        centred = f"{free}, difficulties that add up to 0 with its mean free ({slope * mean:.4g} there)"
        yield from _signed(centred, estimates, slope, slope * mean)
    centred = f"difficulties that add up to 0 with the mean of ability free ({mean:.4g} at the maximum)"
    yield from _signed(centred, estimates, None, mean)


def _signed(change: str, estimates: Estimates, slope: float | None, mean: float) -> Iterator[Reading]:
    """Difficulties, or easinesses, of abilities with this mean and, where the slope of the file is 1, this spread."""
    unit = 1.0 if slope is None else slope

    def to_natural(values: Array) -> Array:
        a = values[-1:] * unit
        return np.concatenate([-(values[:-1] - mean) * a / unit, a])

    def from_natural(natural: Array) -> Array:
        a = natural[-1:]
        b = -natural[:-1] / a * unit
        return np.concatenate([b - (b.mean() if mean else 0.0), a / unit])

    usual = 1.0 if estimates.roles[0] in ("b", "-d") else -1.0
    yield _of((change,), estimates, ("b", "a"), to_natural, from_natural, usual)
    yield _of((change, "the other sign"), estimates, ("b", "a"), to_natural, from_natural, -usual)


def reorder(_: Case, reading: Reading, values: Array, target: Array) -> Reading | None:
    """The same reading with the items in the order that fits best, None when that is the order they have."""
    given, wanted = reading.quantities(values)[:-1], target[:-1]
    if not np.isfinite(target).all():
        return None
    order = np.empty(len(given), dtype=np.int64)
    order[np.argsort(wanted, kind="stable")] = np.argsort(given, kind="stable")
    if (order == np.arange(len(order))).all():
        return None
    return reading.reordered(np.append(order, len(order)), "items in another order")


def targets(case: Case, optimum: Natural, left_open: Names, _: Natural) -> list[tuple[Natural, Names]]:
    """The optimum with a positive slope, and what is left open there."""
    return [(case.canonical(optimum), left_open)]


def tame(case: Case, natural: Natural) -> Natural:
    """The same probabilities from numbers of moderate size."""
    spread = np.broadcast_to(natural["a"], natural["d"].shape)
    shim = replace(case, em=case.em.two_pl)  # type: ignore[attr-defined]
    moderate = two_pl.tame(shim, {"d": natural["d"], "a": spread})
    return {"d": moderate["d"], "a": moderate["a"][:1]}


def groups(case: Case) -> tuple[str, tuple[str, ...]]:
    """What the parameters belong to: the items, and all of them together."""
    return "item", (*case.labels["d"], ALL)


def order_in_words(reading: Reading, estimates: Estimates) -> str:
    """Which item each row of the file really is."""
    return two_pl.order_in_words(reading, estimates)


def customary_starts(case: Case) -> dict[str, Natural]:
    """Starts of which textbooks and packages are fond."""
    return {"d = 0, a = 1": {"d": np.zeros(len(case.labels["d"])), "a": np.ones(1)}}


def another_model(case: Case, natural: Natural, reading: Reading, estimates: Estimates) -> str | None:
    """Another method for Rasch difficulties, None when none is recognised."""
    if natural["a"][0] != 1:
        return None
    found = rasch.named(case, -natural["d"], reading.half_units(estimates.half_unit)[:-1])
    return None if found is None else f"slopes of 1, {found}"
