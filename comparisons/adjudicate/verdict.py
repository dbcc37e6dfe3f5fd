"""From estimates and optima to a verdict in words; the criterion is argued in the docstring of the package."""

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from comparisons.adjudicate.distance import Allowance, Neighbourhood
from comparisons.adjudicate.early import FAR, creeping, on_a_path, on_its_way_to_infinity, stopped_on_its_way
from comparisons.adjudicate.estimates import Estimates, Names
from comparisons.adjudicate.finding import Finding, Verdict
from comparisons.adjudicate.held import held_at_edges
from comparisons.adjudicate.reading import Reading
from comparisons.adjudicate.steps import nearest_stationary, unflat
from comparisons.case import Array, Case, Natural
from comparisons.kinds import Judgement, Kind, Point, examine, judge, same
from comparisons.optima import Optimum
from pp_models.objective import Objective

# Change per EM cycle at which a package may have stopped; the default of mirt, TAM and others.
TOLERANCE = 1e-4
# Nothing further from an optimum than this, in standard errors, is taken for it by such a tolerance.
NEAR = 0.1
# A conversion that only comes near must bring the estimates this many times closer.
CLOSER = 10.0
NEARLY = (
    "{distance:.2g} standard errors from the maximum, but what is missing does not lie where EM is slow, as under "
    "{causes}, data that differ in a few rows, a miscopied number, another optimiser or an EM stopped very soon"
)
# A single number outside the rounding by this many half units, where all others fit, is no matter of convergence.
SLIP = 4.0


