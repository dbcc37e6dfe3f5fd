"""Estimates of latent classes: by name, or one row per class.

One row per class has a column of weights and, for every item, one of the probability of its second category; so the
items must have two.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from comparisons.adjudicate.estimates import Estimates
from comparisons.adjudicate.forms._by_name import Written, assembled
from comparisons.adjudicate.forms._content import read_content
from comparisons.adjudicate.forms._plain import (
    CAUSES,
    CHOICES,
    ROLES,
    another_model,
    customary_starts,
    groups,
    of_content,
    order_in_words,
    reorder,
    tame,
    targets,
)
from comparisons.adjudicate.forms._plain import LAYOUTS as BY_NAME
from comparisons.adjudicate.forms._plain import reading as reading
from comparisons.adjudicate.forms.coin_mixture import COMPONENT, WEIGHT
from comparisons.adjudicate.forms.headers import find_column, missing_role, unused_columns
from comparisons.adjudicate.forms.layouts.roles import plain
from comparisons.adjudicate.ways_to_read import Reading
from comparisons.case import Case, InputError, Natural
from comparisons.reading.tables import Table

__all__ = [
    "CAUSES", "CHOICES", "LAYOUTS", "ROLES", "UNUSED_OPTIONS", "another_model", "conversions", "customary_starts",
    "groups", "order_in_words", "read", "reading", "reorder", "tame", "targets",
]  # fmt: skip

UNUSED_OPTIONS = ("assignments",)
LAYOUTS = f"{BY_NAME}; or, of items with two categories, one row per class: weight, and a column for each item"
# Probabilities of the second of two categories.
SECOND = "probability"


def read(path: str | Path, _: Table, case: Case, options: Mapping[str, Any]) -> Estimates:
    """Numbers by name, or one row per class.

    Raises
    ------
    InputError
    """
    content = read_content(path)
    table = content.table
    items = _items(case)
    if table is None or not _by_class(table, items):
        return of_content(content, case, options)
    written, notes = _of_classes(table, case, items)
    return assembled(case, content.path, written, [*content.notes, *notes])


def _by_class(table: Table, items: tuple[str, ...]) -> bool:
    """Whether a table has one row per class; one with a row per parameter may have an item 'value' in its header."""
    found = len(set(items) & set(table.columns))
    weighted = any(plain(column) in WEIGHT.synonyms for column in table.columns)
    return 2 * found > len(items) or (found > 0 and weighted)


def _items(case: Case) -> tuple[str, ...]:
    """Items with two categories."""
    return case.by_name[SECOND].axes[1].labels if SECOND in case.by_name else ()


def _of_classes(table: Table, case: Case, items: tuple[str, ...]) -> tuple[list[Written], list[str]]:
    """Numbers of a table with one row per class, in the order of its rows, and notes."""
    classes = case.by_name[SECOND].axes[0].labels
    if len(table.cells) != len(classes):
        raise InputError(f"{table.path}: {len(table.cells)} class(es), expected {len(classes)} as --classes says")
    if len(case.parameters) > (2 if len(classes) > 1 else 1):
        raise InputError(f"{table.path}: one row per class, expected one row per parameter, as some items have more "
                         "than two categories")  # fmt: skip
    columns = {item: table.column(item) for item in items}
    weight = find_column(table, WEIGHT, None)
    named = find_column(table, COMPONENT, None)
    if weight is None and len(classes) > 1:
        raise missing_role(table, [WEIGHT])
    written = []
    for name, row, line in zip(classes, table.cells, table.lines, strict=True):
        where = f"row {line}"
        if weight is not None and len(classes) > 1:
            written.append(Written(f"weight[{name}]", row[table.column(weight)], where))
        written += [Written(f"{SECOND}[{name}, {item}]", row[place], where) for item, place in columns.items()]
    return written, unused_columns(table, [weight, named, *items])


def conversions(estimates: Estimates, _: Mapping[str, Any], __: Natural) -> Iterator[Reading]:
    """The other way to read the file: probabilities of the first of two categories."""
    blocks = zip(estimates.roles, estimates.blocks, strict=True)
    other = np.concatenate([np.full(len(block), role == SECOND) for role, block in blocks])
    if other.any():
        given = reading(estimates, {})
        scale, offset = np.where(other, -1.0, 1.0), np.where(other, 1.0, 0.0)
        change = "probabilities of the first category instead of the second"
        yield Reading((change,), given.roles, given.to_natural, given.from_natural, scale, offset, blocks=given.blocks)
