"""The loop itself: why starts stop, what a fit records, starts in batches, what the package imports."""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from em_reference import CoinMixture, Expectation, Status, StopRule, TwoPL, em
from em_reference.coin_mixture import CoinParams
from em_reference.two_pl import TwoPLParams

COINS = CoinMixture([1, 2, 2, 7, 8, 9, 4, 5, 9, 0], 10, 2)
START = CoinParams(np.array([0.4, 0.6]), np.array([0.3, 0.6]))


class Point(NamedTuple):
    x: np.ndarray


class Halving:
    """A one-parameter problem whose step shrinks by `ratio`: its limit is 0, its objective -x^2."""

    def __init__(self, ratio, objective=lambda x: -(x**2)):
        self.ratio, self.objective = ratio, objective

    def e_step(self, params):
        return Expectation(params, self.objective(params.x)[..., 0])

    def m_step(self, expected_counts, params):
        return Point(self.ratio * expected_counts.x)

    def feasible(self, params):
        return np.isfinite(params.x).all(axis=-1)


class WrongMStep(CoinMixture):
    def m_step(self, expected_counts, params):
        moved = super().m_step(expected_counts, params)
        return moved._replace(bias=1 - moved.bias)


def test_converged():
    fit = em(COINS, START)
    assert fit.status == Status.CONVERGED
    assert 1 < fit.cycles < 10_000


def test_cycle_limit_is_not_convergence():
    fit = em(COINS, START, StopRule(1e-12, max_cycles=3))
    assert fit.status == Status.CYCLE_LIMIT
    assert fit.cycles == 3


@pytest.mark.parametrize("accelerate", [False, True])
def test_wrong_m_step_decreases(accelerate):
    fit = em(WrongMStep(COINS.heads, 10, 2), START, accelerate=accelerate)
    assert fit.status == Status.DECREASED
    assert COINS.e_step(fit.params).log_likelihood == fit.log_likelihood


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("accelerate", [False, True])
def test_start_that_is_not_finite(bad, accelerate):
    start = CoinParams(np.full((3, 2), 0.5), np.array([[0.3, 0.6], [bad, 0.6], [0.2, 0.6]]))
    fit = em(COINS, start, accelerate=accelerate, trace=True)
    assert list(fit.status) == [Status.CONVERGED, Status.NOT_FINITE, Status.CONVERGED]
    assert fit.cycles[1] == 0
    fit = em(COINS, start._replace(weight=start.bias, bias=start.weight), accelerate=accelerate)
    assert fit.status[1] == Status.NOT_FINITE
    for field in range(2):
        items = [np.zeros((2, 3)), np.ones((2, 3))]
        items[field][0, 1] = bad
        fit = em(TwoPL(np.eye(3)[[0, 1, 2, 0]]), TwoPLParams(*items), StopRule(max_cycles=5), accelerate=accelerate)
        assert fit.status[0] == Status.NOT_FINITE
        assert fit.status[1] != Status.NOT_FINITE


def test_objective_that_becomes_not_finite():
    fit = em(Halving(0.5, lambda x: np.where(np.abs(x) < 0.1, np.nan, -(x**2))), Point(np.array([1.0])))
    assert fit.status == Status.NOT_FINITE
    assert fit.cycles == 4


@pytest.mark.parametrize("accelerate", [False, True])
def test_batch_of_shape_3_4_equals_single_fits(accelerate):
    rng = np.random.default_rng(0)
    start = CoinParams(rng.dirichlet([1, 1], (3, 4)), rng.random((3, 4, 2)))
    start.bias[1, 2] = np.nan
    fit = em(COINS, start, accelerate=accelerate, trace=True)
    assert fit.status.shape == fit.cycles.shape == fit.log_likelihood.shape == (3, 4)
    assert fit.params.bias.shape == (3, 4, 2)
    for index in np.ndindex(3, 4):
        single = em(COINS, CoinParams(start.weight[index], start.bias[index]), accelerate=accelerate)
        assert single.status.shape == ()
        assert single.status.item() == fit.status[index]
        # Sums in another order: round-off may tip an extrapolation's decision, not where it ends.
        assert accelerate or single.cycles == fit.cycles[index]
        tolerance = 1e-8 if accelerate else 1e-12
        np.testing.assert_allclose(single.params.bias, fit.params.bias[index], atol=tolerance)
        np.testing.assert_allclose(single.log_likelihood, fit.log_likelihood[index], rtol=1e-13)


def test_batch_of_2pl_starts_equals_single_fits():
    rng = np.random.default_rng(1)
    responses = rng.integers(0, 2, (40, 3)).astype(float)
    responses[rng.random(responses.shape) < 0.2] = np.nan
    problem = TwoPL(responses, rng.integers(0, 3, 40))
    start = TwoPLParams(rng.normal(size=(3, 4, 3)), rng.normal(1, 0.5, (3, 4, 3)))
    fit = em(problem, start, StopRule(max_cycles=20))
    counts = problem.e_step(start).expected_counts
    assert counts.examinees.shape == (3, 4, 61)
    assert counts.correct.shape == counts.attempts.shape == (3, 4, 61, 3)
    for index in np.ndindex(3, 4):
        single = em(problem, TwoPLParams(start.intercept[index], start.slope[index]), StopRule(max_cycles=20))
        np.testing.assert_allclose(np.concatenate(single.params), np.concatenate([f[index] for f in fit.params]))


