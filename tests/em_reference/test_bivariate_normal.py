"""Bivariate normal with missing entries: Murray's data, and the E-step against its definition."""

import numpy as np
import pytest
from scipy import stats

from em_reference import Status, StopRule, em
from em_reference.bivariate_normal import BivariateNormal, NormalParams

NONE = np.nan
MURRAY = np.array(
    [[1, 1], [1, -1], [-1, 1], [-1, -1], [2, NONE], [2, NONE], [-2, NONE], [-2, NONE],
     [NONE, 2], [NONE, 2], [NONE, -2], [NONE, -2]]
)  # fmt: skip
UNEVEN = np.array([[1.0, 2.5], [0.3, -1.0], [2.0, NONE], [NONE, 0.7], [-1.2, -2.0], [NONE, NONE]])
PARAMS = NormalParams(np.array([0.8, -0.3]), np.array([1.7, 0.6]), np.array([0.4]))
ZERO = np.zeros(2)


@pytest.mark.parametrize(("start", "rho", "variance"), [(0.2, 0.5, 8 / 3), (-0.2, -0.5, 8 / 3), (0.0, 0.0, 5 / 2)])
def test_murrays_maxima_and_the_saddle_that_em_never_leaves(start: float, rho: float, variance: float) -> None:
    begin = NormalParams(ZERO, np.array([1.0, 2.0]), np.array([start]))
    fit = em(BivariateNormal(MURRAY, means_zero=True), begin, StopRule(1e-13), trace=True)
    assert (fit.params.mean == 0).all()
    assert fit.status == Status.CONVERGED
    np.testing.assert_allclose(fit.params.correlation, rho, atol=1e-11)
    np.testing.assert_allclose(fit.params.variance, variance, rtol=1e-11)
    assert (np.diff(fit.trace.log_likelihood) >= -1e-13).all()


