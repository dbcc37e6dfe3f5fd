"""From estimates and optima to a verdict; the criterion is argued in the docstring of the package."""

from comparisons.adjudicate.comparison import NEAR, Comparison, left_open
from comparisons.adjudicate.distance import Neighbourhood
from comparisons.adjudicate.elsewhere import not_there
from comparisons.adjudicate.finding import Finding, Verdict
from comparisons.adjudicate.held import held_at_edges
from comparisons.adjudicate.ways_to_read import Reading
from comparisons.case import Natural
from comparisons.optima.find import Optimum
from comparisons.optima.kinds import Kind, examine, same

# A conversion that only comes near must bring the estimates this many times closer.
CLOSER = 10.0


def decide(comparison: Comparison, plain: Reading) -> Finding:
    """Verdict on the file read as its header says."""
    best = comparison.optima[0]
    given = comparison.given(plain)
    natural = comparison.natural(plain)
    return (
        (natural and _at(comparison, plain, best, natural, Verdict.AT_MAXIMUM))
        or _at_held(comparison, plain)
        or (natural and _at_another(comparison, plain, natural))
        or _converted(comparison, plain, best, given)
        or _impossible(comparison, plain, best, given)
        or _at_held(comparison, *comparison.conversions())
        or not_there(comparison, plain, best, given)
    )


def _at(
    comparison: Comparison, reading: Reading, optimum: Optimum, natural: Natural, verdict: Verdict
) -> Finding | None:
    """The verdict if the estimates are this optimum."""
    still_open = left_open(optimum.judgement)
    places = comparison.places(optimum.point.natural, still_open, natural)
    near = comparison.nearest(natural)
    if near is not None and same(comparison.fingerprint(near), optimum.point.fingerprint):
        # On a ridge its nearest point comes first.
        places = comparison.places(near, places[0].left_open, natural) + places
    # A point of the ridge that fits within rounding before one that a tolerance is needed for.
    places.sort(key=lambda place: bool(comparison.excess(place, reading).any()))
    for place in places:
        found = comparison.arrived(place, reading)
        if found is not None and (not still_open or comparison.as_likely(place, reading)):
            return Finding(verdict, reading, place, *found)
    return None


def _at_held(comparison: Comparison, *readings: Reading) -> Finding | None:
    """The verdict if the estimates are an optimum with some parameters held at an edge of their range."""
    for reading in readings:
        natural = comparison.natural(reading)
        if natural is None or comparison.impossible(reading):
            continue
        best = comparison.optima[0].objective
        held = held_at_edges(comparison.compiled, natural, best)
        if held is None:
            continue
        place = Neighbourhood(comparison.compiled, held.natural)
        found = comparison.arrived(place, reading)
        if found is not None:
            return Finding(Verdict.ANOTHER_OPTIMUM, reading, place, *found, held=held)
    return None


def _impossible(comparison: Comparison, plain: Reading, best: Optimum, given: Natural) -> Finding | None:
    """The verdict if the data are impossible under the estimates."""
    if not comparison.impossible(plain):
        return None
    place = comparison.places(best.point.natural, left_open(best.judgement), given)[0]
    return Finding(Verdict.IMPOSSIBLE, plain, place)


def _at_another(comparison: Comparison, reading: Reading, natural: Natural) -> Finding | None:
    """The verdict if the estimates are a stationary point that is not the best."""
    others = [optimum for optimum in comparison.optima[1:] if optimum.kind is not Kind.NOT_STATIONARY]
    near = comparison.nearest(natural)
    point = None if near is None else examine(comparison.compiled, near)
    if point is not None and not same(point.fingerprint, comparison.optima[0].point.fingerprint):
        others.append(comparison.optimum_at(point))
    found = [_at(comparison, reading, optimum, natural, Verdict.ANOTHER_OPTIMUM) for optimum in others]
    # The one that fits within rounding before one that a tolerance is needed for.
    return min((one for one in found if one is not None), key=lambda one: not one.within_rounding, default=None)


def _converted(comparison: Comparison, plain: Reading, best: Optimum, given: Natural) -> Finding | None:
    """The verdict if another reading of the file gives the best optimum, the simplest first."""
    still_open = left_open(best.judgement)
    before = comparison.distance(plain, best, still_open)
    as_it_is = comparison.practically(comparison.places(best.point.natural, still_open, given)[0], plain)
    nearby: list[tuple[float, Finding]] = []
    tolerable: Finding | None = None
    for reading, place in comparison.readings(plain, best, still_open, given):
        if tolerable is not None and len(reading.changes) > len(tolerable.reading.changes):
            break
        found = None if comparison.impossible(reading) else comparison.arrived(place, reading)
        if found is not None and (not still_open or comparison.as_likely(place, reading)):
            # Of readings equally simple, 1.702 and 1.7 say, the one that fits within rounding.
            finding = Finding(Verdict.ANOTHER_PARAMETRISATION, reading, place, *found)
            if finding.within_rounding:
                return finding
            tolerable = tolerable or finding
            continue
        natural = comparison.natural(reading)
        distance = float("inf") if natural is None else place.likelihood_distance(natural)
        if distance <= NEAR and distance * CLOSER < before:
            detail = f"within {distance:.2g} standard errors, as when EM is stopped early"
            nearby.append((distance, Finding(Verdict.ANOTHER_PARAMETRISATION, reading, place, detail=detail)))
    natural = comparison.natural(plain)
    if as_it_is is not None or not (tolerable or nearby) or _relative(comparison, plain, natural):
        # What is near unconverted, or recognised as another model, is not converted to come nearer.
        return None
    return tolerable or (min(nearby, key=lambda pair: pair[0])[1] if nearby else None)


def _relative(comparison: Comparison, plain: Reading, natural: Natural | None) -> bool:
    """Whether the estimates, unconverted, are those of another model."""
    return natural is not None and comparison.another_model(natural, plain) is not None
