"""scikit-learn: EM for mixtures of normal distributions, by `sklearn.mixture.GaussianMixture`."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from comparisons import catalogue
from comparisons.case import Array, Case, Natural
from comparisons.peers import Problem, Setting

COMPONENTS = 2
PACKAGE = "scikit-learn"
METHOD = f"EM, `sklearn.mixture.GaussianMixture(n_components={COMPONENTS}, random_state=0).fit(X)`"
NOTES = (
    "What it reports as `lower_bound_` is the mean log-likelihood of a row before the last M-step, not that of the "
    "estimates that it returns; times the number of rows it is taken for its log-likelihood here.",
    "`reg_covar`, 1e-6 unless told otherwise, is added to every variance in every M-step, in squared units of the "
    "data, so that its estimates are not those of the maximum of the likelihood. *Tight* is without.",
    "`tol` is compared with the change of that mean log-likelihood, so that the distance at which it stops grows with "
    "the root of the number of rows.",
    "Unless it is given a start, it begins with k-means. It takes no missing entries, and gives no standard errors.",
)
SETTINGS = (
    Setting("defaults", {}),
    Setting("tight", {"tol": 1e-15, "reg_covar": 0.0, "max_iter": 100_000}),
)
STARTS, CYCLES = True, "max_iter"
ONE = "Both components are one, with the mean and the covariances of the data"


def one_component(case: Case) -> Natural:
    """The saddle at which the two components are the same."""
    assert case.audit is not None
    values = np.asarray(case.audit.data["values"], dtype=float).reshape(len(case.audit.data["values"]), -1)
    covariance = np.atleast_2d(np.cov(values.T, bias=True))
    weight, mean = np.array([0.75, 0.25]), np.tile(values.mean(axis=0), (COMPONENTS, 1))
    if values.shape[1] == 1:
        return {"weight": weight, "mean": mean[:, 0], "variance": np.full(COMPONENTS, covariance[0, 0])}
    return {"weight": weight, "mean": mean, "covariance": np.tile(covariance, (COMPONENTS, 1, 1))}


PROBLEMS = tuple(
    Problem(name, title, "none", lambda name=name: catalogue.load(name), one_component, ONE)  # type: ignore[misc]
    for name, title in (
        ("faithful-waiting-free", "Old Faithful, 272 waiting times"),
        ("faithful", "Old Faithful, 272 eruptions in two dimensions"),
    )
)


def own(case: Case, options: Mapping[str, Any]) -> tuple[str, Case]:
    """There is no quadrature in this model: what the package maximises is the problem's own likelihood."""
    return "none", case


def fit(X: Array, options: Mapping[str, Any], start: Natural | None = None) -> dict[str, Any]:
    """Fit the mixture; variances of one variable are matrices of one row."""
    from sklearn.mixture import GaussianMixture

    table = X.reshape(len(X), -1)
    started = {} if start is None else start_values(start)
    found = GaussianMixture(n_components=COMPONENTS, random_state=0, **started, **options).fit(table)
    one = table.shape[1] == 1
    return {
        "weight": found.weights_,
        "mean": found.means_[:, 0] if one else found.means_,
        **({"variance": found.covariances_[:, 0, 0]} if one else {"covariance": found.covariances_}),
        "log_likelihood": float(found.lower_bound_) * len(table),
        "converged": bool(found.converged_),
        "cycles": int(found.n_iter_),
    }


def start_values(start: Natural) -> dict[str, Array]:
    """A start as the package takes it: inverses of the covariance matrices."""
    matrices = start["covariance"] if "covariance" in start else start["variance"][:, None, None]
    mean = start["mean"] if start["mean"].ndim == 2 else start["mean"][:, None]
    return {"weights_init": start["weight"], "means_init": mean, "precisions_init": np.asarray(np.linalg.inv(matrices))}
