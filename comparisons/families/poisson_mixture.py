"""Poisson mixture: binds the EM and the PyMC model of the mixture of Poisson distributions."""

from dataclasses import replace
from typing import Any

import numpy as np

from comparisons.case import (
    Array,
    Case,
    Curves,
    InputError,
    Natural,
    Parameter,
    Support,
    numbered,
    stop_after,
)
from comparisons.families import Option
from comparisons.families._audit.poisson_mixture import SMALLEST_RATE, poisson_audit
from comparisons.families._equal_rows import merged
from comparisons.families._mixtures import fitted_counts, off_the_edge, relabelled
from comparisons.parsing import Range
from comparisons.reading.columns import unused_column
from comparisons.reading.tables import Table, frequencies, numbers
from em_reference.poisson_mixture import PoissonMixture, PoissonParams

TITLE = "mixture of Poisson distributions: counts"
DATA = "a column 'count' (0 to 1000000000), optionally a column 'frequency', and one row per observation or per count"
OPTIONS = (Option("components", int, "number of components", required=True, range=Range(1, 100)),)

COLUMNS = ("count", "frequency")
# EM creeps where two rates are close: Hasselblad's data take thousands of cycles.
TOLERANCE = 1e-13
inner_start = off_the_edge

# Weights of a start may miss the sum 1 by what rounding to printed digits does to them.
ROUNDED = 1e-3
# Beyond this largest count the observed frequencies are not drawn.
MOST_BARS = 1_000
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
    repeats = frequencies(table)
    above = np.flatnonzero(counts > LARGEST)
    if len(above):
        where = f"{table.path}, row {table.lines[above[0]]}, column 'count'"
        raise InputError(f"{where}: {counts[above[0]]:.0f}, expected a whole number from 0 to {LARGEST}")
    seen = counts if repeats is None else counts[repeats > 0]
    if not seen.any():
        raise InputError(f"{table.path}, column 'count': all are 0, expected at least one count above 0")
    if components > len(np.unique(seen)):
        different = len(np.unique(seen))
        raise InputError(f"--components {components}: expected at most {different}, the different counts there are")
    return replace(bind(name, counts, components, repeats), flags=unused_column(table, COLUMNS))


def start_fault(start: Natural) -> str | None:
    """Rates are positive, weights are not negative and add up to 1."""
    outside = [rate for rate in start["rate"] if not START.holds(rate)]
    if outside:
        return f"rate holds {outside[0]:g}, expected numbers {START}"
    weight = start.get("weight", np.ones(1))
    if (weight < 0).any() or abs(weight.sum() - 1) > ROUNDED:
        return "weight holds numbers that do not add up to 1 or are negative, expected weights"
    return None


def bind(name: str, counts: Array, components: int, repeats: Array | None = None) -> Case:
    """Bind arrays: counts, optionally with frequencies."""
    em = PoissonMixture(counts, components, repeats)
    values, seen = em.outcomes
    mean = float(values @ seen / seen.sum())

    def build_model(hooks: bool = False) -> Any:
        from pp_models import poisson_mixture

        rows, often = merged(np.asarray(counts)[:, None], repeats)
        return poisson_mixture.build(rows[:, 0], components, frequencies=often, hooks=hooks)

    def to_em(natural: Natural) -> PoissonParams:
        rate = np.asarray(natural["rate"], dtype=float)
        return PoissonParams(np.asarray(natural.get("weight", np.ones_like(rate)), dtype=float), rate)

    def from_em(params: PoissonParams) -> Natural:
        rate = np.maximum(params.rate, SMALLEST_RATE)
        return {"rate": rate} if components == 1 else {"weight": params.weight, "rate": rate}

    def draw_start(rng: np.random.Generator) -> Natural:
        start = {"weight": rng.dirichlet(np.ones(components)), "rate": mean * rng.gamma(2.0, 0.5, components)}
        return {parameter.name: start[parameter.name] for parameter in parameters}

    def bind_again(data: dict[str, Any]) -> Case:
        return bind(name, data["counts"], data["components"], data["frequencies"])

    component = numbered("component", "component", components)
    weight, rate = Parameter("weight", (component,), Support.SIMPLEX), Parameter("rate", (component,), Support.POSITIVE)
    parameters = (rate,) if components == 1 else (weight, rate)
    return Case(
        name=name,
        family="poisson-mixture",
        title=f"{components} Poisson component{'s' if components > 1 else ''}, {seen.sum():.0f} observations",
        em=em,
        build_model=build_model,
        to_em=to_em,
        from_em=from_em,
        draw_start=draw_start,
        alone={"rate": np.maximum(values, SMALLEST_RATE)},
        parameters=parameters,
        stop=stop_after(
            float(seen.sum()) * (1 + mean), PoissonParams(np.ones(components), np.full(components, mean)), TOLERANCE
        ),
        units={"rate": mean},
        magnitude=em.magnitude,
        align=relabelled,
        curves=lambda natural: _fitted_counts(em, to_em(natural)),
        audit=poisson_audit(em, lambda: build_model(hooks=True), bind_again),
        settings={"components": components},
    )


def _fitted_counts(em: PoissonMixture, params: PoissonParams) -> Curves | None:
    """Observed frequencies beside those expected under the fit; None when there is no room to draw them."""
    from scipy.stats import poisson

    values, frequencies = em.outcomes
    most = int(values.max())
    if most > MOST_BARS:
        return None
    x = np.arange(most + 1)
    shares = {
        f"component{k + 1} (weight {weight:.3f}, rate {rate:.3f})": frequencies.sum() * weight * poisson.pmf(x, rate)
        for k, (weight, rate) in enumerate(zip(params.weight, params.rate, strict=True))
    }
    return fitted_counts(("count", "observations"), shares, values, frequencies)
