"""Mixture of Poisson distributions in PyMC.

weight ~ Dirichlet(1, ..., 1)          flat
rate_k ~ flat on the positive numbers
x_j ~ Mixture(weight, Poisson(rate_k))
"""

import numpy as np
import numpy.typing as npt
import pymc as pm
import pytensor.tensor as pt

from pp_models.complete_data import name_count


def build(
    counts: npt.ArrayLike, components: int, *, frequencies: npt.ArrayLike | None = None, hooks: bool = False
) -> pm.Model:
    """Model with the variables `weight` (K,), unless K = 1, and `rate` (K,).

    Parameters
    ----------
    counts : array (N,)
        Whole numbers.
    components : int
        Number of components K.
    frequencies : array (N,), optional
        How often each count was seen; its log-likelihood counts that many times.
    hooks : bool
        Name the intermediate values from which the steps of an EM are derived; see
        `pp_models.complete_data`.
    """
    counts = np.asarray(counts, dtype=np.int64)
    repeats = np.ones(len(counts)) if frequencies is None else np.asarray(frequencies, dtype=float)
    with pm.Model() as model:
        weight = np.ones(1) if components == 1 else pm.Dirichlet("weight", a=np.ones(components))
        rate = pm.HalfFlat("rate", shape=components)
        component = pm.Poisson.dist(mu=rate[None, :], shape=(len(counts), components))
        count = pm.Mixture.dist(w=weight, comp_dists=component)
        pm.Potential("counts", repeats * pm.logp(count, counts))
        pm.Data("frequency of counts", repeats)
        if hooks:
            log_weight = pt.log(weight) + pm.Data("log_weight", np.zeros(components))
            pm.Deterministic("log_joint", log_weight + pm.logp(component, counts[:, None]))
            tilted = name_count("observations", pt.log(weight) - rate, (components,))
            pm.Deterministic("tilted", tilted + counts[:, None] * name_count("total", pt.log(rate), (components,)))
            pm.Data("row_frequency", repeats)
    return model
