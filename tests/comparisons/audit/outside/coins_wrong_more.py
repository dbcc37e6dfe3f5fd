"""Wrong EMs for coin mixtures, second part: errors in what is reported, and on other data only."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
from scipy.special import logsumexp, xlog1py, xlogy
from scipy.stats import binom

from . import outsider


def cycle_of(data, w, p):
    x, n = data["heads"], data["flips"]
    lj = np.log(w) + binom.logpmf(x[:, None], n[:, None], p)
    z = np.exp(lj - logsumexp(lj, axis=1, keepdims=True)) * data["frequencies"][:, None]
    return z.sum(0) / z.sum(), x @ z / np.maximum(n @ z, 1e-300), z


def loglik_of(data, w, p):
    lj = np.log(w) + binom.logpmf(data["heads"][:, None], data["flips"][:, None], p)
    return float(data["frequencies"] @ logsumexp(lj, axis=1))


@outsider("two-coins", style="one fit function", bug="only reported is wrong", cause="Q is reported as log-likelihood")
def coins_report_q(data, start, max_cycles=10000):
    w, p, converged, n_cycles = start["weight"], start["bias"], False, 0
    while n_cycles < max_cycles and not converged:
        w1, p1, z = cycle_of(data, w, p)
        converged = bool(np.abs(p1 - p).max() < 1e-12)
        w, p, n_cycles = w1, p1, n_cycles + 1
    q = float((z * (np.log(w) + binom.logpmf(data["heads"][:, None], data["flips"][:, None], p))).sum())
    return {"params": {"weight": w, "bias": p}, "log_likelihood": q, "converged": converged, "cycles": n_cycles}


@outsider(
    "two-coins", style="scikit-learn", bug="only reported is wrong", cause="the mean over rows is reported, not the sum"
)
class ReportsTheMean:
    def __init__(self, data):
        self.data = data

    def fit(self, start, max_cycles=10000):
        self.weights_, self.biases_, self.converged_ = start["weight"], start["bias"], False
        for self.n_iter_ in range(1, max_cycles + 1):
            old = self.biases_
            self.weights_, self.biases_, _ = cycle_of(self.data, self.weights_, self.biases_)
            self.converged_ = bool(np.allclose(old, self.biases_, rtol=0, atol=1e-12))
            if self.converged_:
                break
        total = loglik_of(self.data, self.weights_, self.biases_)
        self.lower_bound_ = total / self.data["frequencies"].sum()
        return {
            "params": {"weight": self.weights_, "bias": self.biases_},
            "log_likelihood": self.lower_bound_,
            "converged": self.converged_,
            "cycles": self.n_iter_,
        }


@outsider(
    "two-coins-equal", style="plain numpy", bug="only reported is wrong", cause="minus the log-likelihood is reported"
)
def reports_the_loss(data, start):
    w, p = data["fixed_weight"], start["bias"]
    loss = np.inf
    for _ in range(5000):
        _, p, _ = cycle_of(data, w, p)
        before, loss = loss, -loglik_of(data, w, p)
        if before - loss < 1e-14:
            break
    return {"params": {"bias": p}, "log_likelihood": loss}


@outsider(
    "two-coins",
    style="loops",
    bug="only reported is wrong",
    cause="the log-likelihood is that before the last M-step, which shows when few cycles are allowed",
)
def one_cycle_behind(data, start, max_cycles=10000):
    w, p = [float(v) for v in start["weight"]], [float(v) for v in start["bias"]]
    loglik, cycles, change = 0.0, 0, 1.0
    while change > 1e-12 and cycles < max_cycles:
        loglik, s, h, n = 0.0, [0.0] * len(w), [0.0] * len(w), [0.0] * len(w)
        for x, m, f in zip(data["heads"], data["flips"], data["frequencies"], strict=True):
            logs = [math.log(w[k] or 1e-300) + float(binom.logpmf(x, m, p[k])) for k in range(len(w))]
            like = [math.exp(v - max(logs)) for v in logs]
            loglik += f * (max(logs) + math.log(sum(like)))
            for k in range(len(w)):
                z = f * like[k] / sum(like)
                s[k], h[k], n[k] = s[k] + z, h[k] + z * x, n[k] + z * m
        new = [h[k] / max(n[k], 1e-300) for k in range(len(w))]
        change = max(abs(a - b) for a, b in zip(new, p, strict=True))
        w, p = [v / sum(s) for v in s], new
        cycles += 1
    params = {"weight": np.array(w), "bias": np.array(p)}
    return {"params": params, "log_likelihood": loglik, "converged": change <= 1e-12, "cycles": cycles}


@outsider("two-coins", style="early stop rule", bug="only reported is wrong", cause="converged although cycles ran out")
def coins_always_converged(data, start, max_cycles=10000):
    w, p, n_cycles = start["weight"], start["bias"], 0
    for n_cycles in range(1, max_cycles + 1):  # noqa: B007
        old = p
        w, p, _ = cycle_of(data, w, p)
        if np.abs(old - p).max() < 1e-11:
            break
    ll = loglik_of(data, w, p)
    return {"params": {"weight": w, "bias": p}, "log_likelihood": ll, "converged": True, "cycles": n_cycles}


@outsider("two-coins", style="class with state", bug="only reported is wrong", cause="counts its cycles from 0 up")
class CountsFromZero:
    def __init__(self, data):
        self.data, self.i, self.done = data, None, None

    def fit(self, start, max_cycles=10000):
        w, p = start["weight"], start["bias"]
        for self.i in range(max_cycles):
            old = np.append(w, p)
            w, p, _ = cycle_of(self.data, w, p)
            self.done = bool(np.abs(np.append(w, p) - old).max() < 1e-12)
            if self.done:
                break
        ll = loglik_of(self.data, w, p)
        return {"params": {"weight": w, "bias": p}, "log_likelihood": ll, "converged": self.done, "cycles": self.i}


@outsider(
    "two-coins", style="tuple or object returned", bug="only reported is wrong", cause="max_cycles is not looked at"
)
def does_as_many_as_it_likes(data, start, max_cycles=500):
    out = SimpleNamespace(cycles=0, converged=False)
    w, p = start["weight"], start["bias"]
    while not out.converged and out.cycles < 20000:
        w1, p1, _ = cycle_of(data, w, p)
        out.converged, out.cycles = bool(np.abs(p1 - p).max() < 1e-10), out.cycles + 1
        w, p = w1, p1
    return {
        "params": {"weight": w, "bias": p},
        "log_likelihood": loglik_of(data, w, p),
        "converged": out.converged,
        "cycles": out.cycles,
    }


@outsider(
    "bent-coins",
    style="one fit function",
    bug="only reported is wrong",
    cause="standard errors of the complete data: as if one had seen the coins",
)
def complete_data_errors(data, start, max_cycles=20000):
    w, p, converged, n_cycles = start["weight"], start["bias"], False, 0
    while n_cycles < max_cycles and not converged:
        w1, p1, z = cycle_of(data, w, p)
        converged = bool(np.abs(p1 - p).max() < 1e-12)
        w, p, n_cycles = w1, p1, n_cycles + 1
    return {
        "params": {"weight": w, "bias": p},
        "log_likelihood": loglik_of(data, w, p),
        "converged": converged,
        "cycles": n_cycles,
        "standard_errors": {
            "weight": np.sqrt(w * (1 - w) / data["frequencies"].sum()),
            "bias": np.sqrt(p * (1 - p) / (data["flips"] @ z)),
        },
    }


@outsider(
    "two-coins-equal",
    style="plain numpy",
    bug="only reported is wrong",
    cause="the standard errors are those of the logits, the estimates are probabilities",
)
class ErrorsOfLogits:
    def __init__(self, data):
        self.data = data

    def step(self, params):
        return {"bias": cycle_of(self.data, self.data["fixed_weight"], params["bias"])[1]}

    def fit(self, start, max_cycles=10000):
        p, converged, n_cycles = np.asarray(start["bias"]), False, 0
        while n_cycles < max_cycles and not converged:
            old, p = p, self.step({"bias": p})["bias"]
            converged, n_cycles = bool(np.abs(old - p).max() < 1e-12), n_cycles + 1
        ll = loglik_of(self.data, self.data["fixed_weight"], p)
        eta, h = np.log(p / (1 - p)), 1e-3 * np.eye(2)
        f = lambda e: -loglik_of(self.data, self.data["fixed_weight"], 1 / (1 + np.exp(-e)))  # noqa: E731
        hess = [[(f(eta + a + b) - f(eta + a - b) - f(eta - a + b) + f(eta - a - b)) / 4e-6 for a in h] for b in h]
        se = np.sqrt(np.abs(np.diag(np.linalg.pinv(np.array(hess)))))
        params = {"bias": p}
        return {
            "params": params,
            "log_likelihood": ll,
            "converged": converged,
            "cycles": n_cycles,
            "standard_errors": {"bias": se},
        }


@outsider(
    "two-coins",
    style="log space",
    bug="only reported is wrong",
    cause="the E-step returns a log-likelihood without weights",
)
class LikelihoodWithoutWeights:
    def __init__(self, data):
        self.data = data

    def e_step(self, params):
        x, n, f = (self.data[k][:, None] for k in ("heads", "flips", "frequencies"))
        given = xlogy(x, params["bias"]) + xlog1py(n - x, -params["bias"])
        joint = np.log(params["weight"]) + given
        z = f * np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
        counts = {"sequences": z.sum(0), "heads": (z * x).sum(0), "flips": (z * n).sum(0)}
        return counts, float(f[:, 0] @ logsumexp(given, axis=1))

    def m_step(self, counts, params):
        return {
            "weight": counts["sequences"] / counts["sequences"].sum(),
            "bias": counts["heads"] / np.maximum(counts["flips"], 1e-300),
        }


@outsider(
    "two-coins", style="pandas", bug="only on other data", cause="mean of the shares of heads, not heads per flip"
)
class MeanOfProportions:
    def __init__(self, data):
        self.df = pd.DataFrame(
            {"share": data["heads"] / data["flips"], "h": data["heads"], "n": data["flips"], "f": data["frequencies"]}
        )

    def step(self, params):
        out = {"weight": [], "bias": []}
        like = pd.concat(
            [
                w * self.df.apply(lambda r, p=p: binom.pmf(r.h, r.n, p), axis=1)
                for w, p in zip(*params.values(), strict=True)
            ],
            axis=1,
        )
        z = like.div(like.sum(axis=1), axis=0).mul(self.df.f, axis=0)
        for k in z.columns:
            out["weight"].append(z[k].sum() / self.df.f.sum())
            out["bias"].append((z[k] * self.df.share).sum() / max(z[k].sum(), 1e-300))
        return {name: np.array(values) for name, values in out.items()}


@outsider(
    "two-coins", style="plain numpy", bug="only on other data", cause="the flips of the first row are used for all"
)
class FlipsOfTheFirstRow:
    def __init__(self, data):
        self.heads, self.n, self.f = data["heads"], data["flips"][0], data["frequencies"]

    def e_step(self, params):
        lj = np.log(params["weight"]) + binom.logpmf(self.heads[:, None], self.n, params["bias"])
        z = self.f[:, None] * np.exp(lj - logsumexp(lj, axis=1, keepdims=True))
        counts = {"sequences": z.sum(0), "heads": self.heads @ z, "flips": self.n * z.sum(0)}
        return counts, self.f @ logsumexp(lj, axis=1)

    def m_step(self, counts, params):
        return {
            "weight": counts["sequences"] / counts["sequences"].sum(),
            "bias": counts["heads"] / np.maximum(counts["flips"], 1e-300),
        }


@outsider(
    "two-coins", style="loops", bug="only on other data", cause="rows whose likelihood underflows to 0 are skipped"
)
def skips_underflow(data, start):
    w, p = start["weight"], start["bias"]
    for _ in range(1500):
        s, h, m = np.zeros(len(w)), np.zeros(len(w)), np.zeros(len(w))
        for x, n, f in zip(data["heads"], data["flips"], data["frequencies"], strict=True):
            like = w * p**x * (1 - p) ** (n - x)
            if like.sum() < 1e-100:
                continue
            z = f * like / like.sum()
            s, h, m = s + z, h + z * x, m + z * n
        if s.sum() == 0:
            break
        w, p = s / s.sum(), h / np.maximum(m, 1e-300)
    return {"weight": w, "bias": p}


CACHE = {}


@outsider(
    "two-coins",
    style="numba-like kernels",
    bug="only on other data",
    cause="tables are cached under the number of rows",
)
def cached_by_number_of_rows(data):
    key = len(data["heads"])
    if key not in CACHE:
        CACHE[key] = (data["heads"][:, None].copy(), data["flips"][:, None].copy(), data["frequencies"][:, None].copy())
    x, n, f = CACHE[key]

    def step(params):
        lj = np.log(params["weight"]) + xlogy(x, params["bias"]) + xlog1py(n - x, -params["bias"])
        z = f * np.exp(lj - logsumexp(lj, axis=1, keepdims=True))
        return {"weight": z.sum(0) / z.sum(), "bias": (z * x).sum(0) / np.maximum((z * n).sum(0), 1e-300)}

    return step


@outsider(
    "two-coins", style="ECM", bug="only on other data", cause="frequencies are used for the weights, not for the heads"
)
class FrequenciesInOnePlaceOnly:
    def __init__(self, data):
        self.x, self.n, self.f = data["heads"], data["flips"], data["frequencies"]

    def _post(self, w, p):
        lj = np.log(w) + xlogy(self.x[:, None], p) + xlogy((self.n - self.x)[:, None], 1 - p)
        return np.exp(lj - logsumexp(lj, axis=1, keepdims=True))

    def step(self, params):
        w = self.f @ self._post(params["weight"], params["bias"]) / self.f.sum()
        z = self._post(w, params["bias"])
        return {"weight": w, "bias": self.x @ z / np.maximum(self.n @ z, 1e-300)}


@outsider(
    "two-coins-equal", style="flat vector", bug="only on other data", cause="rows with the same heads count once only"
)
class DistinctHeadsOnly:
    parameter_order = ("bias",)

    def __init__(self, data):
        self.x, first = np.unique(data["heads"], return_index=True)
        self.n, self.f = data["flips"][first], data["frequencies"][first]
        self.w = data["fixed_weight"]

    def step(self, theta):
        lj = np.log(self.w) + binom.logpmf(self.x[:, None], self.n[:, None], theta)
        z = np.exp(lj - logsumexp(lj, axis=1, keepdims=True)) * self.f[:, None]
        return (self.x @ z) / np.maximum(self.n @ z, 1e-300)


@outsider(
    "two-coins", style="positional arguments", bug="only on other data", cause="ten flips are written into the code"
)
def ten_flips(heads, flips, start):
    w, p = start["weight"], start["bias"]
    for _ in range(3000):
        lj = np.log(w) + xlogy(heads[:, None], p) + xlogy(10 - heads[:, None], 1 - p)
        z = np.exp(lj - logsumexp(lj, axis=1, keepdims=True))
        w, p = z.mean(0), heads @ z / np.maximum(10 * z.sum(0), 1e-300)
    return {"weight": w, "bias": p}
