"""Mixtures of normal distributions, of one variable or two."""

from collections import Counter

import mpmath as mp

from comparisons.certify.certificates.jets import Jet, Jets, exp, log, total
from comparisons.certify.certificates.problem import Problem
from comparisons.certify.certificates.stated import NEWTON, Points, Stated, few

ONE = "closed form: the components are one, at any weights, with the mean and the (co)variances of the data"
NEXT = "; maxima of a component that is next to a collapse are not listed"


def log_likelihood(problem: Problem, jets: Jets) -> Jet:
    """sum_j log sum_k w_k N(x_j | m_k, Sigma_k), over the different rows."""
    columns = [problem.columns[name] for name in variables(problem)]
    rows = Counter(zip(*columns, strict=True))
    densities = _of_one if len(columns) == 1 else _of_two
    parts = [densities(problem, jets, k) for k in range(problem.options["components"])]
    terms = []
    for row, often in rows.items():
        x = [mp.mpf(cell) for cell in row]
        terms.append(often * log(total([w * part(x) for w, part in zip(jets["weight"], parts, strict=True)])))
    return total(terms)


def variables(problem: Problem) -> list[str]:
    """The columns that are the variables."""
    chosen = problem.options.get("variables")
    return chosen.split(",") if chosen else [name for name in problem.columns if name != "frequency"]


def _of_one(problem: Problem, jets: Jets, k: int):  # type: ignore[no-untyped-def]
    """Density of component k of one variable."""
    mean, variance = jets["mean"][k], jets["variance"][0 if problem.options.get("covariance") == "tied" else k]
    norm = exp(-(log(variance) / 2)) / mp.sqrt(2 * mp.pi)

    def density(x: list[mp.mpf]) -> Jet:
        apart = mean - x[0]
        return norm * exp(-(apart * apart / variance / 2))

    return density


def _of_two(problem: Problem, jets: Jets, k: int):  # type: ignore[no-untyped-def]
    """Density of component k of two variables, of the entries of its matrix row by row: first, both, second."""
    (a, b), (first, both, second) = jets["mean"][2 * k : 2 * k + 2], jets["covariance"][3 * k : 3 * k + 3]
    determinant = first * second - both * both
    norm = exp(-(log(determinant) / 2)) / (2 * mp.pi)

    def density(x: list[mp.mpf]) -> Jet:
        u, v = a - x[0], b - x[1]
        squares = u * u * second - 2 * (u * v * both) + v * v * first
        return norm * exp(-(squares / determinant / 2))

    return density


def one_component(problem: Problem) -> Stated:
    """Both components the same."""
    columns = [[mp.mpf(cell) for cell in problem.columns[name]] for name in variables(problem)]
    size = len(columns[0])
    mean = [mp.fsum(column) / size for column in columns]
    apart = [[x - m for x in column] for column, m in zip(columns, mean, strict=True)]
    products = [mp.fdot(apart[i], apart[j]) / size for i in range(len(columns)) for j in range(i + 1)]
    name = "variance" if len(columns) == 1 else "covariance"
    copies = 1 if problem.options.get("covariance") == "tied" else 2
    weight = few("0.75", "0.25")
    return Stated("saddle", ONE, {"weight": weight, "mean": mean * 2, name: products * copies}, True, ("weight",))


def waiting(problem: Problem) -> list[Stated]:
    """Equal variances."""
    best = {"weight": few("0.36", "0.64"), "mean": few("54.6136", "80.0903"), "variance": few("34.446")}
    return [Stated("best", NEWTON, best), one_component(problem)]


def waiting_free(problem: Problem) -> list[Stated]:
    """Variances of their own."""
    best = {
        "weight": few("0.360886", "0.639114"),
        "mean": few("54.614856", "80.091069"),
        "variance": few("34.471217", "34.430307"),
    }
    return [Stated("best", f"{NEWTON}{NEXT}", best), one_component(problem)]


def faithful(problem: Problem) -> list[Stated]:
    """Eruptions and waiting times."""
    best = {
        "weight": few("0.355873", "0.644127"),
        "mean": few("2.036388", "54.478516", "4.289662", "79.968115"),
        "covariance": few("0.069168", "0.435168", "33.697282", "0.169968", "0.940609", "36.046211"),
    }
    return [Stated("best", f"{NEWTON}{NEXT}", best), one_component(problem)]


POINTS: Points = {
    "faithful": faithful,
    "faithful-waiting": waiting,
    "faithful-waiting-free": waiting_free,
}
