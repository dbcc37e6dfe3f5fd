"""Poisson mixture: Hasselblad's estimate, and the E-step against enumeration."""

import numpy as np
import pytest
from scipy import stats

from em_reference import Status, StopRule, em
from em_reference.poisson_mixture import PoissonMixture, PoissonParams

DEATHS = np.arange(10)
DAYS = np.array([162, 267, 271, 185, 111, 61, 27, 8, 3, 1])
PARAMS = PoissonParams(np.array([0.3, 0.7]), np.array([1.0, 2.5]))


@pytest.fixture
def problem() -> PoissonMixture:
    return PoissonMixture(DEATHS, 2, DAYS)


def test_hasselblads_estimate_takes_thousands_of_cycles(problem: PoissonMixture) -> None:
    fit = em(problem, PARAMS, StopRule(1e-12, max_cycles=100_000), trace=True)
    assert fit.status == Status.CONVERGED
    assert 1_000 < fit.cycles < 20_000
    np.testing.assert_array_equal(np.round(fit.params.weight, 4), [0.3599, 0.6401])
    np.testing.assert_array_equal(np.round(fit.params.rate, 4), [1.2561, 2.6634])
    assert (np.diff(fit.trace.log_likelihood) >= -1e-10).all()


def test_the_default_rule_does_not_call_the_creeping_converged(problem: PoissonMixture) -> None:
    fit = em(problem, PARAMS, StopRule(1e-6, "change", max_cycles=100_000))
    honest = em(problem, PARAMS, StopRule(1e-6, max_cycles=100_000))
    exact = np.array([0.35988539699, 1.25609510122])
    assert np.abs([fit.params.weight[0], fit.params.rate[0]] - exact).max() > 1e-4
    assert np.abs([honest.params.weight[0], honest.params.rate[0]] - exact).max() < 2e-6


def test_e_step_equals_enumeration(problem: PoissonMixture) -> None:
    counts, log_likelihood, _ = problem.e_step(PARAMS)
    total, observations, sums = 0.0, np.zeros(2), np.zeros(2)
    for x in np.repeat(DEATHS, DAYS):
        joint = PARAMS.weight * stats.poisson.pmf(x, PARAMS.rate)
        total += np.log(joint.sum())
        observations += joint / joint.sum()
        sums += x * joint / joint.sum()
    assert log_likelihood == pytest.approx(total, rel=1e-12)
    np.testing.assert_allclose(counts.observations, observations, rtol=1e-12)
    np.testing.assert_allclose(counts.total, sums, rtol=1e-12)
    repeated = PoissonMixture(np.repeat(DEATHS, DAYS), 2).e_step(PARAMS)
    assert repeated.log_likelihood == pytest.approx(float(log_likelihood), rel=1e-13)


def test_starts_run_as_one_batch(problem: PoissonMixture) -> None:
    rng = np.random.default_rng(0)
    starts = PoissonParams(rng.dirichlet(np.ones(3), 4), rng.gamma(2.0, 1.0, (4, 3)))
    three = PoissonMixture(DEATHS, 3, DAYS)
    batch = em(three, starts, StopRule(1e-6, max_cycles=50))
    alone = em(three, PoissonParams(starts.weight[2], starts.rate[2]), StopRule(1e-6, max_cycles=50))
    np.testing.assert_allclose(batch.params.rate[2], alone.params.rate, rtol=1e-12)


def test_score_is_the_gradient(problem: PoissonMixture) -> None:
    gradient = np.concatenate(problem.score(problem.e_step(PARAMS).expected_counts, PARAMS))
    center, basis = np.concatenate(PARAMS), problem.free_directions()

    def value(x: np.ndarray) -> float:
        return float(problem.e_step(PoissonParams(x[:2], x[2:])).log_likelihood)

    numeric = [(value(center + 1e-6 * b) - value(center - 1e-6 * b)) / 2e-6 for b in basis.T]
    np.testing.assert_allclose(basis.T @ gradient, numeric, rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize("arguments", [([], 2), ([1.5], 2), ([-1], 2), ([1, 2], 0), ([1, 2], 2, [0, 0])])
def test_impossible_data_are_refused(arguments: tuple) -> None:
    with pytest.raises(ValueError, match="must be"):
        PoissonMixture(*arguments)
