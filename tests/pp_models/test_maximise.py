"""Maxima to round-off from many starts, with a status for every way to end."""

import math

import numpy as np
import pytest
from scipy import optimize, stats
from scipy.special import expit, logsumexp

from pp_models import coin_mixture, genetic_linkage, maximise, two_pl
from pp_models.maximise import MaximumStatus, polish, round_off
from pp_models.newton import LONGEST_STEP, newton_step
from pp_models.objective import Objective

LSAT6_LOG_LIKELIHOOD = -2466.6533775
LSAT6_SLOPES = (0.825660, 0.722744, 0.890875, 0.688368, 0.656856)
LSAT6_INTERCEPTS = (2.773234, 0.990201, 0.249148, 1.284757, 2.053270)
TWO_COINS = np.array([5, 9, 8, 4, 7])
WORKED_HEADS = np.array([6, 5, 4, 2, 2, 6, 5, 5, 4, 2, 5, 2, 4, 4, 6, 4, 5, 6, 3, 3])


@pytest.fixture(scope="module")
def two_coins():
    return Objective(coin_mixture.build(TWO_COINS, 10, 2, fixed_weight=[0.5, 0.5]))


@pytest.fixture(scope="module")
def worked():
    return Objective(coin_mixture.build(WORKED_HEADS, 10, 3))


@pytest.fixture(scope="module")
def perfect():
    """Two sequences all heads: the maximum has a bias of exactly 1."""
    return Objective(coin_mixture.build(np.array([10, 10, 3, 4, 7]), 10, 2))


def test_lsat6_from_random_starts(lsat6):
    rng = np.random.default_rng(6)
    signs = set()
    for _ in range(20):
        end = maximise.maximise(lsat6, lsat6.free({"d": rng.normal(size=5), "a": rng.normal(size=5)}))
        assert end.status == MaximumStatus.CONVERGED
        assert end.objective == pytest.approx(LSAT6_LOG_LIKELIHOOD, abs=1e-7)
        # Round-off of a log-likelihood of 2466 by its own gradient.
        assert end.gradient_norm < 1e-8
        np.testing.assert_allclose(np.abs(end.params["a"]), LSAT6_SLOPES, atol=1e-6)
        np.testing.assert_allclose(end.params["d"], LSAT6_INTERCEPTS, atol=1e-6)
        assert len(set(np.sign(end.params["a"]))) == 1
        signs |= set(np.sign(end.params["a"]))
    assert signs == {-1.0, 1.0}, "both mirror images are reached"


def test_result_belongs_to_its_parameters(lsat6):
    end = maximise.maximise(lsat6, np.r_[np.zeros(5), np.ones(5)])
    value, gradient = lsat6.value_and_gradient(end.x)
    assert end.objective == value
    assert end.gradient_norm == np.abs(gradient).max()
    assert set(end.params) == {"d", "a"}
    np.testing.assert_array_equal(end.params["d"], lsat6.natural(end.x)["d"])
    assert 5 < end.evaluations < 500


@pytest.mark.parametrize("start", [(0.7, 0.2), (0.9, 0.5), (0.6, 0.55), (0.01, 0.99)])
def test_two_coins(two_coins, start):
    end = maximise.maximise(two_coins, two_coins.free({"bias": start}))
    assert end.status == MaximumStatus.CONVERGED
    np.testing.assert_allclose(sorted(end.params["bias"]), [0.5195831201, 0.7967890669], atol=1e-10)
    assert end.gradient_norm < 1e-10


@pytest.mark.parametrize("start", [0.66, 0.4])
def test_equal_coins_end_at_the_saddle(two_coins, start):
    end = maximise.maximise(two_coins, two_coins.free({"bias": [start, start]}))
    np.testing.assert_allclose(end.params["bias"], [0.66, 0.66], atol=1e-9)
    assert end.gradient_norm < 1e-9
    assert np.linalg.eigvalsh(two_coins.hessian(end.x)).max() > 0.01, "a saddle, not a maximum"


def test_near_the_saddle_it_climbs_away(two_coins):
    end = maximise.maximise(two_coins, two_coins.free({"bias": [0.661, 0.659]}))
    np.testing.assert_allclose(sorted(end.params["bias"]), [0.5195831201, 0.7967890669], atol=1e-9)


