"""Genetic linkage: a multinomial whose first cell is the sum of two that were not told apart.

Model: N animals fall into four cells with probabilities

    p = (1/2 + theta/4, (1 - theta)/4, (1 - theta)/4, theta/4)

Were the first cell split into 1/2 and theta/4 the estimate would be a simple proportion; which part an
animal of the first cell belongs to is what is missing.

Observed-data log-likelihood, with the multinomial coefficient:

    log L = log N! - sum_c log y_c! + sum_c y_c log p_c(theta)

E-step:  x = y_1 theta / (2 + theta)           (expected animals of the first cell in its part theta/4)
M-step:  theta = (x + y_4) / (x + y_2 + y_3 + y_4)

Source: Dempster, Laird and Rubin (1977), Journal of the Royal Statistical Society B 39, 1-38, section 1
(after Rao 1965, section 5g): y = (125, 18, 20, 34), N = 197.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, xlog1py, xlogy

from em_reference.em import Expectation
from em_reference.layout import Array
from em_reference.louis import Completions


class LinkageParams(NamedTuple):
    """Parameters; `...` are the leading axes.

    Attributes
    ----------
    theta : array (..., 1)
        From 0 to 1; the square of one minus the recombination fraction in Fisher's experiment.
    """

    theta: Array


class LinkageCounts(NamedTuple):
    """Expected counts of the complete data, both (..., 1).

    Attributes
    ----------
    linked : array
        Expected animals in the cells of probability theta/4.
    unlinked : array
        Animals in the cells of probability (1 - theta)/4.
    """

    linked: Array
    unlinked: Array


@dataclass(frozen=True)
class GeneticLinkage:
    """EM problem of the linkage multinomial.

    Parameters
    ----------
    frequencies : array (4,)
        Animals in the four cells.

    Raises
    ------
    ValueError
        If there are not four counts, or nothing in them speaks about theta.
    """

    frequencies: npt.ArrayLike

    def __post_init__(self) -> None:
        cells = self.cells
        if cells.shape != (4,) or not np.isfinite(cells).all() or (cells < 0).any():
            raise ValueError(f"frequencies must be four finite counts, not negative, got {cells}")
        if not cells.sum() > 0:
            raise ValueError("frequencies must add up to more than 0")

    @cached_property
    def cells(self) -> Array:
        """Animals in the four cells (4,)."""
        return np.asarray(self.frequencies, dtype=float)

    def e_step(self, params: LinkageParams) -> Expectation:
        """Return expected counts and log-likelihood at `params`."""
        theta, y = np.asarray(params.theta, dtype=float), self.cells
        constant = gammaln(y.sum() + 1) - gammaln(y + 1).sum() - (y[1] + y[2] + y[3]) * np.log(4.0)
        log_likelihood = (constant + xlogy(y[0], 0.5 + theta / 4) + xlog1py(y[1] + y[2], -theta) + xlogy(y[3], theta))[
            ..., 0
        ]
        linked = y[0] * theta / (2 + theta) + y[3]
        return Expectation(LinkageCounts(linked, np.full_like(linked, y[1] + y[2])), log_likelihood)

    def m_step(self, expected_counts: LinkageCounts, params: LinkageParams) -> LinkageParams:
        """Proportion of linked animals; theta stays when there are none of either kind."""
        linked, unlinked = expected_counts
        total = linked + unlinked
        return LinkageParams(np.divide(linked, total, out=np.array(params.theta, dtype=float), where=total > 0))

    def feasible(self, params: LinkageParams) -> npt.NDArray[np.bool_]:
        """Whether theta lies between 0 and 1."""
        return np.asarray(((params.theta >= 0) & (params.theta <= 1)).all(axis=-1))

    def score(self, expected_counts: LinkageCounts, params: LinkageParams) -> LinkageParams:
        """Gradient of the expected complete-data log-likelihood at `params`."""
        linked, unlinked = expected_counts
        return LinkageParams(linked / params.theta - unlinked / (1 - params.theta))

    def completions(self, params: LinkageParams) -> Iterator[Completions]:
        """An animal of the first cell is in its part theta/4, or not; see `em_reference.louis`."""
        linked = params.theta / (2 + params.theta)
        counts = LinkageCounts(np.array([[[1.0], [0.0]]]), np.zeros((1, 2, 1)))
        yield Completions(np.stack([linked, 1 - linked], axis=-1), self.score(counts, params), self.cells[:1])

    def free_directions(self) -> Array:
        """Theta moves freely: the identity (1, 1)."""
        return np.eye(1)
