"""LSAT-6 number by number, and the E-step against enumeration and mpmath."""

import itertools
import json
from decimal import Decimal
from pathlib import Path

import mpmath
import numpy as np
import pytest

from em_reference import Status, StopRule, TwoPL, em
from em_reference.quadrature import equally_spaced, gauss_hermite
from em_reference.two_pl import TwoPLCounts, TwoPLParams

GOLDEN_FOLDER = Path(__file__).parents[1] / "golden"
GOLDEN = json.loads((GOLDEN_FOLDER / "lsat6.json").read_text(), parse_float=Decimal)
LSAT6 = np.loadtxt(GOLDEN_FOLDER / "lsat6.csv", delimiter=",", skiprows=1)


def assert_printed(value, printed, decimals):
    np.testing.assert_array_equal(np.round(np.asarray(value, dtype=float), decimals), np.asarray(printed, dtype=float))


@pytest.fixture(scope="module")
def worked():
    nodes, weights = (np.array(GOLDEN[name], dtype=float) for name in ("nodes", "weights"))
    return TwoPL(LSAT6[:, :5], LSAT6[:, 5], nodes, weights, newton_tolerance=0.05)


@pytest.fixture(scope="module")
def start():
    return TwoPLParams(np.array(GOLDEN["start"]["d"], dtype=float), np.array(GOLDEN["start"]["a"], dtype=float))


@pytest.fixture(scope="module")
def worked_fit(worked, start):
    return em(worked, start, StopRule(1e-4, "change"), trace=True)


def pattern_index(problem, answers):
    return int(np.flatnonzero((problem.patterns.correct == answers).all(axis=1))[0])


def test_proportion_correct(worked):
    patterns = worked.patterns
    share = patterns.frequencies @ patterns.correct / patterns.frequencies.sum()
    assert_printed(share, GOLDEN["proportion_correct"], 3)


def test_pattern_22(worked, start):
    golden = GOLDEN["pattern_22"]
    index = pattern_index(worked, golden["responses"])
    posterior, log_probability = worked.posteriors(start)
    assert_printed(np.exp(log_probability[index]), golden["marginal"], 8)
    joint = posterior[index] * np.exp(log_probability[index])
    weights = worked.grid[1]
    for k, (node, likelihood, weight, product, share) in enumerate(golden["rows"]):
        assert worked.grid[0][k] == float(node)
        assert weights[k] == float(weight)
        assert_printed(joint[k], product, 8)
        if likelihood is not None:
            assert_printed(joint[k] / weights[k], likelihood, 8)
            assert_printed(posterior[index, k], share, 8)
    # The two cells that are misprinted in our copy, as the note gives them.
    assert_printed(joint[7] / weights[7], 0.00702097, 8)
    assert_printed(posterior[index, 7], 0.00940098, 8)


def test_marginal_probabilities(worked, start):
    log_probability = worked.posteriors(start)[1]
    for answers, printed in GOLDEN["marginal_probabilities"].items():
        index = pattern_index(worked, [int(digit) for digit in answers])
        # 11111 is 0.09553525069: it was printed from its 8-decimal rounding, half to even.
        eight = Decimal(f"{np.exp(log_probability[index]):.8f}")
        assert eight.quantize(Decimal("1e-7")) == printed


def test_artificial_data_of_cycle_1(worked, start):
    counts = worked.e_step(start).expected_counts
    rows = np.array(GOLDEN["artificial_data_cycle_1"]["rows"], dtype=float)
    assert_printed(counts.examinees, rows[:, 1], 1)
    assert_printed(counts.correct, rows[:, 2:], 1)
    assert counts.examinees.sum() == pytest.approx(1000, rel=1e-13)


def test_estimates_after_cycle_1(worked_fit):
    after = TwoPLParams(*(field[1] for field in worked_fit.trace.params))
    rows = np.array(GOLDEN["after_cycle_1"]["rows"], dtype=float)
    assert_printed(np.column_stack([*after, after.difficulty]), rows[:, 1:], 4)


def test_estimates_after_44_cycles(worked_fit):
    assert worked_fit.status == Status.CONVERGED
    assert worked_fit.cycles == GOLDEN["final"]["cycles"]
    rows = np.array(GOLDEN["final"]["rows"], dtype=float)
    assert_printed(np.column_stack([*worked_fit.params, worked_fit.params.difficulty]), rows[:, 1:], 4)


