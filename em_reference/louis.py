"""Observed information by Louis' formula: what complete data would tell, less what is missing.

For independent observations x_j with frequency f_j, and the score s of the complete data,

    I(theta) = I_complete(theta) - I_missing(theta)
    I_complete = -d/dtheta' E[ s(x, z; theta') | x, theta ]  at theta' = theta
    I_missing  = sum_j f_j Var( s(x_j, z_j; theta) | x_j, theta )

with the variance over the completions z_j of observation j. Where a continuous part is missing, a few nodes and weights
stand for it: the score of a normal distribution is a polynomial of degree 2, and Gauss and Hermite's three nodes
integrate its square exactly.

Nothing is differentiated through the E-step, as in `em_reference.information`: an error in the posterior of what is
missing shows as a difference between the two.

Source: Louis (1982), Journal of the Royal Statistical Society B 44, 226-233, equation 3.2'.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np

from em_reference.information import Information, ScoredProblem, slope_of_score
from em_reference.layout import Array, Layout

# Nodes and weights that integrate polynomials of degree 5 against a standard normal density exactly.
HERMITE_NODES = np.array([-np.sqrt(3.0), 0.0, np.sqrt(3.0)])
HERMITE_WEIGHTS = np.array([1 / 6, 2 / 3, 1 / 6])


class TooManyCompletionsError(ValueError):
    """What is missing of an observation can be completed in too many ways to list them."""


class Completions(NamedTuple):
    """Ways to complete some observations.

    Attributes
    ----------
    posterior : array (J, C)
        Probability of each completion given what was seen of the observation; adds up to 1.
    scores : NamedTuple of arrays
        Gradient of the log-likelihood of one completed observation, like the parameters with leading axes (J, C); any
        constant may be added.
    frequencies : array (J,)
    """

    posterior: Array
    scores: Any
    frequencies: Array


class CompletedProblem(ScoredProblem, Protocol):
    """An EM problem that also lists the completions of its observations."""

    def completions(self, params: Any) -> Iterator[Completions]:
        """All observations, in parts of any size, at one point without leading axes.

        Raises
        ------
        TooManyCompletionsError
        """
        ...


def louis(problem: CompletedProblem, params: Any, held: Any = None, units: Any = None) -> Information:
    """Observed information by Louis' formula.

    Parameters
    ----------
    problem : CompletedProblem
    params, held, units
        As in `em_reference.information.observed_information`.

    Returns
    -------
    Information

    Raises
    ------
    TooManyCompletionsError
    """
    counts = problem.e_step(params).expected_counts
    complete = slope_of_score(problem, lambda batch: problem.score(counts, batch), params, held, units)
    return complete._replace(matrix=complete.matrix - missing_information(problem, params, complete.basis))


def missing_information(problem: CompletedProblem, params: Any, basis: Array) -> Array:
    """Variance of the score of the complete data, given what was seen, in a basis (P, F) of directions; (F, F)."""
    layout = Layout.of(params, ())
    moves = np.abs(basis).max(axis=1, initial=0.0) > 0
    missing = np.zeros((basis.shape[1], basis.shape[1]))
    with np.errstate(all="ignore"):
        for part in problem.completions(params):
            seen = part.frequencies > 0
            posterior, frequencies = part.posterior[seen], part.frequencies[seen]
            flat = layout.flatten(part.scores).reshape(*part.posterior.shape, len(moves))[seen]
            # The score of what cannot be, or of what may not move, need not be finite.
            along = np.where(moves & (posterior > 0)[..., None], flat, 0.0) @ basis
            apart = along - (posterior[:, None, :] @ along)
            weighted = np.sqrt(frequencies[:, None] * posterior)[..., None] * apart
            missing += np.tensordot(weighted, weighted, axes=((0, 1), (0, 1)))
    return missing
