"""Mixtures of Poisson distributions."""

import mpmath as mp

from comparisons.certify.certificates.jets import Jet, Jets, exp, log, total
from comparisons.certify.certificates.problem import Problem
from comparisons.certify.certificates.stated import NEWTON, Points, Stated, few


def log_likelihood(problem: Problem, jets: Jets) -> Jet:
    """sum_j f_j log sum_k w_k exp(-lambda_k) lambda_k^x_j / x_j!."""

    def probability(x: int) -> Jet:
        terms = (w * (exp(-rate) * rate**x) for w, rate in zip(jets["weight"], jets["rate"], strict=True))
        return total(terms) / mp.factorial(x)

    rows = zip(problem.numbers("count"), problem.numbers("frequency"), strict=True)
    return total(f * log(probability(x)) for x, f in rows)


def hasselblad(problem: Problem) -> list[Stated]:
    """The maximum, and one Poisson distribution for all."""
    count, frequency = problem.numbers("count"), problem.numbers("frequency")
    mean = mp.mpf(sum(x * f for x, f in zip(count, frequency, strict=True))) / sum(frequency)
    one = "closed form: both rates are the mean, 591/274; the two components are one, at any weights"
    best = {"weight": few("0.359885", "0.640115"), "rate": few("1.256095", "2.663404")}
    return [
        Stated("best", NEWTON, best),
        Stated("saddle", one, {"weight": few("0.5", "0.5"), "rate": [mean] * 2}, True, ("weight",)),
    ]


POINTS: Points = {
    "hasselblad": hasselblad,
}
