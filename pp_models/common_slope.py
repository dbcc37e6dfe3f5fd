"""One-parameter logistic item response model with a common slope in PyMC, abilities summed out over nodes.

    d_i ~ flat,   a ~ flat
    P_i(theta_k) = sigmoid(d_i + a theta_k)
    log L = sum_j f_j log sum_k w_k prod_i P_i(theta_k)^u_ij (1 - P_i(theta_k))^(1 - u_ij)

A missing response (NaN) is left out of the product of its examinee.
"""

import numpy as np
import numpy.typing as npt
import pymc as pm
import pytensor.tensor as pt

from pp_models.two_pl import _logsumexp, _softplus


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
    responses = np.asarray(responses, dtype=float)
    frequencies = np.ones(len(responses)) if frequencies is None else np.asarray(frequencies, dtype=float)
    seen = frequencies > 0
    responses, frequencies = responses[seen], frequencies[seen]
    right, wrong = (responses == 1).astype(float), (responses == 0).astype(float)
    log_weight = np.log(np.asarray(weights, dtype=float))
    with pm.Model() as model:
        d = pm.Flat("d", shape=responses.shape[1])
        a = pm.Flat("a", shape=1)
        logits = d[:, None] + a * np.asarray(nodes, dtype=float)
        if hooks:
            logits = logits + pm.Data("logit", np.zeros((responses.shape[1], len(log_weight))))
            log_weight = log_weight + pm.Data("log_weight", np.zeros(len(log_weight)))
        log_pattern = -pt.dot(right, _softplus(-logits)) - pt.dot(wrong, _softplus(logits))
        log_joint = log_pattern + log_weight
        pm.Potential("responses", frequencies * _logsumexp(log_joint))
        if hooks:
            pm.Deterministic("log_joint", log_joint)
            pm.Data("row_frequency", frequencies)
    return model
