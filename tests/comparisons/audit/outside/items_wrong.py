"""Wrong EMs for item responses, first part: gross ones."""

import numpy as np
import pandas as pd
from scipy.special import expit, log_expit, logsumexp

from . import outsider
from .items_tools import logistic, posterior, tables


@outsider("lsat6", style="plain numpy", bug="gross", cause="the weights of the nodes are left out of the posterior")
class PriorForgotten:
    def __init__(self, data):
        self.x, self.f, self.t, self.w = (data[k] for k in ("responses", "frequencies", "nodes", "weights"))
        self.seen = ~np.isnan(self.x)
        self.y = np.where(self.seen, self.x, 0)

    def e_step(self, params):
        z = params["d"][:, None] + params["a"][:, None] * self.t
        log_l = self.y @ log_expit(z) + (self.seen - self.y) @ log_expit(-z)
        post = np.exp(log_l - logsumexp(log_l, axis=1, keepdims=True)) * self.f[:, None]
        counts = {"examinees": post.sum(0), "correct": self.y.T @ post}
        return counts, self.f @ logsumexp(log_l + np.log(self.w), axis=1)

    def m_step(self, counts, params):
        d, a = logistic(counts["examinees"], counts["correct"], self.t)
        return {"d": d, "a": a}


@outsider(
    "lsat6", style="class with state", bug="gross", cause="every pattern goes to its most probable node (hard EM)"
)
class HardNodes:
    def __init__(self, data):
        self.data = data

    def e_step(self, params):
        post, ll = posterior(self.data, params["d"], params["a"])
        self.node = post.argmax(axis=1)
        one = np.zeros_like(post)
        one[np.arange(len(post)), self.node] = self.data["frequencies"]
        return {"examinees": one.sum(0), "correct": np.nan_to_num(self.data["responses"]).T @ one}, ll

    def m_step(self, counts, params):
        n, r, t = counts["examinees"], counts["correct"], self.data["nodes"]
        X = np.column_stack([np.ones_like(t), t])
        new = np.zeros((len(r), 2))
        for j in range(len(r)):
            for _ in range(25):
                p = expit(X @ new[j])
                H = (X.T * (n * p * (1 - p))) @ X + 1e-9 * np.eye(2)
                step = np.linalg.solve(H, X.T @ (r[j] - n * p))
                new[j] += step / max(1, abs(step).max())
        return {"d": new[:, 0], "a": new[:, 1]}


@outsider("quiz", style="class with state", bug="gross", cause="the posterior is computed once and kept for all cycles")
class StalePosterior:
    def __init__(self, data):
        self.data, self.post = data, None

    def fit(self, start, max_cycles=1000):
        d, a = start["d"], start["a"]
        self.post = None
        for cycle in range(1, max_cycles + 1):  # noqa: B007
            if self.post is None:
                self.post, _ = posterior(self.data, d, a)
            n = (~np.isnan(self.data["responses"])).T @ self.post
            r = (self.data["responses"] == 1).T @ self.post
            old = d, a
            d, a = logistic(n, r, self.data["nodes"])
            if max(abs(d - old[0]).max(), abs(a - old[1]).max()) < 1e-9:
                break
        return {
            "params": {"d": d, "a": a},
            "log_likelihood": posterior(self.data, d, a)[1],
            "converged": cycle < max_cycles,
            "cycles": cycle,
        }


@outsider("survey", style="one fit function", bug="gross", cause="every pattern counts once in the expected counts")
def patterns_once(data, start, max_cycles=3000):
    X, f, t, w = data["responses"], data["frequencies"], data["nodes"], data["weights"]
    d, a = start["d"], start["a"]
    for it in range(max_cycles):  # noqa: B007
        P = expit(d[:, None] + a[:, None] * t)
        L = np.exp(X @ np.log(P) + (1 - X) @ np.log(1 - P)) * w
        post = L / L.sum(1, keepdims=True)
        d_new, a_new = logistic(post.sum(0), X.T @ post, t)
        change = max(abs(d_new - d).max(), abs(a_new - a).max())
        d, a = d_new, a_new
        if change < 1e-9:
            break
    P = expit(d[:, None] + a[:, None] * t)
    ll = f @ np.log(np.exp(X @ np.log(P) + (1 - X) @ np.log(1 - P)) @ w)
    return {"params": {"d": d, "a": a}, "log_likelihood": ll, "converged": change < 1e-9, "cycles": it + 1}


