"""Wrong EMs for item responses, second part: subtle ones."""

import numpy as np
from scipy.optimize import fsolve
from scipy.special import expit, log_expit
from scipy.stats import norm

from . import outsider
from .items_tools import logistic, posterior, tables


@outsider("quiz", style="numba-like kernels", bug="subtle", cause="probabilities and posterior in single precision")
class SinglePrecision:
    def __init__(self, data):
        self.x, self.f, self.w = (data[k].astype(np.float32) for k in ("responses", "frequencies", "weights"))
        self.t = data["nodes"]

    def step(self, params):
        p = (1 / (1 + np.exp(-(params["d"][:, None] + params["a"][:, None] * self.t)))).astype(np.float32)
        yes, no = np.zeros_like(p), np.zeros_like(p)
        for x, f in zip(self.x, self.f, strict=True):
            h = self.w.copy()
            for j in range(len(x)):
                h *= p[j] if x[j] == 1 else 1 - p[j] if x[j] == 0 else np.float32(1)
            h *= f / h.sum()
            yes[x == 1] += h
            no[x == 0] += h
        d, a = logistic((yes + no).astype(float), yes.astype(float), self.t)
        return {"d": d, "a": a}


@outsider("lsat6", style="loops", bug="subtle", cause="the estimates are rounded to four decimals in every cycle")
def rounds_to_four(data, start):
    d, a = start["d"], start["a"]
    repeat = True
    while repeat:
        n, r, _ = tables(data, d, a)
        new_d, new_a = logistic(n, r, data["nodes"])
        new_d, new_a = np.round(new_d, 4), np.round(new_a, 4)
        repeat = bool(np.any(new_d != d) or np.any(new_a != a))
        d, a = new_d, new_a
    return {"d": d, "a": a}


@outsider("survey", style="plain numpy", bug="subtle", cause="0.01 is added to all expected right and wrong answers")
class Smoothed:
    def __init__(self, data):
        self.data = data

    def e_step(self, params):
        n, r, ll = tables(self.data, params["d"], params["a"])
        return {"examinees": n[0], "correct": r, "attempts": n}, ll

    def m_step(self, counts, params):
        d, a = logistic(counts["attempts"] + 0.02, counts["correct"] + 0.01, self.data["nodes"])
        return {"d": d, "a": a}


@outsider(
    "lsat6", style="probabilities without logarithms", bug="subtle", cause="probabilities are clipped to [.01, .99]"
)
class ClippedProbabilities:
    def __init__(self, data):
        self.data = data

    def e_step(self, params):
        x, w = self.data["responses"][:, :, None], self.data["weights"]
        P = np.clip(expit(params["d"][:, None] + params["a"][:, None] * self.data["nodes"]), 0.01, 0.99)
        L = np.where(np.isnan(x), 1, np.where(x == 1, P, 1 - P)).prod(1) * w
        h = L / L.sum(1, keepdims=True) * self.data["frequencies"][:, None]
        return {"examinees": h.sum(0), "correct": (x[..., 0] == 1).T @ h}, self.data["frequencies"] @ np.log(L.sum(1))

    def m_step(self, counts, params):
        d, a = logistic(counts["examinees"], counts["correct"], self.data["nodes"])
        return {"d": d, "a": a}


@outsider(
    "lsat6", style="difficulty inside", bug="subtle", cause="divides slopes by 1.7 and multiplies them with 1.702"
)
def two_constants(data, start, max_cycles=3000):
    alpha, b = start["a"] / 1.7, -start["d"] / start["a"]
    for cycle in range(1, max_cycles + 1):  # noqa: B007
        n, r, ll = tables(data, -1.702 * alpha * b, 1.702 * alpha)
        d, a = logistic(n, r, data["nodes"])
        old, alpha, b = np.append(alpha, b), a / 1.7, -d / a
        if abs(np.append(alpha, b) - old).max() < 1e-10:
            break
    return {"params": {"d": d, "a": a}, "log_likelihood": ll, "converged": cycle < max_cycles, "cycles": cycle}


