"""Correct EMs on random data, none of which any check may fault.

Data set number i is a model of random kind and size with random data. It is fitted by our EM, by our EM
accelerated (SQUAREM, which shows in the fit), and by the textbook's.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from audit_zoo import textbook

from comparisons.case import Case
from comparisons.errors import InputError
from comparisons.families import coin_mixture, two_pl
from em_reference import CoinMixture, StopRule, TwoPL, em
from em_reference.em import Status

# The long study: two or three EMs for each of these, more than 300 in all. The 2PL takes longer.
INDICES = (*range(90), *range(91, 140, 2))


class Study(NamedTuple):
    """Correct EMs on one data set."""

    name: str
    case: Case
    ems: dict[str, Callable[[dict[str, Any]], Any]]


def study(index: int) -> Study:
    """Data set number `index` and its two or three correct EMs."""
    rng = np.random.default_rng([2024, index])
    case = _coins(rng) if index % 2 else _two_pl(rng)

    def ours(data: dict[str, Any]) -> Any:
        assert case.audit is not None
        return case.audit.rebind(data).em

    ems = {"ours": ours, "ours, accelerated": lambda data: Accelerated(ours(data), case)}
    if not case.with_prior:
        # The textbook EMs know no priors.
        ems["textbook"] = textbook.Coins if case.family == "coin-mixture" else textbook.TwoPL
    return Study(f"{index}: {case.title}{', prior' * case.with_prior}", case, ems)


class Accelerated:
    """Our EM, whose fit is accelerated; it speaks dicts."""

    def __init__(self, problem: CoinMixture | TwoPL, case: Case) -> None:
        self.problem, self.case = problem, case

    def e_step(self, natural):
        found = self.problem.e_step(self.case.to_em(natural))
        return found.expected_counts, float(found.log_likelihood)

    def m_step(self, counts, natural):
        return self.case.from_em(self.problem.m_step(counts, self.case.to_em(natural)))

    def fit(self, start, max_cycles=5_000):
        stop = StopRule(tolerance=1e-11, max_cycles=max_cycles)
        fit = em(self.problem, self.case.to_em(start), stop, accelerate=True)
        return {
            "params": self.case.from_em(fit.params),
            "log_likelihood": float(fit.log_likelihood),
            "converged": fit.status.item() is Status.CONVERGED,
            "cycles": int(fit.cycles),
        }


def _coins(rng: np.random.Generator) -> Case:
    """1 to 6 coins, one sequence to 3,000, up to 1,000 flips; biases that may lie on the edge."""
    size = int(rng.choice([1, 2, 5, 20, 100, 3000]))
    coins = min(int(rng.integers(1, 7)), size)
    flips = rng.integers(1, int(rng.choice([2, 10, 50, 1000])) + 1, size=size).astype(float)
    if rng.random() < 0.5 or size > 100:
        flips[:] = flips.max()
    bias = rng.beta(*rng.choice([[1, 1], [0.2, 0.2], [5, 1]]), size=coins)
    heads = rng.binomial(flips.astype(int), bias[rng.integers(coins, size=size)]).astype(float)
    more: dict[str, Any] = {}
    if size > 100:
        (heads, flips), more["frequencies"] = np.unique([heads, flips], axis=1, return_counts=True)
    elif rng.random() < 0.3:
        more["frequencies"] = rng.integers(0, 5, size=size).astype(float) + (np.arange(size) == 0)
    if rng.random() < 0.25:
        more["fixed_weight"] = rng.dirichlet(np.full(coins, 3.0))
    elif rng.random() < 0.2:
        more["weight_prior"] = float(rng.uniform(1, 3))
    if rng.random() < 0.2:
        more["bias_prior"] = tuple(rng.uniform(1, 4, size=2))
    return coin_mixture.bind("study", heads, flips, coins, **more)


def _two_pl(rng: np.random.Generator) -> Case:
    """2 to 30 items, 5 to 3,000 examinees; steep, flat and negative slopes, hard and easy items, gaps, priors."""
    while True:
        items = int(rng.choice([2, 3, 5, 10, 30], p=[0.2, 0.25, 0.3, 0.2, 0.05]))
        size = int(rng.choice([5, 20, 100, 500, 3000]))
        # Patterns of many items are nearly all different: keep such data bearable.
        size = min(size, 100 if items == 30 else 500) if items >= 10 else size
        d = rng.normal(0, rng.choice([1, 2.5]), size=items)
        a = rng.lognormal(0, rng.choice([0.3, 1.0]), size=items) * rng.choice([1, -1], p=[0.85, 0.15], size=items)
        probability = 1 / (1 + np.exp(-(d + a * rng.normal(size=(size, 1)))))
        responses = (rng.random((size, items)) < probability).astype(float)
        if rng.random() < 0.35 and size <= 500:
            responses[rng.random(responses.shape) < 0.15] = np.nan
        more: dict[str, Any] = {}
        if size > 500:
            responses, more["frequencies"] = np.unique(responses, axis=0, return_counts=True)
        elif rng.random() < 0.3:
            more["frequencies"] = rng.integers(0, 4, size=size).astype(float) + (np.arange(size) == 0)
        if rng.random() < 0.2:
            more["slope_prior"] = ("lognormal", 0.0, 0.7)
        if rng.random() < 0.2:
            more["intercept_prior"] = ("normal", 0.0, 2.0)
        if rng.random() < 0.3:
            nodes = np.linspace(-4, 4, int(rng.choice([7, 10, 21])))
            more |= {"nodes": nodes, "weights": np.exp(-(nodes**2) / 2) / np.exp(-(nodes**2) / 2).sum()}
        names = tuple(f"item{i + 1}" for i in range(items))
        try:
            return two_pl.bind("study", responses, names, **more)
        except InputError:
            # Too few items with both right and wrong answers: draw again.
            continue
