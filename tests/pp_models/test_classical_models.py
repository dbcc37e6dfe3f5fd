"""PyMC's side of the classical problems: log-likelihood and gradient against scipy and finite differences."""

import numpy as np
import pytest
from scipy import stats

from pp_models import bivariate_normal, common_slope, genetic_linkage, poisson_mixture
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
    assert_value_and_gradient(Objective(bivariate_normal.build(values)), natural, float(value))


def test_common_slope() -> None:
    responses = np.array([[1, 0, NONE], [0, 1, 1], [1, 1, 0]], dtype=float)
    nodes, weights, repeats = np.array([-1.0, 0.0, 1.5]), np.array([0.3, 0.4, 0.3]), np.array([2.0, 1.0, 0.0])
    d, a = np.array([0.5, -0.3, 0.0]), 1.3
    p = 1 / (1 + np.exp(-(d[:, None] + a * nodes)))
    first, second = p[0] * (1 - p[1]), (1 - p[0]) * p[1] * p[2]
    value = 2 * np.log(first @ weights) + np.log(second @ weights)
    objective = Objective(common_slope.build(responses, nodes, weights, frequencies=repeats))
    assert_value_and_gradient(objective, {"d": d, "a": np.array([a])}, float(value))
