"""PyMC's side of the classical problems: log-likelihood and gradient against scipy and finite differences."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from pp_models import bivariate_normal, coin_mixture, common_slope, genetic_linkage, poisson_mixture
from pp_models.complete_data import CompleteData
from pp_models.objective import Objective

NONE = np.nan


def assert_value_and_gradient(objective: Objective, natural: dict, value: float) -> None:
    x = objective.free(natural)
    found, gradient = objective.value_and_gradient(x)
    assert found == pytest.approx(value, rel=1e-12)
    assert found == pytest.approx(objective.pointwise(x).sum(), rel=1e-12)
    numeric = [
        (objective.value_and_gradient(x + e)[0] - objective.value_and_gradient(x - e)[0]) / 2e-6
        for e in 1e-6 * np.eye(len(x))
    ]
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-5)
    back = objective.natural(x)
    assert {name: back[name].tolist() for name in natural} == {
        name: pytest.approx(list(values), rel=1e-12) for name, values in natural.items()
    }


def test_genetic_linkage() -> None:
    t = 0.3
    cells = [1 / 2 + t / 4, (1 - t) / 4, (1 - t) / 4, t / 4]
    value = stats.multinomial.logpmf([125, 18, 20, 34], 197, cells)
    assert_value_and_gradient(Objective(genetic_linkage.build([125, 18, 20, 34])), {"theta": np.array([t])}, value)


@pytest.mark.parametrize("kind", [np.int64, float])
def test_counts_above_two_to_the_31(kind: type) -> None:
    """PyMC makes 32 bits of observed integers."""
    t, billions = 0.3, np.array([125, 18, 20, 34]).astype(kind) * 10**9
    cells = [1 / 2 + t / 4, (1 - t) / 4, (1 - t) / 4, t / 4]
    for hooks in (False, True):
        objective = Objective(genetic_linkage.build(billions, hooks=hooks))
        value = stats.multinomial.logpmf(billions, billions.sum(), cells)
        assert objective.log_likelihood(objective.free({"theta": [t]})) == pytest.approx(value, rel=1e-9)
        heads = billions[:3]
        for frequencies in (None, np.ones(3)):
            coins = Objective(coin_mixture.build(heads, 2 * 10**11, 1, frequencies=frequencies, hooks=hooks))
            value = stats.binom.logpmf(heads, 2 * 10**11, t).sum()
            assert coins.log_likelihood(coins.free({"bias": [t]})) == pytest.approx(value, rel=1e-9)


def test_poisson_mixture() -> None:
    counts, repeats = np.array([0, 1, 2, 7]), np.array([5, 3, 0, 2])
    weight, rate = np.array([0.3, 0.7]), np.array([0.8, 3.1])
    value = repeats @ np.log(stats.poisson.pmf(counts[:, None], rate) @ weight)
    objective = Objective(poisson_mixture.build(counts, 2, frequencies=repeats))
    assert_value_and_gradient(objective, {"weight": weight, "rate": rate}, float(value))


def test_bivariate_normal() -> None:
    values = np.array([[1.0, 2.5], [0.3, -1.0], [2.0, NONE], [NONE, 0.7], [NONE, NONE]])
    variance, rho = np.array([1.7, 0.6]), 0.4
    cross = rho * np.sqrt(variance.prod())
    covariance = [[variance[0], cross], [cross, variance[1]]]
    value = stats.multivariate_normal.logpdf(values[:2], [0, 0], covariance).sum()
    value += stats.norm.logpdf(2.0, 0, np.sqrt(variance[0])) + stats.norm.logpdf(0.7, 0, np.sqrt(variance[1]))
    natural = {"variance": variance, "correlation": np.array([rho])}
    known = Objective(bivariate_normal.build(values, means_zero=True))
    assert_value_and_gradient(known, natural, float(value))
    mean = np.array([20.0, -3.0])
    estimated = Objective(bivariate_normal.build(values + mean))
    assert_value_and_gradient(estimated, {"mean": mean, **natural}, float(value))


@pytest.mark.parametrize(
    ("mean", "about"), [(None, 0.0), ([0.5, -0.4], 0.0), ([0.5, -0.4], [2.0, 1.0])], ids=["known", "estimated", "moved"]
)
def test_bivariate_normal_by_its_sufficient_statistics(mean: list[float] | None, about: Any) -> None:
    """With hooks the likelihood is another graph; moments of what is missing are its gradients by the tilt."""
    values = np.array([[1.0, 2.5], [0.3, -1.0], [2.0, NONE], [NONE, 0.7], [NONE, NONE]])
    plain, hooked = (
        Objective(bivariate_normal.build(values, means_zero=mean is None, hooks=hooks, about=about))
        for hooks in (False, True)
    )
    center = np.zeros(2) if mean is None else np.array(mean)
    x = plain.free({"variance": [1.7, 0.6], "correlation": [0.4], **({} if mean is None else {"mean": mean})})
    for one, other in zip(plain.value_and_gradient(x), hooked.value_and_gradient(x), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13)

    def moments(given: float, own: int, other: int) -> np.ndarray:
        """E of (the missing, its square, product with the seen) about a point, by integrating the joint density."""
        cross = 0.4 * np.sqrt(1.7 * 0.6)
        joint = stats.multivariate_normal(center, [[1.7, cross], [cross, 0.6]])
        grid = np.linspace(-15, 15, 6001)
        points = np.empty((len(grid), 2))
        points[:, own], points[:, other] = given, grid
        density = joint.pdf(points)
        density /= density.sum()
        missing, seen = grid - np.broadcast_to(about, 2)[other], given - np.broadcast_to(about, 2)[own]
        return np.array([density @ missing, density @ missing**2, seen * (density @ missing)])

    by_x, by_y = moments(2.0, 0, 1), moments(0.7, 1, 0)
    apart = values - about
    pairs, x_alone, y_alone = apart[:2], apart[2, 0], apart[3, 1]
    expected = [
        pairs[:, 0].sum() + x_alone + by_y[0],
        pairs[:, 1].sum() + by_x[0] + y_alone,
        (pairs[:, 0] ** 2).sum() + x_alone**2 + by_y[1],
        (pairs[:, 1] ** 2).sum() + by_x[1] + y_alone**2,
        pairs.prod(axis=1).sum() + by_x[2] + by_y[2],
        4.0,
    ]
    np.testing.assert_allclose(CompleteData(hooked).expected_statistics(x), expected, rtol=1e-12)


def test_common_slope() -> None:
    responses = np.array([[1, 0, NONE], [0, 1, 1], [1, 1, 0]], dtype=float)
    nodes, weights, repeats = np.array([-1.0, 0.0, 1.5]), np.array([0.3, 0.4, 0.3]), np.array([2.0, 1.0, 0.0])
    d, a = np.array([0.5, -0.3, 0.0]), 1.3
    p = 1 / (1 + np.exp(-(d[:, None] + a * nodes)))
    first, second = p[0] * (1 - p[1]), (1 - p[0]) * p[1] * p[2]
    value = 2 * np.log(first @ weights) + np.log(second @ weights)
    objective = Objective(common_slope.build(responses, nodes, weights, frequencies=repeats))
    assert_value_and_gradient(objective, {"d": d, "a": np.array([a])}, float(value))
