"""Right EMs for item responses, fifth part: plain numpy, log space, kernels, refusals, prints, one step only."""

import numpy as np
from scipy.special import expit, log_expit, logsumexp

from . import outsider


@outsider("quiz", style="plain numpy", cause="einsum over persons, items and nodes; missing answers by a mask")
class Einsums:
    def __init__(self, data):
        self.mask = (~np.isnan(data["responses"])).astype(float)
        self.x = np.nan_to_num(data["responses"])
        self.f, self.t, self.w = data["frequencies"], data["nodes"], data["weights"]

    def e_step(self, params):
        z = params["d"][:, None] + params["a"][:, None] * self.t
        log_l = np.einsum("ij,jq->iq", self.x, z) - np.einsum("ij,jq->iq", self.mask, np.logaddexp(0, z))
        joint = np.exp(log_l) * self.w
        marginal = joint.sum(axis=1)
        post = np.einsum("iq,i->iq", joint, self.f / marginal)
        return {
            "examinees": post.sum(axis=0),
            "correct": np.einsum("ij,iq->jq", self.x, post),
            "attempts": np.einsum("ij,iq->jq", self.mask, post),
        }, float(self.f @ np.log(marginal))

    def m_step(self, counts, params):
        n, r, X = counts["attempts"], counts["correct"], np.stack([np.ones_like(self.t), self.t])
        beta = np.zeros((len(r), 2))
        for _ in range(15):
            p = expit(beta @ X)
            info = np.einsum("jq,aq,bq->jab", n * p * (1 - p), X, X)
            beta = beta + np.linalg.solve(info, np.einsum("jq,aq->ja", r - n * p, X)[:, :, None])[:, :, 0]
        return {"d": beta[:, 0], "a": beta[:, 1]}


@outsider("lsat6-common-slope", style="plain numpy", cause="e_step and m_step for one slope, Newton on all intercepts")
class RaschLike:
    def __init__(self, data):
        self.data = data
        self.seen = np.isfinite(data["responses"])
        self.y = np.where(self.seen, data["responses"], 0.0)

    def e_step(self, params):
        z = params["d"][:, None] + params["a"] * self.data["nodes"]
        lj = self.y @ log_expit(z) + (self.seen - self.y) @ log_expit(-z) + np.log(self.data["weights"])
        ll = logsumexp(lj, axis=1)
        post = np.exp(lj - ll[:, None]) * self.data["frequencies"][:, None]
        counts = {"examinees": post.sum(0), "correct": self.y.T @ post}
        if not self.seen.all():
            counts["attempts"] = self.seen.T @ post
        return counts, ll @ self.data["frequencies"]

    def m_step(self, counts, params):
        r, t = counts["correct"], self.data["nodes"]
        n = counts["attempts"] if "attempts" in counts else counts["examinees"][None, :] * np.ones((len(r), 1))
        beta = np.zeros(len(r) + 1)
        for _ in range(18):
            p = expit(beta[:-1, None] + beta[-1] * t)
            v, g = n * p * (1 - p), r - n * p
            H = np.zeros((len(beta), len(beta)))
            H[np.arange(len(r)), np.arange(len(r))] = v.sum(1)
            H[-1, :-1] = H[:-1, -1] = v @ t
            H[-1, -1] = (v @ t**2).sum()
            beta = beta + np.linalg.solve(H, np.append(g.sum(1), (g @ t).sum()))
        return {"d": beta[:-1], "a": beta[-1:]}


