"""Right EMs for coin mixtures, first part."""

import math
from collections import namedtuple
from types import SimpleNamespace

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit, logit, logsumexp, xlog1py, xlogy
from scipy.stats import binom

from . import outsider


@outsider(
    "two-coins",
    style="loops",
    remark="not robust at edges",
    cause="loops over sequences and coins with math.log, as translated from R",
)
class CoinsTranslatedFromR:
    def __init__(self, data):
        self.h = [float(v) for v in data["heads"]]
        self.n = [float(v) for v in data["flips"]]
        self.f = [float(v) for v in data["frequencies"]]

    def e_step(self, params):
        K = len(params["bias"])
        seqs, heads, flips = [0.0] * K, [0.0] * K, [0.0] * K
        loglik = 0.0
        for i in range(len(self.h)):
            lik = []
            for k in range(K):
                p = float(params["bias"][k])
                lik.append(float(params["weight"][k]) * p ** self.h[i] * (1 - p) ** (self.n[i] - self.h[i]))
            total = sum(lik)
            loglik += self.f[i] * math.log(total)
            for k in range(K):
                z = self.f[i] * lik[k] / total
                seqs[k] += z
                heads[k] += z * self.h[i]
                flips[k] += z * self.n[i]
        return {"sequences": np.array(seqs), "heads": np.array(heads), "flips": np.array(flips)}, loglik

    def m_step(self, counts, params):
        weight, bias = [], []
        for k in range(len(counts["sequences"])):
            weight.append(counts["sequences"][k] / sum(counts["sequences"]))
            bias.append(counts["heads"][k] / counts["flips"][k])
        return {"weight": np.array(weight), "bias": np.array(bias)}


@outsider("two-coins", style="one fit function", cause="one function that does everything and returns a dict")
def fit_two_coins(data, start, max_cycles=20000, tol=1e-12):
    h, n, f = data["heads"], data["flips"], data["frequencies"]
    pi, p = np.array(start["weight"], float), np.array(start["bias"], float)

    def joint(pi, p):
        return np.log(pi) + binom.logpmf(h[:, None], n[:, None], p)

    converged, cycle = False, 0
    while cycle < max_cycles and not converged:
        lj = joint(pi, p)
        r = f[:, None] * np.exp(lj - logsumexp(lj, axis=1, keepdims=True))
        new_pi, new_p = r.sum(0) / f.sum(), (r.T @ h) / np.maximum(r.T @ n, 1e-300)
        converged = max(np.abs(new_pi - pi).max(), np.abs(new_p - p).max()) < tol
        pi, p = new_pi, new_p
        cycle += 1
    loglik = f @ logsumexp(joint(pi, p), axis=1)
    return {
        "params": {"weight": pi, "bias": p},
        "log_likelihood": loglik,
        "converged": bool(converged),
        "cycles": cycle,
    }


@outsider(
    "bent-coins", style="pandas", remark="not robust at edges", cause="long table of sequence by coin, sums by groupby"
)
class LongTableCoins:
    def __init__(self, data):
        self.df = pd.DataFrame({"heads": data["heads"], "flips": data["flips"], "n": data["frequencies"]})
        self.df["seq"] = range(len(self.df))

    def step(self, params):
        coins = pd.DataFrame({"coin": range(len(params["bias"])), "w": params["weight"], "p": params["bias"]})
        long = self.df.merge(coins, how="cross")
        long["joint"] = long.w * long.p**long.heads * (1 - long.p) ** (long.flips - long.heads)
        long["z"] = long.n * long.joint / long.groupby("seq").joint.transform("sum")
        long["zh"], long["zf"] = long.z * long.heads, long.z * long.flips
        sums = long.groupby("coin")[["z", "zh", "zf"]].sum()
        return {"weight": (sums.z / sums.z.sum()).to_numpy(), "bias": (sums.zh / sums.zf).to_numpy()}


