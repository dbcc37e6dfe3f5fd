"""Wrong EMs for the Poisson mixture and for genetic linkage."""

import math

import numpy as np
from scipy.special import logsumexp, xlogy
from scipy.stats import poisson

from . import outsider
from .counts import poisson_cycle, poisson_loglik


@outsider(
    "hasselblad", style="plain numpy", bug="gross", cause="sum of counts by all days, not by those of the component"
)
class RatesOverAllDays:
    def __init__(self, data):
        self.x, self.f = data["counts"], data["frequencies"]

    def step(self, params):
        w, _, z = poisson_cycle(self.x, self.f, params["weight"], params["rate"])
        return {"weight": w, "rate": 2 * self.x @ z / self.f.sum()}


@outsider("hasselblad", style="probabilities without logarithms", bug="gross", cause="no weights in the posterior")
def deaths_without_prior(data, start):
    x, f = data["counts"], data["frequencies"]
    w, lam = np.array(start["weight"]), np.array(start["rate"])
    for _ in range(3000):
        like = np.exp(-lam) * lam ** x[:, None]
        z = like / like.sum(1, keepdims=True) * f[:, None]
        w, lam = z.sum(0) / f.sum(), x @ z / z.sum(0)
    return {"weight": w, "rate": lam}


@outsider("genetic-linkage", style="loops", bug="gross", cause="third cell mistaken for the second, 18 animals twice")
def eighteen_twice(data):
    y = data["frequencies"]

    def step(params):
        t = params["theta"]
        x = y[0] * t / (2 + t)
        return {"theta": (x + y[3]) / (x + 2 * y[1] + y[3])}

    return step


@outsider("hasselblad", style="numba-like kernels", bug="subtle", cause="posteriors and sums in single precision")
class SinglePrecisionDeaths:
    def __init__(self, data):
        self.x, self.f = data["counts"].astype(np.float32), data["frequencies"].astype(np.float32)

    def e_step(self, params):
        w, lam = (params[name].astype(np.float32) for name in ("weight", "rate"))
        lj = (np.log(w) - lam + xlogy(self.x[:, None], lam)).astype(np.float32)
        total = logsumexp(lj, axis=1)
        z = np.exp(lj - total[:, None]) * self.f[:, None]
        # Without x!, a constant.
        return {"observations": z.sum(0), "total": self.x @ z}, float(self.f @ total)

    def m_step(self, counts, params):
        c, s = counts["observations"], counts["total"]
        return {"weight": (c / c.sum()).astype(float), "rate": (s / c).astype(float)}


@outsider(
    "hasselblad", style="one fit function", bug="subtle", cause="probabilities add up to 1 over the counts seen only"
)
def truncated_deaths(data, start, max_cycles=20000):
    x, f = data["counts"], data["frequencies"]
    support = np.arange(x.max() + 1)
    w, lam, n_cycles, change = start["weight"], start["rate"], 0, 1.0
    while n_cycles < max_cycles and change > 1e-11:
        like = w * poisson.pmf(x[:, None], lam) / poisson.pmf(support[:, None], lam).sum(0)
        z = like * (f / like.sum(1))[:, None]
        w, new = z.sum(0) / z.sum(), x @ z / np.maximum(z.sum(0), 1e-300)
        change, lam, n_cycles = np.abs(new - lam).max(), new, n_cycles + 1
    ll = poisson_loglik(x, f, w, lam)
    return {
        "params": {"weight": w, "rate": lam},
        "log_likelihood": ll,
        "converged": change <= 1e-11,
        "cycles": n_cycles,
    }


@outsider(
    "genetic-linkage", style="plain numpy", bug="subtle", cause="animals are whole: the expected count is rounded"
)
class WholeAnimals:
    def __init__(self, data):
        self.y = data["frequencies"]

    def e_step(self, params):
        theta = params["theta"]
        split = np.round(self.y[0] * theta / (2 + theta))
        ll = self.y[0] * np.log(2 + theta) + (self.y[1] + self.y[2]) * np.log(1 - theta) + self.y[3] * np.log(theta)
        return {"linked": split + self.y[3], "unlinked": np.array([self.y[1] + self.y[2]])}, float(ll[0])

    def m_step(self, counts, params):
        return {"theta": counts["linked"] / (counts["linked"] + counts["unlinked"])}


@outsider(
    "genetic-linkage", style="early stop rule", bug="wrong from some starts", cause="signed change: stops if it falls"
)
def linkage_signed_stop(data, start, max_cycles=1000):
    y = data["frequencies"]
    t = float(np.ravel(start["theta"])[0])
    for cycles in range(1, max_cycles + 1):  # noqa: B007
        x = y[0] * t / (2 + t)
        new = (x + y[3]) / (x + y[1] + y[2] + y[3])
        change, t = new - t, new
        if change < 1e-12:
            break
    ll = y[0] * math.log(2 + t) + float(xlogy(y[1] + y[2], 1 - t) + xlogy(y[3], t))
    return {"params": {"theta": np.array([t])}, "log_likelihood": ll, "converged": change < 1e-12, "cycles": cycles}


@outsider(
    "hasselblad",
    style="sorted or reflected cycle",
    bug="wrong from some starts",
    cause="where rate 1 exceeds rate 2 at the start the rates are exchanged back at the end, the weights are not",
)
def deaths_relabelled(data, start, max_cycles=30000):
    x, f = data["counts"], data["frequencies"]
    w, lam = np.array(start["weight"]), np.array(start["rate"])
    swap = lam[0] > lam[1]
    if swap:
        w, lam = w[::-1], lam[::-1]
    for _ in range(max_cycles):
        old = lam
        w, lam, _ = poisson_cycle(x, f, w, lam)
        if np.abs(old - lam).max() < 1e-11:
            break
    return {"weight": w, "rate": lam[::-1] if swap else lam}