def test_maximum_on_61_nodes(start):
    fit = em(TwoPL(LSAT6[:, :5], LSAT6[:, 5]), start, StopRule(1e-9))
    assert fit.status == Status.CONVERGED
    assert_printed(fit.log_likelihood, -2466.6533775, 7)
    assert_printed(fit.params.slope, [0.825660, 0.722744, 0.890875, 0.688368, 0.656856], 6)
    assert_printed(fit.params.intercept, [2.773234, 0.990201, 0.249148, 1.284757, 2.053270], 6)
    printed = np.array(GOLDEN["mirt"]["rows"], dtype=float)
    # mirt stopped at a change of 1e-4, so its third decimal differs by up to three.
    np.testing.assert_allclose(np.column_stack([fit.params.slope, fit.params.difficulty]), printed[:, 1:], atol=3.5e-3)


def test_all_zero_slopes_are_never_left():
    fit = em(TwoPL(LSAT6[:, :5], LSAT6[:, 5]), TwoPLParams(np.zeros(5), np.zeros(5)))
    np.testing.assert_allclose(fit.params.slope, 0, atol=1e-14)
    assert fit.log_likelihood == pytest.approx(-2493.4367, abs=5e-5)


def enumerate_e_step(responses, frequencies, params, nodes, weights):
    """Sum over examinees, nodes and items, one at a time."""
    items = responses.shape[1]
    total = 0.0
    correct, attempts, examinees = np.zeros((len(nodes), items)), np.zeros((len(nodes), items)), np.zeros(len(nodes))
    for row, frequency in zip(responses, frequencies, strict=True):
        joint = []
        for theta, weight in zip(nodes, weights, strict=True):
            product = weight
            for answer, d, a in zip(row, *params, strict=True):
                p = 1 / (1 + np.exp(-(d + a * theta)))
                product *= 1.0 if np.isnan(answer) else p if answer == 1 else 1 - p
            joint.append(product)
        total += frequency * np.log(sum(joint))
        for k, i in itertools.product(range(len(nodes)), range(items)):
            share = frequency * joint[k] / sum(joint)
            correct[k, i] += share * (row[i] == 1)
            attempts[k, i] += share * (not np.isnan(row[i]))
        examinees += frequency * np.array(joint) / sum(joint)
    return total, examinees, correct, attempts


def random_data(seed, *, missing):
    rng = np.random.default_rng(seed)
    responses = rng.integers(0, 2, (25, 4)).astype(float)
    if missing:
        responses[rng.random(responses.shape) < 0.3] = np.nan
    return responses, rng.integers(0, 4, 25), TwoPLParams(rng.normal(size=4), rng.normal(1, 1, 4))


@pytest.mark.parametrize("missing", [False, True])
def test_e_step_equals_enumeration(missing):
    responses, frequencies, params = random_data(1, missing=missing)
    nodes, weights = gauss_hermite(7)
    problem = TwoPL(responses, frequencies, nodes, weights)
    total, examinees, correct, attempts = enumerate_e_step(responses, frequencies, params, nodes, weights)
    counts, log_likelihood, _ = problem.e_step(params)
    assert log_likelihood == pytest.approx(total, rel=1e-13)
    np.testing.assert_allclose(counts.examinees, examinees, rtol=1e-11)
    np.testing.assert_allclose(counts.correct, correct, rtol=1e-11, atol=1e-13)
    assert (counts.attempts is not None) == missing
    if missing:
        np.testing.assert_allclose(counts.attempts, attempts, rtol=1e-11, atol=1e-13)
    assert counts.examinees.sum() == pytest.approx(frequencies.sum(), rel=1e-13)


def test_posteriors_are_distributions_over_the_nodes():
    responses, frequencies, params = random_data(2, missing=True)
    problem = TwoPL(responses, frequencies)
    posterior, log_probability = problem.posteriors(params)
    assert posterior.shape == (len(problem.patterns.correct), 61)
    np.testing.assert_allclose(posterior.sum(axis=1), 1, rtol=1e-13)
    assert problem.e_step(params).log_likelihood == pytest.approx(problem.patterns.frequencies @ log_probability)


