"""Bayesian network: the worked example of section 4.4, and every step against enumeration."""

from itertools import product

import numpy as np
import pytest

from em_reference import StopRule, em
from em_reference.bayes_net import BayesNet, NetworkCounts, NetworkParams
from em_reference.completions import complete, drawn_completions, impute
from em_reference.information import standard_errors
from em_reference.network import Network

NAN = np.nan
ARROW = Network((2, 2), ((), (0,)))
ROWS = np.array([[1, 1], [0, 1], [0, NAN], [NAN, 0]])
START = NetworkParams(np.array([0.5, 0.5, 0.8, 0.2, 0.4, 0.6]))


def random_network(rng: np.random.Generator, variables: int, most: int = 3) -> Network:
    """Up to three parents each, 2 to 4 states, in an order that is not that of the arrows."""
    order, parents = rng.permutation(variables), [()] * variables
    for place, child in enumerate(order):
        count = rng.integers(0, min(place, most) + 1)
        parents[child] = tuple(int(v) for v in rng.choice(order[:place], count, replace=False)) if count else ()
    return Network(tuple(int(k) for k in rng.integers(2, 5, variables)), tuple(parents))


def random_rows(rng: np.random.Generator, network: Network, size: int, missing: float) -> np.ndarray:
    rows = np.column_stack([rng.integers(0, states, size) for states in network.states]).astype(float)
    rows[rng.random(rows.shape) < missing] = NAN
    return rows


def random_params(rng: np.random.Generator, network: Network, *lead: int) -> NetworkParams:
    tables = rng.gamma(1, size=(*lead, network.size))
    return NetworkParams(tables / network.sums(tables))


def enumerated(problem: BayesNet, tables: np.ndarray) -> tuple[float, np.ndarray]:
    """Log-likelihood and expected family counts, completion by completion, without any code of the E-step."""
    network, total, counts = problem.network, 0.0, np.zeros(len(tables))
    rows = np.asarray(problem.rows)
    often = np.ones(len(rows)) if problem.frequencies is None else problem.frequencies
    for row, frequency in zip(rows, often, strict=True):
        if not frequency:
            continue
        found = []
        ranges = [range(k) if np.isnan(x) else [int(x)] for x, k in zip(row, network.states, strict=True)]
        for states in product(*ranges):
            taken = []
            for child, parents in enumerate(network.parents):
                place = 0
                for member in (*parents, child):
                    place = place * network.states[member] + states[member]
                taken.append(network.first[child] + place)
            found.append((np.prod(tables[taken]), taken))
        mass = sum(p for p, _ in found)
        total += frequency * np.log(mass)
        for p, taken in found:
            counts[taken] += frequency * p / mass
    return total, counts


def test_the_worked_example() -> None:
    problem = BayesNet(ARROW, ROWS)
    listed = complete(problem, START)
    assert listed.row.tolist() == [0, 1, 2, 2, 3, 3]
    assert listed.states.tolist() == [[1, 1], [0, 1], [0, 0], [0, 1], [0, 0], [1, 0]]
    np.testing.assert_allclose(listed.weight, [1, 1, 0.8, 0.2, 2 / 3, 1 / 3], rtol=1e-14)
    expectation = problem.e_step(START)
    after = problem.m_step(expectation.expected_counts, START).probability
    np.testing.assert_allclose(after[[1, 3, 5]], [1 / 3, 0.45, 0.75], rtol=1e-14)
    fit = em(problem, START, StopRule(1e-13))
    np.testing.assert_allclose(fit.params.probability[[1, 3, 5]], [1 / 4, 1 / 2, 1], atol=1e-11)
    assert fit.log_likelihood == pytest.approx(np.log(27 / 1024), abs=1e-11)


