"""The certificate of a global maximum: never false, and there where it can be had."""

from typing import Any

import numpy as np
import pytest

from comparisons.families._lindsay import Cells, _gradient_and_bound, _ratio, _terms, lindsay_certificate
from em_reference.coin_mixture import CoinMixture, CoinParams
from em_reference.em import StopRule, em

STARTS = 20


def log_likelihood(problem: CoinMixture, params: CoinParams) -> float:
    """Less that of one coin per outcome: no digits are lost to binomial coefficients of 1e11 flips."""
    terms = _terms(problem, params)
    return float((terms.frequency * terms.log_fit).sum())


def fit(problem: CoinMixture, rng: np.random.Generator) -> CoinParams:
    """The best of many EM runs from near the shares of heads."""
    share = np.asarray(problem.heads) / np.asarray(problem.flips)
    bias = 0.98 * rng.choice(share, (STARTS, problem.coins)) + 0.01 * rng.random((STARTS, problem.coins))
    start = CoinParams(rng.dirichlet(np.ones(problem.coins), STARTS), bias)
    ends = em(problem, start, stop=StopRule(tolerance=1e-13, max_cycles=2_000), accelerate=True).params
    fits = [CoinParams(ends.weight[i], ends.bias[i]) for i in range(STARTS)]
    return max(fits, key=lambda params: log_likelihood(problem, params))


def random_problem(rng: np.random.Generator, flips: float, coins: int, most: float) -> CoinMixture:
    outcomes = int(rng.integers(1, 9))
    truth = rng.beta(0.5, 0.5, outcomes) if rng.random() < 0.5 else rng.choice(rng.random(2), outcomes)
    heads = rng.binomial(int(flips), truth).astype(float)
    return CoinMixture(heads, np.full(outcomes, flips), coins, None, np.floor(rng.random(outcomes) * most) + 1)


@pytest.mark.parametrize("flips", [1, 2, 10, 1e3, 1e6, 1e9, 1e11])
@pytest.mark.parametrize("most", [1, 50, 1e6])
def test_no_more_coins_beat_a_certified_fit(flips: float, most: float) -> None:
    rng = np.random.default_rng(int(flips) % 1_000 + int(most))
    for _ in range(3):
        coins = int(rng.integers(1, 4))
        problem = random_problem(rng, flips, coins, most)
        best = fit(problem, rng)
        certified = lindsay_certificate(problem, best) is not None
        for more in (1, 2, 3):
            larger = CoinMixture(problem.heads, problem.flips, coins + more, None, problem.frequencies)
            gain = log_likelihood(larger, fit(larger, rng)) - log_likelihood(problem, best)
            assert not certified or gain <= 1e-6


@pytest.mark.parametrize("flips", [1, 2, 10, 1e3, 1e6, 1e9])
def test_the_best_of_all_mixtures_is_certified(flips: float) -> None:
    """As many coins as outcomes hold the nonparametric maximum; EM ends close to it in most cases."""
    rng = np.random.default_rng(4)
    problems = [random_problem(rng, flips, 9, 50) for _ in range(8)]
    certified = [lindsay_certificate(problem, fit(problem, rng)) is not None for problem in problems]
    assert np.mean(certified) >= 0.75


def test_peaks_narrower_than_any_fixed_grid_are_seen() -> None:
    """Four shares at 1e11 flips are four coins; three leave one out, whose peak is 1e-6 wide."""
    heads = np.array([1e10, 3e10, 5e10, 7e10 + 3])
    shares = heads / 1e11
    three = CoinParams(np.array([0.25, 0.5, 0.25]), np.array([shares[0], shares[1:3].mean(), shares[3]]))
    assert lindsay_certificate(CoinMixture(heads, 1e11, 3), three) is None
    four = CoinParams(np.full(4, 0.25), shares)
    assert "Lindsay" in str(lindsay_certificate(CoinMixture(heads, 1e11, 4), four))


def test_the_bound_of_a_cell_lies_above_the_gradient() -> None:
    """Also at the ends of the range, in wide cells and narrow ones, by one head, or one tail, of many flips."""
    rng = np.random.default_rng(1)
    for _ in range(1_000):
        flips, outcomes = float(rng.choice([1, 2, 5, 20, 300, 1e5, 1e8])), int(rng.integers(1, 6))
        heads = np.floor(rng.random(outcomes) * (flips + 1))
        few = np.minimum(flips, np.floor(rng.exponential(2, outcomes)))
        heads = [heads, few, flips - few][rng.integers(3)]
        problem = CoinMixture(heads, np.full(outcomes, flips), 2, None, np.floor(rng.random(outcomes) * 10) + 1)
        terms = _terms(problem, CoinParams(np.array([0.4, 0.6]), 0.01 + 0.98 * rng.random(2)))
        width = np.pi / 2 * 2.0 ** -rng.integers(0, 24)
        last = np.pi / 2 - width
        near = np.clip(np.arcsin(np.sqrt(heads[0] / flips)) - width * rng.random(), 0, last)
        left = float(rng.choice([0.0, last, rng.random() * last, near]))
        right = min(left + width, np.pi / 2)
        (_,), (bound,) = _gradient_and_bound(terms, Cells(*np.array([[left], [(left + right) / 2], [right]])))
        inside = _ratio(terms, np.linspace(left, right, 200)).sum(axis=0) - terms.frequency.sum()
        assert bound >= inside.max() - 1e-9 * (np.abs(inside).max() + terms.frequency.sum())


def test_fifty_thousand_outcomes_take_seconds_and_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The work is counted before it is done, and no block is larger than stated."""
    from comparisons.families import _lindsay as lindsay

    flips = np.repeat(np.arange(1.0, 325.0), np.arange(2, 326))
    heads = np.concatenate([np.arange(most + 1.0) for most in range(1, 325)])
    problem = CoinMixture(heads, flips, 1)
    sizes = []

    def watched(terms: Any, t: Any) -> Any:
        found = _ratio(terms, t)
        sizes.append(found.size)
        return found

    monkeypatch.setattr(lindsay, "_ratio", watched)
    assert lindsay_certificate(problem, CoinParams(np.ones(1), np.array([0.5]))) is None
    assert max(sizes) <= lindsay.TERMS_AT_ONCE
    monkeypatch.setattr(lindsay, "MOST_TERMS", 1_000)
    sizes.clear()
    assert lindsay_certificate(problem, CoinParams(np.ones(1), np.array([0.5]))) is None
    assert sizes == []


def test_a_mixture_that_cannot_have_made_the_data_holds_no_certificate() -> None:
    problem = CoinMixture([3, 0], 10, 1)
    assert lindsay_certificate(problem, CoinParams(np.ones(1), np.zeros(1))) is None
