"""Mistakes in the EM of the linkage data."""

from collections.abc import Callable

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

    found = {}
    for one, name in enumerate(PLACES):
        for two, other in enumerate(PLACES):
            if cells[one] != cells[two]:
                taken, exchanged = cells.copy(), cells.copy()
                taken[one] = cells[two]
                exchanged[[one, two]] = cells[[two, one]]
                found[f"the {name} cell is taken for the {other}"] = cycle(taken)
                if one < two:
                    found[f"the {name} and the {other} cell are exchanged"] = cycle(exchanged)

    def half(natural: Natural, _: float) -> Natural:
        """Without theta in the posterior of the first cell."""
        linked = cells[0] / 2 + cells[3]
        return {"theta": linked / (linked + cells[1] + cells[2])}

    return {**found, "the first cell is shared equally, whatever theta": half}
