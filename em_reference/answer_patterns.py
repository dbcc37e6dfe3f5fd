"""Unique patterns of answers in categories: respondents who answered alike are one row with a frequency."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from em_reference.layout import Array


class AnswerPatterns(NamedTuple):
    """Unique response patterns that were seen, in lexicographic order, missing answers first.

    Attributes
    ----------
    responses : array (J, I)
        Numbers of categories, NaN where there is no answer.
    indicator : array (J, T)
        1 in the place of every category that was given, the categories of all items side by side; the places of an
        item without answer are all 0.
    frequencies : array (J,)
    pattern_of_row : array of int (N,)
        Which pattern each row of the data is; -1 of a row with frequency 0 whose pattern was never seen.
    """

    responses: Array
    indicator: Array
    frequencies: Array
    pattern_of_row: npt.NDArray[np.intp]


def answer_patterns(
    responses: npt.ArrayLike, sizes: npt.NDArray[np.intp], frequencies: npt.ArrayLike | None
) -> AnswerPatterns:
    """Patterns of a matrix (N, I) of categories 0, 1, ... and NaN, whose rows count `frequencies` times (or once).

    Parameters
    ----------
    sizes : array of int (I,)
        Categories of every item.
    """
    rows = np.asarray(responses, dtype=float)
    often = np.ones(len(rows)) if frequencies is None else np.asarray(frequencies, dtype=float)
    codes, inverse = np.unique(np.nan_to_num(rows, nan=-1.0), axis=0, return_inverse=True)
    inverse = inverse.reshape(-1)
    counted = np.bincount(inverse, weights=often, minlength=len(codes)).astype(float)
    seen = counted > 0
    codes, place = codes[seen].astype(np.intp), np.where(seen, np.cumsum(seen) - 1, -1)
    answered = codes >= 0
    indicator = np.zeros((len(codes), int(sizes.sum())))
    pattern, item = np.nonzero(answered)
    indicator[pattern, (np.cumsum(sizes) - sizes)[item] + codes[pattern, item]] = 1.0
    return AnswerPatterns(np.where(answered, codes, np.nan), indicator, counted[seen], place[inverse])
