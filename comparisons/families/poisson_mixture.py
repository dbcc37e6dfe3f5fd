"""Poisson mixture: binds the EM and the PyMC model of the mixture of Poisson distributions."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from comparisons.case import Array, Case, InputError, Natural, Parameter, Support, numbered, stop_after
from comparisons.families import Option
from comparisons.families._audit.poisson_mixture import SMALLEST_RATE, poisson_audit
from comparisons.families._binding import Fields, Model, Starts, positive, simplex
from comparisons.families._display.poisson_mixture import PoissonDisplay
from comparisons.families._equal_rows import merged
from comparisons.families._mixtures import off_the_edge, relabelled
from comparisons.parsing import Range
from comparisons.reading.columns import unused_column
from comparisons.reading.tables import Table, numbers, read_frequencies
from em_reference.poisson_mixture import PoissonMixture, PoissonParams

TITLE = "mixture of Poisson distributions: counts"
DATA = "a column 'count' (0 to 1000000000), optionally a column 'frequency', and one row per observation or per count"
OPTIONS = (Option("components", int, "number of components", required=True, range=Range(1, 100), ladder=True),)

COLUMNS = ("count", "frequency")
# EM creeps where two rates are close: Hasselblad's data take thousands of cycles.
TOLERANCE = 1e-13
inner_start = off_the_edge

# Weights of a start may miss the sum 1 by what rounding to printed digits does to them.
ROUNDED = 1e-3
# The logarithm of the probability of a larger count is a difference of numbers too large to leave ten digits.
LARGEST = 1_000_000_000
# Rates of a start.
START = Range(1e-9, LARGEST)


def read(name: str, table: Table, options: dict[str, Any]) -> Case:
    """Bind a table with a column `count` (and `frequency`).

    Raises
    ------
    InputError
    """
    components = options["components"]
    counts = numbers(table, ["count"], expected="a whole number, 0 or more", whole=True, least=0)[:, 0]
    frequencies = read_frequencies(table)
    above = np.flatnonzero(counts > LARGEST)
    if len(above):
        where = f"{table.path}, row {table.lines[above[0]]}, column 'count'"
        raise InputError(f"{where}: {counts[above[0]]:.0f}, expected a whole number from 0 to {LARGEST}")
    seen = counts if frequencies is None else counts[frequencies > 0]
    if not seen.any():
        raise InputError(f"{table.path}, column 'count': all are 0, expected at least one count above 0")
    if components > len(np.unique(seen)):
        different = len(np.unique(seen))
        raise InputError(f"--components {components}: expected at most {different}, the different counts there are")
    return replace(bind(name, counts, components, frequencies), flags=unused_column(table, COLUMNS))


def start_fault(start: Natural) -> str | None:
    """Rates are positive, weights are not negative and add up to 1."""
    outside = [rate for rate in start["rate"] if not START.holds(rate)]
    if outside:
        return f"rate holds {outside[0]:g}, expected numbers {START}"
    weight = start.get("weight", np.ones(1))
    if (weight < 0).any() or abs(weight.sum() - 1) > ROUNDED:
        return "weight holds numbers that do not add up to 1 or are negative, expected weights"
    return None


def bind(name: str, counts: Array, components: int, frequencies: Array | None = None) -> Case:
    """Bind arrays: counts, optionally with frequencies."""
    em = PoissonMixture(counts, components, frequencies)
    values, seen = em.outcomes
    units = {"rate": float(values @ seen / seen.sum())}
    fields = Fields(PoissonParams, {"rate": "rate"}, {"weight": np.ones(1)})
    if components > 1:
        fields = Fields(PoissonParams, {"weight": "weight", "rate": "rate"})
    rows, often = merged(np.asarray(counts)[:, None], frequencies)
    component = numbered("component", "component", components)
    weight, rate = Parameter("weight", (component,), Support.SIMPLEX), Parameter("rate", (component,), Support.POSITIVE)
    return Case(
        name=name,
        family="poisson-mixture",
        title=f"{components} Poisson component{'s' if components > 1 else ''}, {seen.sum():.0f} observations",
        em=em,
        build_model=Model("poisson_mixture", {"counts": rows[:, 0], "components": components, "frequencies": often}),
        to_em=fields.to_em,
        from_em=partial(_off_zero, fields),
        draw_start=Starts({"weight": (simplex, components), "rate": (positive, components)}, fields, units),
        alone={"rate": np.maximum(values, SMALLEST_RATE)},
        parameters=(rate,) if components == 1 else (weight, rate),
        stop=stop_after(
            float(seen.sum()) * (1 + units["rate"]),
            PoissonParams(np.ones(components), np.full(components, units["rate"])),
            TOLERANCE,
        ),
        units=units,
        magnitude=em.magnitude,
        align=relabelled,
        curves=PoissonDisplay(em, fields).curves,
        audit=poisson_audit(counts, frequencies, components, partial(_bind_again, name)),
        settings={"components": components},
    )


def _off_zero(fields: Fields, params: PoissonParams) -> Natural:
    """Natural parameters, rates off 0."""
    return fields.from_em(params._replace(rate=np.maximum(params.rate, SMALLEST_RATE)))


def _bind_again(name: str, data: dict[str, Any]) -> Case:
    return bind(name, data["counts"], data["components"], data["frequencies"])
