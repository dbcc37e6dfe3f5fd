"""The two-parameter logistic model."""

from typing import Any

import mpmath as mp

from comparisons.certify.certificates.jets import Jet, Jets, Real, exp, log, total
from comparisons.certify.certificates.problem import Problem
from comparisons.certify.certificates.stated import NEWTON, Points, Stated, few


def log_likelihood(problem: Problem, jets: Jets) -> Jet:
    """sum_j f_j log sum_k w_k prod_i P_ik^u_ij (1 - P_ik)^(1 - u_ij), P_ik = 1 / (1 + exp(-(d_i + a_i theta_k))).

    Patterns that begin alike share the product of their beginnings.
    """
    items = [column for column in problem.columns if column != "frequency"]
    rows = zip(*(problem.numbers(item) for item in items), strict=True)
    frequencies = {pattern: f for pattern, f in zip(rows, problem.numbers("frequency"), strict=True) if f}
    slopes = jets["a"] * (len(items) // len(jets["a"]))
    terms: dict[tuple[int, ...], list[Jet]] = {pattern: [] for pattern in frequencies}
    for theta, weight in _grid(problem.options):
        begun: dict[tuple[int, ...], Jet] = {(): Jet(weight, {}, {})}
        for d, a in zip(jets["d"], slopes, strict=True):
            right = 1 / (1 + exp(-(d + a * theta)))
            both = {0: 1 - right, 1: right}
            begun = {(*pattern, u): so_far * both[u] for pattern, so_far in begun.items() for u in (0, 1)}
        for pattern, term in terms.items():
            term.append(begun[pattern])
    return total(f * log(total(terms[pattern])) for pattern, f in frequencies.items())


def _grid(options: dict[str, Any]) -> list[tuple[Real, Real]]:
    """Nodes and weights: as stated, or equally spaced with normal weights that add up to 1."""
    if "grid" in options:
        pairs = zip(options["grid"], options["grid-weights"], strict=True)
        return [(mp.mpf(str(node)), mp.mpf(str(weight))) for node, weight in pairs]
    count, limit = int(options["nodes"]), mp.mpf(str(options["limit"]))
    nodes = [limit * (mp.mpf(2 * k) / (count - 1) - 1) for k in range(count)]
    density = [mp.exp(-(node**2) / 2) for node in nodes]
    return [(node, value / mp.fsum(density)) for node, value in zip(nodes, density, strict=True)]


def lsat6(problem: Problem) -> list[Stated]:
    """The maximum, slopes of 0 (independent items), and nearby slopes of both signs."""
    grid61 = "grid" not in problem.options
    d = ("2.773234", "0.990201", "0.249148", "1.284757", "2.053270")
    a = ("0.825660", "0.722744", "0.890875", "0.688368", "0.656856")
    best = {"d": few(*d), "a": few(*a)}
    how = NEWTON if grid61 else f"{NEWTON}; nodes and weights as they are printed"
    near = {
        "d": few("2.5000888", "0.8905385", "0.2128111", "1.1693639", "1.9020289"),
        "a": few("0.0705572", "0.0054515", "0.0148460", "-0.0251264", "-0.0537878"),
    }
    return [Stated("best", how, best), Stated("saddle", how, near), independent(problem, 5)]


def independent(problem: Problem, slopes: int) -> Stated:
    """Slopes of 0, and the logit of every item's share of right answers."""
    frequencies = problem.numbers("frequency")
    logits = []
    for item in (column for column in problem.columns if column != "frequency"):
        right = sum(f for f, u in zip(frequencies, problem.numbers(item), strict=True) if u)
        logits.append(mp.log(mp.mpf(right) / (sum(frequencies) - right)))
    how = "closed form: all slopes 0, every intercept the logit of the item's share of right answers"
    return Stated("saddle", how, {"d": logits, "a": [mp.mpf(0)] * slopes}, True)


POINTS: Points = {
    "lsat6": lsat6,
    "lsat6-61": lsat6,
}
