"""Common slope: against scipy on LSAT-6, the M-step against a general optimiser."""

from pathlib import Path

import numpy as np
import pytest
from scipy import optimize

from em_reference import Status, StopRule, em
from em_reference.common_slope import CommonSlope, CommonSlopeParams, newton_step
from em_reference.quadrature import equally_spaced

ROWS = np.loadtxt(Path(__file__).parents[1] / "golden" / "lsat6.csv", delimiter=",", skiprows=1)
RESPONSES, FREQUENCIES = ROWS[:, :5], ROWS[:, 5]
PARAMS = CommonSlopeParams(np.array([0.5, -0.3, 0.2, 1.0, 2.0]), np.array([1.3]))


def negative_log_likelihood(x: np.ndarray) -> float:
    nodes, weights = equally_spaced()
    probability = 1 / (1 + np.exp(-(x[:5, None] + x[5] * nodes)))
    pattern = np.where(RESPONSES[:, :, None] == 1, probability, 1 - probability).prod(axis=1)
    return -float(FREQUENCIES @ np.log(pattern @ weights))


@pytest.fixture
def problem() -> CommonSlope:
    return CommonSlope(RESPONSES, FREQUENCIES)


def test_lsat6_is_what_scipy_finds(problem: CommonSlope) -> None:
    fit = em(problem, CommonSlopeParams(np.zeros(5), np.ones(1)), StopRule(1e-11), trace=True)
    assert fit.status == Status.CONVERGED
    assert (np.diff(fit.trace.log_likelihood) >= -1e-8).all()
    found = optimize.minimize(negative_log_likelihood, np.array([2.0, 1, 0, 1, 2, 0.5]), method="BFGS")
    assert -found.fun == pytest.approx(float(fit.log_likelihood), abs=1e-7)
    np.testing.assert_allclose(np.concatenate(fit.params[:2]), found.x, atol=1e-4)


def test_log_likelihood_equals_enumeration(problem: CommonSlope) -> None:
    assert problem.e_step(PARAMS).log_likelihood == pytest.approx(-negative_log_likelihood(np.concatenate(PARAMS)))


def test_m_step_is_the_maximum_of_q(problem: CommonSlope) -> None:
    counts = problem.e_step(PARAMS).expected_counts
    nodes = problem.two_pl.grid[0][:, None]

    def minus_q(x: np.ndarray) -> float:
        logits = x[:5] + x[5] * nodes
        return -float((counts.correct * logits - counts.examinees[:, None] * np.logaddexp(0, logits)).sum())

    moved = np.concatenate(problem.m_step(counts, PARAMS))
    found = optimize.minimize(minus_q, np.concatenate(PARAMS), method="BFGS", options={"gtol": 1e-5})
    np.testing.assert_allclose(moved, found.x, atol=1e-5)
    score = np.concatenate(problem.score(counts, CommonSlopeParams(moved[:5], moved[5:])))
    np.testing.assert_allclose(score, 0, atol=1e-9)


def test_newton_step_solves_the_arrow(problem: CommonSlope) -> None:
    counts, nodes = problem.e_step(PARAMS).expected_counts, problem.two_pl.grid[0]
    point = np.concatenate(PARAMS)
    step = newton_step(nodes, counts.correct[None], counts.examinees[None, :, None], point[None])[0]
    probability = 1 / (1 + np.exp(-(point[:5] + point[5] * nodes[:, None])))
    variance = counts.examinees[:, None] * probability * (1 - probability)
    information = np.diag([*variance.sum(axis=0), (nodes**2 @ variance).sum()])
    information[5, :5] = information[:5, 5] = nodes @ variance
    gradient = np.concatenate(problem.score(counts, PARAMS))
    np.testing.assert_allclose(step, np.linalg.solve(information, gradient), rtol=1e-9)


def test_starts_run_as_one_batch_and_missing_answers_are_left_out() -> None:
    responses = np.array([[1, 0, np.nan], [0, 1, 1], [1, 1, 0], [0, 0, 1], [1, np.nan, 1], [0, 1, 0]], dtype=float)
    problem = CommonSlope(responses)
    rng = np.random.default_rng(0)
    starts = CommonSlopeParams(rng.normal(size=(3, 3)), rng.normal(size=(3, 1)))
    batch = em(problem, starts, StopRule(max_cycles=5))
    alone = em(problem, CommonSlopeParams(starts.intercept[1], starts.slope[1]), StopRule(max_cycles=5))
    np.testing.assert_allclose(batch.params.intercept[1], alone.params.intercept, rtol=1e-10)
    np.testing.assert_allclose(batch.log_likelihood[1], alone.log_likelihood, rtol=1e-12)


def test_a_slope_of_0_is_never_left(problem: CommonSlope) -> None:
    fit = em(problem, CommonSlopeParams(np.zeros(5), np.zeros(1)))
    assert fit.log_likelihood == pytest.approx(-2493.4366971471, abs=1e-9)
    assert abs(fit.params.slope[0]) < 1e-12
