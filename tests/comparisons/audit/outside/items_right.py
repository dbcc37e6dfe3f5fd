"""Right EMs for item responses, first part: loops, fit functions, pandas, difficulties, flat vectors, reflection."""

import math

import numpy as np
import pandas as pd
from scipy.special import expit, log_expit, logsumexp

from . import outsider


@outsider("lsat6", style="loops", cause="an R user's loops over patterns, nodes and items, Newton by Cramer's rule")
class LoopsFromR:
    def __init__(self, data):
        self.x, self.f = data["responses"].tolist(), data["frequencies"].tolist()
        self.t, self.w = data["nodes"].tolist(), data["weights"].tolist()
        if any(math.isnan(answer) for row in self.x for answer in row):
            raise ValueError("missing values in responses")

    def e_step(self, params):
        n_items = len(self.x[0])
        n, r, loglik = [0.0] * len(self.t), [[0.0] * len(self.t) for _ in range(n_items)], 0.0
        P = [[1 / (1 + math.exp(-(params["d"][j] + params["a"][j] * t))) for t in self.t] for j in range(n_items)]
        for x, f in zip(self.x, self.f, strict=True):
            L = self.w[:]
            for q in range(len(self.t)):
                for j in range(n_items):
                    L[q] *= P[j][q] if x[j] == 1 else 1 - P[j][q]
            total = sum(L)
            loglik += f * math.log(total)
            for q in range(len(self.t)):
                n[q] += f * L[q] / total
                for j in range(n_items):
                    r[j][q] += x[j] * f * L[q] / total
        return {"examinees": np.array(n), "correct": np.array(r)}, loglik

    def m_step(self, counts, params):
        new_d, new_a = np.zeros(len(self.x[0])), np.zeros(len(self.x[0]))
        for j in range(len(new_d)):
            d, a = 0.0, 0.0
            for _ in range(15):
                g1 = g2 = h11 = h12 = h22 = 0.0
                for t, n, r in zip(self.t, counts["examinees"], counts["correct"][j], strict=True):
                    p = 1 / (1 + math.exp(-(d + a * t)))
                    g1, g2 = g1 + r - n * p, g2 + (r - n * p) * t
                    h11, h12, h22 = h11 + n * p * (1 - p), h12 + n * p * (1 - p) * t, h22 + n * p * (1 - p) * t * t
                det = h11 * h22 - h12 * h12
                d, a = d + (h22 * g1 - h12 * g2) / det, a + (h11 * g2 - h12 * g1) / det
            new_d[j], new_a[j] = d, a
        return {"d": new_d, "a": new_a}


@outsider("quiz", style="loops", cause="loops, stops when the log-likelihood changes by 1e-8", remark="stops early")
def loops_until_flat(data, start):
    d, a = start["d"].copy(), start["a"].copy()
    old = -np.inf
    while True:
        loglik, n, r = 0.0, np.zeros((len(d), len(data["nodes"]))), np.zeros((len(d), len(data["nodes"])))
        for i in range(len(data["responses"])):
            post = np.log(data["weights"])
            for j in range(len(d)):
                if not np.isnan(data["responses"][i, j]):
                    sign = 2 * data["responses"][i, j] - 1
                    post = post + log_expit(sign * (d[j] + a[j] * data["nodes"]))
            loglik += data["frequencies"][i] * logsumexp(post)
            post = data["frequencies"][i] * np.exp(post - logsumexp(post))
            for j in range(len(d)):
                if not np.isnan(data["responses"][i, j]):
                    n[j] += post
                    r[j] += post * data["responses"][i, j]
        if loglik - old < 1e-8:
            return {"d": d, "a": a}
        old = loglik
        for j in range(len(d)):
            beta, X = np.zeros(2), np.column_stack([np.ones_like(data["nodes"]), data["nodes"]])
            for _ in range(12):
                p = expit(X @ beta)
                beta = beta + np.linalg.solve(X.T @ (X * (n[j] * p * (1 - p))[:, None]), X.T @ (r[j] - n[j] * p))
            d[j], a[j] = beta