@dataclass(frozen=True, eq=False)
class Bench:
    """Everything that a verdict is made from.

    Attributes
    ----------
    case, objective
    form : module
        How estimates of this family are read (`comparisons.adjudicate.two_pl`).
    estimates : Estimates
    options : dict
        The user's options, for the form.
    optima : list of Optimum
        Best first.
    tolerance : float
    """

    case: Case
    objective: Objective
    form: ModuleType
    estimates: Estimates
    options: dict[str, Any]
    optima: list[Optimum]
    tolerance: float = TOLERANCE

    # ---- one reading against one stationary point --------------------------------------------------

    def parameters(self, quantities: Array, reading: Reading) -> Natural:
        """Natural parameters of such quantities, of a size that can be computed with."""
        return self.form.tame(self.case, unflat(self.case, reading.to_natural(quantities)))

    def given(self, reading: Reading) -> Natural:
        """Parameters under a reading, whether or not they lie inside the parameter space."""
        return self.parameters(reading.quantities(self.estimates.values), reading)

    def natural(self, reading: Reading) -> Natural | None:
        """Parameters under a reading; None outside the parameter space."""
        natural = self.given(reading)
        if not np.isfinite(self.case.flat(natural)).all():
            return None
        if not np.all(self.case.em.feasible(self.case.to_em(natural))):
            return None
        return natural

    def excess(self, place: Neighbourhood, reading: Reading) -> Array:
        """How far each number lies outside the rounding box."""
        return place.excess(reading, self.estimates.values, self.estimates.half_unit)

    def arrived(self, place: Neighbourhood, reading: Reading) -> tuple[bool, Allowance | None] | None:
        """Whether the estimates are this stationary point: (inside the rounding box, allowance), or None."""
        if not self.excess(place, reading).any():
            return True, None
        natural = self.natural(reading)
        if natural is None or place.likelihood_distance(natural) > 1.0:
            return None
        allowance = place.smallest_change(reading, self.estimates.values, self.estimates.half_unit)
        granted = allowance is not None and allowance.change <= self.tolerance and allowance.distance <= NEAR
        return (False, allowance) if granted else None

    def places(self, point: Natural, left_open: Names, given: Natural) -> list[Neighbourhood]:
        """A stationary point in each of the labellings in which the file may mean it."""
        return [
            Neighbourhood(self.case, self.objective, target, still_open)
            for target, still_open in self.form.targets(self.case, point, left_open, given)
        ]

    def _nearest(self, natural: Natural) -> Natural | None:
        return nearest_stationary(self.case, self.objective, natural, self.optima[0].objective)

    # ---- the questions, in the order in which they are asked ----------------------------------------

    def decide(self, plain: Reading) -> Finding:
        """Verdict on the file read as its header says."""
        best = self.optima[0]
        given = self.given(plain)
        natural = self.natural(plain)
        return (
            (natural and self._at(plain, best, natural, Verdict.AT_MAXIMUM))
            or self._at_held(plain)
            or (natural and self._at_another(plain, natural))
            or self._converted(plain, best, given)
            or self._at_held(*self.form.conversions(self.estimates, self.options))
            or self._not_there(plain, best, given)
        )

    def _at(self, reading: Reading, optimum: Optimum, natural: Natural, verdict: Verdict) -> Finding | None:
        """The verdict if the estimates are this optimum."""
        left_open = _left_open(optimum.judgement)
        places = self.places(optimum.point.natural, left_open, natural)
        near = self._nearest(natural)
        if near is not None and same(self.objective.fingerprint(self.objective.free(near)), optimum.point.fingerprint):
            # On a ridge its nearest point comes first.
            places = self.places(near, places[0].left_open, natural) + places
        # A point of the ridge that fits within rounding before one that a tolerance is needed for.
        places.sort(key=lambda place: bool(self.excess(place, reading).any()))
        for place in places:
            found = self.arrived(place, reading)
            if found is not None and (not left_open or self._as_likely(place, reading)):
                return Finding(verdict, reading, place, *found)
        return None

    def _as_likely(self, place: Neighbourhood, reading: Reading) -> bool:
        """Whether a point that rounds to the file is as likely as the optimum, parameters left open included.

        What the data leave open is free along the ridge only, not off it.
        """
        given, half = reading.quantities(self.estimates.values), reading.half_units(self.estimates.half_unit)
        printed = place.printed(reading)
        closest = np.where(np.isfinite(printed), np.clip(printed, given - half, given + half), given)
        points = (self.parameters(quantities, reading) for quantities in (given, closest))
        return any(place.likelihood_distance(point) <= NEAR for point in points)

    def _at_held(self, *readings: Reading) -> Finding | None:
        """The verdict if the estimates are an optimum with some parameters held at an edge of their range."""
        for reading in readings:
            natural = self.natural(reading)
            held = (
                None if natural is None else held_at_edges(self.case, self.objective, natural, self.optima[0].objective)
            )
            if held is None:
                continue
            place = Neighbourhood(self.case, self.objective, held.natural)
            found = self.arrived(place, reading)
            if found is not None:
                return Finding(Verdict.ANOTHER_OPTIMUM, reading, place, *found, held=held)
        return None

    def _at_another(self, reading: Reading, natural: Natural) -> Finding | None:
        """The verdict if the estimates are a stationary point that is not the best."""
        for optimum in self.optima[1:]:
            if optimum.kind is not Kind.NOT_STATIONARY:
                found = self._at(reading, optimum, natural, Verdict.ANOTHER_OPTIMUM)
                if found is not None:
                    return found
        near = self._nearest(natural)
        if near is None:
            return None
        point = examine(self.case, self.objective, near)
        if same(point.fingerprint, self.optima[0].point.fingerprint):
            return None
        return self._at(reading, self.optimum_at(point), natural, Verdict.ANOTHER_OPTIMUM)

    def optimum_at(self, point: Point) -> Optimum:
        """A point as an optimum that no start reached."""
        judgement = judge(self.case, self.objective, point)
        return Optimum(point, judgement, {leg: np.array([], dtype=np.int64) for leg in ("em", "pymc")})

    def _converted(self, plain: Reading, best: Optimum, given: Natural) -> Finding | None:
        """The verdict if another reading of the file gives the best optimum, the simplest first."""
        left_open = _left_open(best.judgement)
        before = self._distance(plain, best, left_open)
        nearby: list[tuple[float, Finding]] = []
        tolerable: Finding | None = None
        for reading, place in self._readings(plain, best, left_open, given):
            if tolerable is not None and len(reading.changes) > len(tolerable.reading.changes):
                break
            found = self.arrived(place, reading)
            if found is not None and (not left_open or self._as_likely(place, reading)):
                # Of readings equally simple, 1.702 and 1.7 say, the one that fits within rounding.
                finding = Finding(Verdict.ANOTHER_PARAMETRISATION, reading, place, *found)
                if finding.within_rounding:
                    return finding
                tolerable = tolerable or finding
                continue
            natural = self.natural(reading)
            distance = np.inf if natural is None else place.likelihood_distance(natural)
            if distance <= NEAR and distance * CLOSER < before:
                detail = f"up to {distance:.2g} standard errors, as if stopped early"
                nearby.append((distance, Finding(Verdict.ANOTHER_PARAMETRISATION, reading, place, detail=detail)))
        return tolerable or (min(nearby, key=lambda pair: pair[0])[1] if nearby else None)

    def _readings(
        self, plain: Reading, best: Optimum, left_open: Names, given: Natural
    ) -> list[tuple[Reading, Neighbourhood]]:
        """Every reading other than the plain one with the optimum to hold it against, the simplest first."""
        found = []
        for reading in (plain, *self.form.conversions(self.estimates, self.options)):
            natural = self.given(reading)
            for place in self.places(best.point.natural, left_open, natural if reading.changes else given):
                if reading.changes:
                    found.append((reading, place))
                other = self.form.reorder(self.case, reading, self.estimates.values, place.printed(reading))
                if other is not None:
                    found.append((other, place))
        return sorted(found, key=lambda pair: len(pair[0].changes))

    def _distance(self, reading: Reading, optimum: Optimum, left_open: Names) -> float:
        natural = self.natural(reading)
        if natural is None:
            return np.inf
        return self.places(optimum.point.natural, left_open, natural)[0].likelihood_distance(natural)

    def _not_there(self, plain: Reading, best: Optimum, given: Natural) -> Finding:
        """Stopped early, or nothing to do with this model and these data."""
        natural = self.natural(plain)
        left_open = _left_open(best.judgement)
        place = self.places(best.point.natural, left_open, given)[0]
        if natural is None:
            return Finding(Verdict.ANOTHER_MODEL, plain, place, detail="outside the parameter space of the model")
        distance = place.likelihood_distance(natural)
        allowance = None
        if distance <= 1.0:
            allowance = place.smallest_change(plain, self.estimates.values, self.estimates.half_unit)
        path = on_a_path(self.case, self.form, self.estimates, plain)
        if path is not None:
            return Finding(Verdict.STOPPED_EARLY, plain, place, allowance=allowance, detail=path)
        other_model = self.form.another_model(self.case, natural, plain, self.estimates)
        if other_model is not None:
            return Finding(Verdict.ANOTHER_MODEL, plain, place, detail=other_model)
        slip = self._only_one_amiss(place, plain)
        if slip is not None:
            return Finding(Verdict.ANOTHER_MODEL, plain, place, allowance=allowance, detail=slip)
        slow = on_its_way_to_infinity(self.case, self.objective, natural, best.judgement.diverging, distance)
        slow = slow or creeping(self.case, self.estimates, place, plain, natural)
        if slow is not None:
            return Finding(Verdict.STOPPED_EARLY, plain, place, allowance=allowance, detail=slow)
        converted = self._stopped_after_conversion(plain, best, left_open, given)
        if converted is not None:
            return converted
        detail = NEARLY.format(distance=distance, causes=self.form.CAUSES) if distance <= FAR else ""
        return Finding(Verdict.ANOTHER_MODEL, plain, place, allowance=allowance, detail=detail)

    def _only_one_amiss(self, place: Neighbourhood, reading: Reading) -> str | None:
        """The one number that is far outside the rounding where all others are inside, None without one."""
        excess, half = self.excess(place, reading), reading.half_units(self.estimates.half_unit)
        outside = np.flatnonzero(excess)
        if place.left_open or len(excess) < 4 or len(outside) != 1 or excess[outside[0]] <= SLIP * half[outside[0]]:
            return None
        name, beyond = self.estimates.names[outside[0]], excess[outside[0]]
        return f"all numbers but {name} are those of the maximum, and {name} is outside the rounding by {beyond:.2g}"

    def _stopped_after_conversion(
        self, plain: Reading, best: Optimum, left_open: Names, given: Natural
    ) -> Finding | None:
        """An early stop in another parametrisation, the simplest."""
        # Not by the log-likelihood, to which a reflected ability axis is all the same.
        before = self.places(best.point.natural, left_open, given)[0].mahalanobis(given)
        for reading, place in self._readings(plain, best, left_open, given):
            natural = self.natural(reading)
            if natural is None or not place.mahalanobis(natural) * CLOSER < before:
                continue
            why = stopped_on_its_way(self.case, self.form, self.estimates, place, reading, natural)
            if why is not None:
                return Finding(Verdict.STOPPED_EARLY, reading, place, detail=why)
        return None


def _left_open(judgement: Judgement) -> Names:
    """Parameters whose value at an optimum says nothing."""
    return (*judgement.not_identified, *judgement.diverging)
