"""How a mixture of Poisson distributions is shown: its curves."""

from typing import NamedTuple

import numpy as np

from comparisons.case import Curves, Natural
from comparisons.families._binding import Fields
from comparisons.families._mixtures import fitted_counts
from em_reference.poisson_mixture import PoissonMixture

# Beyond this largest count the observed frequencies are not drawn.
MOST_BARS = 1_000


class PoissonDisplay(NamedTuple):
    """The EM of the data, and how its parameters are called."""

    em: PoissonMixture
    fields: Fields

    def curves(self, natural: Natural) -> Curves | None:
        """Observed frequencies beside those expected under the fit; None when there is no room to draw them."""
        from scipy.stats import poisson

        params, (values, frequencies) = self.fields.to_em(natural), self.em.outcomes
        most = int(values.max())
        if most > MOST_BARS:
            return None
        x = np.arange(most + 1)
        shares = {}
        for k, (weight, rate) in enumerate(zip(params.weight, params.rate, strict=True)):
            expected = frequencies.sum() * weight * poisson.pmf(x, rate)
            shares[f"component{k + 1} (weight {weight:.3f}, rate {rate:.3f})"] = expected
        return fitted_counts(("count", "observations"), shares, values, frequencies)
