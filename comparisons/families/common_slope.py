"""Common slope: binds the EM and the PyMC model of the one-parameter logistic item response model."""

from dataclasses import replace
from typing import Any

import numpy as np

from comparisons.answers import (
    COLUMN_OPTIONS,
    ITEM_DATA,
    answers_in_words,
    missing_answers,
    missing_in_words,
    responses_of,
)
from comparisons.case import Array, Away, Case, InputError, Natural
from comparisons.data import Table
from comparisons.items import (
    FURTHER,
    GRID_OPTIONS,
    STEEP,
    described_grid,
    equal_grid,
    item_audit,
    item_curves,
)
from em_reference.common_slope import CommonSlope, CommonSlopeParams

TITLE = "one-parameter logistic item response model with a common slope (marginal ML)"
DATA = ITEM_DATA
OPTIONS = (*GRID_OPTIONS, *COLUMN_OPTIONS)


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

        return common_slope.build(responses, nodes, weights, frequencies=counts, hooks=hooks)

    def align(natural: Natural, reference: Natural) -> Natural:
        """Turn the ability axis round where that brings the slopes closer; the likelihood is the same."""
        return {**natural, "a": np.copysign(natural["a"], reference["a"])}

    def bind_again(data: dict[str, Any]) -> Case:
        return bind(name, data["responses"], items, data["frequencies"], nodes, weights)

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
        labels={"d": items, "a": ("all",)},
        align=align,
        canonical=lambda natural: align(natural, {"a": np.ones(1)}),
        derive=lambda natural: {"b": -natural["d"] / natural["a"]},
        runaway=lambda natural: _runaway(natural, items),
        curves=lambda natural: item_curves(natural, items),
        audit=item_audit(
            responses, counts, (nodes, weights), lambda: build_model(hooks=True), bind_again, slopes=1, mirrored=True
        ),
        missing_answers=missing_answers(responses, counts),
        settings={**answers_in_words(responses, counts), "quadrature": described_grid(nodes, weights)},
    )


def _runaway(natural: Natural, items: tuple[str, ...]) -> tuple[Away, ...]:
    """A steep slope, and the point at which all curves are steeper still at the same places."""
    if abs(natural["a"][0]) <= STEEP:
        return ()
    names = (*(f"d[{item}]" for item in items), "a[all]")
    return (Away(names, {name: values * FURTHER for name, values in natural.items()}),)
