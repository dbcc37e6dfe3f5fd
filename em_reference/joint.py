"""Joint maximum likelihood of the two-parameter logistic model: abilities and items are all parameters.

Model: examinee j answers item i correctly with probability 1 / (1 + exp(-(d_i + a_i theta_j))). Nothing is latent;
over the unique response patterns u_j with frequency f_j, and the answers that were given,

    log L = sum_j f_j sum_i u_ij z_ij - log(1 + e^z_ij),    z_ij = d_i + a_i theta_j

is climbed by turns: every ability at the current items, then every item at the current abilities, each by Newton's
method. Origin and unit of ability are those of the examinees: mean 0 and variance 1 after every turn, with the items
moved so that nothing changes.

This is no EM, and stands beside one for comparison. With every examinee comes a parameter more, so that the estimates
of the items are inconsistent: however many examinees there are, they do not settle at the truth (Neyman and Scott
1948, Econometrica 16, 1-32); for two items of a common slope they are twice as far apart as they should be (Andersen
1970, Journal of the Royal Statistical Society B 32, 283-301). The marginal likelihood of `em_reference.two_pl`
integrates the abilities out.

Examinees with all answers right, or all wrong, have an infinite ability and say nothing about the items: they are left
out. With few items a slope may grow without limit, and the estimate then does not exist.

Source: Birnbaum (1968), in Lord and Novick, Statistical Theories of Mental Test Scores, chapter 20; Baker and Kim
(2004), Item Response Theory, chapter 4.
"""

from typing import NamedTuple

import numpy as np

from em_reference.em import Status
from em_reference.item_regression import newton, softplus
from em_reference.layout import Array
from em_reference.response_patterns import Patterns
from em_reference.scoring import mode
from em_reference.two_pl import TwoPLParams

MAX_CYCLES = 2_000
TOLERANCE = 1e-7
# An item whose slope is steeper, in logits per standard deviation of ability, or whose abilities are further away, has
# no estimate.
STEEPEST = 30.0
FURTHEST = 40.0


class JointFit(NamedTuple):
    """Joint estimates.

    Attributes
    ----------
    params : TwoPLParams
        Without leading axes.
    ability : array (J,)
        Of every unique pattern; infinite for all right and all wrong, NaN without an answer.
    log_likelihood : float
        Joint, of these numbers, over the patterns with a finite ability.
    status : Status
        `not finite` when a slope or an ability runs off.
    cycles : int
    left_out : float
        Examinees whose ability is infinite, or who gave no answer.
    """

    params: TwoPLParams
    ability: Array
    log_likelihood: float
    status: Status
    cycles: int
    left_out: float


def joint_fit(patterns: Patterns, start: TwoPLParams | None = None, *, max_cycles: int = MAX_CYCLES) -> JointFit:
    """Joint maximum likelihood by turns.

    Parameters
    ----------
    patterns : Patterns
        See `em_reference.response_patterns.unique_patterns`; every item is answered right by some examinee of which
        not all answers are right, and wrong by some of which not all are wrong: else it has no estimate.
    start : TwoPLParams, optional
        Of the items; the logit of each item's share of right answers, and slopes of 1, when left out.
    max_cycles : int

    Returns
    -------
    JointFit
    """
    correct, answered = patterns.correct, patterns.answered
    answered = np.ones_like(correct) if answered is None else answered
    right = (correct * answered).sum(axis=1)
    inner = (right > 0) & (right < answered.sum(axis=1)) & (patterns.frequencies > 0)
    ability = np.where(answered.any(axis=1), np.where(right > 0, np.inf, -np.inf), np.nan)
    u, v, often = correct[inner], answered[inner], patterns.frequencies[inner]
    successes, attempts = often[:, None] * u * v, often[:, None] * v
    params, status, cycles = start or _shares(successes, attempts), Status.CYCLE_LIMIT, 0
    theta = np.zeros(len(u))
    # An item that no examinee of these got right, or all did, has none.
    exists = len(u) > 0 and bool(((successes.sum(axis=0) > 0) & ((attempts - successes).sum(axis=0) > 0)).all())
    while exists and cycles < max_cycles:
        cycles += 1
        theta = mode(u, v, *params, prior_precision=0.0).theta
        before = params
        theta, params = _standardised(theta, often, params)
        params = TwoPLParams(*newton(theta, successes, attempts, *params, tolerance=TOLERANCE))
        if not np.isfinite(theta).all() or np.abs(theta).max() > FURTHEST or np.abs(params.slope).max() > STEEPEST:
            exists = False
        elif max(np.abs(new - old).max() for new, old in zip(params, before, strict=True)) < TOLERANCE:
            status = Status.CONVERGED
            break
    ability[inner] = theta
    logits = params.intercept + params.slope * theta[:, None]
    with np.errstate(all="ignore"):
        log_likelihood = float((successes * logits - attempts * softplus(logits)).sum())
    left_out = float(patterns.frequencies[~inner].sum())
    return JointFit(params, ability, log_likelihood, status if exists else Status.NOT_FINITE, cycles, left_out)


def _shares(successes: Array, attempts: Array) -> TwoPLParams:
    """Slopes of 1, and the logit of every item's share of right answers."""
    right, wrong = successes.sum(axis=0) + 0.5, (attempts - successes).sum(axis=0) + 0.5
    return TwoPLParams(np.log(right / wrong), np.ones(len(right)))


def _standardised(theta: Array, often: Array, params: TwoPLParams) -> tuple[Array, TwoPLParams]:
    """Abilities with mean 0 and variance 1 over the examinees, and the items that give the same probabilities."""
    mean = np.average(theta, weights=often)
    spread = np.sqrt(np.average((theta - mean) ** 2, weights=often))
    return (theta - mean) / spread, TwoPLParams(params.intercept + params.slope * mean, params.slope * spread)
