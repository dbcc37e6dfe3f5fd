"""girth (Sanchez): the 2PL by `girth.twopl_mml`.

It writes P(right | theta) = 1 / (1 + exp(-a (theta - b))); here the logit is d + a theta, so d = -a b.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from comparisons.case import Array, Case, Natural
from comparisons.peers import Setting
from comparisons.peers._item_responses import PROBLEMS as PROBLEMS
from comparisons.peers._item_responses import under

PACKAGE = "girth"
METHOD = "`girth.twopl_mml(X.T)`: one item after the other, a bounded search for its slope; no EM"
NOTES = (
    "At each slope that it tries, girth sets the difficulty so that the model's share of right answers equals the "
    "observed one, and maximises the marginal likelihood under that constraint. Where the model does not fit "
    "every share exactly at the maximum of the likelihood, its estimates are not that maximum, whatever the tolerance.",
    "It has no tolerance to set: it stops once no slope moves by 1e-3 in a round. *Tight* is without its table of "
    "interpolated difficulties (`use_LUT`), with more rounds allowed. It does not say whether it converged.",
    "It takes no start, and gives no standard errors but by the bootstrap.",
    "It reports no log-likelihood but an AIC, in which it counts no item parameter: -AIC / 2 is the log-likelihood.",
    "Slopes are sought between 0.2 and 5.",
)
SETTINGS = (
    Setting("defaults", {}),
    Setting(
        "tight",
        {"quadrature_n": 61, "quadrature_bounds": (-6, 6), "use_LUT": False, "max_iteration": 10_000},
    ),
)
STARTS, CYCLES = False, "max_iteration"


def own(case: Case, options: Mapping[str, Any]) -> tuple[str, Case]:
    """Gauss-Legendre nodes with the normal density at each; the weights need not add up to 1."""
    from girth.utilities.latent_ability_distribution import LatentPDF

    grid = LatentPDF(dict(options))
    words = "{} Gauss-Legendre nodes on [{:g}, {:g}]".format(len(grid.weights), *grid.quad_bounds)
    return words, under(case, grid.quadrature_locations, grid.null_distribution * grid.weights)


def fit(X: Array, options: Mapping[str, Any], start: Natural | None = None) -> dict[str, Any]:
    """Fit a 2PL; the package takes items as rows, and has a number of its own for missing answers."""
    from girth import twopl_mml
    from girth.utilities import INVALID_RESPONSE

    found = twopl_mml(np.where(np.isnan(X), INVALID_RESPONSE, X).astype(int).T, dict(options))
    a, b = np.asarray(found["Discrimination"]), np.asarray(found["Difficulty"])
    return {"d": -a * b, "a": a, "log_likelihood": -found["AIC"]["final"] / 2}