def test_zero_slopes_stay_at_the_saddle(lsat6):
    end = maximise.maximise(lsat6, np.r_[np.ones(5), np.zeros(5)])
    assert end.objective == pytest.approx(-2493.4367, abs=1e-4)
    np.testing.assert_allclose(end.params["a"], 0, atol=1e-9)


def test_boundary(perfect):
    rng = np.random.default_rng(3)
    for _ in range(8):
        end = maximise.maximise(perfect, perfect.free({"weight": rng.dirichlet([1, 1]), "bias": rng.random(2)}))
        assert end.status == MaximumStatus.BOUNDARY
        assert end.params["bias"].max() > 1 - 1e-9
        np.testing.assert_allclose(end.params["bias"].min(), best_with_a_sure_coin()[0], atol=1e-6)
        assert end.objective == pytest.approx(best_with_a_sure_coin()[1], abs=1e-9)


def test_a_weight_at_zero_is_a_boundary():
    """One of three coins too many: the last weight, which no free parameter stands for alone, goes to 0."""
    objective = Objective(coin_mixture.build(np.array([1, 2, 9, 8, 1, 9]), 10, 3))
    end = maximise.maximise(objective, objective.free({"weight": [0.5, 0.5, 0.0], "bias": [0.13, 0.87, 0.5]}))
    assert end.params["weight"][2] < 1e-9
    assert end.status == MaximumStatus.BOUNDARY


def best_with_a_sure_coin():
    """Maximum of the likelihood with one bias at 1, by a search over the other bias and the weight."""

    def falling(z):
        p, w = expit(z)
        chance = (1 - w) * stats.binom.pmf([10, 10, 3, 4, 7], 10, p) + w * np.array([1, 1, 0, 0, 0])
        return -np.log(chance).sum()

    found = optimize.minimize(falling, [0.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-13})
    return expit(found.x[0]), -found.fun


@pytest.mark.parametrize("start", [(0.5, 1.0), (0.0, 0.3), (0.0, 1.0)])
def test_start_at_the_boundary(two_coins, start):
    """At a probability of 0 or 1 the free parameter is at its bound: the start is clipped and fit goes on."""
    end = maximise.maximise(two_coins, two_coins.free({"bias": start}))
    assert end.status in (MaximumStatus.CONVERGED, MaximumStatus.BOUNDARY)
    assert np.isfinite(end.objective)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_start_that_is_not_finite_has_a_status(lsat6, bad):
    with np.errstate(all="ignore"):
        end = maximise.maximise(lsat6, np.r_[np.zeros(9), bad])
    assert end.status == MaximumStatus.NOT_FINITE
    assert end.gradient_norm == np.inf
    assert end.evaluations == 1


def test_a_gradient_that_is_not_finite_has_a_status(two_coins, monkeypatch):
    inner = two_coins._values_and_gradients

    def broken(points):
        values, gradients = inner(points)
        return values, gradients * np.nan

    monkeypatch.setitem(two_coins.__dict__, "_values_and_gradients", broken)
    assert maximise.maximise(two_coins, np.zeros(2)).status == MaximumStatus.NOT_FINITE


def test_reaching_the_limit_is_not_convergence(lsat6, monkeypatch):
    monkeypatch.setattr(maximise, "MAX_EVALUATIONS", 2)
    monkeypatch.setattr(maximise, "MAX_NEWTON_STEPS", 1)
    end = maximise.maximise(lsat6, np.r_[np.zeros(5), np.ones(5)])
    assert end.status == MaximumStatus.ITERATION_LIMIT
    assert end.gradient_norm > 1e-3


def test_newton_alone_reaches_the_maximum(lsat6, monkeypatch):
    monkeypatch.setattr(maximise, "MAX_EVALUATIONS", 2)
    end = maximise.maximise(lsat6, np.r_[np.zeros(5), np.ones(5)])
    assert end.status == MaximumStatus.CONVERGED
    assert end.objective == pytest.approx(LSAT6_LOG_LIKELIHOOD, abs=1e-7)


