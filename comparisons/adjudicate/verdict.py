"""From estimates and optima to a verdict in words; the criterion is argued in the docstring of the package."""

from dataclasses import dataclass
from enum import StrEnum
from types import ModuleType
from typing import Any

import numpy as np

from comparisons.adjudicate.distance import Allowance, Neighbourhood
from comparisons.adjudicate.estimates import Estimates
from comparisons.adjudicate.reading import Reading
from comparisons.adjudicate.steps import em_step, nearest_stationary, unflat
from comparisons.case import Array, Case, Natural
from comparisons.kinds import Kind, Point, examine, judge, same
from comparisons.optima import Optimum
from pp_models.objective import Objective

# Change per EM cycle at which a package may have stopped; the default of mirt, TAM and others.
TOLERANCE = 1e-4
# Nothing further from an optimum than this, in standard errors, is taken for it by such a tolerance.
NEAR = 0.1
# A conversion that only comes near must bring the estimates this many times closer.
CLOSER = 10.0
# Cycles from a customary start that are compared with the estimates.
CYCLES = 50


class Verdict(StrEnum):
    """What the estimates are."""

    AT_MAXIMUM = "at the maximum"
    STOPPED_EARLY = "stopped early"
    ANOTHER_OPTIMUM = "another optimum"
    ANOTHER_PARAMETRISATION = "another parametrisation"
    ANOTHER_MODEL = "another model or data"