@outsider(
    "lsat6-61", style="scikit-learn", bug="gross", cause="regresses the answers on the mean abilities as if known"
)
class OnMeanAbilities:
    def __init__(self, data):
        self.data = data

    def fit(self, start, max_cycles=400):
        d, a, x, f = start["d"], start["a"], self.data["responses"], self.data["frequencies"]
        for self.n_iter_ in range(1, max_cycles + 1):
            post, self.log_likelihood_ = posterior(self.data, d, a)
            theta = post @ self.data["nodes"] / np.maximum(post.sum(1), 1e-300)
            old = np.append(d, a)
            d, a = logistic(f * ~np.isnan(x).T, f * np.nan_to_num(x).T, theta)
            a = np.clip(a, -6, 6)
            if abs(np.append(d, a) - old).max() < 1e-8:
                break
        self.params_ = {"d": d, "a": a}
        self.converged_ = self.n_iter_ < max_cycles
        return self


@outsider(
    "lsat6", style="pandas", bug="gross", cause="div along the wrong axis: normalised over patterns, not over nodes"
)
def wrong_axis(data):
    X = pd.DataFrame(data["responses"])
    f, t = pd.Series(data["frequencies"]), data["nodes"]

    def cycle(params):
        z = np.outer(params["a"], t) + np.asarray(params["d"])[:, None]
        L = (
            pd.DataFrame(np.exp(X.eq(1).to_numpy() @ log_expit(z) + X.eq(0).to_numpy() @ log_expit(-z)))
            * data["weights"]
        )
        post = L.div(L.sum(axis=0), axis=1).mul(f, axis=0)
        post = post * f.sum() / post.to_numpy().sum()
        d, a = logistic(X.notna().T.to_numpy() @ post.to_numpy(), X.eq(1).T.to_numpy() @ post.to_numpy(), t)
        return {"d": d, "a": a}

    return cycle


@outsider(
    "lsat6", style="difficulty inside", bug="gross", cause="goes back from difficulty with d = -b, without the slope"
)
def slope_forgotten(data, start):
    d, a = start["d"], start["a"]
    for _ in range(2000):
        old_d, old_a = d, a
        n, r, _ = tables(data, d, a)
        d, a = logistic(n, r, data["nodes"])
        b = -d / a
        if max(abs(d - old_d).max(), abs(a - old_a).max()) < 1e-10:
            break
    return {"d": -b, "a": a}


@outsider("forms", style="loops", bug="gross", cause="the attempts at the first item serve as the denominator of all")
class FirstItemsAttempts:
    def __init__(self, data):
        self.data = data

    def step(self, params):
        post, _ = posterior(self.data, params["d"], params["a"])
        x, t = self.data["responses"], self.data["nodes"]
        attempts = sum(post[i] for i in range(len(x)) if not np.isnan(x[i, 0]))
        d, a = np.zeros(x.shape[1]), np.zeros(x.shape[1])
        for j in range(x.shape[1]):
            r = sum(post[i] for i in range(len(x)) if x[i, j] == 1)
            r = np.minimum(r, 0.999 * attempts)
            d[j : j + 1], a[j : j + 1] = logistic(attempts, r[None], t)
        return {"d": d, "a": a}


@outsider("lsat6", style="difficulty inside", bug="gross", cause="1.702 stands in the E-step and not in the M-step")
class ScalingInOnePlace:
    D = 1.702

    def __init__(self, data):
        self.data = data

    def e_step(self, params):
        b = -params["d"] / params["a"]
        post, ll = posterior(self.data, -self.D * params["a"] * b, self.D * params["a"])
        return {"examinees": post.sum(0), "correct": (self.data["responses"] == 1).T @ post}, ll

    def m_step(self, counts, params):
        d, a = logistic(counts["examinees"], counts["correct"], self.data["nodes"])
        return {"d": d, "a": a}


