"""From estimates and optima to a verdict; the criterion is argued in the docstring of the package."""

from comparisons.adjudicate.candidates import NEAR, Bench, left_open
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


def decide(bench: Bench, plain: Reading) -> Finding:
    """Verdict on the file read as its header says."""
    best = bench.optima[0]
    given = bench.given(plain)
    natural = bench.natural(plain)
    return (
        (natural and _at(bench, plain, best, natural, Verdict.AT_MAXIMUM))
        or _at_held(bench, plain)
        or (natural and _at_another(bench, plain, natural))
        or _converted(bench, plain, best, given)
        or _at_held(bench, *bench.form.conversions(bench.estimates, bench.options, best.point.natural))
        or not_there(bench, plain, best, given)
    )


def _at(bench: Bench, reading: Reading, optimum: Optimum, natural: Natural, verdict: Verdict) -> Finding | None:
    """The verdict if the estimates are this optimum."""
    still_open = left_open(optimum.judgement)
    places = bench.places(optimum.point.natural, still_open, natural)
    near = bench.nearest(natural)
    if near is not None and same(bench.objective.fingerprint(bench.objective.free(near)), optimum.point.fingerprint):
        # On a ridge its nearest point comes first.
        places = bench.places(near, places[0].left_open, natural) + places
    # A point of the ridge that fits within rounding before one that a tolerance is needed for.
    places.sort(key=lambda place: bool(bench.excess(place, reading).any()))
    for place in places:
        found = bench.arrived(place, reading)
        if found is not None and (not still_open or bench.as_likely(place, reading)):
            return Finding(verdict, reading, place, *found)
    return None


def _at_held(bench: Bench, *readings: Reading) -> Finding | None:
    """The verdict if the estimates are an optimum with some parameters held at an edge of their range."""
    for reading in readings:
        natural = bench.natural(reading)
        held = (
            None if natural is None else held_at_edges(bench.case, bench.objective, natural, bench.optima[0].objective)
        )
        if held is None:
            continue
        place = Neighbourhood(bench.case, bench.objective, held.natural)
        found = bench.arrived(place, reading)
        if found is not None:
            return Finding(Verdict.ANOTHER_OPTIMUM, reading, place, *found, held=held)
    return None


def _at_another(bench: Bench, reading: Reading, natural: Natural) -> Finding | None:
    """The verdict if the estimates are a stationary point that is not the best."""
    for optimum in bench.optima[1:]:
        if optimum.kind is not Kind.NOT_STATIONARY:
            found = _at(bench, reading, optimum, natural, Verdict.ANOTHER_OPTIMUM)
            if found is not None:
                return found
    near = bench.nearest(natural)
    if near is None:
        return None
    point = examine(bench.case, bench.objective, near)
    if same(point.fingerprint, bench.optima[0].point.fingerprint):
        return None
    return _at(bench, reading, bench.optimum_at(point), natural, Verdict.ANOTHER_OPTIMUM)


def _converted(bench: Bench, plain: Reading, best: Optimum, given: Natural) -> Finding | None:
    """The verdict if another reading of the file gives the best optimum, the simplest first."""
    still_open = left_open(best.judgement)
    before = bench.distance(plain, best, still_open)
    as_it_is = bench.practically(bench.places(best.point.natural, still_open, given)[0], plain)
    nearby: list[tuple[float, Finding]] = []
    tolerable: Finding | None = None
    for reading, place in bench.readings(plain, best, still_open, given):
        if tolerable is not None and len(reading.changes) > len(tolerable.reading.changes):
            break
        found = bench.arrived(place, reading)
        if found is not None and (not still_open or bench.as_likely(place, reading)):
            # Of readings equally simple, 1.702 and 1.7 say, the one that fits within rounding.
            finding = Finding(Verdict.ANOTHER_PARAMETRISATION, reading, place, *found)
            if finding.within_rounding:
                return finding
            tolerable = tolerable or finding
            continue
        natural = bench.natural(reading)
        distance = float("inf") if natural is None else place.likelihood_distance(natural)
        if distance <= NEAR and distance * CLOSER < before:
            detail = f"within {distance:.2g} standard errors, as when EM is stopped early"
            nearby.append((distance, Finding(Verdict.ANOTHER_PARAMETRISATION, reading, place, detail=detail)))
    natural = bench.natural(plain)
    if as_it_is is not None or not (tolerable or nearby) or _relative(bench, plain, natural):
        # What is near as it stands, or known for what it is, is not converted to come nearer.
        return None
    return tolerable or (min(nearby, key=lambda pair: pair[0])[1] if nearby else None)


def _relative(bench: Bench, plain: Reading, natural: Natural | None) -> bool:
    """Whether the estimates as they stand are those of another model."""
    return natural is not None and bench.form.another_model(bench.case, natural, plain, bench.estimates) is not None
