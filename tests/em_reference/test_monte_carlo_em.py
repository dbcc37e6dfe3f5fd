"""Monte Carlo EM of Bayesian networks: within its own error of the exact one."""

import numpy as np
import pytest

from em_reference import Status, StopRule, em
from em_reference.bayes_net import BayesNet, NetworkParams
from em_reference.monte_carlo_em import SampledNet, monte_carlo_em
from em_reference.network import Network

NAN = np.nan
ARROW = Network((2, 2), ((), (0,)))
ROWS = np.array([[1, 1], [0, 1], [0, NAN], [NAN, 0]])
START = NetworkParams(np.array([0.5, 0.5, 0.8, 0.2, 0.4, 0.6]))


def tables(network: Network, seed: int) -> np.ndarray:
    found = np.random.default_rng(seed).gamma(2, size=network.size)
    return found / network.sums(found)


@pytest.fixture(scope="module")
def diamond() -> BayesNet:
    """Four variables in a diamond, with children: 40 rows, a third of the entries missing, one row without any."""
    network = Network((2, 3, 2, 2, 2), ((), (0,), (0,), (1, 2), (3,)))
    rng = np.random.default_rng(8)
    rows = np.column_stack([rng.integers(0, k, 40) for k in network.states]).astype(float)
    rows[rng.random(rows.shape) < 1 / 3] = NAN
    rows[0] = NAN
    return BayesNet(network, rows, rng.integers(1, 4, 40).astype(float), prior=np.full(network.size, 2.0))


def test_sampled_counts_are_exact_but_for_noise_that_shrinks_with_the_root_of_the_draws(diamond: BayesNet) -> None:
    given = tables(diamond.network, 1)
    exact = diamond.e_step(NetworkParams(given)).expected_counts.families
    sampled, runs = SampledNet(diamond), NetworkParams(np.repeat(given[None], 20, axis=0))
    spread = []
    for draws in (100, 1600):
        drawn = sampled.e_step(runs, draws, np.random.default_rng(3))
        assert drawn.lost == 0
        found = drawn.counts.families
        # The tables of every variable hold all rows.
        np.testing.assert_allclose(found.sum(axis=1), 5 * diamond.frequencies.sum(), rtol=1e-12)
        spread.append(found.std(axis=0, ddof=1))
        assert (np.abs(found.mean(axis=0) - exact) < 5 * spread[-1] / np.sqrt(20) + 20 / draws).all()
    assert 3 < np.median(spread[0] / spread[1]) < 5.3


def test_it_ends_within_its_own_error_of_the_exact_one(diamond: BayesNet) -> None:
    start = NetworkParams(tables(diamond.network, 2))
    fit = monte_carlo_em(diamond, start, seed=4, error=5e-3)
    exact = em(diamond, start, StopRule(1e-10, max_cycles=5000)).params.probability
    assert fit.status == Status.CONVERGED
    assert 0 < fit.error.max() <= 5e-3
    assert (np.abs(fit.params.probability - exact) < 5 * fit.error + 1e-9).all()
    np.testing.assert_allclose(diamond.network.sums(fit.params.probability), 1, rtol=1e-12)


def test_draws_grow_until_the_error_is_small() -> None:
    problem = BayesNet(ARROW, ROWS, prior=np.full(6, 2.0))
    rough, fine = (monte_carlo_em(problem, START, error=error) for error in (2e-2, 2e-3))
    assert fine.draws > rough.draws >= 50
    exact = em(problem, START, StopRule(1e-12)).params.probability
    assert np.abs(fine.params.probability - exact).max() < 0.01
    again = monte_carlo_em(problem, START, error=2e-3)
    np.testing.assert_array_equal(again.params.probability, fine.params.probability)
    other = monte_carlo_em(problem, START, error=2e-3, seed=1)
    assert np.abs(other.params.probability - fine.params.probability).max() > 0


def test_rows_that_no_elimination_could_take() -> None:
    """Every two of 24 hidden causes share an effect that is seen: tables of 2^23 cells by elimination."""
    pairs = [(one, other) for one in range(24) for other in range(one)]
    network = Network((2,) * (24 + len(pairs)), (*((),) * 24, *pairs))
    rows = np.column_stack([np.full((3, 24), NAN), np.random.default_rng(1).integers(0, 2, (3, len(pairs)))])
    problem = BayesNet(network, rows, prior=np.full(network.size, 5.0))
    start = NetworkParams(tables(network, 3))
    with pytest.raises(ValueError, match="expected at most 1048576"):
        problem.e_step(start)
    fit = monte_carlo_em(problem, start, draws=20, max_draws=20, max_cycles=3)
    assert np.isfinite(fit.params.probability).all()
    assert fit.status == Status.CYCLE_LIMIT


def test_rows_that_no_draw_explains_are_counted() -> None:
    certain = NetworkParams(np.array([[1.0, 0.0, 1.0, 0.0, 1.0, 0.0]] * 2))
    drawn = SampledNet(BayesNet(ARROW, np.array([[NAN, 1.0], [NAN, 0.0]]))).e_step(certain, 5, np.random.default_rng(0))
    assert drawn.lost == 2
    np.testing.assert_allclose(drawn.counts.families, [[1, 0, 1, 0, 0, 0]] * 2)


def test_no_runs_or_draws_are_refused() -> None:
    with pytest.raises(ValueError, match="1 runs with 50 draws, expected at least 2 and 1"):
        monte_carlo_em(BayesNet(ARROW, ROWS), START, runs=1)
