"""A certificate that a mixture of coins is the global maximum."""

import numpy as np

from em_reference.coin_mixture import CoinMixture, CoinParams

# Lindsay's gradient may exceed 0 by this share of the sample size and still count as 0.
CERTIFICATE_TOLERANCE = 1e-7
CERTIFICATE_GRID = 20_001


def lindsay_certificate(em: CoinMixture, params: CoinParams) -> str | None:
    """Why no mixture of any number of coins has a higher likelihood, or None where the test says nothing.

    A mixing distribution is the nonparametric maximum likelihood estimate exactly when

        D(phi) = sum_j f_j (p(x_j | phi) / p(x_j) - 1) <= 0   for every phi in [0, 1]

    (Lindsay 1983, Annals of Statistics 11, theorem 4.1). A K-coin mixture that passes is the global
    maximum among all mixtures. D is a polynomial in phi; it is checked on a fine grid.
    """
    grid = np.linspace(0.0, 1.0, CERTIFICATE_GRID)
    _, log_probability = em.responsibilities(params)
    wide = CoinParams(np.full(len(grid), 1 / len(grid)), grid)
    ratio = np.exp(em.log_component_probabilities(wide) - log_probability[:, None]) - 1
    frequencies = em.outcomes.frequencies
    highest = float((frequencies @ ratio).max() / frequencies.sum())
    if highest > CERTIFICATE_TOLERANCE:
        return None
    return "Lindsay (1983): no mixture of any number of coins has a higher likelihood"
