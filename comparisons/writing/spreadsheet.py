"""Tables as CSV that a spreadsheet may open."""

from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype

# A cell that begins so is a formula, or may become one: Excel also takes the full-width signs.
FORMULA = ("=", "+", "-", "@", "\t", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """A table as CSV, every number with all its digits; text that a spreadsheet would run begins with a quote."""
    safe = frame.rename(columns=_harmless)
    for i, kind in enumerate(frame.dtypes):
        if not is_numeric_dtype(kind):
            safe.isetitem(i, frame.iloc[:, i].map(_harmless))
    return safe.to_csv(index=False, lineterminator="\n").encode("utf-8", "backslashreplace")


def _harmless(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    text = cell.replace("\r", "\\r")  # the writer does not quote it, and readers take it for the end of a row
    return f"'{text}" if text.startswith(FORMULA) else text