@outsider("lsat6", style="one fit function", cause="one function with a dict at the end")
def fit_2pl(data, start, max_cycles=2000, tol=1e-11):
    U, f, theta, w = data["responses"], data["frequencies"], data["nodes"], data["weights"]
    seen = ~np.isnan(U)
    U0 = np.where(seen, U, 0.0)
    d, a, ll, converged = np.array(start["d"]), np.array(start["a"]), None, False
    for cycle in range(1, max_cycles + 1):  # noqa: B007
        z = d[:, None] + a[:, None] * theta
        logpost = U0 @ log_expit(z) + (seen - U0) @ log_expit(-z) + np.log(w)
        post = f[:, None] * np.exp(logpost - logsumexp(logpost, axis=1, keepdims=True))
        n, r = seen.T @ post, U0.T @ post
        d_old, a_old = d, a
        for _ in range(20):
            p = expit(d[:, None] + a[:, None] * theta)
            v, g = n * p * (1 - p), r - n * p
            s0, s1, s2 = v.sum(1), v @ theta, v @ theta**2
            step = np.array([s2 * g.sum(1) - s1 * (g @ theta), s0 * (g @ theta) - s1 * g.sum(1)]) / (s0 * s2 - s1**2)
            step /= np.maximum(1, np.abs(step).max(axis=0))
            d, a = d + step[0], a + step[1]
        if max(abs(d - d_old).max(), abs(a - a_old).max()) < tol:
            converged = True
            break
    z = d[:, None] + a[:, None] * theta
    ll = f @ logsumexp(U0 @ log_expit(z) + (seen - U0) @ log_expit(-z) + np.log(w), axis=1)
    return {"params": {"d": d, "a": a}, "log_likelihood": float(ll), "converged": converged, "cycles": cycle}


@outsider(
    "lsat6-common-slope", style="one fit function", cause="one function, one slope, Newton on all intercepts at once"
)
def fit_one_slope(data, start, max_cycles=5000):
    U, f, theta = data["responses"], data["frequencies"], data["nodes"]
    if np.isnan(U).any():
        raise ValueError("every examinee has to answer every item")
    beta = np.concatenate([start["d"], start["a"]])
    items = U.shape[1]
    for cycle in range(max_cycles):  # noqa: B007
        z = beta[:items, None] + beta[items] * theta
        joint = U @ log_expit(z) + (1 - U) @ log_expit(-z) + np.log(data["weights"])
        post = f[:, None] * np.exp(joint - logsumexp(joint, axis=1)[:, None])
        n, r, before = post.sum(0), U.T @ post, beta
        for _ in range(25):
            p = expit(beta[:items, None] + beta[items] * theta)
            g, v = r - n * p, n * p * (1 - p)
            H = np.diag(np.append(v.sum(1), (v @ theta**2).sum()))
            H[items, :items] = H[:items, items] = v @ theta
            step = np.linalg.solve(H, np.append(g.sum(1), (g @ theta).sum()))
            beta = beta + step / max(1.0, abs(step).max())
        if abs(beta - before).max() < 1e-10:
            break
    z = beta[:items, None] + beta[items] * theta
    joint = U @ log_expit(z) + (1 - U) @ log_expit(-z) + np.log(data["weights"])
    return {
        "params": {"d": beta[:items], "a": beta[items:]},
        "log_likelihood": f @ logsumexp(joint, axis=1),
        "converged": cycle + 1 < max_cycles,
        "cycles": cycle + 1,
    }


@outsider("forms", style="pandas", cause="a long table without the missing answers, grouped by person, item and node")
class LongTable:
    def __init__(self, data):
        wide = pd.DataFrame(data["responses"])
        wide["person"], wide["f"] = range(len(wide)), data["frequencies"]
        long = wide.melt(id_vars=["person", "f"], var_name="item", value_name="x").dropna()
        grid = pd.DataFrame({"node": range(len(data["nodes"])), "theta": data["nodes"], "w": data["weights"]})
        self.long, self.grid = long.merge(grid, how="cross"), grid
        self.people = wide[["person", "f"]].merge(grid, how="cross")

    def e_step(self, params):
        long = self.long.copy()
        item = long["item"].astype(int).to_numpy()
        z = params["d"][item] + params["a"][item] * long["theta"]
        long["lp"] = log_expit(np.where(long["x"] == 1, z, -z))
        people = self.people.copy()
        sums = long.groupby(["person", "node"])["lp"].sum().rename("lp").reset_index()
        people = people.merge(sums, on=["person", "node"], how="left").fillna({"lp": 0.0})
        people["joint"] = people["lp"] + np.log(people["w"])
        total = people.groupby("person")["joint"].transform(logsumexp)
        people["post"] = people["f"] * np.exp(people["joint"] - total)
        loglik = (people["f"] * total)[people["node"] == 0].sum()
        long = long.merge(people[["person", "node", "post"]], on=["person", "node"])
        long["right"] = long["post"] * long["x"]
        tables = long.groupby(["item", "node"])[["post", "right"]].sum()
        n = people.groupby("node")["post"].sum().to_numpy()
        attempts, correct = (tables[name].unstack().to_numpy(dtype=float) for name in ("post", "right"))
        return {"examinees": n, "correct": correct, "attempts": attempts}, loglik

    def m_step(self, counts, params):
        theta = self.grid["theta"].to_numpy()
        X = np.column_stack([np.ones(len(theta)), theta])
        rows = []
        for n, r in zip(counts["attempts"], counts["correct"], strict=True):
            b = np.zeros(2)
            for _ in range(15):
                p = expit(X @ b)
                b = b + np.linalg.solve((X.T * (n * p * (1 - p))) @ X, X.T @ (r - n * p))
            rows.append(b)
        table = pd.DataFrame(rows, columns=["d", "a"])
        return {"d": table["d"].to_numpy(), "a": table["a"].to_numpy()}


