"""Rasch difficulties as other methods have them: conditional, joint and marginal ML, in the metrics of packages.

    P(right) = 1 / (1 + exp(-(theta - delta_i)))

marginal     theta normal, variance free: delta = -d of the model with a common slope, slopes 1. With the variance fixed
             at 1 it is another, narrower model.
conditional  the likelihood given the raw scores r, with elementary symmetric functions gamma of eps = exp(-delta):
             - sum_i s_i delta_i - sum_r n_r log gamma_r                      (Andersen 1972)
joint        abilities as parameters too, one per raw score (0 and all right have none). For few items the
             difficulties come out too far apart; I / (I - 1) is the usual correction (Wright and Panchapakesan 1969).

Only differences of difficulties are determined by the last two: packages let them add up to 0, or set one to 0.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from comparisons.case import Array, Case
from em_reference.common_slope import CommonSlope, CommonSlopeParams
from em_reference.em import StopRule, em
from em_reference.two_pl import TwoPL, TwoPLParams

# Digits beside which a maximum is known; what packages reach is coarser.
CYCLES = StopRule(tolerance=1e-9, max_cycles=5000)
STEPS = 200
SETTLED = 1e-10
# Difficulties further from a method than this, beyond rounding, are not taken for its own.
NEAR = 0.02
# A method is named if no other is this many times as close.
AS_CLOSE = 2.0
CONVERGED = 2e-4


class Method(NamedTuple):
    """Difficulties by one method.

    Attributes
    ----------
    name : str
    difficulties : array (I,)
    fixed : bool
        Whether their origin is determined: the mean of ability is 0.
    """

    name: str
    difficulties: Array
    fixed: bool = False


def conditional(right: Array, scores: Array) -> Array:
    """Difficulties that add up to 0, by conditional ML.

    Parameters
    ----------
    right : array (I,)
        How many answered an item correctly, of those with neither none nor all right.
    scores : array (I + 1,)
        How many have each raw score.
    """
    inner = np.arange(1, len(right))
    weight = scores[inner] / scores[inner].sum()
    share = right / scores[inner].sum()

    def loss(delta: Array) -> tuple[float, Array]:
        eps = np.exp(-(delta - delta.mean()))
        gamma = symmetric(eps)[inner]
        # Expected share of right answers: eps_i gamma_{r-1} of the other items over gamma_r.
        others = np.array([symmetric(np.delete(eps, i))[inner - 1] for i in range(len(eps))])
        expected = (weight * eps[:, None] * others / gamma).sum(axis=1)
        return float(share @ (delta - delta.mean()) + weight @ np.log(gamma)), share - expected

    found = minimize(loss, np.zeros(len(right)), jac=True, method="BFGS", options={"gtol": 1e-9, "maxiter": 1000}).x
    return found - found.mean()


def symmetric(eps: Array) -> Array:
    """Elementary symmetric functions gamma_0, ..., gamma_I."""
    gamma = np.ones(1)
    for value in eps:
        gamma = np.append(gamma, 0.0) + value * np.append(0.0, gamma)
    return gamma


def joint(right: Array, scores: Array) -> Array:
    """Difficulties that add up to 0, by joint ML; arguments as of `conditional`."""
    inner = np.arange(1, len(right))
    count = scores[inner]
    seen = count > 0
    inner, count = inner[seen], count[seen]
    theta, delta = np.log(inner / (len(right) - inner)), np.zeros(len(right))
    for _ in range(STEPS):
        probability = expit(theta[:, None] - delta)
        spread = probability * (1 - probability)
        theta_step = (inner - probability.sum(axis=1)) / spread.sum(axis=1)
        theta = theta + np.clip(theta_step, -1, 1)
        probability = expit(theta[:, None] - delta)
        spread = probability * (1 - probability)
        delta_step = (count @ probability - right) / (count @ spread)
        delta = delta + np.clip(delta_step, -1, 1)
        delta = delta - delta.mean()
        if max(np.abs(theta_step).max(), np.abs(delta_step).max()) < SETTLED:
            break
    return delta


def methods(case: Case) -> list[Method]:
    """Difficulties of the data of a case by every method; those that need complete answers only with such."""
    problem: Any = getattr(case.em, "two_pl", case.em)
    free = _free_variance(problem)
    found = [
        Method(f"marginal ML with slopes of 1 and a free variance of ability ({free[1] ** 2:.4g})", -free[0], True),
        Method("marginal ML with slopes of 1 and abilities of variance 1", -_variance_one(problem), True),
    ]
    correct, answered, frequencies, _ = problem.patterns
    total = correct.sum(axis=1).astype(int)
    inner = (total > 0) & (total < correct.shape[1])
    scores = np.bincount(total, weights=frequencies, minlength=correct.shape[1] + 1).astype(float)
    right = frequencies[inner] @ correct[inner]
    if answered is not None or (right == 0).any() or (right == scores[1:-1].sum()).any():
        return found
    items = correct.shape[1]
    by_joint = joint(right, scores)
    return [
        *found,
        Method("conditional ML (CML)", conditional(right, scores)),
        Method("joint ML (JML)", by_joint),
        Method(f"joint ML (JML) times {items - 1}/{items}", by_joint * (items - 1) / items),
    ]


def _free_variance(problem: TwoPL) -> tuple[Array, float]:
    """Intercepts and slope of the model with a common slope; the slope is the standard deviation of ability."""
    model = CommonSlope(problem.responses, problem.frequencies, problem.nodes, problem.weights)
    items = np.asarray(problem.responses).shape[1]
    params = em(model, CommonSlopeParams(np.zeros(items), np.ones(1)), CYCLES, accelerate=True).params
    return params.intercept, float(params.slope[0])


def _variance_one(problem: TwoPL) -> Array:
    """Intercepts with all slopes fixed at 1."""
    items = np.asarray(problem.responses).shape[1]
    total = problem.patterns.frequencies.sum()

    def loss(d: Array) -> tuple[float, Array]:
        params = TwoPLParams(d, np.ones(items))
        expected = problem.e_step(params)
        score = problem.score(expected.expected_counts, params).intercept
        return -float(expected.log_likelihood) / total, -score / total

    found: Array = minimize(loss, np.zeros(items), jac=True, method="BFGS", options={"gtol": 1e-9}).x
    return found


def one_slope(case: Case, d: Array, slope: float, half_unit: Array, half_slope: float) -> str | None:
    """Whether intercepts and a slope are the maximum of the model with a common slope."""
    problem: Any = getattr(case.em, "two_pl", case.em)
    there = _free_variance(problem)
    off = max(float(np.abs(d - there[0]).max()), abs(slope - there[1]))
    if (np.abs(d - there[0]) > half_unit + NEAR).any() or abs(slope - there[1]) > half_slope + NEAR:
        return None
    within = (np.abs(d - there[0]) <= half_unit + CONVERGED).all() and abs(slope - there[1]) <= half_slope + CONVERGED
    how = "to the digits given" if within else f"within {off:.2g}"
    return f"marginal ML with one slope for all and abilities of variance 1 (the family common-slope), {how}"


def named(case: Case, difficulties: Array, half_unit: Array) -> str | None:
    """The method whose difficulties these are, with slopes of 1, and how they are centred; None when none is near.

    Difficulties may have an origin of their own, and be easinesses.
    """
    fits = []
    for method in methods(case):
        for sign, what in ((1.0, "difficulties"), (-1.0, "easinesses (difficulties with the other sign)")):
            apart = sign * difficulties - method.difficulties
            shift = 0.0 if method.fixed and np.abs(apart).max() <= NEAR + half_unit.max() else apart.mean()
            off = np.abs(apart - shift)
            within = bool((off <= half_unit + CONVERGED).all())
            if (off <= half_unit + NEAR).all():
                fits.append(
                    (float(off.max()), within, f"{what} of {method.name}{_centred(method, shift, sign * difficulties)}")
                )
    if not fits:
        return None
    fits.sort()
    best = fits[0]
    as_close = max(AS_CLOSE * best[0], half_unit.max())
    alike = [words for off, _, words in fits[1:] if off <= as_close]
    how = "to the digits given" if best[1] else f"within {best[0]:.2g}"
    return f"{' or '.join([best[2], *alike])}, {how}"


def _centred(method: Method, shift: float, difficulties: Array) -> str:
    """How the origin was chosen."""
    if method.fixed and shift == 0:
        return ""
    if abs(difficulties.mean()) <= CONVERGED + NEAR / 10:
        return " that add up to zero"
    zero = [place for place in (0, len(difficulties) - 1) if difficulties[place] == 0]
    if zero:
        return f" with the {'first' if zero[0] == 0 else 'last'} item's at zero"
    return f" moved by {shift:.4g}"
