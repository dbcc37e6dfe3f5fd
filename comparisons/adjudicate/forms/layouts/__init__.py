"""Layouts in which packages write estimates, each brought to one row per item or component.

What is written here knows no family: which headers and names mean a parameter is told by the roles of the form.

    dialect     bytes -> cells: delimiters, decimal commas, R's short headers, comments, console output
    dumps       JSON, a Python dict, an R list on the console -> cells
    statistics  rows and columns of intervals and standard errors beside the estimates
    shapes      one row per parameter, one row altogether, or the table on its side -> one row per item
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from comparisons.adjudicate.forms.layouts.dialect import read_cells
from comparisons.adjudicate.forms.layouts.roles import Vocabulary
from comparisons.adjudicate.forms.layouts.shapes import STANDARD, Metric, upright, without_group
from comparisons.adjudicate.forms.layouts.statistics import estimates_only
from comparisons.reading.tables import Table

# As `--help` tells it.
ANY_LAYOUT = (
    "what another program wrote or printed: one row per item or component, per parameter or altogether, with intervals "
    "or without, as CSV, JSON or text"
)


class Sheet(NamedTuple):
    """A table with one row per item or component.

    Attributes
    ----------
    table : Table
    notes : tuple of str
        What was done to the file.
    metric : tuple of float
        Mean and variance of the ability where the file has them, else 0 and 1.
    """

    table: Table
    notes: tuple[str, ...] = ()
    metric: Metric = STANDARD


def read_sheet(path: str | Path, words: Vocabulary, options: Mapping[str, Any]) -> Sheet:
    """Read a file of estimates; a table that has the columns which the user named is taken as it is.

    Parameters
    ----------
    path : str or Path
    words : Vocabulary
    options : mapping
        Columns by role (`slope`) that the user named.

    Raises
    ------
    InputError
    """
    named = [options[role.name] for role in words.roles if options.get(role.name) is not None]
    table, notes = read_cells(path)
    if named and set(named) <= set(table.columns):
        return Sheet(table, tuple(notes))
    table, more = estimates_only(table)
    table, further = upright(table, words)
    table, metric, group = without_group(table, words)
    return Sheet(table, (*notes, *more, *further, *group), metric)
