"""Right EMs for item responses, second part: accelerated, blockwise, expanded."""

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, log_expit, logsumexp

from . import outsider


@outsider(
    "lsat6", style="sorted or reflected cycle", cause="an object with fit: abilities turned at the end of every cycle"
)
class PositiveSide:
    def __init__(self, data):
        self.Y, self.c, self.x, self.pi = (data[k] for k in ("responses", "frequencies", "nodes", "weights"))

    def fit(self, start, max_cycles=4000):
        beta = np.vstack([start["d"], start["a"]])
        B = np.vstack([np.ones_like(self.x), self.x])
        ok = ~np.isnan(self.Y)
        Y = np.where(ok, self.Y, 0.0)
        for it in range(max_cycles):  # noqa: B007
            eta = beta.T @ B
            lp = Y @ eta - ok @ np.logaddexp(0, eta) + np.log(self.pi)
            ll = logsumexp(lp, axis=1)
            W = np.exp(lp - ll[:, None]) * self.c[:, None]
            n, r, old, beta = ok.T @ W, Y.T @ W, beta, np.zeros_like(beta)
            for _ in range(15):
                p = expit(beta.T @ B)
                H = np.einsum("kq,jq,lq->jkl", B, n * p * (1 - p), B)
                beta = beta + np.linalg.solve(H, ((r - n * p) @ B.T)[:, :, None])[:, :, 0].T
            if beta[1].sum() < 0:
                beta[1] *= -1
            if np.abs(beta - old).max() < 1e-11:
                break
        eta = beta.T @ B
        ll = logsumexp(Y @ eta - ok @ np.logaddexp(0, eta) + np.log(self.pi), axis=1)
        found = {"d": beta[0], "a": beta[1]}
        return {
            "params": found,
            "log_likelihood": self.c @ ll,
            "converged": it + 1 < max_cycles,
            "cycles": it + 1,
        }