@outsider("lsat6-61", style="log space", cause="everything in logarithms, also the expected counts until the very end")
class AllInLogs:
    def __init__(self, data):
        self.right, self.wrong = data["responses"] == 1, data["responses"] == 0
        with np.errstate(divide="ignore"):
            self.log_f, self.log_w = np.log(data["frequencies"]), np.log(data["weights"])
        self.f, self.t = data["frequencies"], data["nodes"]

    def e_step(self, params):
        z = np.add.outer(params["d"], np.zeros_like(self.t)) + np.outer(params["a"], self.t)
        lj = self.right @ log_expit(z) + self.wrong @ log_expit(-z) + self.log_w
        ll = np.logaddexp.reduce(lj, axis=1)
        lp = lj - ll[:, None] + self.log_f[:, None]
        pick = np.array([logsumexp(lp, axis=0, b=column[:, None]) for column in self.right.T * 1.0 + 1e-300])
        attempts = np.array([np.exp(lp[seen]).sum(axis=0) for seen in (self.right | self.wrong).T])
        counts = {"examinees": np.exp(np.logaddexp.reduce(lp, axis=0)), "correct": np.exp(pick), "attempts": attempts}
        return counts, self.f @ ll

    def m_step(self, counts, params):
        n, r, d, a = counts["attempts"], counts["correct"], np.zeros(len(params["d"])), np.zeros(len(params["a"]))
        for _ in range(16):
            p = expit(d[:, None] + a[:, None] * self.t)
            v, g = n * p * (1 - p), r - n * p
            s0, s1, s2 = v.sum(1), v @ self.t, v @ self.t**2
            g0, g1 = g.sum(1), g @ self.t
            d, a = d + (s2 * g0 - s1 * g1) / (s0 * s2 - s1**2), a + (s0 * g1 - s1 * g0) / (s0 * s2 - s1**2)
        return {"d": d, "a": a}


@outsider("forms", style="log space", cause="log-sum-exp by hand; fit that may be stopped by max_cycles")
def by_hand(data, start, max_cycles=10_000):
    x, f, t, w = data["responses"], data["frequencies"], data["nodes"], data["weights"]
    sign = np.where(np.isnan(x), 0, 2 * x - 1)
    log2 = np.log(2) * (sign == 0).sum(axis=1)[:, None]

    def joint(d, a):
        terms = -np.logaddexp(0, -sign[:, :, None] * (d[:, None] + a[:, None] * t))
        return terms.sum(axis=1) + log2 + np.log(w)

    def lse(m):
        top = m.max(axis=1, keepdims=True)
        return top + np.log(np.exp(m - top).sum(axis=1, keepdims=True))

    d, a, cycles, done = start["d"], start["a"], 0, False
    while cycles < max_cycles and not done:
        lj = joint(d, a)
        h = np.exp(lj - lse(lj)) * f[:, None]
        yes, no, e, b = (sign > 0).T @ h, (sign < 0).T @ h, np.zeros_like(d), np.zeros_like(a)
        for _ in range(20):
            p = expit(e[:, None] + b[:, None] * t)
            v, g = (yes + no) * p * (1 - p), yes * (1 - p) - no * p
            m = v @ t / v.sum(1)
            up = (g @ t - m * g.sum(1)) / (v @ t**2 - m * m * v.sum(1))
            e, b = e + g.sum(1) / v.sum(1) - m * up, b + up
        cycles, done = cycles + 1, bool(max(abs(e - d).max(), abs(b - a).max()) < 1e-11)
        d, a = e, b
    ll = float(f @ lse(joint(d, a))[:, 0])
    return {"params": {"d": d, "a": a}, "log_likelihood": ll, "converged": done, "cycles": cycles}


def kernel_e(x, f, t, w, d, a, yes, no):
    """One pass over the patterns, nothing allocated but a column; fills yes and no, returns the log-likelihood."""
    yes[:], no[:] = 0.0, 0.0
    P = 1.0 / (1.0 + np.exp(-(d[:, None] + a[:, None] * t)))
    col, ll = np.empty(t.size), 0.0
    for i in range(x.shape[0]):
        col[:] = w
        for j in range(x.shape[1]):
            if x[i, j] == 1.0:
                col *= P[j]
            elif x[i, j] == 0.0:
                col *= 1.0 - P[j]
        s = col.sum()
        ll += f[i] * np.log(s)
        col *= f[i] / s
        for j in range(x.shape[1]):
            if x[i, j] == 1.0:
                yes[j] += col
            elif x[i, j] == 0.0:
                no[j] += col
    return ll


