"""Was there a prior on the slopes? It leaves its derivative behind in the score of the likelihood."""

import numpy as np

from comparisons.adjudicate.estimates import Estimates
from comparisons.adjudicate.ways_to_read import Reading
from comparisons.case import Array, Case, Natural

# A prior is looked for when it has this many parameters fewer than there are slopes, and two to spare.
MOST_PRIOR_PARAMETERS = 2
BLUR_DRAWS = 64
# The score must be this many times what rounding does to it.
CLEARLY = 4.0


def slope_prior(case: Case, natural: Natural, reading: Reading, estimates: Estimates) -> str | None:
    """The prior on the slopes under which the estimates are a posterior mode, None when none is found.

    At the mode under a prior on the slopes alone the score of d is 0, and that of a is minus the
    derivative of the log prior: (a - mean) / sd^2 for a normal one, (1 + (log a - mean) / sd^2) / a for a
    lognormal one. So the score, or the score times a, is a straight line in a or in log a, up to what the
    rounding of the estimates does to the score.
    """
    d, a = natural["d"], natural["a"]
    if len(a) < MOST_PRIOR_PARAMETERS + 2 or case.with_prior:
        return None
    half = np.split(_natural_half_unit(natural, reading, estimates), 2)
    draws = np.random.default_rng(0).uniform(-1, 1, (BLUR_DRAWS, 2, len(a)))
    draws[0] = 0.0
    points = case.to_em({"d": d + draws[:, 0] * half[0], "a": a + draws[:, 1] * half[1]})
    by_d, by_a = case.em.score(case.em.e_step(points).expected_counts, points)  # type: ignore[attr-defined]
    blur_d, blur_a = (np.abs(score - score[0]).max(axis=0) for score in (by_d, by_a))
    if (np.abs(by_d[0]) > 2 * blur_d + 1e-6).any() or np.abs(by_a[0]).max() < CLEARLY * blur_a.max() + 1e-4:
        return None
    candidates = [("normal", a, by_a[0], blur_a)]
    if (a > 0).all():
        candidates.append(("lognormal", np.log(a), by_a[0] * a, blur_a * a))
    fits = []
    for name, along, score, blur in candidates:
        rise, level = np.polyfit(along, score, 1)
        left = np.abs(score - level - rise * along) / (2 * blur + 1e-6)
        if rise > 0 and left.max() <= 1:
            mean = ((1.0 if name == "lognormal" else 0.0) - level) / rise
            fits.append((float(left.max()), f"{name},{mean:.2g},{1 / np.sqrt(rise):.2g}"))
    if not fits:
        return None
    named = " or ".join(f"--slope-prior {prior}" for _, prior in sorted(fits))
    return f"they are a posterior mode under a prior on the slopes, about {named}"


def _natural_half_unit(natural: Natural, reading: Reading, estimates: Estimates) -> Array:
    """Rounding of d and a; that of d from both b and a where b is printed."""
    first, slope = np.split(reading.half_units(estimates.half_unit), 2)
    if reading.roles[0] == "b":
        a = np.where(natural["a"] == 0, 1.0, natural["a"])
        first = np.abs(a) * first + np.abs(natural["d"] / a) * slope
    return np.concatenate([first, slope])
