"""What the audit of a Poisson-mixture EM needs."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.special import gammaln

from comparisons.case import Array, AuditHooks, Case, Natural
from comparisons.families._audit.coin_mixture import exchanges
from comparisons.families._audit.mistakes.poisson_mixture import poisson_mistakes
from comparisons.families._equal_rows import merged
from em_reference.poisson_mixture import PoissonMixture

# The logarithm of a rate is what PyMC works with.
SMALLEST_RATE = 1e-300


def poisson_audit(
    em: PoissonMixture, build_model: Callable[[], Any], rebind: Callable[[dict[str, Any]], Case]
) -> AuditHooks:
    """The hooks of one data set."""
    components, counts = em.components, np.array(em.counts, dtype=float)
    repeats = np.ones(len(counts)) if em.frequencies is None else np.array(em.frequencies, dtype=float)
    (values,), seen = (part.T for part in merged(counts[:, None], repeats))
    data = {"counts": counts, "frequencies": repeats, "components": components}

    def expected_counts(weighted: Array) -> dict[str, Array]:
        return {"observations": weighted.sum(axis=0), "total": values @ weighted}

    def score(expected: Mapping[str, Array], natural: Natural) -> Natural:
        by_rate = expected["total"] / natural["rate"] - expected["observations"]
        return {"weight": expected["observations"] / natural.get("weight", 1.0), "rate": by_rate}

    def rows(counts: Array, repeats: Array) -> dict[str, Any]:
        return {**data, "counts": counts, "frequencies": repeats}

    first = int(np.flatnonzero(repeats > 0)[0])
    twice = repeats.copy()
    twice[first] *= 2
    doubled = rows(counts, twice), rows(np.append(counts, counts[first]), np.append(repeats, repeats[first]))
    edges: dict[str, Natural] = {}
    if components > 1:
        rate, lowest = np.arange(1.0, components + 1), np.arange(components) == 0
        equal = np.full(components, 1 / components)
        edges = {
            "a weight of 0": {"weight": np.where(lowest, 0.0, 1 / (components - 1)), "rate": rate},
            "a rate near 0": {"weight": equal, "rate": np.where(lowest, SMALLEST_RATE, rate)},
        }
    one = np.ones(1)
    return AuditHooks(
        build_model=build_model,
        expected_counts=expected_counts,
        score=score,
        mass={"observations": float(seen.sum()), "total": float(values @ seen)},
        data=data,
        rebind=rebind,
        symmetries=exchanges(components, "component"),
        same_data={"a frequency of 2 for the row twice": doubled},
        edge_cases={
            "one observation": rows(3 * one, one),
            "all counts equal": rows(np.full(6, 4.0), np.ones(6)),
            "a single count above 0": rows(np.array([0.0, 1.0]), np.array([9.0, 1.0])),
            "counts of a thousand": rows(np.array([0.0, 130, 500, 1000]), np.ones(4)),
        },
        edge_starts=edges,
        constants={"the factorials": float(repeats @ gammaln(counts + 1))},
        rows=("counts",),
        mistakes=poisson_mistakes(counts, repeats),
        made=lambda rng: {
            **{what: {**data, **other} for what, other in _made(rng, counts, components).items()},
            "one component more": {
                **data,
                **_made(rng, counts, components + 1)["other counts"],
                "components": components + 1,
            },
        },
    )


def _made(rng: np.random.Generator, counts: Array, components: int) -> dict[str, dict[str, Array]]:
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
