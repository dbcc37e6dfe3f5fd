"""Right EMs for Bayesian networks: every way to the counts, in every style, on every problem."""

import itertools

import numpy as np

from . import outsider
from .networks_kernels import KERNELS, apart, divided, log_prior

# Concentration of the prior of each problem; the data do not say it.
PROBLEMS = {"arrow": 1.0, "arrow-prior": 2.0, "lawn": 1.0, "lawn-prior": 2.0}
MOST = 20_000


def step_only(kernel, alpha):
    def make(data):
        return lambda params: divided(kernel(data, params)[0], params, alpha)

    return make


def two_steps(kernel, alpha):
    class Steps:
        def __init__(self, data):
            self.data = data

        def e_step(self, params):
            return kernel(self.data, params)

        def m_step(self, counts, params):
            return divided(counts, params, alpha)

    return Steps


def one_vector(kernel, alpha):
    """Counts in one row, as `families`; the M-step cuts them up again."""

    class Vector:
        def __init__(self, data):
            self.data = data

        def e_step(self, params):
            counts, height = kernel(self.data, params)
            return {"families": np.concatenate([counts[name].ravel() for name in self.data["variables"]])}, height

        def m_step(self, counts, params):
            flat, first, cut = np.asarray(counts["families"]), 0, {}
            for name in self.data["variables"]:
                size = params[name].size
                cut[name] = flat[first : first + size].reshape(params[name].shape)
                first += size
            return divided(cut, params, alpha)

    return Vector


def until_still(kernel, alpha):
    def fit(data, start):
        now = {name: np.array(table) for name, table in start.items()}
        for _ in range(MOST):
            new = divided(kernel(data, now)[0], now, alpha)
            if apart(new, now) < 1e-12:
                return new
            now = new
        return now

    return fit


def until_level(kernel, alpha):
    """Stops by the log-posterior, and reports its log-likelihood."""

    def fit(data, start):
        now, before = {name: np.array(table) for name, table in start.items()}, -np.inf
        for cycles in range(MOST):
            counts, height = kernel(data, now)
            level = height + log_prior(now, alpha)
            if level - before < 1e-14 * (1 + abs(level)):
                return {**now, "log_likelihood": height, "converged": True, "cycles": cycles}
            now, before = divided(counts, now, alpha), level
        return {**now, "log_likelihood": kernel(data, now)[1], "converged": False, "cycles": MOST}

    return fit


def too_early(kernel, alpha):
    def fit(data, start):
        now = {name: np.array(table) for name, table in start.items()}
        for _ in range(MOST):
            new = divided(kernel(data, now)[0], now, alpha)
            if apart(new, now) < 1e-4:
                return new
            now = new
        return now

    return fit


def table_by_table(kernel, alpha):
    """An E-step before each table: a cycle that climbs in parts."""

    def make(data):
        def cycle(params):
            now = dict(params)
            for name in data["variables"]:
                now[name] = divided({name: kernel(data, now)[0][name]}, {name: now[name]}, alpha)[name]
            return now

        return cycle

    return make


def a_longer_step(kernel, alpha):
    """One and a half times the step, where that is inside and climbs at least as high."""

    def make(data):
        def height(params):
            with np.errstate(divide="ignore", invalid="ignore"):
                return kernel(data, params)[1] + log_prior(params, alpha)

        def cycle(params):
            new = divided(kernel(data, params)[0], params, alpha)
            far = {name: params[name] + 1.5 * (new[name] - params[name]) for name in new}
            inside = all((table > 0).all() for table in far.values())
            return far if inside and height(far) >= height(new) else new

        return cycle

    return make


def squared_steps(kernel, alpha):
    """SQUAREM on square roots of the probabilities, guarded by the log-posterior."""

    def fit(data, start):
        def em(p):
            return divided(kernel(data, p)[0], p, alpha)

        def level(p):
            with np.errstate(divide="ignore", invalid="ignore"):
                return kernel(data, p)[1] + log_prior(p, alpha)

        now = {name: np.array(table) for name, table in start.items()}
        for _ in range(MOST):
            one = em(now)
            two = em(one)
            if apart(one, now) < 1e-13:
                return one
            r = {n: np.sqrt(one[n]) - np.sqrt(now[n]) for n in now}
            v = {n: np.sqrt(two[n]) - np.sqrt(one[n]) - r[n] for n in now}
            length = np.sqrt(sum((x**2).sum() for x in r.values()) / max(sum((x**2).sum() for x in v.values()), 1e-300))
            far = {n: np.abs(np.sqrt(now[n]) + 2 * length * r[n] + length**2 * v[n]) ** 2 + 1e-300 for n in now}
            far = {n: x / x.sum(axis=-1, keepdims=True) for n, x in far.items()}
            now = far if level(far) >= level(two) else two
        return now

    return fit


FORMS = {
    "step": (step_only, "plain numpy", ""),
    "steps": (two_steps, "class with state", ""),
    "vector": (one_vector, "flat vector", ""),
    "still": (until_still, "one fit function", ""),
    "level": (until_level, "tuple or object returned", ""),
    "early": (too_early, "early stop rule", "stops early"),
    "tables": (table_by_table, "ECM", "generalised"),
    "longer": (a_longer_step, "over-relaxed", "accelerated"),
    "squared": (squared_steps, "guarded SQUAREM", "accelerated"),
}

for (form, (build, style, remark)), way, problem in itertools.product(FORMS.items(), KERNELS, PROBLEMS):
    made = build(KERNELS[way], PROBLEMS[problem])
    made.__name__ = f"network_{form}_{way}_{problem.replace('-', '_')}"
    outsider(problem, style=style, remark=remark, cause=f"counts by {way}")(made)
