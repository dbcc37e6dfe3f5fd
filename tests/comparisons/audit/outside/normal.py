"""Right EMs for the bivariate normal with missing entries, with known and with estimated means."""

import math
from collections import namedtuple

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.stats import multivariate_normal, norm

from . import outsider

Normal = namedtuple("Normal", "mean variance correlation log_likelihood cycles converged")


def covariance(params):
    sd = np.sqrt(params["variance"])
    r = float(np.ravel(params["correlation"])[0])
    return np.outer(sd, sd) * np.array([[1, r], [r, 1]])


def as_params(mu, S, means=True):
    out = {"variance": np.diag(S).copy(), "correlation": np.array([S[0, 1] / np.sqrt(S[0, 0] * S[1, 1])])}
    return {"mean": np.asarray(mu), **out} if means else out


def filled(values, mu, S):
    """Expected rows and their covariances."""
    full, extra = np.array(values), np.zeros((len(values), 2, 2))
    for i in range(len(values)):
        m = np.isnan(values[i])
        if m.all():
            full[i], extra[i] = mu, S
        elif m.any():
            j, k = int(np.flatnonzero(m)[0]), int(np.flatnonzero(~m)[0])
            b = S[j, k] / S[k, k]
            full[i, j] = mu[j] + b * (values[i, k] - mu[k])
            extra[i, j, j] = S[j, j] - b * S[j, k]
    return full, extra


def normal_loglik(values, f, mu, S):
    total = 0.0
    for row, n in zip(values, f, strict=True):
        seen = ~np.isnan(row)
        if seen.all():
            total += n * multivariate_normal.logpdf(row, mu, S)
        elif seen.any():
            k = int(np.flatnonzero(seen)[0])
            total += n * norm.logpdf(row[k], mu[k], math.sqrt(S[k, k]))
    return float(total)


def normal_cycle(values, f, mu, S, means=True):
    full, extra = filled(values, mu, S)
    mu = f @ full / f.sum() if means else np.zeros(2)
    dev = full - mu
    return mu, (np.einsum("i,ij,ik->jk", f, dev, dev) + np.einsum("i,ijk->jk", f, extra)) / f.sum()


@outsider("murray", style="plain numpy", cause="expected squares and product by masks, means known")
class MasksForMurray:
    def __init__(self, data):
        some = ~np.isnan(data["values"]).all(axis=1)
        (self.x, self.y), self.f = data["values"][some].T, data["frequencies"][some]

    def e_step(self, params):
        (vx, vy), r = params["variance"], params["correlation"][0]
        no_x, no_y = np.isnan(self.x), np.isnan(self.y)
        cov = r * np.sqrt(vx * vy)
        x, y = np.where(no_x, cov / vy * self.y, self.x), np.where(no_y, cov / vx * self.x, self.y)
        rest = 1 - r**2
        squares = np.array([self.f @ (x**2 + no_x * vx * rest), self.f @ (y**2 + no_y * vy * rest)])
        both = ~(no_x | no_y)
        q = (x**2 / vx - 2 * r * x * y / np.sqrt(vx * vy) + y**2 / vy) / rest
        ll = -self.f[both] @ (q[both] + np.log(4 * np.pi**2 * vx * vy * rest)) / 2
        ll += self.f[no_y] @ norm.logpdf(self.x[no_y], 0, np.sqrt(vx))
        ll += self.f[no_x] @ norm.logpdf(self.y[no_x], 0, np.sqrt(vy))
        return {"squares": squares, "product": np.array([self.f @ (x * y)])}, ll

    def m_step(self, counts, params):
        variance = counts["squares"] / self.f.sum()
        return {"variance": variance, "correlation": counts["product"] / np.sqrt(np.prod(counts["squares"]))}


@outsider("heights", style="loops", cause="row by row with the regression of what is missing on what is there")
class RegressionByRow:
    def __init__(self, data):
        self.rows, self.often = data["values"].tolist(), data["frequencies"].tolist()

    def step(self, params):
        mx, my = params["mean"]
        vx, vy = params["variance"]
        c = float(params["correlation"][0]) * math.sqrt(vx * vy)
        n = sx = sy = sxx = syy = sxy = 0.0
        for (x, y), f in zip(self.rows, self.often, strict=True):
            add_x = add_y = 0.0
            if math.isnan(x) and math.isnan(y):
                sxy += f * c
                x, y, add_x, add_y = mx, my, vx, vy
            elif math.isnan(x):
                x, add_x = mx + c / vy * (y - my), vx - c * c / vy
            elif math.isnan(y):
                y, add_y = my + c / vx * (x - mx), vy - c * c / vx
            n, sx, sy = n + f, sx + f * x, sy + f * y
            sxx, syy, sxy = sxx + f * (x * x + add_x), syy + f * (y * y + add_y), sxy + f * x * y
        variance = np.array([sxx / n - (sx / n) ** 2, syy / n - (sy / n) ** 2])
        cov = sxy / n - sx * sy / n**2
        return {
            "mean": np.array([sx / n, sy / n]),
            "variance": variance,
            "correlation": np.array([cov / math.sqrt(variance[0] * variance[1])]),
        }


