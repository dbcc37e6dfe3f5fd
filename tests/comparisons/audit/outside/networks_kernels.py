"""What EMs of Bayesian networks are made of: four ways to the expected counts, none of them by elimination."""

import itertools

import numpy as np
import pandas as pd
from scipy.special import logsumexp


def shape_of(data, child):
    """States of the parents of a variable, then its own."""
    size = dict(zip(data["variables"], data["states"], strict=True))
    above = dict(zip(data["variables"], data["parents"], strict=True))
    return [size[name] for name in (*above[child], child)]


def family(data, child):
    """Columns of the parents of a variable, then its own."""
    names = list(data["variables"])
    return [names.index(name) for name in (*data["parents"][names.index(child)], child)]


def listed(data):
    """Every completion of every row: row number (M,), states (M, V)."""
    rows, states = [], []
    for number, row in enumerate(np.asarray(data["rows"], dtype=float)):
        ranges = [range(k) if np.isnan(x) else [int(x)] for x, k in zip(row, data["states"], strict=True)]
        for full in itertools.product(*ranges):
            rows.append(number)
            states.append(full)
    return np.array(rows), np.array(states)


def in_loops(data, params):
    """Row by row, completion by completion."""
    counts = {name: np.zeros(shape_of(data, name)) for name in data["variables"]}
    total = 0.0
    for row, often in zip(np.asarray(data["rows"]), data["frequencies"], strict=True):
        if often == 0:
            continue
        chances = []
        ranges = [range(k) if np.isnan(x) else [int(x)] for x, k in zip(row, data["states"], strict=True)]
        for full in itertools.product(*ranges):
            chance = 1.0
            for name in data["variables"]:
                chance *= float(params[name][tuple(full[i] for i in family(data, name))])
            chances.append((full, chance))
        mass = sum(chance for _, chance in chances)
        total += often * np.log(mass)
        for full, chance in chances:
            for name in data["variables"]:
                counts[name][tuple(full[i] for i in family(data, name))] += often * chance / mass
    return counts, float(total)


def by_joint_table(data, params):
    """The joint distribution as one array with an axis per variable; a row is a slice of it."""
    size = len(data["variables"])
    joint = np.ones(data["states"])
    for name in data["variables"]:
        own = family(data, name)
        order = np.argsort(own)
        joint = joint * np.transpose(params[name], order).reshape(
            [data["states"][i] if i in own else 1 for i in range(size)]
        )
    expected, total = np.zeros_like(joint), 0.0
    for row, often in zip(np.asarray(data["rows"]), data["frequencies"], strict=True):
        place = tuple(slice(None) if np.isnan(x) else int(x) for x in row)
        mass = joint[place].sum()
        if often > 0:
            total += often * np.log(mass)
            expected[place] += often * joint[place] / mass
    counts = {}
    for name in data["variables"]:
        own = family(data, name)
        summed = expected.sum(axis=tuple(i for i in range(size) if i not in own))
        counts[name] = np.transpose(summed, np.argsort(np.argsort(own)))
    return counts, float(total)


def in_logs(data, params):
    """All completions at once, with logarithms."""
    rows, states = listed(data)
    with np.errstate(divide="ignore"):
        logs = sum(np.log(params[name])[tuple(states[:, family(data, name)].T)] for name in data["variables"])
    number = len(data["rows"])
    wide = np.full((number, np.bincount(rows).max()), -np.inf)
    place = np.arange(len(rows)) - np.searchsorted(rows, rows)
    wide[rows, place] = logs
    height = logsumexp(wide, axis=1)
    often = np.asarray(data["frequencies"], dtype=float)
    weight = often[rows] * np.exp(logs - height[rows])
    counts = {name: np.zeros(shape_of(data, name)) for name in data["variables"]}
    for name in data["variables"]:
        np.add.at(counts[name], tuple(states[:, family(data, name)].T), weight)
    return counts, float(often[often > 0] @ height[often > 0])


def in_frames(data, params):
    """A data frame of completions, grouped by row for the weights and by family for the counts."""
    rows, states = listed(data)
    names = list(data["variables"])
    table = pd.DataFrame(states, columns=names)
    table["p"] = np.prod([params[v][tuple(states[:, family(data, v)].T)] for v in names], axis=0)
    mass = table["p"].groupby(rows).transform("sum")
    table["w"] = table["p"] / mass * np.asarray(data["frequencies"])[rows]
    counts = {}
    for name in names:
        own = [names[i] for i in family(data, name)]
        every = pd.MultiIndex.from_product([range(k) for k in shape_of(data, name)], names=own)
        grouped = table.groupby(own)["w"].sum()
        if len(own) > 1:
            grouped = grouped.reindex(every, fill_value=0.0)
        else:
            grouped = grouped.reindex(range(shape_of(data, name)[0]), fill_value=0.0)
        counts[name] = grouped.to_numpy().reshape(shape_of(data, name))
    seen = np.asarray(data["frequencies"]) > 0
    heights = np.log(table["p"].groupby(rows).sum().to_numpy())
    return counts, float(np.asarray(data["frequencies"])[seen] @ heights[seen])


KERNELS = {"loops": in_loops, "joint": by_joint_table, "logs": in_logs, "frames": in_frames}


def divided(counts, params, alpha=1.0):
    """Counts, plus alpha - 1, by their sum over the states; where there are none, as before."""
    new = {}
    for name in params:
        raised = counts[name] + alpha - 1
        total = raised.sum(axis=-1, keepdims=True)
        new[name] = np.where(total > 0, raised / np.where(total > 0, total, 1.0), params[name])
    return new


def log_prior(params, alpha):
    """Without its constant, which an EM need not know."""
    return (alpha - 1) * sum(np.log(table).sum() for table in params.values()) if alpha != 1 else 0.0


def apart(one, other):
    """Largest change of a probability."""
    return max(np.abs(one[name] - other[name]).max() for name in one)
