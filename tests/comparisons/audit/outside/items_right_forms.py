"""Right EMs for item responses, fourth part: what is returned, how it is called, kernels, refusals, one step only."""

import math
from collections import namedtuple
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from scipy.special import expit, log_expit, logsumexp

from . import outsider


@outsider(
    "quiz", style="class with state", cause="present estimates and history are attributes; fit may be called again"
)
class WithHistory:
    def __init__(self, data):
        self.responses, self.frequencies, self.nodes, self.weights = data.values()
        self.reset()

    def reset(self):
        self.d = self.a = None
        self.history = []

    def expectation(self):
        z = self.d[:, None] + self.a[:, None] * self.nodes
        x = self.responses[:, :, None]
        lp = np.log(self.weights) + np.where(np.isnan(x), 0, log_expit(np.where(x == 1, z, -z))).sum(axis=1)
        self.history.append(self.frequencies @ logsumexp(lp, axis=1))
        self.posterior = np.exp(lp - logsumexp(lp, axis=1, keepdims=True)) * self.frequencies[:, None]

    def maximization(self):
        for j, x in enumerate(self.responses.T):
            n, r, b = self.posterior[~np.isnan(x)].sum(0), self.posterior[x == 1].sum(0), np.zeros(2)
            X = np.array([np.ones_like(n), self.nodes])
            for _ in range(15):
                p = expit(b @ X)
                b = b + np.linalg.solve(X * (n * p * (1 - p)) @ X.T, X @ (r - n * p))
            self.d[j], self.a[j] = b

    def fit(self, start, max_cycles=4000):
        self.reset()
        self.d, self.a = start["d"].copy(), start["a"].copy()
        for _ in range(max_cycles):
            before = np.append(self.d, self.a)
            self.expectation()
            self.maximization()
            if np.abs(np.append(self.d, self.a) - before).max() < 1e-10:
                break
        cycles = len(self.history)
        self.expectation()
        return {
            "params": {"d": self.d, "a": self.a},
            "log_likelihood": self.history[-1],
            "converged": cycles < max_cycles,
            "cycles": cycles,
        }


@outsider(
    "lsat6",
    style="tuple or object returned",
    cause="a student's function: estimates, log-likelihood, cycles in a tuple",
)
def student(data, start, max_cycles=3000):
    X, f, th, w = data["responses"], data["frequencies"], data["nodes"], data["weights"]
    assert not np.isnan(X).any(), "impute first"
    d, a = start["d"], start["a"]
    for epoch in range(1, max_cycles + 1):  # noqa: B007
        P = expit(d + th[:, None] * a)
        gamma = np.exp(X @ np.log(P).T + (1 - X) @ np.log(1 - P).T) * w
        evidence = gamma.sum(axis=1, keepdims=True)
        gamma = f[:, None] * gamma / evidence
        n, r = gamma.sum(0)[:, None], gamma.T @ X
        dn, an = np.zeros_like(d), np.zeros_like(a)
        for _ in range(12):
            P = expit(dn + th[:, None] * an)
            W, E = n * P * (1 - P), r - n * P
            A, B, C = W.sum(0), th @ W, th**2 @ W
            dn, an = (
                dn + (C * E.sum(0) - B * (th @ E)) / (A * C - B * B),
                an + (A * (th @ E) - B * E.sum(0)) / (A * C - B * B),
            )
        delta = max(abs(dn - d).max(), abs(an - a).max())
        d, a = dn, an
        if delta < 1e-10:
            break
    P = expit(d + th[:, None] * a)
    return {"d": d, "a": a}, f @ np.log(np.exp(X @ np.log(P).T + (1 - X) @ np.log(1 - P).T) @ w), epoch


class Result(NamedTuple):
    params: dict
    log_likelihood: float
    converged: bool
    cycles: int


@outsider(
    "lsat6-common-slope", style="tuple or object returned", cause="a NamedTuple; the slope in it is a plain float"
)
def named(data, start, max_cycles=5000):
    x, f, t, w = data["responses"], data["frequencies"], data["nodes"], data["weights"]
    ok = ~np.isnan(x)
    y = np.where(ok, x, 0)

    def lp(d, a):
        return y @ log_expit(np.add.outer(d, a * t)) + (ok - y) @ log_expit(-np.add.outer(d, a * t)) + np.log(w)

    d, a, moved, cycles = start["d"], float(np.ravel(start["a"])[0]), 1.0, 0
    while moved > 1e-10 and cycles < max_cycles:
        h = np.exp(lp(d, a) - logsumexp(lp(d, a), axis=1, keepdims=True)) * f[:, None]
        n, r, d_new, a_new = ok.T @ h, y.T @ h, np.zeros_like(d), 0.0
        for _ in range(15):
            p = expit(np.add.outer(d_new, a_new * t))
            v, g = n * p * (1 - p), r - n * p
            mean = v @ t / v.sum(1)
            up = (g @ t - mean * g.sum(1)).sum() / (v @ t**2 - mean**2 * v.sum(1)).sum()
            d_new, a_new = d_new + g.sum(1) / v.sum(1) - mean * up, a_new + up
        moved, d, a, cycles = max(abs(d_new - d).max(), abs(a_new - a)), d_new, a_new, cycles + 1
    return Result({"d": d, "a": a}, float(f @ logsumexp(lp(d, a), axis=1)), bool(moved <= 1e-10), cycles)


