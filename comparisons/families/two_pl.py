"""2PL: binds the EM and the PyMC model of the two-parameter logistic item response model."""

from dataclasses import replace
from functools import partial
from typing import Any, get_args

import numpy as np

from comparisons.case import (
    Array,
    Axis,
    Case,
    Flag,
    InputError,
    Parameter,
    as_given,
    no_alternatives,
    stop_after,
    unchanged,
)
from comparisons.families import Option
from comparisons.families._answers import (
    COLUMN_OPTIONS,
    ITEM_DATA,
    missing_answers,
    missing_in_words,
    responses_of,
)
from comparisons.families._audit.items import item_audit
from comparisons.families._binding import Starts, half_normal, real
from comparisons.families._display.two_pl import FIELDS, TwoPLDisplay
from comparisons.families._item_response import (
    GRID_OPTIONS,
    ItemData,
    difficulties,
    equal_grid,
    item_start_fault,
    steep_items,
    turned,
    upright,
)
from comparisons.families._joint import joint_estimates
from comparisons.families._no_estimate import left_out, with_estimates
from comparisons.families._priors import Prior, by_em, in_words, prior_constants, prior_of, priors_in_words
from comparisons.parsing import Range
from comparisons.reading.tables import Table
from em_reference.quadrature import equally_spaced
from em_reference.scoring import Method
from em_reference.two_pl import TwoPL

TITLE = "two-parameter logistic item response model: right and wrong answers (2PL, marginal ML)"
DATA = ITEM_DATA
OPTIONS = (
    *GRID_OPTIONS,
    Option("grid", list, "your own quadrature nodes instead, 2 to 10000 numbers", range=Range(-30, 30)),
    Option("grid-weights", list, "their weights, used as they are", range=Range(1e-300, 1e6)),
    Option("intercept-prior", str, f"prior on d: {priors_in_words('normal')}; flat when left out"),
    Option("slope-prior", str, f"prior on a: {priors_in_words('normal', 'lognormal')}; flat when left out"),
    Option("scores", str, "also write person scores", choices=get_args(Method)),
    Option("joint", bool, "also estimate items and abilities at once, by joint maximum likelihood", default=False),
    *COLUMN_OPTIONS,
)
MOST_NODES = 10_000
start_fault = item_start_fault


def read(name: str, table: Table, options: dict[str, Any]) -> Case:
    """Bind a table of item columns with 0, 1 or empty, and an optional column `frequency`.

    Raises
    ------
    InputError
    """
    responses, items, frequencies, ids, flags = responses_of(table, options)
    nodes, weights = _quadrature(options)
    priors = (
        prior_of("--intercept-prior", options["intercept-prior"], ("normal",)),
        prior_of("--slope-prior", options["slope-prior"], ("normal", "lognormal")),
    )
    case = bind(
        name,
        responses,
        items,
        frequencies=frequencies,
        nodes=nodes,
        weights=weights,
        intercept_prior=priors[0],
        slope_prior=priors[1],
        scores=options["scores"],
        ids=ids,
        where=table.path,
        joint=options["joint"],
    )
    case = replace(case, flags=(*flags, *case.flags))
    silent = int(np.isnan(responses).all(axis=1).sum())
    if not silent:
        return case
    message = f"{silent} row(s) of {table.path} hold no answer at all: they say nothing about any item"
    return replace(case, flags=(*case.flags, Flag("no_answers", message)))


def _quadrature(options: dict[str, Any]) -> tuple[Array, Array]:
    """Nodes and weights, equally spaced or as given."""
    if options["grid"] is None and options["grid-weights"] is None:
        return equal_grid(options)
    nodes, weights = (np.array(options[name] or (), dtype=float) for name in ("grid", "grid-weights"))
    if not 2 <= len(nodes) <= MOST_NODES:
        raise InputError(f"--grid: {len(nodes)} nodes, expected 2 to {MOST_NODES}, with --grid-weights")
    if len(weights) != len(nodes):
        raise InputError(f"--grid-weights: {len(weights)} weights, expected {len(nodes)}, one per node")
    return nodes, weights