@outsider(
    "lsat6",
    style="probabilities without logarithms",
    bug="gross",
    cause="a floor of .2 under every rate, as for guessing",
)
def guessing_floor(data, start, max_cycles=1500):
    x, f, t, w = data["responses"], data["frequencies"], data["nodes"], data["weights"]
    d, a = start["d"], start["a"]
    for cycle in range(1, max_cycles + 1):  # noqa: B007
        P = np.maximum(0.2, 1 / (1 + np.exp(-(d + np.outer(t, a)))))
        L = np.where(np.isnan(x)[:, None], 1, np.where(x[:, None] == 1, P, 1 - P)).prod(2) * w
        post = L / L.sum(1, keepdims=True) * f[:, None]
        old = np.append(d, a)
        d, a = logistic((~np.isnan(x)).T @ post, (x == 1).T @ post, t)
        if abs(np.append(d, a) - old).max() < 1e-9:
            break
    return {
        "params": {"d": d, "a": a},
        "log_likelihood": f @ np.log(L.sum(1)),
        "converged": cycle < max_cycles,
        "cycles": cycle,
    }


@outsider("survey", style="flat vector", bug="gross", cause="the slopes stay where they start")
class SlopesStay:
    parameter_order = ("d", "a")

    def __init__(self, data):
        self.data = data

    def step(self, v):
        d, a = np.split(v, 2)
        n, r, _ = tables(self.data, d, a)
        for _ in range(40):
            p = expit(d[:, None] + a[:, None] * self.data["nodes"])
            d = d + np.clip((r - n * p).sum(1) / (n * p * (1 - p)).sum(1), -1, 1)
        return np.concatenate([d, a])


@outsider(
    "lsat6", style="numba-like kernels", bug="gross", cause="an index is one too low: item j is counted for item j - 1"
)
class IndexOff:
    def __init__(self, data):
        self.data = data

    def e_step(self, params):
        post, ll = posterior(self.data, params["d"], params["a"])
        x = self.data["responses"]
        r, n = np.zeros((x.shape[1], post.shape[1])), np.zeros(post.shape[1])
        for i in range(x.shape[0]):
            for q in range(post.shape[1]):
                n[q] += post[i, q]
                for j in range(x.shape[1]):
                    if x[i, j] == 1:
                        r[j - 1, q] += post[i, q]
        return {"examinees": n, "correct": r}, ll

    def m_step(self, counts, params):
        return dict(zip(("d", "a"), logistic(counts["examinees"], counts["correct"], self.data["nodes"]), strict=True))


@outsider(
    "lsat6", style="sorted or reflected cycle", bug="gross", cause="slopes are brought to a mean of 1 after every cycle"
)
def mean_slope_one(data):
    def cycle(params):
        n, r, _ = tables(data, params["d"], params["a"])
        d, a = logistic(n, r, data["nodes"])
        if a.sum() < 0:
            a = -a
        return {"d": d, "a": a / a.mean()}

    return cycle


@outsider(
    "quiz", style="tuple or object returned", bug="gross", cause="people who left an answer out are dropped altogether"
)
def listwise(data, start):
    whole = ~np.isnan(data["responses"]).any(axis=1)
    data = {**data, "responses": data["responses"][whole], "frequencies": data["frequencies"][whole]}
    d, a, ll = start["d"], start["a"], None
    for _ in range(3000):
        n, r, ll = tables(data, d, a)
        old = np.append(d, a)
        d, a = logistic(n, r, data["nodes"])
        if abs(np.append(d, a) - old).max() < 1e-9:
            break
    return {"d": d, "a": a}, ll


@outsider(
    "forms", style="log space", bug="gross", cause="a missing answer has likelihood 1 - P, and counts as an attempt"
)
class MissingIsWrong:
    def __init__(self, data):
        self.x, self.f = np.where(data["responses"] == 1, 1.0, 0.0), data["frequencies"]
        self.t, self.lw = data["nodes"], np.log(data["weights"])

    def step(self, params):
        z = params["d"] + np.outer(self.t, params["a"])
        lp = log_expit(z) @ self.x.T + log_expit(-z) @ (1 - self.x).T + self.lw[:, None]
        post = np.exp(lp - logsumexp(lp, axis=0)) * self.f
        d, a = logistic(post.sum(1), (post @ self.x).T, self.t)
        return {"d": d, "a": a}
