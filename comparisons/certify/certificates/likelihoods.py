"""The log-likelihood of every certified problem, written from its formula for mpmath.

This is the third code of each model, beside the EM's and PyMC's, and shares nothing with them: it reads
the TOML and CSV files itself, every decimal as it is printed. Speed was not a concern.
"""

import csv
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import mpmath as mp

from comparisons.certify.certificates.jets import Jet, Real, exp, log, sqrt, total

FOLDER = Path(__file__).resolve().parents[2] / "catalogue"
Parameters = Mapping[str, Sequence[Real]]
Jets = dict[str, list[Jet]]
# Entries of a parameter of this name add up to 1; the last one follows from the others.
SIMPLEX = "weight"


class Problem(NamedTuple):
    """One problem as its files state it: family, options, columns of text by name."""

    family: str
    options: dict[str, Any]
    columns: dict[str, list[str]]

    def numbers(self, column: str) -> list[int]:
        """A column of whole numbers."""
        return [int(cell) for cell in self.columns[column]]


def read(name: str, folder: Path = FOLDER) -> Problem:
    """Read a problem of the catalogue."""
    stated = tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8"), parse_float=Decimal)
    header, *rows = csv.reader((folder / stated["data"]).read_text(encoding="utf-8").splitlines())
    columns = {column: list(cells) for column, cells in zip(header, zip(*rows, strict=True), strict=True)}
    return Problem(stated["family"], stated.get("options", {}), columns)


def log_likelihood(problem: Problem, parameters: Parameters) -> Jet:
    """Log-likelihood with derivatives by the free coordinates, in the order of `coordinates`."""
    jets: Jets = {}
    index = 0
    for name, values in parameters.items():
        free = len(values) - (name == SIMPLEX)
        jets[name] = [Jet.variable(value, index + i) for i, value in enumerate(values[:free])]
        if name == SIMPLEX:
            jets[name].append(1 - total(jets[name]))
        index += free
    return FORMULAS[problem.family](problem, jets)


def height(problem: Problem, parameters: Parameters) -> Real:
    """Log-likelihood without derivatives."""
    constants = {name: [Jet(mp.mpf(value), {}, {}) for value in values] for name, values in parameters.items()}
    return FORMULAS[problem.family](problem, constants).value


def coordinates(parameters: Parameters) -> list[tuple[str, int]]:
    """The free coordinates: names of parameters and places in them."""
    return [(name, i) for name, values in parameters.items() for i in range(len(values) - (name == SIMPLEX))]


def coin_mixture(problem: Problem, jets: Jets) -> Jet:
    """sum_j f_j log sum_k w_k C(n, x_j) phi_k^x_j (1 - phi_k)^(n - x_j)."""
    n, bias = int(problem.options["flips"]), jets["bias"]
    weight: Sequence[Any] = jets.get("weight", [mp.mpf(1) / len(bias)] * len(bias))

    def probability(x: int) -> Jet:
        return total(w * (phi**x * (1 - phi) ** (n - x)) for w, phi in zip(weight, bias, strict=True)) * mp.binomial(
            n, x
        )

    return total(f * log(probability(x)) for x, f in Counter(problem.numbers("heads")).items())


def poisson_mixture(problem: Problem, jets: Jets) -> Jet:
    """sum_j f_j log sum_k w_k exp(-lambda_k) lambda_k^x_j / x_j!."""

    def probability(x: int) -> Jet:
        terms = (w * (exp(-rate) * rate**x) for w, rate in zip(jets["weight"], jets["rate"], strict=True))
        return total(terms) / mp.factorial(x)

    rows = zip(problem.numbers("count"), problem.numbers("frequency"), strict=True)
    return total(f * log(probability(x)) for x, f in rows)


def genetic_linkage(problem: Problem, jets: Jets) -> Jet:
    """log N! - sum log y_c! + sum y_c log p_c, p = (1/2 + t/4, (1 - t)/4, (1 - t)/4, t/4)."""
    (t,), y = jets["theta"], problem.numbers("frequency")
    cells = (t / 4 + mp.mpf(1) / 2, (1 - t) / 4, (1 - t) / 4, t / 4)
    constant = mp.loggamma(sum(y) + 1) - mp.fsum(mp.loggamma(count + 1) for count in y)
    return total(count * log(cell) for count, cell in zip(y, cells, strict=True)) + constant


def bivariate_normal(problem: Problem, jets: Jets) -> Jet:
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


def item_response(problem: Problem, jets: Jets) -> Jet:
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


FORMULAS: dict[str, Callable[[Problem, Jets], Jet]] = {
    "coin-mixture": coin_mixture,
    "poisson-mixture": poisson_mixture,
    "genetic-linkage": genetic_linkage,
    "bivariate-normal": bivariate_normal,
    "two-pl": item_response,
    "common-slope": item_response,
}
