"""Wrong EMs for Bayesian networks."""

import numpy as np

from . import outsider
from .networks_kernels import apart, by_joint_table, divided, family, in_frames, in_logs, in_loops, listed, shape_of


def counted(data, weight, states):
    counts = {name: np.zeros(shape_of(data, name)) for name in data["variables"]}
    for name in data["variables"]:
        np.add.at(counts[name], tuple(states[:, family(data, name)].T), weight)
    return counts


def shares_of(data, params, names=None):
    """Rows and states of the completions, and their shares by the tables of some variables."""
    rows, states = listed(data)
    p = np.prod([params[v][tuple(states[:, family(data, v)].T)] for v in names or data["variables"]], axis=0)
    return rows, states, p / np.bincount(rows, weights=p)[rows]


@outsider("lawn", style="plain numpy", bug="gross", cause="the most probable completion counts for all of the row")
def network_hard_assignment(data):
    def step(params):
        rows, states, share = shares_of(data, params)
        order = np.lexsort((-share, rows))
        first = order[np.unique(rows[order], return_index=True)[1]]
        return divided(counted(data, np.asarray(data["frequencies"])[rows[first]], states[first]), params)

    return step


@outsider("lawn", style="class with state", bug="subtle", cause="a row with a missing entry is left out of the counts")
class NetworkWholeRowsOnly:
    def __init__(self, data):
        keep = ~np.isnan(data["rows"]).any(axis=1)
        self.data, self.whole = data, {**data, "frequencies": np.where(keep, data["frequencies"], 0.0)}

    def e_step(self, params):
        return by_joint_table(self.whole, params)[0], by_joint_table(self.data, params)[1]

    def m_step(self, counts, params):
        return divided(counts, params)


@outsider("lawn", style="pandas", bug="subtle", cause="what is missing is drawn from its parents alone")
def network_forward_only(data):
    def step(params):
        rows, states = listed(data)
        weight = np.asarray(data["frequencies"])[rows].astype(float)
        for i, name in enumerate(data["variables"]):
            p = params[name][tuple(states[:, family(data, name)].T)]
            weight = weight * np.where(np.isnan(np.asarray(data["rows"])[rows, i]), p, 1.0)
        return divided(counted(data, weight, states), params)

    return step


@outsider("lawn", style="log space", bug="subtle", cause="missing entries of one row are taken for independent")
def network_mean_field(data):
    def step(params):
        rows, states, share = shares_of(data, params)
        product = np.ones(len(rows))
        for i, size in enumerate(data["states"]):
            cell = rows * size + states[:, i]
            product *= np.bincount(cell, weights=share, minlength=len(data["rows"]) * size)[cell]
        return divided(counted(data, product * np.asarray(data["frequencies"])[rows], states), params)

    return step


@outsider("lawn-prior", style="one fit function", bug="subtle", cause="alpha is added in place of alpha - 1")
def network_one_too_much(data, start):
    now = dict(start)
    for _ in range(3000):
        new = divided(in_logs(data, now)[0], now, 3.0)
        if apart(new, now) < 1e-12:
            break
        now = new
    return new


@outsider("lawn-prior", style="class with state", bug="subtle", cause="the pseudo-count goes to the first state alone")
class NetworkPriorOnFirst:
    def __init__(self, data):
        self.data = data

    def e_step(self, params):
        return in_frames(self.data, params)

    def m_step(self, counts, params):
        raised = {name: np.array(table) for name, table in counts.items()}
        for table in raised.values():
            table[..., 0] += 1.0
        return divided(raised, params)


@outsider(
    "lawn", style="flat vector", bug="gross", cause="a table is divided by all of it, then row by row from before"
)
def network_joint_not_conditional(data):
    def step(params):
        counts = in_loops(data, params)[0]
        new = {}
        for name, table in counts.items():
            share = table / table.sum()
            new[name] = share / share.sum(axis=0, keepdims=True) if table.ndim > 1 else share
            new[name] = new[name] / new[name].sum(axis=-1, keepdims=True)
        return new

    return step


@outsider("lawn", style="numba-like kernels", bug="gross", cause="parents in the wrong order in a table of two parents")
def network_parents_swapped(data):
    def step(params):
        swapped = {**params, "wet": np.swapaxes(params["wet"], 0, 1)}
        return divided(by_joint_table(data, swapped)[0], params)

    return step


@outsider("lawn", style="positional arguments", bug="subtle", cause="frequencies weigh the rows that are whole alone")
def network_frequencies_of_whole_rows(data):
    rows = np.asarray(data["rows"])
    often = np.where(np.isnan(rows).any(axis=1) & (np.asarray(data["frequencies"]) > 0), 1.0, data["frequencies"])

    def step(params):
        return divided(in_logs({**data, "frequencies": often}, params)[0], params)

    return step


@outsider("lawn", style="early stop rule", bug="gross", cause="completions below .2 are cut off")
def network_cut_off(data):
    def step(params):
        rows, states, share = shares_of(data, params)
        share = np.where(share < 0.2, 0.0, share)
        return divided(counted(data, share * np.asarray(data["frequencies"])[rows], states), params)

    return step


@outsider(
    "lawn", style="tuple or object returned", bug="only reported is wrong", cause="height of the best completions"
)
class NetworkBestCompletionHeight:
    def __init__(self, data):
        self.data = data

    def e_step(self, params):
        counts, _ = in_logs(self.data, params)
        rows, states = listed(self.data)
        p = np.prod([params[v][tuple(states[:, family(self.data, v)].T)] for v in self.data["variables"]], axis=0)
        best = np.zeros(len(self.data["rows"]))
        np.maximum.at(best, rows, p)
        return counts, float(np.asarray(self.data["frequencies"]) @ np.log(best))

    def m_step(self, counts, params):
        return divided(counts, params)


@outsider("lawn", style="ECM", bug="subtle", cause="the table of wet learns from rows in which its parents are seen")
def network_parents_seen(data):
    seen = ~np.isnan(np.asarray(data["rows"])[:, family(data, data["variables"][-1])[:-1]]).any(axis=1)

    def step(params):
        last = data["variables"][-1]
        counts = in_frames(data, params)[0]
        some = in_frames({**data, "frequencies": np.where(seen, data["frequencies"], 0.0)}, params)[0]
        return divided({**counts, last: some[last]}, params)

    return step


@outsider("lawn", style="loops", bug="subtle", cause="a probability below .12 is set to .12")
def network_floor(data):
    def step(params):
        new = divided(in_loops(data, params)[0], params)
        return {name: np.maximum(t, 0.12) / np.maximum(t, 0.12).sum(axis=-1, keepdims=True) for name, t in new.items()}

    return step


@outsider("arrow", style="loops", bug="gross", cause="a missing entry counts as the state 0")
def network_missing_is_first(data):
    filled = {**data, "rows": np.nan_to_num(np.asarray(data["rows"], dtype=float))}

    def step(params):
        return divided(in_loops(filled, params)[0], params)

    return step


@outsider("lawn", style="one fit function", bug="subtle", cause="frequencies are cut to 3 at most")
def network_at_most_three(data, start):
    some = {**data, "frequencies": np.minimum(data["frequencies"], 3.0)}
    now = dict(start)
    for _ in range(3000):
        new = divided(by_joint_table(some, now)[0], now)
        if apart(new, now) < 1e-12:
            break
        now = new
    return new
