"""Rows that are equal become one row with a frequency: what PyMC's model is given, however long the data are.

The EM has code of its own for this, so that a fault in either shows.
"""

import numpy as np

from comparisons.case import Array


def merged(rows: Array, frequencies: Array | None) -> tuple[Array, Array]:
    """Different rows in the order in which they first appear, and how often each was seen.

    Parameters
    ----------
    rows : array (N, C)
        NaN equals NaN.
    frequencies : array (N,) or None
        How often each row counts, once when left out; what was never seen is left out.

    Returns
    -------
    rows : array (J, C)
    frequencies : array (J,)
    """
    rows = np.ascontiguousarray(rows, dtype=float) + 0.0
    rows[np.isnan(rows)] = np.nan
    counts = np.ones(len(rows)) if frequencies is None else np.asarray(frequencies, dtype=float)
    rows, counts = rows[counts > 0], counts[counts > 0]
    # As one string of bytes each: the same bytes are the same numbers, now that there is one zero and one NaN.
    as_bytes = rows.view(np.dtype((np.void, rows[:1].nbytes))).ravel()
    _, first, place = np.unique(as_bytes, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return rows[first[order]], np.bincount(place, weights=counts).astype(float)[order]