@outsider(
    "hasselblad", style="one fit function", bug="only reported is wrong", cause="logarithms to base 10 are reported"
)
def decimal_logarithms(data, start, max_cycles=30000):
    x, f = data["counts"], data["frequencies"]
    w, lam, n, done = start["weight"], start["rate"], 0, False
    while n < max_cycles and not done:
        old = lam
        w, lam, _ = poisson_cycle(x, f, w, lam)
        n, done = n + 1, bool(np.abs(old - lam).max() < 1e-11)
    ll = f @ np.log10((w * poisson.pmf(x[:, None], lam)).sum(1))
    return {"params": {"weight": w, "rate": lam}, "log_likelihood": ll, "converged": done, "cycles": n}


@outsider(
    "hasselblad", style="class with state", bug="only reported is wrong", cause="E- and M-step count one cycle each"
)
class DeathsInHalfCycles:
    def __init__(self, data):
        self.x, self.f, self.cycles = data["counts"], data["frequencies"], 0

    def expect(self, w, lam):
        self.cycles += 1
        like = w * poisson.pmf(self.x[:, None], lam)
        self.z = like / like.sum(1, keepdims=True) * self.f[:, None]

    def maximise(self):
        self.cycles += 1
        return self.z.sum(0) / self.z.sum(), self.x @ self.z / np.maximum(self.z.sum(0), 1e-300)

    def fit(self, start, max_cycles=30000):
        w, lam, self.cycles = start["weight"], start["rate"], 0
        for _ in range(max_cycles):
            old = lam
            self.expect(w, lam)
            w, lam = self.maximise()
            done = bool(np.abs(lam - old).max() < 1e-11)
            if done:
                break
        ll = poisson_loglik(self.x, self.f, w, lam)
        return {
            "params": {"weight": w, "rate": lam},
            "log_likelihood": ll,
            "converged": done,
            "cycles": self.cycles,
        }


@outsider(
    "genetic-linkage",
    style="one fit function",
    bug="only reported is wrong",
    cause="standard error too large by root 2",
)
def linkage_root_two(data, start, max_cycles=500):
    y, t, n, change = data["frequencies"], float(np.ravel(start["theta"])[0]), 0, 1.0
    while n < max_cycles and change > 1e-13:
        x = y[0] * t / (2 + t)
        new = (x + y[3]) / (x + y[1] + y[2] + y[3])
        change, t, n = abs(new - t), new, n + 1
    information = y[0] / (2 + t) ** 2 + (y[1] + y[2]) / (1 - t) ** 2 + y[3] / t**2
    return {
        "params": {"theta": np.array([t])},
        "log_likelihood": y[0] * math.log(2 + t) + float(xlogy(y[1] + y[2], 1 - t) + xlogy(y[3], t)),
        "converged": change <= 1e-13,
        "cycles": n,
        "standard_errors": {"theta": np.array([math.sqrt(2 / information)])},
    }


@outsider(
    "genetic-linkage", style="tuple or object returned", bug="only reported is wrong", cause="never says it converged"
)
def linkage_never_converged(data, start, max_cycles=500):
    y, t = data["frequencies"], np.asarray(start["theta"], dtype=float)
    converged = False
    for n in range(1, max_cycles + 1):  # noqa: B007
        x = y[0] * t / (2 + t)
        old, t = t, (x + y[3]) / (x + y[1] + y[2] + y[3])
        if abs(t - old)[0] < 1e-12:
            converged = abs(t - old)[0] > 1e-12
            break
    ll = float((y[0] * np.log(2 + t) + (y[1] + y[2]) * np.log(1 - t) + y[3] * np.log(t))[0])
    return {"params": {"theta": t}, "log_likelihood": ll, "converged": bool(converged), "cycles": n}


@outsider(
    "hasselblad", style="plain numpy", bug="only on other data", cause="the place in the table is taken for the count"
)
class PlaceForCount:
    def __init__(self, data):
        self.f = data["frequencies"]

    def e_step(self, params):
        x = np.arange(len(self.f), dtype=float)
        _, _, z = poisson_cycle(x, self.f, params["weight"], params["rate"])
        return {"observations": z.sum(0), "total": x @ z}, poisson_loglik(x, self.f, params["weight"], params["rate"])

    def m_step(self, counts, params):
        c = counts["observations"]
        return {"weight": c / c.sum(), "rate": counts["total"] / c}


@outsider(
    "hasselblad", style="log space", bug="only on other data", cause="no rate below .5, lest its logarithm run off"
)
def floor_of_the_rates(data):
    x, f = data["counts"], data["frequencies"]

    def step(params):
        lj = np.log(params["weight"]) + xlogy(x[:, None], params["rate"]) - params["rate"]
        z = np.exp(lj - logsumexp(lj, axis=1, keepdims=True)) * f[:, None]
        return {"weight": z.sum(0) / f.sum(), "rate": np.maximum(x @ z / z.sum(0), 0.5)}

    return step


@outsider(
    "genetic-linkage", style="positional arguments", bug="only on other data", cause="197 animals, whatever the data"
)
def one_hundred_ninety_seven(data, start):
    def linkage(y1, y4, theta, n=197):
        for _ in range(200):
            x = y1 * theta / (2 + theta)
            theta = (x + y4) / (n - y1 + x)
        return theta

    return {"theta": linkage(data["frequencies"][0], data["frequencies"][3], start["theta"])}
