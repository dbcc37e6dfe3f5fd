"""Mistakes in the EM of item response models."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
from scipy.special import expit, log_expit, softmax

from comparisons.case import Array, Case, Natural

Cycle = Callable[[Natural, float], Natural]
# Floors of a probability that people use, and logits beyond which it is cut off.
FLOORS = (0.25, 0.2, 0.05, 0.01, 1e-3, 1e-4, 1e-5, 1e-6)
NEWTON_STEPS = 20
ATTEMPTS = "the attempts at an item are those of all examinees, who did not answer it included"
LOGITS = (4.0, 5.0, 6.0, 8.0, 10.0)


def item_mistakes(data: dict[str, Any], rebind: Callable[[dict[str, Any]], Case]) -> dict[str, Cycle]:
    """Wrong probabilities of an answer in the E-step, difficulties taken for intercepts, wrong scales."""
    responses, often = data["responses"], data["frequencies"]
    nodes, weights = data["nodes"], data["weights"]
    answered = (~np.isnan(responses)).astype(float)
    right = np.nan_to_num(responses)
    # Bound when it is needed first: binding asks for the mistakes.
    bound = cache(lambda: rebind(data))

    def e_step(log_right: Callable[[Array], Array], log_wrong: Callable[[Array], Array]) -> Cycle:
        """A cycle whose E-step has other probabilities of a right and of a wrong answer, by the logit (K, I)."""

        def one(natural: Natural, amount: float) -> Natural:
            logit = natural["d"] + natural["a"] * nodes[:, None]
            by_node = right @ log_right(logit).T + (answered - right) @ log_wrong(logit).T
            posterior = often[:, None] * softmax(by_node + np.log(weights), axis=1)
            case = bound()
            params = case.to_em(natural)
            counts = case.em.e_step(params).expected_counts
            attempts = None if counts.attempts is None else posterior.T @ answered
            changed = counts._replace(examinees=posterior.sum(axis=0), correct=posterior.T @ right, attempts=attempts)
            return case.from_em(case.em.m_step(changed, params))

        return one

    def after(change: Callable[[Natural, Natural], Natural]) -> Cycle:
        return lambda natural, _: change(bound().one_cycle(natural), natural)

    def scaled(natural: Natural, amount: float) -> Natural:
        """The E-step with logits that are so many times as large, the M-step without."""
        return e_step(lambda logit: log_expit(amount * logit), lambda logit: log_expit(-amount * logit))(
            natural, amount
        )

    def before(natural: Natural, _: float) -> Natural:
        """Intercepts of the E-step made of difficulties without the slope."""
        return bound().one_cycle({**natural, "d": natural["d"] / natural["a"]})

    def on_mean_abilities(natural: Natural, _: float) -> Natural:
        """Answers regressed on the posterior mean of every pattern."""
        logit = natural["d"] + natural["a"] * nodes[:, None]
        by_node = right @ log_expit(logit).T + (answered - right) @ log_expit(-logit).T
        ability = softmax(by_node + np.log(weights), axis=1) @ nodes
        d, a = _regressions(often[:, None] * answered, often[:, None] * right, ability)
        return {"d": d, "a": a if len(natural["a"]) > 1 else a.mean(keepdims=True)}

    def own_slopes(natural: Natural, _: float) -> Natural:
        """A slope for every item, then their mean."""
        case = bound()
        counts = case.em.e_step(case.to_em(natural)).expected_counts
        taken = np.broadcast_to(counts.examinees[:, None], counts.correct.shape)
        taken = taken if counts.attempts is None else counts.attempts
        d, a = _regressions(taken, counts.correct, nodes)
        new = case.one_cycle(natural)
        return {"d": _given_slope(d, a.mean(), taken, counts.correct, nodes), "a": np.full_like(new["a"], a.mean())}

    def expanded(new: Natural, natural: Natural) -> Natural:
        """Parameter expansion: the variance of ability is freed and put into the slopes."""
        case = bound()
        examinees = case.em.e_step(case.to_em(natural)).expected_counts.examinees
        return {**new, "a": new["a"] * np.sqrt(examinees @ nodes**2 / examinees.sum())}

    def turned(new: Natural, _: Natural) -> Natural:
        """The ability axis turned, and the intercepts with it."""
        return {name: -values for name, values in new.items()} if new["a"].mean() < 0 else new

    def all_attempts(natural: Natural, _: float) -> Natural:
        case = bound()
        params = case.to_em(natural)
        counts = case.em.e_step(params).expected_counts
        return case.from_em(case.em.m_step(counts._replace(attempts=None), params))

    found: dict[str, Cycle] = {
        **({} if answered.all() else {ATTEMPTS: all_attempts}),
        "intercepts are turned along with the slopes where these are negative": after(turned),
        "answers are regressed on mean abilities, as if these were known": on_mean_abilities,
        "every item has a slope of its own, then their mean is taken": own_slopes,
        "the variance of ability is put into the slopes, although the nodes fix it": after(expanded),
        "wrong answers are left out of the probability of a pattern": e_step(log_expit, np.zeros_like),
        "right answers are left out of the probability of a pattern": e_step(
            np.zeros_like, lambda logit: log_expit(-logit)
        ),
        "the logit is multiplied by {amount} in the E-step and not in the M-step": scaled,
        "difficulties b = -d / a are returned for intercepts": after(lambda new, _: {**new, "d": -new["d"] / new["a"]}),
        "the difficulty is turned into the intercept without the slope, d = -b": after(
            lambda new, _: {**new, "d": new["d"] / new["a"]}
        ),
        "the intercept d is taken for the difficulty b in the E-step": before,
    }
    for floor in FLOORS:
        floored = f"probabilities below {floor:g} are set to {floor:g}: a floor, as for guessing, or a clip"
        found[floored] = e_step(*_with_probability(partial(_clipped, floor, 1.0)))
        clipped = f"probabilities are clipped to [{floor:g}, {1 - floor:g}]"
        found[clipped] = e_step(*_with_probability(partial(_clipped, floor, 1 - floor)))
        guessed = f"a guessing probability of {floor:g} stands in the E-step"
        found[guessed] = e_step(*_with_probability(partial(_guessed, floor)))
    for limit in LOGITS:
        found[f"logits are cut off at {limit:g}"] = e_step(*_with_probability(partial(_cut, limit)))
    return found


def _regressions(taken: Array, right: Array, ability: Array) -> tuple[Array, Array]:
    """Intercept and slope of every item by Newton's method; `taken` and `right` are (abilities, items)."""
    d, a = np.zeros(taken.shape[1]), np.zeros(taken.shape[1])
    for _ in range(NEWTON_STEPS):
        p = expit(d + a * ability[:, None])
        variance, left = taken * p * (1 - p), right - taken * p
        s0, s1, s2 = variance.sum(axis=0), ability @ variance, ability**2 @ variance
        g0, g1 = left.sum(axis=0), ability @ left
        determinant = s0 * s2 - s1**2
        d, a = d + (s2 * g0 - s1 * g1) / determinant, a + (s0 * g1 - s1 * g0) / determinant
    return d, a


def _given_slope(d: Array, slope: float, taken: Array, right: Array, ability: Array) -> Array:
    """The intercepts that belong to one slope."""
    for _ in range(NEWTON_STEPS):
        p = expit(d + slope * ability[:, None])
        d = d + (right - taken * p).sum(axis=0) / (taken * p * (1 - p)).sum(axis=0)
    return d


def _with_probability(
    probability: Callable[[Array], Array],
) -> tuple[Callable[[Array], Array], Callable[[Array], Array]]:
    """Logarithms of the probabilities of a right and of a wrong answer, by the logit."""
    return lambda logit: np.log(probability(logit)), lambda logit: np.log1p(-probability(logit))


def _clipped(low: float, high: float, logit: Array) -> Array:
    return np.clip(expit(logit), low, high)


def _guessed(chance: float, logit: Array) -> Array:
    return np.asarray(chance + (1 - chance) * expit(logit))


def _cut(limit: float, logit: Array) -> Array:
    return np.asarray(expit(np.clip(logit, -limit, limit)))
