"""Mistakes in the EM of the linkage data."""

from collections.abc import Callable

import numpy as np

from comparisons.case import Array, Natural

Cycle = Callable[[Natural, float], Natural]
PLACES = ("first", "second", "third", "fourth")


def linkage_mistakes(cells: Array) -> dict[str, Cycle]:
    """One cell taken for another: 125 animals of the first cell are linked with probability theta / (2 + theta)."""

    def cycle(cells: Array) -> Cycle:
        def one(natural: Natural, _: float) -> Natural:
            theta = natural["theta"]
            linked = cells[0] * theta / (2 + theta) + cells[3]
            return {"theta": linked / (linked + cells[1] + cells[2])}

        return one

    found: dict[str, Cycle] = {}
    for one, name in enumerate(PLACES):
        for two, other in enumerate(PLACES):
            if cells[one] != cells[two]:
                taken, exchanged = cells.copy(), cells.copy()
                taken[one] = cells[two]
                exchanged[[one, two]] = cells[[two, one]]
                found[f"the {name} cell is taken for the {other}"] = cycle(taken)
                if one < two:
                    found[f"the {name} and the {other} cell are exchanged"] = cycle(exchanged)

    first, second, third, fourth = cells

    def formula(new: Callable[[float], float]) -> Cycle:
        return lambda natural, _: {"theta": np.array([new(float(natural["theta"][0]))])}

    def ratio(linked: float) -> float:
        return float(linked / (linked + second + third))

    def right(theta: float) -> float:
        """Linked animals, those of the first cell by their posterior."""
        return float(first * theta / (2 + theta) + fourth)

    formulas: dict[str, Callable[[float], float]] = {
        "the first cell is shared equally, whatever theta": lambda _: ratio(first / 2 + fourth),
        "the posterior of the first cell is theta / (1 + theta)": lambda at: ratio(first * at / (1 + at) + fourth),
        "the posterior of the first cell is theta / 2": lambda at: ratio(first * at / 2 + fourth),
        "linked animals are divided by all animals": lambda at: right(at) / cells.sum(),
        "the fourth cell is left out of the denominator": lambda at: min(
            right(at) / (right(at) - fourth + second + third), 1.0
        ),
        "the fourth cell is left out": lambda at: ratio(right(at) - fourth),
        "the first cell is left out": lambda _: ratio(fourth),
    }
    return {**found, **{words: formula(new) for words, new in formulas.items()}}
