"""Mixtures of coins."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import mpmath as mp

from comparisons.certify.certificates.jets import Jet, Jets, log, total
from comparisons.certify.certificates.problem import Problem
from comparisons.certify.certificates.stated import NEWTON, Points, Stated, few


def log_likelihood(problem: Problem, jets: Jets) -> Jet:
    """sum_j f_j log sum_k w_k C(n, x_j) phi_k^x_j (1 - phi_k)^(n - x_j)."""
    n, bias = int(problem.options["flips"]), jets["bias"]
    weight: Sequence[Any] = jets.get("weight", [mp.mpf(1) / len(bias)] * len(bias))

    def probability(x: int) -> Jet:
        return total(w * (phi**x * (1 - phi) ** (n - x)) for w, phi in zip(weight, bias, strict=True)) * mp.binomial(
            n, x
        )

    return total(f * log(probability(x)) for x, f in Counter(problem.numbers("heads")).items())


def coins(problem: Problem) -> list[Stated]:
    """Every coin at the share of heads: the counts vary less than those of one coin would."""
    heads = problem.numbers("heads")
    share = mp.mpf(sum(heads)) / (int(problem.options["flips"]) * len(heads))
    how = (
        "closed form: every bias is the share of heads, 83/200, at any weights; the global maximum among all mixtures, "
        "as Lindsay's gradient D(phi) is at most 0 on [0, 1] (Lindsay 1983, Annals of Statistics 11, theorem 4.1)"
    )
    start = {"weight": [mp.mpf("0.25"), mp.mpf("0.5"), mp.mpf("0.25")], "bias": [share] * 3}
    return [Stated("ridge", how, start, True, ("weight",))]


def two_coins(problem: Problem) -> list[Stated]:
    """The maximum, and one coin for all sequences."""
    one = "closed form: both biases are the share of heads, 33/50; the two coins are one, at any weights"
    best = {"weight": few("0.522751", "0.477249"), "bias": few("0.793368", "0.513917")}
    equal = {"weight": few("0.5", "0.5"), "bias": [mp.mpf(33) / 50] * 2}
    return [Stated("best", NEWTON, best), Stated("saddle", one, equal, True, ("weight",))]


def two_coins_equal(problem: Problem) -> list[Stated]:
    """The maximum, one coin for all sequences, and a coin that never shows heads."""
    share = mp.mpf(33) / 50
    one = "closed form: both biases are the share of heads, 33/50"
    idle = (
        "closed form: one coin never shows heads and explains no sequence, the other has the share of heads, 33/50; "
        "on the edge of the parameter space, where the likelihood rises inwards with the fourth power of the bias"
    )
    return [
        Stated("best", NEWTON, {"bias": few("0.796789", "0.519583")}),
        Stated("saddle", one, {"bias": [share, share]}, True),
        Stated("saddle", idle, {"bias": [share, mp.mpf(0)]}, True),
    ]


POINTS: Points = {
    "coins": coins,
    "two-coins": two_coins,
    "two-coins-equal": two_coins_equal,
}
