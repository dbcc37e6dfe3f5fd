"""Constants that a log-likelihood may leave out, and the simple ways in which two series of numbers are related.

An EM may report its log-likelihood without binomial coefficients or factorials. It may not report another number:
so only the constants that the family names are allowed, alone or together.
"""

from collections.abc import Mapping
from itertools import chain, combinations
from typing import NamedTuple

import numpy as np

from comparisons.case import Array

# Two numbers are the same multiple of each other, for a hint, to this share.
ALIKE = 1e-6
# Factors that have a name.
NAMES = {
    "the root of 2": 2**0.5,
    "1 / the root of 2": 0.5**0.5,
    "1.7": 1.7,
    "1.702": 1.702,
    "1 / 1.7": 1 / 1.7,
    "1 / 1.702": 1 / 1.702,
    "1.7 / 1.702": 1.7 / 1.702,
    "1.702 / 1.7": 1.702 / 1.7,
    "1 / log(10), logarithms to base 10": 1 / np.log(10),
    "log(10)": np.log(10),
    "1 / log(2), logarithms to base 2": 1 / np.log(2),
    "pi / the root of 3": np.pi / 3**0.5,
}


def in_words(number: float) -> str:
    """A number by its name, or with six digits."""
    return next((name for name, value in NAMES.items() if abs(number - value) <= ALIKE * value), f"{number:.6g}")


class Compared(NamedTuple):
    """Values of the EM under audit compared with PyMC's.

    Attributes
    ----------
    constant : float
        The difference that is forgiven: 0, or the sum of the named constants that fits best.
    names : str
        Of these constants; empty where there is none.
    gap : array
        What is left of each difference.
    scale : float
        1 + the size of the values, which round-off is a share of.
    """

    constant: float
    names: str
    gap: Array
    scale: float


def compared(ours: Array, theirs: Array, constants: Mapping[str, float]) -> Compared:
    """Differences less the named constants that explain most of them."""
    scale = float(1 + np.abs(theirs).max() + max((abs(value) for value in constants.values()), default=0.0))
    sums = chain.from_iterable(combinations(constants, size) for size in range(len(constants) + 1))
    options = [(sum(constants[name] for name in names), " and ".join(names)) for names in sums]
    constant, names = min(options, key=lambda option: float(np.abs(ours - theirs - option[0]).max()))
    return Compared(float(constant), names, ours - theirs - constant, scale)


def related(ours: Array, theirs: Array, others: Mapping[str, Array] | None = None, *, any_factor: bool = True) -> str:
    """The simple relation of two series of numbers in words, empty where there is none that shows.

    Parameters
    ----------
    ours, theirs : array
        Of the EM, and what they should be.
    others : dict of name -> array
        Further things that `ours` may be instead.
    any_factor : bool
        Whether any factor and any constant is told, beside a sign and a factor of 2.
    """
    if not (np.isfinite(ours).all() and np.isfinite(theirs).all()):
        return ""
    candidates = {"minus the right one": -theirs, "twice the right one": 2 * theirs}
    candidates["minus twice the right one, a deviance"] = -2 * theirs
    candidates |= {"half of the right one": theirs / 2, **(others or {})}
    for what, values in candidates.items():
        if np.shape(values) == np.shape(ours) and (np.abs(ours - values) <= ALIKE * (1e-12 + np.abs(values))).all():
            return what
    if not any_factor:
        return ""
    with np.errstate(all="ignore"):
        ratio = np.ravel(ours / theirs)
    usable = ratio[np.isfinite(ratio)]
    if len(usable) > 1 and len(usable) == ratio.size and np.ptp(usable) <= ALIKE * abs(usable[0]):
        return f"{in_words(float(usable[0]))} times the right one" if abs(usable[0] - 1) > ALIKE else ""
    gap = np.ravel(ours - theirs)
    if len(gap) > 1 and np.ptp(gap) <= ALIKE * np.abs(gap).max():
        return f"the right one {'plus' if gap[0] > 0 else 'less'} {abs(gap[0]):.6g} at every point"
    return ""
