"""Unique response patterns: examinees who answered alike are one row with a frequency."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from em_reference.layout import Array

WORD = 8


class Patterns(NamedTuple):
    """Unique response patterns, in lexicographic order, missing answers as 0 and behind equal ones.

    Attributes
    ----------
    correct : array (J, I)
        1 for a right answer, else 0.
    answered : array (J, I) or None
        1 where there is an answer; None when no response is missing.
    frequencies : array (J,)
    pattern_of_row : array of int (N,)
        Which pattern each row of the data is.
    """

    correct: Array
    answered: Array | None
    frequencies: Array
    pattern_of_row: npt.NDArray[np.intp]


def check_responses(responses: npt.NDArray[np.generic], frequencies: npt.ArrayLike | None) -> None:
    """Raise ValueError unless responses are a matrix of 0, 1 and NaN with one frequency per row."""
    if responses.ndim != 2 or 0 in responses.shape:
        raise ValueError(f"responses must be a non-empty matrix, got shape {responses.shape}")
    if not ((responses == 0) | (responses == 1) | (responses != responses)).all():
        raise ValueError("responses must be 0, 1 or NaN")
    if frequencies is not None:
        counts = np.asarray(frequencies, dtype=float)
        if counts.shape != responses.shape[:1]:
            raise ValueError(f"{responses.shape[0]} rows need as many frequencies, got {counts.shape}")
        if not (counts >= 0).all() or not 0 < counts.sum() < np.inf:
            raise ValueError("frequencies must not be negative and must add up to more than 0")


def unique_patterns(responses: npt.NDArray[np.generic], frequencies: Array | None) -> Patterns:
    """Patterns of a matrix (N, I) of 0, 1 and NaN, whose rows count `frequencies` times (or once)."""
    right = responses == 1
    missing = responses != responses
    some_missing = bool(missing.any())
    _, first, inverse = _unique_rows(np.concatenate([right, missing], axis=1) if some_missing else right)
    counted = np.bincount(inverse, weights=frequencies, minlength=len(first)).astype(float)
    answered = (~missing[first]).astype(float) if some_missing else None
    return Patterns(right[first].astype(float), answered, counted, inverse)


def _unique_rows(
    flags: npt.NDArray[np.bool_],
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Unique rows of a boolean matrix as packed words, the first row of each, and the place of every row.

    Rows are sorted as big-endian integers: far faster than comparing them byte by byte.
    """
    packed = np.packbits(flags, axis=1)
    padded = np.zeros((len(packed), -(-packed.shape[1] // WORD) * WORD), dtype=np.uint8)
    padded[:, : packed.shape[1]] = packed
    words = padded.view(">u8").astype(np.uint64)
    order = np.lexsort(words.T[::-1])
    ordered = words[order]
    new = np.ones(len(ordered), dtype=bool)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    inverse = np.empty(len(order), dtype=np.intp)
    inverse[order] = np.cumsum(new) - 1
    # lexsort is stable, so the first of equal rows in the order is the first in the data.
    return ordered[new], order[new], inverse
