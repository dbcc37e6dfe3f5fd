"""A case of the user's own, named on the command line as MODULE:NAME."""

import inspect
from dataclasses import replace
from typing import TYPE_CHECKING

from comparisons.errors import InputError, unforeseen
from comparisons.reading.named import named

if TYPE_CHECKING:
    from comparisons.case import Case


def own_case(name: str) -> "Case":
    """The case, or what the function of that name makes; called after the name where it has none of its own.

    Raises
    ------
    InputError
        If it cannot be imported, or is no case.
    """
    target = named(name)
    from comparisons import catalogue
    from comparisons.case import Case
    from comparisons.outside.bound import UNNAMED

    if not isinstance(target, Case):
        if not callable(target):
            raise InputError(f"{name}: a {type(target).__name__}, expected a case of comparisons.bind")
        parameters = inspect.signature(target).parameters.values()
        if any(p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters):
            raise InputError(f"{name}: takes {inspect.signature(target)}, expected a function () that makes a case")
    try:
        case = catalogue.case_of(target)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
    except Exception as error:  # the user's function may raise anything
        raise InputError(f"{name}: {unforeseen(error)}") from None
    return replace(case, name=name.rpartition(":")[2]) if case.name == UNNAMED else case
