"""The named checks behind a verdict: each side judges the other's answer."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from comparisons.case import Case, Natural, each, stack, take
from comparisons.diverging import onward
from comparisons.kinds import SAME, Kind, Point, examine
from comparisons.multistart import Endpoints
from comparisons.optima import Optimum
from em_reference.em import Status, em
from pp_models.maximise import maximise
from pp_models.objective import Objective

# Log-likelihoods of the same parameters agree to this share of 1 + |log-likelihood|: round-off.
EQUAL = 1e-10
# Log-likelihoods of two converged endpoints: the same, plus what is left to climb.
EQUAL_ENDS = 1e-9
# Log-probabilities of an observation at two endpoints of equal height: a height that is right to g leaves
# them right to sqrt(2 g) only.
EQUAL_FIT = 3e-4
# On the way to infinity both sides stop somewhere; PyMC, sent on from EM's place, must get as high.
EQUAL_ON_THE_WAY = 1e-6
# Estimates agree when they differ by less than this many standard errors.
STANDARD_ERRORS = 1e-4
# One EM cycle at an optimum moves no parameter by more, beside 1 + its size.
FIXED = 1e-6
RANDOM_POINTS = 50
# An EM to be reported that ran out of cycles is carried on, accelerated, for up to this many times the limit,
# and for no more cycles than all starts were allowed.
PATIENCE = 20


class Check(NamedTuple):
    """One comparison: what was compared, what was found, what is allowed.

    Attributes
    ----------
    name : str
    found, allowed : float
    passed : bool
    detail : str
        What was found, in words, whether it passed or not.
    undecided : bool
        It failed only because EM had not converged: no disagreement.
    """

    name: str
    found: float
    allowed: float
    passed: bool
    detail: str = ""
    undecided: bool = False


@dataclass(frozen=True)
class Ends:
    """The endpoint reported for each leg.

    Attributes
    ----------
    optimum : int
        Position of the optimum reported, the best one that any start reached.
    em, pymc : Natural
    em_start, pymc_start : int or None
        Start that led there; None when the leg was restarted from the other's endpoint.
    em_status, pymc_status : str
    em_cycles : int
    em_log_likelihood, pymc_log_likelihood : float
        By each leg's own code.
    """

    optimum: int
    em: Natural
    pymc: Natural
    em_start: int | None
    pymc_start: int | None
    em_status: str
    pymc_status: str
    em_cycles: int
    em_log_likelihood: float
    pymc_log_likelihood: float


def choose_ends(case: Case, objective: Objective, legs: tuple[Endpoints, Endpoints], optima: list[Optimum]) -> Ends:
    """For each leg, its first start that reached the best optimum.

    A leg that did not reach it, but stands at another true optimum, is restarted from the other leg's
    endpoint: then exploration differed, not the implementation. A leg that stands at no optimum is
    reported where it stands; but an EM that only ran out of cycles is carried on first.
    """
    index = next((i for i, optimum in enumerate(optima) if optimum.reached and optimum.leads_to is None), 0)
    best = optima[index]
    picks: dict[str, int | None] = {}
    for leg in legs:
        members = best.members[leg.leg]
        picks[leg.leg] = _settled_first(leg, members) if len(members) else _best_elsewhere(leg, optima)
    em_leg, pymc_leg = legs
    em_start, pymc_start = picks["em"], picks["pymc"]
    pymc_end = best.point.natural if pymc_start is None else take(pymc_leg.natural, pymc_start)
    pymc_end = case.canonical(pymc_end)
    if em_start is None:
        again = em(case.em, case.to_em(best.point.natural), case.stop)
        em_end, em_status, em_cycles = case.from_em(again.params), str(again.status.item()), int(again.cycles)
        em_value = float(again.log_likelihood)
    else:
        em_end, em_status = take(em_leg.natural, em_start), em_leg.status[em_start]
        em_cycles, em_value = int(em_leg.effort[em_start]), float(em_leg.log_likelihood[em_start])
        if em_status == str(Status.CYCLE_LIMIT) and not best.judgement.diverging:
            times = min(PATIENCE, len(em_leg))
            longer = replace(case.stop, max_cycles=times * case.stop.max_cycles)
            onwards = em(case.em, case.to_em(em_end), longer, accelerate=True)
            em_end, em_status = case.from_em(onwards.params), str(onwards.status.item())
            em_cycles, em_value = em_cycles + int(onwards.cycles), float(onwards.log_likelihood)
    pymc_status = "restarted" if pymc_start is None else pymc_leg.status[pymc_start]
    return Ends(
        optimum=index,
        em=em_end,
        pymc=pymc_end,
        em_start=em_start,
        pymc_start=pymc_start,
        em_status=em_status,
        pymc_status=pymc_status,
        em_cycles=em_cycles,
        em_log_likelihood=em_value,
        pymc_log_likelihood=objective.log_likelihood(objective.free(pymc_end)),
    )


def _best_elsewhere(leg: Endpoints, optima: list[Optimum]) -> int | None:
    """Best endpoint of a leg that missed the best optimum; None when it is at a true optimum."""
    for optimum in sorted(optima, key=lambda o: -o.objective):
        members = optimum.members[leg.leg]
        if len(members):
            return _settled_first(leg, members) if optimum.kind is Kind.NOT_STATIONARY else None
    return 0


def _settled_first(leg: Endpoints, members: npt.NDArray[np.int64]) -> int:
    """The first of some starts that did not run out of cycles; the first at all, if all did."""
    late = leg.status[members] == str(Status.CYCLE_LIMIT)
    return int(members[int(late.argmin())])


def run_checks(
    case: Case,
    objective: Objective,
    legs: tuple[Endpoints, Endpoints],
    starts: Natural,
    optima: list[Optimum],
    ends: Ends,
    estimates: pd.DataFrame,
) -> tuple[Check, ...]:
    """Run all checks, in the order in which a reader should believe them."""
    em_point = examine(case, objective, ends.em)
    pymc_point = examine(case, objective, ends.pymc)
    best = optima[ends.optimum]
    # A saddle repels: both legs stand on it, but neither stays when set down a rounding error beside it.
    restarts = () if best.kind is Kind.SADDLE else _restarts(case, objective, em_point, pymc_point)
    return (
        _log_likelihood_at(case, objective, "log-likelihood at random points", _first(starts, RANDOM_POINTS)),
        _log_likelihood_at(case, objective, "log-likelihood at EM's endpoint", _first_axis(ends.em)),
        _log_likelihood_at(case, objective, "log-likelihood at PyMC's endpoint", _first_axis(ends.pymc)),
        *_priors(case, objective, _first(starts, RANDOM_POINTS)),
        _ascent(legs[0]),
        *(
            (
                _em_map(case, objective, pymc_point, estimates),
                _way_out(case, objective, best.judgement.diverging, em_point, pymc_point),
            )
            if best.judgement.diverging
            else (
                _gradient(em_point),
                _em_map(case, objective, pymc_point, estimates),
                *restarts,
                _same_optimum(em_point, pymc_point),
                _same_height(em_point, pymc_point),
                _estimates(estimates),
            )
        ),
    )


def _first(starts: Natural, count: int) -> Natural:
    return {name: values[:count] for name, values in starts.items()}


def _first_axis(natural: Natural) -> Natural:
    return {name: np.asarray(values)[None] for name, values in natural.items()}


def _log_likelihood_at(case: Case, objective: Objective, name: str, points: Natural) -> Check:
    """Both codes at the same parameters, which PyMC's side keeps a little off 0 and 1."""
    free = [objective.free(point) for point in each(points)]
    ours = np.atleast_1d(case.em.e_step(case.to_em(stack([objective.natural(x) for x in free]))).log_likelihood)
    theirs = np.array([objective.log_likelihood(x) for x in free])
    return _difference(name, ours, theirs)


