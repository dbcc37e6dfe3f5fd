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
    from comparisons.reading.tables import Table


# A special case of the 2PL, which is listed after it.
SPECIAL_CASE = "common-slope"


def names() -> list[str]:
    """Families whose estimates can be read."""
    from comparisons import families

    rooms = {module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__)}
    return sorted(rooms.intersection(families.names()), key=lambda name: (name == SPECIAL_CASE, name))


def form_of(family: str) -> ModuleType:
    """The module that reads estimates of a family.

    Raises
    ------
    InputError
        If there is none.
    """
    if family not in names():
        raise InputError(f"unknown family {family!r}, expected one of: {', '.join(names())}")
    return importlib.import_module(f"{__name__}.{family.replace('-', '_')}")


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
    from comparisons.adjudicate.forms.layouts import read_sheet
    from comparisons.adjudicate.forms.layouts.roles import Vocabulary

    form = form_of(case.family)
    named = [options[role.name] for role in form.ROLES if options.get(role.name) is not None]
    sheet = read_sheet(path, Vocabulary(form.ROLES, form.BESIDE), named)
    found: Estimates = form.read(sheet.table, data, case, options)
    return found._replace(notes=(*sheet.notes, *found.notes), metric=sheet.metric)
