"""What the audit of an EM of a mixture of normal distributions needs."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from comparisons.case import Array, AuditHooks, Case, Natural
from comparisons.families._audit.exchanges import exchanges
from comparisons.families._audit.mistakes.gaussian_mixture import gaussian_mistakes
from comparisons.families._audit.written_twice import empty_row, row_twice
from em_reference.gaussian_mixture import GaussianMixture
from em_reference.normal_density import LOG_2_PI

NONE = np.nan


def gaussian_audit(em: GaussianMixture, rebind: Callable[[dict[str, Any]], Case]) -> AuditHooks:
    """The hooks of one data set; the counts are the expected rows, sums, and sums of squares and products."""
    values = np.array(em.values, dtype=float)
    often = np.ones(len(values)) if em.frequencies is None else np.array(em.frequencies, dtype=float)
    data = {"values": values, "frequencies": often, "components": em.components, "covariance": em.covariance}
    variables = em.structure.variables

    def rows(places: list[float]) -> dict[str, Any]:
        """Rows at some places, every further variable with another pattern."""
        at = np.array(places)
        table = at if variables == 1 else np.column_stack([np.roll(at, v) * (1 + v) for v in range(variables)])
        return {**data, "values": table, "frequencies": np.ones(len(at))}

    there = float((often[:, None] * ~np.isnan(values.reshape(len(values), -1))).sum())
    shared = {"variance" if em.structure.form == "scalar" else "covariance"} if em.structure.pooled else set()
    return AuditHooks(
        data=data,
        rebind=rebind,
        symmetries={
            what: partial(_exchanged, change, shared) for what, change in exchanges(em.components, "component").items()
        },
        same_data={**row_twice(data, ("values",)), **(empty_row(data, "values") if np.isnan(values).any() else {})},
        edge_cases={
            "a few rows": rows([1.0, 2.5, -0.5, 4.0, 0.25, 3.0, 7.0, 5.5]),
            "rows that are equal but for one": rows([*[2.0] * 6, 3.0, 5.0]),
        },
        edge_starts=_edges(em),
        constants={"log 2 pi": there * LOG_2_PI / 2},
        rows=("values",),
        mistakes=partial(gaussian_mistakes, em),
        made=partial(_made, data),
    )


def _exchanged(change: Callable[[Natural], Natural], shared: set[str], natural: Natural) -> Natural:
    """Components in another order; what they share stays."""
    own = {name: values for name, values in natural.items() if name not in shared}
    return natural | change(own)


def _edges(em: GaussianMixture) -> dict[str, Natural]:
    """A component without weight."""
    if em.components == 1:
        return {}
    size, structure, spread = em.components, em.structure, em.spread
    variance = np.where(spread.variance > 0, spread.variance, 1.0)
    mean = spread.mean + np.sqrt(variance) * np.linspace(-1, 1, size)[:, None]
    by_form = {"matrix": np.diag(variance), "diagonal": variance, "scalar": np.array(variance.mean())}
    weight = np.where(np.arange(size) == 0, 0.0, 1 / (size - 1))
    return {
        "a weight of 0": {
            "weight": weight,
            "mean": mean if structure.variables > 1 else mean[:, 0],
            "covariance" if structure.form == "matrix" else "variance": np.broadcast_to(
                by_form[structure.form], structure.shape
            ).copy(),
        }
    }


def _made(data: dict[str, Any], rng: np.random.Generator) -> dict[str, dict[str, Any]]:
    """Rows as the family allows them, of as many components and of one more."""
    components, shape = data["components"], np.shape(data["values"])
    variables = 1 if len(shape) == 1 else shape[1]
    missing = bool(np.isnan(data["values"]).any())

    def draw(size: int, components: int, scale: float = 1.0, frequencies: Array | None = None) -> dict[str, Any]:
        place = np.arange(size) % components
        mixing = np.tril(rng.uniform(0.3, 1.0, (components, variables, variables)))
        noise = np.einsum("jab,jb->ja", mixing[place], rng.normal(size=(size, variables)))
        table = scale * (3.0 * place[:, None] * (-1.0) ** np.arange(variables) + noise)
        if missing and variables > 1:
            table[np.arange(0, size, 4), np.arange(0, size, 4) // 4 % variables] = NONE
        values = table if variables > 1 else table[:, 0]
        often = np.ones(size) if frequencies is None else frequencies
        return {**data, "values": values, "frequencies": often, "components": components}

    size = max(40, 12 * components * variables)
    return {
        "other rows": draw(size, components),
        "frequencies of 0, 1, 2 and 3": draw(
            size, components, frequencies=np.array([1.0, 2, 0, 3])[np.arange(size) % 4]
        ),
        "numbers in other units": draw(size, components, scale=250.0),
        "the same number of rows with other values": draw(max(shape[0], 12 * components), components),
        "one component more": draw(size + 20, components + 1),
    }
