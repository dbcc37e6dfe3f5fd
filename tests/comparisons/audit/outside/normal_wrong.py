"""Wrong EMs for the bivariate normal with missing entries."""

import math

import numpy as np
import pandas as pd

from . import outsider
from .normal import as_params, covariance, filled, normal_cycle, normal_loglik


@outsider("heights", style="plain numpy", bug="gross", cause="a regression coefficient is taken for the correlation")
class SlopeForCorrelation:
    def __init__(self, data):
        self.values, self.f = data["values"], data["frequencies"]

    def step(self, params):
        mu, S = normal_cycle(self.values, self.f, params["mean"], covariance(params))
        return {"mean": mu, "variance": np.diag(S).copy(), "correlation": np.array([S[0, 1] / S[1, 1]])}


@outsider("heights", style="pandas", bug="gross", cause="rows that lack an entry are dropped")
def drops_incomplete_rows(data, start):
    df = pd.DataFrame(data["values"], columns=["parent", "child"])
    df["n"] = data["frequencies"]
    df = df.dropna()
    mu, S = start["mean"], covariance(start)
    for _ in range(50):
        mu, S = normal_cycle(df[["parent", "child"]].to_numpy(), df.n.to_numpy(), mu, S)
    return as_params(mu, S)


@outsider(
    "heights", style="loops", bug="gross", cause="missing entries are filled in, without their conditional variance"
)
class ImputesOnly:
    def __init__(self, data):
        self.values, self.f = data["values"], data["frequencies"]

    def e_step(self, params):
        mu, S = params["mean"], covariance(params)
        sums, squares, product = np.zeros(2), np.zeros(2), np.zeros(1)
        for row, f in zip(filled(self.values, mu, S)[0], self.f, strict=True):
            for j in range(2):
                sums[j] += f * row[j]
                squares[j] += f * row[j] ** 2
            product[0] += f * row[0] * row[1]
        return {"sums": sums, "squares": squares, "product": product}, normal_loglik(self.values, self.f, mu, S)

    def m_step(self, counts, params):
        n = self.f.sum()
        mean = counts["sums"] / n
        var = counts["squares"] / n - mean**2
        r = (counts["product"] / n - mean[0] * mean[1]) / math.sqrt(var[0] * var[1])
        return {"mean": mean, "variance": var, "correlation": r}


@outsider("heights", style="one fit function", bug="gross", cause="n - 1 in the M-step where maximum likelihood has n")
def heights_unbiased(data, start, max_cycles=20000):
    mu, S, n = start["mean"], covariance(start), data["frequencies"].sum()
    cycles, converged = 0, False
    while cycles < max_cycles and not converged:
        cycles, old = cycles + 1, S
        mu, S = normal_cycle(data["values"], data["frequencies"], mu, S)
        S = S * n / (n - 1)
        converged = bool(np.abs(old - S).max() < 1e-9)
    ll = normal_loglik(data["values"], data["frequencies"], mu, S)
    return {"params": as_params(mu, S), "log_likelihood": ll, "converged": converged, "cycles": cycles}


@outsider("heights", style="scikit-learn", bug="subtle", cause="reg_covar of 1e-3 on the diagonal in every cycle")
class RegularisedImputer:
    def __init__(self, data, reg_covar=1e-3):
        self.X, self.w, self.reg_covar = data["values"], data["frequencies"], reg_covar

    def step(self, params):
        mean, cov = normal_cycle(self.X, self.w, params["mean"], covariance(params))
        cov.flat[::3] += self.reg_covar
        return as_params(mean, cov)


@outsider("murray", style="plain numpy", bug="subtle", cause="the correlation is kept to three decimals between cycles")
class RoundedCorrelation:
    def __init__(self, data):
        self.values, self.f = data["values"], data["frequencies"]

    def step(self, params):
        S = covariance({"variance": params["variance"], "correlation": np.round(params["correlation"], 3)})
        return as_params(None, normal_cycle(self.values, self.f, np.zeros(2), S, means=False)[1], means=False)


@outsider(
    "murray",
    style="one fit function",
    bug="wrong from some starts",
    cause="the sign of the correlation is dropped at the start",
)
def murray_positive(data, start, max_cycles=5000):
    S = covariance({"variance": start["variance"], "correlation": np.abs(start["correlation"])})
    cycles, converged = 0, False
    while cycles < max_cycles and not converged:
        old, cycles = S, cycles + 1
        S = normal_cycle(data["values"], data["frequencies"], np.zeros(2), S, means=False)[1]
        converged = bool(np.abs(old - S).max() < 1e-12)
    ll = normal_loglik(data["values"], data["frequencies"], np.zeros(2), S)
    params = as_params(None, S, means=False)
    return {"params": params, "log_likelihood": ll, "converged": converged, "cycles": cycles}


@outsider(
    "murray",
    style="loops",
    bug="wrong from some starts",
    cause="below a correlation of .3 the pair is taken for uncorrelated",
)
def thresholded_correlation(data):
    def step(params):
        r = params["correlation"] if abs(params["correlation"][0]) > 0.3 else np.zeros(1)
        S = covariance({"variance": params["variance"], "correlation": r})
        return as_params(None, normal_cycle(data["values"], data["frequencies"], np.zeros(2), S, means=False)[1], False)

    return step


@outsider(
    "heights",
    style="tuple or object returned",
    bug="only reported is wrong",
    cause="log-likelihood of complete rows only",
)
def likelihood_of_complete_rows(data, start, max_cycles=20000):
    mu, S, cycles, gap = start["mean"], covariance(start), 0, 1.0
    while cycles < max_cycles and gap > 1e-9:
        new_mu, new_S = normal_cycle(data["values"], data["frequencies"], mu, S)
        gap, mu, S, cycles = np.abs(new_S - S).max() + np.abs(new_mu - mu).max(), new_mu, new_S, cycles + 1
    there = ~np.isnan(data["values"]).any(axis=1)
    ll = normal_loglik(data["values"][there], data["frequencies"][there], mu, S)
    return {"params": as_params(mu, S), "log_likelihood": ll, "converged": bool(gap <= 1e-9), "cycles": cycles}