@outsider("two-coins", style="flat vector", cause="one flat vector of weights and biases")
class OneVectorOfCoins:
    parameter_order = ("weight", "bias")

    def __init__(self, data):
        self.d = data
        self.K = data["coins"]

    def step(self, theta):
        w, p = theta[: self.K], theta[self.K :]
        x, n, f = self.d["heads"][:, None], self.d["flips"][:, None], self.d["frequencies"][:, None]
        lj = np.log(w) + xlogy(x, p) + xlog1py(n - x, -p)
        z = f * np.exp(lj - logsumexp(lj, axis=1, keepdims=True))
        return np.concatenate([z.sum(0) / z.sum(), (z * x).sum(0) / np.maximum((z * n).sum(0), 1e-300)])


@outsider(
    "two-coins",
    style="sorted or reflected cycle",
    remark="not robust at edges",
    cause="coins are sorted by bias in every cycle, weights along",
)
def coins_in_order(data):
    x, n, f = data["heads"], data["flips"], data["frequencies"]

    def em_map(params):
        w, p = params["weight"], params["bias"]
        dens = w * binom.pmf(x[:, None], n[:, None], p)
        z = f[:, None] * dens / dens.sum(axis=1, keepdims=True)
        w, p = z.sum(0) / z.sum(), (x @ z) / (n @ z)
        order = np.argsort(p)
        return {"weight": w[order], "bias": p[order]}

    return em_map


def binomial_loglik(data, w, p):
    x, n = data["heads"][:, None], data["flips"][:, None]
    with np.errstate(divide="ignore"):
        return data["frequencies"] @ logsumexp(np.log(w) + xlogy(x, p) + xlog1py(n - x, -p), axis=1)


def binomial_cycle(data, w, p):
    x, n = data["heads"][:, None], data["flips"][:, None]
    with np.errstate(divide="ignore"):
        lj = np.log(w) + xlogy(x, p) + xlog1py(n - x, -p)
    z = data["frequencies"][:, None] * np.exp(lj - logsumexp(lj, axis=1, keepdims=True))
    return z.sum(0) / z.sum(), (z * x).sum(0) / np.maximum((z * n).sum(0), 1e-300)


