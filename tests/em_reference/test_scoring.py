"""Person scores against scipy's quadrature and optimisers."""

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from em_reference import TwoPL
from em_reference.quadrature import equally_spaced
from em_reference.two_pl import TwoPLParams

PARAMS = TwoPLParams(np.array([0.5, -1.0, 0.2, 1.1, -0.4]), np.array([1.2, 0.7, -0.9, 1.6, 0.5]))
RESPONSES = np.array(
    [
        [1, 0, 1, 1, 0],
        [0, 0, 1, 1, 1],
        [1, np.nan, 0, 0, np.nan],
        [1, 1, 1, 0, 1],
        [0, np.nan, np.nan, np.nan, 1],
    ]
)
# Every answer pulls one way: item 3 has a negative slope, so its wrong answer points up.
UP, DOWN, BLANK = [1, 1, 0, 1, 1], [0, 0, 1, 0, np.nan], [np.nan] * 5


def log_likelihood(theta, row):
    z = PARAMS.intercept + PARAMS.slope * theta
    seen = ~np.isnan(row)
    return float(np.where(row[seen] == 1, stats.logistic.logcdf(z[seen]), stats.logistic.logsf(z[seen])).sum())


def information(theta, row):
    z = (PARAMS.intercept + PARAMS.slope * theta)[~np.isnan(row)]
    return float(PARAMS.slope[~np.isnan(row)] ** 2 @ stats.logistic.pdf(z))


@pytest.fixture
def problem():
    # The first row again: scores come back per row of the data, not per unique pattern.
    return TwoPL(np.vstack([RESPONSES, RESPONSES[:1]]), None, *equally_spaced(201, 8))


def test_eap(problem):
    theta, error = problem.scores(PARAMS, "eap")
    assert theta.shape == error.shape == (6,)
    assert theta[5] == theta[0]
    for j, row in enumerate(RESPONSES):
        moments = [
            integrate.quad(lambda t, p=p, row=row: t**p * np.exp(log_likelihood(t, row)) * stats.norm.pdf(t), -9, 9)[0]
            for p in range(3)
        ]
        mean = moments[1] / moments[0]
        assert theta[j] == pytest.approx(mean, abs=1e-8)
        assert error[j] == pytest.approx(np.sqrt(moments[2] / moments[0] - mean**2), abs=1e-8)


@pytest.mark.parametrize(("method", "precision"), [("map", 1.0), ("mle", 0.0)])
def test_modes(problem, method, precision):
    theta, error = problem.scores(PARAMS, method)
    assert theta[5] == theta[0]
    for j, row in enumerate(RESPONSES):
        best = optimize.minimize_scalar(
            lambda t, row=row: -log_likelihood(t, row) + precision * t**2 / 2,
            bounds=(-20, 20),
            options={"xatol": 1e-10},
        )
        assert theta[j] == pytest.approx(best.x, abs=1e-6)
        assert error[j] == pytest.approx(1 / np.sqrt(information(theta[j], row) + precision), rel=1e-12)


def test_mle_of_answers_that_all_point_one_way_is_infinite():
    theta, error = TwoPL([UP, DOWN, BLANK]).scores(PARAMS, "mle")
    np.testing.assert_array_equal(theta, [np.inf, -np.inf, np.nan])
    np.testing.assert_array_equal(error, [np.inf, np.inf, np.nan])


def test_map_and_eap_of_a_blank_row_are_the_prior():
    problem = TwoPL([UP, BLANK])
    assert problem.scores(PARAMS, "map").theta[1] == 0
    assert problem.scores(PARAMS, "map").standard_error[1] == 1
    assert problem.scores(PARAMS, "eap").theta[1] == pytest.approx(0, abs=1e-14)
    assert problem.scores(PARAMS, "eap").standard_error[1] == pytest.approx(1, abs=1e-6)
    assert 0 < problem.scores(PARAMS, "map").theta[0] < 10


def test_unknown_method():
    with pytest.raises(ValueError, match="'eap', 'map' or 'mle'"):
        TwoPL([UP]).scores(PARAMS, "wle")
