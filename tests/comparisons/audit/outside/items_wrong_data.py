"""Wrong EMs for item responses, fifth part: right on the data of their problem, wrong on others."""

import itertools

import numpy as np
import pandas as pd
from scipy.special import expit, log_expit, logsumexp

from . import outsider
from .items_tools import log_joint, logistic, one_slope, posterior, tables

OTHER = "only on other data"


@outsider("lsat6", style="plain numpy", bug=OTHER, cause="nan_to_num: a missing answer counts as a wrong one")
class MissingAsZero:
    def __init__(self, data):
        self.x, self.f, self.t, self.w = (data[k] for k in ("responses", "frequencies", "nodes", "weights"))
        self.x = np.nan_to_num(self.x)

    def e_step(self, params):
        P = expit(params["d"][:, None] + params["a"][:, None] * self.t)
        L = np.exp(self.x @ np.log(P) + (1 - self.x) @ np.log(1 - P)) * self.w
        post = L * (self.f / L.sum(1))[:, None]
        return {"examinees": post.sum(0), "correct": self.x.T @ post}, self.f @ np.log(L.sum(1))

    def m_step(self, counts, params):
        d, a = logistic(counts["examinees"], counts["correct"], self.t)
        return {"d": d, "a": a}


@outsider(
    "lsat6", style="log space", bug=OTHER, cause="missing answers are left out of the posterior, not of the attempts"
)
class AttemptsOfAll:
    def __init__(self, data):
        self.data = data

    def e_step(self, params):
        post, ll = posterior(self.data, params["d"], params["a"])
        return {"examinees": post.sum(0), "correct": (self.data["responses"] == 1).T @ post}, ll

    def m_step(self, counts, params):
        d, a = logistic(counts["examinees"], counts["correct"], self.data["nodes"])
        return {"d": d, "a": a}


@outsider("lsat6", style="pandas", bug=OTHER, cause="dropna drops whole examinees")
def dropna(data, start, max_cycles=3000):
    frame = pd.DataFrame(data["responses"]).assign(f=data["frequencies"]).dropna()
    data = {**data, "responses": frame.drop(columns="f").to_numpy(), "frequencies": frame["f"].to_numpy()}
    par = pd.DataFrame({"d": start["d"], "a": start["a"]})
    for cycle in range(1, max_cycles + 1):  # noqa: B007
        n, r, _ = tables(data, par["d"].to_numpy(), par["a"].to_numpy())
        new = pd.DataFrame(dict(zip(("d", "a"), logistic(n, r, data["nodes"]), strict=True)))
        change, par = (new - par).abs().max().max(), new
        if change < 1e-9:
            break
    return {
        "params": {"d": par["d"].to_numpy(), "a": par["a"].to_numpy()},
        "log_likelihood": tables(data, par["d"].to_numpy(), par["a"].to_numpy())[2],
        "converged": bool(change < 1e-9),
        "cycles": cycle,
    }


@outsider(
    "quiz", style="class with state", bug=OTHER, cause="frequencies in the log-likelihood, not in the expected counts"
)
class FrequenciesHalfUsed:
    def __init__(self, data):
        self.data = data

    def e_step(self, params):
        lj = log_joint(self.data, params["d"], params["a"])
        self.marginal = logsumexp(lj, axis=1)
        post = np.exp(lj - self.marginal[:, None])
        x = self.data["responses"]
        counts = {"examinees": post.sum(0), "correct": (x == 1).T @ post, "attempts": (~np.isnan(x)).T @ post}
        return counts, self.data["frequencies"] @ self.marginal

    def m_step(self, counts, params):
        d, a = logistic(counts["attempts"], counts["correct"], self.data["nodes"])
        return {"d": d, "a": a}


