"""Mistakes in the EM of a coin mixture."""

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.special import log_softmax, softmax, xlog1py, xlogy

from comparisons.case import Array, Natural
from em_reference.coin_mixture import CoinCounts, CoinMixture, CoinParams

Cycle = Callable[[Natural, float], Natural]


def coin_mistakes(em: CoinMixture, heads: Array, flips: Array, often: Array) -> dict[str, Cycle]:
    """Wrong likelihoods of a sequence, and wrong ways to divide heads by flips."""
    x, tails, n = heads[:, None], (flips - heads)[:, None], flips[:, None]

    def weight_of(natural: Natural) -> Array:
        if "weight" in natural:
            return natural["weight"]
        return np.full(em.coins, 1 / em.coins) if em.fixed_weight is None else np.asarray(em.fixed_weight)

    def cycle(
        log_likelihood: Callable[[Array], Array],
        change: Callable[..., Array] | None = None,
        share: Callable[[Array], Array] = lambda joint: softmax(joint, axis=1),
        small: float = 0.0,
    ) -> Cycle:
        """One cycle with another log-likelihood of a sequence, or another M-step of the biases."""

        def one(natural: Natural, _: float) -> Natural:
            weight = weight_of(natural)
            weighted = often[:, None] * share(np.log(weight + small) + log_likelihood(natural["bias"]))
            counts = CoinCounts(weighted.sum(axis=0), heads @ weighted, flips @ weighted)
            new = em.m_step(counts, CoinParams(weight, natural["bias"]))
            bias = new.bias if change is None else change(weighted)
            return {"weight": new.weight, "bias": bias} if "weight" in natural else {"bias": bias}

        return one

    def binomial(bias: Array) -> Array:
        return np.asarray(xlogy(x, bias) + xlog1py(tails, -bias))

    found = {
        "the tails are left out of the likelihood": cycle(lambda bias: xlogy(x, bias)),
        "the tails have the wrong sign in the likelihood": cycle(lambda bias: xlogy(x, bias) - xlog1py(tails, -bias)),
        "all flips take the place of the tails in the likelihood": cycle(
            lambda bias: xlogy(x, bias) + xlog1py(n, -bias)
        ),
        "the posterior adds up to 1 over the sequences, not over the components": cycle(
            binomial, share=partial(softmax, axis=0)
        ),
        "the posterior is made to add up to 1 over the sequences first, then over the components": cycle(
            binomial, share=lambda joint: softmax(log_softmax(joint, axis=0), axis=1)
        ),
        "proportions of heads are averaged, where heads and flips have to be added up": cycle(
            binomial, lambda weighted: (heads / np.maximum(flips, 1)) @ weighted / weighted.sum(axis=0)
        ),
        "heads are divided by the average number of flips, not by the flips of the coin": cycle(
            binomial, lambda weighted: heads @ weighted / (weighted.sum(axis=0) * (often @ flips) / often.sum())
        ),
    }
    for small in (1e-3, 1e-4, 1e-5, 1e-6, 1e-8):

        def shifted(bias: Array, small: float = small) -> Array:
            return np.asarray(x * np.log(bias + small) + tails * np.log(1 - bias + small))

        found[f"{small:g} is added to the biases inside the logarithms"] = cycle(shifted)
        found[f"{small:g} is added to biases and weights inside the logarithms"] = cycle(shifted, small=small)
    return found
