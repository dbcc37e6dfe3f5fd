"""Ability of each examinee, the separate step after the items are calibrated.

With item parameters taken as known, u the answers of one examinee and z_i = d_i + a_i theta:

    EAP   posterior mean and standard deviation over the quadrature nodes
    MAP   mode of  sum_i u_i z_i - log(1 + e^z_i) - theta^2 / 2,    SE = 1 / sqrt(I(theta) + 1)
    MLE   mode of  sum_i u_i z_i - log(1 + e^z_i),                  SE = 1 / sqrt(I(theta))

with I(theta) = sum_i a_i^2 P_i (1 - P_i) the test information. The MLE is infinite when every answer
points the same way (all right, or all wrong, under positive slopes); its standard error is then
infinite too. Without a single informative answer the MLE does not exist: NaN.

Source: Baker and Kim (2004), chapters 3 and 7; Bock and Mislevy (1982) for the EAP.
"""

from typing import Literal, NamedTuple

import numpy as np
from scipy.special import expit

from em_reference.layout import Array

Method = Literal["eap", "map", "mle"]

# Newton on a strictly concave function of one variable, steps bounded; far more than ever needed.
MAX_STEPS = 200
LONGEST_STEP = 1.0
TOLERANCE = 1e-13


class Scores(NamedTuple):
    """Ability in standard deviations of the population, and its standard error."""

    theta: Array
    standard_error: Array


def score_patterns(
    correct: Array,
    answered: Array,
    intercept: Array,
    slope: Array,
    nodes: Array,
    posterior: Array,
    method: Method,
) -> Scores:
    """Scores of response patterns.

    Parameters
    ----------
    correct, answered : array (J, I)
        1 for a right answer; 1 for any answer.
    intercept, slope : array (I,)
    nodes : array (K,)
    posterior : array (J, K)
        Used by the EAP only.
    method : {"eap", "map", "mle"}

    Raises
    ------
    ValueError
        If the method is unknown.
    """
    if method == "eap":
        mean = posterior @ nodes
        variance = (posterior * (nodes - mean[:, None]) ** 2).sum(axis=1)
        return Scores(mean, np.sqrt(variance))
    if method == "map":
        return mode(correct, answered, intercept, slope, prior_precision=1.0)
    if method == "mle":
        # An answer pulls theta up when its residual times the slope can only be positive.
        pull = answered * np.where(correct == 1, slope, -slope)
        up, down = (pull > 0).any(axis=1), (pull < 0).any(axis=1)
        inner = up & down
        theta = np.where(up, np.inf, np.where(down, -np.inf, np.nan))
        error = np.where(up | down, np.inf, np.nan)
        inside = mode(correct[inner], answered[inner], intercept, slope, prior_precision=0.0)
        theta[inner], error[inner] = inside
        return Scores(theta, error)
    raise ValueError(f"method must be 'eap', 'map' or 'mle', got {method!r}")


def mode(correct: Array, answered: Array, intercept: Array, slope: Array, *, prior_precision: float) -> Scores:
    """Newton on the log-likelihood (or log-posterior) of theta, all patterns at once."""
    theta = np.zeros(len(correct))
    information = np.ones(len(correct))
    for _ in range(MAX_STEPS):
        probability = expit(intercept + theta[:, None] * slope)
        gradient = (answered * (correct - probability)) @ slope - prior_precision * theta
        information = (answered * probability * (1 - probability)) @ slope**2 + prior_precision
        step = np.clip(gradient / information, -LONGEST_STEP, LONGEST_STEP)
        theta = theta + step
        if (np.abs(step) <= TOLERANCE * (1 + np.abs(theta))).all():
            break
    probability = expit(intercept + theta[:, None] * slope)
    information = (answered * probability * (1 - probability)) @ slope**2 + prior_precision
    return Scores(theta, 1 / np.sqrt(information))