@pytest.mark.parametrize(
    ("problem", "params"),
    [
        (BivariateNormal(UNEVEN), PARAMS),
        (BivariateNormal(UNEVEN, about=0.0), PARAMS),
        (BivariateNormal(UNEVEN, means_zero=True), PARAMS._replace(mean=ZERO)),
    ],
)
def test_e_step_is_the_conditional_expectation(problem: BivariateNormal, params: NormalParams) -> None:
    counts, log_likelihood, _ = problem.e_step(params)
    mean, about = params.mean, problem.center
    cross = PARAMS.correlation[0] * np.sqrt(PARAMS.variance.prod())
    covariance = np.array([[PARAMS.variance[0], cross], [cross, PARAMS.variance[1]]])
    total, sums, moments = 0.0, np.zeros(2), np.zeros((2, 2))
    for row in UNEVEN[:-1]:
        seen = np.flatnonzero(~np.isnan(row))
        lost = np.flatnonzero(np.isnan(row))
        block = covariance[np.ix_(seen, seen)]
        total += stats.multivariate_normal.logpdf(row[seen], mean[seen], block)
        gain = covariance[np.ix_(lost, seen)] @ np.linalg.inv(block)
        filled = row.copy()
        filled[lost] = mean[lost] + gain @ (row[seen] - mean[seen])
        filled -= about
        sums += filled
        moments += np.outer(filled, filled)
        moments[np.ix_(lost, lost)] += covariance[np.ix_(lost, lost)] - gain @ covariance[np.ix_(seen, lost)]
    assert log_likelihood == pytest.approx(total, rel=1e-13)
    np.testing.assert_allclose(counts.sums, sums, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(counts.squares, np.diag(moments), rtol=1e-13)
    np.testing.assert_allclose(counts.product, [moments[0, 1]], rtol=1e-13)


def test_starts_run_as_one_batch_and_a_frequency_of_2_is_the_row_twice() -> None:
    starts = NormalParams(
        np.array([[0.3, 0.1], [-1.0, 2.0]]), np.array([[1.0, 2.0], [0.5, 3.0]]), np.array([[0.1], [-0.7]])
    )
    batch = BivariateNormal(UNEVEN).e_step(starts)
    alone = BivariateNormal(UNEVEN).e_step(NormalParams(*(field[1] for field in starts)))
    assert batch.log_likelihood[1] == pytest.approx(float(alone.log_likelihood), rel=1e-14)
    np.testing.assert_allclose(batch.expected_counts.squares[1], alone.expected_counts.squares, rtol=1e-14)
    twice = BivariateNormal(np.vstack([UNEVEN, UNEVEN[:1]])).e_step(PARAMS)
    weighted = BivariateNormal(UNEVEN, [2, 1, 1, 1, 1, 1]).e_step(PARAMS)
    assert twice.log_likelihood == pytest.approx(float(weighted.log_likelihood), rel=1e-14)


def test_score_is_the_gradient() -> None:
    problem = BivariateNormal(UNEVEN)
    gradient = np.concatenate(problem.score(problem.e_step(PARAMS).expected_counts, PARAMS))
    center = np.concatenate(PARAMS)

    def value(x: np.ndarray) -> float:
        return float(problem.e_step(NormalParams(x[:2], x[2:4], x[4:])).log_likelihood)

    numeric = [(value(center + 1e-6 * b) - value(center - 1e-6 * b)) / 2e-6 for b in np.eye(5)]
    np.testing.assert_allclose(gradient, numeric, rtol=1e-7, atol=1e-7)


def test_complete_data_need_one_cycle() -> None:
    """Without missing entries the estimates are the moments, whatever the start."""
    values = np.array([[20.1, 45.3], [22.4, 46.0], [19.7, 43.2], [18.0, 44.9], [21.2, 47.1]])
    problem = BivariateNormal(values, [2, 1, 1, 3, 1])
    start = PARAMS._replace(mean=np.array([18.0, 50.0]))
    found = problem.m_step(problem.e_step(start).expected_counts, start)
    rows = np.repeat(values, [2, 1, 1, 3, 1], axis=0)
    np.testing.assert_allclose(found.mean, rows.mean(axis=0), rtol=1e-15)
    np.testing.assert_allclose(found.variance, rows.var(axis=0), rtol=1e-13)
    np.testing.assert_allclose(found.correlation, np.corrcoef(rows.T)[0, 1], rtol=1e-13)


def andersons_estimates(pairs: np.ndarray, x: np.ndarray) -> tuple[list[float], list[float], float]:
    """Closed form where x is always seen and y for some rows (Anderson 1957, JASA 52, 200-203)."""
    every = np.concatenate([pairs[:, 0], x])
    covariance = np.cov(pairs.T, bias=True)
    slope = covariance[0, 1] / covariance[0, 0]
    mean, variance = every.mean(), every.var()
    mean_y = pairs[:, 1].mean() + slope * (mean - pairs[:, 0].mean())
    variance_y = covariance[1, 1] + slope**2 * (variance - covariance[0, 0])
    return [mean, mean_y], [variance, variance_y], slope * np.sqrt(variance / variance_y)


@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_one_variable_always_seen_has_a_closed_form(shift: float) -> None:
    rng = np.random.default_rng(3)
    values = rng.multivariate_normal([20.0, 45.0], [[4.0, 2.0], [2.0, 3.0]], size=30)
    values[18:, 1] = NONE
    problem = BivariateNormal(values + shift)
    start = NormalParams(np.array([18.0, 40.0]) + shift, np.array([1.0, 9.0]), np.array([-0.2]))
    fit = em(problem, start, StopRule(1e-12))
    mean, variance, rho = andersons_estimates(values[:18], values[18:, 0])
    digits = 1e-10 + 1e-14 * shift
    np.testing.assert_allclose(fit.params.mean - shift, mean, rtol=digits)
    np.testing.assert_allclose(fit.params.variance, variance, rtol=digits)
    np.testing.assert_allclose(fit.params.correlation, rho, rtol=digits)


@pytest.mark.parametrize(
    ("values", "means_zero"),
    [
        ([1.0, 2.0], False),
        ([[1.0, np.inf]], False),
        ([[NONE, 1.0], [NONE, 2.0]], False),
        ([[3.0, 1.0], [3.0, 2.0]], False),
        ([[NONE, 1.0]], True),
        ([[0.0, 1.0]], True),
    ],
)
def test_impossible_data_are_refused(values: list, means_zero: bool) -> None:
    with pytest.raises(ValueError, match="must"):
        BivariateNormal(values, means_zero=means_zero)


def test_a_value_never_seen_does_not_count() -> None:
    with pytest.raises(ValueError, match="two different values"):
        BivariateNormal([[3.0, 1.0], [3.0, 2.0], [4.0, 5.0]], [1, 1, 0])
