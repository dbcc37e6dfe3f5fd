"""One-parameter logistic item response model with a common slope in PyMC, abilities summed out over nodes.

    d_i ~ flat,   a ~ flat
    P_i(theta_k) = sigmoid(d_i + a theta_k)
    log L = sum_j f_j log sum_k w_k prod_i P_i(theta_k)^u_ij (1 - P_i(theta_k))^(1 - u_ij)

A missing response (NaN) is left out of the product of its examinee.
"""

import numpy as np
import numpy.typing as npt
import pymc as pm

from pp_models.two_pl import observe


def build(
    responses: npt.ArrayLike,
    nodes: npt.ArrayLike,
    weights: npt.ArrayLike,
    *,
    frequencies: npt.ArrayLike | None = None,
    hooks: bool = False,
) -> pm.Model:
    """Model with the variables `d` (I,) and `a` (1,).

    Parameters
    ----------
    responses : array (N, I)
        0, 1 or NaN, one row per examinee or per pattern.
    nodes, weights : array (K,)
        Discretised ability distribution, used as given.
    frequencies : array (N,), optional
        Examinees per row.
    hooks : bool
        Name the intermediate values from which the steps of an EM are derived; see
        `pp_models.complete_data`.
    """
    with pm.Model() as model:
        d = pm.Flat("d", shape=np.shape(responses)[1])
        a = pm.Flat("a", shape=1)
        observe(responses, frequencies, d[:, None] + a * np.asarray(nodes, dtype=float), weights, hooks)
    return model
