"""Common slope: binds the EM and the PyMC model of the one-parameter logistic item response model."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.special import expit

from comparisons.case import Array, AuditHooks, Case, Curves, InputError, Natural
from comparisons.data import Table, frequencies, numbers
from comparisons.families import Option
from em_reference.common_slope import CommonSlope, CommonSlopeParams
from em_reference.quadrature import equally_spaced

TITLE = "one-parameter logistic item response model with a common slope (marginal ML)"
DATA = (
    "one column per item with 0, 1 or empty (not answered), optionally a column 'frequency', "
    "and one row per examinee or per response pattern"
)
OPTIONS = (
    Option("nodes", int, "number of quadrature nodes, equally spaced", default=61),
    Option("limit", float, "nodes reach from -LIMIT to LIMIT standard deviations", default=6.0),
)
MOST_NODES = 10_000

# A slope beyond this is looked at: does it run off?
STEEP = 4.0
FURTHER = 4.0


def read(name: str, table: Table, options: dict[str, Any]) -> Case:
    """Bind a table of item columns with 0, 1 or empty, and an optional column `frequency`.

    Raises
    ------
    InputError
    """
    items = tuple(column for column in table.columns if column != "frequency")
    if len(items) < 2:
        raise InputError(f"{table.path}: {len(items)} item column(s), expected at least 2 (columns of 0, 1 or empty)")
    count, limit = options["nodes"], options["limit"]
    if not 2 <= count <= MOST_NODES:
        raise InputError(f"--nodes {count}: expected a whole number from 2 to {MOST_NODES}")
    if not 0 < limit < np.inf:
        raise InputError(f"--limit {limit:g}: expected a positive number")
    responses = numbers(table, items, expected="0, 1 or empty", allowed=(0.0, 1.0), empty=True)
    counts = frequencies(table)
    seen = responses if counts is None else responses[counts > 0]
    for item, answers in zip(items, seen.T, strict=True):
        if not ((answers == 0).any() and (answers == 1).any()):
            raise InputError(
                f"{table.path}, column {item!r}: expected right and wrong answers, else its intercept is infinite"
            )
    return bind(name, responses, items, counts, *equally_spaced(count, limit))


def bind(
    name: str, responses: Array, items: tuple[str, ...], counts: Array | None, nodes: Array, weights: Array
) -> Case:
    """Bind arrays: responses (N, I) of 0, 1 or NaN, frequencies, and the grid, which must be symmetric."""
    em = CommonSlope(responses, counts, nodes, weights)

    def build_model(hooks: bool = False) -> Any:
        from pp_models import common_slope

        return common_slope.build(responses, nodes, weights, frequencies=counts, hooks=hooks)

    def align(natural: Natural, reference: Natural) -> Natural:
        """Turn the ability axis round where that brings the slopes closer; the likelihood is the same."""
        return {**natural, "a": np.copysign(natural["a"], reference["a"])}

    def bind_again(data: dict[str, Any]) -> Case:
        return bind(name, data["responses"], items, data["frequencies"], nodes, weights)

    return Case(
        name=name,
        family="common-slope",
        title=f"{len(items)} items, {em.two_pl.patterns.frequencies.sum():.0f} examinees, one slope",
        em=em,
        build_model=build_model,
        to_em=lambda natural: CommonSlopeParams(
            np.asarray(natural["d"], dtype=float), np.asarray(natural["a"], dtype=float)
        ),
        from_em=lambda params: {"d": params.intercept, "a": params.slope},
        draw_start=lambda rng: {"d": rng.normal(0.0, 1.0, len(items)), "a": rng.normal(0.0, 1.0, 1)},
        labels={"d": items, "a": ("all",)},
        align=align,
        canonical=lambda natural: align(natural, {"a": np.ones(1)}),
        derive=lambda natural: {"b": -natural["d"] / natural["a"]},
        runaway=lambda natural: _runaway(natural, items),
        curves=lambda natural: _item_curves(natural, items),
        audit=_audit(em, lambda: build_model(hooks=True), bind_again),
        settings={
            "quadrature": f"{len(nodes)} nodes on [{nodes.min():g}, {nodes.max():g}], "
            f"weights add up to {weights.sum():.6g}",
        },
    )


def _runaway(natural: Natural, items: tuple[str, ...]) -> tuple[tuple[str, ...], Natural] | None:
    """A steep slope, and the point at which all curves are steeper still at the same places."""
    if abs(natural["a"][0]) <= STEEP:
        return None
    names = (*(f"d[{item}]" for item in items), "a[all]")
    return names, {name: values * FURTHER for name, values in natural.items()}


def _item_curves(natural: Natural, items: tuple[str, ...]) -> Curves:
    """Item characteristic curves P(right | theta)."""
    theta = np.linspace(-4.0, 4.0, 161)
    probability = 1 / (1 + np.exp(-(natural["d"] + natural["a"] * theta[:, None])))
    return Curves(
        "Item characteristic curves",
        "ability (standard deviations)",
        "probability of a right answer",
        theta,
        dict(zip(items, probability.T, strict=True)),
    )


def _audit(em: CommonSlope, build_model: Callable[[], Any], rebind: Callable[[dict[str, Any]], Case]) -> AuditHooks:
    """What the audit of an EM with a common slope needs."""
    responses = np.array(em.responses, dtype=float)
    counts = np.ones(len(responses)) if em.frequencies is None else np.array(em.frequencies, dtype=float)
    nodes, weights = em.two_pl.grid
    data = {"responses": responses, "frequencies": counts, "nodes": nodes, "weights": weights}
    seen = counts > 0
    right = np.nan_to_num(responses[seen])
    answered = (~np.isnan(responses[seen])).astype(float)

    def expected_counts(weighted: Array) -> dict[str, Array]:
        found = {"examinees": weighted.sum(axis=0), "correct": weighted.T @ right}
        return found if answered.all() else {**found, "attempts": weighted.T @ answered}

    def score(expected: Mapping[str, Array], natural: Natural) -> Natural:
        attempts = expected.get("attempts", expected["examinees"][:, None])
        residual = expected["correct"] - attempts * expit(natural["d"] + natural["a"] * nodes[:, None])
        return {"d": residual.sum(axis=0), "a": (nodes @ residual).sum(keepdims=True)}

    def rows(responses: Array, counts: Array) -> dict[str, Any]:
        return {**data, "responses": responses, "frequencies": counts}

    first = int(np.flatnonzero(seen)[0])
    twice = counts.copy()
    twice[first] *= 2
    items = responses.shape[1]
    empty = np.full((1, items), np.nan)
    return AuditHooks(
        build_model=build_model,
        expected_counts=expected_counts,
        score=score,
        mass={
            "examinees": float(counts.sum()),
            "correct": counts[seen] @ right,
            **({} if answered.all() else {"attempts": counts[seen] @ answered}),
        },
        data=data,
        rebind=rebind,
        symmetries={"reflecting ability": lambda natural: {"d": natural["d"], "a": -natural["a"]}},
        same_data={
            "a frequency of 2 for the row twice": (
                rows(responses, twice),
                rows(np.vstack([responses, responses[first]]), np.append(counts, counts[first])),
            ),
            "a row without responses": (
                rows(responses, counts),
                rows(np.vstack([responses, empty]), np.append(counts, 1.0)),
            ),
        },
        edge_cases={
            "one examinee": rows(np.arange(float(items))[None] % 2, np.ones(1)),
            "all examinees equal": rows(np.tile(np.arange(items) % 2.0, (5, 1)), np.ones(5)),
            "an item that everyone got right": rows(
                np.column_stack([np.ones(6), np.arange(6 * (items - 1)).reshape(6, -1) % 2]), np.ones(6)
            ),
        },
        edge_starts={"a slope of 0": {"d": np.linspace(-1, 1, items), "a": np.zeros(1)}},
    )
