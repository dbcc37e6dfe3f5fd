"""The rows of ASIA are drawn from the published tables as the problem's file says."""

import csv
from pathlib import Path

import numpy as np

from comparisons import catalogue
from comparisons.reading.networks import read_network

ASIA = Path(__file__).parents[1] / "data" / "asia.bif"


def test_asia_is_drawn_from_its_tables() -> None:
    network, rng = read_network(str(ASIA)), np.random.default_rng(1988)
    names, states = list(network.variables), np.zeros((1000, 8), dtype=int)
    # Parents stand before children in the file.
    for place, name in enumerate(names):
        above = [names.index(parent) for parent in network.parents[name]]
        chances = network.tables[name][tuple(states[:, above].T)] if above else network.tables[name][None]
        states[:, place] = (rng.random(1000)[:, None] > chances.cumsum(axis=-1)[:, :-1]).sum(axis=1)
    missing = rng.random(states.shape) < 0.2
    expected = [
        ["" if gone else network.states[name][state] for name, state, gone in zip(names, row, lost, strict=True)]
        for row, lost in zip(states, missing, strict=True)
    ]
    folder = Path(catalogue.__file__).parent
    header, *rows = csv.reader((folder / "asia.csv").read_text(encoding="utf-8").splitlines())
    assert header == names
    assert rows == expected
