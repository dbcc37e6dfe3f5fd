"""Wrong EMs for item responses, third part: wrong from some starts."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_expit, logsumexp

from . import outsider
from .items_tools import log_joint, logistic, one_slope, tables


@outsider(
    "lsat6", style="plain numpy", bug="wrong from some starts", cause="slopes below 0 are set to 0, where they stay"
)
class NotBelowZero:
    def __init__(self, data):
        self.data = data

    def e_step(self, params):
        n, r, ll = tables(self.data, params["d"], params["a"])
        return {"examinees": n[0], "correct": r, "attempts": n}, ll

    def m_step(self, counts, params):
        d, a = logistic(counts["attempts"], counts["correct"], self.data["nodes"])
        return {"d": d, "a": np.maximum(a, 0)}


@outsider(
    "lsat6",
    style="early stop rule",
    bug="wrong from some starts",
    cause="stops on the signed change: all fell, so done",
)
def signed_change(data, start, max_cycles=2000):
    d, a, cycles, change = start["d"], start["a"], 0, 1.0
    while change > 1e-7 and cycles < max_cycles:
        n, r, _ = tables(data, d, a)
        d_new, a_new = logistic(n, r, data["nodes"])
        change = max((d_new - d).max(), (a_new - a).max())
        d, a, cycles = d_new, a_new, cycles + 1
    return {
        "params": {"d": d, "a": a},
        "log_likelihood": tables(data, d, a)[2],
        "converged": change <= 1e-7,
        "cycles": cycles,
    }


@outsider(
    "quiz", style="flat vector", bug="wrong from some starts", cause="log slopes inside; a slope below 0 starts at 1e-8"
)
class LogSlopes:
    parameter_order = ("d", "a")

    def __init__(self, data):
        self.data = data

    def fit(self, v, max_cycles=3000):
        d, la = v[: len(v) // 2], np.log(np.maximum(v[len(v) // 2 :], 1e-8))
        old = -np.inf
        for cycle in range(1, max_cycles + 1):  # noqa: B007
            n, r, ll = tables(self.data, d, np.exp(la))
            if ll - old < 1e-10:
                break
            old, (d, a) = ll, logistic(n, r, self.data["nodes"])
            la = np.log(np.maximum(a, 1e-8))
        return np.concatenate([d, np.exp(la)])


@outsider("survey", style="ECM", bug="wrong from some starts", cause="one Newton step per cycle without any safeguard")
def newton_unguarded(data):
    t = data["nodes"]

    def cycle(params):
        d, a = params["d"], params["a"]
        n, r, _ = tables(data, d, a)
        p = expit(d[:, None] + a[:, None] * t)
        v, g = n * p * (1 - p), r - n * p
        s0, s1, s2, g0, g1 = v.sum(1), v @ t, v @ t**2, g.sum(1), g @ t
        det = s0 * s2 - s1**2
        return {"d": d + (s2 * g0 - s1 * g1) / det, "a": a + (s0 * g1 - s1 * g0) / det}

    return cycle


@outsider("lsat6", style="one fit function", bug="wrong from some starts", cause="takes a start and does not use it")
def start_unused(data, start, max_cycles=1000):
    d, a = np.zeros(data["responses"].shape[1]), np.ones(data["responses"].shape[1])
    for cycle in range(1, max_cycles + 1):  # noqa: B007
        n, r, _ = tables(data, d, a)
        old = np.append(d, a)
        d, a = logistic(n, r, data["nodes"])
        if abs(np.append(d, a) - old).max() < 1e-9:
            break
    return {
        "params": {"d": d, "a": a},
        "log_likelihood": tables(data, d, a)[2],
        "converged": abs(np.append(d, a) - old).max() < 1e-9,
        "cycles": cycle,
    }


@outsider(
    "lsat6",
    style="difficulty inside",
    bug="wrong from some starts",
    cause="scoring on discrimination and difficulty, in which a slope cannot change its sign",
)
class StuckAtZero:
    def __init__(self, data):
        self.data = data

    def step(self, params):
        n, r, _ = tables(self.data, params["d"], params["a"])
        t, out = self.data["nodes"], np.zeros((2, len(r)))
        for j in range(len(r)):
            v = np.array([params["a"][j], -params["d"][j] / params["a"][j]])

            def q(v, j=j):
                return r[j] @ log_expit(v[0] * (t - v[1])) + (n[j] - r[j]) @ log_expit(-v[0] * (t - v[1]))

            for _ in range(25):
                p = expit(v[0] * (t - v[1]))
                J = np.array([t - v[1], np.full_like(t, -v[0])])
                move = np.linalg.lstsq((J * (n[j] * p * (1 - p))) @ J.T, J @ (r[j] - n[j] * p), rcond=None)[0]
                while q(v + move) < q(v) and abs(move).max() > 1e-12:
                    move = move / 2
                v = v + move
                if abs(move).max() < 1e-12:
                    break
            out[:, j] = v
        return {"d": -out[0] * out[1], "a": out[0]}


@outsider(
    "quiz-complete",
    style="inner optimiser at its defaults",
    bug="wrong from some starts",
    cause="L-BFGS-B with bounds of 0 and 5 for the slopes",
)
class Bounded:
    def __init__(self, data):
        self.data = data

    def step(self, params):
        n, r, _ = tables(self.data, params["d"], params["a"])
        t, found = self.data["nodes"], []
        for j in range(len(r)):

            def minus_q(v, j=j):
                z = v[0] + v[1] * t
                e = n[j] * expit(z) - r[j]
                return -r[j] @ log_expit(z) - (n[j] - r[j]) @ log_expit(-z), np.array([e.sum(), e @ t])

            start = [params["d"][j], np.clip(params["a"][j], 0, 5)]
            found.append(
                minimize(minus_q, start, jac=True, bounds=[(-9, 9), (0, 5)], options={"gtol": 1e-10, "ftol": 1e-15}).x
            )
        return {"d": np.array(found)[:, 0], "a": np.array(found)[:, 1]}


@outsider(
    "survey",
    style="sorted or reflected cycle",
    bug="wrong from some starts",
    cause="turns the intercepts along with the slopes when these are negative on average",
)
class TurnsTooMuch:
    def __init__(self, data):
        self.data = data

    def fit(self, start, max_cycles=3000):
        d, a, moved, cycle = start["d"], start["a"], np.inf, 0
        while moved > 1e-10 and cycle < max_cycles:
            n, r, _ = tables(self.data, d, a)
            old, (d, a) = np.append(d, a), logistic(n, r, self.data["nodes"])
            moved, cycle = abs(np.append(d, a) - old).max(), cycle + 1
        if a.mean() < 0:
            d, a = -d, -a
        ll = tables(self.data, d, a)[2]
        return {"params": {"d": d, "a": a}, "log_likelihood": ll, "converged": moved <= 1e-10, "cycles": cycle}


@outsider(
    "lsat6-common-slope",
    style="guarded SQUAREM",
    bug="wrong from some starts",
    cause="guarded by the sign of the slope, not by the likelihood: below 0 it is set to 0, and stays",
)
def squarem_positive(data):
    def em(v):
        n, r, _ = tables(data, v[:-1], v[-1:])
        return np.concatenate(one_slope(n, r, data["nodes"]))

    def step(params):
        v = np.append(params["d"], params["a"])
        v1 = em(v)
        v2 = em(v1)
        r, u = v1 - v, v2 - 2 * v1 + v
        alpha = -np.sqrt(r @ r / max(u @ u, 1e-300))
        jump = v - 2 * alpha * r + alpha**2 * u if abs(r).max() > 1e-9 else v2
        jump = jump if jump[-1] > 0 else np.append(v2[:-1], 0.0)
        return {"d": jump[:-1], "a": jump[-1:]}

    return step


@outsider(
    "lsat6",
    style="over-relaxed",
    bug="wrong from some starts",
    cause="over-relaxed by 1.3; stays where it is for good when the likelihood falls or a slope is below 0",
)
def stays_put(data):
    f = data["frequencies"]

    def cycle(params):
        n, r, old = tables(data, params["d"], params["a"])
        d, a = logistic(n, r, data["nodes"])
        d, a = params["d"] + 1.3 * (d - params["d"]), params["a"] + 1.3 * (a - params["a"])
        ll = f @ logsumexp(log_joint(data, d, a), axis=1)
        return {"d": d, "a": a} if ll >= old and np.all(a > 0) else params

    return cycle