@pytest.mark.parametrize("accelerate", [False, True])
def test_trace_and_fit_pair_each_log_likelihood_with_its_parameters(accelerate):
    rng = np.random.default_rng(2)
    start = CoinParams(rng.dirichlet([1, 1], 5), rng.random((5, 2)))
    fit = em(COINS, start, trace=True, accelerate=accelerate)
    length = fit.cycles.max() + 1
    assert fit.trace.log_likelihood.shape == fit.trace.log_prior.shape == (length, 5)
    assert fit.trace.params.bias.shape == (length, 5, 2)
    np.testing.assert_array_equal(fit.trace.params.bias[0], start.bias)
    np.testing.assert_allclose(fit.trace.log_likelihood, COINS.e_step(fit.trace.params).log_likelihood, rtol=1e-14)
    np.testing.assert_array_equal(fit.trace.params.bias[-1], fit.params.bias)
    np.testing.assert_allclose(fit.log_likelihood, COINS.e_step(fit.params).log_likelihood, rtol=1e-14)
    assert (np.diff(fit.trace.log_likelihood, axis=0) >= -1e-11).all()
    first = int(fit.cycles.argmin())
    np.testing.assert_array_equal(fit.trace.log_likelihood[fit.cycles[first] :, first], fit.log_likelihood[first])
    assert em(COINS, start).trace is None


@pytest.mark.parametrize("ratio", [0.5, 0.9, 0.99, 0.999])
def test_remaining_rule_bounds_the_error_of_a_linear_iteration(ratio):
    fit = em(Halving(ratio), Point(np.array([1.0])), StopRule(1e-6, max_cycles=20_000))
    assert fit.status == Status.CONVERGED
    assert 0 < fit.params.x[0] <= 1e-6
    # The plain rule leaves ratio / (1 - ratio) times its tolerance.
    change = em(Halving(ratio), Point(np.array([1.0])), StopRule(1e-6, "change"))
    assert change.params.x[0] == pytest.approx(1e-6 * ratio / (1 - ratio), rel=1.1 / ratio - 1)


class Slowing(Halving):
    """A problem whose steps shrink by a half at first and by a hundredth in the end."""

    def m_step(self, expected_counts, params):
        x = expected_counts.x
        return Point(x * (0.5 + 0.49 * np.exp(-200 * np.abs(x))))


def test_a_ratio_that_still_changes_is_not_trusted():
    # Trusted at once, it would end twice as far away as asked for.
    fit = em(Slowing(0.5), Point(np.array([1.0])), StopRule(1.2e-3))
    assert fit.status == Status.CONVERGED
    assert 0 < fit.params.x[0] <= 1.2e-3


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("accelerate", [False, True])
def test_remaining_rule_bounds_the_error_of_an_em(seed, accelerate):
    rng = np.random.default_rng(seed)
    problem = CoinMixture(rng.binomial(12, rng.choice([0.2, 0.5, 0.8], 60)), 12, 2)
    start = CoinParams(np.array([0.5, 0.5]), rng.random(2))
    fit = em(problem, start, StopRule(1e-5), accelerate=accelerate)
    limit = em(problem, fit.params, StopRule(1e-300, max_cycles=20_000))
    assert fit.status == limit.status == Status.CONVERGED
    error = max(np.abs(np.subtract(a, b)).max() for a, b in zip(fit.params, limit.params, strict=True))
    # The estimate takes the rate at its present value; it still moves by up to a tenth of 1 - rate.
    assert error <= 1.25e-5


def test_change_rule_stops_after_the_first_small_step():
    fit = em(COINS, START, StopRule(1e-4, "change"), trace=True)
    steps = np.abs(np.diff(np.concatenate(fit.trace.params, axis=-1), axis=0)).max(axis=1)
    assert steps[-1] < 1e-4
    assert (steps[:-1] >= 1e-4).all()


@pytest.mark.parametrize("settings", [{"tolerance": 0}, {"tolerance": np.nan}, {"rule": "other"}, {"max_cycles": 0}])
def test_impossible_stop_rules_are_refused(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        StopRule(**settings)


def test_imports_numpy_and_scipy_only():
    blocked = ["pymc", "pytensor", "arviz", "pandas", "matplotlib", "comparisons", "pp_models"]
    code = (
        "import sys\n"
        f"for name in {blocked}: sys.modules[name] = None\n"
        "import pkgutil, importlib, em_reference\n"
        "for m in pkgutil.iter_modules(em_reference.__path__): importlib.import_module('em_reference.' + m.name)\n"
        "print(sorted({n.split('.')[0] for n in sys.modules} & {'em_reference', 'click', 'rich'}))\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "['em_reference']"
