"""Right EMs for item responses, third part: an optimiser inside, stopped early, without logarithms, with state."""

import numpy as np
import scipy.optimize as opt
from scipy.special import expit, log_expit, logsumexp

from . import outsider


@outsider(
    "quiz-complete",
    style="inner optimiser at its defaults",
    remark="stops early",
    cause="L-BFGS-B with a gradient per item, started at the present values",
)
class InnerLbfgs:
    def __init__(self, data):
        if np.isnan(data["responses"]).any():
            raise ValueError("NaN in responses")
        self.data = data

    def e_step(self, params):
        x, t = self.data["responses"], self.data["nodes"]
        z = params["d"][:, None] + params["a"][:, None] * t
        joint = x @ log_expit(z) + (1 - x) @ log_expit(-z) + np.log(self.data["weights"])
        ll = logsumexp(joint, axis=1)
        post = np.exp(joint - ll[:, None]) * self.data["frequencies"][:, None]
        return {"examinees": post.sum(0), "correct": x.T @ post}, float(ll @ self.data["frequencies"])

    def m_step(self, counts, params):
        n, t = counts["examinees"], self.data["nodes"]

        def minus_q(v, r):
            z = v[0] + v[1] * t
            g = n * expit(z) - r
            return -(r @ log_expit(z) + (n - r) @ log_expit(-z)), np.array([g.sum(), g @ t])

        both = [
            opt.minimize(minus_q, [params["d"][j], params["a"][j]], args=(r,), jac=True, method="L-BFGS-B").x
            for j, r in enumerate(counts["correct"])
        ]
        return {"d": np.array([b[0] for b in both]), "a": np.array([b[1] for b in both])}


@outsider("lsat6", style="inner optimiser at its defaults", cause="scipy.optimize.root on the score of every item")
def roots(data):
    x, f, t, w = data["responses"], data["frequencies"], data["nodes"], data["weights"]
    ok = ~np.isnan(x)
    y = np.where(ok, x, 0)

    def step(params):
        z = params["d"][:, None] + params["a"][:, None] * t
        L = np.exp(y @ log_expit(z) + (ok - y) @ log_expit(-z)) * w
        post = L / L.sum(1, keepdims=True) * f[:, None]
        n, r = ok.T @ post, y.T @ post

        def score(b, j):
            e = r[j] - n[j] * expit(b[0] + b[1] * t)
            return [e.sum(), e @ t]

        ans = np.array([opt.root(score, [0.0, 0.0], args=(j,)).x for j in range(len(r))])
        return {"d": ans[:, 0], "a": ans[:, 1]}

    return step


@outsider(
    "survey",
    style="inner optimiser at its defaults",
    remark="stops early",
    cause="all parameters at once by scipy.optimize.minimize without a gradient",
)
def minimised(data, start, max_cycles=400):
    x, f, t, w = data["responses"], data["frequencies"], data["nodes"], data["weights"]
    ok, k, v = ~np.isnan(x), x.shape[1], np.r_[start["d"], start["a"]]
    y = np.nan_to_num(x)
    for cycle in range(1, max_cycles + 1):  # noqa: B007
        z = v[:k, None] + np.outer(v[k:], t)
        lp = y @ log_expit(z) + (ok - y) @ log_expit(-z) + np.log(w)
        post = np.exp(lp - logsumexp(lp, axis=1, keepdims=True)) * f[:, None]
        n, r, old = ok.T @ post, y.T @ post, v

        def q(v):
            z = v[:k, None] + np.outer(v[k:], t)
            return -(r * log_expit(z) + (n - r) * log_expit(-z)).sum() / f.sum()  # noqa: B023

        v = opt.minimize(q, v).x
        if abs(v - old).max() < 1e-5:
            break
    z = v[:k, None] + np.outer(v[k:], t)
    ll = f @ logsumexp(y @ log_expit(z) + (ok - y) @ log_expit(-z) + np.log(w), axis=1)
    return {"params": {"d": v[:k], "a": v[k:]}, "log_likelihood": ll, "converged": cycle < max_cycles, "cycles": cycle}


