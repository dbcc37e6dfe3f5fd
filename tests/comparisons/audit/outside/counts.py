"""Right EMs for the Poisson mixture and for genetic linkage."""

import math

import numpy as np
import pandas as pd
from scipy.special import gammaln, logsumexp, xlogy
from scipy.stats import poisson

from . import outsider


def poisson_cycle(x, f, w, lam):
    lj = np.log(w) + poisson.logpmf(x[:, None], lam)
    z = np.exp(lj - logsumexp(lj, axis=1, keepdims=True)) * f[:, None]
    return z.sum(0) / z.sum(), x @ z / np.maximum(z.sum(0), 1e-300), z


def poisson_loglik(x, f, w, lam):
    return float(f @ logsumexp(np.log(w) + poisson.logpmf(x[:, None], lam), axis=1))


@outsider(
    "hasselblad",
    style="loops",
    remark="not robust at edges",
    cause="table of deaths per day, loops as in a statistics course",
)
class TimesNotices:
    def __init__(self, data):
        self.deaths, self.days = data["counts"], data["frequencies"]

    def e_step(self, params):
        g, s, ll = [0.0] * len(params["rate"]), [0.0] * len(params["rate"]), 0.0
        for x, f in zip(self.deaths, self.days, strict=True):
            d = []
            for pi, lam in zip(params["weight"], params["rate"], strict=True):
                d.append(pi * math.exp(-lam + x * math.log(lam) - math.lgamma(x + 1)))
            ll += f * math.log(sum(d))
            for k in range(len(d)):
                g[k] += f * d[k] / sum(d)
                s[k] += f * d[k] / sum(d) * x
        return {"observations": np.array(g), "total": np.array(s)}, ll

    def m_step(self, counts, params):
        return {"weight": counts["observations"] / sum(self.days), "rate": counts["total"] / counts["observations"]}


@outsider("hasselblad", style="pandas", cause="a data frame of counts with a column per component")
def deaths_frame(data):
    df = pd.DataFrame({"x": data["counts"], "n": data["frequencies"]}).set_index("x")

    def update(params):
        joint = pd.DataFrame(
            {k: w * poisson.pmf(df.index, r) for k, (w, r) in enumerate(zip(*params.values(), strict=True))},
            index=df.index,
        )
        z = joint.div(joint.sum(axis=1), axis=0).mul(df.n, axis=0)
        size = z.sum()
        return {
            "weight": (size / df.n.sum()).values,
            "rate": (z.mul(df.index, axis=0).sum() / size).values,
        }

    return update


@outsider(
    "hasselblad", style="guarded SQUAREM", remark="accelerated", cause="log rates and logit jump, guarded by likelihood"
)
def squarem_deaths(data, start, max_cycles=4000):
    x, f = data["counts"], data["frequencies"]

    def theta(w, lam):
        return np.r_[np.log(w[0]) - np.log(w[1]), np.log(lam)]

    def back(t):
        return np.array([1 / (1 + np.exp(-t[0])), 1 / (1 + np.exp(t[0]))]), np.exp(t[1:])

    now, converged, cycles = (np.asarray(start["weight"]), np.asarray(start["rate"])), False, 0
    while cycles < max_cycles and not converged:
        cycles += 1
        one = poisson_cycle(x, f, *now)[:2]
        two = poisson_cycle(x, f, *one)[:2]
        r, v = theta(*one) - theta(*now), theta(*two) - 2 * theta(*one) + theta(*now)
        step = -max(1.0, min(100.0, np.sqrt((r @ r) / max(v @ v, 1e-300))))
        new = poisson_cycle(x, f, *back(theta(*now) - 2 * step * r + step**2 * v))[:2]
        if not poisson_loglik(x, f, *new) >= poisson_loglik(x, f, *two):
            new = two
        converged = bool(np.abs(np.r_[one] - np.r_[now]).max() < 1e-11)
        now = new
    return {
        "params": dict(zip(("weight", "rate"), now, strict=True)),
        "log_likelihood": poisson_loglik(x, f, *now),
        "converged": converged,
        "cycles": cycles,
    }


