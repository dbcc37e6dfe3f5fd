"""How many digits of two numbers are the same."""

import numpy as np

from comparisons.case import Array

# More digits than a double holds cannot match.
MOST_DIGITS = 15.95
NEXT_TO_ZERO = 1e-8


def matching_digits(value: Array, reference: Array, unit: Array | float = 1.0) -> Array:
    """Log relative error, -log10(|value - reference| / |reference|), between 0 and 15.95.

    Next to 0 (below 1e-8 of the unit) a relative error means nothing and the absolute error, in units, is used
    (McCullough 1998, The American Statistician 52, 358-366, for a reference of exactly 0).
    """
    value, reference = np.asarray(value, dtype=float), np.asarray(reference, dtype=float)
    scale = np.where(np.abs(reference) < NEXT_TO_ZERO * unit, unit, np.abs(reference))
    error = np.abs(value - reference) / scale
    with np.errstate(divide="ignore", invalid="ignore"):
        digits = -np.log10(error)
    return np.clip(np.where(error == 0, MOST_DIGITS, digits), 0.0, MOST_DIGITS)
