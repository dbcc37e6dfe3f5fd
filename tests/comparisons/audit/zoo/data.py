"""The data that the wrong EMs are put on."""

from functools import cache

import numpy as np

from comparisons import catalogue
from comparisons.audit.reference import Reference
from comparisons.case import Case
from comparisons.families import coin_mixture, two_pl

HEADS = np.array([1.0, 2, 3, 3, 7, 8, 9, 12, 4])
FLIPS = np.array([10.0, 10, 10, 12, 10, 10, 10, 15, 9])
FREQUENCIES = np.array([3.0, 5, 4, 2, 6, 7, 3, 1, 0])


def _with_gaps() -> Case:
    """LSAT-6, a fifth of the patterns with an item not reached, one pattern with frequency 0."""
    case = catalogue.load("lsat6-61")
    assert case.audit is not None
    responses, frequencies = case.audit.data["responses"].copy(), case.audit.data["frequencies"].copy()
    rows = np.arange(0, len(responses), 5)
    responses[rows, rows % 5] = np.nan
    frequencies[3] = 0
    return two_pl.bind("lsat6-gaps", responses, case.labels["d"], frequencies=frequencies)


@cache
def case(name: str) -> Case:
    """One of the data sets by its name."""
    if name == "coins":
        return coin_mixture.bind(name, HEADS, FLIPS, 2, frequencies=FREQUENCIES)
    if name == "coins, weights known":
        return coin_mixture.bind(name, HEADS, FLIPS, 2, frequencies=FREQUENCIES, fixed_weight=np.array([0.3, 0.7]))
    return _with_gaps() if name == "2PL, missing" else catalogue.load("lsat6-61")


@cache
def reference(name: str) -> Reference:
    """What PyMC says about it; compiled once for all tests."""
    return Reference(case(name))