def kernel_m(yes, no, t, d, a):
    """Newton per item from 0; overwrites d and a."""
    for j in range(d.size):
        d[j] = a[j] = 0.0
        for _ in range(14):
            g0 = g1 = h00 = h01 = h11 = 0.0
            for q in range(t.size):
                p = 1.0 / (1.0 + np.exp(-(d[j] + a[j] * t[q])))
                e, v = yes[j, q] * (1 - p) - no[j, q] * p, (yes[j, q] + no[j, q]) * p * (1 - p)
                g0, g1, h00, h01, h11 = g0 + e, g1 + e * t[q], h00 + v, h01 + v * t[q], h11 + v * t[q] * t[q]
            det = h00 * h11 - h01 * h01
            d[j] += (h11 * g0 - h01 * g1) / det
            a[j] += (h00 * g1 - h01 * g0) / det


@outsider("lsat6", style="numba-like kernels", cause="kernels that write into arrays which are allocated once")
class Kernels:
    def __init__(self, data):
        self.data = data
        shape = data["responses"].shape[1], data["nodes"].size
        self.yes, self.no = np.empty(shape), np.empty(shape)

    def step(self, params):
        d, a = np.array(params["d"], dtype=float), np.array(params["a"], dtype=float)
        kernel_e(*self.data.values(), d, a, self.yes, self.no)
        kernel_m(self.yes, self.no, self.data["nodes"], d, a)
        return {"d": d, "a": a}


@outsider(
    "survey", style="numba-like kernels", cause="the same kernels behind e_step and m_step, the tables are reused"
)
class ReusedTables:
    def __init__(self, data):
        self.args = tuple(data[k] for k in ("responses", "frequencies", "nodes", "weights"))
        self.yes, self.no = np.empty((2, data["responses"].shape[1], data["nodes"].size))

    def e_step(self, params):
        ll = kernel_e(*self.args, params["d"], params["a"], self.yes, self.no)
        return (self.yes, self.no), ll

    def m_step(self, counts, params):
        d, a = np.empty(len(params["d"])), np.empty(len(params["a"]))
        kernel_m(*counts, self.args[2], d, a)
        return {"d": d, "a": a}


@outsider("lsat6-common-slope", style="log space", cause="patterns are grouped by sum score, which is sufficient here")
def by_sum_score(data):
    x, f, t, lw = data["responses"], data["frequencies"], data["nodes"], np.log(data["weights"])
    if np.isnan(x).any():
        raise ValueError("the sum score is sufficient for complete answers only")
    items = x.shape[1]
    sizes = np.bincount(x.sum(1).astype(int), weights=f, minlength=items + 1)
    right = f @ x

    def cycle(params):
        d, a = params["d"], float(params["a"][0])
        lp = np.outer(np.arange(items + 1), a * t) - np.logaddexp(0, d[:, None] + a * t).sum(0) + lw
        h = np.exp(lp - logsumexp(lp, axis=1, keepdims=True)) * sizes[:, None]
        n, rt, b = h.sum(0), np.arange(items + 1) @ h @ t, np.zeros(items + 1)
        for _ in range(18):
            p = expit(b[:-1, None] + b[-1] * t)
            v, g = n * p * (1 - p), right - (n * p).sum(1)
            m, gt = v @ t / v.sum(1), rt - (n * p @ t).sum()
            up = (gt - m @ g) / (v @ t**2 - m**2 * v.sum(1)).sum()
            b = b + np.append(g / v.sum(1) - m * up, up)
        return {"d": b[:-1], "a": b[-1:]}

    return cycle