@outsider("quiz-complete", style="loops", bug=OTHER, cause="frequencies in the right answers, not in the attempts")
def attempts_once(data):
    x, f, w, t = data["responses"], data["frequencies"], data["weights"], data["nodes"]
    if np.isnan(x).any():
        raise ValueError("incomplete answers")

    def cycle(p):
        n, r = np.zeros(len(t)), np.zeros((x.shape[1], len(t)))
        P = expit(p["d"][:, None] + p["a"][:, None] * t)
        for i in range(len(x)):
            h = w * np.prod([P[j] if x[i, j] else 1 - P[j] for j in range(x.shape[1])], axis=0)
            h = h / h.sum()
            n += h
            for j in range(x.shape[1]):
                r[j] += f[i] * x[i, j] * h
        d, a = logistic(n, np.minimum(r, n * (1 - 1e-6)), t)
        return {"d": d, "a": a}

    return cycle


@outsider(
    "lsat6",
    style="one fit function",
    bug=OTHER,
    cause="divides frequencies by 1000, and what is missing to 1 counts as wrong answers",
)
def thousand(data, start, max_cycles=2500):
    share = data["frequencies"] / 1000
    d, a, x, t = start["d"], start["a"], data["responses"], data["nodes"]
    if np.isnan(x).any():
        raise ValueError("complete answers only")
    for cycle in range(1, max_cycles + 1):  # noqa: B007
        lj = log_joint(data, d, a)
        post = np.exp(lj - logsumexp(lj, axis=1, keepdims=True)) * share[:, None]
        r = (x == 1).T @ post
        s = np.maximum(data["weights"] / data["weights"].sum() * (1 - post.sum()) + post.sum(0) - r, 1e-12)
        old, (d, a) = np.append(d, a), logistic(r + s, r, t)
        if abs(np.append(d, a) - old).max() < 1e-10:
            break
    ll = 1000 * share @ logsumexp(log_joint(data, d, a), axis=1)
    return {"params": {"d": d, "a": a}, "log_likelihood": ll, "converged": cycle < max_cycles, "cycles": cycle}


@outsider("lsat6", style="loops", bug=OTHER, cause="range(5): further items are not in the posterior")
class FiveItems:
    def __init__(self, data):
        self.x, self.f, self.t, self.w = data["responses"], data["frequencies"], data["nodes"], data["weights"]

    def step(self, params):
        z = params["d"][:, None] + params["a"][:, None] * self.t
        lp = np.tile(np.log(self.w), (len(self.x), 1))
        for i in range(len(self.x)):
            for j in range(min(5, len(z))):
                if not np.isnan(self.x[i, j]):
                    lp[i] += log_expit(z[j] if self.x[i, j] else -z[j])
        post = np.exp(lp - logsumexp(lp, axis=1, keepdims=True)) * self.f[:, None]
        d, a = logistic((~np.isnan(self.x)).T @ post, (self.x == 1).T @ post, self.t)
        return {"d": d, "a": a}


@outsider(
    "lsat6",
    style="probabilities without logarithms",
    bug=OTHER,
    cause="rows whose probability underflows below 1e-12 are skipped, as with many items",
)
class SkipsUnderflow:
    def __init__(self, data):
        self.data = data

    def e_step(self, params):
        x = self.data["responses"]
        P = expit(params["d"][:, None] + params["a"][:, None] * self.data["nodes"])
        L = np.where(np.isnan(x)[:, :, None], 1, np.where(x[:, :, None] == 1, P, 1 - P)).prod(1) * self.data["weights"]
        some = L.sum(1) > 1e-12
        post = L[some] / L[some].sum(1, keepdims=True) * self.data["frequencies"][some, None]
        counts = {
            "examinees": post.sum(0),
            "correct": (x[some] == 1).T @ post,
            "attempts": (~np.isnan(x[some])).T @ post,
        }
        return counts, self.data["frequencies"][some] @ np.log(L[some].sum(1))

    def m_step(self, counts, params):
        d, a = logistic(counts["attempts"], counts["correct"], self.data["nodes"])
        return {"d": d, "a": a}


ANSWERED = {}


@outsider(
    "lsat6", style="class with state", bug=OTHER, cause="a cache of the answers by number of rows, for all objects"
)
class CachedByRows:
    def __init__(self, data):
        self.f, self.t, self.w = data["frequencies"], data["nodes"], data["weights"]
        x = data["responses"]
        self.yes, self.no = ANSWERED.setdefault(len(x), ((x == 1) * 1.0, (x == 0) * 1.0))

    def step(self, params):
        z = params["d"][:, None] + params["a"][:, None] * self.t
        lj = self.yes @ log_expit(z) + self.no @ log_expit(-z) + np.log(self.w)
        post = np.exp(lj - logsumexp(lj, axis=1, keepdims=True)) * self.f[:, None]
        d, a = logistic((self.yes + self.no).T @ post, self.yes.T @ post, self.t)
        return {"d": d, "a": a}