@outsider("hasselblad", style="scikit-learn", cause="estimator with fit, attributes and tolerance 1e-13")
class PoissonMixture:
    def __init__(self, data, tol=1e-13, max_iter=50000):
        self.X, self.sample_weight, self.tol, self.max_iter = data["counts"], data["frequencies"], tol, max_iter

    def fit(self, start, max_cycles=None):
        self.weights_, self.rates_ = np.array(start["weight"]), np.array(start["rate"])
        self.converged_ = False
        for self.n_iter_ in range(1, 1 + (max_cycles or self.max_iter)):  # noqa: B020
            log_prob = np.log(self.weights_) + poisson.logpmf(self.X[:, None], self.rates_)
            resp = np.exp(log_prob - logsumexp(log_prob, axis=1, keepdims=True)) * self.sample_weight[:, None]
            old = self.rates_
            self.weights_, self.rates_ = resp.sum(0) / resp.sum(), self.X @ resp / np.maximum(resp.sum(0), 1e-300)
            if np.abs(old - self.rates_).max() < self.tol * max(1.0, old.max()):
                self.converged_ = True
                break
        self.lower_bound_ = poisson_loglik(self.X, self.sample_weight, self.weights_, self.rates_)
        return {
            "params": {"weight": self.weights_, "rate": self.rates_},
            "log_likelihood": self.lower_bound_,
            "converged": self.converged_,
            "cycles": self.n_iter_,
        }


@outsider("hasselblad", style="flat vector", cause="vector of rates first and weights last")
class RatesThenWeights:
    parameter_order = ("rate", "weight")

    def __init__(self, data):
        self.data = data

    def step(self, v):
        k = len(v) // 2
        w, lam, _ = poisson_cycle(self.data["counts"], self.data["frequencies"], v[k:], v[:k])
        return np.concatenate((lam, w))


@outsider("hasselblad", style="ECM", cause="the posterior is computed anew before the rate of each component")
def deaths_one_component_at_a_time(data):
    x, f = data["counts"], data["frequencies"]

    def cycle(params):
        w, lam = params["weight"], np.array(params["rate"], dtype=float)
        for k in range(len(lam)):
            lam[k] = poisson_cycle(x, f, w, lam)[1][k]
        return {"weight": poisson_cycle(x, f, w, lam)[0], "rate": lam}

    return cycle


@outsider(
    "hasselblad",
    style="inner optimiser at its defaults",
    remark="generalised",
    cause="one damped Newton step for the log rates",
)
class DeathsByOneNewtonStep:
    def __init__(self, data):
        self.x, self.f = data["counts"], data["frequencies"]

    def e_step(self, params):
        _, _, z = poisson_cycle(self.x, self.f, params["weight"], params["rate"])
        ll = poisson_loglik(self.x, self.f, params["weight"], params["rate"])
        return {"observations": z.sum(0), "total": self.x @ z}, ll

    def m_step(self, counts, params):
        c, s = counts["observations"], counts["total"]
        eta = np.log(np.maximum(params["rate"], 1e-12))
        step = (s - c * np.exp(eta)) / (c * np.exp(eta))
        for k in range(len(eta)):
            q = s[k] * eta[k] - c[k] * np.exp(eta[k])
            while s[k] * (eta[k] + step[k]) - c[k] * np.exp(min(eta[k] + step[k], 700.0)) < q and abs(step[k]) > 1e-14:
                step[k] /= 2
        return {"weight": c / c.sum(), "rate": np.exp(eta + step)}


@outsider("genetic-linkage", style="loops", cause="the map of Dempster, Laird and Rubin, a plain float comes back")
def dempster_laird_rubin(data):
    y1, y2, y3, y4 = (float(y) for y in data["frequencies"])

    def pi(params):
        theta = float(np.asarray(params["theta"]).ravel()[0])
        x2 = y1 * (theta / 4) / (0.5 + theta / 4)
        return {"theta": (x2 + y4) / (x2 + y2 + y3 + y4)}

    return pi


