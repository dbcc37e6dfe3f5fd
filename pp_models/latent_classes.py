"""Latent classes in PyMC.

weight ~ Dirichlet(alpha, ..., alpha)                    alpha = 1: flat
probability_ki ~ Beta(beta, beta)                        items of two states: of the second state; beta = 1: flat
probabilityC_ki ~ Dirichlet(beta, ..., beta)             items of C > 2 states
class_j ~ Categorical(weight)
answer_ji | class_j = k ~ Categorical(probability_ki)    independent; those that are missing do not count
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pymc as pm
import pytensor.tensor as pt

from pp_models.complete_data import name_count
from pp_models.log_sum_exp import log_sum_exp


def build(
    responses: npt.ArrayLike,
    categories: npt.ArrayLike,
    classes: int,
    *,
    frequencies: npt.ArrayLike | None = None,
    weight_prior: float = 1.0,
    category_prior: float = 1.0,
    hooks: bool = False,
) -> pm.Model:
    """Model with the variables `weight` (K,), unless K = 1, `probability` (K, I2) and `probabilityC` (K, IC, C).

    Parameters
    ----------
    responses : array (N, I)
        Number of the state, 0, 1, ..., NaN where there is no answer.
    categories : array of int (I,)
        How many states every item has: `probability` belongs to those with two, in their order, `probability3` to
        those with three, and so on.
    classes : int
        Number of classes K.
    frequencies : array (N,), optional
        How often each row was seen; its log-likelihood counts that many times.
    weight_prior, category_prior : float
        Concentrations of the symmetric Dirichlet distributions.
    hooks : bool
        Name the intermediate values from which the steps of an EM are derived; see
        `pp_models.complete_data`.
    """
    responses = np.asarray(responses, dtype=float)
    sizes = np.asarray(categories, dtype=int)
    repeats = np.ones(len(responses)) if frequencies is None else np.asarray(frequencies, dtype=float)
    with pm.Model() as model:
        weight = np.ones(1) if classes == 1 else pm.Dirichlet("weight", a=np.full(classes, weight_prior))
        log_weight = pt.log(weight)
        if hooks:
            log_weight = log_weight + pm.Data("log_weight", np.zeros(classes))
        log_joint: Any = log_weight
        groups = []
        for size in np.unique(sizes):
            answers = responses[:, sizes == size]
            logs = _log_probabilities(int(size), classes, answers.shape[1], np.float64(category_prior))
            log_joint = log_joint + _given(answers, logs)
            groups.append((answers, logs))
        pm.Potential("responses", repeats * log_sum_exp(log_joint))
        pm.Data("frequency of responses", repeats)
        if hooks:
            pm.Deterministic("log_joint", log_joint + np.zeros((len(responses), 1)))
            pm.Deterministic("tilted", _tilted(groups, sizes, log_weight, classes))
            pm.Data("row_frequency", repeats)
    return model


def _log_probabilities(size: int, classes: int, items: int, prior: np.float64) -> list[Any]:
    """Log probabilities (K, I) of every state, of the items of `size` states."""
    if size == 2:
        second = pm.Beta("probability", alpha=prior, beta=prior, shape=(classes, items))
        return [pt.log1p(-second), pt.log(second)]
    probability = pm.Dirichlet(f"probability{size}", a=np.full(size, prior), shape=(classes, items, size))
    return [pt.log(probability[..., state]) for state in range(size)]


def _given(answers: npt.NDArray[np.float64], logs: list[Any]) -> Any:
    """Log probability (J, K) of the answers to some items in every class."""
    return sum(pt.dot((answers == state).astype(float), log.T) for state, log in enumerate(logs))


def _tilted(groups: list[Any], sizes: npt.NDArray[np.int_], log_weight: Any, classes: int) -> Any:
    """What is counted: `respondents` (K,) and `answers` (K, T), the states of all items side by side."""
    first = np.cumsum(sizes) - sizes
    rows, total = len(groups[0][0]), int(sizes.sum())
    coefficient, indicator = pt.zeros((classes, total)), np.zeros((rows, total))
    for answers, logs in groups:
        for state, log in enumerate(logs):
            place = first[sizes == len(logs)] + state
            coefficient = pt.set_subtensor(coefficient[:, place], log)
            indicator[:, place] = answers == state
    tilted = name_count("respondents", log_weight, (classes,))
    return tilted + pt.dot(indicator, name_count("answers", coefficient, (classes, total)).T)
