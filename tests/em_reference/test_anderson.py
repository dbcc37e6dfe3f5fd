"""Anderson's acceleration: far fewer cycles, the same fixed point, never downhill, and saddles are recognised."""

import numpy as np
import pytest

from em_reference.anderson import Plain, carry_on, departure
from em_reference.coin_mixture import CoinMixture, CoinParams
from em_reference.em import Status, StopRule, em
from em_reference.layout import Layout
from em_reference.poisson_mixture import PoissonMixture, PoissonParams

# Hasselblad's counts of deaths: plain EM takes thousands of cycles.
DAYS = np.array([162, 267, 271, 185, 111, 61, 27, 8, 3, 1])


@pytest.fixture(scope="module")
def deaths() -> PoissonMixture:
    return PoissonMixture(np.arange(10), 2, DAYS)


def start_of(*rates: float) -> PoissonParams:
    return PoissonParams(np.full((1, len(rates)), 1 / len(rates)), np.array([rates]))


def test_the_same_fixed_point_in_a_hundredth_of_the_cycles(deaths):
    slow = em(deaths, start_of(1.0, 3.0), StopRule(1e-11, max_cycles=50_000))
    near = em(deaths, start_of(1.0, 3.0), StopRule(1e-11, max_cycles=100))
    fast = carry_on(deaths, near.params, StopRule(1e-11, max_cycles=500))
    assert slow.status[0] == fast.status[0] == Status.CONVERGED
    assert slow.cycles[0] > 2_000
    assert fast.cycles[0] < 60
    np.testing.assert_allclose(fast.params.rate, slow.params.rate, rtol=1e-9)
    assert fast.log_likelihood[0] == pytest.approx(slow.log_likelihood[0], abs=1e-11)


def test_the_log_likelihood_belongs_to_the_parameters_and_never_falls(deaths):
    here = start_of(0.5, 6.0)
    last = -np.inf
    for cycles in range(1, 25):
        fit = carry_on(deaths, here, StopRule(1e-12, max_cycles=cycles))
        assert fit.log_likelihood[0] == deaths.e_step(fit.params).log_likelihood[0]
        assert fit.log_likelihood[0] >= last - 1e-11
        last = fit.log_likelihood[0]


def test_starts_do_not_disturb_each_other(deaths):
    starts = PoissonParams(np.full((3, 2), 0.5), np.array([[1.0, 3.0], [0.5, 6.0], [2.0, 2.5]]))
    together = carry_on(deaths, starts, StopRule(1e-11, max_cycles=300))
    for index in range(3):
        alone = carry_on(
            deaths, PoissonParams(starts.weight[[index]], starts.rate[[index]]), StopRule(1e-11, max_cycles=300)
        )
        np.testing.assert_allclose(together.params.rate[index], alone.params.rate[0], rtol=1e-8)


class Falling(PoissonMixture):
    """An M-step that goes downhill."""

    def m_step(self, expected_counts, params):
        weight, rate = super().m_step(expected_counts, params)
        return PoissonParams(weight, rate * 1.05)


def test_a_fall_is_reported():
    fit = carry_on(Falling(np.arange(10), 2, DAYS), start_of(1.0, 3.0), StopRule(1e-11, max_cycles=50))
    assert fit.status[0] == Status.DECREASED


def test_a_start_that_is_not_finite_ends_so(deaths):
    fit = carry_on(deaths, start_of(np.nan, 3.0), StopRule(1e-11, max_cycles=5))
    assert fit.status[0] == Status.NOT_FINITE


def test_the_rate_at_a_saddle_is_above_one_and_at_a_maximum_em_s_own():
    """Two coins with equal biases: EM leaves along their difference; at the maximum its rate is that of its steps."""
    coins = CoinMixture([5, 9, 8, 4, 7], 10, 2, fixed_weight=[0.5, 0.5])
    heads, p = np.array([5, 9, 8, 4, 7]), 0.66
    saddle = CoinParams(np.full((1, 2), 0.5), np.full((1, 2), p))
    chart = Plain(Layout.of(saddle, (1,)), np.ones(4))
    rate, direction = departure(coins, saddle, chart=chart, rng=np.random.default_rng(1))
    # At the saddle the derivative of the map along (1, -1) is sum (x - n p)^2 / (J n p q).
    assert rate[0] == pytest.approx(((heads - 10 * p) ** 2).sum() / (5 * 10 * p * (1 - p)), rel=1e-6)
    assert rate[0] > 1
    assert abs(direction[0, 2] + direction[0, 3]) < 1e-6
    free = CoinMixture(heads, 10, 2)
    fit = em(free, CoinParams(np.array([[0.5, 0.5]]), np.array([[0.6, 0.5]])), StopRule(1e-11), trace=True)
    rate, _ = departure(free, fit.params, chart=chart, rng=np.random.default_rng(1))
    steps = np.abs(np.diff(fit.trace.params.bias[:60, 0], axis=0)).max(axis=1)
    assert rate[0] == pytest.approx(steps[-1] / steps[-2], rel=1e-5)
    assert rate[0] == pytest.approx(0.82236, abs=5e-6)  # by PyMC's missing information, in the README
