"""PyMC's mixtures of normal distributions against SciPy's densities, row by row; what an EM counts, by enumeration."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from pp_models.complete_data import CompleteData
from pp_models.gaussian_mixture import build
from pp_models.objective import Objective

NONE = np.nan
ROWS = np.array([[1.0, 2.0], [0.5, NONE], [4.0, 3.0], [NONE, 5.0], [4.5, 4.0], [NONE, NONE], [5.0, 3.5]])
OFTEN = np.array([1.0, 2, 1, 3, 1, 5, 1])
MEANS = np.array([[0.7, 2.2], [4.4, 3.9]])
MATRICES = np.array([[[1.0, 0.3], [0.3, 2.0]], [[0.8, -0.4], [-0.4, 1.5]]])
WEIGHT = np.array([0.4, 0.6])
SPREAD = {
    "full": ("covariance", MATRICES, MATRICES),
    "tied": ("covariance", MATRICES[0], MATRICES[[0, 0]]),
    "diag": ("variance", np.array([[1.0, 2.0], [0.8, 1.5]]), np.array([np.diag([1.0, 2.0]), np.diag([0.8, 1.5])])),
    "spherical": ("variance", np.array([1.2, 0.9]), np.array([1.2 * np.eye(2), 0.9 * np.eye(2)])),
}


def natural(covariance: str) -> dict[str, Any]:
    name, values, _ = SPREAD[covariance]
    return {"weight": WEIGHT, "mean": MEANS, name: values}


def joint_of(row: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    seen = np.flatnonzero(~np.isnan(row))
    densities = [
        stats.multivariate_normal.pdf(row[seen], mean[seen], matrix[np.ix_(seen, seen)])
        for mean, matrix in zip(MEANS, matrices, strict=True)
    ]
    return WEIGHT * densities


def expected(matrices: np.ndarray, rows: np.ndarray) -> float:
    return sum(
        times * np.log(joint_of(row, matrices).sum())
        for row, times in zip(rows, OFTEN, strict=True)
        if not np.isnan(row).all()
    )


@pytest.mark.parametrize("covariance", SPREAD)
def test_the_likelihood_is_that_of_scipy(covariance: str) -> None:
    matrices = SPREAD[covariance][2]
    complete = np.nan_to_num(ROWS, nan=1.5)
    for rows in (complete, ROWS):
        objective = Objective(build(rows, 2, covariance, frequencies=OFTEN))
        x = objective.free(natural(covariance))
        assert objective.log_likelihood(x) == pytest.approx(expected(matrices, rows), rel=1e-12)
    assert objective.observations == OFTEN.sum() - 5


def test_one_variable() -> None:
    values = ROWS[:, 1]
    for covariance, variance in (("full", np.array([1.0, 2.0])), ("tied", np.array([1.5]))):
        objective = Objective(build(values, 2, covariance, frequencies=OFTEN))
        x = objective.free({"weight": WEIGHT, "mean": MEANS[:, 1], "variance": variance})
        density = stats.norm.pdf(values[:, None], MEANS[:, 1], np.sqrt(variance)) @ WEIGHT
        seen = ~np.isnan(values)
        assert objective.log_likelihood(x) == pytest.approx(OFTEN[seen] @ np.log(density[seen]), rel=1e-12)


def test_a_floor_bounds_variances() -> None:
    objective = Objective(build(ROWS[:, 1], 2, frequencies=OFTEN, between=(0.25, 100.0)))
    low, high = objective.edges("variance")
    np.testing.assert_array_equal(low, [0.25, 0.25])
    np.testing.assert_array_equal(high, [100.0, 100.0])
    with pytest.raises(ValueError, match=r"lie between 0.25 and 100"):
        objective.free({"weight": WEIGHT, "mean": MEANS[:, 1], "variance": np.array([0.2, 1.0])})


@pytest.mark.parametrize("covariance", ["full", "tied", "diag"])
def test_priors_are_those_of_scipy(covariance: str) -> None:
    name, values, _ = SPREAD[covariance]
    scale = np.array([[1.0, 0.2], [0.2, 0.5]]) if name == "covariance" else np.array([1.0, 0.5])
    model = build(np.nan_to_num(ROWS), 2, covariance, covariance_prior=(4.5, scale), weight_prior=1.5)
    objective = Objective(model, with_prior=True)
    found = objective.log_prior(objective.free(natural(covariance)))
    log_prior = stats.dirichlet.logpdf(WEIGHT, [1.5, 1.5])
    if name == "covariance":
        log_prior += sum(stats.invwishart.logpdf(matrix, 4.5, scale) for matrix in values.reshape(-1, 2, 2))
    else:
        log_prior += stats.invgamma.logpdf(values, 2.25, scale=scale / 2).sum()
    assert found == pytest.approx(log_prior, rel=1e-12)


@pytest.mark.parametrize("covariance", [pytest.param("full", marks=pytest.mark.slow), "diag"])
def test_what_an_em_counts_is_named(covariance: str) -> None:
    """With entries missing they are latent too: expected squares hold their conditional variance."""
    _, _, matrices = SPREAD[covariance]
    complete = CompleteData(Objective(build(ROWS, 2, covariance, frequencies=OFTEN, hooks=True)))
    x = complete.objective.free(natural(covariance))
    counts = complete.counts(complete.expected_statistics(x))
    n, sums, squares = np.zeros(2), np.zeros((2, 2)), np.zeros((2, 2, 2))
    for row, times in zip(ROWS, OFTEN, strict=True):
        if np.isnan(row).all():
            continue
        joint = joint_of(row, matrices)
        for k, gamma in enumerate(joint / joint.sum()):
            filled, left = row.copy(), np.zeros((2, 2))
            for m in np.flatnonzero(np.isnan(row)):
                o = 1 - m
                slope = matrices[k][m, o] / matrices[k][o, o]
                filled[m] = MEANS[k, m] + slope * (row[o] - MEANS[k, o])
                left[m, m] = matrices[k][m, m] - slope * matrices[k][o, m]
            n[k] += times * gamma
            sums[k] += times * gamma * filled
            squares[k] += times * gamma * (np.outer(filled, filled) + left)
    np.testing.assert_allclose(counts["observations"], n, rtol=1e-10)
    np.testing.assert_allclose(counts["sums"], sums, rtol=1e-10)
    own = squares if covariance == "full" else np.diagonal(squares, axis1=1, axis2=2)
    np.testing.assert_allclose(counts["squares"], own, rtol=1e-10)


def test_variances_in_very_different_units_are_positive_definite() -> None:
    """Beside a variance of 1e12 one of 1e-12 is round-off to an eigenvalue."""
    objective = Objective(build(np.nan_to_num(ROWS), 1))
    unit = np.diag([1e6, 1e-6])
    given = unit @ MATRICES[:1] @ unit
    back = objective.natural(objective.free({"mean": MEANS[:1], "covariance": given}))["covariance"]
    np.testing.assert_allclose(back, given, rtol=1e-12)
