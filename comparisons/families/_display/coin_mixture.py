"""How a mixture of coins is shown: its curves, its fit in words, the tables of its first cycle."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from comparisons.case import Array, Curves, Natural
from comparisons.families._binding import Fields
from comparisons.families._mixtures import fitted_counts
from em_reference.coin_mixture import CoinMixture

# A weight, or a difference of biases, that no fitted count shows.
NEGLIGIBLE = 1e-5
# Beyond this many flips the observed counts are not drawn.
MOST_BARS = 1_000


class CoinDisplay(NamedTuple):
    """The EM of the data, and how its parameters are called."""

    em: CoinMixture
    fields: Fields

    def fitted(self, natural: Natural) -> str | None:
        """Say so when all coins that are thrown at all show heads equally often."""
        params = self.fields.to_em(natural)
        thrown = params.bias[params.weight > NEGLIGIBLE]
        return f"every head has probability {round(thrown.mean(), 9):.4g}" if np.ptp(thrown) < NEGLIGIBLE else None

    def curves(self, natural: Natural) -> Curves | None:
        """Observed counts of heads beside those expected under the fit; None when there is no room to draw them."""
        from scipy.stats import binom

        params, outcomes = self.fields.to_em(natural), self.em.outcomes
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

    def first_cycle(self, natural: Natural) -> dict[str, pd.DataFrame]:
        """Tables of the E-step and M-step of cycle 1, as a textbook prints them."""
        em, start = self.em, self.fields.to_em(natural)
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
            "E-step: expected counts": pd.DataFrame(
                [counts.sequences, counts.heads, counts.flips], columns=coins
            ).assign(count=["sequences", "heads", "flips"])[["count", *coins]],
            "M-step: parameters after cycle 1": pd.DataFrame([after.weight, after.bias], columns=coins).assign(
                parameter=["weight", "bias"]
            )[["parameter", *coins]],
        }
