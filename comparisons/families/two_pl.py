"""2PL: binds the EM and the PyMC model of the two-parameter logistic item response model."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pandas as pd

from comparisons.answers import (
    COLUMN_OPTIONS,
    ITEM_DATA,
    answers_in_words,
    missing_answers,
    missing_in_words,
    responses_of,
)
from comparisons.case import Array, Case, Flag, InputError, Natural
from comparisons.data import Table
from comparisons.families import Option
from comparisons.items import (
    GRID_OPTIONS,
    described_grid,
    equal_grid,
    item_audit,
    item_curves,
    steep_items,
)
from comparisons.person_scores import score_tables
from em_reference.priors import LogNormal, Normal, ScalarPrior
from em_reference.quadrature import equally_spaced
from em_reference.scoring import Method
from em_reference.two_pl import TwoPL, TwoPLParams

TITLE = "two-parameter logistic item response model: right and wrong answers (2PL, marginal ML)"
DATA = ITEM_DATA
OPTIONS = (
    *GRID_OPTIONS,
    Option("grid", list, "your own quadrature nodes instead"),
    Option("grid-weights", list, "their weights, used as they are"),
    Option("intercept-prior", str, "prior on d: 'normal,MEAN,SD'; flat when left out"),
    Option("slope-prior", str, "prior on a: 'normal,MEAN,SD' or 'lognormal,MEAN,SD'; flat when left out"),
    Option("scores", str, "also write person scores: eap, map or mle"),
    *COLUMN_OPTIONS,
)
# More nodes than this are too many columns for a table of posteriors.
MOST_NODES_SHOWN = 15
PRIORS: dict[str, Callable[[float, float], ScalarPrior]] = {"normal": Normal, "lognormal": LogNormal}


def read(name: str, table: Table, options: dict[str, Any]) -> Case:
    """Bind a table of item columns with 0, 1 or empty, and an optional column `frequency`.

    Raises
    ------
    InputError
    """
    responses, items, counts, ids, flags = responses_of(table, options)
    nodes, weights = _quadrature(options)
    scores = options["scores"]
    if scores is not None and scores not in get_args(Method):
        raise InputError(f"--scores {scores}: expected one of {', '.join(get_args(Method))}")
    priors = (
        _prior("--intercept-prior", options["intercept-prior"], ("normal",)),
        _prior("--slope-prior", options["slope-prior"], ("normal", "lognormal")),
    )
    case = bind(
        name,
        responses,
        items,
        counts=counts,
        nodes=nodes,
        weights=weights,
        intercept_prior=priors[0],
        slope_prior=priors[1],
        scores=scores,
        ids=ids,
        where=table.path,
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
    nodes = np.array(options["grid"] or (), dtype=float)
    weights = np.array(options["grid-weights"] or (), dtype=float)
    if len(nodes) < 2 or not np.isfinite(nodes).all():
        raise InputError(f"--grid: {len(nodes)} nodes, expected 2 or more, all finite, with --grid-weights")
    if len(weights) != len(nodes) or not (np.isfinite(weights) & (weights > 0)).all():
        raise InputError(
            f"--grid-weights: {len(weights)} weights, expected {len(nodes)} positive numbers, one per node"
        )
    return nodes, weights


def _prior(option: str, text: str | None, kinds: tuple[str, ...]) -> tuple[str, float, float] | None:
    """'normal,0,2' -> ("normal", 0.0, 2.0)."""
    if text is None:
        return None
    expected = " or ".join(f"'{kind},MEAN,SD'" for kind in kinds)
    parts = [part.strip() for part in str(text).split(",")]
    try:
        kind, mean, sd = parts[0], *(float(part) for part in parts[1:])
    except ValueError:
        raise InputError(f"{option} {text}: expected {expected}") from None
    if kind not in kinds or not np.isfinite(mean) or not 0 < sd < np.inf:
        raise InputError(f"{option} {text}: expected {expected} with a positive SD")
    return kind, mean, sd


def bind(
    name: str,
    responses: Array,
    items: tuple[str, ...],
    *,
    counts: Array | None = None,
    nodes: Array | None = None,
    weights: Array | None = None,
    intercept_prior: tuple[str, float, float] | None = None,
    slope_prior: tuple[str, float, float] | None = None,
    scores: str | None = None,
    ids: tuple[str, ...] | None = None,
    where: str = "data",
    keep_all: bool = False,
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
    flags: tuple[Flag, ...] = ()
    if intercept_prior is None and not keep_all:
        keep, flags = _without_variation(responses, items, counts)
        responses, items = responses[:, keep], tuple(item for item, kept in zip(items, keep, strict=True) if kept)
    if len(items) < 2:
        reason = f" ({flags[0].message.partition(';')[0]}" if flags else ""
        reason += f", and {len(flags) - 1} more)" if len(flags) > 1 else ")" if flags else ""
        raise InputError(f"{where}: {len(items)} item(s) left to estimate, expected at least 2{reason}")
    em = TwoPL(
        responses,
        counts,
        nodes,
        weights,
        intercept_prior=None if intercept_prior is None else PRIORS[intercept_prior[0]](*intercept_prior[1:]),
        slope_prior=None if slope_prior is None else PRIORS[slope_prior[0]](*slope_prior[1:]),
    )

    def build_model(hooks: bool = False) -> Any:
        from pp_models import two_pl

        return two_pl.build(
            responses,
            nodes,
            weights,
            frequencies=counts,
            intercept_prior=intercept_prior or ("flat",),
            slope_prior=slope_prior or ("flat",),
            hooks=hooks,
        )

    def to_em(natural: Natural) -> TwoPLParams:
        return TwoPLParams(np.asarray(natural["d"], dtype=float), np.asarray(natural["a"], dtype=float))

    even = slope_prior is None or slope_prior[:2] == ("normal", 0.0)
    mirrored = even and _symmetric(nodes, weights)
    positive = slope_prior is not None and slope_prior[0] == "lognormal"

    def draw_start(rng: np.random.Generator) -> Natural:
        d, a = rng.normal(0.0, 1.0, len(items)), rng.normal(0.0, 1.0, len(items))
        return {"d": d, "a": np.abs(a) if positive else a}

    def align(natural: Natural, reference: Natural) -> Natural:
        """Turn the ability axis round where that brings the slopes closer; the likelihood is the same."""
        reflected = mirrored and float(natural["a"] @ reference["a"]) < 0
        return {"d": natural["d"], "a": -natural["a"]} if reflected else natural

    def bind_again(data: dict[str, Any]) -> Case:
        return bind(name, data["responses"], items, counts=data["frequencies"], nodes=nodes, weights=weights,
                    intercept_prior=intercept_prior, slope_prior=slope_prior, keep_all=True)  # fmt: skip

    def extra_tables(natural: Natural) -> dict[str, pd.DataFrame]:
        return {} if scores is None else score_tables(em, to_em(natural), items, scores, ids)  # type: ignore[arg-type]

    return Case(
        name=name,
        family="two-pl",
        title=f"{len(items)} items, {int(em.patterns.frequencies.sum())} examinees"
        f"{missing_in_words(responses, counts)}",
        em=em,
        build_model=build_model,
        to_em=to_em,
        from_em=lambda params: {"d": params.intercept, "a": params.slope},
        draw_start=draw_start,
        labels={"d": items, "a": items},
        with_prior=intercept_prior is not None or slope_prior is not None,
        align=align,
        canonical=lambda natural: align(natural, {"a": np.ones(len(items))}),
        derive=lambda natural: {"b": to_em(natural).difficulty},
        runaway=lambda natural: steep_items(natural, items, nodes),
        curves=lambda natural: item_curves(natural, items),
        first_cycle=lambda start: _first_cycle(em, to_em(start), items),
        extra_tables=extra_tables,
        flags=flags,
        audit=item_audit(
            responses,
            counts,
            (nodes, weights),
            lambda: build_model(hooks=True),
            bind_again,
            slopes=len(items),
            mirrored=mirrored,
        ),
        missing_answers=missing_answers(responses, counts),
        settings={
            **answers_in_words(responses, counts),
            "quadrature": described_grid(nodes, weights),
            "prior on d": "flat" if intercept_prior is None else "{}({:g}, {:g})".format(*intercept_prior),
            "prior on a": "flat" if slope_prior is None else "{}({:g}, {:g})".format(*slope_prior),
            **({} if scores is None else {"person scores": f"{scores}, in scores.csv and scores_by_pattern.csv"}),
        },
    )


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


def _symmetric(nodes: Array, weights: Array) -> bool:
    """Whether the ability distribution is its own mirror image."""
    order, mirror = np.argsort(nodes), np.argsort(-nodes)
    return bool(np.allclose(nodes[order], -nodes[mirror]) and np.allclose(weights[order], weights[mirror]))


def _without_variation(
    responses: Array, items: tuple[str, ...], counts: Array | None
) -> tuple[Array, tuple[Flag, ...]]:
    """Which items to keep, and a flag for each that everyone, or no one, got right."""
    seen = responses if counts is None else responses[counts > 0]
    right, wrong = (seen == 1).any(axis=0), (seen == 0).any(axis=0)
    flags = []
    for item, has_right, has_wrong in zip(items, right, wrong, strict=True):
        if has_right and not has_wrong:
            message = f"every examinee got {item} right: d[{item}] diverges to +infinity, a[{item}] is not identified"
        elif has_wrong and not has_right:
            message = f"no examinee got {item} right: d[{item}] diverges to -infinity, a[{item}] is not identified"
        elif not has_right and not has_wrong:
            message = f"no examinee answered {item}: d[{item}] and a[{item}] are not identified"
        else:
            continue
        flags.append(Flag("diverging", f"{message}; the other items are estimated without it"))
    return right & wrong, tuple(flags)


def _first_cycle(em: TwoPL, start: TwoPLParams, items: tuple[str, ...]) -> dict[str, pd.DataFrame]:
    """Artificial data of the first E-step and the estimates of the first M-step; of few nodes the posteriors too."""
    nodes, _ = em.grid
    counts = em.e_step(start).expected_counts
    after = em.m_step(counts, start)
    right = {f"right {item}": counts.correct[:, i] for i, item in enumerate(items)}
    posteriors = {"E-step: posterior of each pattern over the nodes": _posteriors(em, start)}
    return {
        **(posteriors if len(nodes) <= MOST_NODES_SHOWN else {}),
        "E-step: artificial data": pd.DataFrame({"node": nodes, "examinees": counts.examinees, **right}),
        "M-step: parameters after cycle 1": pd.DataFrame(
            {"item": items, "d": after.intercept, "a": after.slope, "b": after.difficulty}
        ),
    }


def _posteriors(em: TwoPL, start: TwoPLParams) -> pd.DataFrame:
    """Response pattern, its frequency and marginal probability, and its posterior at every node."""
    correct, answered, frequencies, _ = em.patterns
    posterior, log_probability = em.posteriors(start)
    signs = np.where(np.ones_like(correct) if answered is None else answered, correct.astype(int).astype(str), ".")
    # Five decimals, so that ten nodes stand side by side.
    at_nodes = {f"{node:g}": np.char.mod("%.5f", column) for node, column in zip(em.grid[0], posterior.T, strict=True)}
    return pd.DataFrame(
        {
            "pattern": ["".join(row) for row in signs],
            "examinees": frequencies.astype(int),
            "probability": np.exp(log_probability),
            **at_nodes,
        }
    )
