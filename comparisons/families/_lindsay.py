"""A certificate that a mixture of coins is the global maximum.

A mixing distribution is the nonparametric maximum likelihood estimate exactly when

    D(phi) = sum_j f_j (p(x_j | phi) / p(x_j) - 1) <= 0   for every phi in [0, 1]

(Lindsay 1983, Annals of Statistics 11, theorem 4.1). The log-likelihood is concave in the mixing distribution, so no
mixture of any number of coins gains more than the maximum of D. That maximum is bounded from above, cell by cell:
a cell that cannot be bounded is halved. With phi = sin(t)^2, x heads and m tails in n flips,

    r(t) = p(x | phi)   is log-concave, so its range over a cell is known from the ends and the peak,
    r'   = r 2 (x - n phi) / (sin t cos t),
    r''  = r (2x(2x - 1) / sin^2 t + 2m(2m - 1) / cos^2 t - 4 n^2),   a convex function in brackets,

and a parabola with the largest D'' of the cell lies above D. In t a peak is as wide at 0 as anywhere else.
"""

from typing import NamedTuple

import numpy as np

from comparisons.case import Array
from em_reference.coin_mixture import CoinMixture, CoinParams

# What a mixture of more coins may gain in log-likelihood.
MOST_GAIN = 1e-6
# Terms p(x_j | phi) that may be computed (some 10 seconds), and how many at once (some 50 MB).
MOST_TERMS = 60_000_000
TERMS_AT_ONCE = 200_000
FIRST_CELLS = 64
MOST_HALVINGS = 40
# A ratio p(x | phi) / p(x) of exp(300) is cut off there: D is beyond every bound long before.
LARGEST_LOG_RATIO = 300.0
# The end of the range in t, where x / sin^2 t is still a number.
CLOSEST = 1e-12


class Terms(NamedTuple):
    """Outcomes that were seen, as columns (J, 1): heads, tails, frequency, log p(x) less its largest value over phi."""

    heads: Array
    tails: Array
    frequency: Array
    log_fit: Array


class Cells(NamedTuple):
    """Cells of [0, pi/2]: ends and middles (C,)."""

    left: Array
    middle: Array
    right: Array


