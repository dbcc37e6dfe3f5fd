"""The form in which a family's estimates are written: one room per family, found by its file name."""

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from comparisons.errors import InputError

if TYPE_CHECKING:
    from comparisons.adjudicate.estimates import Estimates, Names
    from comparisons.adjudicate.forms.layouts.roles import Role
    from comparisons.adjudicate.ways_to_read import Reading
    from comparisons.case import Array, Case, Natural
    from comparisons.reading.tables import Table


# A special case of the 2PL, which is listed after it.
SPECIAL_CASE = "common-slope"


class Form(Protocol):
    """What `adjudicate` needs to know of a family: how its estimates are written, and what may be meant by them.

    Attributes
    ----------
    ROLES : tuple of Role
        Kinds of columns that a file may have.
    CHOICES : tuple of (name, choices, help)
        Options of the command beside those of the family and a column for each role.
    CAUSES : str
        What else leads near the maximum, for a message.
    UNUSED_OPTIONS : tuple of str
        Options of the family that say nothing about estimates.
    LAYOUTS : str
        What a file of estimates may look like, for `--help`.
    """

    ROLES: "tuple[Role, ...]"
    CHOICES: tuple[tuple[str, tuple[str, ...], str], ...]
    CAUSES: str
    UNUSED_OPTIONS: tuple[str, ...]
    LAYOUTS: str

    def read(self, path: str | Path, data: "Table", case: "Case", options: Mapping[str, Any]) -> "Estimates":
        """Read a file of estimates, in the order of the case.

        Raises
        ------
        InputError
        """
        ...

    def reading(self, estimates: "Estimates", options: Mapping[str, Any]) -> "Reading":
        """The plain way from what is printed to natural parameters."""
        ...

    def conversions(
        self, estimates: "Estimates", options: Mapping[str, Any], optimum: "Natural"
    ) -> "Iterable[Reading]":
        """Other ways to read the same numbers: another sign, another metric."""
        ...

    def reorder(self, case: "Case", reading: "Reading", values: "Array", target: "Array") -> "Reading | None":
        """The reading with the order that fits the target best; None where that is the order of the file."""
        ...

    def targets(
        self, case: "Case", optimum: "Natural", left_open: "Names", given: "Natural"
    ) -> "list[tuple[Natural, Names]]":
        """Copies of an optimum under the symmetries of the model, each with the names of what it leaves open."""
        ...

    def tame(self, case: "Case", natural: "Natural") -> "Natural":
        """Parameters of any size moved to where EM and PyMC can compute."""
        ...

    def groups(self, case: "Case") -> "tuple[str, tuple[str, ...]]":
        """What parameters belong to, and its names: ("item", items)."""
        ...

    def order_in_words(self, reading: "Reading", estimates: "Estimates") -> str:
        """What is in another order, for a message; empty where nothing is."""
        ...

    def customary_starts(self, case: "Case") -> "dict[str, Natural]":
        """Starts that packages use, by how they are described."""
        ...

    def another_model(self, case: "Case", natural: "Natural", reading: "Reading", estimates: "Estimates") -> str | None:
        """The other model whose maximum the estimates are, in words, or None."""
        ...


def names() -> list[str]:
    """Families whose estimates can be read: all of them."""
    from comparisons import families

    return sorted(families.names(), key=lambda name: (name == SPECIAL_CASE, name))


def form_of(family: str) -> Form:
    """The module that reads estimates of a family: its own, or the one that knows parameters by their names here.

    Raises
    ------
    InputError
        If there is no such family.
    """
    if family not in names():
        raise InputError(f"unknown family {family!r}, expected one of: {', '.join(names())}")
    return form_or_plain(family)


def form_or_plain(family: str) -> Form:
    """The same; the plain one also of a case that belongs to no family."""
    stem = family.replace("-", "_")
    has_room = family in names() and stem in {module.name for module in pkgutil.iter_modules(__path__)}
    return cast(Form, importlib.import_module(f"{__name__}.{stem if has_room else '_plain'}"))


def read(path: str | Path, data: "Table", case: "Case", options: Mapping[str, Any]) -> "Estimates":
    """Read a file of estimates of a case.

    Parameters
    ----------
    path : str or Path
    data : Table
        The data, for the names of items that the case left out.
    case : Case
    options : mapping
        Columns by role (`slope`) and choices (`scale`) that the user named.

    Raises
    ------
    InputError
    """
    return form_of(case.family).read(path, data, case, options)