def test_a_ridge_ends(worked):
    rng = np.random.default_rng(9)
    for _ in range(10):
        start = worked.free({"weight": rng.dirichlet(np.ones(3)), "bias": rng.random(3)})
        end = maximise.maximise(worked, start)
        assert end.status in (MaximumStatus.CONVERGED, MaximumStatus.BOUNDARY)
        assert end.objective == pytest.approx(-35.1526058325, abs=1e-8)
        # What the data do identify: the chance of a head.
        assert end.params["weight"] @ end.params["bias"] == pytest.approx(0.415, abs=1e-5)
        assert end.evaluations < 3_000


def test_polish_on_the_ridge_stays_there(worked):
    x = worked.free({"weight": [0.2, 0.3, 0.5], "bias": [0.415, 0.415, 0.415]})
    end, evaluations, settled = polish(worked, x)
    assert settled
    assert evaluations < 60
    np.testing.assert_allclose(worked.natural(end)["weight"], [0.2, 0.3, 0.5], atol=1e-4)


def test_newton_step_climbs_whatever_the_curvature():
    gradient = np.array([1.0, 1.0, 1.0])
    free = np.array([True, True, False])
    step, gain = newton_step(np.diag([-2.0, 4.0, -1.0]), gradient, free)
    np.testing.assert_allclose(step, [0.5, 0.25, 0.0])
    assert gain == pytest.approx((0.5 + 0.25) / 2)
    step, _ = newton_step(np.diag([-1e-6, -1.0, -1.0]), gradient, free)
    assert np.abs(step).max() == LONGEST_STEP


def test_newton_step_does_not_depend_on_the_units_of_the_parameters():
    """A trillion flips, two sequences: the curvature by a bias is 1e12 times that by a weight."""
    gradient, free = np.array([0.0376, 3e5]), np.array([True, True])
    hessian = np.array([[-0.075, 2e4], [2e4, -5e11]])
    step, gain = newton_step(hessian, gradient, free, observations=2.0)
    np.testing.assert_allclose(step, np.linalg.solve(-hessian, gradient), rtol=1e-9)
    assert gain == pytest.approx(step @ gradient / 2, rel=1e-9)


def test_newton_step_takes_no_round_off_for_a_slope():
    free = np.array([True, True])
    step, gain = newton_step(np.diag([-1e-9, -4.0]), np.array([1e-12, 2.0]), free, np.array([2e-12, 2e-12]))
    np.testing.assert_allclose(step, [0.0, 0.5])
    assert gain == pytest.approx(0.5)


def test_a_direction_without_curvature_is_flat():
    """Two weights of the same coins, in forty sequences: what little they change about the biases is no way to go."""
    hessian = np.array([[6e-13, 6e-6], [6e-6, -25.0]])
    gradient, free = np.array([1e-12, 1e-7]), np.array([True, True])
    for factor in (1.0, 1e8):
        step, _ = newton_step(factor * hessian, factor * gradient, free, observations=40 * factor)
        assert step[1] == pytest.approx(4e-9, rel=0.01)
        assert abs(step[0]) < 1e-3


def test_what_is_higher_by_chance_is_no_better():
    """With a steeper gradient and round-off of 1e-5 a rise of 1e-6 says nothing."""
    here, unit = np.zeros(1), np.ones(1)
    steeper, than = maximise._Point(here, 1.0 + 1e-6, np.array([2.0])), maximise._Point(here, 1.0, np.array([1.0]))
    assert maximise._better(steeper, than, unit, 1e-7, False)
    assert not maximise._better(steeper, than, unit, 1e-5, False)
    assert maximise._better(than, steeper, unit, 1e-5, False)


def test_round_off_is_seen():
    """Log factorials of 1e11 animals have steps of 1e-4 that a few units of theta's last place do not show."""
    animals = 1e9 * np.array([125, 18, 20, 34])
    objective = Objective(genetic_linkage.build(animals))
    x = objective.free({"theta": [0.626821497870982]})
    values = [objective.value_and_gradient(x + k * 1e-13)[0] for k in range(-50, 50)]
    spread = max(values) - min(values)
    assert spread > 1e-5
    assert round_off(objective, x).value >= spread / maximise.ROUND_OFFS


# ---- posterior modes, against scipy on a log-posterior written out again -------------------------------


