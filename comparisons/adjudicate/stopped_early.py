"""Was an EM stopped early? By its path from a customary start, or by the direction of the difference."""

import numpy as np

from comparisons.adjudicate.distance import Neighbourhood
from comparisons.adjudicate.estimates import Estimates
from comparisons.adjudicate.forms import Form
from comparisons.adjudicate.steps import em_step
from comparisons.adjudicate.ways_to_read import Reading
from comparisons.case import Array, Case, Natural
from comparisons.compiled import Compiled
from comparisons.optima.diverging import onward

# Cycles from a customary start that are compared with the estimates.
CYCLES = 50
# Further from the optimum than this, in standard errors, rates at the optimum say nothing about the way to it.
FAR = 1.0
# Cycles of EM from the estimates that must not lose likelihood.
WATCHED = 10

AS_WHEN_STOPPED = "the difference is in the directions in which EM converges slowly, as when EM is stopped"
SLOW = f"{AS_WHEN_STOPPED} early (a prior shrinks the same directions)"


def stopped_on_its_way(
    case: Case, form: Form, estimates: Estimates, place: Neighbourhood, reading: Reading, natural: Natural
) -> str | None:
    """Why the estimates under this reading look like those of an EM that was stopped, None when they do not."""
    return on_a_path(case, form, estimates, reading) or creeping(case, estimates, place, reading, natural)


def creeping(case: Case, estimates: Estimates, place: Neighbourhood, reading: Reading, natural: Natural) -> str | None:
    """Whether the estimates are near, off in the directions in which EM is slow, and EM goes on to the optimum."""
    before = place.likelihood_distance(natural)
    if before > FAR:
        return None
    if not place.on_the_way(natural, _natural_half_unit(place, reading, reading.half_units(estimates.half_unit))):
        return None
    point = natural
    for _ in range(WATCHED):
        point = em_step(case, point)
        after = place.likelihood_distance(point)
        if not after <= before + 1e-6:
            return None
        before = after
    return SLOW


def on_its_way_to_infinity(compiled: Compiled, natural: Natural, names: tuple[str, ...], distance: float) -> str | None:
    """Whether diverging parameters were stopped early: near in likelihood, and further out it is higher."""
    case, objective = compiled
    suspects = {name for group in case.runaway(natural) for name in group.names}
    if distance > FAR or not names or not set(names) <= suspects:
        return None
    here, further = objective.free(natural), onward(compiled, natural, names)
    if not objective.value_and_gradient(further)[0] > objective.value_and_gradient(here)[0]:
        return None
    return f"the likelihood still increases towards infinity in {', '.join(names)}"


def on_a_path(case: Case, form: Form, estimates: Estimates, reading: Reading) -> str | None:
    """How many EM cycles from a customary start give exactly these estimates, None when no number does."""
    values, half = reading.quantities(estimates.values), reading.half_units(estimates.half_unit)
    for name, start in form.customary_starts(case).items():
        natural = start
        for cycle in range(1, CYCLES + 1):
            natural = em_step(case, natural)
            printed = reading.from_natural(case.flat(natural))
            if (np.abs(printed - values) <= half + 1e-5 * (1 + np.abs(printed))).all():
                plural = "s" if cycle > 1 else ""
                return f"these are the estimates after {cycle} cycle{plural} of EM from {name}"
    return None


def _natural_half_unit(place: Neighbourhood, reading: Reading, half: Array) -> Array:
    """Rounding of the natural parameters that the rounding of the printed numbers makes possible."""
    derivative = place.printed_derivative(reading)
    if not np.isfinite(derivative).all():
        return half
    return np.abs(place.natural_derivative @ np.linalg.pinv(derivative)) @ half
