"""Coin mixture: binds the EM and the PyMC model of the binomial mixture."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from comparisons.case import (
    Array,
    Case,
    Flag,
    InputError,
    Natural,
    Parameter,
    Support,
    as_given,
    numbered,
    stop_after,
    unknown,
)
from comparisons.families import Option
from comparisons.families._audit.coin_mixture import coin_audit
from comparisons.families._binding import Fields, Model, Starts, probability, simplex
from comparisons.families._display.coin_mixture import CoinDisplay
from comparisons.families._lindsay import lindsay_certificate
from comparisons.families._mixtures import off_the_edge, relabelled
from comparisons.families._priors import CONCENTRATION, beta_of
from comparisons.parsing import LARGEST_COUNT, Range
from comparisons.reading.columns import unused_column
from comparisons.reading.tables import Table, numbers, read_frequencies
from em_reference.coin_mixture import CoinMixture, CoinParams
from em_reference.priors import Beta, Dirichlet

TITLE = "mixture of biased coins: heads in sequences of flips (binomial mixture)"
DATA = (
    "a column 'heads', a column 'flips' unless --flips is given, optionally a column 'frequency', "
    "and one row per sequence of flips or per kind of sequence"
)
OPTIONS = (
    Option("coins", int, "number of coins (components)", required=True, range=Range(1, 100), ladder=True),
    Option("flips", int, "flips per sequence; left out, the data have a column 'flips'", range=Range(1, LARGEST_COUNT)),
    Option("equal-weights", bool, "weights known and equal instead of estimated", default=False),
    Option("weight-prior", float, "concentration of a symmetric Dirichlet prior on the weights", range=CONCENTRATION),
    Option("bias-prior", str, f"Beta prior on the biases as 'a,b', both {CONCENTRATION}"),
)

COLUMNS = ("heads", "flips", "frequency")

inner_start = off_the_edge

# Weights of a start may miss the sum 1 by what rounding to printed digits does to them.
ROUNDED = 1e-3


def read(name: str, table: Table, options: dict[str, Any]) -> Case:
    """Bind a table with a column `heads` (and `flips`, `frequency`).

    Raises
    ------
    InputError
    """
    coins, equal = options["coins"], options["equal-weights"]
    weight_prior, bias_prior = options["weight-prior"], beta_of(options["bias-prior"])
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
    frequencies = read_frequencies(table)
    tossed = float(thrown.sum() if frequencies is None else frequencies @ thrown)
    if tossed > LARGEST_COUNT:
        raise InputError(f"{table.path}: {tossed:g} flips in all, expected at most {LARGEST_COUNT}")
    sequences = len(heads) if frequencies is None else int(frequencies.sum())
    if coins > sequences:
        raise InputError(f"--coins {coins}: more coins than sequences, expected at most {sequences} for {table.path}")
    case = bind(
        name,
        heads,
        thrown,
        coins,
        frequencies=frequencies,
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


def bind(
    name: str,
    heads: Array,
    flips: Array,
    coins: int,
    *,
    frequencies: Array | None = None,
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
    fields = Fields(CoinParams, {"weight": "weight", "bias": "bias"})
    if fixed_weight is not None:
        fields = Fields(CoinParams, {"bias": "bias"}, {"weight": fixed_weight})
    em = CoinMixture(
        heads,
        flips,
        coins,
        fixed_weight,
        frequencies,
        weight_prior=None if weight_prior is None else Dirichlet(weight_prior),
        bias_prior=None if bias_prior is None else Beta(*bias_prior),
    )
    settings = {"fixed_weight": fixed_weight, "weight_prior": weight_prior or 1.0, "bias_prior": bias_prior or (1, 1)}
    heads, flips = np.broadcast_arrays(heads, flips)
    rows = {"heads": heads, "flips": flips, "coins": coins, "frequencies": frequencies}
    display, coin = CoinDisplay(em, fields), numbered("coin", "coin", coins)
    weight, bias = Parameter("weight", (coin,), Support.SIMPLEX), Parameter("bias", (coin,), Support.UNIT_INTERVAL)
    return Case(
        name=name,
        family="coin-mixture",
        title=f"{coins} coin{'s' if coins > 1 else ''}, {int(em.outcomes.frequencies.sum())} sequences of flips",
        em=em,
        build_model=Model("coin_mixture", {**rows, **settings}, ("heads", "flips")),
        to_em=fields.to_em,
        from_em=fields.from_em,
        draw_start=Starts({"weight": (simplex, coins), "bias": (probability, coins)}, fields),
        alone={"bias": np.unique(em.outcomes.heads / em.outcomes.flips)},
        parameters=(bias,) if fixed_weight is not None else (weight, bias),
        with_prior=with_prior,
        magnitude=em.magnitude,
        stop=stop_after(float(em.outcomes.flips @ em.outcomes.frequencies)),
        # Different known weights tell the coins apart.
        align=relabelled if fixed_weight is None or len(set(fixed_weight)) == 1 else as_given,
        certificate=unknown if with_prior or fixed_weight is not None else partial(_certificate, em),
        fitted=display.fitted,
        curves=display.curves,
        first_cycle=display.first_cycle,
        flags=_flags(em),
        audit=coin_audit(em, partial(_bind_again, name, weight_prior, bias_prior)),
        settings={
            "coins": coins,
            "weights": "estimated" if fixed_weight is None else f"fixed at {', '.join(f'{w:g}' for w in fixed_weight)}",
            "prior on weights": "flat" if weight_prior is None else f"Dirichlet({weight_prior:g})",
            "prior on biases": "flat" if bias_prior is None else "Beta({:g}, {:g})".format(*bias_prior),
        },
    )


def _bind_again(
    name: str, weight_prior: float | None, bias_prior: tuple[float, float] | None, data: dict[str, Any]
) -> Case:
    return bind(name, data["heads"], data["flips"], data["coins"], frequencies=data["frequencies"],
                fixed_weight=data["fixed_weight"], weight_prior=weight_prior, bias_prior=bias_prior)  # fmt: skip


def _certificate(em: CoinMixture, natural: Natural) -> str | None:
    return lindsay_certificate(em, CoinParams(natural["weight"], natural["bias"]))


def _flags(em: CoinMixture) -> tuple[Flag, ...]:
    distinct = int((em.outcomes.frequencies > 0).sum())
    if distinct == 1 and em.coins > 1:
        return (Flag("one_outcome", "every sequence has the same count, so a single coin already fits the data"),)
    return ()
