"""Wrong EMs for coin mixtures, first part: errors in the estimates."""

import math

import numpy as np
import pandas as pd
from scipy.special import logsumexp, softmax, xlog1py, xlogy
from scipy.stats import binom

from . import outsider


def relative(w, x, n, p):
    """Likelihoods per row and coin over the largest of the row, which cannot underflow."""
    with np.errstate(divide="ignore"):
        lj = np.log(w) + binom.logpmf(x, n, p)
    return np.exp(lj - lj.max(axis=1, keepdims=True))


@outsider("two-coins", style="plain numpy", bug="gross", cause="every sequence goes to its likeliest coin as a whole")
class HardCoins:
    def __init__(self, data):
        self.d = data

    def step(self, params):
        x, n, f = self.d["heads"], self.d["flips"], self.d["frequencies"]
        like = params["weight"] * binom.pmf(x[:, None], n[:, None], params["bias"])
        z = f[:, None] * (like == like.max(axis=1, keepdims=True))
        flips = np.where(n @ z > 0, n @ z, 1)
        return {"weight": z.sum(0) / z.sum(), "bias": x @ z / flips}


@outsider("two-coins", style="loops", bug="gross", cause="heads are divided by all flips, not by those of the coin")
class WrongDenominatorLoops:
    def __init__(self, data):
        self.rows = list(zip(data["heads"], data["flips"], data["frequencies"], strict=True))

    def e_step(self, params):
        K = len(params["bias"])
        c = {"sequences": np.zeros(K), "heads": np.zeros(K), "flips": np.zeros(K)}
        ll = 0.0
        for h, n, f in self.rows:
            a = [params["weight"][k] * params["bias"][k] ** h * (1 - params["bias"][k]) ** (n - h) for k in range(K)]
            ll += f * math.log(sum(a))
            for k in range(K):
                c["sequences"][k] += f * a[k] / sum(a)
                c["heads"][k] += f * a[k] / sum(a) * h
                c["flips"][k] += f * a[k] / sum(a) * n
        return c, ll

    def m_step(self, counts, params):
        all_flips = sum(n * f for _, n, f in self.rows)
        return {
            "weight": counts["sequences"] / sum(counts["sequences"]),
            "bias": counts["heads"] / all_flips,
        }


@outsider("two-coins", style="one fit function", bug="gross", cause="posterior computed before the loop, never again")
def posterior_outside_the_loop(data, start, max_cycles=1000):
    x, n, f = data["heads"], data["flips"], data["frequencies"]
    w, p = start["weight"], start["bias"]
    like = w * binom.pmf(x[:, None], n[:, None], p)
    z = f[:, None] * like / like.sum(1, keepdims=True)
    for cycle in range(1, max_cycles + 1):  # noqa: B007
        old = p
        w, p = z.sum(0) / z.sum(), x @ z / np.maximum(n @ z, 1e-300)
        if np.abs(p - old).max() < 1e-10:
            break
    ll = f @ np.log((w * binom.pmf(x[:, None], n[:, None], p)).sum(1))
    return {"params": {"weight": w, "bias": p}, "log_likelihood": ll, "converged": True, "cycles": cycle}


@outsider("two-coins", style="log space", bug="gross", cause="softmax over the sequences instead of over the coins")
def softmax_over_the_wrong_axis(data):
    x, n = data["heads"][:, None], data["flips"][:, None]

    def step(params):
        logits = np.log(params["weight"]) + xlogy(x, params["bias"]) + xlog1py(n - x, -params["bias"])
        z = softmax(logits, axis=0)
        z = z / z.sum(axis=1, keepdims=True) * data["frequencies"][:, None]
        return {"weight": z.sum(0) / z.sum(), "bias": (z * x).sum(0) / np.maximum((z * n).sum(0), 1e-300)}

    return step


@outsider(
    "two-coins-equal", style="probabilities without logarithms", bug="gross", cause="likelihood without the tails"
)
def heads_only_likelihood(data, start):
    a, b = start["bias"]
    for _ in range(500):
        la, lb = a ** data["heads"], b ** data["heads"]
        za = data["frequencies"] * la / (la + lb)
        zb = data["frequencies"] - za
        a, b = (za @ data["heads"]) / (za @ data["flips"]), (zb @ data["heads"]) / (zb @ data["flips"])
    return {"bias": np.array([a, b])}


@outsider("coins", style="flat vector", bug="subtle", cause="the sums begin at 1, so the first sequence is left out")
class OffByOneVector:
    parameter_order = ("weight", "bias")

    def __init__(self, data):
        self.x, self.n, self.f, self.k = data["heads"], data["flips"], data["frequencies"], data["coins"]

    def step(self, theta):
        joint = np.empty((len(self.x), self.k))
        for k in range(self.k):
            p = theta[self.k + k]
            joint[:, k] = np.log(theta[k]) + xlogy(self.x, p) + xlog1py(self.n - self.x, -p)
        z = softmax(joint, axis=1) * self.f[:, None]
        sums = np.zeros((3, self.k))
        for i in range(1, len(self.x)):
            sums += np.outer([1, self.x[i], self.n[i]], z[i])
        return np.hstack([sums[0] / max(sums[0].sum(), 1e-300), sums[1] / np.maximum(sums[2], 1e-300)])


