"""The form in which a family's estimates are written: one room per family, found by its file name."""

import importlib
import pkgutil
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from comparisons.errors import InputError

if TYPE_CHECKING:
    from comparisons.adjudicate.estimates import Estimates
    from comparisons.case import Case
    from comparisons.data import Table


def names() -> list[str]:
    """Families whose estimates can be read."""
    from comparisons import adjudicate, families

    rooms = {module.name.replace("_", "-") for module in pkgutil.iter_modules(adjudicate.__path__)}
    return sorted(rooms.intersection(families.names()))


def form_of(family: str) -> ModuleType:
    """The module that reads estimates of a family.

    Raises
    ------
    InputError
        If there is none.
    """
    if family not in names():
        raise InputError(f"unknown family {family!r}, expected one of: {', '.join(names())}")
    return importlib.import_module(f"comparisons.adjudicate.{family.replace('-', '_')}")


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
    from comparisons.adjudicate.estimates import read_estimates

    found: Estimates = form_of(case.family).read(read_estimates(path), data, case, options)
    return found
