"""Cases that several tests share."""

from dataclasses import replace

import numpy as np
import pytest

from comparisons.case import Case
from comparisons.families import coin_mixture, two_pl

WORKED_HEADS = np.array([6, 5, 4, 2, 2, 6, 5, 5, 4, 2, 5, 2, 4, 4, 6, 4, 5, 6, 3, 3], dtype=float)
LSAT6_FREQUENCIES = {
    "00000": 3, "00001": 6, "00010": 2, "00011": 11, "00100": 1, "00101": 1, "00110": 3, "00111": 4,
    "01000": 1, "01001": 8, "01011": 16, "01101": 3, "01110": 2, "01111": 15, "10000": 10, "10001": 29,
    "10010": 14, "10011": 81, "10100": 3, "10101": 28, "10110": 15, "10111": 80, "11000": 16, "11001": 56,
    "11010": 21, "11011": 173, "11100": 11, "11101": 61, "11110": 28, "11111": 298,
}  # fmt: skip
LSAT6_ITEMS = ("item1", "item2", "item3", "item4", "item5")


def coins(heads: np.ndarray, coins: int, flips: float = 10.0, name: str = "coins", **more: object) -> Case:
    """A coin case with the same number of flips in every sequence."""
    return coin_mixture.bind(name, heads, np.full(len(heads), flips), coins, **more)


def lsat6(**more: object) -> Case:
    """LSAT-6 on 61 nodes over [-6, 6]."""
    responses = np.array([[float(u) for u in pattern] for pattern in LSAT6_FREQUENCIES])
    counts = np.array(list(LSAT6_FREQUENCIES.values()), dtype=float)
    case = two_pl.bind("lsat6", responses, LSAT6_ITEMS, frequencies=counts, **more)
    return replace(case, start={"d": np.zeros(5), "a": np.ones(5)})


@pytest.fixture(scope="session")
def make_coins():
    """Factory of coin cases: make_coins(heads, coins, flips=10.0, **options)."""
    return coins


@pytest.fixture(scope="session")
def make_lsat6():
    """Factory of LSAT-6 cases on 61 nodes: make_lsat6(**options)."""
    return lsat6


@pytest.fixture(scope="session")
def worked_coins() -> Case:
    start = {"weight": np.array([0.25, 0.5, 0.25]), "bias": np.array([0.4, 0.5, 0.65])}
    return replace(coins(WORKED_HEADS, 3), start=start)


@pytest.fixture(scope="session")
def lsat6_case() -> Case:
    return lsat6()