@outsider("bent-coins", style="pandas", bug="gross", cause="how often a row was seen is left out of the biases")
class PandasForgetsFrequencies:
    def __init__(self, data):
        self.df = pd.DataFrame({key: data[key] for key in ("heads", "flips", "frequencies")})

    def step(self, params):
        df = self.df
        like = pd.DataFrame(
            {
                k: w * p**df.heads * (1 - p) ** (df.flips - df.heads)
                for k, (w, p) in enumerate(zip(params["weight"], params["bias"], strict=True))
            }
        )
        z = like.div(like.sum(axis=1), axis=0)
        weight = z.mul(df.frequencies, axis=0).sum() / df.frequencies.sum()
        bias = z.mul(df.heads, axis=0).sum() / z.mul(df.flips, axis=0).sum()
        return {"weight": weight.to_numpy(), "bias": bias.to_numpy()}


@outsider(
    "two-coins", style="plain numpy", bug="subtle", cause="a hundredth of a head and of a tail is added to each coin"
)
class SmoothedCoins:
    def __init__(self, data):
        self.x, self.n, self.f = data["heads"], data["flips"], data["frequencies"]

    def e_step(self, params):
        lj = np.log(params["weight"]) + binom.logpmf(self.x[:, None], self.n[:, None], params["bias"])
        z = self.f[:, None] * softmax(lj, axis=1)
        return {"sequences": z.sum(0), "heads": self.x @ z, "flips": self.n @ z}, self.f @ logsumexp(lj, axis=1)

    def m_step(self, counts, params):
        bias = (counts["heads"] + 0.01) / (counts["flips"] + 0.02)
        return {"weight": counts["sequences"] / counts["sequences"].sum(), "bias": bias}


@outsider("two-coins-equal", style="class with state", bug="subtle", cause="the posterior is rounded to three places")
class RoundedPosterior:
    def __init__(self, data):
        self.data, self.resp = data, None

    def e_step(self, params):
        lj = np.log(self.data["fixed_weight"]) + binom.logpmf(
            self.data["heads"][:, None], self.data["flips"][:, None], params["bias"]
        )
        self.resp = np.round(softmax(lj, axis=1), 3)
        z = self.resp * self.data["frequencies"][:, None]
        counts = {"sequences": z.sum(0), "heads": self.data["heads"] @ z, "flips": self.data["flips"] @ z}
        return counts, self.data["frequencies"] @ logsumexp(lj, axis=1)

    def m_step(self, counts, params):
        return {"bias": counts["heads"] / np.maximum(counts["flips"], 1e-300)}


@outsider(
    "two-coins", style="log space", bug="subtle", cause="log(p + 1e-4) against log of 0, which moves the posterior"
)
def epsilon_in_the_logs(data):
    eps = 1e-4
    x, n, f = data["heads"][:, None], data["flips"][:, None], data["frequencies"][:, None]

    def step(params):
        w, p = params["weight"], params["bias"]
        lj = np.log(w + eps) + x * np.log(p + eps) + (n - x) * np.log(1 - p + eps)
        z = f * np.exp(lj - logsumexp(lj, axis=1, keepdims=True))
        return {"weight": z.sum(0) / z.sum(), "bias": (z * x).sum(0) / np.maximum((z * n).sum(0), 1e-300)}

    return step


@outsider("two-coins", style="scikit-learn", bug="subtle", cause="1e-3 is added to the size of each component")
class MixtureWithConcentration:
    def __init__(self, data, reg=1e-3, tol=1e-12, max_iter=20000):
        self.X, self.sample_weight = np.c_[data["heads"], data["flips"]], data["frequencies"]
        self.reg, self.tol, self.max_iter = reg, tol, max_iter

    def fit(self, start, max_cycles=None):
        self.weights_, self.probs_ = np.asarray(start["weight"]), np.asarray(start["bias"])
        self.converged_ = False
        for self.n_iter_ in range(1, (max_cycles or self.max_iter) + 1):  # noqa: B020
            resp = self._proba() * self.sample_weight[:, None]
            nk = resp.sum(0) + self.reg
            old, self.weights_ = self.weights_, nk / nk.sum()
            self.probs_ = self.X[:, 0] @ resp / np.maximum(self.X[:, 1] @ resp, 1e-300)
            if np.abs(old - self.weights_).max() < self.tol:
                self.converged_ = True
                break
        return {
            "params": {"weight": self.weights_, "bias": self.probs_},
            "log_likelihood": self.sample_weight @ logsumexp(self._log_joint(), axis=1),
            "converged": self.converged_,
            "cycles": self.n_iter_,
        }

    def _log_joint(self):
        return np.log(self.weights_) + binom.logpmf(self.X[:, :1], self.X[:, 1:], self.probs_)

    def _proba(self):
        return softmax(self._log_joint(), axis=1)