class Estimates:
    __slots__ = ("a", "d", "loglik", "n_cycles")

    def __init__(self, d, a, loglik, n_cycles):
        self.d, self.a, self.loglik, self.n_cycles = d, a, loglik, n_cycles


@outsider(
    "survey", style="tuple or object returned", cause="an object with __slots__ and its own names for what it holds"
)
def slotted(data, start):
    x, f, t = data["responses"], data["frequencies"], data["nodes"]
    y, m = np.nan_to_num(x), 1.0 - np.isnan(x)
    B = np.array([start["d"], start["a"]])
    for k in range(1, 4000):  # noqa: B007
        z = B[0] + np.outer(t, B[1])
        L = z @ y.T - np.logaddexp(0, z) @ m.T + np.log(data["weights"])[:, None]
        c = logsumexp(L, axis=0)
        H = np.exp(L - c) * f
        n, r, C = H @ m, H @ y, np.zeros_like(B)
        for _ in range(15):
            p = expit(C[0] + np.outer(t, C[1]))
            v, e = n * p * (1 - p), r - n * p
            M = np.array([[v.sum(0), t @ v], [t @ v, t**2 @ v]]).transpose(2, 0, 1)
            C = C + np.linalg.solve(M, np.array([e.sum(0), t @ e]).T[..., None])[..., 0].T
        if np.allclose(B, C, rtol=0, atol=1e-11):
            break
        B = C
    return Estimates(B[0], B[1], f @ c, k)


@outsider("lsat6", style="scikit-learn", cause="fit returns self; what was learned has a trailing underscore")
class TwoParameterModel:
    def __init__(self, data, max_iter=3000, tol=1e-10):
        self.data, self.max_iter, self.tol = data, max_iter, tol

    def fit(self, start):
        X, w = self.data["responses"], self.data["frequencies"]
        known = np.isfinite(X)
        X = np.where(known, X, 0)
        T = np.stack([np.ones_like(self.data["nodes"]), self.data["nodes"]])
        coef, self.converged_ = np.stack([start["d"], start["a"]], axis=1), False
        for self.n_iter_ in range(1, self.max_iter + 1):  # noqa: B020
            resp, _ = self._responsibilities(X, known, coef @ T)
            resp = resp * w[:, None]
            n, r, new = known.T @ resp, X.T @ resp, np.zeros_like(coef)
            for _ in range(15):
                p = expit(new @ T)
                H = np.einsum("aq,jq,bq->jab", T, n * p * (1 - p), T)
                new = new + np.linalg.solve(H, np.einsum("aq,jq->ja", T, r - n * p)[..., None])[..., 0]
            shift, coef = np.abs(new - coef).max(), new
            if shift < self.tol:
                self.converged_ = True
                break
        self.intercept_, self.coef_ = coef.T
        self.params_ = {"d": self.intercept_, "a": self.coef_}
        self.log_likelihood_ = float(w @ self._responsibilities(X, known, coef @ T)[1])
        return self

    def _responsibilities(self, X, known, z):
        joint = X @ log_expit(z) + (known - X) @ log_expit(-z) + np.log(self.data["weights"])
        norm = logsumexp(joint, axis=1)
        return np.exp(joint - norm[:, None]), norm


class LatentTrait:
    """fit(X, sample_weight) as other estimators have it; knows nothing of the audit."""

    def __init__(self, nodes, weights, n_iter=3000, tol=1e-10, init=None):
        self.nodes, self.weights, self.n_iter, self.tol, self.init = nodes, weights, n_iter, tol, init

    def fit(self, X, sample_weight=None):
        f = np.ones(len(X)) if sample_weight is None else sample_weight
        gaps = np.isnan(X)
        Z = np.where(gaps, 0.5, X) * 2 - 1  # -1, 1, and 0 where missing
        d, a = np.zeros(X.shape[1]), np.ones(X.shape[1])
        if self.init is not None:
            d, a = self.init
        for _ in range(self.n_iter):
            lp = (log_expit(Z[:, :, None] * (d[:, None] + a[:, None] * self.nodes)) * ~gaps[:, :, None]).sum(1)
            lp = lp + np.log(self.weights)
            q = np.exp(lp - logsumexp(lp, axis=1, keepdims=True)) * f[:, None]
            n, r, b, s = (~gaps).T @ q, (Z > 0).T @ q, np.zeros_like(d), np.zeros_like(a)
            for _ in range(15):
                p = expit(b[:, None] + s[:, None] * self.nodes)
                v, g = n * p * (1 - p), r - n * p
                m = v @ self.nodes / v.sum(1)
                up = (g @ self.nodes - m * g.sum(1)) / (v @ self.nodes**2 - m * m * v.sum(1))
                b, s = b + g.sum(1) / v.sum(1) - m * up, s + up
            shift = max(abs(b - d).max(), abs(s - a).max())
            d, a = b, s
            if shift < self.tol:
                break
        self.intercept_, self.coef_ = d, a
        return self


