"""Mixture of biased coins in PyMC.

weight ~ Dirichlet(alpha, ..., alpha)          alpha = 1: flat
bias_k ~ Beta(a, b)                            a = b = 1: flat
heads_j ~ Mixture(weight, Binomial(flips_j, bias_k))
"""

import numpy as np
import numpy.typing as npt
import pymc as pm
import pytensor.tensor as pt

from pp_models.complete_data import name_count


def build(
    heads: npt.ArrayLike,
    flips: npt.ArrayLike,
    coins: int,
    *,
    frequencies: npt.ArrayLike | None = None,
    fixed_weight: npt.ArrayLike | None = None,
    weight_prior: float = 1.0,
    bias_prior: tuple[float, float] = (1.0, 1.0),
    hooks: bool = False,
) -> pm.Model:
    """Model with the variables `weight` (K,), unless fixed, and `bias` (K,).

    Parameters
    ----------
    heads : array (N,)
        Heads seen per sequence.
    flips : int or array (N,)
        Flips per sequence.
    coins : int
        Number of components K.
    frequencies : array (N,), optional
        How often each row was seen; its log-likelihood counts that many times.
    fixed_weight : array (K,), optional
        Known mixture weights; estimated when left out and K > 1.
    weight_prior : float
        Concentration alpha of the symmetric Dirichlet.
    bias_prior : (float, float)
        Parameters of the Beta.
    hooks : bool
        Name the intermediate values from which the steps of an EM are derived; see
        `pp_models.complete_data`.
    """
    # Heads as floats: PyMC narrows observed integers to 32 bits, where 3e9 heads turn negative.
    heads, flips = np.broadcast_arrays(np.asarray(heads, dtype=float), np.asarray(flips))
    with pm.Model() as model:
        if fixed_weight is not None or coins == 1:
            weight = np.ones(1) if fixed_weight is None else np.asarray(fixed_weight, dtype=float)
        else:
            weight = pm.Dirichlet("weight", a=np.full(coins, weight_prior))
        bias = pm.Beta("bias", alpha=np.float64(bias_prior[0]), beta=np.float64(bias_prior[1]), shape=coins)
        coin = pm.Binomial.dist(n=flips[:, None], p=bias[None, :], shape=(len(heads), coins))
        if frequencies is None:
            pm.Mixture("heads", w=weight, comp_dists=coin, observed=heads)
        else:
            sequence = pm.Mixture.dist(w=weight, comp_dists=coin)
            pm.Potential("heads", np.asarray(frequencies, dtype=float) * pm.logp(sequence, heads))
            pm.Data("frequency of heads", np.asarray(frequencies, dtype=float))
        if hooks:
            log_weight = pt.log(weight) + pm.Data("log_weight", np.zeros(coins))
            pm.Deterministic("log_joint", log_weight + pm.logp(coin, heads[:, None]))
            tilted = name_count("sequences", pt.log(weight), (coins,))
            tilted += heads[:, None] * name_count("heads", pt.log(bias) - pt.log1p(-bias), (coins,))
            tilted += flips[:, None] * name_count("flips", pt.log1p(-bias), (coins,))
            pm.Deterministic("tilted", tilted)
            pm.Data("row_frequency", np.ones(len(heads)) if frequencies is None else np.asarray(frequencies, float))
    return model
