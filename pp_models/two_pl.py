"""Two-parameter logistic item response model in PyMC, abilities summed out over quadrature nodes.

    d_i ~ flat or normal,   a_i ~ flat, normal or log-normal
    P_i(theta_k) = sigmoid(d_i + a_i theta_k)
    log L = sum_j f_j log sum_k w_k prod_i P_i(theta_k)^u_ij (1 - P_i(theta_k))^(1 - u_ij)

A missing response (NaN) is left out of the product of its examinee.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pymc as pm
import pytensor.tensor as pt

from pp_models.complete_data import COEFFICIENT_OF, name_count
from pp_models.log_sum_exp import log_sum_exp, softplus

DISTRIBUTIONS = {"flat": pm.Flat, "normal": pm.Normal, "lognormal": pm.LogNormal}


def build(
    responses: npt.ArrayLike,
    nodes: npt.ArrayLike,
    weights: npt.ArrayLike,
    *,
    frequencies: npt.ArrayLike | None = None,
    intercept_prior: tuple[Any, ...] = ("flat",),
    slope_prior: tuple[Any, ...] = ("flat",),
    hooks: bool = False,
) -> pm.Model:
    """Model with the variables `d` (I,) and `a` (I,).

    Parameters
    ----------
    responses : array (N, I)
        0, 1 or NaN, one row per examinee or per pattern.
    nodes, weights : array (K,)
        Discretised ability distribution, used as given.
    frequencies : array (N,), optional
        Examinees per row.
    intercept_prior, slope_prior : tuple
        ("flat",), ("normal", mean, sd) or ("lognormal", mean, sd).
    hooks : bool
        Name the intermediate values from which the steps of an EM are derived; see
        `pp_models.complete_data`.
    """
    items = np.shape(responses)[1]
    with pm.Model() as model:
        d = DISTRIBUTIONS[intercept_prior[0]]("d", *_double(intercept_prior[1:]), shape=items)
        a = DISTRIBUTIONS[slope_prior[0]]("a", *_double(slope_prior[1:]), shape=items)
        logits = d[:, None] + a[:, None] * np.asarray(nodes, dtype=float)
        observe(responses, frequencies, logits, weights, hooks)
    return model


def observe(
    responses: npt.ArrayLike, frequencies: npt.ArrayLike | None, logits: Any, weights: npt.ArrayLike, hooks: bool
) -> None:
    """Add the marginal log-likelihood of responses to the model at hand, from the logits (I, K) at the nodes."""
    responses = np.asarray(responses, dtype=float)
    frequencies = np.ones(len(responses)) if frequencies is None else np.asarray(frequencies, dtype=float)
    seen = frequencies > 0
    responses, frequencies = responses[seen], frequencies[seen]
    answered = ~np.isnan(responses)
    right = np.where(answered, responses, 0.0)
    with np.errstate(divide="ignore"):
        log_weight = np.log(np.asarray(weights, dtype=float))
    if hooks:
        logits = logits + pm.Data("logit", np.zeros((responses.shape[1], len(log_weight))))
        log_weight = log_weight + pm.Data("log_weight", np.zeros(len(log_weight)))
    wrong = softplus(logits)
    # Where no answer is missing, the sum over the items is the same for every examinee.
    attempts = wrong.sum(axis=0) if answered.all() else pt.dot(answered.astype(float), wrong)
    log_joint = pt.dot(right, logits) + (log_weight - attempts)
    pm.Potential("responses", frequencies * log_sum_exp(log_joint))
    pm.Data("frequency of responses", frequencies)
    if hooks:
        pm.Deterministic("log_joint", log_joint)
        pm.Deterministic("tilted", _tilted(right, answered, logits.T, log_weight, len(np.asarray(weights))))
        pm.Data("row_frequency", frequencies)


def _tilted(right: Any, answered: Any, logits: Any, log_weight: Any, nodes: int) -> Any:
    """What is counted at the nodes (K,), examinees; and there by item (K, I), right answers and attempts.

    Where no answer is missing the attempts at every item are the examinees, and are not counted.
    """
    shape = (nodes, right.shape[1])
    tilted = name_count("examinees", log_weight, shape[:1])
    tilted += pt.dot(right, name_count("correct", logits, shape).T)
    if answered.all():
        pm.Deterministic(f"{COEFFICIENT_OF}attempts", -softplus(logits))
        return tilted
    return tilted + pt.dot(answered.astype(float), name_count("attempts", -softplus(logits), shape).T)


def _double(values: tuple[float, ...]) -> tuple[np.float64, ...]:
    """Double precision: PyTensor makes a float32 of a Python float that fits, and computes with it."""
    return tuple(np.float64(value) for value in values)