@outsider("heights", style="pandas", cause="a data frame, filled in by pattern with isna and fillna")
def heights_in_pandas(data):
    df = pd.DataFrame(data["values"], columns=["x", "y"])
    n = pd.Series(data["frequencies"])
    no_x, no_y = df.x.isna() & df.y.notna(), df.y.isna() & df.x.notna()
    none = df.x.isna() & df.y.isna()

    def impute_and_estimate(params):
        mx, my = params["mean"]
        S = covariance(params)
        full = pd.DataFrame(
            {
                "x": df.x.fillna(mx + S[0, 1] / S[1, 1] * (df.y - my)).fillna(mx),
                "y": df.y.fillna(my + S[0, 1] / S[0, 0] * (df.x - mx)).fillna(my),
            }
        )
        mean = full.mul(n, axis=0).sum() / n.sum()
        dev = full - mean
        vx = (n * (dev.x**2 + no_x * (S[0, 0] - S[0, 1] ** 2 / S[1, 1]) + none * S[0, 0])).sum() / n.sum()
        vy = (n * (dev.y**2 + no_y * (S[1, 1] - S[0, 1] ** 2 / S[0, 0]) + none * S[1, 1])).sum() / n.sum()
        c = (n * (dev.x * dev.y + none * S[0, 1])).sum() / n.sum()
        return {
            "mean": mean.to_numpy(),
            "variance": np.array([vx, vy]),
            "correlation": np.array([c / np.sqrt(vx * vy)]),
        }

    return impute_and_estimate


@outsider("heights", style="one fit function", cause="mean vector and covariance matrix inside, one function")
def fit_heights(data, start, max_cycles=20000):
    mu, S = np.asarray(start["mean"]), covariance(start)
    cycles, converged = 0, False
    while cycles < max_cycles and not converged:
        new_mu, new_S = normal_cycle(data["values"], data["frequencies"], mu, S)
        shift = max(np.abs(new_mu - mu).max(), np.abs(new_S - S).max())
        mu, S, cycles, converged = new_mu, new_S, cycles + 1, bool(shift < 1e-9)
    return {
        "params": as_params(mu, S),
        "log_likelihood": normal_loglik(data["values"], data["frequencies"], mu, S),
        "converged": converged,
        "cycles": cycles,
    }


@outsider("heights", style="ECM", cause="means first, then posteriors anew, then the covariance matrix")
def heights_in_blocks(data):
    def cycle(params):
        mu, S = params["mean"], covariance(params)
        mu, _ = normal_cycle(data["values"], data["frequencies"], mu, S)
        full, extra = filled(data["values"], mu, S)
        dev, f = full - mu, data["frequencies"]
        S = (np.einsum("i,ij,ik->jk", f, dev, dev) + np.einsum("i,ijk->jk", f, extra)) / f.sum()
        return as_params(mu, S)

    return cycle


@outsider(
    "murray", style="over-relaxed", remark="accelerated", cause="1.3 steps in log variance and Fisher's z, with guard"
)
class OverRelaxedMurray:
    def __init__(self, data):
        self.values, self.f = data["values"], data["frequencies"]

    def step(self, params):
        S0 = covariance(params)
        _, S = normal_cycle(self.values, self.f, np.zeros(2), S0, means=False)
        em = as_params(None, S, means=False)
        with np.errstate(all="ignore"):
            variance = params["variance"] * (em["variance"] / params["variance"]) ** 1.3
            z = np.arctanh(params["correlation"])
            correlation = np.tanh(z + 1.3 * (np.arctanh(em["correlation"]) - z))
        far = {"variance": variance, "correlation": correlation}
        if np.isfinite(correlation).all() and (np.abs(correlation) < 1).all():
            before = normal_loglik(self.values, self.f, np.zeros(2), S0)
            if normal_loglik(self.values, self.f, np.zeros(2), covariance(far)) >= before:
                return far
        return em


@outsider(
    "murray", style="inner optimiser at its defaults", remark="generalised", cause="M-step by BFGS at its defaults"
)
class MurrayByBFGS:
    def __init__(self, data):
        self.values, self.f = data["values"], data["frequencies"]

    def e_step(self, params):
        S = covariance(params)
        full, extra = filled(self.values, np.zeros(2), S)
        total = np.einsum("i,ij,ik->jk", self.f, full, full) + np.einsum("i,ijk->jk", self.f, extra)
        ll = normal_loglik(self.values, self.f, np.zeros(2), S)
        return {"squares": np.diag(total), "product": total[0, 1]}, ll

    def m_step(self, counts, params):
        n, (a, b), c = self.f.sum(), counts["squares"], float(np.ravel(counts["product"])[0])

        def minus_q(v):
            r = np.tanh(v[2])
            quad = a * np.exp(-v[0]) + b * np.exp(-v[1]) - 2 * r * c * np.exp(-(v[0] + v[1]) / 2)
            return n * (v[0] + v[1] + np.log1p(-(r**2))) / 2 + quad / (1 - r**2) / 2

        r = float(np.ravel(params["correlation"])[0])
        best = minimize(minus_q, np.r_[np.log(params["variance"]), np.arctanh(r)])
        return {"variance": np.exp(best.x[:2]), "correlation": np.tanh(best.x[2:])}