@dataclass(frozen=True, eq=False)
class Finding:
    """A verdict with what it rests on.

    Attributes
    ----------
    verdict : Verdict
    reading : Reading
        How the file was read to reach it.
    place : Neighbourhood
        The stationary point that the estimates were held against.
    within_rounding : bool
    allowance : Allowance or None
        What had to be granted beyond rounding, where that was looked at.
    detail : str
        What else the sentence says.
    """

    verdict: Verdict
    reading: Reading
    place: Neighbourhood
    within_rounding: bool = False
    allowance: Allowance | None = None
    detail: str = ""


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

    def natural(self, reading: Reading) -> Natural | None:
        """Parameters under a reading; None outside the parameter space."""
        natural = unflat(self.case, reading.natural(self.estimates.values))
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

    def places(self, point: Natural, left_open: tuple[str, ...], given: Natural) -> list[Neighbourhood]:
        """A stationary point in each of the labellings in which the file may mean it."""
        return [
            Neighbourhood(self.case, self.objective, target, left_open)
            for target in self.form.targets(self.case, point, given)
        ]

    # ---- the questions, in the order in which they are asked ----------------------------------------

    def decide(self, plain: Reading) -> Finding:
        """Verdict on the file read as its header says."""
        best = self.optima[0]
        given = unflat(self.case, plain.natural(self.estimates.values))
        natural = self.natural(plain)
        return (
            (natural and self._at(plain, best, natural, Verdict.AT_MAXIMUM))
            or (natural and self._at_another(plain, natural))
            or self._converted(plain, best, given)
            or self._not_there(plain, best, given)
        )

    def _at(self, reading: Reading, optimum: Optimum, natural: Natural, verdict: Verdict) -> Finding | None:
        """The verdict if the estimates are this optimum."""
        judgement = optimum.judgement
        left_open = (*judgement.not_identified, *judgement.diverging)
        places = self.places(optimum.point.natural, left_open, natural)
        if judgement.diverging and places[0].likelihood_distance(natural) > NEAR:
            return None
        near = nearest_stationary(self.case, self.objective, natural)
        if near is not None and same(self.objective.pointwise(self.objective.free(near)), optimum.point.fingerprint):
            # The nearest point of a ridge.
            places += self.places(near, left_open, natural)
        for place in places:
            found = self.arrived(place, reading)
            if found is not None:
                return Finding(verdict, reading, place, *found)
        return None

    def _at_another(self, reading: Reading, natural: Natural) -> Finding | None:
        """The verdict if the estimates are a stationary point that is not the best."""
        for optimum in self.optima[1:]:
            if optimum.kind is not Kind.NOT_STATIONARY:
                found = self._at(reading, optimum, natural, Verdict.ANOTHER_OPTIMUM)
                if found is not None:
                    return found
        near = nearest_stationary(self.case, self.objective, natural)
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
        left_open = (*best.judgement.not_identified, *best.judgement.diverging)
        before = self._distance(plain, best, left_open)
        nearby: list[tuple[float, Finding]] = []
        for reading, place in self._readings(plain, best, left_open, given):
            found = self.arrived(place, reading)
            if found is not None:
                return Finding(Verdict.ANOTHER_PARAMETRISATION, reading, place, *found)
            natural = self.natural(reading)
            distance = np.inf if natural is None else place.likelihood_distance(natural)
            if distance <= NEAR and distance * CLOSER < before:
                detail = f"up to {distance:.2g} standard errors, as if stopped early"
                nearby.append((distance, Finding(Verdict.ANOTHER_PARAMETRISATION, reading, place, detail=detail)))
        return min(nearby, key=lambda pair: pair[0])[1] if nearby else None

    def _readings(
        self, plain: Reading, best: Optimum, left_open: tuple[str, ...], given: Natural
    ) -> list[tuple[Reading, Neighbourhood]]:
        """Every reading other than the plain one with the optimum to hold it against, the simplest first."""
        found = []
        for reading in (plain, *self.form.conversions(self.estimates, self.options)):
            natural = unflat(self.case, reading.natural(self.estimates.values))
            for place in self.places(best.point.natural, left_open, natural if reading.changes else given):
                if reading.changes:
                    found.append((reading, place))
                other = self.form.reorder(self.case, reading, self.estimates.values, place.printed(reading))
                if other is not None:
                    found.append((other, place))
        return sorted(found, key=lambda pair: len(pair[0].changes))

    def _distance(self, reading: Reading, optimum: Optimum, left_open: tuple[str, ...]) -> float:
        natural = self.natural(reading)
        if natural is None:
            return np.inf
        return self.places(optimum.point.natural, left_open, natural)[0].likelihood_distance(natural)

    def _not_there(self, plain: Reading, best: Optimum, given: Natural) -> Finding:
        """Stopped early, or nothing to do with this model and these data."""
        natural = self.natural(plain)
        left_open = (*best.judgement.not_identified, *best.judgement.diverging)
        place = self.places(best.point.natural, left_open, given)[0]
        if natural is None:
            return Finding(Verdict.ANOTHER_MODEL, plain, place, detail="outside the parameter space of the model")
        distance = place.likelihood_distance(natural)
        allowance = None
        if distance <= 1.0:
            allowance = place.smallest_change(plain, self.estimates.values, self.estimates.half_unit)
        path = self._on_a_path(plain)
        if path is not None:
            return Finding(Verdict.STOPPED_EARLY, plain, place, allowance=allowance, detail=path)
        other_model = self.form.another_model(self.case, natural, plain, self.estimates)
        if other_model is not None:
            return Finding(Verdict.ANOTHER_MODEL, plain, place, detail=other_model)
        half = plain.sorted(self.estimates.half_unit)
        if place.on_the_way(natural, self._natural_half_unit(place, plain, half)):
            detail = (
                "what is missing lies where EM is slow, as after an EM that was stopped on its way or under a prior"
            )
            return Finding(Verdict.STOPPED_EARLY, plain, place, allowance=allowance, detail=detail)
        if distance <= NEAR:
            detail = "what is missing does not lie where EM is slow: another optimiser, quadrature or a weak prior?"
            return Finding(Verdict.STOPPED_EARLY, plain, place, allowance=allowance, detail=detail)
        return Finding(Verdict.ANOTHER_MODEL, plain, place, allowance=allowance)

    def _natural_half_unit(self, place: Neighbourhood, reading: Reading, half: Array) -> Array:
        """Rounding of the natural parameters that the rounding of the printed numbers makes possible."""
        derivative = place.printed_derivative(reading)
        if not np.isfinite(derivative).all():
            return half
        return np.abs(place.natural_derivative @ np.linalg.pinv(derivative)) @ half

    def _on_a_path(self, reading: Reading) -> str | None:
        """How many EM cycles from a customary start give exactly these estimates, None when no number does."""
        values, half = (reading.sorted(v) for v in (self.estimates.values, self.estimates.half_unit))
        for name, start in self.form.customary_starts(self.case).items():
            natural = start
            for cycle in range(1, CYCLES + 1):
                natural = em_step(self.case, natural)
                printed = reading.to_printed(self.case.flat(natural))
                if (np.abs(printed - values) <= half + 1e-5 * (1 + np.abs(printed))).all():
                    plural = "s" if cycle > 1 else ""
                    return f"these are the estimates after {cycle} cycle{plural} of EM from {name}"
        return None
