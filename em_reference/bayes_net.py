"""Discrete Bayesian network with missing entries, anywhere, also whole columns (latent variables).

Model: theta[v, u, x] = P(variable v in state x | its parents in configuration u); a completed row has the probability
prod_v theta[v, u_v, x_v]. All tables lie side by side in one vector; see `em_reference.network`.

Observed-data log-likelihood, over unique rows j with frequency f_j, h running over what row j leaves open:

    log L = sum_j f_j log sum_h prod_v theta[v, u_v(j, h), x_v(j, h)]

E-step:  N[v, u, x] = sum_j f_j P(parents(v) = u, v = x | row j)             (expected family counts)
M-step:  theta[v, u, x] = N[v, u, x] / sum_x N[v, u, x]

With a Dirichlet(alpha) prior on every conditional distribution the M-step maximises the log posterior: alpha - 1 is
added to each expected count. The expected counts are exact, by variable elimination; see `em_reference.elimination`.

Source: Lauritzen (1995), Computational Statistics and Data Analysis 19, 191-201; Kochenderfer, Wheeler and Wray (2022),
Algorithms for Decision Making, section 4.4, for the worked example of the tests.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, softmax, xlogy

from em_reference.buckets import plan
from em_reference.elimination import Plan
from em_reference.em import Expectation
from em_reference.layout import Array
from em_reference.louis import Completions, TooManyCompletionsError
from em_reference.network import Network

# Terms that one sum of an elimination may have, and numbers that starts are worked on at once.
MOST_CELLS = 2**20
NUMBERS_AT_ONCE = 2**24
# Ways in which what belongs together of a row's open variables is completed, at most.
MOST_COMPLETIONS = 2**12


class NetworkParams(NamedTuple):
    """Parameters; `...` are the leading axes.

    Attributes
    ----------
    probability : array (..., T)
        All conditional tables side by side; every conditional distribution adds up to 1.
    """

    probability: Array


class NetworkCounts(NamedTuple):
    """Expected counts of the complete data.

    Attributes
    ----------
    families : array (..., T)
        Expected number of rows with each configuration of a variable and its parents; those of one variable add up
        to the number of rows.
    """

    families: Array


class DistinctRows(NamedTuple):
    """Different rows (J, V), how often each occurs (J,), and which one each row of the data is (N,)."""

    codes: Array
    frequencies: Array
    place: npt.NDArray[np.intp]


@dataclass(frozen=True)
class BayesNet:
    """EM problem of a discrete Bayesian network.

    Parameters
    ----------
    network : Network
    rows : array (N, V)
        States as whole numbers from 0, missing entries NaN.
    frequencies : array (N,), optional
        How often each row was seen; 1 by default.
    prior : array (T,), optional
        Concentrations of the Dirichlet priors, entry by entry, each at least 1.
    most_cells : int
        Most terms that one sum of the elimination may have.

    Raises
    ------
    ValueError
        If the data are impossible, or what rows leave open is too much to be summed out.
    """

    network: Network
    rows: npt.ArrayLike
    frequencies: npt.ArrayLike | None = None
    prior: npt.ArrayLike | None = None
    most_cells: int = MOST_CELLS

    def __post_init__(self) -> None:
        rows = np.asarray(self.rows, dtype=float)
        variables = len(self.network.states)
        if rows.ndim != 2 or rows.shape[1] != variables or not len(rows):
            raise ValueError(f"rows must have one column for each of the {variables} variables, got {rows.shape}")
        seen = ~np.isnan(rows)
        if (seen & ((rows < 0) | (rows >= self.network.states) | (rows % 1 != 0))).any():
            raise ValueError("rows must hold states, whole numbers from 0 and below the number of states")
        if self.frequencies is not None:
            often = np.asarray(self.frequencies, dtype=float)
            if often.shape != (len(rows),) or not (often >= 0).all() or not 0 < often.sum() < np.inf:
                raise ValueError("frequencies must be one per row, not negative, and add up to more than 0")
        if self.prior is not None and np.shape(self.prior) != (self.network.size,):
            raise ValueError(f"prior must have {self.network.size} entries, got {np.shape(self.prior)}")
        if self.prior is not None and not (np.asarray(self.prior) >= 1).all():
            raise ValueError("prior must hold concentrations of at least 1")

    @cached_property
    def distinct(self) -> DistinctRows:
        """Different rows of those that were seen; -1 is the place of a row with frequency 0 that is none of them."""
        rows = np.asarray(self.rows, dtype=float)
        given = np.ones(len(rows)) if self.frequencies is None else np.asarray(self.frequencies, dtype=float)
        coded = np.where(np.isnan(rows), -1, rows).astype(np.int64)
        codes, inverse = np.unique(coded, axis=0, return_inverse=True)
        often = np.bincount(inverse.reshape(-1), weights=given).astype(float)
        kept = often > 0
        place = np.where(kept, np.cumsum(kept) - 1, -1)[inverse.reshape(-1)]
        return DistinctRows(np.where(codes[kept] < 0, np.nan, codes[kept]), often[kept], place)

    @cached_property
    def plan(self) -> Plan:
        """What has to be summed out, laid out once for all cycles."""
        return plan(self.network, self.distinct.codes, self.distinct.frequencies, self.most_cells)

    @cached_property
    def seen_families(self) -> Array:
        """Counts (T,) of the families of which every variable was seen: the same at all parameters."""
        codes, frequencies, _ = self.distinct
        counts = np.zeros(self.network.size)
        for variable, family in enumerate(self.network.families):
            whole = ~np.isnan(codes[:, list(family)]).any(axis=1)
            entries = self.network.entries(variable, np.where(np.isnan(codes), 0, codes)[whole])
            counts += np.bincount(entries, weights=frequencies[whole], minlength=self.network.size)
        return counts

    @cached_property
    def _instance_frequencies(self) -> Array:
        return np.concatenate([np.zeros(0), *(component.frequencies for component in self.plan.components)])

    def log_tables(self, params: NetworkParams) -> Array:
        """Logarithms of the tables (..., T)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            # Probabilities that add up to 1 only nearly (an extrapolation) would shift the log-likelihood.
            return np.asarray(np.log(params.probability / self.network.sums(params.probability)))

    def e_step(self, params: NetworkParams) -> Expectation:
        """Return expected counts and log-likelihood at `params`."""
        logs = self.log_tables(params)
        lead = logs.shape[:-1]
        counts, heights = zip(*map(self._expected, self._blocks(logs.reshape(-1, self.network.size))), strict=True)
        families = np.concatenate(counts).reshape(*lead, -1)
        return Expectation(NetworkCounts(families), np.concatenate(heights).reshape(lead), self.log_prior(params))

    def _blocks(self, logs: Array) -> Iterator[Array]:
        """As many starts at a time as keep memory within bounds."""
        at_once = max(1, NUMBERS_AT_ONCE // max(1, self.plan.size))
        for first in range(0, max(1, len(logs)), at_once):
            yield logs[first : first + at_once]

    def _expected(self, logs: Array) -> tuple[Array, Array]:
        """Expected family counts (S, T) and log-likelihoods (S,)."""
        solved = self.plan.forward(np.ascontiguousarray(logs.T))
        seen = self.seen_families
        counts = self.plan.backward(solved, self._instance_frequencies)[: self.network.size].T + seen
        height = logs[:, seen > 0] @ seen[seen > 0] + self._instance_frequencies @ solved.log_probability
        return counts, height

    def m_step(self, expected_counts: NetworkCounts, params: NetworkParams) -> NetworkParams:
        """Tables that maximise the expected complete-data log-posterior.

        A configuration of the parents without expected counts keeps its probabilities: nothing in the data speaks
        about it.
        """
        extra = 0.0 if self.prior is None else np.asarray(self.prior, dtype=float) - 1
        counts = np.maximum(expected_counts.families + extra, 0.0)
        total = self.network.sums(counts)
        kept = np.array(params.probability, dtype=float)
        return NetworkParams(np.divide(counts, total, out=kept, where=total > 0))

    def feasible(self, params: NetworkParams) -> npt.NDArray[np.bool_]:
        """Probabilities not negative."""
        return np.asarray((params.probability >= 0).all(axis=-1))

    def log_prior(self, params: NetworkParams) -> Array | float:
        """Log prior density of the tables, 0 under a flat prior."""
        if self.prior is None:
            return 0.0
        alpha = np.asarray(self.prior, dtype=float)
        total = np.add.reduceat(alpha, self.network.conditionals)
        constant = float(gammaln(total).sum() - gammaln(alpha).sum())
        return np.asarray(xlogy(alpha - 1, params.probability).sum(axis=-1) + constant)

    def score(self, expected_counts: NetworkCounts, params: NetworkParams) -> NetworkParams:
        """Gradient of the expected complete-data log-posterior at `params`, the probabilities taken as free."""
        extra = 0.0 if self.prior is None else np.asarray(self.prior, dtype=float) - 1
        return NetworkParams((expected_counts.families + extra) / params.probability)

    def completions(self, params: NetworkParams) -> Iterator[Completions]:
        """What belongs together of the open variables of a row, in every way; see `em_reference.louis`.

        Given what is seen, the parts of a row are independent, so that their variances add up.

        Raises
        ------
        TooManyCompletionsError
            If a part can be completed in more than `MOST_COMPLETIONS` ways.
        """
        logs, network = self.log_tables(params), self.network
        for component in self.plan.components:
            states = [network.states[variable] for variable in component.variables]
            if np.prod(states, dtype=float) > MOST_COMPLETIONS:
                raise TooManyCompletionsError(f"a row has more than {MOST_COMPLETIONS} completions")
            opened = np.indices(states).reshape(len(states), -1).T
            within = [v for v, family in enumerate(network.families) if not set(component.variables).isdisjoint(family)]
            at_once = max(1, NUMBERS_AT_ONCE // (len(opened) * network.size))
            for first in range(0, len(component.codes), at_once):
                seen = component.codes[first : first + at_once]
                codes = np.zeros((len(seen), len(opened), len(network.states)), dtype=np.int64)
                codes[..., list(component.around)] = seen[:, None]
                codes[..., list(component.variables)] = opened
                flat = codes.reshape(-1, codes.shape[-1])
                entries = np.stack([network.entries(v, flat) for v in within], axis=-1).reshape(*codes.shape[:2], -1)
                families = np.zeros((*codes.shape[:2], network.size))
                np.put_along_axis(families, entries, 1.0, axis=-1)
                posterior = softmax(logs[entries].sum(axis=-1), axis=1)
                scores = self.score(NetworkCounts(families), params)
                yield Completions(posterior, scores, component.frequencies[first : first + at_once])

    def free_directions(self) -> Array:
        """Orthonormal basis (T, F): every conditional distribution keeps its sum."""
        return self.network.directions