@pytest.mark.parametrize("seed", range(12))
def test_the_e_step_equals_enumeration(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(rng, int(rng.integers(1, 7)))
    rows = random_rows(rng, network, 25, rng.uniform(0, 0.6))
    rows[:, 0] = NAN if seed % 3 == 0 else rows[:, 0]
    often = rng.integers(0, 3, len(rows)).astype(float)
    problem, params = BayesNet(network, rows, often), random_params(rng, network, 2, 2)
    # Structural zeros: messages of minus infinity.
    params.probability[0, 0] = np.where(rng.random(network.size) < 0.2, 0.0, params.probability[0, 0])
    params.probability[0, 0] += (network.sums(params.probability[0, 0]) == 0) * 1.0
    params = NetworkParams(params.probability / network.sums(params.probability))
    with np.errstate(divide="ignore", invalid="ignore"):
        expectation = problem.e_step(params)
        wanted = [enumerated(problem, tables) for tables in params.probability.reshape(4, -1)]
    assert expectation.log_likelihood.shape == (2, 2)
    for number, (height, counts) in enumerate(wanted):
        ours = expectation.log_likelihood.ravel()[number]
        assert ours == pytest.approx(height, rel=1e-12, abs=1e-12)
        if np.isfinite(height):
            np.testing.assert_allclose(
                expectation.expected_counts.families.reshape(4, -1)[number], counts, rtol=1e-10, atol=1e-12
            )


@pytest.mark.parametrize("seed", range(6))
def test_completions_and_imputations_agree_with_enumeration(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(rng, 5)
    rows = random_rows(rng, network, 20, 0.5)
    problem, params = BayesNet(network, rows), random_params(rng, network)
    listed, imputed = complete(problem, params), impute(problem, params)
    counts = sum(
        np.bincount(network.entries(v, listed.states), weights=listed.weight, minlength=network.size) for v in range(5)
    )
    np.testing.assert_allclose(counts, enumerated(problem, params.probability)[1], rtol=1e-10, atol=1e-12)
    for row in range(len(rows)):
        own = listed.row == row
        best = listed.weight[own].argmax()
        assert imputed.states[row].tolist() == listed.states[own][best].tolist()
        assert imputed.probability[row] == pytest.approx(listed.weight[own][best], rel=1e-12)
    for row, variable, marginal in zip(imputed.row, imputed.variable, imputed.marginals, strict=True):
        own = listed.row == row
        shares = np.bincount(listed.states[own, variable], weights=listed.weight[own], minlength=len(marginal))
        np.testing.assert_allclose(marginal, shares, atol=1e-13)
    assert len(imputed.row) == np.isnan(rows).sum()


def test_of_equally_probable_completions_one_is_taken_as_a_whole() -> None:
    """B is always unlike A: the first state of both, each on its own as probable as the other, is impossible."""
    apart = NetworkParams(np.array([0.5, 0.5, 0.0, 1.0, 1.0, 0.0]))
    imputed = impute(BayesNet(ARROW, np.full((2, 2), NAN)), apart)
    assert imputed.states.sum(axis=1).tolist() == [1, 1]
    np.testing.assert_allclose(imputed.probability, 0.5)


def test_drawn_completions_have_the_right_shares() -> None:
    found = drawn_completions(BayesNet(ARROW, ROWS), START, 20_000, seed=3)
    assert found.shape == (20_000, 4, 2)
    assert (found[:, 0] == [1, 1]).all()
    assert (found[:, 2, 0] == 0).all()
    # Standard errors are .0028 and .0033.
    np.testing.assert_allclose([found[:, 2, 1].mean(), found[:, 3, 0].mean()], [0.2, 1 / 3], atol=0.014)
    np.testing.assert_array_equal(found, drawn_completions(BayesNet(ARROW, ROWS), START, 20_000, seed=3))
    assert (found != drawn_completions(BayesNet(ARROW, ROWS), START, 20_000, seed=4)).any()


def test_a_row_that_was_never_seen_is_imputed_too() -> None:
    problem = BayesNet(ARROW, ROWS, np.array([1.0, 1, 0, 1]))
    assert impute(problem, START).states.tolist() == [[1, 1], [0, 1], [0, 0], [0, 0]]


def test_twenty_open_entries_in_a_chain_are_no_2_to_the_20_terms() -> None:
    chain = Network((2,) * 20, ((), *((v,) for v in range(19))))
    problem = BayesNet(chain, np.full((1, 20), NAN))
    params = random_params(np.random.default_rng(1), chain, 3)
    assert sum(len(level.marginal) for level in problem.plan.levels) < 100
    counts, height, _ = problem.e_step(params)
    np.testing.assert_allclose(height, 0, atol=1e-14)
    # The last marginal by powers of the transition matrices.
    state = params.probability[0, :2]
    for first in chain.first[1:]:
        state = state @ params.probability[0, first : first + 4].reshape(2, 2)
    np.testing.assert_allclose(counts.families[0, -4:].reshape(2, 2).sum(axis=0), state, rtol=1e-12)


def test_a_thousand_children_do_not_underflow() -> None:
    star = Network((2,) * 1001, ((), *((0,) for _ in range(1000))))
    rng = np.random.default_rng(2)
    rows = np.column_stack([np.full(3, NAN), rng.integers(0, 2, (3, 1000))])
    problem, params = BayesNet(star, rows), random_params(rng, star)
    logs = np.log(params.probability)
    each = [
        logs[:2] + sum(logs[star.first[v] + int(row[v]) + np.array([0, 2])] for v in range(1, 1001)) for row in rows
    ]
    height = sum(np.logaddexp(*joint) for joint in each)
    assert height < -2000
    assert problem.e_step(params).log_likelihood == pytest.approx(height, rel=1e-13)


def test_what_is_too_large_is_refused_in_one_line() -> None:
    common = Network((2,) * 13, (*((),) * 12, tuple(range(12))))
    problem = BayesNet(common, np.array([[NAN] * 12 + [1.0]]), most_cells=1000)
    with pytest.raises(ValueError, match=r"takes tables of 4.1e\+03 cells, expected at most 1000"):
        problem.e_step(random_params(np.random.default_rng(0), common))


def test_the_posterior_mode_under_dirichlet_priors() -> None:
    alpha = np.array([2.0, 3, 1, 4, 2, 2])
    problem = BayesNet(ARROW, ROWS, prior=alpha)
    counts = NetworkCounts(np.array([3.0, 1, 2, 0, 0, 1]))
    after = problem.m_step(counts, START).probability
    np.testing.assert_allclose(after, [4 / 7, 3 / 7, 2 / 5, 3 / 5, 1 / 3, 2 / 3], rtol=1e-14)
    # 1 / B(2, 3) = 12, 1 / B(1, 4) = 4, 1 / B(2, 2) = 6.
    density = 12 * 0.5 * 0.25 * 4 * 0.2**3 * 6 * 0.4 * 0.6
    assert problem.e_step(START).log_prior == pytest.approx(np.log(density), rel=1e-13)


def test_a_configuration_without_counts_keeps_its_probabilities() -> None:
    problem = BayesNet(ARROW, np.array([[0.0, 1.0], [0.0, 0.0]]))
    after = problem.m_step(problem.e_step(START).expected_counts, START).probability
    assert after.tolist() == [1.0, 0.0, 0.5, 0.5, 0.4, 0.6]


def test_the_score_is_the_gradient_of_the_log_posterior() -> None:
    rng = np.random.default_rng(4)
    network = random_network(rng, 4)
    problem = BayesNet(network, random_rows(rng, network, 30, 0.3), prior=np.full(network.size, 1.7))
    params = random_params(rng, network)
    score = problem.score(problem.e_step(params).expected_counts, params).probability @ network.directions
    steps = 1e-6 * network.directions.T
    up, down = (problem.e_step(NetworkParams(params.probability + sign * steps)).objective for sign in (1, -1))
    np.testing.assert_allclose(score, (up - down) / 2e-6, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(network.directions.T @ network.directions, np.eye(len(steps)), atol=1e-12)


def test_standard_errors_of_complete_data_are_binomial() -> None:
    rows = np.array([[0.0, 0], [0, 1], [0, 1], [1, 0], [1, 1], [1, 1], [1, 1], [1, 0]])
    problem = BayesNet(ARROW, rows)
    found = standard_errors(problem, em(problem, START).params).probability
    np.testing.assert_allclose(found[[0, 3, 4]], np.sqrt([3 / 8 * 5 / 8 / 8, 2 / 9 / 3, 6 / 25 / 5]), rtol=1e-6)


def test_no_cycle_falls_and_accelerated_em_ends_at_the_same_point() -> None:
    rng = np.random.default_rng(6)
    network = random_network(rng, 5, most=2)
    problem = BayesNet(network, random_rows(rng, network, 60, 0.3))
    start = random_params(rng, network, 5)
    plain = em(problem, start, StopRule(1e-9, max_cycles=5000), trace=True)
    assert (np.diff(plain.trace.log_likelihood, axis=0) >= -1e-9).all()
    fast = em(problem, start, StopRule(1e-9, max_cycles=5000), accelerate=True)
    np.testing.assert_allclose(fast.log_likelihood, plain.log_likelihood, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ((ARROW, np.zeros((0, 2))), "one column for each of the 2 variables"),
        ((ARROW, np.array([[0.0, 2.0]])), "whole numbers from 0 and below the number of states"),
        ((ARROW, np.array([[0.0, 0.5]])), "whole numbers"),
        ((ARROW, ROWS, np.array([1.0, -1, 1, 1])), "not negative"),
        ((ARROW, ROWS, np.zeros(4)), "add up to more than 0"),
        ((ARROW, ROWS, None, np.ones(3)), "must have 6 entries"),
        ((ARROW, ROWS, None, np.full(6, 0.5)), "at least 1"),
    ],
)
def test_impossible_data(arguments: tuple, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        BayesNet(*arguments)


@pytest.mark.parametrize(
    ("states", "parents", "fault"),
    [
        ((2, 1), ((), ()), "1 state"),
        ((2, 2), ((),), "1 lists of parents"),
        ((2, 2), ((), (0, 0)), "different variables"),
        ((2, 2), ((), (5,)), "different variables"),
        ((2, 2, 2), ((2,), (0,), (1,)), "circle: 0 -> 1 -> 2 -> 0|circle: .*->"),
    ],
)
def test_impossible_networks(states: tuple, parents: tuple, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        Network(states, parents)