def test_missing_row_is_left_out():
    responses, _, start = random_data(3, missing=True)
    with_blank = np.vstack([responses, np.full((3, 4), np.nan)])
    one, two = TwoPL(responses).e_step(start), TwoPL(with_blank).e_step(start)
    assert one.log_likelihood == pytest.approx(two.log_likelihood, abs=1e-12)
    np.testing.assert_allclose(one.expected_counts.correct, two.expected_counts.correct, rtol=1e-12)
    np.testing.assert_allclose(one.expected_counts.attempts, two.expected_counts.attempts, rtol=1e-12)


def test_frequency_2_is_the_row_twice_and_0_is_the_row_left_out():
    responses, frequencies, params = random_data(4, missing=True)
    one = TwoPL(responses, frequencies).e_step(params)
    two = TwoPL(np.repeat(responses, frequencies, axis=0)).e_step(params)
    assert one.log_likelihood == pytest.approx(two.log_likelihood, rel=1e-14)
    for left, right in zip(one.expected_counts, two.expected_counts, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-12, atol=1e-14)


def test_unseen_pattern_of_probability_0_does_not_spoil_the_sum():
    params = TwoPLParams(np.array([800.0, 800.0]), np.array([0.0, 0.0]))
    seen = TwoPL([[1, 1], [0, 0]], [5, 0]).e_step(params)
    assert seen.log_likelihood == pytest.approx(0.0, abs=1e-12)


def test_unique_patterns_beyond_one_word():
    rng = np.random.default_rng(5)
    responses = rng.integers(0, 2, (40, 150)).astype(float)
    responses[rng.random(responses.shape) < 0.1] = np.nan
    responses[20:, :100] = responses[:20, :100]  # rows that differ late only
    responses = responses[rng.integers(0, 40, 200)]
    patterns = TwoPL(responses).patterns
    back = np.where(patterns.answered == 1, patterns.correct, np.nan)[patterns.pattern_of_row]
    np.testing.assert_array_equal(back, responses)
    assert len(patterns.correct) == len({row.tobytes() for row in responses})
    assert patterns.frequencies.sum() == 200


@pytest.mark.slow
def test_2000_items_do_not_underflow():
    rng = np.random.default_rng(6)
    items, examinees = 2000, 300
    params = TwoPLParams(rng.normal(size=items), rng.lognormal(0, 0.25, items))
    theta = rng.normal(size=(examinees, 1))
    responses = (rng.random((examinees, items)) < 1 / (1 + np.exp(-(params.intercept + params.slope * theta)))) * 1
    problem = TwoPL(responses)
    counts, log_likelihood, _ = problem.e_step(params)
    assert np.isfinite(log_likelihood)
    assert counts.examinees.sum() == pytest.approx(examinees, rel=1e-12)
    log_probability = problem.posteriors(params)[1][problem.patterns.pattern_of_row]
    assert (log_probability < -745).mean() > 0.9, "raw probabilities would not underflow here"
    assert log_likelihood == pytest.approx(log_probability.sum(), rel=1e-13)
    nodes, weights = problem.grid
    with mpmath.workdps(50):
        softplus, logits = [], []
        for k in range(61):
            z = [
                mpmath.mpf(float(d)) + mpmath.mpf(float(a)) * mpmath.mpf(nodes[k]) for d, a in zip(*params, strict=True)
            ]
            logits.append(z)
            softplus.append(mpmath.fsum(mpmath.log1p(mpmath.exp(value)) for value in z))
        for j in (0, 137, 299):
            right = np.flatnonzero(responses[j])
            likelihood = mpmath.fsum(
                mpmath.mpf(weights[k]) * mpmath.exp(mpmath.fsum(logits[k][i] for i in right) - softplus[k])
                for k in range(61)
            )
            assert log_probability[j] == pytest.approx(float(mpmath.log(likelihood)), rel=1e-13)