def climb(log_posterior, start):
    """Maximum by BFGS and simplex search; derivatives by differences."""

    def falling(z):
        return -log_posterior(z)

    x = optimize.minimize(falling, start, method="BFGS").x
    options = {"xatol": 1e-7, "fatol": 1e-12, "maxfev": 2_000}
    found = optimize.minimize(falling, x, method="Nelder-Mead", options=options)
    return found.x, -found.fun


def test_mode_of_the_coins():
    """In the natural parameters, no Jacobian: with it the mode moves."""
    heads, counts = np.array([1, 2, 8, 9, 5]), np.array([2.0, 1, 3, 1, 0])
    model = coin_mixture.build(heads, 10, 2, frequencies=counts, weight_prior=3.0, bias_prior=(2.0, 4.0))

    choose = np.log([math.comb(10, x) for x in heads])

    def log_posterior(z):
        w, p, q = expit(z)
        one, other = (heads * np.log(r) + (10 - heads) * np.log1p(-r) + choose for r in (p, q))
        likelihood = counts @ np.logaddexp(np.log(w) + one, np.log1p(-w) + other)
        # Beta(2, 4) has density 20 p (1 - p)^3, Dirichlet(3, 3) has 30 w^2 (1 - w)^2.
        biases = np.log(20 * p * (1 - p) ** 3) + np.log(20 * q * (1 - q) ** 3)
        return likelihood + biases + np.log(30 * w**2 * (1 - w) ** 2)

    x, best = climb(log_posterior, np.array([0.0, -1.0, 1.0]))
    objective = Objective(model, with_prior=True)
    end = maximise.maximise(objective, objective.free({"weight": [0.5, 0.5], "bias": [0.3, 0.7]}))
    assert end.status == MaximumStatus.CONVERGED
    assert end.objective == pytest.approx(best, abs=1e-9)
    np.testing.assert_allclose([end.params["weight"][0], *end.params["bias"]], expit(x), atol=1e-5)
    likelihood_only = Objective(model)
    assert np.abs(maximise.maximise(likelihood_only, end.x).params["bias"] - end.params["bias"]).max() > 0.01


@pytest.mark.parametrize("slope_prior", [("normal", 1.0, 0.5), ("lognormal", 0.0, 0.5)])
def test_mode_of_the_items(slope_prior):
    rng = np.random.default_rng(8)
    responses = (rng.random((60, 2)) < expit(rng.normal(size=(60, 1)) + np.array([0.5, -0.3]))).astype(float)
    responses[3, 1] = np.nan
    nodes = np.linspace(-4, 4, 15)
    log_weights = stats.norm.logpdf(nodes) - logsumexp(stats.norm.logpdf(nodes))
    density = stats.norm(1.0, 0.5) if slope_prior[0] == "normal" else stats.lognorm(s=0.5)
    of_intercept = stats.norm(0.2, 1.5)
    positive = slope_prior[0] == "lognormal"

    def natural(z):
        return z[:2], np.exp(z[2:]) if positive else z[2:]

    def log_posterior(z):
        d, a = natural(z)
        logits = d[:, None] + a[:, None] * nodes
        right = np.nan_to_num(responses) @ -np.logaddexp(0, -logits)
        wrong = np.nan_to_num(1 - responses) @ -np.logaddexp(0, logits)
        likelihood = logsumexp(right + wrong + log_weights, axis=1).sum()
        return likelihood + of_intercept.logpdf(d).sum() + density.logpdf(a).sum()

    x, best = climb(log_posterior, np.array([0.0, 0.0, 0.5, 0.5]))
    model = two_pl.build(
        responses, nodes, np.exp(log_weights), intercept_prior=("normal", 0.2, 1.5), slope_prior=slope_prior
    )
    objective = Objective(model, with_prior=True)
    end = maximise.maximise(objective, objective.free({"d": [0.0, 0.0], "a": [1.0, 1.0]}))
    assert end.status == MaximumStatus.CONVERGED
    assert end.objective == pytest.approx(best, abs=1e-9)
    d, a = natural(x)
    np.testing.assert_allclose(end.params["d"], d, atol=1e-5)
    np.testing.assert_allclose(end.params["a"], a, atol=1e-5)
