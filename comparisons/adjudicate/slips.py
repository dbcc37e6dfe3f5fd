"""One number that is wrong where all the others are right: which, what is expected, and how it may have come about."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from comparisons.adjudicate.comparison import NEAR, TOLERANCE, Comparison, left_open
from comparisons.adjudicate.distance import Neighbourhood
from comparisons.adjudicate.estimates import MOST_DECIMALS
from comparisons.adjudicate.finding import Finding, Verdict
from comparisons.adjudicate.steps import allowed
from comparisons.adjudicate.ways_to_read import Reading
from comparisons.case import Natural
from comparisons.optima.find import Optimum
from comparisons.parsing import as_number

# A single number outside the rounding by this many half units, where all others fit, is no matter of convergence.
SLIP = 4.0
# Where the others need a tolerance too, putting it right must bring the estimates this many times closer.
CLOSER = 10.0
# With fewer numbers than this, all but one say little.
FEWEST = 4
# Numbers that are tried, those furthest off beside their size and this share of their unit.
SUSPECTS = 3
BESIDE = 0.05
# Another reading is not looked at where a second number is further off than this, beside its size.
HOPELESS = 0.35
PLACES = (1, -1, 2, -2, 3, -3)


def one_number_amiss(comparison: Comparison, best: Optimum, plain: Reading, given: Natural) -> Finding | None:
    """The verdict if all numbers but one are those of the maximum, under the file's own reading before any other."""
    still_open = left_open(best.judgement)
    if still_open or len(comparison.estimates.values) < FEWEST:
        return None
    first = [(plain, place) for place in comparison.places(best.point.natural, still_open, given)]
    for reading, place in (*first, *comparison.readings(plain, best, still_open, given)):
        detail = _alone_outside(comparison, place, reading) or _alone_far(comparison, place, reading)
        if detail is not None:
            allowance = comparison.allowance(place, plain) if reading is plain else None
            so_read = f"read with {' and '.join(reading.changes)}, " if reading.changes else ""
            return Finding(Verdict.ANOTHER_MODEL, plain, place, allowance=allowance, detail=so_read + detail)
    return None


def _alone_outside(comparison: Comparison, place: Neighbourhood, reading: Reading) -> str | None:
    """The one number far outside the rounding where all others are inside."""
    excess, half = comparison.excess(place, reading), reading.half_units(comparison.estimates.half_unit)
    outside = np.flatnonzero(excess)
    if len(outside) != 1 or excess[outside[0]] <= SLIP * half[outside[0]]:
        return None
    return _in_words(comparison, place, reading, int(outside[0]), "", 0.0)


def _alone_far(comparison: Comparison, place: Neighbourhood, reading: Reading) -> str | None:
    """The one number that, once put right, leaves estimates which are near the maximum and were not before."""
    if comparison.tolerance < TOLERANCE:
        return None
    target, found = place.printed(reading), reading.quantities(comparison.estimates.values)
    if not np.isfinite(target).all():
        return None
    case = comparison.case
    far = np.abs(found - target) / (BESIDE * case.unit + np.abs(target - case.zero))
    if reading.changes and np.sort(far)[-2] > HOPELESS:
        return None
    natural = comparison.natural(reading)
    before = np.inf if natural is None else max(place.likelihood_distance(natural), place.mahalanobis(natural))
    for suspect in np.argsort(-far)[:SUSPECTS]:
        mended = np.where(np.arange(len(found)) == suspect, target, found)
        point = comparison.parameters(mended, reading)
        if not allowed(comparison.case, point):
            continue
        left = max(place.likelihood_distance(point), place.mahalanobis(point))
        if left <= NEAR and left * CLOSER < before:
            near = f" to within {left:.2g} standard errors"
            return _in_words(comparison, place, reading, int(suspect), near, left)
    return None


def _in_words(comparison: Comparison, place: Neighbourhood, reading: Reading, k: int, near: str, left: float) -> str:
    """Which number it is, by how much it is off, what is expected there, and what the slip may be."""
    estimates, where = comparison.estimates, k if reading.order is None else int(reading.order[k])
    text, name = estimates.texts[where], estimates.names[where]
    expected = float((place.printed(reading)[k] - reading.offset[k]) / reading.scale[k])
    decimals = _usual_decimals(estimates.texts)
    own = len(text.lower().partition("e")[0].partition(".")[2])
    half = 0.5 * 10.0 ** -(min(own, decimals) if "." in text else decimals)
    spread = left * float(place.standard_errors(reading)[k] / abs(reading.scale[k]))
    slip = slip_of_the_pen(text, expected, half + (spread if np.isfinite(spread) else 0.0))
    how = f" ({slip})" if slip else ""
    return (
        f"all numbers but {name} are those of the maximum{near}, and {name} is outside the rounding by "
        f"{comparison.excess(place, reading)[k]:.2g}: {text} where {expected:.{decimals}f} is expected{how}"
    )


def _usual_decimals(texts: Sequence[str]) -> int:
    """Digits after the point that most numbers of a file have, whatever the wrong one has."""
    written = Counter(len(text.lower().partition("e")[0].partition(".")[2]) for text in texts if "." in text)
    return min(written.most_common(1)[0][0], MOST_DECIMALS) if written else 0


def slip_of_the_pen(text: str, expected: float, within: float) -> str | None:
    """How a number may have come to stand for another one, None when no usual slip does it.

    Parameters
    ----------
    text : str
        The number in the file.
    expected : float
    within : float
        How far the number may be from what is expected once it is put right.
    """

    def fits(candidate: str) -> bool:
        try:
            return abs(as_number(candidate) - expected) <= within
        except ValueError:
            return False

    value = as_number(text)
    if abs(-value - expected) <= within:
        return "a sign too many" if value < 0 else "the sign is lost"
    if "." not in text and any(fits(f"{text[:i]}.{text[i:]}") for i in range(len(text) + 1)):
        return "the decimal point is lost"
    shifted = next((n for n in PLACES if abs(value * 10.0**n - expected) <= within * max(1.0, 10.0**n)), None)
    if shifted is not None:
        plural = "" if abs(shifted) == 1 else "s"
        return f"the decimal point is {abs(shifted)} place{plural} too far to the {'right' if shifted < 0 else 'left'}"
    digits = [i for i, letter in enumerate(text) if letter.isdigit()]
    for i, j in pairwise(digits):
        if fits(text[:i] + text[j] + text[i + 1 : j] + text[i] + text[j + 1 :]):
            return f"the digits {text[i]} and {text[j]} are swapped"
    for i in digits:
        for digit in "0123456789":
            if digit != text[i] and fits(text[:i] + digit + text[i + 1 :]):
                return f"{text[i]} for the digit {digit}"
    return None
