"""Latent classes: binds the EM and the PyMC model of answers that are independent within a class."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from comparisons.case import Case, Flag, InputError, stop_after
from comparisons.families import Option
from comparisons.families._answers import (
    COLUMN_OPTIONS,
    CategoryAnswers,
    answers_in_words,
    category_answers_of,
    missing_answers,
    missing_in_words,
)
from comparisons.families._audit.latent_classes import class_audit
from comparisons.families._binding import Model
from comparisons.families._class_items import ClassItems, by_share, class_start_fault, inside
from comparisons.families._display.latent_classes import ClassDisplay
from comparisons.families._mixtures import relabelled
from comparisons.families._priors import CONCENTRATION
from comparisons.parsing import Range
from comparisons.reading.tables import Table
from em_reference.latent_classes import LatentClasses
from em_reference.priors import Dirichlet

TITLE = "latent classes: answers to items in categories (latent class analysis)"
DATA = (
    "one column per item (2 to 1000) with a label per category (0 and 1, yes and no, 1 to 5, ...) or empty (not "
    "answered), optionally a column 'frequency', and one row per respondent or per response pattern"
)
OPTIONS = (
    Option("classes", int, "number of latent classes", required=True, range=Range(1, 100), ladder=True),
    Option("weight-prior", float, "concentration of a symmetric Dirichlet prior on the weights", range=CONCENTRATION),
    Option("category-prior", float, "the same on the categories of every item in every class", range=CONCENTRATION),
    Option("assignments", bool, "also write the posterior probability of every class, row by row", default=False),
    *COLUMN_OPTIONS,
)

start_fault = class_start_fault
inner_start = inside


def read(name: str, table: Table, options: dict[str, Any]) -> Case:
    """Bind a table of item columns with labels of categories or empty, and an optional column `frequency`.

    Raises
    ------
    InputError
    """
    answers = category_answers_of(table, options)
    rows = len(answers.codes) if answers.frequencies is None else int(answers.frequencies.sum())
    if options["classes"] > rows:
        raise InputError(f"--classes {options['classes']}: expected at most {rows}, the respondents of {table.path}")
    case = bind(
        name,
        answers,
        options["classes"],
        weight_prior=options["weight-prior"],
        category_prior=options["category-prior"],
        assignments=options["assignments"],
    )
    return replace(case, flags=(*answers.flags, *case.flags))


def bind(
    name: str,
    answers: CategoryAnswers,
    classes: int,
    *,
    weight_prior: float | None = None,
    category_prior: float | None = None,
    assignments: bool = False,
) -> Case:
    """Bind arrays: answers as numbers of states, optionally with frequencies and priors."""
    with_prior = weight_prior is not None or category_prior is not None
    if with_prior:
        weight_prior, category_prior = weight_prior or 1.0, category_prior or 1.0
    items = ClassItems(answers.items, answers.states, classes)
    codes, often = answers.codes, answers.frequencies
    em = LatentClasses(
        codes,
        items.sizes,
        classes,
        often,
        weight_prior=None if weight_prior is None else Dirichlet(weight_prior),
        category_prior=None if category_prior is None else Dirichlet(category_prior),
    )
    display = ClassDisplay(em, items, answers if assignments else None)
    respondents = float(em.patterns.frequencies.sum())
    model = {"responses": codes, "categories": items.sizes, "classes": classes, "frequencies": often}
    priors = {"weight_prior": weight_prior or 1.0, "category_prior": category_prior or 1.0}
    return Case(
        name=name,
        family="latent-classes",
        title=f"{classes} class{'es' if classes > 1 else ''}, {len(items.names)} items, {respondents:.0f} respondents"
        f"{missing_in_words(codes, often)}",
        em=em,
        build_model=Model("latent_classes", {**model, **priors}, ("responses",)),
        to_em=items.to_em,
        from_em=items.from_em,
        draw_start=items.draw_start,
        parameters=items.parameters,
        with_prior=with_prior,
        stop=stop_after(respondents),
        align=relabelled,
        canonical=by_share,
        derive=display.derive,
        curves=display.curves,
        first_cycle=display.first_cycle,
        extra_tables=display.extra_tables,
        flags=_flags(em, items),
        audit=class_audit(em, partial(_bind_again, name, answers, weight_prior, category_prior)),
        missing_answers=missing_answers(codes, often),
        settings={
            "classes": classes,
            **answers_in_words(codes, often),
            "response patterns": f"{len(em.patterns.frequencies):,} of {display.cells:,} possible ones were seen"
            if not display.incomplete
            else f"{len(em.patterns.frequencies):,} were seen",
            "states of the items": items.in_words(),
            "fit statistics": display.about_fit(),
            "prior on weights": "flat" if weight_prior is None else f"Dirichlet({weight_prior:g})",
            "prior on categories": "flat" if category_prior is None else f"Dirichlet({category_prior:g})",
            **({"class assignments": "in assignments.csv and assignments_by_pattern.csv"} if assignments else {}),
        },
    )


def _bind_again(
    name: str,
    given: CategoryAnswers,
    weight_prior: float | None,
    category_prior: float | None,
    data: dict[str, Any],
) -> Case:
    """The same model of other answers; items that are new are called item6, item7, ..."""
    codes, sizes = np.asarray(data["responses"], dtype=float), [int(size) for size in data["categories"]]
    names = (*given.items, *(f"item{place + 1}" for place in range(len(given.items), len(sizes))))[: len(sizes)]
    states = tuple(_states(given, place, size) for place, size in enumerate(sizes))
    answers = CategoryAnswers(codes, names, states, data["frequencies"])
    return bind(name, answers, data["classes"], weight_prior=weight_prior, category_prior=category_prior)


def _states(given: CategoryAnswers, place: int, size: int) -> tuple[str, ...]:
    """Labels of the states of one item: as they were, or numbers."""
    known = given.states[place] if place < len(given.states) else ()
    return known if len(known) == size else tuple(map(str, range(size)))


def _flags(em: LatentClasses, items: ClassItems) -> tuple[Flag, ...]:
    """What the sizes alone tell of identification."""
    if em.classes == 1:
        return ()
    found = []
    patterns, cells = len(em.patterns.frequencies), int(np.prod(items.sizes, dtype=object))
    if items.free_parameters > cells - 1:
        message = f"{items.free_parameters} parameters, and the {cells} possible response patterns tell at most "
        found.append(Flag("more_parameters", f"{message}{cells - 1}: not all of them are identified"))
    if em.classes > patterns:
        message = f"{em.classes} classes, and only {patterns} different response pattern{'s' * (patterns > 1)}: "
        found.append(Flag("more_classes", f"{message}fewer classes fit as well"))
    return tuple(found)
