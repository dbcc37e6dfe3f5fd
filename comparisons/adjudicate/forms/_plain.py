"""Estimates under our names: there is one way to read them, in any family.

A file has one row per parameter, as the `estimates.csv` of a report, or lists of numbers by name in JSON. What a
family's own room adds to this is said there.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from comparisons.adjudicate.estimates import Estimates, Names
from comparisons.adjudicate.forms._arrays import of_lists
from comparisons.adjudicate.forms._by_name import assembled
from comparisons.adjudicate.forms._content import ESTIMATE, PARAMETER, Content, of_rows, read_content
from comparisons.adjudicate.ways_to_read import Reading
from comparisons.case import Array, Axis, Case, Natural, Support
from comparisons.optima.labellings import labelling
from comparisons.reading.tables import Table

ROLES = (PARAMETER, ESTIMATE)
CHOICES: tuple[tuple[str, tuple[str, ...], str], ...] = ()
# What else leads near the maximum.
CAUSES = "a weak prior"
UNUSED_OPTIONS: tuple[str, ...] = ()
LAYOUTS = (
    "one row per parameter under the names of a report, in columns 'parameter' and 'estimate' as its estimates.csv, or "
    "lists of numbers by name as JSON"
)


def read(path: str | Path, _: Table, case: Case, options: Mapping[str, Any]) -> Estimates:
    """Numbers by name.

    Raises
    ------
    InputError
    """
    return of_content(read_content(path), case, options)


def of_content(content: Content, case: Case, options: Mapping[str, Any]) -> Estimates:
    """Numbers by name from what a file holds.

    Raises
    ------
    InputError
    """
    if content.by_name is not None:
        written, notes = of_lists(content.by_name, case, content.path)
    else:
        assert content.table is not None
        written, notes = of_rows(content.table, case, options)
    return assembled(case, content.path, written, [*content.notes, *notes])


def reading(estimates: Estimates, _: Mapping[str, Any]) -> Reading:
    """As they are."""
    one = estimates.values**0
    return Reading((), estimates.roles, _same, _same, one, 0 * one, blocks=estimates.blocks)


def _same(values: Array) -> Array:
    return values


def conversions(estimates: Estimates, _: Mapping[str, Any], __: Natural) -> Iterator[Reading]:
    """None."""
    return iter(())


def reorder(case: Case, reading: Reading, values: Array, target: Array) -> Reading | None:
    """What is named is where it belongs."""
    return None


def targets(case: Case, optimum: Natural, left_open: Names, given: Natural) -> list[tuple[Natural, Names]]:
    """The copy of the optimum that is nearest to what is given, and what is left open there."""
    aligned = case.align(optimum, given)
    moved = zip(case.by_name.values(), labelling(case, optimum, given), strict=True)
    origin = {
        name: parameter.names[abs(place) - 1] if place else name
        for parameter, places in moved
        for name, place in zip(parameter.names, places, strict=True)
    }
    return [(aligned, tuple(name for name in case.parameter_names() if origin[name] in left_open))]


def tame(case: Case, natural: Natural) -> Natural:
    """What adds up to 1 does so in spite of rounding."""
    simplexes = [parameter.name for parameter in case.parameters if parameter.support is Support.SIMPLEX]
    return natural | {name: natural[name] / natural[name].sum(axis=-1, keepdims=True) for name in simplexes}


def groups(case: Case) -> tuple[str, tuple[str, ...]]:
    """The components of the first parameter, and every parameter that does not have them."""
    first = case.parameters[0].axes[0] if case.parameters[0].axes else Axis("parameter", ())
    alone = tuple(parameter.name for parameter in case.parameters if parameter.axes[:1] != (first,))
    return first.name, (*first.labels, *alone)


def order_in_words(reading: Reading, estimates: Estimates) -> str:
    """Nothing is in another order."""
    return ""


def customary_starts(_: Case) -> dict[str, Natural]:
    """None is known."""
    return {}


def another_model(case: Case, natural: Natural, reading: Reading, estimates: Estimates) -> str | None:
    """None is known."""
    return None
