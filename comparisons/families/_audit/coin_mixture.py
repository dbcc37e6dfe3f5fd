"""What the audit of a coin-mixture EM needs."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.special import betaln, gammaln

from comparisons.case import Array, AuditHooks, Case, Natural
from comparisons.families._audit.mistakes.coin_mixture import coin_mistakes
from em_reference.coin_mixture import CoinMixture


def coin_audit(em: CoinMixture, build_model: Callable[[], Any], rebind: Callable[[dict[str, Any]], Case]) -> AuditHooks:
    """The hooks of one data set."""
    heads, flips = np.broadcast_arrays(np.asarray(em.heads, dtype=float), np.asarray(em.flips, dtype=float))
    counts = em.frequency_of_row
    data = {
        "heads": np.array(heads),
        "flips": np.array(flips),
        "frequencies": np.array(counts),
        "coins": em.coins,
        "fixed_weight": em.fixed_weight,
    }

    def expected_counts(weighted: Array) -> dict[str, Array]:
        return {"sequences": weighted.sum(axis=0), "heads": heads @ weighted, "flips": flips @ weighted}

    def score(expected: Mapping[str, Array], natural: Natural) -> Natural:
        bias = natural["bias"]
        by_bias = expected["heads"] / bias - (expected["flips"] - expected["heads"]) / (1 - bias)
        return {"weight": expected["sequences"] / natural.get("weight", 1.0), "bias": by_bias}

    exchangeable = em.coins > 1 and (em.fixed_weight is None or len(set(np.asarray(em.fixed_weight))) == 1)

    def rows(heads: Array, flips: Array, counts: Array) -> dict[str, Any]:
        return {**data, "heads": heads, "flips": flips, "frequencies": counts}

    doubled = (
        rows(heads, flips, np.concatenate([[2 * counts[0]], counts[1:]])),
        rows(np.append(heads, heads[0]), np.append(flips, flips[0]), np.append(counts, counts[0])),
    )
    one = np.ones(1)
    spread = {"bias": (np.arange(em.coins) + 1) / (em.coins + 1)}
    if em.fixed_weight is None:
        spread["weight"] = np.full(em.coins, 1 / em.coins)
    first = np.arange(em.coins) == 0
    edges = {"a bias of 0": {**spread, "bias": np.where(first, 0.0, spread["bias"])}} if em.coins > 1 else {}
    if em.coins > 1 and em.fixed_weight is None:
        edges["a weight of 0"] = {**spread, "weight": np.where(first, 0.0, 1 / (em.coins - 1))}
    return AuditHooks(
        build_model=build_model,
        expected_counts=expected_counts,
        score=score,
        mass={"sequences": float(counts.sum()), "flips": float(counts @ flips), "heads": float(counts @ heads)},
        data=data,
        rebind=rebind,
        symmetries=exchanges(em.coins, "coin") if exchangeable else {},
        same_data={"a frequency of 2 for the row twice": doubled},
        edge_cases={
            "one sequence": rows(3 * one, 10 * one, one),
            "all sequences equal": rows(np.full(6, 4.0), np.full(6, 10.0), np.ones(6)),
            "all heads": rows(np.full(4, 10.0), np.full(4, 10.0), np.ones(4)),
            "a thousand flips": rows(np.array([0.0, 130, 500, 990]), np.full(4, 1000.0), np.ones(4)),
        },
        edge_starts=edges,
        constants=_constants(em, heads, flips, counts),
        rows=("heads", "flips"),
        mistakes=coin_mistakes(em, heads, flips, counts),
        made=lambda rng: {
            **{what: {**data, **other} for what, other in _made(rng, heads, flips, em.coins).items()},
            "one coin more": {**data, **_one_more(rng, em)},
        },
    )


def exchanges(size: int, what: str) -> dict[str, Callable[[Natural], Natural]]:
    """Exchanges of components that give every order, one after another."""
    if size < 2:
        return {}
    swap = [1, 0, *range(2, size)]
    found = {f"swapping two {what}s": lambda natural: {name: values[swap] for name, values in natural.items()}}
    if size > 2:
        found[f"renaming the {what}s in turn"] = lambda natural: {
            name: np.roll(values, 1) for name, values in natural.items()
        }
    return found


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


def _made(rng: np.random.Generator, heads: Array, flips: Array, coins: int) -> dict[str, dict[str, Array]]:
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


def _one_more(rng: np.random.Generator, em: CoinMixture) -> dict[str, Any]:
    """Sequences of one coin more, with equal weights where weights are known."""
    coins = em.coins + 1
    flips = np.full(8 * coins, 12.0)
    heads = rng.binomial(12, ((np.arange(coins) + 0.6) / (coins + 0.4))[np.arange(8 * coins) % coins]).astype(float)
    known = None if em.fixed_weight is None else np.full(coins, 1 / coins)
    return {"heads": heads, "flips": flips, "frequencies": np.ones(8 * coins), "coins": coins, "fixed_weight": known}
