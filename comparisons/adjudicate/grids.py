"""Is it the maximum of the same likelihood under another quadrature? The grids of packages, one after the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from comparisons import families
from comparisons.adjudicate.comparison import NEAR, Comparison
from comparisons.adjudicate.steps import em_step
from comparisons.adjudicate.ways_to_read import Reading
from comparisons.case import Array, Case, Natural
from em_reference.em import StopRule, em
from em_reference.quadrature import equally_spaced, gauss_hermite

# Those that packages take if nothing is said first: mirt, ltm, flexMIRT, TAM, IRTPRO, BILOG-MG, girth.
HERMITE = (21, 15, 31, 41, 49, 61, 25, 20, 11, 10, 9, 7, 5)
SPACED = (
    *((count, 6.0) for count in (61, 49, 41, 31, 21, 121)),
    *((count, 4.0) for count in (21, 41, 40, 31, 20, 15, 10, 9, 11, 30, 61, 81)),
    *((count, 5.0) for count in (41, 21, 51, 61)),
    *((count, 4.5) for count in (40, 20, 15, 10, 41)),
    *((count, 3.0) for count in (31, 21, 15, 13, 11, 9, 7, 61)),
)
LEGENDRE = ((61, 5.0), (41, 5.0), (21, 5.0), (41, 6.0))
# Nodes that end here leave out so many abilities that it tells; Gauss-Hermite nodes have weights that make up for it.
SHORT = 3.0
# No quadrature in use is looked for further away than this, in standard errors.
MOST_AWAY = 5.0
# What EM ends with is known to so much, beside 1 + its size.
KNOWN_TO = 1e-7
# What a cycle of EM changes under another grid may be so many times what it changes here: rounding blurs both.
CLEARLY = 2.0
# The estimates must be this many times closer to the maximum under another grid.
CLOSER = 10.0
STOP = StopRule(tolerance=1e-9, max_cycles=3000)


@dataclass(frozen=True, eq=False)
class OtherGrid:
    """The maximum under another quadrature, at which the estimates are.

    Attributes
    ----------
    name : str
        As "21 Gauss-Hermite nodes".
    short : bool
        Whether abilities are cut off on it.
    distance : float
        Standard errors from that maximum.
    within_rounding : bool
    """

    name: str
    short: bool
    distance: float
    within_rounding: bool

    @property
    def in_words(self) -> str:
        """The grid, what it leaves out, and how close the estimates are to its maximum."""
        cut = f", which leave out abilities beyond {SHORT:g}" if self.short else ""
        how = "to the digits given" if self.within_rounding else f"within {self.distance:.2g} standard errors"
        return f"{self.name}{cut}, {how}"


class Grid(NamedTuple):
    """A quadrature by its name, and whether abilities are cut off on it."""

    name: str
    nodes: Array
    weights: Array
    short: bool = False


def grids() -> Iterator[Grid]:
    """Quadratures of packages."""
    for count, limit in SPACED:
        name = f"{count} equally spaced nodes on [-{limit:g}, {limit:g}]"
        yield Grid(name, *equally_spaced(count, limit), limit <= SHORT)
    for count in HERMITE:
        yield Grid(f"{count} Gauss-Hermite nodes", *gauss_hermite(count))
    for count, limit in LEGENDRE:
        nodes, weights = np.polynomial.legendre.leggauss(count)
        density = weights * np.exp(-0.5 * (limit * nodes) ** 2)
        name = f"{count} Gauss-Legendre nodes on [-{limit:g}, {limit:g}]"
        yield Grid(name, limit * nodes, density / density.sum())


def under(case: Case, grid: Grid) -> Case:
    """The same case under another quadrature."""
    family: Any = families.family(case.family)
    problem: Any = getattr(case.em, "two_pl", case.em)
    bound: Case = family.bind(
        case.name,
        problem.responses,
        case.labels["d"],
        frequencies=problem.frequencies,
        nodes=grid.nodes,
        weights=grid.weights,
    )
    return bound


def other_grid(comparison: Comparison, reading: Reading, natural: Natural, distance: float) -> OtherGrid | None:
    """The quadrature under which the estimates are the maximum, None when under none of them or where there is none.

    One cycle of EM tells those that are worth a look: at a maximum it changes nothing. Of those the first with the
    numbers inside the rounding, else the one that is closest.
    """
    if "d" not in comparison.case.labels or comparison.case.with_prior or distance > MOST_AWAY:
        return None
    own = _change(comparison.case, natural)
    start = comparison.case.canonical(comparison.optima[0].point.natural)
    cases = [(grid, under(comparison.case, grid)) for grid in grids()]
    worth = [(grid, case) for grid, case in cases if _change(case, natural) < CLEARLY * own]
    found = [_held_against(comparison, reading, natural, start, grid, case) for grid, case in worth]
    close = [one for one in found if one.within_rounding or one.distance < min(NEAR, distance / CLOSER)]
    return min(close, key=lambda one: 0.0 if one.within_rounding else one.distance, default=None)


def _change(case: Case, natural: Natural) -> float:
    return float(np.abs(case.flat(em_step(case, natural)) - case.flat(natural)).max())


def _held_against(
    comparison: Comparison, reading: Reading, natural: Natural, start: Natural, grid: Grid, case: Case
) -> OtherGrid:
    """Estimates against the maximum under another quadrature, which EM finds from the one under the nodes used here."""
    fit = em(case.em, case.to_em(start), STOP, accelerate=True)
    there = reading.from_natural(case.flat(case.from_em(fit.params)))
    off = np.abs(reading.quantities(comparison.estimates.values) - there)
    allowed = reading.half_units(comparison.estimates.half_unit) + KNOWN_TO * (1 + np.abs(there))
    deficit = float(fit.log_likelihood - case.em.e_step(case.to_em(natural)).log_likelihood)
    return OtherGrid(grid.name, grid.short, float(np.sqrt(2 * max(deficit, 0.0))), bool((off <= allowed).all()))
