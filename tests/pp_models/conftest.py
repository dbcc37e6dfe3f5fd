"""Small models of every shape, each with its likelihood and prior enumerated by hand in mpmath."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import mpmath
import numpy as np
import pytest
from scipy import stats

from pp_models import coin_mixture, two_pl
from pp_models.objective import Objective

NAN = np.nan
NODES = np.linspace(-3, 3, 9)
WEIGHTS = np.exp(-(NODES**2) / 2) / np.exp(-(NODES**2) / 2).sum()
RESPONSES = np.array(
    [[1, 0, 1, 1], [0, 0, NAN, 1], [1, 1, 1, NAN], [0, 1, 0, 0], [NAN, NAN, 1, 0], [1, 1, 1, 1], [0, 0, 0, 0]]
)
RESPONSE_COUNTS = np.array([3.0, 1, 2, 0, 4, 1, 2])


@dataclass(frozen=True, eq=False)
class Problem:
    """A model with its log-likelihood (per row, times its frequency) and log prior written out again."""

    name: str
    objective: Objective
    rows: Callable[[dict], list]
    log_prior: Callable[[dict], float]

    def value(self, natural):
        """Log-likelihood, or log-posterior, in full precision."""
        total = float(mpmath.fsum(self.rows(natural)))
        return total + (self.log_prior(natural) if self.objective.with_prior else 0.0)

    @cached_property
    def points(self):
        """Random free vectors."""
        return np.random.default_rng(len(self.name)).normal(0, 1, (3, self.objective.size))


def coin_rows(heads, flips, counts, fixed):
    def rows(natural):
        weight = natural.get("weight", fixed)
        found = []
        for x, n, count in zip(heads, np.broadcast_to(flips, len(heads)), counts, strict=True):
            terms = [
                mpmath.mpf(float(w)) * mpmath.binomial(int(n), int(x)) * mpmath.mpf(float(p)) ** int(x)
                * (1 - mpmath.mpf(float(p))) ** int(n - x)
                for w, p in zip(weight, natural["bias"], strict=True)
            ]  # fmt: skip
            found.append(int(count) * mpmath.log(mpmath.fsum(terms)))
        return found

    return rows


def item_rows(responses, counts, nodes, weights):
    def rows(natural):
        found = []
        for pattern, count in zip(responses, counts, strict=True):
            if count == 0:
                continue
            marginal = mpmath.mpf(0)
            for theta, weight in zip(nodes, weights, strict=True):
                product = mpmath.mpf(float(weight))
                for answer, d, a in zip(pattern, natural["d"], natural["a"], strict=True):
                    if not np.isnan(answer):
                        right = 1 / (1 + mpmath.exp(-(mpmath.mpf(float(d)) + float(a) * mpmath.mpf(float(theta)))))
                        product *= right if answer == 1 else 1 - right
                marginal += product
            found.append(count * mpmath.log(marginal))
        return found

    return rows


def no_prior(_):
    return 0.0


def coins(name, heads, flips, coins, counts=None, fixed=None, weight_prior=1.0, bias_prior=(1.0, 1.0), prior=False):
    model = coin_mixture.build(
        heads, flips, coins, frequencies=counts, fixed_weight=fixed, weight_prior=weight_prior, bias_prior=bias_prior
    )

    def log_prior(natural):
        total = stats.beta(*bias_prior).logpdf(natural["bias"]).sum()
        if "weight" in natural:
            weight = natural["weight"] / natural["weight"].sum()
            total += stats.dirichlet(np.full(coins, weight_prior)).logpdf(weight)
        return float(total)

    seen = np.ones(len(heads)) if counts is None else counts
    weight = np.ones(1) if coins == 1 else fixed
    return Problem(name, Objective(model, prior), coin_rows(heads, flips, seen, weight), log_prior)


def items(name, intercept_prior=("flat",), slope_prior=("flat",), counts=RESPONSE_COUNTS):
    model = two_pl.build(
        RESPONSES, NODES, WEIGHTS, frequencies=counts, intercept_prior=intercept_prior, slope_prior=slope_prior
    )
    density = {
        "flat": lambda: None,
        "normal": lambda mean, sd: stats.norm(mean, sd),
        "lognormal": lambda mean, sd: stats.lognorm(s=sd, scale=np.exp(mean)),
    }
    priors = {"d": density[intercept_prior[0]](*intercept_prior[1:]), "a": density[slope_prior[0]](*slope_prior[1:])}

    def log_prior(natural):
        return float(sum(p.logpdf(natural[name]).sum() for name, p in priors.items() if p is not None))

    seen = np.ones(len(RESPONSES)) if counts is None else counts
    with_prior = any(p is not None for p in priors.values())
    return Problem(name, Objective(model, with_prior), item_rows(RESPONSES, seen, NODES, WEIGHTS), log_prior)


HEADS, FLIPS, COUNTS = np.array([6, 5, 0, 1, 21]), np.array([10, 12, 8, 1, 30]), np.array([1.0, 0, 3, 2, 5])
PROBLEMS = {
    problem.name: problem
    for problem in (
        coins("free weights", np.array([6, 5, 4, 2, 9, 0]), 10, 3),
        coins("fixed weights", HEADS, FLIPS, 2, COUNTS, np.array([0.3, 0.7])),
        coins("one coin", HEADS, FLIPS, 1),
        coins("flat priors as priors", HEADS, FLIPS, 3, prior=True),
        coins("coin priors", HEADS, FLIPS, 3, COUNTS, weight_prior=2.5, bias_prior=(2.0, 3.7), prior=True),
        coins("coin priors, likelihood only", HEADS, FLIPS, 2, COUNTS, weight_prior=2.5, bias_prior=(2.0, 3.7)),
        items("2PL"),
        items("2PL without frequencies", counts=None),
        items("2PL, normal priors", ("normal", 0.3, 2.0), ("normal", 1.1, 0.7)),
        items("2PL, log-normal slopes", ("normal", 0.3, 2.0), ("lognormal", 0.1, 0.3)),
    )
}


@pytest.fixture(params=list(PROBLEMS))
def problem(request):
    return PROBLEMS[request.param]


@pytest.fixture(scope="session")
def problems():
    return PROBLEMS


@pytest.fixture(scope="session")
def lsat6():
    """LSAT-6 on 61 nodes over [-6, 6], normalised normal weights."""
    table = np.loadtxt(Path(__file__).parents[1] / "golden" / "lsat6.csv", delimiter=",", skiprows=1)
    nodes = np.linspace(-6, 6, 61)
    weights = np.exp(-(nodes**2) / 2)
    return Objective(two_pl.build(table[:, :5], nodes, weights / weights.sum(), frequencies=table[:, 5]))


@pytest.fixture(scope="session")
def make_items():
    """Factory of the small 2PL problem: make_items(name, intercept_prior, slope_prior)."""
    return items
