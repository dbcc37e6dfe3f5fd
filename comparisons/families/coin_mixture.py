"""Coin mixture: binds the EM and the PyMC model of the binomial mixture."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from comparisons.case import (
    Array,
    Case,
    Curves,
    Flag,
    InputError,
    Natural,
    Parameter,
    Support,
    numbered,
    stop_after,
)
from comparisons.families import Option
from comparisons.families._audit.coin_mixture import coin_audit
from comparisons.families._equal_rows import merged
from comparisons.families._lindsay import lindsay_certificate
from comparisons.families._mixtures import fitted_counts, off_the_edge, relabelled
from comparisons.parsing import LARGEST_COUNT, Range, as_number, shortened
from comparisons.reading.columns import unused_column
from comparisons.reading.tables import Table, frequencies, numbers
from em_reference.coin_mixture import CoinMixture, CoinParams
from em_reference.priors import Beta, Dirichlet

TITLE = "mixture of biased coins: heads in sequences of flips (binomial mixture)"
DATA = (
    "a column 'heads', a column 'flips' unless --flips is given, optionally a column 'frequency', "
    "and one row per sequence of flips or per kind of sequence"
)
CONCENTRATION = Range(1, 10_000)
OPTIONS = (
    Option("coins", int, "number of coins (components)", required=True, range=Range(1, 100)),
    Option("flips", int, "flips per sequence; left out, the data have a column 'flips'", range=Range(1, LARGEST_COUNT)),
    Option("equal-weights", bool, "weights known and equal instead of estimated", default=False),
    Option("weight-prior", float, "concentration of a symmetric Dirichlet prior on the weights", range=CONCENTRATION),
    Option("bias-prior", str, f"Beta prior on the biases as 'a,b', both {CONCENTRATION}"),
)

COLUMNS = ("heads", "flips", "frequency")

inner_start = off_the_edge

# Weights of a start may miss the sum 1 by what rounding to printed digits does to them.
ROUNDED = 1e-3
# A weight, or a difference of biases, that no fitted count shows.
NEGLIGIBLE = 1e-5
# Beyond this many flips the observed counts are not drawn.
MOST_BARS = 1_000


def read(name: str, table: Table, options: dict[str, Any]) -> Case:
    """Bind a table with a column `heads` (and `flips`, `frequency`).

    Raises
    ------
    InputError
    """
    coins, equal = options["coins"], options["equal-weights"]
    weight_prior, bias_prior = _priors(options)
    if equal and weight_prior is not None:
        raise InputError("--weight-prior: the weights are fixed by --equal-weights, expected one of the two")
    heads = numbers(table, ["heads"], expected="a whole number, 0 or more", whole=True, least=0)[:, 0]
    thrown = _flips(table, options["flips"])
    above = np.flatnonzero(heads > thrown)
    if len(above):
        row, seen, most = table.lines[above[0]], heads[above[0]], thrown[above[0]]
        raise InputError(
            f"{table.path}, row {row}, column 'heads': {seen:.0f} heads, expected at most the {most:.0f} flips"
        )
    counts = frequencies(table)
    tossed = float(thrown.sum() if counts is None else counts @ thrown)
    if tossed > LARGEST_COUNT:
        raise InputError(f"{table.path}: {tossed:g} flips in all, expected at most {LARGEST_COUNT}")
    sequences = len(heads) if counts is None else int(counts.sum())
    if coins > sequences:
        raise InputError(f"--coins {coins}: more coins than sequences, expected at most {sequences} for {table.path}")
    case = bind(
        name,
        heads,
        thrown,
        coins,
        counts=counts,
        fixed_weight=np.full(coins, 1 / coins) if equal or coins == 1 else None,
        weight_prior=weight_prior,
        bias_prior=bias_prior,
    )
    return replace(case, flags=(*case.flags, *unused_column(table, COLUMNS)))


def start_fault(start: Natural) -> str | None:
    """Biases lie between 0 and 1, weights are not negative and add up to 1."""
    for name, values in start.items():
        if not ((values >= 0) & (values <= 1)).all():
            return f"{name} is {_listed(values)}, expected numbers from 0 to 1"
    if "weight" in start and abs(start["weight"].sum() - 1) > ROUNDED:
        return f"weight is {_listed(start['weight'])}, expected numbers that add up to 1"
    return None


def _listed(values: Array) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _flips(table: Table, flips: int | None) -> Array:
    """Flips of each sequence: one number for all, or a column."""
    if flips is None:
        if "flips" not in table.columns:
            raise InputError(f"{table.path}: no column 'flips', expected one, or --flips N")
        return numbers(table, ["flips"], expected="a whole number, 1 or more", whole=True, least=1)[:, 0]
    if "flips" in table.columns:
        raise InputError(f"--flips {flips}: {table.path} has a column 'flips', expected one of the two")
    return np.full(len(table.lines), float(flips))


def _priors(options: dict[str, Any]) -> tuple[float | None, tuple[float, float] | None]:
    """Concentration of the Dirichlet, and a and b of the Beta; None where there is no prior."""
    weight, bias = options["weight-prior"], options["bias-prior"]
    if bias is None:
        return weight, None
    try:
        a, b = (as_number(part) for part in str(bias).split(","))
        possible = CONCENTRATION.holds(a) and CONCENTRATION.holds(b)
    except ValueError:
        possible = False
    if not possible:
        raise InputError(f"--bias-prior {shortened(bias)}: expected two numbers 'a,b', both {CONCENTRATION}")
    return weight, (a, b)


def bind(
    name: str,
    heads: Array,
    flips: Array,
    coins: int,
    *,
    counts: Array | None = None,
    fixed_weight: Array | None = None,
    weight_prior: float | None = None,
    bias_prior: tuple[float, float] | None = None,
) -> Case:
    """Bind arrays: heads and flips per sequence, optionally with frequencies, known weights and priors."""
    if coins == 1:
        fixed_weight = np.ones(1)
    with_prior = weight_prior is not None or bias_prior is not None
    if with_prior:
        weight_prior, bias_prior = weight_prior or 1.0, bias_prior or (1.0, 1.0)
    em = CoinMixture(
        heads,
        flips,
        coins,
        fixed_weight,
        counts,
        weight_prior=None if weight_prior is None else Dirichlet(weight_prior),
        bias_prior=None if bias_prior is None else Beta(*bias_prior),
    )

    def build_model(hooks: bool = False) -> Any:
        from pp_models import coin_mixture

        # The audit looks at the counts of every row of the data, as they were given.
        rows = np.column_stack(np.broadcast_arrays(heads, flips))
        rows, seen = (rows, counts) if hooks else merged(rows, counts)
        return coin_mixture.build(
            rows[:, 0],
            rows[:, 1],
            coins,
            frequencies=seen,
            fixed_weight=fixed_weight,
            weight_prior=weight_prior or 1.0,
            bias_prior=bias_prior or (1.0, 1.0),
            hooks=hooks,
        )

    def to_em(natural: Natural) -> CoinParams:
        bias = np.asarray(natural["bias"], dtype=float)
        weight = natural["weight"] if fixed_weight is None else np.broadcast_to(fixed_weight, bias.shape)
        return CoinParams(np.asarray(weight, dtype=float), bias)

    def from_em(params: CoinParams) -> Natural:
        return {"bias": params.bias} if fixed_weight is not None else {"weight": params.weight, "bias": params.bias}

    def draw_start(rng: np.random.Generator) -> Natural:
        start = {"weight": rng.dirichlet(np.ones(coins)), "bias": rng.random(coins)}
        return start if fixed_weight is None else {"bias": start["bias"]}

    def align(natural: Natural, reference: Natural) -> Natural:
        if fixed_weight is not None and len(set(fixed_weight)) > 1:
            return natural
        return relabelled(natural, reference)

    def certificate(natural: Natural) -> str | None:
        return None if with_prior or fixed_weight is not None else lindsay_certificate(em, to_em(natural))

    def curves(natural: Natural) -> Curves | None:
        return _fitted_counts(em, to_em(natural))

    def bind_again(data: dict[str, Any]) -> Case:
        settings: dict[str, Any] = {"weight_prior": weight_prior, "bias_prior": bias_prior}
        return bind(name, data["heads"], data["flips"], data["coins"], counts=data["frequencies"],
                    fixed_weight=data["fixed_weight"], **settings)  # fmt: skip

    coin = numbered("coin", "coin", coins)
    weight, bias = Parameter("weight", (coin,), Support.SIMPLEX), Parameter("bias", (coin,), Support.UNIT_INTERVAL)
    return Case(
        name=name,
        family="coin-mixture",
        title=f"{coins} coin{'s' if coins > 1 else ''}, {int(em.outcomes.frequencies.sum())} sequences of flips",
        em=em,
        build_model=build_model,
        to_em=to_em,
        from_em=from_em,
        draw_start=draw_start,
        alone={"bias": np.unique(em.outcomes.heads / em.outcomes.flips)},
        parameters=(bias,) if fixed_weight is not None else (weight, bias),
        with_prior=with_prior,
        magnitude=em.magnitude,
        stop=stop_after(float(em.outcomes.flips @ em.outcomes.frequencies)),
        align=align,
        certificate=certificate,
        fitted=lambda natural: _one_probability(to_em(natural)),
        curves=curves,
        first_cycle=lambda start: _first_cycle(em, to_em(start)),
        flags=_flags(em),
        audit=coin_audit(em, lambda: build_model(hooks=True), bind_again),
        settings={
            "coins": coins,
            "weights": "estimated" if fixed_weight is None else f"fixed at {', '.join(f'{w:g}' for w in fixed_weight)}",
            "prior on weights": f"Dirichlet({weight_prior:g})" if with_prior and weight_prior else "flat",
            "prior on biases": f"Beta({bias_prior[0]:g}, {bias_prior[1]:g})" if with_prior and bias_prior else "flat",
        },
    )


def _one_probability(params: CoinParams) -> str | None:
    """Say so when all coins that are thrown at all show heads equally often."""
    thrown = params.bias[params.weight > NEGLIGIBLE]
    return f"every head has probability {round(thrown.mean(), 9):.4g}" if np.ptp(thrown) < NEGLIGIBLE else None


def _flags(em: CoinMixture) -> tuple[Flag, ...]:
    distinct = int((em.outcomes.frequencies > 0).sum())
    if distinct == 1 and em.coins > 1:
        return (Flag("one_outcome", "every sequence shows the same count, so one coin already fits all there is"),)
    return ()


def _fitted_counts(em: CoinMixture, params: CoinParams) -> Curves | None:
    """Observed counts of heads beside the counts expected under the fit; None when there is no room to draw them."""
    from scipy.stats import binom

    outcomes = em.outcomes
    most = int(outcomes.flips.max())
    if most > MOST_BARS:
        return None
    x = np.arange(most + 1)
    thrown = np.bincount(outcomes.flips.astype(int), weights=outcomes.frequencies, minlength=most + 1)
    shares: dict[str, Array] = {}
    for k, (weight, bias) in enumerate(zip(params.weight, params.bias, strict=True)):
        share = sum(thrown[flips] * weight * binom.pmf(x, flips, bias) for flips in np.flatnonzero(thrown))
        shares[f"coin{k + 1} (weight {weight:.3f}, bias {bias:.3f})"] = np.asarray(share)
    return fitted_counts(("heads", "sequences"), shares, outcomes.heads, outcomes.frequencies)


def _first_cycle(em: CoinMixture, start: CoinParams) -> dict[str, pd.DataFrame]:
    """Tables of the E-step and M-step of cycle 1, as a textbook prints them."""
    gamma, _ = em.responsibilities(start)
    expectation = em.e_step(start)
    after = em.m_step(expectation.expected_counts, start)
    outcomes, counts = em.outcomes, expectation.expected_counts
    coins = [f"coin{k + 1}" for k in range(em.coins)]
    described = {
        "heads": outcomes.heads.astype(int),
        "flips": outcomes.flips.astype(int),
        "occurrences": outcomes.frequencies.astype(int),
    }
    if len(set(outcomes.flips)) == 1:
        del described["flips"]
    weighted = gamma * outcomes.frequencies[:, None]
    return {
        "E-step: posterior probability of each coin": pd.DataFrame(
            {**described, **dict(zip(coins, gamma.T, strict=True))}
        ),
        "E-step: expected number of sequences": pd.DataFrame(
            {**described, **dict(zip(coins, weighted.T, strict=True))}
        ),
        "E-step: expected counts": pd.DataFrame([counts.sequences, counts.heads, counts.flips], columns=coins).assign(
            count=["sequences", "heads", "flips"]
        )[["count", *coins]],
        "M-step: parameters after cycle 1": pd.DataFrame([after.weight, after.bias], columns=coins).assign(
            parameter=["weight", "bias"]
        )[["parameter", *coins]],
    }
