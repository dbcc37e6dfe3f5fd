"""Mistakes in the EM of a Poisson mixture."""

from collections.abc import Callable

import numpy as np
from scipy.special import gammaln, logsumexp, softmax

from comparisons.case import Array, Natural

Cycle = Callable[[Natural, float], Natural]


def poisson_mistakes(counts: Array, often: Array) -> dict[str, Cycle]:
    """Wrong likelihoods of a count."""

    def cycle(log_likelihood: Callable[[Array], Array], values: Array = counts) -> Cycle:
        def one(natural: Natural, _: float) -> Natural:
            with np.errstate(divide="ignore"):
                joint = np.log(natural.get("weight", np.ones(1))) + log_likelihood(natural["rate"])
            weighted = often[:, None] * softmax(joint, axis=1)
            sizes = weighted.sum(axis=0)
            new = {"weight": sizes / sizes.sum(), "rate": values @ weighted / sizes}
            return {name: new[name] for name in natural}

        return one

    def mass(rate: Array, values: Array = counts) -> Array:
        return values[:, None] * np.log(rate) - rate - gammaln(values[:, None] + 1)

    def old_weights(natural: Natural, amount: float) -> Natural:
        """The sum of counts of a component divided by its size by the weights before."""
        right = cycle(mass)(natural, amount)
        if "weight" not in natural:
            return right
        return {**right, "rate": right["rate"] * right["weight"] / natural["weight"]}

    seen = np.unique(counts)
    place = np.arange(len(counts), dtype=float)
    return {
        "the factor exp(-rate) is left out of the likelihood": cycle(lambda rate: counts[:, None] * np.log(rate)),
        "probabilities are made to add up to 1 over the counts that were seen: a truncated distribution": cycle(
            lambda rate: mass(rate) - logsumexp(mass(rate, seen), axis=0)
        ),
        "counts are divided by the sizes of the components before the cycle, from the old weights": old_weights,
        "the place of a row in the table is taken for its count": cycle(lambda rate: mass(rate, place), place),
    }
