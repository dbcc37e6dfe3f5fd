"""What a fitted Bayesian network says about the missing entries of its data.

`complete` lists every completion of every row with its probability given what was seen: the weighted data set from
which the M-step takes maximum likelihood estimates. `impute` gives the most probable completion of each row, by
elimination with a maximum in place of each sum, and the probability of every state of every missing entry;
`drawn_completions` draws whole data sets, for multiple imputation.

Source: Kochenderfer, Wheeler and Wray (2022), Algorithms for Decision Making, section 4.4; Dechter (1999), Artificial
Intelligence 113, 41-85, section 5, for the most probable completion.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from em_reference.bayes_net import BayesNet, NetworkParams
from em_reference.layout import Array
from em_reference.network import Whole

# Completions that are listed.
MOST_COMPLETIONS = 2**20


class Completed(NamedTuple):
    """Completions of the rows.

    Attributes
    ----------
    row : array (M,)
        Which row of the data.
    states : array (M, V)
    weight : array (M,)
        Probability of the completion given what was seen; those of one row add up to 1.
    """

    row: Whole
    states: Whole
    weight: Array


class Imputed(NamedTuple):
    """What is most probable in each row.

    Attributes
    ----------
    states : array (N, V)
        The most probable completion.
    probability : array (N,)
        Of it, given what was seen.
    row, variable : array (M,)
        The missing entries.
    marginals : array (M, largest number of states)
        Probability of each state of a missing entry given what was seen in its row, 0 beyond its states.
    """

    states: Whole
    probability: Array
    row: Whole
    variable: Whole
    marginals: Array


def completions(problem: BayesNet) -> float:
    """How many completions the rows of the data have."""
    open_states = np.where(np.isnan(np.asarray(problem.rows, dtype=float)), problem.network.states, 1)
    return float(open_states.astype(float).prod(axis=1).sum())


def complete(problem: BayesNet, params: NetworkParams) -> Completed:
    """List every completion of every row with its weight, at one set of parameters.

    Raises
    ------
    ValueError
        If there are more than `MOST_COMPLETIONS`.
    """
    if completions(problem) > MOST_COMPLETIONS:
        raise ValueError(f"the rows have {completions(problem):.3g} completions, expected at most {MOST_COMPLETIONS}")
    logs, network = problem.log_tables(params), problem.network
    rows, weights, states = [], [], []
    for number, row in enumerate(np.asarray(problem.rows, dtype=float)):
        sizes = [size if np.isnan(seen) else 1 for seen, size in zip(row, network.states, strict=True)]
        filled = np.where(np.isnan(row), np.indices(sizes).reshape(len(sizes), -1).T, np.nan_to_num(row)).astype(int)
        joint = sum(logs[network.entries(variable, filled)] for variable in range(len(sizes)))
        share = np.exp(joint - np.max(joint))
        rows.append(np.full(len(filled), number))
        weights.append(share / share.sum())
        states.append(filled)
    return Completed(np.concatenate(rows), np.concatenate(states), np.concatenate(weights))


def impute(problem: BayesNet, params: NetworkParams) -> Imputed:
    """Most probable completion of every row, and the marginals of every missing entry, at one set of parameters."""
    if (problem.distinct.place < 0).any():
        # Rows that were never seen are imputed too.
        problem = replace(problem, frequencies=None)
    plan, rows = problem.plan, np.asarray(problem.rows, dtype=float)
    logs = problem.log_tables(params)[:, None]
    once = np.ones(len(plan.roots))
    solved, best = plan.forward(logs), plan.forward(logs, most_probable=True)
    shares, chosen = np.zeros((plan.marginal_size, 1)), np.zeros((plan.marginal_size, 1))
    plan.backward(solved, once, marginals=shares)
    plan.backward(best, once, most_probable=True, marginals=chosen)
    log_share = (best.log_probability - solved.log_probability)[:, 0]
    codes = np.nan_to_num(problem.distinct.codes).astype(np.int64)
    place = np.full((*codes.shape, 2), -1)
    log_probability, first = np.zeros(len(codes)), 0
    for component, begins in zip(plan.components, plan.marginals, strict=True):
        log_probability[component.rows] += log_share[first + component.instance]
        first += len(component.codes)
        for variable, begin in begins.items():
            place[component.rows, variable, 0] = begin[component.instance]
            place[component.rows, variable, 1] = problem.network.states[variable]
    row, column = np.nonzero(place[..., 0] >= 0)
    state = np.arange(max(problem.network.states))
    cell = np.minimum(place[row, column, :1] + state, max(plan.marginal_size - 1, 0))
    inside = state < place[row, column, 1:]
    codes[row, column] = np.where(inside, chosen[cell, 0], -1.0).argmax(axis=1)
    marginals = np.zeros((*codes.shape, len(state)))
    marginals[row, column] = np.where(inside, shares[cell, 0], 0.0)
    back = problem.distinct.place
    missing_row, missing_variable = np.nonzero(np.isnan(rows))
    return Imputed(codes[back], np.exp(log_probability)[back], missing_row, missing_variable,
                   marginals[back[missing_row], missing_variable])  # fmt: skip


def drawn_completions(problem: BayesNet, params: NetworkParams, number: int, seed: int = 0) -> Whole:
    """Completed data sets (number, N, V), each row's completion drawn by its probability given what was seen.

    Raises
    ------
    ValueError
        If the rows have more than `MOST_COMPLETIONS`.
    """
    listed = complete(problem, params)
    above = np.cumsum(listed.weight)
    rows = len(np.asarray(problem.rows))
    last = np.flatnonzero(np.diff(listed.row, append=rows))
    before = np.concatenate([[0.0], above[last[:-1]]])
    drawn = before + np.random.default_rng(seed).random((number, rows)) * (above[last] - before)
    first = np.concatenate([[0], last[:-1] + 1])
    return listed.states[np.clip(np.searchsorted(above, drawn, side="right"), first, last)]