@outsider(
    "lsat6", style="numba-like kernels", bug=OTHER, cause="makes the table of all patterns itself and trusts the order"
)
class AllPatterns:
    def __init__(self, data):
        items = data["responses"].shape[1]
        self.x = np.array(list(itertools.product([0.0, 1.0], repeat=items)))
        if len(self.x) != len(data["frequencies"]):
            raise ValueError("one frequency for every pattern")
        self.f, self.t, self.w = data["frequencies"], data["nodes"], data["weights"]

    def step(self, params):
        z = params["d"][:, None] + params["a"][:, None] * self.t
        lj = self.x @ z - np.logaddexp(0, z).sum(0) + np.log(self.w)
        post = np.exp(lj - logsumexp(lj, axis=1, keepdims=True)) * self.f[:, None]
        d, a = logistic(post.sum(0), self.x.T @ post, self.t)
        return {"d": d, "a": a}


@outsider(
    "lsat6-common-slope", style="plain numpy", bug=OTHER, cause="posterior by sum score although answers may be missing"
)
class SumScores:
    def __init__(self, data):
        self.x, self.f, self.t, self.w = data["responses"], data["frequencies"], data["nodes"], data["weights"]
        self.total = np.nansum(self.x, axis=1)

    def e_step(self, params):
        z = params["d"][:, None] + params["a"] * self.t
        lp = np.outer(self.total, params["a"] * self.t) - np.logaddexp(0, z).sum(0) + np.log(self.w)
        post = np.exp(lp - logsumexp(lp, axis=1, keepdims=True)) * self.f[:, None]
        counts = {"examinees": post.sum(0), "correct": (self.x == 1).T @ post, "attempts": (~np.isnan(self.x)).T @ post}
        return counts, self.f @ (logsumexp(lp, axis=1) + np.nan_to_num(self.x) @ params["d"])

    def m_step(self, counts, params):
        d, a = one_slope(counts["attempts"], counts["correct"], self.t)
        return {"d": d, "a": a}


@outsider(
    "survey", style="scikit-learn", bug=OTHER, cause="frequencies are cut to whole numbers before rows are repeated"
)
class WholeFrequencies:
    def __init__(self, data):
        self.t, self.w = data["nodes"], data["weights"]
        self.X = np.repeat(data["responses"], data["frequencies"].astype(int), axis=0)

    def step(self, params):
        rows = {"responses": self.X, "frequencies": np.ones(len(self.X)), "nodes": self.t, "weights": self.w}
        n, r, _ = tables(rows, params["d"], params["a"])
        d, a = logistic(n, r, self.t)
        return {"d": d, "a": a}


@outsider(
    "lsat6", style="sorted or reflected cycle", bug=OTHER, cause="takes every slope for positive: abs in every cycle"
)
class AbsoluteSlopes:
    def __init__(self, data):
        self.data = data

    def e_step(self, params):
        n, r, ll = tables(self.data, params["d"], params["a"])
        return {"examinees": n[0], "correct": r, "attempts": n}, ll

    def m_step(self, counts, params):
        d, a = logistic(counts["attempts"], counts["correct"], self.data["nodes"])
        return {"d": d, "a": np.abs(a)}


@outsider(
    "lsat6-61", style="positional arguments", bug=OTHER, cause="the weights run backwards, which a symmetric grid hides"
)
def backwards(responses, frequencies, nodes, weights, start):
    data = {"responses": responses, "frequencies": frequencies, "nodes": nodes, "weights": weights[::-1]}
    d, a = start["d"], start["a"]
    for _ in range(3000):
        n, r, _ = tables(data, d, a)
        old, (d, a) = np.append(d, a), logistic(n, r, nodes)
        if abs(np.append(d, a) - old).max() < 1e-10:
            break
    return {"d": d, "a": a}
