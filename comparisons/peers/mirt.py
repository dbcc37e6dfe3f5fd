"""mirt for Python (Lyons; a Rust core): EM for the 2PL, by `mirt.fit_mirt`.

It writes P(right | theta) = 1 / (1 + exp(-a (theta - b))); here the logit is d + a theta, so d = -a b.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from comparisons.case import Array, Case, Natural
from comparisons.peers import Setting
from comparisons.peers._item_responses import PROBLEMS as PROBLEMS
from comparisons.peers._item_responses import under

PACKAGE = "mirt"
METHOD = "EM, `mirt.fit_mirt(X, model='2PL')`"
NOTES = (
    "A fit that is given no start runs wholly in the Rust core; one that is given a start runs in `EMEstimator`, in "
    "Python and Rust. *Where they stop* has the first, the audit and the saddle the second.",
    "`tol` is documented as a tolerance for the change of the parameters; `EMEstimator` compares it with the change of "
    "the log-likelihood. Any positive `tol` is taken; 1e-10 is still above the round-off of these log-likelihoods.",
    "Slopes are held between 0.1 and 5 and difficulties between -6 and 6. A start of the audit whose slopes are mostly "
    "negative is given reflected, which leaves the likelihood as it is.",
    "Standard errors are of a and b; those of d = -a b are from its covariance matrix by the delta method.",
)
SETTINGS = (
    Setting("defaults", {}),
    Setting("tight", {"n_quadpts": 61, "tol": 1e-10, "max_iter": 100_000}),
)
STARTS, CYCLES = True, "max_iter"
NODES = 21
# b = -d / a is not defined at a slope of 0; at this one the curve is level to the last digit that it prints.
LEVEL = 1e-8


def own(case: Case, options: Mapping[str, Any]) -> tuple[str, Case]:
    """Gauss-Hermite nodes, 21 of them unless told otherwise."""
    from mirt.estimation.quadrature import GaussHermiteQuadrature

    grid = GaussHermiteQuadrature(options.get("n_quadpts", NODES))
    return f"{grid.n_points} Gauss-Hermite nodes", under(case, grid.nodes.ravel(), grid.weights)


def fit(X: Array, options: Mapping[str, Any], start: Natural | None = None) -> dict[str, Any]:
    """Fit a 2PL; the package takes negative numbers for missing answers."""
    from mirt import fit_mirt

    started = {} if start is None else {"start_values": start_values(start)}
    found = fit_mirt(np.where(np.isnan(X), -1, X).astype(int), model="2PL", **options, **started)
    a, b = (np.asarray(found.model.parameters[name]) for name in ("discrimination", "difficulty"))
    return {
        "d": -a * b,
        "a": a,
        "log_likelihood": found.log_likelihood,
        "converged": found.converged,
        "cycles": found.n_iterations,
        "standard_errors": errors(a, b, np.asarray(found.vcov)),
    }


def start_values(start: Natural) -> dict[str, Array]:
    """A start as the package takes it, reflected where its slopes are mostly negative."""
    a = -start["a"] if start["a"].sum() < 0 else start["a"]
    a = np.where(a == 0, LEVEL, a)
    return {"discrimination": a, "difficulty": -start["d"] / a}


def errors(a: Array, b: Array, covariance: Array) -> Natural:
    """Standard errors of d = -a b and of a, from the covariance matrix of (a, b)."""
    here, none = np.eye(len(a)), np.zeros((len(a), len(a)))
    jacobian = np.block([[-np.diag(b), -np.diag(a)], [here, none]])
    d_error, a_error = np.split(np.sqrt(np.diag(jacobian @ covariance @ jacobian.T)), 2)
    return {"d": d_error, "a": a_error}
