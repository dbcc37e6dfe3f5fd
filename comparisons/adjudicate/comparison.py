"""The estimates under each reading of the file, compared with stationary points: what a verdict is made from."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from comparisons.adjudicate.allowance import Allowance
from comparisons.adjudicate.distance import Neighbourhood
from comparisons.adjudicate.estimates import Estimates, Names
from comparisons.adjudicate.forms import Form
from comparisons.adjudicate.impossible import Impossible, impossible
from comparisons.adjudicate.steps import allowed, nearest_stationary
from comparisons.adjudicate.ways_to_read import Reading
from comparisons.case import Array, Natural, natural_of
from comparisons.compiled import Compiled, WithCompiled
from comparisons.optima.find import Optimum, unreached
from comparisons.optima.kinds import Judgement, Point, examine

# Change per EM cycle at which a package may have stopped; the default of mirt, TAM and others.
TOLERANCE = 1e-4
# Nothing further from an optimum than this, in standard errors, is taken for it by such a tolerance.
NEAR = 0.1
# Beyond this, in standard errors, rates at an optimum say nothing.
FAR = 1.0


@dataclass(frozen=True, eq=False)
class Comparison(WithCompiled):
    """Estimates of a file and what they are compared with.

    Attributes
    ----------
    compiled : Compiled
    form : module
        How estimates of this family are read (`comparisons.adjudicate.forms.two_pl`).
    estimates : Estimates
    options : dict
        The user's options, for the form.
    optima : list of Optimum
        Best first.
    tolerance : float
    """

    compiled: Compiled
    form: Form
    estimates: Estimates
    options: dict[str, Any]
    optima: list[Optimum]
    tolerance: float = TOLERANCE

    # ---- one reading against one stationary point --------------------------------------------------

    def parameters(self, quantities: Array, reading: Reading) -> Natural:
        """Natural parameters of such quantities, of a size that can be computed with."""
        return self.form.tame(self.case, natural_of(self.case, reading.to_natural(quantities)))

    def given(self, reading: Reading) -> Natural:
        """Parameters under a reading, whether or not they lie inside the parameter space."""
        return self.parameters(reading.quantities(self.estimates.values), reading)

    def natural(self, reading: Reading) -> Natural | None:
        """Parameters under a reading; None outside the parameter space."""
        natural = self.given(reading)
        return natural if allowed(self.case, natural) else None

    def impossible(self, reading: Reading) -> Impossible | None:
        """Why the data cannot be as they are under a reading, None where they can."""
        natural = self.natural(reading)
        return None if natural is None else impossible(self.compiled, natural)

    def excess(self, place: Neighbourhood, reading: Reading) -> Array:
        """How far each number lies outside the rounding box."""
        return place.excess(reading, self.estimates.values, self.estimates.half_unit)

    def arrived(self, place: Neighbourhood, reading: Reading) -> tuple[bool, Allowance | None] | None:
        """Whether the estimates are this stationary point: (inside the rounding box, allowance), or None."""
        if not self.excess(place, reading).any():
            return True, None
        allowance = self.allowance(place, reading)
        granted = allowance is not None and allowance.change <= self.tolerance and allowance.distance <= NEAR
        return (False, allowance) if granted else None

    def allowance(self, place: Neighbourhood, reading: Reading) -> Allowance | None:
        """What would have to be granted beyond rounding, None where the estimates are too far away for that."""
        natural = self.natural(reading)
        if natural is None or place.likelihood_distance(natural) > FAR:
            return None
        return place.smallest_change(reading, self.estimates.values, self.estimates.half_unit)

    def places(self, point: Natural, left_open: Names, given: Natural) -> list[Neighbourhood]:
        """A stationary point in each of the labellings in which the file may mean it."""
        return [
            Neighbourhood(self.compiled, target, still_open)
            for target, still_open in self.form.targets(self.case, point, left_open, given)
        ]

    def nearest(self, natural: Natural) -> Natural | None:
        """The stationary point to which plain Newton steps lead, None when they lead nowhere."""
        return nearest_stationary(self.compiled, natural, self.optima[0].objective)

    def optimum_at(self, point: Point) -> Optimum:
        """A point as an optimum that no start reached."""
        return unreached(self.compiled, point)

    def as_likely(self, place: Neighbourhood, reading: Reading) -> bool:
        """Whether a point that rounds to the file is as likely as the optimum, parameters left open included.

        What the data leave open is free along the ridge only, not off it.
        """
        given, half = reading.quantities(self.estimates.values), reading.half_units(self.estimates.half_unit)
        printed = place.printed(reading)
        closest = np.where(np.isfinite(printed), np.clip(printed, given - half, given + half), given)
        points = (self.parameters(quantities, reading) for quantities in (given, closest))
        return any(place.likelihood_distance(point) <= NEAR for point in points)

    def practically(self, place: Neighbourhood, reading: Reading) -> float | None:
        """The largest of the distances from a stationary point, None beyond `NEAR` or where a tolerance is asked for.

        Whoever names a tolerance below the customary one holds the package to it.
        """
        natural = self.natural(reading)
        if natural is None or self.tolerance < TOLERANCE or not place.determined.any():
            return None
        by_newton = float(np.sqrt(2 * examine(self.compiled, natural).gain))
        distances = (place.likelihood_distance(natural), place.mahalanobis(natural), by_newton)
        return max(distances) if max(distances) <= NEAR else None

    def conversions(self) -> Iterable[Reading]:
        """Readings of the file other than as its header says."""
        return self.form.conversions(self.estimates, self.options, self.optima[0].point.natural)

    def another_model(self, natural: Natural, reading: Reading) -> str | None:
        """The related model whose maximum the estimates are, in words; None when they are that of none."""
        return self.form.another_model(self.case, natural, reading, self.estimates)

    def fingerprint(self, natural: Natural) -> Array:
        """Log-likelihood of every observation, by PyMC's code."""
        return self.objective.fingerprint(self.objective.free(natural))

    def readings(
        self, plain: Reading, best: Optimum, left_open: Names, given: Natural
    ) -> list[tuple[Reading, Neighbourhood]]:
        """Every reading other than the plain one with the optimum to hold it against, the simplest first."""
        found = []
        for reading in (plain, *self.conversions()):
            natural = self.given(reading)
            for place in self.places(best.point.natural, left_open, natural if reading.changes else given):
                if reading.changes:
                    found.append((reading, place))
                other = self.form.reorder(self.case, reading, self.estimates.values, place.printed(reading))
                if other is not None:
                    found.append((other, place))
        return sorted(found, key=lambda pair: len(pair[0].changes))

    def distance(self, reading: Reading, optimum: Optimum, left_open: Names) -> float:
        """Standard errors from an optimum, by the log-likelihood."""
        natural = self.natural(reading)
        if natural is None:
            return np.inf
        return self.places(optimum.point.natural, left_open, natural)[0].likelihood_distance(natural)


def left_open(judgement: Judgement) -> Names:
    """Parameters whose value at an optimum says nothing."""
    return (*judgement.not_identified, *judgement.diverging)