@pytest.mark.parametrize("accelerate", [False, True])
def test_two_identical_items_run_off(accelerate):
    # On a grid the likelihood is flat once both curves step between two nodes, so the EM rightly comes
    # to rest there: what tells is the slope, not the status.
    rng = np.random.default_rng(7)
    theta = rng.normal(size=(400, 1))
    responses = (rng.random((400, 4)) < 1 / (1 + np.exp(-theta))).astype(float)
    responses[:, 1] = responses[:, 0]
    fit = em(TwoPL(responses), TwoPLParams(np.zeros(4), np.ones(4)), StopRule(1e-6), accelerate=accelerate)
    assert (fit.params.slope[:2] > 100).all()
    assert (np.abs(fit.params.slope[2:]) < 3).all()
    stopped = em(TwoPL(responses), TwoPLParams(np.zeros(4), np.ones(4)), StopRule(1e-6, max_cycles=10))
    assert stopped.status == Status.CYCLE_LIMIT


def test_item_that_everyone_got_right_leaves_the_others_alone():
    responses = np.hstack([LSAT6[:, :5], np.ones((32, 1))])
    start = TwoPLParams(np.zeros(6), np.ones(6))
    fit = em(TwoPL(responses, LSAT6[:, 5]), start, StopRule(1e-9, "change", max_cycles=300))
    without = em(TwoPL(LSAT6[:, :5], LSAT6[:, 5]), TwoPLParams(np.zeros(5), np.ones(5)), StopRule(1e-9, "change"))
    assert np.isfinite(np.concatenate(fit.params)).all()
    assert fit.params.intercept[5] > 20
    np.testing.assert_allclose(fit.params.slope[:5], without.params.slope, atol=1e-6)
    np.testing.assert_allclose(fit.params.intercept[:5], without.params.intercept, atol=1e-6)
    assert fit.log_likelihood == pytest.approx(float(without.log_likelihood), abs=1e-6)


def test_m_step_where_the_information_is_singular():
    """All expected examinees at one node: only d + a theta is determined there, and that is attained."""
    problem = TwoPL(np.array([[0.0, 1.0], [1.0, 0.0]]), nodes=[-1.0, 0.5, 1.0], weights=[0.3, 0.4, 0.3])
    counts = TwoPLCounts(np.array([0.0, 10.0, 0.0]), np.array([[0.0, 0.0], [4.0, 7.0], [0.0, 0.0]]), None)
    moved = problem.m_step(counts, TwoPLParams(np.zeros(2), np.ones(2)))
    assert np.isfinite(np.concatenate(moved)).all()
    fitted = 1 / (1 + np.exp(-(moved.intercept + 0.5 * moved.slope)))
    assert fitted == pytest.approx([0.4, 0.7], abs=1e-6)


def test_m_step_solves_the_score_equations_of_the_expected_counts():
    responses, frequencies, params = random_data(8, missing=True)
    problem = TwoPL(responses, frequencies, newton_tolerance=1e-10)
    counts = problem.e_step(params).expected_counts
    for far in (0.0, 8.0, -8.0):
        moved = problem.m_step(counts, TwoPLParams(params.intercept + far, params.slope - far))
        np.testing.assert_allclose(np.concatenate(problem.score(counts, moved)), 0, atol=1e-9)


def test_quadrature():
    nodes, weights = equally_spaced(61, 6)
    assert weights.sum() == pytest.approx(1, abs=1e-15)
    assert weights @ nodes**2 == pytest.approx(1, abs=1e-6)
    nodes, weights = gauss_hermite(11)
    assert weights.sum() == pytest.approx(1, abs=1e-15)
    assert weights @ nodes**10 == pytest.approx(945, rel=1e-12)
    for bad in (lambda: equally_spaced(1), lambda: equally_spaced(5, 0), lambda: gauss_hermite(1)):
        with pytest.raises(ValueError, match="at least 2 nodes"):
            bad()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 1],), "non-empty matrix"),
        (([[0, 2]],), "0, 1 or NaN"),
        (([[0, 1]], [1, 1]), "as many frequencies"),
        (([[0, 1]], [0]), "more than 0"),
        (([[0, 1]], [-1]), "not be negative"),
        (([[0, 1]], None, [0.0]), "give both or neither"),
        (([[0, 1]], None, [0.0, 1.0], [1.0]), "differ in shape"),
        (([[0, 1]], None, [0.0, np.inf], [0.5, 0.5]), "nodes must be finite"),
    ],
)
def test_impossible_data_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        TwoPL(*arguments)
