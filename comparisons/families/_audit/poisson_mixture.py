"""What the audit of a Poisson-mixture EM needs."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy.special import gammaln

from comparisons.case import Array, AuditHooks, Case, Natural
from comparisons.families._audit.exchanges import exchanges
from comparisons.families._audit.mistakes.poisson_mixture import poisson_mistakes
from comparisons.families._audit.written_twice import row_twice

# The logarithm of a rate is what PyMC works with.
SMALLEST_RATE = 1e-300


def poisson_audit(
    counts: Array, repeats: Array | None, components: int, rebind: Callable[[dict[str, Any]], Case]
) -> AuditHooks:
    """The hooks of one data set."""
    counts = np.array(counts, dtype=float)
    repeats = np.ones(len(counts)) if repeats is None else np.array(repeats, dtype=float)
    data = {"counts": counts, "frequencies": repeats, "components": components}

    def rows(*counts: float, frequencies: Any = None) -> dict[str, Any]:
        often = np.ones(len(counts)) if frequencies is None else np.array(frequencies, dtype=float)
        return {**data, "counts": np.array(counts, dtype=float), "frequencies": often}

    edges: dict[str, Natural] = {}
    if components > 1:
        rate, lowest = np.arange(1.0, components + 1), np.arange(components) == 0
        equal = np.full(components, 1 / components)
        edges = {
            "a weight of 0": {"weight": np.where(lowest, 0.0, 1 / (components - 1)), "rate": rate},
            "a rate near 0": {"weight": equal, "rate": np.where(lowest, SMALLEST_RATE, rate)},
        }
    return AuditHooks(
        data=data,
        rebind=rebind,
        symmetries=exchanges(components, "component"),
        same_data=row_twice(data, ("counts",)),
        edge_cases={
            "one observation": rows(3),
            "all counts equal": rows(*[4] * 6),
            "a single count above 0": rows(0, 1, frequencies=[9, 1]),
            "counts of a thousand": rows(0, 130, 500, 1000),
        },
        edge_starts=edges,
        constants={"the factorials": float(repeats @ gammaln(counts + 1))},
        rows=("counts",),
        mistakes=partial(poisson_mistakes, counts, repeats),
        made=partial(_made, data),
    )


def _made(data: dict[str, Any], rng: np.random.Generator) -> dict[str, dict[str, Any]]:
    """Counts as the family allows them, of as many components and of one more."""
    components = data["components"]
    as_many = {what: {**data, **other} for what, other in _drawn(rng, data["counts"], components).items()}
    more = _drawn(rng, data["counts"], components + 1)["other counts"]
    return {**as_many, "one component more": {**data, **more, "components": components + 1}}


def _drawn(rng: np.random.Generator, counts: Array, components: int) -> dict[str, dict[str, Array]]:
    """Counts of as many components, as the family allows them."""

    def draw(size: int, rate: Any = None, frequencies: Array | None = None) -> dict[str, Array]:
        """Counts of the components in turn, a few of them different for sure."""
        rate = 1.5 * 3.0 ** np.arange(components) if rate is None else rate
        drawn = rng.poisson(rate[np.arange(size) % components]).astype(float)
        drawn[: components + 1] = np.maximum(np.round(rate[0]) + 3.0 * np.arange(components + 1), 0)
        return {"counts": drawn, "frequencies": np.ones(size) if frequencies is None else frequencies}

    size = max(30, 6 * components)
    rare = rng.poisson(0.1 * 4.0 ** (np.arange(4 * size) % components)).astype(float)
    rare[: components + 1] = np.arange(components + 1)
    return {
        "other counts": draw(size),
        "frequencies of 0, 1, 2 and 3": draw(size, frequencies=np.array([1.0, 2, 0, 3])[np.arange(size) % 4]),
        "the same number of rows with other values": draw(max(len(counts), components + 2)),
        "rates below .5": {"counts": rare, "frequencies": np.ones(len(rare))},
        "counts too large for probabilities without logarithms": draw(size, rate=1000 + 400.0 * np.arange(components)),
    }
