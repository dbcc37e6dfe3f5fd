"""What the audit of an EM of the bivariate normal needs."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from comparisons.case import Array, AuditHooks, Case
from comparisons.families._audit.mistakes.bivariate_normal import normal_mistakes
from comparisons.families._audit.written_twice import empty_row, row_twice
from em_reference.bivariate_normal import LOG_2_PI, BivariateNormal

NONE = np.nan


def normal_audit(em: BivariateNormal, rebind: Callable[[dict[str, Any]], Case]) -> AuditHooks:
    """The hooks of one data set; the counts are the expected sums, of squares and products too."""
    values = np.array(em.values, dtype=float)
    often = np.ones(len(values)) if em.frequencies is None else np.array(em.frequencies, dtype=float)
    data = {"values": values, "frequencies": often, "means_zero": em.means_zero}

    def rows(*rows: tuple[float, float]) -> dict[str, Any]:
        return {**data, "values": np.array(rows), "frequencies": np.ones(len(rows))}

    edge_start = {"mean": np.zeros(2), "variance": np.ones(2), "correlation": np.ones(1)}
    if em.means_zero:
        del edge_start["mean"]
    few = {"one row": rows((1.0, 2.0))} if em.means_zero else {"two rows": rows((1.0, 2.0), (2.0, -1.0))}
    return AuditHooks(
        data=data,
        rebind=rebind,
        symmetries={},
        same_data={**empty_row(data, "values"), **row_twice(data, ("values",))},
        edge_cases={
            **few,
            "two numbers that are always equal": rows((1.0, 1.0), (-2.0, -2.0), (NONE, 0.5)),
            "no row with both numbers": rows((1.0, NONE), (NONE, 2.0), (-1.0, NONE), (NONE, 0.5)),
        },
        edge_starts={"a correlation of 1": edge_start},
        constants={"log 2 pi": float((often[:, None] * ~np.isnan(values)).sum() * LOG_2_PI / 2)},
        rows=("values",),
        mistakes=partial(normal_mistakes, values, often, means_zero=em.means_zero),
        made=partial(_made, data),
    )


def _made(data: dict[str, Any], rng: np.random.Generator) -> dict[str, dict[str, Any]]:
    """Pairs as the family allows them."""
    drawn = _drawn(rng, len(data["values"]), data["means_zero"])
    return {what: {**data, "values": values, "frequencies": often} for what, (values, often) in drawn.items()}


def _drawn(rng: np.random.Generator, size: int, means_zero: bool) -> dict[str, tuple[Array, Array]]:
    """Pairs with entries missing in both columns, as the family allows them."""
    mean = np.zeros(2) if means_zero else np.array([3.0, -1.0])

    def draw(size: int, sd: tuple[float, float], rho: float, missing: int) -> Array:
        first = rng.normal(size=size)
        second = rho * first + np.sqrt(1 - rho**2) * rng.normal(size=size)
        values = mean + np.column_stack([first, second]) * sd
        # A number that happens to be 0 is no missing one.
        values[-1, 0] = values[-2, 1] = 0.0
        values[:missing, 0] = values[missing : 2 * missing, 1] = np.nan
        return values

    many = 36
    often = np.array([1.0, 2, 0, 3])[np.arange(many) % 4]
    return {
        "unequal variances and entries missing": (draw(many, (1.0, 4.0), 0.6, 8), np.ones(many)),
        "frequencies of 0, 1, 2 and 3": (draw(many, (2.0, 0.5), -0.5, 6), often),
        "numbers that nearly agree": (draw(many, (1.0, 1.1), 0.995, 4), np.ones(many)),
        "variances far apart": (draw(many, (0.05, 40.0), 0.4, 4), np.ones(many)),
        "no entry missing": (draw(many, (1.0, 3.0), 0.7, 0), np.ones(many)),
        "the same number of rows with other values": (draw(max(size, 12), (1.0, 2.0), 0.5, 2), np.ones(max(size, 12))),
    }