@outsider(
    "murray", style="one fit function", bug="only reported is wrong", cause="the deviance is reported as log-likelihood"
)
def murray_deviance(data, start, max_cycles=5000):
    S, cycles, gap = covariance(start), 0, 1.0
    while cycles < max_cycles and gap > 1e-12:
        new = normal_cycle(data["values"], data["frequencies"], np.zeros(2), S, means=False)[1]
        gap, S, cycles = np.abs(new - S).max(), new, cycles + 1
    deviance = -2 * normal_loglik(data["values"], data["frequencies"], np.zeros(2), S)
    return {
        "params": as_params(None, S, means=False),
        "log_likelihood": deviance,
        "converged": bool(gap <= 1e-12),
        "cycles": cycles,
    }


@outsider(
    "heights",
    style="one fit function",
    bug="only reported is wrong",
    cause="standard errors as if nothing were missing: the textbook formulas with all rows",
)
def heights_textbook_errors(data, start, max_cycles=20000):
    mu, S, cycles, gap = start["mean"], covariance(start), 0, 1.0
    while cycles < max_cycles and gap > 1e-9:
        new_mu, new_S = normal_cycle(data["values"], data["frequencies"], mu, S)
        gap, mu, S, cycles = np.abs(new_S - S).max() + np.abs(new_mu - mu).max(), new_mu, new_S, cycles + 1
    params, n = as_params(mu, S), data["frequencies"].sum()
    return {
        "params": params,
        "log_likelihood": normal_loglik(data["values"], data["frequencies"], mu, S),
        "converged": bool(gap <= 1e-9),
        "cycles": cycles,
        "standard_errors": {
            "mean": np.sqrt(params["variance"] / n),
            "variance": params["variance"] * np.sqrt(2 / n),
            "correlation": (1 - params["correlation"] ** 2) / np.sqrt(n),
        },
    }


@outsider(
    "murray",
    style="class with state",
    bug="only reported is wrong",
    cause="the constant -26 is reported, from the paper",
)
class ReportsAConstant:
    def __init__(self, data):
        self.data, self.S, self.loglik = data, None, -26.0

    def fit(self, start, max_cycles=5000):
        self.S, cycles, gap = covariance(start), 0, 1.0
        while cycles < max_cycles and gap > 1e-12:
            old, cycles = self.S, cycles + 1
            self.S = normal_cycle(self.data["values"], self.data["frequencies"], np.zeros(2), old, means=False)[1]
            gap = np.abs(self.S - old).max()
        params = as_params(None, self.S, means=False)
        return {"params": params, "log_likelihood": self.loglik, "converged": bool(gap <= 1e-12), "cycles": cycles}


@outsider(
    "murray",
    style="loops",
    bug="only on other data",
    cause="a slope of y on x serves for both, right if variances are equal",
)
def one_slope_for_both(data):
    values, often = data["values"], data["frequencies"]

    def step(params):
        S = covariance(params)
        slope = S[0, 1] / S[0, 0]
        total = np.zeros((2, 2))
        mine = [(row, f) for row, f in zip(values, often, strict=True) if not np.isnan(row).all()]
        for row, f in mine:
            gap = np.isnan(row)
            z = np.where(gap, slope * row[::-1], row)
            total += f * np.outer(z, z)
            total[gap, gap] += f * (S[0, 0] - slope * S[0, 1] if gap[0] else S[1, 1] - slope * S[0, 1])
        return as_params(None, total / sum(f for _, f in mine), means=False)

    return step


@outsider(
    "heights", style="pandas", bug="only on other data", cause="duplicated rows are dropped before the work begins"
)
def without_duplicates(data):
    df = pd.DataFrame(data["values"]).assign(n=data["frequencies"]).drop_duplicates()
    values, f = df[[0, 1]].to_numpy(), df.n.to_numpy()

    def step(params):
        return as_params(*normal_cycle(values, f, params["mean"], covariance(params)))

    return step


@outsider(
    "heights", style="plain numpy", bug="only on other data", cause="every row counts once, whatever its frequency"
)
class RowsCountOnce:
    def __init__(self, data):
        self.values = data["values"]
        self.ones = np.ones(len(self.values))

    def e_step(self, params):
        mu, S = params["mean"], covariance(params)
        full, extra = filled(self.values, mu, S)
        second = full.T @ full + extra.sum(0)
        counts = {"sums": full.sum(0), "squares": np.diag(second), "product": second[[0], [1]]}
        return counts, normal_loglik(self.values, self.ones, mu, S)

    def m_step(self, counts, params):
        n = len(self.values)
        mean = counts["sums"] / n
        var = counts["squares"] / n - mean**2
        return {
            "mean": mean,
            "variance": var,
            "correlation": (counts["product"] / n - mean.prod()) / np.sqrt(var.prod()),
        }


@outsider("heights", style="flat vector", bug="only on other data", cause="zeros are taken for missing entries")
class ZeroIsMissing:
    parameter_order = ("mean", "variance", "correlation")

    def __init__(self, data):
        self.values = np.where(data["values"] == 0, np.nan, data["values"])
        self.f = data["frequencies"]

    def step(self, v):
        mu, S = normal_cycle(self.values, self.f, v[:2], covariance({"variance": v[2:4], "correlation": v[4:]}))
        p = as_params(mu, S)
        return np.concatenate([p["mean"], p["variance"], p["correlation"]])
