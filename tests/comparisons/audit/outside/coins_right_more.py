"""Right EMs for coin mixtures, second part."""

import math
from typing import NamedTuple

import numpy as np
from scipy.special import gammaln, logsumexp, softmax, xlogy
from scipy.stats import binom

from . import outsider


class BinomialMixture:
    """Estimator with the attributes that scikit-learn's have."""

    def __init__(self, n_components=2, tol=1e-11, max_iter=10000):
        self.n_components = n_components
        self.tol = tol
        self.max_iter = max_iter

    def fit(self, X, y=None, sample_weight=None, weights_init=None, means_init=None):
        sample_weight = np.ones(len(X)) if sample_weight is None else sample_weight
        self.weights_, self.means_ = np.asarray(weights_init), np.asarray(means_init)
        self.converged_, self.lower_bound_ = False, -np.inf
        for self.n_iter_ in range(1, self.max_iter + 1):  # noqa: B020
            resp = self.predict_proba(X) * sample_weight[:, None]
            weights, means = resp.sum(0) / resp.sum(), X[:, 0] @ resp / (X[:, 1] @ resp)
            change = max(np.abs(weights - self.weights_).max(), np.abs(means - self.means_).max())
            self.weights_, self.means_ = weights, means
            if change < self.tol:
                self.converged_ = True
                break
        self.lower_bound_ = sample_weight @ np.log(self._joint(X).sum(1))
        return self

    def _joint(self, X):
        return self.weights_ * binom.pmf(X[:, :1], X[:, 1:], self.means_)

    def predict_proba(self, X):
        joint = self._joint(X)
        return joint / joint.sum(axis=1, keepdims=True)


@outsider(
    "two-coins",
    style="scikit-learn",
    remark="not robust at edges",
    cause="an estimator with fit(X) and attributes, called by a function",
)
def sklearn_like_coins(data, start, max_cycles=10000):
    X = np.column_stack([data["heads"], data["flips"]])
    model = BinomialMixture(data["coins"], max_iter=max_cycles)
    model.fit(X, sample_weight=data["frequencies"], weights_init=start["weight"], means_init=start["bias"])
    return {
        "params": {"weight": model.weights_, "bias": model.means_},
        "log_likelihood": model.lower_bound_,
        "converged": model.converged_,
        "cycles": model.n_iter_,
    }


@outsider(
    "two-coins",
    style="positional arguments",
    remark="ignores frequencies",
    cause="a function of heads, flips and start that returns a dict",
)
def em_heads_flips_start(heads, flips, start):
    w, p = start["weight"], start["bias"]
    for _ in range(3000):
        num = np.log(w) + xlogy(heads[:, None], p) + xlogy((flips - heads)[:, None], 1 - p)
        z = softmax(num, axis=1)
        w, p = z.mean(axis=0), heads @ z / np.maximum(flips @ z, 1e-300)
    return {"weight": w, "bias": p}


def em_positional(heads, flips, weight, bias, n_iter=4000):
    for _ in range(n_iter):
        num = np.log(weight) + binom.logpmf(heads[:, None], flips[:, None], bias)
        z = softmax(num, axis=1)
        weight, bias = z.sum(axis=0) / len(heads), np.dot(heads, z) / np.maximum(np.dot(flips, z), 1e-300)
    return weight, bias


@outsider(
    "two-coins",
    style="positional arguments",
    remark="ignores frequencies",
    cause="knows heads and flips only, 4000 cycles",
)
def wrapped_positional(data, start):
    weight, bias = em_positional(data["heads"], data["flips"], start["weight"], start["bias"])
    return {"weight": weight, "bias": bias}


@outsider("coins", style="plain numpy", cause="three coins, every sum by einsum")
class EinsumCoins:
    def __init__(self, data):
        self.h, self.t, self.f = data["heads"], data["flips"] - data["heads"], data["frequencies"]

    def e_step(self, params):
        p = params["bias"]
        logs = np.log(params["weight"]) + xlogy(self.h[:, None], p) + xlogy(self.t[:, None], 1 - p)
        peak = logs.max(axis=1)
        e = np.exp(logs - peak[:, None])
        s = np.einsum("ik->k", np.einsum("ik,i,i->ik", e, 1 / e.sum(1), self.f))
        h = np.einsum("ik,i,i,i->k", e, 1 / e.sum(1), self.f, self.h)
        t = np.einsum("ik,i,i,i->k", e, 1 / e.sum(1), self.f, self.t)
        return {"sequences": s, "heads": h, "flips": h + t}, np.einsum("i,i->", self.f, peak + np.log(e.sum(1)))

    def m_step(self, counts, params):
        flips = np.fmax(counts["flips"], 1e-300)
        return {"weight": counts["sequences"] / self.f.sum(), "bias": counts["heads"] / flips}


