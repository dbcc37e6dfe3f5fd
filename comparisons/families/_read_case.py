"""A data file and the options of a family, bound to a case: the one way in, of the commands and of Python."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from comparisons import families
from comparisons.families._start import checked_start, parse_start
from comparisons.reading.tables import Table, read_table

if TYPE_CHECKING:
    from comparisons.case import Case


def read_case(
    family: str,
    data: str | Path | Table,
    *,
    name: str | None = None,
    start: str | Mapping[str, Any] | None = None,
    **options: Any,
) -> "Case":
    r"""Read a data file as a case of one family.

    Parameters
    ----------
    family : str
        As on the command line (`coin-mixture`, `two-pl`); `em-crosscheck compare --help` lists them.
    data : str, Path or Table
        A CSV file with the columns that the family expects (`em-crosscheck compare FAMILY --help`), or what
        `comparisons.reading.tables.read_table` made of one.
    name : str, optional
        Name of the case, and of its report's folder; that of the file and the family if left out.
    start : dict of name -> numbers, or str, optional
        First start, every parameter of the model; or as on the command line, "bias=0.4,0.5;weight=0.25,0.75".
    **options
        Those of the family, as on the command line with `_` for `-`; those left out, or None, are at their defaults.

    Returns
    -------
    Case
        Its `source` is the path as it was given.

    Raises
    ------
    InputError
        One line that says what, where and what was expected: an unknown family or option, one that is missing or of
        another kind, a file that cannot be read, a cell that does not fit (with its row and column), a start outside
        the parameter space.

    Examples
    --------
    >>> from pathlib import Path
    >>> import comparisons
    >>> _ = Path("heads.csv").write_text("heads\n5\n9\n8\n4\n7\n")
    >>> case = comparisons.read_case("coin-mixture", "heads.csv", coins=2, flips=10, equal_weights=True)
    >>> case.parameter_names()
    ['bias[coin1]', 'bias[coin2]']
    >>> comparisons.read_case("coin-mixture", "heads.csv", coins=2, flips=8)
    Traceback (most recent call last):
    comparisons.errors.InputError: heads.csv, row 3, column 'heads': 9 heads, expected at most the 8 flips
    """
    module = families.family(family)
    wanted = parse_start(start) if isinstance(start, str) else start
    settled = families.settle(module, {key.replace("_", "-"): value for key, value in options.items()})
    table = data if isinstance(data, Table) else read_table(data)
    case = module.read(name or default_name(family, table.path), table, settled)
    case = replace(case, source=table.path)
    if wanted is None:
        return case
    where = "--start" if isinstance(start, str) else "start"
    rows = {
        key: np.asarray(row).tolist() if isinstance(row, tuple | np.ndarray) else row for key, row in wanted.items()
    }
    return replace(case, start=checked_start(case, rows, where))


def default_name(family: str, path: str | Path) -> str:
    """Name of a case after its data file and its family, `study-two-pl`."""
    return f"{folder_name(Path(path).stem) or 'data'}-{family}"


def folder_name(text: str) -> str:
    """Text as the name of a folder."""
    return re.sub(r"[^\w.-]+", "-", text).strip("-.")
