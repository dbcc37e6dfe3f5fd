"""Estimates that a program returned under the names of the model: nothing is read, converted or put in order.

What `comparisons.adjudicate.forms` has for a family whose printed estimates can be read, for any other family.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from comparisons.adjudicate.estimates import Estimates, Names, returned
from comparisons.adjudicate.ways_to_read import Reading
from comparisons.case import Array, Case, InputError, Natural, Support

ROLES: tuple[Any, ...] = ()
CHOICES: tuple[tuple[str, tuple[str, ...], str], ...] = ()
CAUSES = "a weak prior"
BESIDE: tuple[str, ...] = ()
UNUSED_OPTIONS: tuple[str, ...] = ()


def estimates_of(case: Case, natural: Natural, source: str) -> Estimates:
    """The estimates as they were returned."""
    return returned(case, natural, source)._replace(rows=groups(case)[1])


def read(table: Any, data: Any, case: Case, options: Mapping[str, Any]) -> Estimates:
    """Nothing is read from a file.

    Raises
    ------
    InputError
    """
    raise InputError(f"estimates of {case.family} cannot be read from a file, expected them returned by a program")


def reading(estimates: Estimates, _: Mapping[str, Any]) -> Reading:
    """Every number is the parameter itself."""
    ones, zeros = estimates.values * 0 + 1, estimates.values * 0
    return Reading((), estimates.roles, _itself, _itself, ones, zeros, blocks=estimates.blocks)


def _itself(values: Array) -> Array:
    return values


def conversions(_: Estimates, __: Mapping[str, Any], ___: Natural) -> Iterator[Reading]:
    """None."""
    return iter(())


def reorder(_: Case, __: Reading, ___: Array, ____: Array) -> Reading | None:
    """None: a program returns arrays."""
    return None


def targets(case: Case, optimum: Natural, left_open: Names, given: Natural) -> list[tuple[Natural, Names]]:
    """The copy of the optimum that is nearest to what was given."""
    return [(case.align(optimum, given), left_open)]


def tame(case: Case, natural: Natural) -> Natural:
    """Weights that add up to 1, in spite of rounding."""
    weights = [parameter.name for parameter in case.parameters if parameter.support is Support.SIMPLEX]
    return natural | {name: natural[name] / natural[name].sum(axis=-1, keepdims=True) for name in weights}


def groups(case: Case) -> tuple[str, tuple[str, ...]]:
    """Every label once."""
    return "entry", tuple(dict.fromkeys(label for labels in case.labels.values() for label in labels))


def order_in_words(_: Reading, __: Estimates) -> str:
    """Nothing is in another order."""
    return ""


def customary_starts(_: Case) -> dict[str, Natural]:
    """None is known."""
    return {}


def another_model(_: Case, __: Natural, ___: Reading, ____: Estimates) -> str | None:
    """None is known."""
    return None
