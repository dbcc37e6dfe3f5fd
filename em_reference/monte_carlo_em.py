"""Monte Carlo EM of a Bayesian network: completions are sampled where summing them out would take too long.

What a row leaves open falls apart into components (`em_reference.components`). The open variables of each are drawn
from their tables, parents first, n times; the weight of a draw is the probability of what is seen below it. With
weights w_i that add up to 1 over the draws of an instance,

    N[v, u, x] = seen families + sum over instances of f sum_i w_i [draw i has parents(v) = u, v = x]

stands in for the exact expected family counts (importance sampling; Wei and Tanner 1990). Several independent runs go
side by side from one start, so that the Monte Carlo error of each estimate is what it varies by from run to run: no
formula has to carry the noise of a cycle through all cycles.

As in Booth and Hobert (1999), the number of draws grows when progress is lost in the noise: when no parameter's mean
change over the last cycles is clearly different from 0 by its variation from run to run. It stops when this is so and
the errors are small enough. Single steps would not do: where EM creeps, each is lost in the noise long before the end.

Sources: Wei and Tanner (1990), Journal of the American Statistical Association 85, 699-704; Booth and Hobert (1999),
Journal of the Royal Statistical Society B 61, 265-285, section 4; Fung and Chang (1990), Uncertainty in Artificial
Intelligence 5, 209-219, for the weights.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from em_reference.bayes_net import BayesNet, NetworkCounts, NetworkParams
from em_reference.components import Component, components
from em_reference.em import Status
from em_reference.layout import Array
from em_reference.network import Network, Whole

# A mean change over so many cycles is clearly different from 0 from so many of its standard errors on.
WINDOW = 10
CLEAR = 3.0
# The number of draws grows by this factor.
GROWTH = 1.5
# Changes below this are none: a table that is known exactly has no noise.
STILL = 1e-12


class MonteCarloFit(NamedTuple):
    """Where the runs ended, together.

    Attributes
    ----------
    params : NetworkParams
        Means over the runs.
    error : array (T,)
        Monte Carlo error of each: its standard deviation over the runs by the root of their number.
    status : Status
        Converged, or the cycle limit.
    cycles, draws : int
        Cycles, and draws per instance in the last.
    lost : int
        Instances of the last cycle none of whose draws explains what is seen, in all runs together; they are left out.
    """

    params: NetworkParams
    error: Array
    status: Status
    cycles: int
    draws: int
    lost: int


class Drawn(NamedTuple):
    """Sampled expected counts (R, T) of R runs, and instances without a possible draw."""

    counts: NetworkCounts
    lost: int


@dataclass(frozen=True)
class SampledNet:
    """The E-step of a `BayesNet` by sampling; its M-step is the same.

    Parameters
    ----------
    problem : BayesNet
    """

    problem: BayesNet

    @cached_property
    def parts(self) -> list[Component]:
        """What the rows leave open; nothing is laid out to be summed."""
        codes, frequencies, _ = self.problem.distinct
        return components(self.problem.network, codes, frequencies)

    def e_step(self, params: NetworkParams, draws: int, rng: np.random.Generator) -> Drawn:
        """Expected family counts of every run, tables (R, T), with so many draws for each instance."""
        tables = np.asarray(params.probability, dtype=float)
        counts = np.repeat(self.problem.seen_families[None], len(tables), axis=0)
        lost = 0
        for part in self.parts:
            lost += _add(self.problem.network, part, tables, counts, draws, rng)
        return Drawn(NetworkCounts(counts), lost)


def _add(network: Network, part: Component, tables: Array, counts: Array, draws: int, rng: np.random.Generator) -> int:
    """Add the expected counts of one component to those of every run; return how many instances no draw explains."""
    runs, instances = len(tables), len(part.codes)
    run = np.arange(runs)[:, None, None]
    shape = (runs, instances, draws)
    states: dict[int, Whole] = {
        member: np.broadcast_to(part.codes[:, place][None, :, None], shape) for place, member in enumerate(part.around)
    }
    entries, log_weight = [], np.zeros(shape)
    for child in _parents_first(network, part):
        family, strides = network.families[child], network.strides[child]
        first = network.first[child] + sum(
            stride * states[member] for member, stride in zip(family[:-1], strides[:-1], strict=True)
        )
        if child in part.variables:
            chances = np.stack([tables[run, first + state] for state in range(network.states[child])], axis=-1)
            above = np.cumsum(chances, axis=-1)
            states[child] = (rng.random(shape)[..., None] * above[..., -1:] >= above[..., :-1]).sum(axis=-1)
        else:
            with np.errstate(divide="ignore"):
                log_weight = log_weight + np.log(tables[run, first + states[child]])
        entries.append(first + states[child])
    top = log_weight.max(axis=-1, keepdims=True)
    possible = np.isfinite(top)
    weight = np.exp(np.where(possible, log_weight - np.where(possible, top, 0.0), -np.inf))
    weight *= part.frequencies[:, None] / np.maximum(weight.sum(axis=-1, keepdims=True), np.finfo(float).tiny)
    for taken in entries:
        place = (taken + counts.shape[1] * run).ravel()
        counts += np.bincount(place, weights=weight.ravel(), minlength=counts.size).reshape(counts.shape)
    return int((~possible).sum())


def _parents_first(network: Network, part: Component) -> list[int]:
    """The families that depend on what is open, each after those of its open parents."""
    opened, order = set(part.variables), []
    left = [child for child, family in enumerate(network.families) if not opened.isdisjoint(family)]
    waiting = set(part.variables)
    while left:
        ready = [child for child in left if waiting.isdisjoint(network.parents[child])]
        order += ready
        waiting -= set(ready)
        left = [child for child in left if child not in ready]
    return order


def monte_carlo_em(
    problem: BayesNet,
    start: NetworkParams,
    *,
    seed: int = 0,
    runs: int = 8,
    draws: int = 50,
    error: float = 1e-3,
    max_draws: int = 20_000,
    max_cycles: int = 500,
) -> MonteCarloFit:
    """Run EM with sampled completions.

    Parameters
    ----------
    problem : BayesNet
    start : NetworkParams
        Tables (T,).
    seed : int
    runs : int
        Independent runs, two or more.
    draws : int
        For each instance of what rows leave open, in the first cycle.
    error : float
        Monte Carlo error, of the estimate that has the largest, at which it stops.
    max_draws, max_cycles : int
        Where it stops without.

    Raises
    ------
    ValueError
        If there are fewer than two runs, or no draws.
    """
    if runs < 2 or draws < 1:
        raise ValueError(f"{runs} runs with {draws} draws, expected at least 2 and 1")
    rng, sampled = np.random.default_rng(seed), SampledNet(problem)
    now = NetworkParams(np.repeat(np.asarray(start.probability, dtype=float)[None], runs, axis=0))
    status, lost, cycle = Status.CYCLE_LIMIT, 0, 0
    before = now.probability
    for cycle in range(1, max_cycles + 1):
        counts, lost = sampled.e_step(now, draws, rng)
        now = problem.m_step(counts, now)
        if cycle % WINDOW:
            continue
        change, before = now.probability - before, now.probability
        noise = change.std(axis=0, ddof=1) / np.sqrt(runs)
        if (np.abs(change.mean(axis=0)) > CLEAR * noise + STILL).any():
            continue
        if _error(now).max() <= error:
            status = Status.CONVERGED
            break
        if draws == max_draws:
            break
        draws = min(int(np.ceil(GROWTH * draws)), max_draws)
    return MonteCarloFit(NetworkParams(now.probability.mean(axis=0)), _error(now), status, cycle, draws, lost)


def _error(params: NetworkParams) -> Array:
    return np.asarray(params.probability.std(axis=0, ddof=1) / np.sqrt(len(params.probability)))