@outsider("heights", style="scikit-learn", cause="transformer with mean_ and covariance_, then converted")
class GaussianImputer:
    def __init__(self, data, tol=1e-10, max_iter=20000):
        self.X, self.sample_weight, self.tol, self.max_iter = data["values"], data["frequencies"], tol, max_iter

    def fit(self, start, max_cycles=None):
        self.mean_, self.covariance_ = np.asarray(start["mean"]), covariance(start)
        self.converged_ = False
        for self.n_iter_ in range(1, (max_cycles or self.max_iter) + 1):  # noqa: B020
            previous = self.mean_, self.covariance_
            self.mean_, self.covariance_ = normal_cycle(self.X, self.sample_weight, *previous)
            gap = np.abs(self.covariance_ - previous[1]).max() + np.abs(self.mean_ - previous[0]).max()
            if gap < self.tol * np.abs(self.covariance_).max():
                self.converged_ = True
                break
        return {
            "params": as_params(self.mean_, self.covariance_),
            "log_likelihood": normal_loglik(self.X, self.sample_weight, self.mean_, self.covariance_),
            "converged": self.converged_,
            "cycles": self.n_iter_,
        }


@outsider(
    "heights", style="early stop rule", remark="stops early", cause="stops when nothing changes by more than 1e-4"
)
def heights_to_four_places(data, start):
    mu, S = start["mean"], covariance(start)
    for _ in range(10000):
        new_mu, new_S = normal_cycle(data["values"], data["frequencies"], mu, S)
        done = np.allclose(new_mu, mu, rtol=0, atol=1e-4) and np.allclose(new_S, S, rtol=0, atol=1e-4)
        mu, S = new_mu, new_S
        if done:
            break
    return as_params(mu, S)


@outsider("murray", style="tuple or object returned", cause="returns an object with an attribute per parameter")
def murray_object(data, start, max_cycles=5000):
    S, cycles, converged = covariance(start), 0, False
    while cycles < max_cycles and not converged:
        _, new = normal_cycle(data["values"], data["frequencies"], np.zeros(2), S, means=False)
        converged, S, cycles = bool(np.abs(new - S).max() < 1e-12), new, cycles + 1
    ll = normal_loglik(data["values"], data["frequencies"], np.zeros(2), S)
    p = as_params(None, S, means=False)
    return Normal(None, p["variance"], p["correlation"], ll, cycles, converged)


@outsider("heights", style="numba-like kernels", cause="sums by name, one pass over the rows, arrays filled in place")
class KernelHeights:
    def __init__(self, data):
        self.v, self.f = np.ascontiguousarray(data["values"]), data["frequencies"]

    def e_step(self, params):
        mu, S = params["mean"], covariance(params)
        sums, squares, product = np.zeros(2), np.zeros(2), np.zeros(1)
        row, var = np.empty(2), np.empty(2)
        for i in range(self.v.shape[0]):
            cross = 0.0
            for j in range(2):
                k = 1 - j
                row[j], var[j] = self.v[i, j], 0.0
                if np.isnan(row[j]):
                    if np.isnan(self.v[i, k]):
                        row[j], var[j], cross = mu[j], S[j, j], S[0, 1]
                    else:
                        row[j] = mu[j] + S[0, 1] / S[k, k] * (self.v[i, k] - mu[k])
                        var[j] = S[j, j] - S[0, 1] ** 2 / S[k, k]
            for j in range(2):
                sums[j] += self.f[i] * row[j]
                squares[j] += self.f[i] * (row[j] ** 2 + var[j])
            product[0] += self.f[i] * (row[0] * row[1] + cross)
        ll = normal_loglik(self.v, self.f, mu, S)
        return {"sums": sums, "squares": squares, "product": product}, ll

    def m_step(self, counts, params):
        n = self.f.sum()
        mean = counts["sums"] / n
        variance = counts["squares"] / n - mean**2
        return {
            "mean": mean,
            "variance": variance,
            "correlation": (counts["product"] / n - mean[0] * mean[1]) / np.sqrt(variance[0] * variance[1]),
        }


@outsider("murray", style="flat vector", cause="three numbers: two variances and a correlation")
class ThreeNumbers:
    parameter_order = ("variance", "correlation")

    def __init__(self, data):
        self.data = data

    def step(self, v):
        S = covariance({"variance": v[:2], "correlation": v[2:]})
        _, S = normal_cycle(self.data["values"], self.data["frequencies"], np.zeros(2), S, means=False)
        return np.array([S[0, 0], S[1, 1], S[0, 1] / np.sqrt(S[0, 0] * S[1, 1])])
