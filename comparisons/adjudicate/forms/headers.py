"""Which column of a table has which role; what cannot be known from the header is asked for, in one line."""

import re
from collections.abc import Sequence

from comparisons.adjudicate.estimates import listed
from comparisons.adjudicate.forms.layouts.roles import NAMELESS, Role, plain
from comparisons.case import InputError
from comparisons.reading.tables import Table

STANDARD_ERROR = re.compile(r"^(se|s\.e\.?|std\.?err(or)?|std\.?\s?error|standard.?error)\b|[._ ]?\bse$|^se[._ (]|_se$")


def find_column(table: Table, role: Role, given: str | None) -> str | None:
    """Column of a role: the one named by the user, else the only one whose header means it.

    Raises
    ------
    InputError
        If the named column is not there, or several headers mean the role.
    """
    if given is not None:
        if given not in table.columns:
            raise InputError(f"--{role.name} {given}: {table.path} has no such column, it has {listed(table.columns)}")
        return given
    found = [column for column in table.columns if plain(column) in role.synonyms]
    if len(found) > 1 and NAMELESS in found:
        # R's row names beside a column of names.
        found.remove(NAMELESS)
    if len(found) > 1:
        raise InputError(
            f"{table.path}: columns {listed(found)} could each be the {role.name}, expected --{role.name} COLUMN"
        )
    return found[0] if found else None


def missing_role(table: Table, roles: Sequence[Role]) -> InputError:
    """The complaint that no column has any of these roles, with the option that settles it."""
    known = ", ".join(f"{role.name} ({', '.join(role.synonyms[:3])})" for role in roles)
    options = " or ".join(f"--{role.name} COLUMN" for role in roles)
    return InputError(f"{table.path}: no column is known as {known}; found {listed(table.columns)}, expected {options}")


def unused_columns(table: Table, used: Sequence[str | None]) -> list[str]:
    """Notes about columns that were not read."""
    left = [column for column in table.columns if column not in used]
    errors = [column for column in left if STANDARD_ERROR.search(column.lower().strip())]
    others = [column for column in left if column not in errors]
    notes = [f"standard errors are not used: column {listed(errors)}"] if errors else []
    return [*notes, f"not used: column {listed(others)}"] if others else notes
