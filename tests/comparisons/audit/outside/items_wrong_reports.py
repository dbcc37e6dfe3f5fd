"""Wrong EMs for item responses, fourth part: the estimates are right, what is reported beside them is not."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit, log_expit

from . import outsider
from .items_tools import logistic, one_slope, posterior, tables

WRONG = "only reported is wrong"


def apart(*pairs):
    return max(float(np.abs(new - old).max()) for new, old in pairs)


@outsider("lsat6", style="one fit function", bug=WRONG, cause="reports Q, the expected complete-data log-likelihood")
def reports_q(data, start, max_cycles=2000):
    d, a, t = start["d"], start["a"], data["nodes"]
    for it in range(1, max_cycles + 1):  # noqa: B007
        n, r, _ = tables(data, d, a)
        d_new, a_new = logistic(n, r, t)
        z = d_new[:, None] + a_new[:, None] * t
        q = (r * log_expit(z) + (n - r) * log_expit(-z)).sum()
        shift = apart((d_new, d), (a_new, a))
        d, a = d_new, a_new
        if shift < 1e-9:
            break
    return {"params": {"d": d, "a": a}, "log_likelihood": q, "converged": shift < 1e-9, "cycles": it}


@outsider(
    "quiz", style="scikit-learn", bug=WRONG, cause="the log-likelihood is the mean per examinee, as score() has it"
)
class MeanScore:
    def __init__(self, data, max_iter=3000, tol=1e-10):
        self.data, self.max_iter, self.tol = data, max_iter, tol

    def score(self):
        return tables(self.data, self.intercept_, self.coef_)[2] / self.data["frequencies"].sum()

    def fit(self, start):
        self.intercept_, self.coef_ = start["d"], start["a"]
        for self.n_iter_ in range(1, self.max_iter + 1):  # noqa: B020
            n, r, _ = tables(self.data, self.intercept_, self.coef_)
            old, (self.intercept_, self.coef_) = (self.intercept_, self.coef_), logistic(n, r, self.data["nodes"])
            if apart((self.intercept_, old[0]), (self.coef_, old[1])) < self.tol:
                break
        return {
            "params": {"d": self.intercept_, "a": self.coef_},
            "log_likelihood": self.score(),
            "converged": self.n_iter_ < self.max_iter,
            "cycles": self.n_iter_,
        }


@outsider("quiz-complete", style="inner optimiser at its defaults", bug=WRONG, cause="reports minus the log-likelihood")
def reports_loss(data, start, max_cycles=3000):
    d, a, losses = start["d"], start["a"], []
    while len(losses) < max_cycles and (len(losses) < 2 or losses[-2] - losses[-1] > 1e-11):
        n, r, _ = tables(data, d, a)
        d, a = logistic(n, r, data["nodes"])
        losses.append(-tables(data, d, a)[2])
    return {
        "params": {"d": d, "a": a},
        "log_likelihood": losses[-1],
        "converged": len(losses) < max_cycles,
        "cycles": len(losses),
    }


@outsider("lsat6", style="early stop rule", bug=WRONG, cause="reports the log-likelihood of two cycles before")
def two_cycles_late(data, start, max_cycles=500):
    d, a, trace = start["d"], start["a"], []
    for _ in range(max_cycles):
        n, r, ll = tables(data, d, a)
        trace.append(ll)
        old, (d, a) = (d, a), logistic(n, r, data["nodes"])
        if apart((d, old[0]), (a, old[1])) < 1e-4:
            break
    return {
        "params": {"d": d, "a": a},
        "log_likelihood": trace[-2] if len(trace) > 1 else trace[-1],
        "converged": len(trace) < max_cycles,
        "cycles": len(trace),
    }


@outsider(
    "forms",
    style="class with state",
    bug=WRONG,
    cause="the log-likelihood of the first E-step is kept for all later ones",
)
class FirstLogLikelihood:
    def __init__(self, data):
        self.data, self.ll = data, None

    def e_step(self, params):
        n, r, ll = tables(self.data, params["d"], params["a"])
        self.ll = self.ll or ll
        post, _ = posterior(self.data, params["d"], params["a"])
        return {"examinees": post.sum(0), "correct": r, "attempts": n}, self.ll

    def m_step(self, counts, params):
        d, a = logistic(counts["attempts"], counts["correct"], self.data["nodes"])
        return {"d": d, "a": a}


class Fit(NamedTuple):
    params: dict
    log_likelihood: float
    converged: bool
    cycles: int


@outsider("survey", style="tuple or object returned", bug=WRONG, cause="converged is True also when max_cycles ran out")
def always_converged(data, start, max_cycles=1000):
    d, a = start["d"], start["a"]
    for it in range(1, max_cycles + 1):  # noqa: B007
        n, r, _ = tables(data, d, a)
        old, (d, a) = (d, a), logistic(n, r, data["nodes"])
        if apart((d, old[0]), (a, old[1])) < 1e-9:
            break
    return Fit({"d": d, "a": a}, tables(data, d, a)[2], True, it)


@outsider(
    "lsat6", style="positional arguments", bug=WRONG, cause="converged compares the estimates with themselves negated"
)
def never_converged(data, start, max_cycles=800):
    d, a, cycles, converged = start["d"], start["a"], 0, False
    while cycles < max_cycles:
        cycles += 1
        n, r, _ = tables(data, d, a)
        old, (d, a) = (d, a), logistic(n, r, data["nodes"])
        if apart((d, old[0]), (a, old[1])) < 1e-9:
            converged = apart((d, -old[0]), (a, -old[1])) < 1e-9
            break
    return {
        "params": {"d": d, "a": a},
        "log_likelihood": tables(data, d, a)[2],
        "converged": converged,
        "cycles": cycles,
    }


@outsider(
    "lsat6-common-slope", style="ECM", bug=WRONG, cause="counts both half-cycles, and stops at half of max_cycles"
)
class HalfCycles:
    def __init__(self, data):
        self.data = data

    def fit(self, start, max_cycles=4000):
        d, a, t, cycles, moved = start["d"], start["a"], self.data["nodes"], 0, 1.0
        while cycles < max_cycles and moved > 1e-10:
            n, r, _ = tables(self.data, d, a)
            old = np.append(d, a)
            for _ in range(30):
                p = expit(d[:, None] + a * t)
                d = d + np.clip((r - n * p).sum(1) / (n * p * (1 - p)).sum(1), -1, 1)
            cycles += 1
            for _ in range(30):
                p = expit(d[:, None] + a * t)
                a = a + np.clip(((r - n * p) @ t).sum() / (n * p * (1 - p) @ t**2).sum(), -1, 1)
            cycles += 1
            moved = abs(np.append(d, a) - old).max()
        ll = tables(self.data, d, a)[2]
        return {"params": {"d": d, "a": a}, "log_likelihood": ll, "converged": moved <= 1e-10, "cycles": cycles}


@outsider("lsat6", style="loops", bug=WRONG, cause="the number of cycles is the index of the last one, one too low")
def index_of_last(data, start, max_cycles=2000):
    d, a = start["d"], start["a"]
    for cycle in range(max_cycles):  # noqa: B007
        n, r, _ = tables(data, d, a)
        old, (d, a) = (d, a), logistic(n, r, data["nodes"])
        done = all(abs(x - y) < 1e-10 for pair in ((d, old[0]), (a, old[1])) for x, y in zip(*pair, strict=True))
        if done:
            break
    return {"params": {"d": d, "a": a}, "log_likelihood": tables(data, d, a)[2], "converged": done, "cycles": cycle}


@outsider("quiz", style="class with state", bug=WRONG, cause="max_cycles is taken and nowhere looked at")
class LimitUnused:
    def __init__(self, data):
        self.data = data

    def fit(self, start, max_cycles=100):
        self.d, self.a, self.cycles, moved = start["d"], start["a"], 0, 1.0
        while moved > 1e-10:
            n, r, _ = tables(self.data, self.d, self.a)
            old, (self.d, self.a) = (self.d, self.a), logistic(n, r, self.data["nodes"])
            moved, self.cycles = apart((self.d, old[0]), (self.a, old[1])), self.cycles + 1
        ll = tables(self.data, self.d, self.a)[2]
        return {"params": {"d": self.d, "a": self.a}, "log_likelihood": ll, "converged": True, "cycles": self.cycles}


class WithErrors:
    """E-step and M-step of those who report standard errors."""

    def __init__(self, data):
        self.data = data

    def e_step(self, params):
        n, r, ll = tables(self.data, params["d"], params["a"])
        post, _ = posterior(self.data, params["d"], params["a"])
        return {"examinees": post.sum(0), "correct": r, "attempts": n}, ll

    def m_step(self, counts, params):
        d, a = logistic(counts["attempts"], counts["correct"], self.data["nodes"])
        return {"d": d, "a": a}

    def gradient(self, v):
        d, a = np.split(v, 2)
        n, r, _ = tables(self.data, d, a)
        e = r - n * expit(d[:, None] + a[:, None] * self.data["nodes"])
        return np.append(e.sum(1), e @ self.data["nodes"])

    def information(self, params):
        v = np.append(params["d"], params["a"])
        return -np.array([self.gradient(v + h) - self.gradient(v - h) for h in 1e-5 * np.eye(len(v))]) / 2e-5


@outsider("lsat6", style="plain numpy", bug=WRONG, cause="standard errors from the information of the complete data")
class CompleteInformation(WithErrors):
    def standard_errors(self, params):
        n, _, _ = tables(self.data, params["d"], params["a"])
        t = self.data["nodes"]
        p = expit(params["d"][:, None] + params["a"][:, None] * t)
        v = n * p * (1 - p)
        s0, s1, s2 = v.sum(1), v @ t, v @ t**2
        det = s0 * s2 - s1**2
        return {"d": np.sqrt(s2 / det), "a": np.sqrt(s0 / det)}


@outsider(
    "survey",
    style="flat vector",
    bug=WRONG,
    cause="standard errors from the Hessian of the deviance, too small by a root of 2",
)
class RootOfTwo(WithErrors):
    def standard_errors(self, params):
        hessian_of_deviance = 2 * self.information(params)
        errors = np.sqrt(np.diag(np.linalg.inv(hessian_of_deviance)))
        return {"d": errors[: len(params["d"])], "a": errors[len(params["d"]) :]}


@outsider(
    "lsat6", style="difficulty inside", bug=WRONG, cause="the standard errors under d are those of the difficulties"
)
class ErrorsOfDifficulty(WithErrors):
    def standard_errors(self, params):
        V, k = np.linalg.inv(self.information(params)), len(params["d"])
        of_b = []
        for j in range(k):
            g = np.zeros(2 * k)
            g[j], g[k + j] = -1 / params["a"][j], params["d"][j] / params["a"][j] ** 2
            of_b.append(np.sqrt(g @ V @ g))
        return {"d": np.array(of_b), "a": np.sqrt(np.diag(V)[k:])}


@outsider(
    "lsat6",
    style="log space",
    bug=WRONG,
    cause="each standard error on its own, one over the root of the diagonal of the information",
)
class DiagonalOnly(WithErrors):
    def standard_errors(self, params):
        errors = 1 / np.sqrt(np.diag(self.information(params)))
        return {"d": errors[: len(params["d"])], "a": errors[len(params["d"]) :]}


@outsider(
    "lsat6-common-slope", style="tuple or object returned", bug=WRONG, cause="reports the deviance as log-likelihood"
)
def deviance(data, start, max_cycles=4000):
    d, a, moved, cycles = start["d"], start["a"], 1.0, 0
    while moved > 1e-10 and cycles < max_cycles:
        n, r, _ = tables(data, d, a)
        old, (d, a) = (d, a), one_slope(n, r, data["nodes"])
        moved, cycles = apart((d, old[0]), (a, old[1])), cycles + 1
    return {
        "params": {"d": d, "a": a},
        "log_likelihood": -2 * tables(data, d, a)[2],
        "converged": moved <= 1e-10,
        "cycles": cycles,
    }


@outsider(
    "forms", style="pandas", bug=WRONG, cause="the table of estimates that is returned is rounded to two decimals"
)
def table_rounded(data, start):
    d, a = start["d"], start["a"]
    for _ in range(3000):
        n, r, _ = tables(data, d, a)
        old, (d, a) = (d, a), logistic(n, r, data["nodes"])
        if apart((d, old[0]), (a, old[1])) < 1e-9:
            break
    table = pd.DataFrame({"d": d, "a": a}).round(2)
    return {"d": table["d"].to_numpy(), "a": table["a"].to_numpy()}
