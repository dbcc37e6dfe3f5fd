"""Matrices that are free variables are not factorised again; the third way is SciPy."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest
from pytensor.graph.traversal import ancestors
from pytensor.tensor.blockwise import Blockwise
from scipy.stats import multivariate_normal, multivariate_t

from pp_models.matrices import CHOLESKY, SOLVE, correlation_matrix, covariance_matrix
from pp_models.objective import Objective

ROWS = np.random.default_rng(0).normal(size=(6, 2)) @ np.array([[1.0, 0.5], [0.0, 2.0]])
MEAN = np.array([0.2, -0.1])
ONE, OTHER = np.array([[1.5, 0.4], [0.4, 0.8]]), np.array([[0.9, -0.2], [-0.2, 2.0]])
CORRELATION = np.array([[1.0, -0.3], [-0.3, 1.0]])
Truth = tuple[dict[str, Any], float]


def normal() -> Truth:
    covariance = covariance_matrix("covariance", (2, 2))
    pm.MvNormal("rows", MEAN, cov=covariance, observed=ROWS)
    return {"covariance": ONE}, float(multivariate_normal(MEAN, ONE).logpdf(ROWS).sum())


def student_t() -> Truth:
    scale = covariance_matrix("scale", (2, 2))
    pm.MvStudentT("rows", nu=4, mu=MEAN, scale=scale, observed=ROWS)
    return {"scale": ONE}, float(multivariate_t(MEAN, ONE, df=4).logpdf(ROWS).sum())


def two_of_a_stack() -> Truth:
    covariance = covariance_matrix("covariance", (2, 2, 2))
    terms = [pm.logp(pm.MvNormal.dist(MEAN, cov=covariance[k]), ROWS) for k in range(2)]
    pm.Potential("rows", pt.logsumexp(pt.stack(terms, axis=1), axis=1))
    one, other = (multivariate_normal(MEAN, matrix).logpdf(ROWS) for matrix in (ONE, OTHER))
    return {"covariance": np.stack([ONE, OTHER])}, float(np.logaddexp(one, other).sum())


def correlated() -> Truth:
    correlation = correlation_matrix("correlation", (2, 2))
    pm.MvNormal("rows", MEAN, cov=correlation, observed=ROWS)
    return {"correlation": CORRELATION}, float(multivariate_normal(MEAN, CORRELATION).logpdf(ROWS).sum())


def of_a_given_matrix() -> Truth:
    mean = pm.Flat("mean", shape=2)
    pm.MvNormal("rows", mean, cov=ONE, observed=ROWS)
    return {"mean": MEAN}, float(multivariate_normal(MEAN, ONE).logpdf(ROWS).sum())


MODELS = [normal, student_t, two_of_a_stack, correlated, of_a_given_matrix]


@pytest.mark.parametrize("terms", MODELS)
def test_value_and_derivatives(terms: Callable[[], Truth]) -> None:
    with pm.Model() as model:
        natural, expected = terms()
    objective = Objective(model)
    x = objective.free(natural)
    assert objective.log_likelihood(x) == pytest.approx(expected, abs=1e-11)
    steps = 1e-5 * np.eye(len(x))
    ahead, behind = (objective.value_and_gradient(x + sign * steps)[1] for sign in (1, -1))
    np.testing.assert_allclose(objective.hessian(x), (ahead - behind) / 2e-5, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("terms", MODELS[:-1])
def test_nothing_is_factorised_or_solved(terms: Callable[[], Truth]) -> None:
    with pm.Model() as model:
        terms()
    nodes = [v.owner.op for v in ancestors([Objective(model)._terms[0]]) if v.owner is not None]
    assert not [op for op in nodes if isinstance(op, Blockwise) and isinstance(op.core_op, (CHOLESKY, SOLVE))]
