"""Joint maximum likelihood: a stationary point of the joint likelihood, in the unit of the examinees."""

from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from em_reference.em import Status
from em_reference.joint import JointFit, joint_fit
from em_reference.response_patterns import Patterns, unique_patterns
from em_reference.two_pl import TwoPLParams

LSAT6 = np.loadtxt(Path(__file__).parents[1] / "golden" / "lsat6.csv", delimiter=",", skiprows=1)
ITEMS, EXAMINEES = 30, 150


@pytest.fixture(scope="module")
def patterns() -> Patterns:
    rng = np.random.default_rng(8)
    slope, intercept, theta = rng.uniform(0.6, 1.4, ITEMS), rng.normal(size=ITEMS), rng.normal(size=EXAMINEES)
    right = rng.random((EXAMINEES, ITEMS)) < 1 / (1 + np.exp(-(intercept + theta[:, None] * slope)))
    answers = np.where(rng.random(right.shape) < 0.05, np.nan, right.astype(float))
    answers[0], answers[1], answers[2] = 1.0, 0.0, np.nan
    return unique_patterns(answers, np.where(np.arange(EXAMINEES) % 10 == 5, 2.0, 1.0))


@pytest.fixture(scope="module")
def fit(patterns: Patterns) -> JointFit:
    return joint_fit(patterns)


def joint_log_likelihood(patterns: Patterns, ability: np.ndarray, intercept: np.ndarray, slope: np.ndarray) -> float:
    """Term by term, from the definition."""
    total = 0.0
    for j, theta in enumerate(ability):
        for i in range(len(slope)):
            if patterns.answered[j, i] and np.isfinite(theta):
                p = 1 / (1 + np.exp(-(intercept[i] + slope[i] * theta)))
                total += patterns.frequencies[j] * np.log(p if patterns.correct[j, i] else 1 - p)
    return total


def test_it_is_a_stationary_point_of_the_joint_likelihood(patterns: Patterns, fit: JointFit) -> None:
    assert fit.status is Status.CONVERGED
    inside = np.isfinite(fit.ability)

    def height(x: np.ndarray) -> float:
        ability = fit.ability.copy()
        ability[inside] = x[2 * ITEMS :]
        return joint_log_likelihood(patterns, ability, x[:ITEMS], x[ITEMS : 2 * ITEMS])

    x = np.concatenate([fit.params.intercept, fit.params.slope, fit.ability[inside]])
    assert height(x) == pytest.approx(fit.log_likelihood, rel=1e-12)
    assert np.abs(approx_fprime(x, height, 1e-6)).max() < 1e-3
    assert np.abs(approx_fprime(x + 0.01, height, 1e-6)).max() > 0.1


def test_the_unit_of_ability_is_that_of_the_examinees(patterns: Patterns, fit: JointFit) -> None:
    inside = np.isfinite(fit.ability)
    often = patterns.frequencies[inside]
    assert np.average(fit.ability[inside], weights=often) == pytest.approx(0, abs=1e-5)
    assert np.average(fit.ability[inside] ** 2, weights=often) == pytest.approx(1, abs=1e-5)


def test_who_says_nothing_is_left_out(patterns: Patterns, fit: JointFit) -> None:
    infinite = patterns.frequencies[~np.isfinite(fit.ability)].sum()
    assert fit.left_out == infinite == 3
    right = patterns.correct.sum(axis=1)
    assert fit.ability[right == ITEMS] == np.inf
    assert sorted(fit.ability[right == 0])[0] == -np.inf
    assert np.isnan(fit.ability).sum() == 1


def test_a_mirrored_start_ends_at_the_mirror_image(patterns: Patterns, fit: JointFit) -> None:
    other = joint_fit(patterns, TwoPLParams(fit.params.intercept, -fit.params.slope))
    np.testing.assert_allclose(other.params.slope, -fit.params.slope, atol=1e-5)
    np.testing.assert_allclose(other.params.intercept, fit.params.intercept, atol=1e-5)


def test_with_five_items_a_slope_grows_without_limit() -> None:
    fit = joint_fit(unique_patterns(LSAT6[:, :5], LSAT6[:, 5]))
    assert fit.status is Status.NOT_FINITE
    # Those with all five right, and those with none.
    assert fit.left_out == 301


def test_an_item_that_tells_no_one_apart_has_no_estimate(patterns: Patterns) -> None:
    responses = np.array([[1.0, 0, 1, 0], [1, 1, 0, 0], [1, 0, 0, 1], [0, 0, 0, 0]])
    fit = joint_fit(unique_patterns(responses, None))
    assert (fit.status, fit.cycles) == (Status.NOT_FINITE, 0)


def test_a_limit_of_cycles_is_no_convergence(patterns: Patterns) -> None:
    assert joint_fit(patterns, max_cycles=2).status is Status.CYCLE_LIMIT