@outsider("coins", style="loops", remark="not robust at edges", cause="three coins, a map with loops and lists")
def three_coins_by_hand(data):
    rows = list(zip(data["heads"], data["flips"], data["frequencies"], strict=True))

    def once(params):
        w, p = list(params["weight"]), list(params["bias"])
        got = [[0.0, 0.0, 0.0] for _ in w]
        for h, n, f in rows:
            each = [w[k] * p[k] ** h * (1 - p[k]) ** (n - h) for k in range(len(w))]
            for k in range(len(w)):
                share = f * each[k] / math.fsum(each)
                got[k][0] += share
                got[k][1] += share * h
                got[k][2] += share * n
        whole = math.fsum(g[0] for g in got)
        return {"weight": np.array([g[0] / whole for g in got]), "bias": np.array([g[1] / g[2] for g in got])}

    return once


@outsider(
    "two-coins",
    style="log space",
    remark="not robust at edges",
    cause="an object with slots that keeps logarithms of everything",
)
class SlottedCoins:
    __slots__ = ("flips", "frequencies", "heads")

    def __init__(self, data):
        for name in self.__slots__:
            setattr(self, name, np.asarray(data[name]))

    def step(self, params):
        with np.errstate(divide="ignore"):
            lw, lp, lq = np.log(params["weight"]), np.log(params["bias"]), np.log1p(-params["bias"])
            lh, lt, lf = np.log(self.heads), np.log(self.flips - self.heads), np.log(self.frequencies)
        h, t = self.heads[:, None], (self.flips - self.heads)[:, None]
        terms = lw + np.where(h > 0, h * lp, 0.0) + np.where(t > 0, t * lq, 0.0)
        lz = terms - np.logaddexp.reduce(terms, axis=1)[:, None] + lf[:, None]
        size = np.logaddexp.reduce(lz, axis=0)
        heads = np.logaddexp.reduce(lz + lh[:, None], axis=0)
        tails = np.logaddexp.reduce(lz + lt[:, None], axis=0)
        return {
            "weight": np.exp(size - np.logaddexp.reduce(size)),
            "bias": np.exp(heads - np.logaddexp(heads, tails)),
        }


def kernel_posterior(heads, flips, weight, log_p, log_q, out):
    rows, coins = out.shape
    loglik = np.zeros(rows)
    for i in range(rows):
        top = -1e308
        for k in range(coins):
            out[i, k] = weight[k] + heads[i] * log_p[k] + (flips[i] - heads[i]) * log_q[k]
            top = max(top, out[i, k])
        total = 0.0
        for k in range(coins):
            out[i, k] = np.exp(out[i, k] - top)
            total += out[i, k]
        for k in range(coins):
            out[i, k] /= total
        loglik[i] = top + np.log(total)
    return loglik


@outsider("bent-coins", style="numba-like kernels", cause="kernels that fill arrays given to them")
class KernelCoins:
    def __init__(self, data):
        self.heads, self.flips, self.often = data["heads"], data["flips"], data["frequencies"]
        self.buffer = np.empty((len(self.heads), data["coins"]))

    def e_step(self, params):
        tiny = 1e-300
        logs = (np.log(np.maximum(x, tiny)) for x in (params["weight"], params["bias"], 1 - params["bias"]))
        loglik = kernel_posterior(self.heads, self.flips, *logs, self.buffer)
        z = self.buffer * self.often[:, None]
        return {"sequences": z.sum(0), "heads": self.heads @ z, "flips": self.flips @ z}, self.often @ loglik

    def m_step(self, counts, params):
        flips = np.where(counts["flips"] > 0, counts["flips"], 1.0)
        return {"weight": counts["sequences"] / self.often.sum(), "bias": counts["heads"] / flips}


@outsider(
    "two-coins", style="plain numpy", remark="ignores frequencies", cause="data of one row per sequence, no weights"
)
class OneRowPerSequence:
    def __init__(self, data):
        self.successes = data["heads"]
        self.trials = data["flips"]

    def e_step(self, theta):
        logL = binom.logpmf(self.successes[:, None], self.trials[:, None], theta["bias"]) + np.log(theta["weight"])
        T = softmax(logL, axis=1)
        counts = {"sequences": T.sum(0), "heads": T.T @ self.successes, "flips": T.T @ self.trials}
        return counts, logsumexp(logL, axis=1).sum()

    def m_step(self, counts, theta):
        flips = np.clip(counts["flips"], 1e-300, None)
        return {"weight": counts["sequences"] / len(self.trials), "bias": counts["heads"] / flips}


@outsider("bent-coins", style="plain numpy", remark="generalised", cause="half of every step, which still climbs")
def careful_coins(data):
    x, n, f = data["heads"][:, None], data["flips"][:, None], data["frequencies"][:, None]

    def half_step(params):
        z = f * softmax(np.log(params["weight"]) + binom.logpmf(x, n, params["bias"]), axis=1)
        w, p = z.sum(0) / z.sum(), (z * x).sum(0) / np.maximum((z * n).sum(0), 1e-300)
        return {"weight": (params["weight"] + w) / 2, "bias": (params["bias"] + p) / 2}

    return half_step


