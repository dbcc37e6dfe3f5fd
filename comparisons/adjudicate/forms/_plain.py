"""Estimates that a program returned under our names: there is one way to read them, in any family."""

from collections.abc import Iterator, Mapping
from typing import Any

from comparisons.adjudicate.estimates import Estimates, Names
from comparisons.adjudicate.ways_to_read import Reading
from comparisons.case import Array, Axis, Case, InputError, Natural, Support
from comparisons.optima.labellings import labelling
from comparisons.reading.tables import Table

ROLES: tuple[Any, ...] = ()
CHOICES: tuple[tuple[str, tuple[str, ...], str], ...] = ()
# What else leads near the maximum.
CAUSES = "a weak prior"
BESIDE: tuple[str, ...] = ()
UNUSED_OPTIONS: tuple[str, ...] = ()


def read(table: Table, _: Table, case: Case, __: Mapping[str, Any]) -> Estimates:
    """No file of such a family is read.

    Raises
    ------
    InputError
    """
    raise InputError(f"{table.path}: estimates of the family {case.family!r} are not read from files")


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