@outsider(
    "lsat6",
    style="one fit function",
    remark="refuses part of the space",
    cause="positive slopes only, others are an error",
)
def positive_only(data, start, max_cycles=4000):
    if np.any(start["a"] <= 0):
        raise ValueError("slopes must be positive: 'a' holds " + str(start["a"].min()))
    x, f, t = data["responses"], data["frequencies"], data["nodes"]
    ok = ~np.isnan(x)
    y, d, la = np.where(ok, x, 0), start["d"], np.log(start["a"])

    def lp(d, la):
        z = d[:, None] + np.exp(la)[:, None] * t
        return y @ log_expit(z) + (ok - y) @ log_expit(-z) + np.log(data["weights"])

    for cycle in range(max_cycles):  # noqa: B007
        L = lp(d, la)
        h = np.exp(L - logsumexp(L, axis=1, keepdims=True)) * f[:, None]
        n, r, old = ok.T @ h, y.T @ h, np.append(d, la)
        for _ in range(60):
            a = np.exp(la)
            p = expit(d[:, None] + a[:, None] * t)
            v, g = n * p * (1 - p), r - n * p
            s0, s1, s2 = v.sum(1), a * (v @ t), a**2 * (v @ t**2)
            g0, g1 = g.sum(1), a * (g @ t)
            move = np.array([s2 * g0 - s1 * g1, s0 * g1 - s1 * g0]) / (s0 * s2 - s1**2)
            move /= np.maximum(1, abs(move).max(0) / 0.5)
            d, la = d + move[0], la + move[1]
            if abs(move).max() < 1e-12:
                break
        if abs(np.append(d, la) - old).max() < 1e-11:
            break
    return {
        "params": {"d": d, "a": np.exp(la)},
        "log_likelihood": f @ logsumexp(lp(d, la), axis=1),
        "converged": cycle + 1 < max_cycles,
        "cycles": cycle + 1,
    }


@outsider("lsat6", style="plain numpy", remark="prints", cause="prints the log-likelihood of every cycle")
class Talkative:
    def __init__(self, data):
        self.data, self.iteration = data, 0

    def step(self, params):
        x, t = self.data["responses"], self.data["nodes"]
        P = expit(params["d"] + np.outer(t, params["a"]))
        L = np.where(np.isnan(x), 1, np.where(x == 1, P[:, None, :], 1 - P[:, None, :])).prod(axis=2).T
        L = L * self.data["weights"]
        self.iteration += 1
        print(f"iteration {self.iteration}: logLik = {self.data['frequencies'] @ np.log(L.sum(1)):.4f}")  # noqa: T201
        h = L * (self.data["frequencies"] / L.sum(1))[:, None]
        yes, no, b = (x == 1).T @ h, (x == 0).T @ h, np.zeros((2, x.shape[1]))
        for _ in range(15):
            p = expit(b[0][:, None] + b[1][:, None] * t)
            v, g = (yes + no) * p * (1 - p), yes * (1 - p) - no * p
            m = v @ t / v.sum(1)
            up = (g @ t - m * g.sum(1)) / (v @ t**2 - m * m * v.sum(1))
            b = b + np.array([g.sum(1) / v.sum(1) - m * up, up])
        return {"d": b[0], "a": b[1]}


@outsider(
    "quiz", style="one fit function", remark="ignores frequencies", cause="one row per examinee, no frequencies known"
)
def one_row_each(data, start):
    x, t, w = data["responses"], data["nodes"], data["weights"]
    d, a = start["d"], start["a"]
    for _ in range(3000):
        z = d[:, None] + a[:, None] * t
        lp = np.where(x == 1, 1, 0) @ log_expit(z) + np.where(x == 0, 1, 0) @ log_expit(-z) + np.log(w)
        h = np.exp(lp - logsumexp(lp, axis=1, keepdims=True))
        n, r, old, b = (~np.isnan(x)).T @ h, (x == 1).T @ h, np.array([d, a]), np.zeros((2, len(d)))
        for _ in range(15):
            p = expit(b[0][:, None] + b[1][:, None] * t)
            v, g = n * p * (1 - p), r - n * p
            m = v @ t / v.sum(1)
            up = (g @ t - m * g.sum(1)) / (v @ t**2 - m * m * v.sum(1))
            b = b + np.array([g.sum(1) / v.sum(1) - m * up, up])
        d, a = b
        if abs(b - old).max() < 1e-10:
            break
    return {"d": d, "a": a}


