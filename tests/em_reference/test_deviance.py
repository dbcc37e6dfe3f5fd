"""The deviance part of large counts against forty digits."""

import mpmath as mp
import numpy as np
import pytest

from em_reference.coin_mixture import CoinMixture, CoinParams
from em_reference.deviance import deviance_part
from em_reference.poisson_mixture import PoissonMixture, PoissonParams


def exact(count: float, mean: float) -> float:
    with mp.workdps(40):
        x, mu = mp.mpf(count), mp.mpf(mean)
        return float(x * mp.log(x / mu) - x + mu)


@pytest.mark.parametrize("count", [1.0, 40.0, 1e5, 1e9, 1e15])
@pytest.mark.parametrize("sds", [-3.0, -0.1, 0.5, 5.0])
def test_deviance_part_is_as_right_as_its_mean(count, sds):
    mean = max(count + sds * np.sqrt(count), 0.1)
    assert deviance_part(np.array(count), np.array(mean)) == pytest.approx(exact(count, mean), rel=1e-7, abs=1e-15)


def test_deviance_part_at_zero():
    with np.errstate(all="raise"):
        assert deviance_part(np.array([0.0, 0.0, 3.0]), np.array([2.5, 0.0, 0.0])).tolist() == [2.5, 0.0, np.inf]


def test_responsibilities_of_large_counts():
    """Written as x log mu - mu they are right to five digits at 1e9."""
    count, rate, weight = 1e9, np.array([1e9 - 3e4, 1e9 + 5e4]), np.array([0.4, 0.6])
    gamma = PoissonMixture(np.array([count]), 2).responsibilities(PoissonParams(weight, rate))[0][0]
    with mp.workdps(40):
        odds = (
            mp.mpf(0.4) / mp.mpf(0.6) * mp.exp(mp.mpf(count) * mp.log(mp.mpf(rate[0]) / mp.mpf(rate[1])) + mp.mpf(8e4))
        )
    assert gamma[0] / gamma[1] == pytest.approx(float(odds), rel=1e-11)

    bias = np.array([0.5 - 1e-5, 0.5 + 2e-5])
    gamma = CoinMixture([5e8 + 1e4], 1e9, 2).responsibilities(CoinParams(weight, bias))[0][0]
    with mp.workdps(40):
        heads, tails = (mp.log(mp.mpf(p) / mp.mpf(q)) for p, q in (bias, (1 - mp.mpf(b) for b in bias)))
        odds = mp.mpf(0.4) / mp.mpf(0.6) * mp.exp((mp.mpf(5e8) + 10_000) * heads + (mp.mpf(5e8) - 10_000) * tails)
    assert gamma[0] / gamma[1] == pytest.approx(float(odds), rel=1e-11)
