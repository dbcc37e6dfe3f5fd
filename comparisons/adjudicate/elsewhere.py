"""Estimates that are no stationary point, read one way or another: near one, stopped early, or something else."""

from comparisons.adjudicate.comparison import Comparison, left_open
from comparisons.adjudicate.distance import Neighbourhood
from comparisons.adjudicate.finding import Finding, Verdict
from comparisons.adjudicate.practical import near_enough
from comparisons.adjudicate.slips import one_number_amiss
from comparisons.adjudicate.stopped_early import FAR, creeping, on_a_path, on_its_way_to_infinity, stopped_on_its_way
from comparisons.adjudicate.ways_to_read import Reading
from comparisons.case import Natural
from comparisons.optima.find import Optimum

# An early stop after a conversion must bring the estimates this many times closer.
CLOSER = 10.0
NEARLY = (
    "{distance:.2g} standard errors from the maximum, but the difference is not in the directions in which EM "
    "converges slowly; possible causes are {causes}, data that differ in a few rows, a miscopied number, another "
    "optimiser, or an EM stopped after very few cycles"
)


def not_there(comparison: Comparison, plain: Reading, best: Optimum, given: Natural) -> Finding:
    """What is recognised exactly first, then what is near enough, then what was stopped early."""
    natural = comparison.natural(plain)
    place = comparison.places(best.point.natural, left_open(best.judgement), given)[0]
    if natural is None:
        slip = one_number_amiss(comparison, best, plain, given)
        outside = "outside the parameter space of the model"
        return slip or Finding(Verdict.ANOTHER_MODEL, plain, place, detail=outside)
    return (
        _recognised(comparison, plain, best, natural, place)
        or near_enough(comparison, plain, best, natural, place)
        or _on_its_way(comparison, plain, best, natural, place)
        or _stopped_after_conversion(comparison, plain, best, given)
        or _something_else(comparison, plain, natural, place)
    )


def _recognised(
    comparison: Comparison, plain: Reading, best: Optimum, natural: Natural, place: Neighbourhood
) -> Finding | None:
    """A point on EM's path, another model, or the maximum but for one number."""
    path = on_a_path(comparison.case, comparison.form, comparison.estimates, plain)
    if path is not None:
        allowance = comparison.allowance(place, plain)
        return Finding(Verdict.STOPPED_EARLY, plain, place, allowance=allowance, detail=path)
    other_model = comparison.another_model(natural, plain)
    if other_model is not None:
        return Finding(Verdict.ANOTHER_MODEL, plain, place, detail=other_model)
    return one_number_amiss(comparison, best, plain, natural)


def _on_its_way(
    comparison: Comparison, plain: Reading, best: Optimum, natural: Natural, place: Neighbourhood
) -> Finding | None:
    """An early stop of the file, unconverted."""
    distance = place.likelihood_distance(natural)
    slow = on_its_way_to_infinity(comparison.compiled, natural, best.judgement.diverging, distance)
    slow = slow or creeping(comparison.case, comparison.estimates, place, plain, natural)
    if slow is None:
        return None
    return Finding(Verdict.STOPPED_EARLY, plain, place, allowance=comparison.allowance(place, plain), detail=slow)


def _stopped_after_conversion(comparison: Comparison, plain: Reading, best: Optimum, given: Natural) -> Finding | None:
    """An early stop in another parametrisation, the simplest."""
    still_open = left_open(best.judgement)
    # Not by the log-likelihood, to which a reflected ability axis is all the same.
    before = comparison.places(best.point.natural, still_open, given)[0].mahalanobis(given)
    for reading, place in comparison.readings(plain, best, still_open, given):
        natural = comparison.natural(reading)
        if natural is None or not place.mahalanobis(natural) * CLOSER < before:
            continue
        why = stopped_on_its_way(comparison.case, comparison.form, comparison.estimates, place, reading, natural)
        if why is not None:
            return Finding(Verdict.STOPPED_EARLY, reading, place, detail=why)
    return None


def _something_else(comparison: Comparison, plain: Reading, natural: Natural, place: Neighbourhood) -> Finding:
    distance = place.likelihood_distance(natural)
    detail = NEARLY.format(distance=distance, causes=comparison.form.CAUSES) if distance <= FAR else ""
    return Finding(Verdict.ANOTHER_MODEL, plain, place, allowance=comparison.allowance(place, plain), detail=detail)