@outsider("two-coins", style="guarded SQUAREM", remark="accelerated", cause="SQUAREM on logits, back to EM if it falls")
def squarem_coins(data):
    def pack(w, p):
        return np.append(np.log(w[1:] / w[0]), logit(p))

    def unpack(v):
        e = np.exp(np.append(0.0, v[: len(v) // 2]))
        return e / e.sum(), expit(v[len(v) // 2 :])

    def step(params):
        w1, p1 = binomial_cycle(data, params["weight"], params["bias"])
        w2, p2 = binomial_cycle(data, w1, p1)
        with np.errstate(all="ignore"):
            t0, t1, t2 = pack(params["weight"], params["bias"]), pack(w1, p1), pack(w2, p2)
            r, v = t1 - t0, t2 - 2 * t1 + t0
            alpha = min(-np.sqrt((r @ r) / (v @ v)), -1.0) if v @ v > 0 else -1.0
            w, p = unpack(t0 - 2 * alpha * r + alpha**2 * v)
            w, p = binomial_cycle(data, w, p)
            jumped = binomial_loglik(data, w, p)
        if np.isfinite(jumped) and jumped >= binomial_loglik(data, w2, p2):
            return {"weight": w, "bias": p}
        return {"weight": w2, "bias": p2}

    return step


@outsider(
    "bent-coins", style="over-relaxed", remark="accelerated", cause="steps of 1.3, of 1 where the likelihood falls"
)
class OverRelaxedCoins:
    omega = 1.3

    def __init__(self, data):
        self.data = data

    def step(self, params):
        w0, p0 = params["weight"], params["bias"]
        w, p = binomial_cycle(self.data, w0, p0)
        far_w, far_p = w0 + self.omega * (w - w0), p0 + self.omega * (p - p0)
        inside = (far_w > 0).all() and (far_p > 0).all() and (far_p < 1).all()
        if inside and binomial_loglik(self.data, far_w, far_p) >= binomial_loglik(self.data, w0, p0):
            return {"weight": far_w, "bias": far_p}
        return {"weight": w, "bias": p}


@outsider("bent-coins", style="ECM", cause="weights first, then posteriors anew, then the biases")
def coins_in_two_blocks(data):
    def cycle(params):
        w, _ = binomial_cycle(data, params["weight"], params["bias"])
        _, p = binomial_cycle(data, w, params["bias"])
        return {"weight": w, "bias": p}

    return cycle


@outsider(
    "two-coins-equal", style="inner optimiser at its defaults", cause="M-step by L-BFGS-B at its default tolerances"
)
class LazyMStep:
    def __init__(self, data):
        self.h, self.n, self.f = data["heads"], data["flips"], data["frequencies"]
        self.w = data["fixed_weight"]

    def e_step(self, params):
        like = self.w * binom.pmf(self.h[:, None], self.n[:, None], params["bias"])
        post = self.f[:, None] * like / like.sum(axis=1, keepdims=True)
        counts = {"sequences": post.sum(0), "heads": self.h @ post, "flips": self.n @ post}
        return counts, self.f @ np.log(like.sum(axis=1))

    def m_step(self, counts, params):
        heads, tails = counts["heads"], counts["flips"] - counts["heads"]

        def minus_q(eta):
            return heads @ np.logaddexp(0, -eta) + tails @ np.logaddexp(0, eta), counts["flips"] * expit(eta) - heads

        begin = logit(np.clip(params["bias"], 1e-6, 1 - 1e-6))
        return {"bias": expit(minimize(minus_q, begin, jac=True, method="L-BFGS-B").x)}


@outsider(
    "two-coins", style="early stop rule", remark="stops early", cause="stops at a change of 1e-8 in log-likelihood"
)
def stops_on_the_likelihood(data, start):
    w, p = start["weight"], start["bias"]
    old, cycles = -np.inf, 0
    while True:
        w, p = binomial_cycle(data, w, p)
        new = binomial_loglik(data, w, p)
        cycles += 1
        if abs(new - old) < 1e-8 or cycles == 5000:
            break
        old = new
    return {"params": {"weight": w, "bias": p}, "log_likelihood": new, "cycles": cycles, "converged": cycles < 5000}


@outsider(
    "two-coins-equal", style="probabilities without logarithms", remark="not robust at edges", cause="the paper's EM"
)
def do_and_batzoglou(data, start, tol=1e-12, max_iter=10000):
    theta_a, theta_b = start["bias"]
    for _ in range(max_iter):
        heads_a = tails_a = heads_b = tails_b = 0
        for heads, flips, often in zip(data["heads"], data["flips"], data["frequencies"], strict=True):
            tails = flips - heads
            like_a = theta_a**heads * (1 - theta_a) ** tails
            like_b = theta_b**heads * (1 - theta_b) ** tails
            a = like_a / (like_a + like_b)
            heads_a, tails_a = heads_a + often * a * heads, tails_a + often * a * tails
            heads_b, tails_b = heads_b + often * (1 - a) * heads, tails_b + often * (1 - a) * tails
        new_a, new_b = heads_a / (heads_a + tails_a), heads_b / (heads_b + tails_b)
        change = max(abs(new_a - theta_a), abs(new_b - theta_b))
        theta_a, theta_b = new_a, new_b
        if change < tol:
            break
    return {"bias": np.array([theta_a, theta_b])}


@outsider(
    "bent-coins", style="probabilities without logarithms", remark="not robust at edges", cause="products underflow"
)
class HomeworkCoins:
    def __init__(self, data):
        self.X, self.N, self.c = data["heads"], data["flips"], data["frequencies"]

    def e_step(self, params):
        P = params["bias"] ** self.X[:, None] * (1 - params["bias"]) ** (self.N - self.X)[:, None]
        num = params["weight"] * P
        den = num.sum(1)
        gamma = num / den[:, None] * self.c[:, None]
        return {"sequences": gamma.sum(0), "heads": self.X @ gamma, "flips": self.N @ gamma}, self.c @ np.log(den)

    def m_step(self, counts, params):
        return {"weight": counts["sequences"] / sum(self.c), "bias": counts["heads"] / counts["flips"]}


@outsider(
    "two-coins",
    style="class with state",
    remark="not robust at edges",
    cause="the E-step keeps its posterior in self, the M-step reads it there",
)
class RemembersItsPosterior:
    def __init__(self, data):
        self.data = data
        self.posterior = None
        self.history = []

    def e_step(self, params):
        x, n = self.data["heads"][:, None], self.data["flips"][:, None]
        lj = np.log(params["weight"]) + xlogy(x, params["bias"]) + xlog1py(n - x, -params["bias"])
        top = logsumexp(lj, axis=1, keepdims=True)
        self.posterior = np.exp(lj - top) * self.data["frequencies"][:, None]
        self.history.append(self.data["frequencies"] @ top[:, 0])
        z = self.posterior
        return {"sequences": z.sum(0), "heads": (x * z).sum(0), "flips": (n * z).sum(0)}, self.history[-1]

    def m_step(self, counts, params):
        z = self.posterior
        bias = (self.data["heads"] @ z) / (self.data["flips"] @ z)
        return {"weight": z.sum(axis=0) / z.sum(), "bias": bias}


@outsider(
    "two-coins",
    style="class with state",
    remark="not robust at edges",
    cause="e_step returns nothing, m_step needs no counts, fit runs them",
)
class ChangesItselfInPlace:
    def __init__(self, data):
        self.x, self.n, self.f, self.k = data["heads"], data["flips"], data["frequencies"], data["coins"]

    def expectation(self):
        like = self.pi * self.p ** self.x[:, None] * (1 - self.p) ** (self.n - self.x)[:, None]
        self.ll = float(
            self.f @ (np.log(like.sum(1)) + np.array([math.log(math.comb(int(a), int(b))) for a, b in self.pairs()]))
        )
        self.r = self.f[:, None] * like / like.sum(1)[:, None]

    def pairs(self):
        return zip(self.n, self.x, strict=True)

    def maximisation(self):
        self.pi = self.r.sum(0) / self.r.sum()
        self.p = self.x @ self.r / (self.n @ self.r)

    def fit(self, start, max_cycles=10000):
        self.pi, self.p = np.copy(start["weight"]), np.copy(start["bias"])
        done = False
        for cycle in range(1, max_cycles + 1):  # noqa: B007
            before = np.append(self.pi, self.p)
            self.expectation()
            self.maximisation()
            done = np.allclose(before, np.append(self.pi, self.p), rtol=0, atol=1e-11)
            if done:
                break
        self.expectation()
        params = {"weight": self.pi, "bias": self.p}
        return {"params": params, "log_likelihood": self.ll, "converged": bool(done), "cycles": cycle}


Fit = namedtuple("Fit", "weight bias loglik n_iter converged")


@outsider("two-coins", style="tuple or object returned", cause="returns a named tuple of its own")
def em_named_tuple(data, start, max_cycles=10000):
    w, p = start["weight"], start["bias"]
    n_iter, converged = 0, False
    while n_iter < max_cycles and not converged:
        w1, p1 = binomial_cycle(data, w, p)
        converged = bool(np.abs(np.r_[w1 - w, p1 - p]).max() < 1e-12)
        w, p, n_iter = w1, p1, n_iter + 1
    return Fit(w, p, binomial_loglik(data, w, p), n_iter, converged)


@outsider("two-coins-equal", style="tuple or object returned", cause="returns estimates, log-likelihood and cycles")
def em_plain_tuple(data, start):
    p = np.asarray(start["bias"])
    for it in range(5000):  # noqa: B007
        _, q = binomial_cycle(data, data["fixed_weight"], p)
        if np.max(np.abs(q - p)) < 1e-12:
            break
        p = q
    return {"bias": q}, binomial_loglik(data, data["fixed_weight"], q), it + 1


@outsider("bent-coins", style="tuple or object returned", cause="returns an object with params and log_likelihood")
def em_namespace(data, start, max_cycles=20000):
    result = SimpleNamespace(params={k: np.array(v) for k, v in start.items()}, cycles=0, converged=False)
    while result.cycles < max_cycles and not result.converged:
        w, p = binomial_cycle(data, result.params["weight"], result.params["bias"])
        result.converged = bool(np.abs(p - result.params["bias"]).max() < 1e-12)
        result.params = {"weight": w, "bias": p}
        result.cycles += 1
    result.log_likelihood = binomial_loglik(data, **dict(zip("wp", result.params.values(), strict=True)))
    return result