def bind(
    name: str,
    responses: Array,
    items: tuple[str, ...],
    *,
    frequencies: Array | None = None,
    nodes: Array | None = None,
    weights: Array | None = None,
    intercept_prior: Prior = None,
    slope_prior: Prior = None,
    scores: Method | None = None,
    ids: tuple[str, ...] | None = None,
    where: str = "data",
    keep_all: bool = False,
    joint: bool = False,
) -> Case:
    """Bind arrays: responses (N, I) of 0, 1 or NaN, optionally with frequencies, a grid and priors.

    An item that everyone, or no one, got right has no finite maximum likelihood estimate. Its share of
    the likelihood tends to 1 whatever the other items do, so it is named, flagged and left out; the
    others are estimated exactly as if it were there. With a prior on its intercept it stays.

    Raises
    ------
    InputError
        If fewer than two items are left.
    """
    if nodes is None or weights is None:
        nodes, weights = equally_spaced()
    given = len(items)
    drop = intercept_prior is None and not keep_all
    responses, items, dropped = with_estimates(responses, items, frequencies, where, drop)
    data = ItemData(responses, items, frequencies, nodes, weights)
    priors: dict[str, Any] = {"intercept_prior": intercept_prior, "slope_prior": slope_prior}
    em = TwoPL(responses, frequencies, nodes, weights,
               intercept_prior=by_em(intercept_prior), slope_prior=by_em(slope_prior))  # fmt: skip
    examinees, display = em.patterns.frequencies.sum(), TwoPLDisplay(em, items, scores, ids)
    beside = joint_estimates(em, items) if joint else None
    slope = half_normal if slope_prior is not None and slope_prior[0] == "lognormal" else real
    mirrored = data.symmetric and (slope_prior is None or slope_prior[:2] == ("normal", 0.0))
    item = Axis("item", items)
    return Case(
        name=name,
        family="two-pl",
        title=f"{len(items)}{f' of {given}' if dropped else ''} items, {int(examinees)} examinees"
        f"{missing_in_words(responses, frequencies)}",
        em=em,
        build_model=data.model("two_pl", **{name: prior or ("flat",) for name, prior in priors.items()}),
        to_em=FIELDS.to_em,
        from_em=FIELDS.from_em,
        draw_start=Starts({"d": (real, len(items)), "a": (slope, len(items))}, FIELDS),
        stop=stop_after(float(examinees)),
        parameters=(Parameter("d", (item,)), Parameter("a", (item,))),
        with_prior=intercept_prior is not None or slope_prior is not None,
        align=turned if mirrored else as_given,
        canonical=upright if mirrored else unchanged,
        derive=difficulties,
        runaway=partial(steep_items, items=items, nodes=nodes),
        curves=data.curves,
        first_cycle=display.first_cycle,
        extra_tables=display.extra_tables,
        flags=(*left_out(dropped), *(() if beside is None else (beside.flag,))),
        alternatives=no_alternatives if beside is None else beside.alternatives,
        audit=item_audit(
            data,
            partial(_bind_again, name, data, priors),
            slopes=len(items),
            mirrored=mirrored,
            prior_constants=prior_constants(intercept_prior, slope_prior, len(items)),
        ),
        missing_answers=missing_answers(responses, frequencies),
        settings={
            **data.settings,
            "prior on d": in_words(intercept_prior),
            "prior on a": in_words(slope_prior),
            **({"beside": "joint maximum likelihood"} if joint else {}),
            **({} if scores is None else {"person scores": f"{scores}, in scores.csv and scores_by_pattern.csv"}),
        },
    )


def _bind_again(name: str, given: ItemData, priors: dict[str, Any], data: dict[str, Any]) -> Case:
    responses, items, frequencies, nodes, weights = given.other(data)
    return bind(name, responses, items, frequencies=frequencies, nodes=nodes, weights=weights, keep_all=True, **priors)


def worked_em(case: Case, newton_tolerance: float) -> TwoPL:
    """Return the EM of a case with the M-step tolerance of a worked example.

    Raises
    ------
    InputError
    """
    if not isinstance(newton_tolerance, int | float) or not 0 < newton_tolerance < np.inf:
        raise InputError(f"newton-tolerance is {newton_tolerance!r}, expected a positive number")
    if not isinstance(case.em, TwoPL):
        raise TypeError(f"expected a TwoPL, got {type(case.em).__name__}")
    return replace(case.em, newton_tolerance=float(newton_tolerance))