@outsider(
    "lsat6", style="early stop rule", remark="stops early", cause="stops when the log-likelihood gains less than 1e-8"
)
def stop_on_loglik(data, start, max_cycles=1000):
    x, f, t = data["responses"], data["frequencies"], data["nodes"]
    d, a, trace, T = start["d"], start["a"], [], np.vander(t, 3, increasing=True)
    ok = ~np.isnan(x)
    y = np.where(ok, x, 0)
    while True:
        z = d[:, None] + a[:, None] * t
        lp = y @ z - ok @ np.logaddexp(0, z) + np.log(data["weights"])
        mx = lp.max(1, keepdims=True)
        post = np.exp(lp - mx)
        trace.append(f @ (np.log(post.sum(1)) + mx[:, 0]))
        flat = len(trace) > 1 and trace[-1] - trace[-2] < 1e-8
        if flat or len(trace) > max_cycles:
            break
        post *= (f / post.sum(1))[:, None]
        n, r, d, a = ok.T @ post, y.T @ post, 0 * d, 0 * a
        for _ in range(15):
            p = expit(d[:, None] + a[:, None] * t)
            (s0, s1, s2), (g0, g1, _) = (n * p * (1 - p) @ T).T, ((r - n * p) @ T).T
            d, a = d + (s2 * g0 - s1 * g1) / (s0 * s2 - s1**2), a + (s0 * g1 - s1 * g0) / (s0 * s2 - s1**2)
    return {"params": {"d": d, "a": a}, "log_likelihood": trace[-1], "converged": flat, "cycles": len(trace) - 1}


@outsider(
    "forms", style="early stop rule", remark="stops early", cause="stops when no parameter moves by more than 1e-6"
)
class StopOnParameters:
    def __init__(self, data, tol=1e-6):
        self.tol, self.f = tol, data["frequencies"]
        self.B = np.array([np.ones(len(data["nodes"])), data["nodes"]])
        self.lw = np.log(data["weights"])
        self.ok = np.isfinite(data["responses"])
        self.y = np.where(self.ok, data["responses"], 0)

    def posterior(self, beta):
        eta = beta @ self.B
        lp = self.y @ log_expit(eta) + (self.ok - self.y) @ log_expit(-eta) + self.lw
        ll = logsumexp(lp, axis=1)
        return np.exp(lp - ll[:, None]) * self.f[:, None], self.f @ ll

    def fit(self, start, max_cycles=5000):
        beta, cycles, moved = np.column_stack([start["d"], start["a"]]), 0, np.inf
        while moved >= self.tol and cycles < max_cycles:
            post, _ = self.posterior(beta)
            n, r, new = self.ok.T @ post, self.y.T @ post, np.zeros_like(beta)
            for _ in range(15):
                p = expit(new @ self.B)
                H = (self.B[None] * (n * p * (1 - p))[:, None]) @ self.B.T
                new = new + np.linalg.solve(H, ((r - n * p) @ self.B.T)[..., None])[..., 0]
            moved, beta, cycles = abs(new - beta).max(), new, cycles + 1
        d, a = beta.T
        return {
            "params": {"d": d, "a": a},
            "log_likelihood": self.posterior(beta)[1],
            "converged": moved < self.tol,
            "cycles": cycles,
        }


@outsider("lsat6-61", style="early stop rule", remark="stops early", cause="mirt's rule: no parameter moves by 1e-4")
def like_mirt(data, start, max_cycles=500, TOL=1e-4):
    items, theta = data["responses"].T, data["nodes"][:, None]
    prior, f = data["weights"][:, None], data["frequencies"]
    d, a = start["d"].copy(), start["a"].copy()
    for cycle in range(max_cycles):  # noqa: B007
        log_l = sum(
            np.where(np.isnan(x), 0.0, log_expit(np.where(x == 1, 1, -1) * (d[j] + a[j] * theta)))
            for j, x in enumerate(items)
        )
        rtab = np.exp(log_l - log_l.max(0)) * prior
        rtab = rtab / rtab.sum(0) * f
        change = 0.0
        for j, x in enumerate(items):
            r1, r0 = rtab[:, x == 1].sum(1), rtab[:, x == 0].sum(1)
            par = np.array([d[j], a[j]])
            for _ in range(30):
                p = expit(par[0] + par[1] * theta[:, 0])
                X = np.hstack([np.ones_like(theta), theta])
                step = np.linalg.solve(X.T @ (X * ((r1 + r0) * p * (1 - p))[:, None]), X.T @ (r1 * (1 - p) - r0 * p))
                par = par + step / max(1, abs(step).max() / 2)
                if abs(step).max() < 1e-10:
                    break
            change = max(change, abs(par[0] - d[j]), abs(par[1] - a[j]))
            d[j], a[j] = par
        if change < TOL:
            break
    p = expit(d[:, None] + a[:, None] * theta.T)
    obs = [np.where(np.isnan(x), 1, np.where(x == 1, p[j][:, None], 1 - p[j][:, None])) for j, x in enumerate(items)]
    return {
        "params": {"d": d, "a": a},
        "log_likelihood": f @ np.log((np.prod(obs, axis=0) * prior).sum(0)),
        "converged": change < TOL,
        "cycles": cycle + 1,
    }