@outsider("survey", style="pandas", cause="data frames of patterns by nodes; the estimates come back as Series")
def frames(data, start):
    nodes = pd.Index(data["nodes"], name="theta")
    X = pd.DataFrame(data["responses"]).add_prefix("q")
    f, w = pd.Series(data["frequencies"]), pd.Series(data["weights"], index=nodes)
    known = X.notna().astype(float)
    par = pd.DataFrame({"d": start["d"], "a": start["a"]}, index=X.columns)
    for _ in range(3000):
        z = pd.DataFrame(np.outer(par["a"], nodes), par.index, nodes).add(par["d"], axis=0)
        lp = X.fillna(0).dot(log_expit(z)) + (known - X.fillna(0)).dot(log_expit(-z)) + np.log(w)
        top = lp.max(axis=1)
        post = np.exp(lp.sub(top, axis=0))
        post = post.div(post.sum(axis=1), axis=0).mul(f, axis=0)
        n, r = known.T.dot(post), X.fillna(0).T.dot(post)
        new = par * 0
        for _ in range(12):
            p = expit(pd.DataFrame(np.outer(new["a"], nodes), new.index, nodes).add(new["d"], axis=0))
            v, g = n * p * (1 - p), r - n * p
            s0, s1, s2 = v.sum(axis=1), v.dot(nodes.to_numpy()), v.dot(nodes.to_numpy() ** 2)
            g0, g1 = g.sum(axis=1), g.dot(nodes.to_numpy())
            new = new.add(pd.DataFrame({"d": s2 * g0 - s1 * g1, "a": s0 * g1 - s1 * g0}).div(s0 * s2 - s1**2, axis=0))
        done = (new - par).abs().to_numpy().max() < 1e-9
        par = new
        if done:
            break
    return {"d": par["d"], "a": par["a"]}


@outsider("lsat6-61", style="difficulty inside", cause="discriminations and difficulties, b = -d / a, in the E-step")
class Psychometrician:
    def __init__(self, data):
        self.u, self.freq, self.theta, self.prior = (data[k] for k in ("responses", "frequencies", "nodes", "weights"))
        self.given = np.isfinite(self.u)

    def step(self, params):
        a, b = params["a"], -params["d"] / params["a"]
        z = a[:, None] * (self.theta - b[:, None])
        u = np.where(self.given, self.u, 0)
        like = np.exp(u @ log_expit(z) + (self.given - u) @ log_expit(-z)) * self.prior
        post = self.freq[:, None] * like / like.sum(axis=1, keepdims=True)
        n, r = self.given.T @ post, u.T @ post
        a, b = np.zeros_like(a), np.zeros_like(b)
        for j in range(len(a)):
            c = slope = 0.0
            for _ in range(15):
                p = expit(c + slope * self.theta)
                v, g = n[j] * p * (1 - p), r[j] - n[j] * p
                mean = v @ self.theta / v.sum()
                up = g @ (self.theta - mean) / (v @ (self.theta - mean) ** 2)
                c, slope = c + g.sum() / v.sum() - mean * up, slope + up
            a[j], b[j] = slope, -c / slope
        return {"d": -a * b, "a": a}


@outsider(
    "survey",
    style="difficulty inside",
    remark="refuses part of the space",
    cause="difficulties inside, so a slope of 0 is refused",
)
def difficulty_map(data):
    x, f, t, w = data["responses"], data["frequencies"], data["nodes"], data["weights"]
    if np.isnan(x).any():
        raise ValueError("no missing answers, please")

    def cycle(params):
        if np.any(np.abs(params["a"]) < 1e-8):
            raise ValueError("a discrimination of 0 has no difficulty")
        b = -params["d"] / params["a"]
        P = 1 / (1 + np.exp(-params["a"] * (t[:, None] - b)))
        post = np.exp(np.log(P) @ x.T + np.log(1 - P) @ (1 - x).T) * w[:, None]
        post = post / post.sum(axis=0) * f
        n, r = post.sum(axis=1)[:, None], post @ x
        d, a = np.zeros(x.shape[1]), np.zeros(x.shape[1])
        for _ in range(14):
            P = 1 / (1 + np.exp(-(d + np.outer(t, a))))
            W, G = n * P * (1 - P), r - n * P
            m = (t @ W) / W.sum(axis=0)
            slope = (t @ G - m * G.sum(axis=0)) / (t**2 @ W - m**2 * W.sum(axis=0))
            d, a = d + G.sum(axis=0) / W.sum(axis=0) - m * slope, a + slope
        return {"d": d, "a": a}

    return cycle


