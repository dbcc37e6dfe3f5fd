"""What the audit of a linkage EM needs."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy.special import gammaln

from comparisons.case import Array, AuditHooks, Case
from comparisons.families._audit.mistakes.genetic_linkage import linkage_mistakes


def linkage_audit(animals: Array, rebind: Callable[[dict[str, Any]], Case]) -> AuditHooks:
    """The hooks of one data set. The rows are cells, so that no row can be written twice."""
    cells = np.array(animals, dtype=float)
    return AuditHooks(
        data={"frequencies": cells},
        rebind=rebind,
        symmetries={},
        same_data={},
        edge_cases={
            "one animal": {"frequencies": np.array([1.0, 0, 0, 0])},
            "no animal in the first cell": {"frequencies": np.array([0.0, 3, 2, 4])},
            "animals in the second cell only": {"frequencies": np.array([0.0, 5, 0, 0])},
        },
        edge_starts={"a theta of 0": {"theta": np.zeros(1)}, "a theta of 1": {"theta": np.ones(1)}},
        constants=_constants(cells),
        mistakes=partial(linkage_mistakes, cells),
        made=_made,
    )


def _constants(cells: Array) -> dict[str, float]:
    """Terms without theta: the multinomial coefficient, and the quarters in the probabilities."""
    return {
        "the multinomial coefficient": -float(gammaln(cells.sum() + 1) - gammaln(cells + 1).sum()),
        "the quarters of all cells": float(cells.sum() * np.log(4)),
        "the quarters of the last three cells": float(cells[1:].sum() * np.log(4)),
    }


def _made(rng: np.random.Generator) -> dict[str, dict[str, Any]]:
    """Other animals: many and few linked ones."""

    def draw(animals: int, theta: float) -> dict[str, Any]:
        cells = np.array([2 + theta, 1 - theta, 1 - theta, theta]) / 4
        return {"frequencies": rng.multinomial(animals, cells).astype(float)}

    return {
        "other animals": draw(80, 0.2),
        "closely linked animals": draw(400, 0.9),
        "animals that are nearly always linked": draw(5_000, 0.985),
        "animals that are hardly ever linked": draw(5_000, 0.02),
        "thousands of animals": draw(60_000, 0.4),
    }
