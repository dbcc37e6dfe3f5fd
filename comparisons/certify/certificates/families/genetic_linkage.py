"""Genetic linkage."""

import mpmath as mp

from comparisons.certify.certificates.jets import Jet, Jets, log, total
from comparisons.certify.certificates.problem import Problem
from comparisons.certify.certificates.stated import Points, Stated


def log_likelihood(problem: Problem, jets: Jets) -> Jet:
    """log N! - sum log y_c! + sum y_c log p_c, p = (1/2 + t/4, (1 - t)/4, (1 - t)/4, t/4)."""
    (t,), y = jets["theta"], problem.numbers("frequency")
    cells = (t / 4 + mp.mpf(1) / 2, (1 - t) / 4, (1 - t) / 4, t / 4)
    constant = mp.loggamma(sum(y) + 1) - mp.fsum(mp.loggamma(count + 1) for count in y)
    return total(count * log(cell) for count, cell in zip(y, cells, strict=True)) + constant


def genetic_linkage(problem: Problem) -> list[Stated]:
    """The positive root of the score, a quadratic: N t^2 - (y1 - 2 (y2 + y3) - y4) t - 2 y4 = 0."""
    y1, y2, y3, y4 = problem.numbers("frequency")
    middle = y1 - 2 * (y2 + y3) - y4
    root = (middle + mp.sqrt(middle**2 + 8 * sum((y1, y2, y3, y4)) * y4)) / (2 * (y1 + y2 + y3 + y4))
    how = "closed form: (15 + sqrt 53809) / 394, the only root of the score 197 t^2 - 15 t - 68 = 0 in [0, 1]"
    return [Stated("best", how, {"theta": [root]}, True)]


POINTS: Points = {
    "genetic-linkage": genetic_linkage,
}