@outsider("lsat6", style="flat vector", cause="one flat array, intercepts before slopes, as a map")
class FlatMap:
    parameter_order = ("d", "a")

    def __init__(self, data):
        self.data = data

    def step(self, v):
        x, t = self.data["responses"], self.data["nodes"]
        x1, x0 = np.where(x == 1, 1.0, 0.0), np.where(x == 0, 1.0, 0.0)
        k = x.shape[1]
        eta = v[:k, None] + np.outer(v[k:], t)
        lj = np.log(self.data["weights"]) - x1 @ np.logaddexp(0, -eta) - x0 @ np.logaddexp(0, eta)
        h = np.exp(lj - np.logaddexp.reduce(lj, axis=1)[:, None]) * self.data["frequencies"][:, None]
        yes, no = x1.T @ h, x0.T @ h
        out = np.zeros_like(v)
        for _ in range(16):
            p = expit(out[:k, None] + np.outer(out[k:], t))
            g, v2 = yes * (1 - p) - no * p, (yes + no) * p * (1 - p)
            A = np.array([[v2.sum(1), v2 @ t], [v2 @ t, v2 @ t**2]]).transpose(2, 0, 1)
            out += np.linalg.solve(A, np.array([g.sum(1), g @ t]).T[:, :, None])[:, :, 0].T.ravel()
        return out


@outsider("quiz-complete", style="flat vector", cause="slopes before intercepts in one array; e_step and m_step")
class SlopesFirst:
    parameter_order = ("a", "d")

    def __init__(self, data):
        self.x, self.f, self.t, self.w = (data[k] for k in ("responses", "frequencies", "nodes", "weights"))
        if np.isnan(self.x).any():
            raise ValueError("missing answers are not supported")

    def e_step(self, v):
        a, d = v.reshape(2, -1)
        z = d[:, None] + a[:, None] * self.t
        joint = self.x @ z + log_expit(-z).sum(axis=0) + np.log(self.w)
        marginal = logsumexp(joint, axis=1)
        post = np.exp(joint - marginal[:, None]) * self.f[:, None]
        return {"examinees": post.sum(axis=0), "correct": self.x.T @ post}, self.f @ marginal

    def m_step(self, counts, v):
        n, t = counts["examinees"], self.t
        solved = []
        for r in counts["correct"]:
            a = d = 0.0
            for _ in range(20):
                p = expit(d + a * t)
                s, c = n * p * (1 - p), r - n * p
                m = s @ t / s.sum()
                da = c @ (t - m) / (s @ (t - m) ** 2)
                d, a = d + c.sum() / s.sum() - m * da, a + da
            solved.append((a, d))
        return np.array(solved).T.ravel()


@outsider(
    "survey", style="sorted or reflected cycle", cause="turns the ability axis when slopes are negative on average"
)
def turned(data):
    x, f, t, lw = data["responses"], data["frequencies"], data["nodes"], np.log(data["weights"])
    got, tried = np.nan_to_num(x), (~np.isnan(x)).astype(float)

    def em(p):
        z = p["d"] + np.outer(t, p["a"])
        lj = got @ log_expit(z).T + (tried - got) @ log_expit(-z).T + lw
        post = np.exp(lj - logsumexp(lj, axis=1, keepdims=True)) * f[:, None]
        n, r, d, a = post.T @ tried, post.T @ got, np.zeros(x.shape[1]), np.zeros(x.shape[1])
        for _ in range(15):
            q = expit(d + np.outer(t, a))
            v, g = n * q * (1 - q), r - n * q
            s0, s1, s2, g0, g1 = v.sum(0), t @ v, t**2 @ v, g.sum(0), t @ g
            d, a = d + (s2 * g0 - s1 * g1) / (s0 * s2 - s1**2), a + (s0 * g1 - s1 * g0) / (s0 * s2 - s1**2)
        return {"d": d, "a": -a if a.mean() < 0 else a}

    return em