@outsider("genetic-linkage", style="plain numpy", cause="linked and unlinked animals by name")
class Animals:
    def __init__(self, data):
        self.y = data["frequencies"]

    def e_step(self, params):
        theta = params["theta"]
        cells = np.array([0.5 + theta[0] / 4, (1 - theta[0]) / 4, (1 - theta[0]) / 4, theta[0] / 4])
        linked = self.y[0] * theta / (2 + theta) + self.y[3]
        return {"linked": linked, "unlinked": np.array([self.y[1] + self.y[2]])}, float(xlogy(self.y, cells).sum())

    def m_step(self, counts, params):
        return {"theta": counts["linked"] / (counts["linked"] + counts["unlinked"])}


@outsider(
    "genetic-linkage", style="guarded SQUAREM", remark="accelerated", cause="Aitken's delta squared, if it climbs"
)
def aitken_linkage(data, start):
    y = data["frequencies"]

    def em(t):
        return (y[0] * t / (2 + t) + y[3]) / (y[0] * t / (2 + t) + y[1] + y[2] + y[3])

    def loglik(t):
        return y[0] * np.log(2 + t) + (y[1] + y[2]) * np.log(1 - t) + y[3] * np.log(t)

    t = float(start["theta"][0])
    for _ in range(60):
        a, b = em(t), em(em(t))
        bend = b - 2 * a + t
        jump = t - (a - t) ** 2 / bend if bend else b
        t = jump if 0 < jump < 1 and loglik(jump) > loglik(b) else b
    return {"theta": np.array([t])}


@outsider("genetic-linkage", style="one fit function", cause="standard error from the rate of convergence, as in SEM")
def linkage_with_sem(data, start, max_cycles=500):
    y = data["frequencies"]

    def em(t):
        x = y[0] * t / (2 + t)
        return (x + y[3]) / (x + y[1] + y[2] + y[3])

    t, cycles, change = float(np.ravel(start["theta"])[0]), 0, 1.0
    while cycles < max_cycles and change > 1e-13:
        new = em(t)
        change, t, cycles = abs(new - t), new, cycles + 1
    x = y[0] * t / (2 + t)
    complete = t * (1 - t) / (x + y[1] + y[2] + y[3])
    rate = (em(t + 1e-5) - em(t - 1e-5)) / 2e-5
    cells = np.array([0.5 + t / 4, (1 - t) / 4, (1 - t) / 4, t / 4])
    return {
        "params": {"theta": t},
        "log_likelihood": float(xlogy(y, cells).sum() + gammaln(y.sum() + 1) - gammaln(y + 1).sum()),
        "converged": change <= 1e-13,
        "cycles": cycles,
        "standard_errors": {"theta": math.sqrt(complete / (1 - rate))},
    }


@outsider("genetic-linkage", style="flat vector", cause="a function of one array of one number")
def linkage_vector(data):
    y = np.asarray(data["frequencies"], dtype=float)

    def step(v):
        hidden = y[0] * v / (v + 2.0)
        return (hidden + y[3]) / (hidden + y[1:].sum())

    step.parameter_order = ("theta",)
    return step


@outsider("genetic-linkage", style="early stop rule", remark="stops early", cause="stops at the sixth decimal of theta")
def linkage_to_six_places(data, start, max_cycles=100):
    a, b, c, d = data["frequencies"]
    t = np.asarray(start["theta"], dtype=float)
    for cycles in range(1, max_cycles + 1):  # noqa: B007
        x = a * t / (t + 2)
        t, old = (x + d) / (x + b + c + d), t
        if abs(t - old)[0] < 1e-6:
            break
    return {"params": {"theta": t}, "cycles": cycles, "converged": bool(abs(t - old)[0] < 1e-6)}