def _priors(case: Case, objective: Objective, points: Natural) -> tuple[Check, ...]:
    if not case.with_prior:
        return ()
    ours = np.broadcast_to(case.em.e_step(case.to_em(points)).log_prior, len(next(iter(points.values()))))
    theirs = np.array([objective.log_prior(objective.free(point)) for point in each(points)])
    return (_difference("log-prior at random points", np.asarray(ours), theirs),)


def _difference(name: str, ours: np.ndarray, theirs: np.ndarray) -> Check:
    """Largest difference beside 1 + its size; two impossible values (-inf) are equal."""
    both = np.isneginf(ours) & np.isneginf(theirs)
    with np.errstate(invalid="ignore"):
        relative = np.where(both, 0.0, np.abs(ours - theirs) / (1 + np.abs(theirs)))
    relative = np.where(np.isnan(relative), np.inf, relative)
    worst = int(relative.argmax())
    detail = f"EM's code gives {ours[worst]:.10g}, PyMC's {theirs[worst]:.10g}"
    return Check(name, float(relative[worst]), EQUAL, bool(relative[worst] <= EQUAL), detail)


def _ascent(leg: Endpoints) -> Check:
    fell = int((leg.status == str(Status.DECREASED)).sum())
    return Check("ascent of EM", fell, 0, fell == 0, f"the log-likelihood fell from {fell} of {len(leg)} starts")


