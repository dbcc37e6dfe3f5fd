"""Bivariate normal with missing entries."""

import mpmath as mp

from comparisons.certify.certificates.jets import Jet, Jets, log, sqrt, total
from comparisons.certify.certificates.problem import Problem
from comparisons.certify.certificates.stated import Parameters, Points, Stated


def log_likelihood(problem: Problem, jets: Jets) -> Jet:
    """Normal densities with means 0: of (x, y) where both are seen, else of the one that is."""
    (v_x, v_y), (rho,) = jets["variance"], jets["correlation"]
    rows = []
    for x, y in zip(*problem.columns.values(), strict=True):
        if x and y:
            scaled = mp.mpf(x) ** 2 / v_x - 2 * mp.mpf(x) * mp.mpf(y) * rho / sqrt(v_x * v_y) + mp.mpf(y) ** 2 / v_y
            rest = 1 - rho**2
            rows.append(-(log(v_x * v_y * rest) + scaled / rest) / 2 - mp.log(2 * mp.pi))
        else:
            variance = v_x if x else v_y
            rows.append(-(log(variance) + mp.mpf(x or y) ** 2 / variance) / 2 - mp.log(2 * mp.pi) / 2)
    return total(rows)


def murray(problem: Problem) -> list[Stated]:
    """Two maxima of the same height and the saddle between them: there are no others."""
    every = (
        "the score is zero for equal variances v, 4 v = 2 / (1 - rho^2) + 8, with rho = 0 or v (1 - rho^2) = 2: "
        "three stationary points in all"
    )

    def at(variance: tuple[int, int], rho: tuple[int, int]) -> Parameters:
        return {"variance": [mp.mpf(variance[0]) / variance[1]] * 2, "correlation": [mp.mpf(rho[0]) / rho[1]]}

    return [
        Stated("best", f"closed form: variances 8/3, correlation 1/2; {every}", at((8, 3), (1, 2)), True),
        Stated("best", f"closed form: variances 8/3, correlation -1/2; {every}", at((8, 3), (-1, 2)), True),
        Stated("saddle", f"closed form: variances 5/2, correlation 0; {every}", at((5, 2), (0, 1)), True),
    ]


POINTS: Points = {
    "murray": murray,
}