@outsider(
    "lsat6",
    style="probabilities without logarithms",
    remark="not robust at edges",
    cause="the formulas of the textbook, products of probabilities",
)
class Textbook:
    def __init__(self, data):
        self.u, self.f, self.x, self.A = (data[k] for k in ("responses", "frequencies", "nodes", "weights"))

    def e_step(self, params):
        P = 1 / (1 + np.exp(-(params["d"] + np.outer(self.x, params["a"]))))
        u = self.u[:, None, :]
        L = np.where(np.isnan(u), 1, np.where(u == 1, P, 1 - P)).prod(axis=2)
        marginal = L @ self.A
        post = self.f[:, None] * L * self.A / marginal[:, None]
        counts = {"examinees": post.sum(0), "correct": np.nan_to_num(self.u).T @ post}
        if np.isnan(self.u).any():
            counts["attempts"] = (~np.isnan(self.u)).T @ post
        return counts, self.f @ np.log(marginal)

    def m_step(self, counts, params):
        r = counts["correct"]
        n = counts.get("attempts", np.tile(counts["examinees"], (len(r), 1)))
        d, a = np.zeros(len(r)), np.zeros(len(r))
        for _ in range(15):
            P = 1 / (1 + np.exp(-(d[:, None] + a[:, None] * self.x)))
            W, G = n * P * (1 - P), r - n * P
            L11, L12, L22 = W.sum(1), W @ self.x, W @ self.x**2
            DM = L11 * L22 - L12**2
            d, a = d + (L22 * G.sum(1) - L12 * (G @ self.x)) / DM, a + (L11 * (G @ self.x) - L12 * G.sum(1)) / DM
        return {"d": d, "a": a}


@outsider(
    "lsat6-common-slope",
    style="probabilities without logarithms",
    remark="not robust at edges",
    cause="odds instead of probabilities; the slope is a plain float inside",
)
def odds(data, start):
    right = data["responses"] == 1
    wrong = data["responses"] == 0
    d, a = list(start["d"]), float(start["a"][0])
    for _ in range(2500):
        o = np.exp(np.array(d)[:, None] + a * data["nodes"])
        like = np.prod(np.where(right[:, :, None], o, 1) / np.where((right | wrong)[:, :, None], 1 + o, 1), axis=1)
        post = like * data["weights"]
        post *= (data["frequencies"] / post.sum(axis=1))[:, None]
        r, s = right.T @ post, wrong.T @ post
        before = [*d, a]
        for _ in range(60):
            o = np.exp(np.array(d)[:, None] + a * data["nodes"])
            g, v = (r - s * o) / (1 + o), (r + s) * o / (1 + o) ** 2
            gt, vt, vtt = (g @ data["nodes"]).sum(), v @ data["nodes"], (v @ data["nodes"] ** 2).sum()
            up = (gt - vt @ (g.sum(1) / v.sum(1))) / (vtt - (vt**2 / v.sum(1)).sum())
            d = [dj + (gj - vj * up) / sj for dj, gj, vj, sj in zip(d, g.sum(1), vt, v.sum(1), strict=True)]
            a = a + up
            if abs(up) + abs(g.sum(1)).max() < 1e-9:
                break
        if max(abs(x - y) for x, y in zip(before, [*d, a], strict=True)) < 1e-10:
            break
    return {"d": np.array(d), "a": np.array([a])}


@outsider("lsat6", style="class with state", cause="m_step works with the tables that e_step left in self")
class RemembersTables:
    def __init__(self, data):
        self.data, self.mask = data, ~np.isnan(data["responses"])
        self.rt = self.nt = self.ll = None

    def e_step(self, params):
        z = np.multiply.outer(params["a"], self.data["nodes"]) + params["d"][:, None]
        y = np.nan_to_num(self.data["responses"])
        lp = y @ log_expit(z) + (self.mask - y) @ log_expit(-z) + np.log(self.data["weights"])
        self.ll = self.data["frequencies"] @ logsumexp(lp, axis=1)
        self.post = np.exp(lp - logsumexp(lp, axis=1, keepdims=True)) * self.data["frequencies"][:, None]
        self.nt, self.rt = self.mask.T @ self.post, y.T @ self.post
        return {"examinees": self.post.sum(0), "correct": self.rt, "attempts": self.nt}, self.ll

    def m_step(self, counts, params):
        t, d, a = self.data["nodes"], np.zeros(len(self.rt)), np.zeros(len(self.rt))
        for _ in range(15):
            p = expit(d[:, None] + a[:, None] * t)
            v, g = self.nt * p * (1 - p), self.rt - self.nt * p
            m = v @ t / v.sum(1)
            up = (g @ t - m * g.sum(1)) / (v @ t**2 - m**2 * v.sum(1))
            d, a = d + g.sum(1) / v.sum(1) - m * up, a + up
        return {"d": d, "a": a}


