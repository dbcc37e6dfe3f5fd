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
PARAMS = NormalParams(np.array([1.7, 0.6]), np.array([0.4]))


@pytest.mark.parametrize(("start", "rho", "variance"), [(0.2, 0.5, 8 / 3), (-0.2, -0.5, 8 / 3), (0.0, 0.0, 5 / 2)])
def test_murrays_maxima_and_the_saddle_that_em_never_leaves(start: float, rho: float, variance: float) -> None:
    fit = em(
        BivariateNormal(MURRAY), NormalParams(np.array([1.0, 2.0]), np.array([start])), StopRule(1e-13), trace=True
    )
    assert fit.status == Status.CONVERGED
    np.testing.assert_allclose(fit.params.correlation, rho, atol=1e-11)
    np.testing.assert_allclose(fit.params.variance, variance, rtol=1e-11)
    assert (np.diff(fit.trace.log_likelihood) >= -1e-13).all()


def test_e_step_is_the_conditional_expectation() -> None:
    counts, log_likelihood, _ = BivariateNormal(UNEVEN).e_step(PARAMS)
    cross = PARAMS.correlation[0] * np.sqrt(PARAMS.variance.prod())
    covariance = np.array([[PARAMS.variance[0], cross], [cross, PARAMS.variance[1]]])
    total, moments = 0.0, np.zeros((2, 2))
    for row in UNEVEN[:-1]:
        seen = np.flatnonzero(~np.isnan(row))
        lost = np.flatnonzero(np.isnan(row))
        block = covariance[np.ix_(seen, seen)]
        total += stats.multivariate_normal.logpdf(row[seen], np.zeros(len(seen)), block)
        gain = covariance[np.ix_(lost, seen)] @ np.linalg.inv(block)
        filled = row.copy()
        filled[lost] = gain @ row[seen]
        moments += np.outer(filled, filled)
        moments[np.ix_(lost, lost)] += covariance[np.ix_(lost, lost)] - gain @ covariance[np.ix_(seen, lost)]
    assert log_likelihood == pytest.approx(total, rel=1e-13)
    np.testing.assert_allclose(counts.squares, np.diag(moments), rtol=1e-13)
    np.testing.assert_allclose(counts.product, [moments[0, 1]], rtol=1e-13)


def test_starts_run_as_one_batch_and_a_frequency_of_2_is_the_row_twice() -> None:
    starts = NormalParams(np.array([[1.0, 2.0], [0.5, 3.0]]), np.array([[0.1], [-0.7]]))
    batch = BivariateNormal(UNEVEN).e_step(starts)
    alone = BivariateNormal(UNEVEN).e_step(NormalParams(starts.variance[1], starts.correlation[1]))
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
        return float(problem.e_step(NormalParams(x[:2], x[2:])).log_likelihood)

    numeric = [(value(center + 1e-6 * b) - value(center - 1e-6 * b)) / 2e-6 for b in np.eye(3)]
    np.testing.assert_allclose(gradient, numeric, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("values", [[1.0, 2.0], [[1.0, np.inf]], [[NONE, 1.0]], [[0.0, 1.0]]])
def test_impossible_data_are_refused(values: list) -> None:
    with pytest.raises(ValueError, match="must"):
        BivariateNormal(values)
