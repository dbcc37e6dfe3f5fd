"""The worked example number by number, and the E- and M-step against enumeration."""

import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize, stats

from em_reference import CoinMixture, Status, StopRule, em
from em_reference.coin_mixture import CoinParams
from em_reference.priors import Beta, Dirichlet

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "coins.json").read_text(), parse_float=Decimal)


def numbers(nested):
    return np.array(nested, dtype=float)


def assert_printed(values, printed):
    """Each value rounds to the printed number, to as many decimals as were printed (7 with zeros dropped)."""
    printed = np.array(printed, dtype=object)
    decimals = max(-Decimal(str(cell)).as_tuple().exponent for cell in printed.ravel())
    np.testing.assert_array_equal(np.round(values, decimals), printed.astype(float))


@pytest.fixture
def problem():
    return CoinMixture(GOLDEN["heads"], GOLDEN["flips_per_sequence"], 3)


@pytest.fixture
def start():
    return CoinParams(numbers(GOLDEN["start"]["weights"]), numbers(GOLDEN["start"]["phi"]))


def test_first_observation(problem, start):
    golden = GOLDEN["first_observation"]
    first = problem.outcomes.outcome_of_sequence[0]
    assert problem.outcomes.heads[first] == golden["x"]
    likelihood = np.exp(problem.log_component_probabilities(start)[first])
    assert_printed(likelihood, golden["likelihood"])
    assert_printed(start.weight * likelihood, golden["joint"])
    assert_printed(problem.responsibilities(start)[0][first], golden["posterior"])


def test_table_6_1_posteriors(problem, start):
    table = GOLDEN["table_6_1_posteriors"]["rows"]
    assert problem.outcomes.heads.tolist() == [row[0] for row in table]
    assert problem.outcomes.frequencies.tolist() == [row[1] for row in table]
    assert_printed(problem.responsibilities(start)[0], [row[2:] for row in table])


def test_expected_component_counts(problem, start):
    counts = problem.e_step(start).expected_counts
    assert_printed(counts.sequences, GOLDEN["expected_component_counts"])
    assert counts.sequences.sum() == pytest.approx(20, abs=1e-12)


def test_table_6_2_expected_outcome_counts(problem, start):
    gamma = problem.responsibilities(start)[0]
    table = GOLDEN["table_6_2_expected_outcome_counts"]["rows"]
    assert_printed(problem.outcomes.frequencies[:, None] * gamma, [row[1:] for row in table])


def test_table_6_3_expected_heads(problem, start):
    assert_printed(problem.e_step(start).expected_counts.heads, GOLDEN["table_6_3_expected_heads"])


def test_weights_after_cycle_1(problem, start):
    moved = problem.m_step(problem.e_step(start).expected_counts, start)
    assert_printed(moved.weight, GOLDEN["weights_after_cycle_1"])
    assert moved.weight.sum() == pytest.approx(1, abs=1e-15)


def test_table_6_4_bias_after_cycle_1(problem, start):
    fit = em(problem, start, StopRule(max_cycles=1))
    assert fit.status == Status.CYCLE_LIMIT
    assert_printed(fit.params.bias, GOLDEN["table_6_4_phi_after_cycle_1"])


def test_worked_example_ends_on_the_ridge(problem, start):
    fit = em(problem, start, StopRule(1e-10, max_cycles=100_000))
    assert fit.log_likelihood == pytest.approx(-35.1526058325, abs=1e-10)
    np.testing.assert_allclose(fit.params.bias, 0.415, atol=1e-6)
    assert problem.e_step(fit.params).log_likelihood == fit.log_likelihood


def test_two_coins_with_known_weights():
    problem = CoinMixture([5, 9, 8, 4, 7], 10, 2, fixed_weight=[0.5, 0.5])
    half = np.array([0.5, 0.5])
    fit = em(problem, CoinParams(half, np.array([0.6, 0.5])), StopRule(1e-12))
    np.testing.assert_allclose(fit.params.bias, [0.7967890669, 0.5195831201], atol=1e-10)
    np.testing.assert_array_equal(fit.params.weight, half)
    saddle = em(problem, CoinParams(half, np.array([0.3, 0.3])), StopRule(1e-12))
    np.testing.assert_allclose(saddle.params.bias, 0.66, atol=1e-12)


def random_problem(seed, **settings):
    rng = np.random.default_rng(seed)
    flips = rng.integers(3, 12, 15)
    heads = rng.binomial(flips, rng.beta(1, 1, 15))
    frequencies = rng.integers(0, 4, 15)
    params = CoinParams(rng.dirichlet(np.ones(3)), rng.random(3))
    return CoinMixture(heads, flips, 3, frequencies=frequencies, **settings), heads, flips, frequencies, params