def _gradient(em_point: Point) -> Check:
    """What PyMC could still gain at EM's endpoint, as a distance in standard errors."""
    distance = float(np.sqrt(2 * em_point.gain))
    detail = f"PyMC's gradient there is {em_point.gradient_norm:.3g}, {distance:.3g} standard errors from a zero"
    return Check("PyMC's gradient at EM's endpoint", distance, STANDARD_ERRORS, distance <= STANDARD_ERRORS, detail)


def _em_map(case: Case, objective: Objective, pymc_point: Point, estimates: pd.DataFrame) -> Check:
    """One EM cycle at PyMC's endpoint must change neither an identified parameter nor any probability."""
    params = case.to_em(pymc_point.natural)
    moved = case.from_em(case.em.m_step(case.em.e_step(params).expected_counts, params))
    before, after = case.flat(pymc_point.natural), case.flat(moved)
    shift = np.where(estimates["identified"], np.abs(after - before) / (1 + np.abs(before)), 0.0)
    worst = int(np.nan_to_num(shift, nan=np.inf).argmax())
    fingerprint = objective.pointwise(objective.free(moved)) if np.isfinite(after).all() else np.full(1, np.inf)
    changed = float(np.abs(fingerprint - pymc_point.fingerprint).max())
    found = max(float(np.nan_to_num(shift, nan=np.inf)[worst]), changed * FIXED / SAME)
    detail = f"one EM cycle moves {estimates['parameter'][worst]} from {before[worst]:.8g} to {after[worst]:.8g}"
    return Check("EM's map at PyMC's endpoint", found, FIXED, found <= FIXED, detail)


def _restarts(case: Case, objective: Objective, em_point: Point, pymc_point: Point) -> Iterator[Check]:
    """Each leg from the other's endpoint."""
    again = em(case.em, case.to_em(pymc_point.natural), case.stop)
    end = case.from_em(again.params)
    if np.isfinite(case.flat(end)).all():
        distance = _distance(objective.pointwise(objective.free(end)), pymc_point.fingerprint)
    else:
        distance = np.inf
    yield Check(
        "EM restarted from PyMC's endpoint", distance, EQUAL_FIT, distance <= EQUAL_FIT, "EM leaves PyMC's optimum"
    )
    climbed = maximise(objective, em_point.x)
    distance = _distance(objective.pointwise(climbed.x), em_point.fingerprint)
    yield Check(
        "PyMC restarted from EM's endpoint", distance, EQUAL_FIT, distance <= EQUAL_FIT, "PyMC leaves EM's endpoint"
    )


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).max())


def _same_optimum(em_point: Point, pymc_point: Point) -> Check:
    distance = _distance(em_point.fingerprint, pymc_point.fingerprint)
    detail = f"the log-probability of an observation differs by {distance:.3g}"
    return Check("fitted distribution", distance, EQUAL_FIT, distance <= EQUAL_FIT, detail)


def _same_height(em_point: Point, pymc_point: Point) -> Check:
    gap = abs(em_point.objective - pymc_point.objective) / (1 + abs(pymc_point.objective))
    detail = f"EM ends at {em_point.objective:.10g}, PyMC at {pymc_point.objective:.10g}"
    return Check("log-likelihood reached", gap, EQUAL_ENDS, gap <= EQUAL_ENDS, detail)


def _estimates(estimates: pd.DataFrame) -> Check:
    """Largest difference of an identified parameter, in standard errors where there are any."""
    known = estimates[estimates["identified"]]
    if known.empty:
        return Check("estimates", 0.0, STANDARD_ERRORS, True, "no parameter is identified")
    distance = known["in_se"].where(known["in_se"].notna(), known["difference"])
    worst = known.loc[distance.idxmax()]
    found = float(distance.max())
    detail = f"{worst['parameter']} is {worst['em']:.8g} by EM and {worst['pymc']:.8g} by PyMC"
    return Check("estimates", found, STANDARD_ERRORS, found <= STANDARD_ERRORS, detail)


def _way_out(case: Case, objective: Objective, diverging: tuple[str, ...], em_point: Point, pymc_point: Point) -> Check:
    """A maximum at infinity: PyMC, sent on from where EM stands, gets as high as on its own way."""
    start = onward(case, objective, em_point.natural, diverging)
    gap = (pymc_point.objective - maximise(objective, start).objective) / (1 + abs(pymc_point.objective))
    detail = "further along EM's way the log-likelihood stays below what PyMC reached"
    return Check("log-likelihood on the way to infinity", gap, EQUAL_ON_THE_WAY, gap <= EQUAL_ON_THE_WAY, detail)
