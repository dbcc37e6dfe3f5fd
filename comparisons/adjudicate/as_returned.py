"""Estimates that a program returned under the names of the model: nothing is read, converted or put in order.

What `comparisons.adjudicate.forms` has for a family whose printed estimates can be read, for any other family.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from comparisons.adjudicate.estimates import Estimates, Names, returned
from comparisons.adjudicate.ways_to_read import Reading
from comparisons.case import Array, Case, InputError, Natural, Support, natural_of


@dataclass(frozen=True)
class AsReturned:
    """How the estimates of one case are read; see `comparisons.adjudicate.forms.Form`."""

    case: Case
    ROLES: ClassVar[tuple[Any, ...]] = ()
    CHOICES: ClassVar[tuple[tuple[str, tuple[str, ...], str], ...]] = ()
    CAUSES: ClassVar[str] = "a weak prior"
    BESIDE: ClassVar[tuple[str, ...]] = ()
    UNUSED_OPTIONS: ClassVar[tuple[str, ...]] = ()

    def estimates(self, natural: Natural, source: str) -> Estimates:
        """The estimates as they were returned."""
        return returned(self.case, natural, source)._replace(rows=self.groups(self.case)[1])

    def read(self, table: Any, data: Any, case: Case, options: Mapping[str, Any]) -> Estimates:
        """Nothing is read from a file.

        Raises
        ------
        InputError
        """
        raise InputError(f"estimates of {case.family} cannot be read from a file, expected them from a program")

    def reading(self, estimates: Estimates, options: Mapping[str, Any]) -> Reading:
        """Every number is the parameter itself; weights are made to add up to 1 in spite of rounding."""
        size = len(estimates.values)
        return Reading(
            (), estimates.roles, self._normed, _itself, np.ones(size), np.zeros(size), blocks=estimates.blocks
        )

    def _normed(self, values: Array) -> Array:
        natural = natural_of(self.case, values)
        for parameter in self.case.parameters:
            if parameter.support is Support.SIMPLEX:
                natural[parameter.name] = natural[parameter.name] / natural[parameter.name].sum(axis=-1, keepdims=True)
        return self.case.flat(natural)

    def conversions(self, estimates: Estimates, options: Mapping[str, Any], optimum: Natural) -> Iterator[Reading]:
        """None."""
        return iter(())

    def reorder(self, case: Case, reading: Reading, values: Array, target: Array) -> Reading | None:
        """None: a program returns arrays."""
        return None

    def targets(self, case: Case, optimum: Natural, left_open: Names, given: Natural) -> list[tuple[Natural, Names]]:
        """The copy of the optimum that is nearest to what was given."""
        return [(case.align(optimum, given), left_open)]

    def tame(self, case: Case, natural: Natural) -> Natural:
        """As they are."""
        return natural

    def groups(self, case: Case) -> tuple[str, tuple[str, ...]]:
        """Every label once."""
        return "entry", tuple(dict.fromkeys(label for labels in case.labels.values() for label in labels))

    def order_in_words(self, reading: Reading, estimates: Estimates) -> str:
        """Nothing is in another order."""
        return ""

    def customary_starts(self, case: Case) -> dict[str, Natural]:
        """None is known."""
        return {}

    def another_model(self, case: Case, natural: Natural, reading: Reading, estimates: Estimates) -> str | None:
        """None is known."""
        return None


def _itself(values: Array) -> Array:
    return values