@outsider(
    "lsat6", style="scikit-learn", bug="subtle", cause="makes its own weights from the normal density at the nodes"
)
class OwnWeights:
    def __init__(self, data, max_iter=3000, tol=1e-10):
        density = norm.pdf(data["nodes"])
        self.data, self.max_iter, self.tol = {**data, "weights": density / density.sum()}, max_iter, tol

    def fit(self, start):
        d, a = start["d"], start["a"]
        for self.n_iter_ in range(1, self.max_iter + 1):  # noqa: B020
            n, r, self.log_likelihood_ = tables(self.data, d, a)
            old = np.append(d, a)
            d, a = logistic(n, r, self.data["nodes"])
            if abs(np.append(d, a) - old).max() < self.tol:
                break
        self.converged_ = self.n_iter_ < self.max_iter
        self.params_ = {"d": d, "a": a}
        return self


@outsider(
    "lsat6",
    style="inner optimiser at its defaults",
    bug="subtle",
    cause="fsolve on one-sided difference quotients of Q with a step of .001",
)
class DifferenceQuotients:
    def __init__(self, data):
        self.data = data

    def step(self, params):
        n, r, _ = tables(self.data, params["d"], params["a"])
        t, h = self.data["nodes"], 1e-3
        found = np.zeros((2, len(r)))
        for j in range(len(r)):

            def q(d, a, j=j):
                return r[j] @ log_expit(d + a * t) + (n[j] - r[j]) @ log_expit(-d - a * t)

            def slope(b, q=q):
                return [(q(b[0] + h, b[1]) - q(*b)) / h, (q(b[0], b[1] + h) - q(*b)) / h]

            found[:, j] = fsolve(slope, [0.5, 0.5])
        return {"d": found[0], "a": found[1]}


@outsider(
    "survey",
    style="scikit-learn",
    bug="subtle",
    cause="a ridge penalty on the slopes as libraries have by default, C=50",
)
class Penalised:
    def __init__(self, data, C=50.0):
        self.data, self.C = data, C

    def step(self, params):
        n, r, _ = tables(self.data, params["d"], params["a"])
        t, (d, a) = self.data["nodes"], logistic(n, r, self.data["nodes"])
        for _ in range(10):
            p = expit(d[:, None] + a[:, None] * t)
            v, g = n * p * (1 - p), r - n * p
            g0, g1, s0, s1, s2 = g.sum(1), g @ t - a / self.C, v.sum(1), v @ t, v @ t**2 + 1 / self.C
            d, a = d + (s2 * g0 - s1 * g1) / (s0 * s2 - s1**2), a + (s0 * g1 - s1 * g0) / (s0 * s2 - s1**2)
        return {"d": d, "a": a}


@outsider("lsat6-61", style="log space", bug="subtle", cause="nodes with a weight below 1e-4 are left out")
def far_nodes_dropped(data, start, max_cycles=3000):
    keep = data["weights"] > 1e-4
    data = {**data, "nodes": data["nodes"][keep], "weights": data["weights"][keep]}
    d, a = start["d"], start["a"]
    for cycle in range(1, max_cycles + 1):  # noqa: B007
        n, r, ll = tables(data, d, a)
        old = np.append(d, a)
        d, a = logistic(n, r, data["nodes"])
        if abs(np.append(d, a) - old).max() < 1e-10:
            break
    return {"params": {"d": d, "a": a}, "log_likelihood": ll, "converged": cycle < max_cycles, "cycles": cycle}


@outsider(
    "lsat6",
    style="PX-EM",
    bug="subtle",
    cause="the variance of ability is reduced into the slopes although the grid is coarse",
)
class ExpandedOnCoarseGrid:
    def __init__(self, data):
        self.data = data

    def step(self, params):
        post, _ = posterior(self.data, params["d"], params["a"])
        t, x = self.data["nodes"], self.data["responses"]
        d, a = logistic((~np.isnan(x)).T @ post, (x == 1).T @ post, t)
        return {"d": d, "a": a * np.sqrt(post.sum(0) @ t**2 / post.sum())}


@outsider(
    "lsat6-common-slope", style="ECM", bug="subtle", cause="every item has a slope of its own, then their mean is taken"
)
class MeanOfSlopes:
    def __init__(self, data):
        self.data = data

    def step(self, params):
        n, r, _ = tables(self.data, params["d"], params["a"])
        d, slopes = logistic(n, r, self.data["nodes"])
        a = np.array([slopes.mean()])
        for _ in range(20):
            p = expit(d[:, None] + a * self.data["nodes"])
            d = d + (r - n * p).sum(1) / (n * p * (1 - p)).sum(1)
        return {"d": d, "a": a}