@outsider(
    "lsat6",
    style="plain numpy",
    cause="with standard errors from the observed information, by differences of the score",
)
class WithObservedInformation:
    def __init__(self, data):
        self.x, self.f, self.t, self.w = (data[k] for k in ("responses", "frequencies", "nodes", "weights"))
        self.ok = ~np.isnan(self.x)
        self.y = np.where(self.ok, self.x, 0)

    def e_step(self, params):
        z = params["d"][:, None] + params["a"][:, None] * self.t
        lj = self.y @ log_expit(z) + (self.ok - self.y) @ log_expit(-z) + np.log(self.w)
        ll = logsumexp(lj, axis=1)
        post = np.exp(lj - ll[:, None]) * self.f[:, None]
        return {"examinees": post.sum(0), "correct": self.y.T @ post, "attempts": self.ok.T @ post}, self.f @ ll

    def m_step(self, counts, params):
        n, r, X = counts["attempts"], counts["correct"], np.array([np.ones_like(self.t), self.t])
        b = np.zeros((len(r), 2))
        for _ in range(15):
            p = expit(b @ X)
            b = b + np.linalg.solve((X * (n * p * (1 - p))[:, None]) @ X.T, ((r - n * p) @ X.T)[..., None])[..., 0]
        return {"d": b[:, 0], "a": b[:, 1]}

    def standard_errors(self, params):
        k = len(params["d"])

        def score(v):
            counts, _ = self.e_step({"d": v[:k], "a": v[k:]})
            left = counts["correct"] - counts["attempts"] * expit(v[:k, None] + v[k:, None] * self.t)
            return np.append(left.sum(1), left @ self.t)

        v = np.append(params["d"], params["a"])
        info = -np.array([score(v + h) - score(v - h) for h in 1e-4 * np.eye(2 * k)]) / 2e-4
        errors = np.sqrt(np.diag(np.linalg.inv((info + info.T) / 2)))
        return {"d": errors[:k], "a": errors[k:]}


@outsider(
    "survey", style="one fit function", cause="reports standard errors under a key of its own beside the estimates"
)
def with_errors(data, start, max_cycles=3000):
    x, f, t, w = data["responses"], data["frequencies"], data["nodes"], data["weights"]
    ok, k = ~np.isnan(x), x.shape[1]
    y, X, v = np.where(ok, x, 0), np.array([np.ones_like(t), t]), np.append(start["d"], start["a"])

    def e(v):
        z = v[:k, None] + v[k:, None] * t
        lj = y @ log_expit(z) + (ok - y) @ log_expit(-z) + np.log(w)
        post = np.exp(lj - logsumexp(lj, axis=1, keepdims=True))
        score = y[:, :, None] - ok[:, :, None] * expit(z)
        by_row = np.hstack([np.einsum("iq,ijq->ij", post, score), np.einsum("iq,ijq,q->ij", post, score, t)])
        return post * f[:, None], f @ logsumexp(lj, axis=1), f @ by_row

    for cycle in range(1, max_cycles + 1):  # noqa: B007
        post, _, _ = e(v)
        n, r, b = ok.T @ post, y.T @ post, np.zeros((k, 2))
        for _ in range(15):
            p = expit(b @ X)
            b = b + np.linalg.solve((X * (n * p * (1 - p))[:, None]) @ X.T, ((r - n * p) @ X.T)[..., None])[..., 0]
        old, v = v, b.T.ravel()
        if abs(v - old).max() < 1e-11:
            break
    info = -np.array([(e(v + h)[2] - e(v - h)[2]) / 2e-5 for h in 1e-5 * np.eye(2 * k)])
    errors = np.sqrt(np.diag(np.linalg.inv(info)))
    return {
        "params": {"d": v[:k], "a": v[k:]},
        "standard_errors": {"d": errors[:k], "a": errors[k:]},
        "log_likelihood": e(v)[1],
        "converged": cycle < max_cycles,
        "cycles": cycle,
    }