def test_e_step_equals_row_by_row_enumeration():
    problem, heads, flips, frequencies, params = random_problem(1)
    total, sequences, expected_heads, expected_flips = 0.0, np.zeros(3), np.zeros(3), np.zeros(3)
    for x, n, f in zip(heads, flips, frequencies, strict=True):
        joint = np.array([w * stats.binom.pmf(x, n, b) for w, b in zip(*params, strict=True)])
        total += f * np.log(joint.sum())
        share = f * joint / joint.sum()
        sequences += share
        expected_heads += share * x
        expected_flips += share * n
    counts, log_likelihood, log_prior = problem.e_step(params)
    assert log_likelihood == pytest.approx(total, rel=1e-13)
    assert log_prior == 0
    np.testing.assert_allclose(counts.sequences, sequences, rtol=1e-12)
    np.testing.assert_allclose(counts.heads, expected_heads, rtol=1e-12)
    np.testing.assert_allclose(counts.flips, expected_flips, rtol=1e-12)
    assert counts.sequences.sum() == pytest.approx(frequencies.sum(), rel=1e-14)


def test_frequency_2_is_the_row_twice_and_0_is_the_row_left_out():
    problem, heads, flips, frequencies, params = random_problem(2)
    again = CoinMixture(np.repeat(heads, frequencies), np.repeat(flips, frequencies), 3)
    one, two = problem.e_step(params), again.e_step(params)
    assert one.log_likelihood == pytest.approx(two.log_likelihood, rel=1e-14)
    np.testing.assert_allclose(one.expected_counts, two.expected_counts, rtol=1e-13)


def test_a_coin_without_flips_keeps_its_bias():
    problem = CoinMixture([3, 4, 6], 10, 2)
    params = CoinParams(np.array([1.0, 0.0]), np.array([0.4, 0.83]))
    moved = problem.m_step(problem.e_step(params).expected_counts, params)
    assert moved.bias[1] == 0.83
    assert moved.bias[0] == pytest.approx(13 / 30, abs=1e-15)


def test_weights_are_divided_by_their_own_sum():
    problem, *_, params = random_problem(3)
    scaled = params._replace(weight=params.weight * (1 + 1e-6))
    assert problem.e_step(scaled).log_likelihood == pytest.approx(problem.e_step(params).log_likelihood, rel=1e-14)


def test_priors_climb_and_end_at_the_maximum_of_an_independent_log_posterior():
    problem, heads, flips, frequencies, params = random_problem(
        4, weight_prior=Dirichlet(2.5), bias_prior=Beta(2.0, 3.0)
    )
    fit = em(problem, params, StopRule(1e-11), trace=True)
    assert fit.status == Status.CONVERGED
    posterior = fit.trace.log_likelihood + fit.trace.log_prior
    assert (np.diff(posterior) >= -1e-11).all()

    def unpack(free):
        odds = np.exp(np.append(free[:2], 0.0))
        return odds / odds.sum(), 1 / (1 + np.exp(-free[2:]))

    def log_posterior(weight, bias):
        mixture = (weight * stats.binom.pmf(heads[:, None], flips[:, None], bias)).sum(axis=1)
        prior = stats.dirichlet.logpdf(weight, np.full(3, 2.5)) + stats.beta.logpdf(bias, 2, 3).sum()
        return frequencies @ np.log(mixture) + prior

    assert fit.log_posterior == pytest.approx(log_posterior(*fit.params), rel=1e-12)
    free = np.concatenate([np.log(fit.params.weight[:2] / fit.params.weight[2]), np.log(1 / (1 / fit.params.bias - 1))])
    best = optimize.minimize(lambda x: -log_posterior(*unpack(x)), free + 0.05, method="BFGS", options={"gtol": 1e-7})
    assert -best.fun == pytest.approx(float(fit.log_posterior), abs=1e-8)
    np.testing.assert_allclose(np.concatenate(unpack(best.x)), np.concatenate(fit.params), atol=1e-5)


def test_score_is_the_gradient_of_the_log_posterior():
    problem, *_, params = random_problem(5, weight_prior=Dirichlet(1.5), bias_prior=Beta(2.0, 1.5))
    gradient = np.concatenate(problem.score(problem.e_step(params).expected_counts, params))

    def climb(vector):
        expectation = problem.e_step(CoinParams(vector[:3], vector[3:]))
        return float(expectation.log_likelihood + expectation.log_prior)

    center, basis = np.concatenate(params), problem.free_directions()
    np.testing.assert_allclose(basis.T @ basis, np.eye(5), atol=1e-14)
    numeric = [(climb(center + 1e-6 * b) - climb(center - 1e-6 * b)) / 2e-6 for b in basis.T]
    np.testing.assert_allclose(basis.T @ gradient, numeric, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], 10, 2), "non-empty"),
        (([3, 11], 10, 2), "0 <= heads <= flips"),
        (([-1, 3], 10, 2), "0 <= heads <= flips"),
        (([1.5, 3], 10, 2), "whole numbers"),
        (([np.nan, 3], 10, 2), "finite"),
        (([1, 3], 10, 0), "coins must be at least 1"),
        (([1, 3], 10, 2, [0.5, 0.6]), "adding up to 1"),
        (([1, 3], 10, 2, None, [0, 0]), "more than 0"),
        (([1, 3], 10, 2, None, [-1, 2]), "not be negative"),
    ],
)
def test_impossible_data_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        CoinMixture(*arguments)