@outsider("two-coins-equal", style="one fit function", remark="prints", cause="prints the biases in every iteration")
def chatty_coins(data, start, max_cycles=2000):
    p, n_cycles, change = np.array(start["bias"]), 0, np.inf
    const = gammaln(data["flips"] + 1) - gammaln(data["heads"] + 1) - gammaln(data["flips"] - data["heads"] + 1)

    def log_joint(p):
        return np.log(0.5) + xlogy(data["heads"][:, None], p) + xlogy((data["flips"] - data["heads"])[:, None], 1 - p)

    while change > 1e-11 and n_cycles < max_cycles:
        z = softmax(log_joint(p), axis=1) * data["frequencies"][:, None]
        new = data["heads"] @ z / np.maximum(data["flips"] @ z, 1e-300)
        change, p, n_cycles = np.abs(new - p).max(), new, n_cycles + 1
        print(f"iteration {n_cycles}: theta_A = {p[0]:.6f}, theta_B = {p[1]:.6f}")  # noqa: T201
    loglik = data["frequencies"] @ (logsumexp(log_joint(p), axis=1) + const)
    return {"params": {"bias": p}, "log_likelihood": loglik, "cycles": n_cycles, "converged": bool(change <= 1e-11)}


@outsider(
    "two-coins", style="plain numpy", remark="refuses part of the space", cause="a bias or weight of 0 or 1 is an error"
)
class StrictCoins:
    def __init__(self, data):
        if np.any(data["heads"] > data["flips"]):
            raise ValueError("more heads than flips")
        self.data = data

    def step(self, params):
        for name in ("weight", "bias"):
            if not np.all((params[name] > 0) & (params[name] < 1)):
                raise ValueError(f"{name} must lie strictly between 0 and 1")
        x, n = self.data["heads"], self.data["flips"]
        lj = np.log(params["weight"]) + binom.logpmf(x[:, None], n[:, None], params["bias"])
        z = np.exp(lj - np.logaddexp.reduce(lj, axis=1)[:, None]) * self.data["frequencies"][:, None]
        return {"weight": z.sum(0) / z.sum(), "bias": x @ z / (n @ z)}


class Theta(NamedTuple):
    weight: np.ndarray
    bias: np.ndarray


class Counts(NamedTuple):
    sequences: np.ndarray
    heads: np.ndarray
    flips: np.ndarray


@outsider("two-coins", style="tuple or object returned", cause="NamedTuples go in and out of the steps")
class NamedTupleCoins:
    def __init__(self, data):
        self.data = data

    def e_step(self, params):
        theta = Theta(**params) if isinstance(params, dict) else params
        x, n, f = (self.data[name][:, None] for name in ("heads", "flips", "frequencies"))
        lj = np.log(theta.weight) + xlogy(x, theta.bias) + xlogy(n - x, 1 - theta.bias)
        total = np.logaddexp.reduce(lj, axis=1, keepdims=True)
        z = f * np.exp(lj - total)
        return Counts(z.sum(0), (x * z).sum(0), (n * z).sum(0)), float((f * total).sum())

    def m_step(self, counts, params):
        return Theta(counts.sequences / counts.sequences.sum(), counts.heads / np.maximum(counts.flips, 1e-300))


@outsider(
    "bent-coins",
    style="one fit function",
    remark="not robust at edges",
    cause="standard errors by inverting a numerical Hessian of all free",
)
def coins_with_standard_errors(data, start, max_cycles=20000):
    x, n, f = data["heads"][:, None], data["flips"][:, None], data["frequencies"]

    def joint(w, p):
        return w * binom.pmf(x, n, p)

    def minus(v):
        return -f @ np.log(joint(np.array([v[0], 1 - v[0]]), v[1:]).sum(1))

    w, p, cycles, change = np.array(start["weight"]), np.array(start["bias"]), 0, 1.0
    while cycles < max_cycles and change > 1e-12:
        z = joint(w, p)
        z *= (f / z.sum(1))[:, None]
        w, old = z.sum(0) / f.sum(), p
        p = (z * x).sum(0) / np.maximum((z * n).sum(0), 1e-300)
        change, cycles = np.abs(p - old).max(), cycles + 1
    v, eps = np.array([w[0], *p]), 1e-4
    steps = eps * np.eye(3)
    hessian = [
        [minus(v + a + b) - minus(v + a - b) - minus(v - a + b) + minus(v - a - b) for a in steps] for b in steps
    ]
    se = np.full(3, np.nan)
    if np.isfinite(hessian).all():
        se = np.sqrt(np.diag(np.linalg.pinv(np.array(hessian) / (4 * eps**2))).clip(0))
    return {
        "params": {"weight": w, "bias": p},
        "log_likelihood": -minus(v),
        "converged": bool(change <= 1e-12),
        "cycles": cycles,
        "standard_errors": {"weight": se[[0, 0]], "bias": se[1:]},
    }
