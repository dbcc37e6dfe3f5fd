"""Common slope: binds the EM and the PyMC model of the one-parameter logistic item response model."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from comparisons.case import Array, Away, Axis, Case, InputError, Natural, Parameter, stop_after
from comparisons.families._answers import (
    COLUMN_OPTIONS,
    ITEM_DATA,
    missing_answers,
    missing_in_words,
    responses_of,
)
from comparisons.families._audit.items import item_audit
from comparisons.families._binding import Fields, Starts, real
from comparisons.families._item_response import (
    FURTHER,
    GRID_OPTIONS,
    STEEP,
    ItemData,
    difficulties,
    equal_grid,
    item_start_fault,
    turned,
    upright,
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
    responses, items, frequencies, _, flags = responses_of(table, options)
    grid = equal_grid(options)
    seen = responses if frequencies is None else responses[frequencies > 0]
    for item, answers in zip(items, seen.T, strict=True):
        if not ((answers == 0).any() and (answers == 1).any()):
            raise InputError(
                f"{table.path}, column {item!r}: expected right and wrong answers, else its intercept is infinite"
            )
    return replace(bind(name, responses, items, frequencies, *grid), flags=flags)


def bind(
    name: str, responses: Array, items: tuple[str, ...], frequencies: Array | None, nodes: Array, weights: Array
) -> Case:
    """Bind arrays: responses (N, I) of 0, 1 or NaN, frequencies, and the grid, which must be symmetric."""
    data = ItemData(responses, items, frequencies, nodes, weights)
    fields = Fields(CommonSlopeParams, {"d": "intercept", "a": "slope"})
    em = CommonSlope(responses, frequencies, nodes, weights)
    examinees = float(em.two_pl.patterns.frequencies.sum())
    return Case(
        name=name,
        family="common-slope",
        title=f"{len(items)} items, {examinees:.0f} examinees{missing_in_words(responses, frequencies)}, one slope",
        em=em,
        build_model=data.model("common_slope"),
        to_em=fields.to_em,
        from_em=fields.from_em,
        draw_start=Starts({"d": (real, len(items)), "a": (real, 1)}, fields),
        parameters=(Parameter("d", (Axis("item", items),)), Parameter("a", (Axis("every item", ("all",)),))),
        stop=stop_after(examinees),
        align=turned,
        canonical=upright,
        derive=difficulties,
        runaway=partial(_runaway, items=items, nodes=nodes),
        curves=data.curves,
        audit=item_audit(data, partial(_bind_again, name, data), slopes=1, mirrored=data.symmetric),
        missing_answers=missing_answers(responses, frequencies),
        settings=data.settings,
    )


def _bind_again(name: str, given: ItemData, data: dict[str, Any]) -> Case:
    return bind(name, *given.other(data))


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