@outsider(
    "lsat6", style="guarded SQUAREM", remark="accelerated", cause="a SQUAREM step, kept when the likelihood rises"
)
class Squarem:
    def __init__(self, data):
        self.x, self.f, self.t, self.w = (data[k] for k in ("responses", "frequencies", "nodes", "weights"))
        self.ok = ~np.isnan(self.x)
        self.y = np.where(self.ok, self.x, 0.0)

    def joint(self, v):
        d, a = np.split(v, 2)
        z = d[:, None] + a[:, None] * self.t
        return self.y @ log_expit(z) + (self.ok - self.y) @ log_expit(-z) + np.log(self.w)

    def loglik(self, v):
        return self.f @ logsumexp(self.joint(v), axis=1)

    def em(self, v):
        lj = self.joint(v)
        post = self.f[:, None] * np.exp(lj - logsumexp(lj, axis=1, keepdims=True))
        n, r, d, a = self.ok.T @ post, self.y.T @ post, 0 * v[: len(v) // 2], 0 * v[: len(v) // 2]
        for _ in range(14):
            p = expit(d[:, None] + a[:, None] * self.t)
            s, g = n * p * (1 - p), r - n * p
            m = s @ self.t / s.sum(1)
            c = self.t - m[:, None]
            da = (g * c).sum(1) / (s * c**2).sum(1)
            d, a = d + g.sum(1) / s.sum(1) - m * da, a + da
        return np.concatenate([d, a])

    def step(self, params):
        v0 = np.concatenate([params["d"], params["a"]])
        v1 = self.em(v0)
        v2 = self.em(v1)
        r, u = v1 - v0, v2 - 2 * v1 + v0
        best = v2
        if u @ u > 0:
            alpha = -np.sqrt(r @ r / (u @ u))
            v3 = v0 - 2 * alpha * r + alpha**2 * u
            if np.isfinite(v3).all() and self.loglik(v3) > self.loglik(v2):
                best = v3
        d, a = np.split(best, 2)
        return {"d": d, "a": a}


@outsider(
    "lsat6-common-slope",
    style="guarded SQUAREM",
    remark="accelerated",
    cause="a whole fit by SQUAREM with an EM cycle after every extrapolation",
)
def squarem_fit(data, start, max_cycles=500):
    x, f, t, lw = data["responses"], data["frequencies"], data["nodes"], np.log(data["weights"])
    ok = np.isfinite(x)
    y, size = np.where(ok, x, 0.0), x.shape[1]

    def terms(v):
        z = v[:size, None] + v[size] * t
        return y @ log_expit(z) + (ok - y) @ log_expit(-z) + lw

    def ll(v):
        return f @ logsumexp(terms(v), axis=1)

    def em(v):
        L = terms(v)
        post = np.exp(L - logsumexp(L, axis=1, keepdims=True)) * f[:, None]
        n, r, new = ok.T @ post, y.T @ post, np.zeros_like(v)
        for _ in range(15):
            p = expit(new[:size, None] + new[size] * t)
            V, g = n * p * (1 - p), r - n * p
            s, m = V.sum(1), V @ t / V.sum(1)
            slope = ((g @ t) - m * g.sum(1)).sum() / ((V @ t**2) - m**2 * s).sum()
            new = new + np.append(g.sum(1) / s - m * slope, slope)
        return new

    v, cycles, converged = np.append(start["d"], start["a"]), 0, False
    while cycles < max_cycles and not converged:
        v1 = em(v)
        v2 = em(v1)
        r, u = v1 - v, (v2 - v1) - (v1 - v)
        cycles += 1
        converged = bool(abs(r).max() < 1e-11)
        if converged or not np.any(u):
            v = v2
            continue
        alpha = min(-1.0, -np.linalg.norm(r) / np.linalg.norm(u))
        jump = em(v - 2 * alpha * r + alpha**2 * u)
        v = jump if ll(jump) >= ll(v2) else v2
    return {
        "params": {"d": v[:size], "a": v[size:]},
        "log_likelihood": ll(v),
        "converged": converged,
        "cycles": cycles,
    }


@outsider(
    "forms", style="over-relaxed", remark="accelerated", cause="1.3 times the EM step unless the likelihood falls"
)
def overrelaxed(data):
    X, f, t = data["responses"], data["frequencies"], data["nodes"]
    here = ~np.isnan(X)
    X = np.nan_to_num(X)

    def e(d, a):
        z = np.outer(t, a) + d
        lp = log_expit(z) @ X.T + log_expit(-z) @ (here - X).T + np.log(data["weights"])[:, None]
        tot = logsumexp(lp, axis=0)
        return np.exp(lp - tot) * f, f @ tot

    def cycle(params):
        d0, a0 = params["d"], params["a"]
        post, _ = e(d0, a0)
        n, r = post @ here, post @ X
        d, a = np.zeros_like(d0), np.zeros_like(a0)
        for _ in range(18):
            p = expit(np.outer(t, a) + d)
            v, g = n * p * (1 - p), r - n * p
            s0, s1, s2, g0, g1 = v.sum(0), t @ v, t**2 @ v, g.sum(0), t @ g
            d, a = d + (s2 * g0 - s1 * g1) / (s0 * s2 - s1**2), a + (s0 * g1 - s1 * g0) / (s0 * s2 - s1**2)
        far = d0 + 1.3 * (d - d0), a0 + 1.3 * (a - a0)
        if e(*far)[1] >= e(d, a)[1]:
            d, a = far
        return {"d": d, "a": a}

    return cycle


@outsider(
    "lsat6",
    style="over-relaxed",
    remark="accelerated",
    cause="the step length grows by 1.1 as long as the likelihood rises (adaptive over-relaxation), in fit",
)
class AdaptiveOverrelaxation:
    def __init__(self, data):
        self.x, self.f, self.t, self.w = (data[k] for k in ("responses", "frequencies", "nodes", "weights"))

    def lj(self, B):
        z = B[0][:, None] + B[1][:, None] * self.t
        both = np.where(np.isnan(self.x), 0, self.x), np.where(np.isnan(self.x), 0, 1 - self.x)
        return both[0] @ log_expit(z) + both[1] @ log_expit(-z) + np.log(self.w)

    def ll(self, B):
        return float(self.f @ logsumexp(self.lj(B), axis=1))

    def em(self, B):
        lj = self.lj(B)
        post = np.exp(lj - logsumexp(lj, axis=1)[:, None]) * self.f[:, None]
        n, r, C = (~np.isnan(self.x)).T @ post, np.nan_to_num(self.x).T @ post, np.zeros_like(B)
        for _ in range(15):
            p = expit(C[0][:, None] + C[1][:, None] * self.t)
            v, g = n * p * (1 - p), r - n * p
            det = v.sum(1) * (v @ self.t**2) - (v @ self.t) ** 2
            C[0] += ((v @ self.t**2) * g.sum(1) - (v @ self.t) * (g @ self.t)) / det
            C[1] += (v.sum(1) * (g @ self.t) - (v @ self.t) * g.sum(1)) / det
        return C

    def fit(self, start, max_cycles=3000):
        B, eta, cycles = np.array([start["d"], start["a"]], dtype=float), 1.0, 0
        while cycles < max_cycles:
            C = self.em(B)
            cycles += 1
            if abs(C - B).max() < 1e-11:
                return {
                    "params": {"d": C[0], "a": C[1]},
                    "log_likelihood": self.ll(C),
                    "converged": True,
                    "cycles": cycles,
                }
            far = B + eta * (C - B)
            if self.ll(far) > self.ll(C):
                B, eta = far, eta * 1.1
            else:
                B, eta = C, 1.0
        return {"params": {"d": B[0], "a": B[1]}, "log_likelihood": self.ll(B), "converged": False, "cycles": cycles}


@outsider("lsat6", style="ECM", remark="generalised", cause="intercepts given slopes, then slopes given intercepts")
class InterceptsThenSlopes:
    def __init__(self, data):
        self.__dict__.update(data)
        self.answered = 1.0 * ~np.isnan(self.responses)
        self.right = np.nan_to_num(self.responses)

    def step(self, params):
        d, a, t = params["d"][:, None].copy(), params["a"][:, None].copy(), self.nodes
        z = d + a * t
        lp = self.right @ z - self.answered @ np.logaddexp(0, z) + np.log(self.weights)
        post = np.exp(lp - lp.max(axis=1, keepdims=True))
        post *= self.frequencies[:, None] / post.sum(axis=1, keepdims=True)
        n, r = self.answered.T @ post, self.right.T @ post
        for j in range(len(d)):
            d[j] = brentq(lambda u, j=j: (r[j] - n[j] * expit(u + a[j] * t)).sum(), -40, 40, xtol=1e-13)
        for j in range(len(d)):
            a[j] = brentq(lambda u, j=j: (r[j] - n[j] * expit(d[j] + u * t)) @ t, -40, 40, xtol=1e-13)
        return {"d": d[:, 0], "a": a[:, 0]}


@outsider("survey", style="ECM", remark="generalised", cause="multicycle ECM: a new E-step between the two blocks")
def multicycle(data):
    x, t = data["responses"], data["nodes"]
    w, f = data["weights"], data["frequencies"]
    if np.isnan(x).any():
        raise NotImplementedError("complete data only")

    def counts(d, a):
        z = d + np.outer(t, a)
        L = np.exp(log_expit(z) @ x.T + log_expit(-z) @ (1 - x.T)) * w[:, None]
        post = f * L / L.sum(0)
        return post.sum(1)[:, None], post @ x

    def cycle(params):
        d, a = params["d"].copy(), params["a"].copy()
        n, r = counts(d, a)
        for _ in range(40):
            p = expit(d + np.outer(t, a))
            d = d + np.clip((r - n * p).sum(0) / (n * p * (1 - p)).sum(0), -1, 1)
        n, r = counts(d, a)
        for _ in range(40):
            p = expit(d + np.outer(t, a))
            a = a + np.clip(t @ (r - n * p) / (t**2 @ (n * p * (1 - p))), -1, 1)
        return {"d": d, "a": a}

    return cycle


@outsider(
    "lsat6-61",
    style="PX-EM",
    remark="accelerated",
    cause="ability variance as the expanded parameter, reduced into the slopes, kept when the likelihood rises",
)
class ExpandedVariance:
    def __init__(self, data):
        self.u, self.f = data["responses"], data["frequencies"]
        self.t, self.w = data["nodes"], data["weights"]
        self.seen = ~np.isnan(self.u)
        self.u0 = np.where(self.seen, self.u, 0)

    def lp(self, d, a):
        z = d[:, None] + a[:, None] * self.t
        return self.u0 @ log_expit(z) + (self.seen - self.u0) @ log_expit(-z) + np.log(self.w)

    def step(self, params):
        lp = self.lp(params["d"], params["a"])
        post = np.exp(lp - logsumexp(lp, axis=1, keepdims=True)) * self.f[:, None]
        n, r = self.seen.T @ post, self.u0.T @ post
        d, a = np.zeros(len(r)), np.zeros(len(r))
        for _ in range(15):
            p = expit(d[:, None] + a[:, None] * self.t)
            v, g = n * p * (1 - p), r - n * p
            s0, s1, s2 = v.sum(1), v @ self.t, v @ self.t**2
            d, a = (
                d + (s2 * g.sum(1) - s1 * (g @ self.t)) / (s0 * s2 - s1 * s1),
                a + (s0 * (g @ self.t) - s1 * g.sum(1)) / (s0 * s2 - s1 * s1),
            )
        sigma = np.sqrt(post.sum(0) @ self.t**2 / post.sum())
        plain, wide = (logsumexp(self.lp(d, s * a), axis=1) @ self.f for s in (1.0, sigma))
        return {"d": d, "a": sigma * a if wide > plain else a}


@outsider(
    "quiz",
    style="PX-EM",
    remark="accelerated",
    cause="mean and variance of ability expanded, in fit, with a fall back to EM when that is better",
)
def px_fit(data, start, max_cycles=3000):
    x, f, t, w = (np.asarray(data[k]) for k in ("responses", "frequencies", "nodes", "weights"))
    m = np.isnan(x)
    y1, y0 = np.where(m, 0, x), np.where(m, 0, 1 - x)

    def loglik(d, a, full=False):
        z = d[:, None] + a[:, None] * t
        lj = y1 @ log_expit(z) + y0 @ log_expit(-z) + np.log(w)
        return lj if full else f @ logsumexp(lj, axis=1)

    d, a = start["d"] * 1.0, start["a"] * 1.0
    for k in range(max_cycles):  # noqa: B007
        lj = loglik(d, a, full=True)
        h = f[:, None] * np.exp(lj - logsumexp(lj, axis=1, keepdims=True))
        r, s = y1.T @ h, y0.T @ h
        B = np.zeros((2, len(d)))
        for _ in range(15):
            p = expit(B[0][:, None] + B[1][:, None] * t)
            g, v = r * (1 - p) - s * p, (r + s) * p * (1 - p)
            c = t - (v @ t / v.sum(1))[:, None]
            db = (g * c).sum(1) / (v * c * c).sum(1)
            B = B + np.array([g.sum(1) / v.sum(1) - db * (t - c)[:, 0], db])
        mean = h.sum(0) @ t / h.sum()
        sd = np.sqrt(h.sum(0) @ (t - mean) ** 2 / h.sum())
        candidates = [B, np.array([B[0] + B[1] * mean, B[1] * sd])]
        best = max(candidates, key=lambda c: loglik(*c))
        moved = max(abs(best[0] - d).max(), abs(best[1] - a).max())
        d, a = best
        if moved < 1e-11:
            break
    return {"params": {"d": d, "a": a}, "log_likelihood": loglik(d, a), "converged": moved < 1e-11, "cycles": k + 1}