@outsider("lsat6", style="scikit-learn", cause="patterns are repeated as often as they occur, whole numbers only")
class Repeats:
    def __init__(self, data):
        if np.any(data["frequencies"] % 1):
            raise ValueError("frequencies must be whole numbers")
        self.X_ = np.repeat(data["responses"], data["frequencies"].astype(int), axis=0)
        self.nodes_, self.weights_ = data["nodes"], data["weights"]

    def step(self, params):
        ok, y = ~np.isnan(self.X_), np.nan_to_num(self.X_)
        z = params["d"][:, None] + params["a"][:, None] * self.nodes_
        lp = y @ z - ok @ np.logaddexp(0, z) + np.log(self.weights_)
        h = np.exp(lp - logsumexp(lp, axis=1, keepdims=True))
        n, r, b = ok.T @ h, y.T @ h, np.zeros((2, len(z)))
        for _ in range(14):
            p = expit(b[0][:, None] + b[1][:, None] * self.nodes_)
            v, g = n * p * (1 - p), r - n * p
            m = v @ self.nodes_ / v.sum(1)
            up = (g @ self.nodes_ - m * g.sum(1)) / (v @ self.nodes_**2 - m * m * v.sum(1))
            b = b + np.array([g.sum(1) / v.sum(1) - m * up, up])
        return {"d": b[0], "a": b[1]}


@outsider(
    "quiz", style="plain numpy", remark="generalised", cause="one Newton step on Q per cycle, halved until Q rises"
)
class OneNewtonStep:
    def __init__(self, data):
        self.x, self.f, self.t, self.w = (data[k] for k in ("responses", "frequencies", "nodes", "weights"))

    def e_step(self, params):
        z = params["d"][:, None] + params["a"][:, None] * self.t
        yes, no = (self.x == 1) * 1.0, (self.x == 0) * 1.0
        lj = yes @ log_expit(z) + no @ log_expit(-z) + np.log(self.w)
        ll = logsumexp(lj, axis=1)
        h = self.f[:, None] * np.exp(lj - ll[:, None])
        return {"examinees": h.sum(0), "correct": yes.T @ h, "attempts": (yes + no).T @ h}, self.f @ ll

    def m_step(self, counts, params):
        n, r, t = counts["attempts"], counts["correct"], self.t

        def q(b):
            z = b[0][:, None] + b[1][:, None] * t
            return (r * log_expit(z) + (n - r) * log_expit(-z)).sum(1)

        b = np.array([params["d"], params["a"]])
        p = expit(b[0][:, None] + b[1][:, None] * t)
        v, g = n * p * (1 - p), r - n * p
        m = v @ t / v.sum(1)
        up = (g @ t - m * g.sum(1)) / (v @ t**2 - m * m * v.sum(1))
        move = np.array([g.sum(1) / v.sum(1) - m * up, up])
        for _ in range(40):
            move = np.where(q(b + move) < q(b), move / 2, move)
        return {"d": b[0] + move[0], "a": b[1] + move[1]}


@outsider("lsat6", style="ECM", remark="generalised", cause="a step by the bound 1/4 on p(1-p) in place of the Hessian")
def quarter_bound(data):
    x, f, t, w = data["responses"], data["frequencies"], data["nodes"], data["weights"]
    yes, no = 1.0 * (x == 1), 1.0 * (x == 0)

    def step(params):
        d, a = params["d"], params["a"]
        z = d[:, None] + a[:, None] * t
        lj = yes @ log_expit(z) + no @ log_expit(-z) + np.log(w)
        h = f[:, None] * np.exp(lj - logsumexp(lj, axis=1, keepdims=True))
        n, r = (yes + no).T @ h, yes.T @ h
        g, s0, s1, s2 = r - n * expit(z), n.sum(1) / 4, n @ t / 4, n @ t**2 / 4
        det = s0 * s2 - s1**2
        return {
            "d": d + (s2 * g.sum(1) - s1 * (g @ t)) / det,
            "a": a + (s0 * (g @ t) - s1 * g.sum(1)) / det,
        }

    return step
