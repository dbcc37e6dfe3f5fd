"""Common slope: binds the EM and the PyMC model of the one-parameter logistic item response model."""

from dataclasses import replace
from typing import Any

import numpy as np

from comparisons.case import Array, Away, Axis, Case, InputError, Natural, Parameter, stop_after
from comparisons.families._answers import (
    COLUMN_OPTIONS,
    ITEM_DATA,
    answers_in_words,
    missing_answers,
    missing_in_words,
    responses_of,
)
from comparisons.families._audit.items import item_audit
from comparisons.families._equal_rows import merged
from comparisons.families._item_response import (
    FURTHER,
    GRID_OPTIONS,
    STEEP,
    as_many,
    described_grid,
    equal_grid,
    item_curves,
    item_start_fault,
    symmetric_grid,
)
from comparisons.reading.tables import Table
from em_reference.common_slope import CommonSlope, CommonSlopeParams

# A logit beyond this is a certainty.
CERTAIN = 6.0

TITLE = "one-parameter logistic item response model with a common slope (marginal ML)"
DATA = ITEM_DATA
OPTIONS = (*GRID_OPTIONS, *COLUMN_OPTIONS)
start_fault = item_start_fault


def read(name: str, table: Table, options: dict[str, Any]) -> Case:
    """Bind a table of item columns with 0, 1 or empty, and an optional column `frequency`.

    Raises
    ------
    InputError
    """
    responses, items, counts, _, flags = responses_of(table, options)
    grid = equal_grid(options)
    seen = responses if counts is None else responses[counts > 0]
    for item, answers in zip(items, seen.T, strict=True):
        if not ((answers == 0).any() and (answers == 1).any()):
            raise InputError(
                f"{table.path}, column {item!r}: expected right and wrong answers, else its intercept is infinite"
            )
    return replace(bind(name, responses, items, counts, *grid), flags=flags)


def bind(
    name: str, responses: Array, items: tuple[str, ...], counts: Array | None, nodes: Array, weights: Array
) -> Case:
    """Bind arrays: responses (N, I) of 0, 1 or NaN, frequencies, and the grid, which must be symmetric."""
    em = CommonSlope(responses, counts, nodes, weights)

    def build_model(hooks: bool = False) -> Any:
        from pp_models import common_slope

        # The audit looks at the counts of every row of the data, as they were given.
        rows, seen = (responses, counts) if hooks else merged(responses, counts)
        return common_slope.build(rows, nodes, weights, frequencies=seen, hooks=hooks)

    def align(natural: Natural, reference: Natural) -> Natural:
        """Turn the ability axis round where that brings the slopes closer; the likelihood is the same."""
        return {**natural, "a": np.copysign(natural["a"], reference["a"])}

    def bind_again(data: dict[str, Any]) -> Case:
        grid = data.get("nodes", nodes), data.get("weights", weights)
        return bind(name, data["responses"], as_many(items, data["responses"]), data["frequencies"], *grid)

    return Case(
        name=name,
        family="common-slope",
        title=f"{len(items)} items, {em.two_pl.patterns.frequencies.sum():.0f} examinees"
        f"{missing_in_words(responses, counts)}, one slope",
        em=em,
        build_model=build_model,
        to_em=lambda natural: CommonSlopeParams(
            np.asarray(natural["d"], dtype=float), np.asarray(natural["a"], dtype=float)
        ),
        from_em=lambda params: {"d": params.intercept, "a": params.slope},
        draw_start=lambda rng: {"d": rng.normal(0.0, 1.0, len(items)), "a": rng.normal(0.0, 1.0, 1)},
        parameters=(Parameter("d", (Axis("item", items),)), Parameter("a", (Axis("every item", ("all",)),))),
        stop=stop_after(float(em.two_pl.patterns.frequencies.sum())),
        align=align,
        canonical=lambda natural: align(natural, {"a": np.ones(1)}),
        derive=lambda natural: {"b": -natural["d"] / natural["a"]},
        runaway=lambda natural: _runaway(natural, items, nodes),
        curves=lambda natural: item_curves(natural, items),
        audit=item_audit(
            responses,
            counts,
            (nodes, weights),
            lambda: build_model(hooks=True),
            bind_again,
            slopes=1,
            mirrored=symmetric_grid(nodes, weights),
        ),
        missing_answers=missing_answers(responses, counts),
        settings={**answers_in_words(responses, counts), "quadrature": described_grid(nodes, weights)},
    )


def _runaway(natural: Natural, items: tuple[str, ...], nodes: Array) -> tuple[Away, ...]:
    """A steep slope, and points at which all curves are steeper still.

    Each curve turns about its own middle, where it becomes a step between two nodes, or about the node next to that,
    where it keeps a probability between 0 and 1; or about the node only where that probability is no certainty.
    """
    slope = natural["a"][0]
    if abs(slope) <= STEEP:
        return ()
    names = (*(f"d[{item}]" for item in items), "a[all]")
    middle = -natural["d"] / slope
    nearest = nodes[np.abs(nodes[:, None] - middle).argmin(axis=0)]
    undecided = np.abs(natural["d"] + slope * nearest) < CERTAIN
    pivots = (middle, nearest, np.where(undecided, nearest, middle))
    return tuple(
        Away(names, {"d": natural["d"] + (1 - FURTHER) * slope * pivot, "a": FURTHER * natural["a"]})
        for pivot in pivots
    )