@outsider("quiz", style="scikit-learn", cause="an estimator with fit(X, sample_weight) and a short function around it")
def around_an_estimator(data, start):
    model = LatentTrait(data["nodes"], data["weights"], init=(start["d"], start["a"]))
    model.fit(data["responses"], sample_weight=data["frequencies"])
    return {"d": model.intercept_, "a": model.coef_}


@outsider("lsat6", style="positional arguments", cause="the arrays of the data as positional arguments, the start last")
def by_position(responses, frequencies, nodes, weights, start):
    seen = ~np.isnan(responses)
    y = np.where(seen, responses, 0.0)
    d, a = (np.array(start[k], dtype=float) for k in ("d", "a"))
    for _ in range(3000):
        z = d[:, None] + a[:, None] * nodes
        lj = y @ log_expit(z) + (seen - y) @ log_expit(-z) + np.log(weights)
        post = frequencies[:, None] * np.exp(lj - logsumexp(lj, axis=1, keepdims=True))
        n, r, old = seen.T @ post, y.T @ post, np.append(d, a)
        d, a = 0 * d, 0 * a
        for _ in range(15):
            p = expit(d[:, None] + a[:, None] * nodes)
            v, g = n * p * (1 - p), r - n * p
            det = v.sum(1) * (v @ nodes**2) - (v @ nodes) ** 2
            d = d + ((v @ nodes**2) * g.sum(1) - (v @ nodes) * (g @ nodes)) / det
            a = a + (v.sum(1) * (g @ nodes) - (v @ nodes) * g.sum(1)) / det
        if abs(np.append(d, a) - old).max() < 1e-11:
            break
    return {"d": d, "a": a}


@outsider("quiz-complete", style="positional arguments", cause="the map takes d and a and returns d and a")
def two_in_two_out(data):
    x, f, t, lw = data["responses"], data["frequencies"], data["nodes"], np.log(data["weights"])
    if not np.all((x == 0) | (x == 1)):
        raise ValueError("responses must be 0 or 1")

    def step(d, a):
        z = d[:, None] + a[:, None] * t
        lp = x @ z - np.logaddexp(0, z).sum(0) + lw
        h = np.exp(lp - logsumexp(lp, axis=1, keepdims=True)) * f[:, None]
        n, r = h.sum(0), x.T @ h
        d, a = np.zeros(len(r)), np.zeros(len(r))
        for _ in range(20):
            p = expit(d[:, None] + a[:, None] * t)
            v, g = n * p * (1 - p), r - n * p
            m = v @ t / v.sum(1)
            up = (g @ t - m * g.sum(1)) / (v @ t**2 - m**2 * v.sum(1))
            d, a = d + g.sum(1) / v.sum(1) - m * up, a + up
        return d, a

    return step


Tables = namedtuple("Tables", "examinees correct")


@dataclass
class Grid:
    theta: np.ndarray
    mass: np.ndarray
    n: np.ndarray = field(default=None)


@outsider("survey", style="tuple or object returned", cause="expected counts in a namedtuple, the grid in a dataclass")
class CountsAsTuple:
    def __init__(self, data):
        self.x, self.f, self.grid = data["responses"], data["frequencies"], Grid(data["nodes"], data["weights"])
        if math.isnan(self.x.sum()):
            raise ValueError("there are missing answers")

    def e_step(self, params):
        P = expit(params["d"][:, None] + params["a"][:, None] * self.grid.theta)
        joint = np.exp(self.x @ np.log(P) + (1 - self.x) @ np.log1p(-P)) * self.grid.mass
        post = joint * (self.f / joint.sum(1))[:, None]
        return Tables(post.sum(0), self.x.T @ post), self.f @ np.log(joint.sum(1))

    def m_step(self, counts, params):
        t, d, a = self.grid.theta, np.zeros(len(params["d"])), np.zeros(len(params["d"]))
        for _ in range(15):
            P = expit(d[:, None] + a[:, None] * t)
            v, g = counts.examinees * P * (1 - P), counts.correct - counts.examinees * P
            m = v @ t / v.sum(1)
            up = (g @ t - m * g.sum(1)) / (v @ t**2 - m**2 * v.sum(1))
            d, a = d + g.sum(1) / v.sum(1) - m * up, a + up
        return {"d": d, "a": a}