def lindsay_certificate(em: CoinMixture, params: CoinParams) -> str | None:
    """Why no mixture of any number of coins has a higher likelihood, or None where that is not shown."""
    terms = _terms(em, params)
    if not np.isfinite(terms.log_fit).all():
        return None
    total = float(terms.frequency.sum())
    flips = terms.heads + terms.tails
    # x - n phi is known to n * epsilon, its effect on log p to 3 z sqrt(n) epsilon at z standard deviations,
    # of which z = 4 is more than the terms that count.
    round_off = total * np.finfo(float).eps * (100 + 12 * float(np.sqrt(flips.max())))
    edges = np.linspace(0.0, np.pi / 2, FIRST_CELLS + 1)
    left, right = edges[:-1], edges[1:]
    at_once, work = max(1, TERMS_AT_ONCE // len(flips)), 0
    for _ in range(MOST_HALVINGS):
        work += 3 * len(left) * len(flips)
        if work > MOST_TERMS:
            return None
        open_cells = []
        for first in range(0, len(left), at_once):
            block = slice(first, first + at_once)
            cells = Cells(left[block], (left[block] + right[block]) / 2, right[block])
            gradient, bound = _gradient_and_bound(terms, cells)
            if gradient.max() > MOST_GAIN:
                return None
            open_cells.append(bound + round_off > MOST_GAIN)
        halved = np.concatenate(open_cells)
        if not halved.any():
            return "Lindsay (1983): no mixture of any number of coins has a higher likelihood"
        left, right = left[halved], right[halved]
        middle = (left + right) / 2
        left, right = np.concatenate([left, middle]), np.concatenate([middle, right])
    return None


def _terms(em: CoinMixture, params: CoinParams) -> Terms:
    """The outcomes, and how well the mixture fits each."""
    outcomes = em.outcomes
    seen = outcomes.frequencies > 0
    heads, flips = outcomes.heads[seen, None], outcomes.flips[seen, None]
    thrown = params.weight > 0
    weight, bias = params.weight[thrown] / params.weight.sum(), params.bias[thrown]
    log_fit = np.log(weight) - _deviance(heads, flips - heads, bias, 1 - bias)
    top = log_fit.max(axis=1, keepdims=True)
    if np.isfinite(top).all():
        top += np.log(np.exp(log_fit - top).sum(axis=1, keepdims=True))
    return Terms(heads, flips - heads, outcomes.frequencies[seen, None], top)


def _deviance(heads: Array, tails: Array, share: Array, rest: Array) -> Array:
    """-log p(x | share) + log p(x | x / n), without the cancellation of numbers as large as n.

    It is  x log(x / (n share)) + m log(m / (n rest)),  rest = 1 - share; near its smallest value, 0, the logarithms
    are taken by the excess  e = x - n share = n rest - m.
    """
    flips = heads + tails
    excess = np.where(share < 0.5, heads - flips * share, flips * rest - tails)
    return -heads * _log_of_share(flips * share, heads, -excess) - tails * _log_of_share(flips * rest, tails, excess)


def _log_of_share(expected: Array, count: Array, above: Array) -> Array:
    """log(expected / count), `above` the difference of the two without their rounding; finite for a count of 0."""
    divisor, far = np.maximum(count, 1.0), 2 * expected < count
    with np.errstate(divide="ignore"):
        direct = np.log(expected / divisor)
    return np.asarray(np.where(far, direct, np.log1p(np.maximum(above / divisor, -0.75))))


def _ratio(terms: Terms, t: Array) -> Array:
    """f_j p(x_j | phi) / p(x_j) at phi = sin(t)^2 (J, C)."""
    log_ratio = -_deviance(terms.heads, terms.tails, np.sin(t) ** 2, np.cos(t) ** 2) - terms.log_fit
    return np.asarray(terms.frequency * np.exp(np.minimum(log_ratio, LARGEST_LOG_RATIO)))


def _gradient_and_bound(terms: Terms, cells: Cells) -> tuple[Array, Array]:
    """D in the middle of each cell, and a number that D does not exceed within the cell (C,)."""
    left, middle, right = cells
    heads, tails, total = terms.heads, terms.tails, terms.frequency.sum()
    at_left, at_middle, at_right = (_ratio(terms, t) for t in cells)
    peak = np.arctan2(np.sqrt(heads), np.sqrt(tails))
    at_peak = terms.frequency * np.exp(np.minimum(-terms.log_fit, LARGEST_LOG_RATIO))
    largest = np.where((left <= peak) & (peak <= right), at_peak, np.maximum(at_left, at_right))
    smallest = np.minimum(at_left, at_right)

    gradient = at_middle.sum(axis=0) - total
    sine, cosine = np.sin(middle), np.cos(middle)
    from_tails = np.where(middle < np.pi / 4, heads - (heads + tails) * sine**2, (heads + tails) * cosine**2 - tails)
    slope = (at_middle * (2 * from_tails / (sine * cosine))).sum(axis=0)
    bracket = np.maximum(_bracket(heads, tails, left), _bracket(heads, tails, right))
    curvature = np.where(bracket > 0, largest * bracket, smallest * bracket).sum(axis=0)
    for end, mirrored in ((left[0] == 0.0, False), (right[-1] == np.pi / 2, True)):
        if end:
            place = -1 if mirrored else 0
            curvature[place] = _curvature_at_end(terms, float(right[place] - left[place]), mirrored)
    half = (right - left) / 2
    inside = (curvature < 0) & (np.abs(slope) < -curvature * half)
    with np.errstate(divide="ignore", invalid="ignore"):
        by_parabola = gradient + np.where(
            inside, slope**2 / (-2 * curvature), np.abs(slope) * half + curvature * half**2 / 2
        )
    return gradient, np.minimum(by_parabola, largest.sum(axis=0) - total)


def _bracket(heads: Array, tails: Array, t: Array) -> Array:
    """r'' / r at t (J, C)."""
    sine, cosine = np.maximum(np.sin(t), CLOSEST) ** 2, np.maximum(np.cos(t), CLOSEST) ** 2
    flips = heads + tails
    return np.asarray(2 * heads * (2 * heads - 1) / sine + 2 * tails * (2 * tails - 1) / cosine - 4 * flips**2)


def _curvature_at_end(terms: Terms, width: float, mirrored: bool) -> float:
    """Bound of D'' on [0, width], or on [pi/2 - width, pi/2], where 1 / sin^2 t has no bound but r / sin^2 t has."""
    if mirrored:
        terms = Terms(terms.tails, terms.heads, terms.frequency, terms.log_fit)
    heads, tails, flips = terms.heads, terms.tails, terms.heads + terms.tails
    # r / sin^2 t has its peak where r has it for one head less.
    peak = np.arctan2(np.sqrt(np.maximum(heads - 1, 0.0)), np.sqrt(tails))
    place = np.clip(peak, CLOSEST, width)
    steep = np.where(heads > 0, 2 * heads * (2 * heads - 1) * _ratio(terms, place) / np.sin(place) ** 2, 0.0)
    rest = 2 * tails * (2 * tails - 1) / np.cos(width) ** 2 - 4 * flips**2
    top = np.clip(np.arctan2(np.sqrt(heads), np.sqrt(tails)), 0.0, width)
    lowest = np.minimum(_ratio(terms, np.zeros((1, 1))), _ratio(terms, np.full((1, 1), width)))
    return float((steep + np.where(rest > 0, _ratio(terms, top) * rest, lowest * rest)).sum())
