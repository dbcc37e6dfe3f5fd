"""What the audit of a coin-mixture EM needs."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy.special import betaln, gammaln

from comparisons.case import Array, AuditHooks, Case, Natural
from comparisons.families._audit.exchanges import exchanges
from comparisons.families._audit.mistakes.coin_mixture import coin_mistakes
from comparisons.families._audit.written_twice import row_twice
from em_reference.coin_mixture import CoinMixture


def coin_audit(em: CoinMixture, rebind: Callable[[dict[str, Any]], Case]) -> AuditHooks:
    """The hooks of one data set."""
    heads, flips = np.broadcast_arrays(np.asarray(em.heads, dtype=float), np.asarray(em.flips, dtype=float))
    counts = np.array(em.frequency_of_row)
    data = {
        "heads": np.array(heads),
        "flips": np.array(flips),
        "frequencies": counts,
        "coins": em.coins,
        "fixed_weight": em.fixed_weight,
    }
    exchangeable = em.fixed_weight is None or len(set(np.asarray(em.fixed_weight))) == 1

    def rows(heads: list[float], flips: float) -> dict[str, Any]:
        size = len(heads)
        return {**data, "heads": np.array(heads), "flips": np.full(size, flips), "frequencies": np.ones(size)}

    return AuditHooks(
        data=data,
        rebind=rebind,
        symmetries=exchanges(em.coins, "coin") if exchangeable else {},
        same_data=row_twice(data, ("heads", "flips")),
        edge_cases={
            "one sequence": rows([3.0], 10.0),
            "all sequences equal": rows([4.0] * 6, 10.0),
            "all heads": rows([10.0] * 4, 10.0),
            "a thousand flips": rows([0.0, 130.0, 500.0, 990.0], 1000.0),
        },
        edge_starts=_edge_starts(em.coins, estimated=em.fixed_weight is None),
        constants=_constants(em, heads, flips, counts),
        rows=("heads", "flips"),
        mistakes=partial(coin_mistakes, em, heads, flips, counts),
        made=partial(_made, data),
    )


def _edge_starts(coins: int, estimated: bool) -> dict[str, Natural]:
    """The first bias, and the first weight where weights are estimated, at 0."""
    if coins < 2:
        return {}
    first, bias = np.arange(coins) == 0, (np.arange(coins) + 1) / (coins + 1)
    edges = {"a bias of 0": {"bias": np.where(first, 0.0, bias)}}
    if estimated:
        edges["a bias of 0"]["weight"] = np.full(coins, 1 / coins)
        edges["a weight of 0"] = {"bias": bias, "weight": np.where(first, 0.0, 1 / (coins - 1))}
    return edges


def _constants(em: CoinMixture, heads: Array, flips: Array, counts: Array) -> dict[str, float]:
    """Terms without parameters: the binomial coefficients, and those of the priors."""
    coefficients = gammaln(flips + 1) - gammaln(heads + 1) - gammaln(flips - heads + 1)
    constants = {"the binomial coefficients": -float(counts @ coefficients)}
    if em.bias_prior is not None:
        constants["the constant of the prior on biases"] = em.coins * float(betaln(*em.bias_prior))
    if em.weight_prior is not None and em.coins > 1:
        alpha = np.full(em.coins, em.weight_prior.alpha)
        constants["the constant of the prior on weights"] = float(gammaln(alpha).sum() - gammaln(alpha.sum()))
    return {what: value for what, value in constants.items() if value}


def _made(data: dict[str, Any], rng: np.random.Generator) -> dict[str, dict[str, Any]]:
    """Sequences as the family allows them, of as many coins and of one more."""
    drawn = _drawn(rng, data["heads"], data["flips"], data["coins"])
    as_many = {what: {**data, **other} for what, other in drawn.items()}
    return {**as_many, "one coin more": {**data, **_one_more(rng, data)}}


def _drawn(rng: np.random.Generator, heads: Array, flips: Array, coins: int) -> dict[str, dict[str, Array]]:
    """Sequences of as many coins, drawn with biases that are well apart, as the family allows them."""
    bias = (np.arange(coins) + 0.6) / (coins + 0.4)

    def toss(flips: Array, frequencies: Array | None = None, share: Array | float = 1.0) -> dict[str, Array]:
        """Heads of the coins in turn, whose biases are a share of the usual ones."""
        which = np.arange(len(flips)) % coins
        heads = rng.binomial(flips.astype(int), (share * bias)[which]).astype(float)
        often = np.ones(len(flips)) if frequencies is None else frequencies
        return {"heads": heads, "flips": flips, "frequencies": often}

    size = max(12, 4 * coins)
    unequal = rng.integers(3, 25, size).astype(float)
    # The row that is never seen would move the estimates if it counted.
    often = np.array([1.0, 2, 0, 3])[np.arange(size) % 4]
    rare = toss(np.full(size, 60.0), share=np.linspace(0.02, 0.2, coins))
    return {
        "unequal flips": toss(unequal),
        "frequencies of 0, 1, 2 and 3": toss(np.full(size, 10.0), often),
        "the same number of rows with other values": toss(np.where(flips > 1, flips + 3, 4.0)),
        "rare heads": rare,
        "rare tails": {**rare, "heads": rare["flips"] - rare["heads"]},
        "rows too long for probabilities without logarithms": toss(rng.integers(1500, 3000, size).astype(float)),
    }


def _one_more(rng: np.random.Generator, data: dict[str, Any]) -> dict[str, Any]:
    """Sequences of one coin more, with equal weights where weights are known."""
    coins = data["coins"] + 1
    flips = np.full(8 * coins, 12.0)
    heads = rng.binomial(12, ((np.arange(coins) + 0.6) / (coins + 0.4))[np.arange(8 * coins) % coins]).astype(float)
    known = None if data["fixed_weight"] is None else np.full(coins, 1 / coins)
    return {"heads": heads, "flips": flips, "frequencies": np.ones(8 * coins), "coins": coins, "fixed_weight": known}
