"""Genetic linkage in PyMC.

theta ~ Beta(1, 1)                                                    flat
y ~ Multinomial(N, (1/2 + theta/4, (1 - theta)/4, (1 - theta)/4, theta/4))
"""

import numpy as np
import numpy.typing as npt
import pymc as pm
import pytensor.tensor as pt

from pp_models.complete_data import name_count

# Log probability of what cannot be; minus infinity would turn gradients into NaN.
IMPOSSIBLE = -1e30


def build(frequencies: npt.ArrayLike, *, hooks: bool = False) -> pm.Model:
    """Model with the variable `theta` (1,).

    Parameters
    ----------
    frequencies : array (4,)
        Animals in the four cells.
    hooks : bool
        Name the intermediate values from which the steps of an EM are derived; see
        `pp_models.complete_data`. The two latent states of an animal: not in, or in, a part of
        probability theta/4.
    """
    # Whole numbers up to 2^53 as floats: PyMC narrows observed integers to 32 bits, where 3e9 animals turn negative.
    animals = np.asarray(frequencies, dtype=float)
    one = np.float64(1.0)
    with pm.Model() as model:
        theta = pm.Beta("theta", alpha=one, beta=one, shape=1)
        linked, unlinked = theta / 4, (1 - theta) / 4
        cells = pt.concatenate([0.5 + linked, unlinked, unlinked, linked])
        pm.Multinomial("animals", n=np.int64(animals.sum()), p=cells, observed=animals)
        pm.Data("frequency of animals", animals.sum())
        if hooks:
            never = np.full(1, IMPOSSIBLE)
            out = pt.concatenate([np.log([0.5]), pt.log(unlinked), pt.log(unlinked), never])
            within = pt.concatenate([pt.log(linked), never, never, pt.log(linked)])
            pm.Deterministic("log_joint", pt.stack([out, within], axis=1) + pm.Data("log_weight", np.zeros(2)))
            where_linked = np.array([[0, 1], [0, 0], [0, 0], [0, 1]])
            where_unlinked = np.array([[0, 0], [1, 0], [1, 0], [0, 0]])
            tilted = where_linked * name_count("linked", pt.log(theta), (1,))
            pm.Deterministic("tilted", tilted + where_unlinked * name_count("unlinked", pt.log1p(-theta), (1,)))
            pm.Data("row_frequency", animals)
    return model