@outsider(
    "two-coins", style="inner optimiser at its defaults", bug="subtle", cause="biases on a grid of 1/1000 in the M-step"
)
def grid_search_m_step(data):
    grid = np.linspace(0.001, 0.999, 999)
    x, n, f = data["heads"], data["flips"], data["frequencies"]

    def step(params):
        like = relative(params["weight"], x[:, None], n[:, None], params["bias"])
        z = f[:, None] * like / like.sum(1, keepdims=True)
        heads, tails = (x @ z)[:, None], ((n - x) @ z)[:, None]
        best = np.argmax(heads * np.log(grid) + tails * np.log(1 - grid), axis=1)
        return {"weight": z.sum(0) / z.sum(), "bias": grid[best]}

    return step


@outsider(
    "two-coins",
    style="sorted or reflected cycle",
    bug="wrong from some starts",
    cause="biases are sorted at the end, the weights stay where they are",
)
def sorts_biases_only(data, start, max_cycles=10000):
    x, n, f = data["heads"], data["flips"], data["frequencies"]
    w, p = start["weight"], start["bias"]
    for _ in range(max_cycles):
        like = relative(w, x[:, None], n[:, None], p)
        z = f[:, None] * like / like.sum(1, keepdims=True)
        old, w, p = p, z.sum(0) / z.sum(), x @ z / np.maximum(n @ z, 1e-300)
        if np.abs(p - old).max() < 1e-12:
            break
    return {"weight": w, "bias": np.sort(p)}


@outsider(
    "two-coins",
    style="plain numpy",
    bug="wrong from some starts",
    cause="a coin with a weight below .1 is thought empty and removed",
)
class PrunesSmallCoins:
    def __init__(self, data):
        self.x, self.n, self.f = data["heads"][:, None], data["flips"][:, None], data["frequencies"][:, None]

    def step(self, params):
        w = np.where(params["weight"] < 0.1, 0.0, params["weight"])
        like = relative(w, self.x, self.n, params["bias"])
        z = self.f * like / like.sum(1, keepdims=True)
        flips = (z * self.n).sum(0)
        bias = np.where(flips > 0, (z * self.x).sum(0) / np.where(flips > 0, flips, 1), params["bias"])
        return {"weight": z.sum(0) / z.sum(), "bias": bias}


@outsider(
    "two-coins",
    style="early stop rule",
    bug="wrong from some starts",
    cause="stops when the bias of coin 1 grows by less than 1e-9, so at once where it falls",
)
def coins_signed_change(data, start, max_cycles=10000):
    x, n, f = data["heads"][:, None], data["flips"][:, None], data["frequencies"][:, None]
    w, p = start["weight"], start["bias"]
    for cycle in range(1, max_cycles + 1):  # noqa: B007
        like = relative(w, x, n, p)
        z = f * like / like.sum(1, keepdims=True)
        old = p
        w, p = z.sum(0) / z.sum(), (z * x).sum(0) / np.maximum((z * n).sum(0), 1e-300)
        if p[0] - old[0] < 1e-9:
            break
    ll = float(f[:, 0] @ logsumexp(np.log(w) + binom.logpmf(x, n, p), axis=1))
    return {"params": {"weight": w, "bias": p}, "log_likelihood": ll, "converged": cycle < max_cycles, "cycles": cycle}


@outsider(
    "two-coins-equal",
    style="loops",
    bug="wrong from some starts",
    cause="a first coin with a bias below .5 in the start is taken for tails-heavy and reflected in the result",
)
def reflects_low_starts(data, start):
    a, b = float(start["bias"][0]), float(start["bias"][1])
    reflected = a < 0.5
    for _ in range(2000):
        top, bottom = [0.0, 0.0], [0.0, 0.0]
        for h, n, f in zip(data["heads"], data["flips"], data["frequencies"], strict=True):
            la, lb = xlogy(h, a) + xlog1py(n - h, -a), xlogy(h, b) + xlog1py(n - h, -b)
            for k, z in enumerate((math.exp(la - np.logaddexp(la, lb)), math.exp(lb - np.logaddexp(la, lb)))):
                top[k] += f * z * h
                bottom[k] += f * z * n
        a, b = (t / max(m, 1e-300) for t, m in zip(top, bottom, strict=True))
    return {"bias": np.array([1 - a if reflected else a, b])}


@outsider(
    "bent-coins",
    style="one fit function",
    bug="wrong from some starts",
    cause="stops when the two biases are within .1 of each other, in the belief that they are one",
)
def merges_close_coins(data, start, max_cycles=20000):
    x, n, f = data["heads"], data["flips"], data["frequencies"]
    w, p = start["weight"], start["bias"]
    for _ in range(max_cycles):
        if abs(p[0] - p[1]) < 0.1:
            return {"weight": np.array([1.0, 0.0]), "bias": np.full(2, f @ x / (f @ n))}
        like = relative(w, x[:, None], n[:, None], p)
        z = like * (f / like.sum(1))[:, None]
        old, w, p = p, z.sum(0) / f.sum(), x @ z / np.maximum(n @ z, 1e-300)
        if np.abs(old - p).max() < 1e-12:
            break
    return {"weight": w, "bias": p}
