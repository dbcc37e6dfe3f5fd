"""Probabilities of large counts, without the cancellation of large terms.

The logarithm of a Poisson probability, x log mu - mu - log x!, is a small difference of terms near x log x: at x = 10^9
it is right to five decimals only, and so are responsibilities. Written beside its largest value, at mu = x,

    log p(x | mu) = log p(x | x) - D(x, mu),        D(x, mu) = x log(x / mu) - x + mu = x (t - log(1 + t)),
                                                    t = (mu - x) / x

what depends on mu is as right as mu itself. A binomial probability of x heads in n flips has two such terms,
D(x, n p) + D(n - x, n (1 - p)).

Source: Loader (2000), Fast and accurate computation of binomial probabilities, section 3 (the deviance part).
"""

import numpy as np

from em_reference.layout import Array


def deviance_part(counts: Array, mean: Array) -> Array:
    """D(x, mu) of counts x >= 0 and means mu, which broadcast; mu where x = 0, infinite where only mu is 0."""
    seen = counts > 0
    # Where nothing is seen D is mu; 1 stands in for x.
    size = np.where(seen, counts, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        excess = np.where(seen, (mean - size) / size, 0.0)
        return np.where(seen, size * (excess - np.log1p(excess)), mean)
