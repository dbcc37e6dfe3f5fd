"""The named checks behind a verdict: EM's code judges PyMC's endpoint, PyMC's judges EM's."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from comparisons.case import Array, Case, Natural, each, natural_of, stack, take
from comparisons.compiled import Compiled
from comparisons.cross_check.endpoints import Ends, restarted
from comparisons.cross_check.wrong_step import wrong_step
from comparisons.optima.diverging import onward
from comparisons.optima.find import Optimum
from comparisons.optima.kinds import SAME, Kind, Point, apart, capped, differences, examine, examine_end
from comparisons.optima.starts import Endpoints
from comparisons.optima.unbounded import same_edge
from em_reference.em import TERMS, Status
from pp_models.edges import NEXT_TO, at_distance, edges_nearby
from pp_models.maximise import maximise
from pp_models.objective import Objective

# Log-likelihoods of the same parameters agree to this share of 1 + |log-likelihood|: round-off.
EQUAL = 1e-10
# Log-likelihoods of two converged endpoints: the same, plus what is left to climb, but at most this much.
EQUAL_ENDS, MOST_APART = 1e-9, 1e-6
# Two fitted distributions are this close, in standard errors; a height that is right to g leaves them right to
# sqrt(2 g) only.
EQUAL_FIT = 2e-3
# Towards infinity EM and PyMC stop somewhere; PyMC, continued from EM's endpoint, must reach as high a value.
EQUAL_ON_THE_WAY = 1e-6
# Estimates agree when they differ by less than this many standard errors.
STANDARD_ERRORS = 1e-4
# Standard errors by EM's code and by PyMC's agree to this share.
EQUAL_ERRORS = 1e-4
# One EM cycle at an optimum moves no parameter by more, beside its unit and its size.
FIXED = 1e-6
RANDOM_POINTS = 50


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


def run_checks(
    compiled: Compiled,
    fits: tuple[Endpoints, Endpoints],
    starts: Natural,
    optima: list[Optimum],
    ends: Ends,
    estimates: pd.DataFrame,
) -> tuple[Check, ...]:
    """Run all checks, in the order in which a reader should believe them."""
    points = _first(starts, RANDOM_POINTS)
    em_end, pymc_end = (_off_the_edge(compiled.objective, optima[ends.optimum], end) for end in (ends.em, ends.pymc))
    before = (
        _log_likelihood_at(compiled, "log-likelihood at random points", points),
        _log_likelihood_at(compiled, "log-likelihood at EM's endpoint", _first_axis(em_end)),
        _log_likelihood_at(compiled, "log-likelihood at PyMC's endpoint", _first_axis(pymc_end)),
        *_priors(compiled, points),
    )
    after = (_ascent(fits[0], optima), *_at_the_ends(compiled, optima[ends.optimum], ends, estimates))
    if all(check.passed for check in (*before, *after)):
        return (*before, *after)
    # Something is wrong: the step that is wrong is named before what follows from it.
    found = wrong_step(compiled, points)
    step = () if found is None else (Check(f"EM's {found.step}", found.size, found.allowed, False, found.detail),)
    return (*before, *step, *after)


def _at_the_ends(compiled: Compiled, best: Optimum, ends: Ends, estimates: pd.DataFrame) -> tuple[Check, ...]:
    """The checks at the endpoints, by what kind of optimum is reported."""
    em_point = examine(compiled, ends.em)
    pymc_point = examine(compiled, ends.pymc)
    if best.kind is Kind.DEGENERATE:
        return (_towards_the_edge(compiled, best, em_point),)
    em_map = _em_map(compiled, pymc_point, estimates)
    if best.judgement.diverging:
        way_out = _way_out(compiled, best.judgement.diverging, em_point, pymc_point)
        return _undecided(ends, em_point, pymc_point, (em_map, way_out, *_errors(estimates)))
    # A saddle repels: EM and PyMC both end at it, but neither stays when started a rounding error beside it.
    restarts = () if best.kind is Kind.SADDLE else _restarts(compiled, em_point, pymc_point)
    checks = (
        _gradient(em_point),
        em_map,
        *restarts,
        _same_optimum(em_point, pymc_point),
        _same_height(em_point, pymc_point),
        _estimates(compiled.case, estimates),
        *_errors(estimates),
    )
    return _undecided(ends, em_point, pymc_point, checks)


def _undecided(ends: Ends, em_point: Point, pymc_point: Point, checks: tuple[Check, ...]) -> tuple[Check, ...]:
    """An EM that has not converged fails at its own end: no disagreement, if it is below and stays at PyMC's end."""
    late = ends.em_status == str(Status.CYCLE_LIMIT)
    below = em_point.objective <= pymc_point.objective + pymc_point.level
    stays = all(check.passed for check in checks if check.name in (MAP, RESTART))
    if not (late and below and stays):
        return checks
    return tuple(check if check.passed else check._replace(undecided=True) for check in checks)


def _off_the_edge(objective: Objective, best: Optimum, natural: Natural) -> Natural:
    """An endpoint; on the way to where the likelihood is unbounded, a little back, where its terms still add up."""
    if best.kind is not Kind.DEGENERATE:
        return natural
    for edge in edges_nearby(objective, natural):
        natural = at_distance(objective, natural, edge, NEXT_TO * edge.width)
    return natural


def _first(starts: Natural, count: int) -> Natural:
    return {name: values[:count] for name, values in starts.items()}


def _first_axis(natural: Natural) -> Natural:
    return {name: np.asarray(values)[None] for name, values in natural.items()}


def _log_likelihood_at(compiled: Compiled, name: str, points: Natural) -> Check:
    """Both codes at the same parameters, which PyMC's transforms keep a little off the edges."""
    case, objective = compiled
    free = [objective.free(point) for point in each(points)]
    ours = np.atleast_1d(case.em.e_step(case.to_em(stack([objective.natural(x) for x in free]))).log_likelihood)
    theirs = np.array([objective.log_likelihood(x) for x in free])
    return _difference(case, name, ours, theirs)


def _priors(compiled: Compiled, points: Natural) -> tuple[Check, ...]:
    case, objective = compiled
    if not case.with_prior:
        return ()
    ours = np.broadcast_to(case.em.e_step(case.to_em(points)).log_prior, len(next(iter(points.values()))))
    theirs = np.array([objective.log_prior(objective.free(point)) for point in each(points)])
    return (_difference(case, "log-prior at random points", np.asarray(ours), theirs),)


def _difference(case: Case, name: str, ours: Array, theirs: Array) -> Check:
    """Largest difference beside 1 + its size, or its terms' round-off; two impossible values (-inf) are equal."""
    both = np.isneginf(ours) & np.isneginf(theirs)
    terms = TERMS * np.finfo(float).eps * case.magnitude / EQUAL
    with np.errstate(invalid="ignore"):
        relative = np.where(both, 0.0, np.abs(ours - theirs) / np.maximum(1 + np.abs(theirs), terms))
    relative = np.where(np.isnan(relative), np.inf, relative)
    worst = int(relative.argmax())
    detail = f"EM's code gives {ours[worst]:.10g}, PyMC's {theirs[worst]:.10g}"
    return Check(name, float(relative[worst]), EQUAL, bool(relative[worst] <= EQUAL), detail)


def _ascent(fit: Endpoints, optima: list[Optimum]) -> Check:
    """EM never falls; where the likelihood is unbounded, rounding of the parameters may look like a fall."""
    unbounded = [optimum.members["em"] for optimum in optima if optimum.kind is Kind.DEGENERATE]
    fallen = np.flatnonzero(fit.status == str(Status.DECREASED))
    fell = len(np.setdiff1d(fallen, np.concatenate(unbounded) if unbounded else []))
    return Check("ascent of EM", fell, 0, fell == 0, f"the log-likelihood decreased in {fell} of {len(fit)} EM runs")


def _gradient(em_point: Point) -> Check:
    """What PyMC could still gain at EM's endpoint, as a distance in standard errors."""
    distance = float(np.sqrt(2 * em_point.gain))
    detail = f"PyMC's gradient is {em_point.gradient_norm:.3g} there, its zero {distance:.3g} standard errors away"
    return Check("PyMC's gradient at EM's endpoint", distance, STANDARD_ERRORS, distance <= STANDARD_ERRORS, detail)


MAP, RESTART = "EM's map at PyMC's endpoint", "EM restarted from PyMC's endpoint"


def _em_map(compiled: Compiled, pymc_point: Point, estimates: pd.DataFrame) -> Check:
    """One EM cycle at PyMC's endpoint must change neither an identified parameter nor any probability."""
    case, objective = compiled
    moved = case.one_cycle(pymc_point.natural)
    before, after = case.flat(pymc_point.natural), case.flat(moved)
    shift = np.where(estimates["identified"], np.abs(after - before) / case.size(pymc_point.natural), 0.0)
    worst = int(np.nan_to_num(shift, nan=np.inf).argmax())
    fingerprint = objective.fingerprint(objective.free(moved)) if np.isfinite(after).all() else np.full(1, np.inf)
    changed = float(differences(fingerprint, pymc_point.fingerprint, pymc_point.rounding).max())
    found = max(float(np.nan_to_num(shift, nan=np.inf)[worst]), changed * FIXED / SAME)
    detail = (
        f"one EM cycle moves {estimates['parameter'][worst]} from {before[worst]:.10g} to {after[worst]:.10g}, and the "
        f"log-probability of an observation by {changed:.2g}"
    )
    return Check(MAP, found, FIXED, found <= FIXED, detail)


def _distance(fingerprint: Array, point: Point) -> float:
    """How far a fitted distribution is from that of a point, in standard errors, beyond round-off."""
    return apart(fingerprint, point.fingerprint, point.frequencies, point.rounding)


def _restarts(compiled: Compiled, em_point: Point, pymc_point: Point) -> Iterator[Check]:
    """EM from PyMC's endpoint, and PyMC from EM's."""
    case, objective = compiled
    again = restarted(compiled, pymc_point.natural)
    end = take(case.from_em(again.params), 0)
    distance = np.inf
    if np.isfinite(case.flat(end)).all():
        distance = _distance(objective.fingerprint(objective.free(end)), pymc_point)
    detail = f"EM ends {distance:.2g} standard errors from there, cycles: {int(again.cycles[0])}"
    yield Check(RESTART, distance, EQUAL_FIT, distance <= EQUAL_FIT, detail)
    climbed = maximise(objective, em_point.x)
    distance = _distance(objective.fingerprint(climbed.x), em_point)
    detail = f"PyMC ends {distance:.2g} standard errors from there, evaluations: {climbed.evaluations}"
    yield Check("PyMC restarted from EM's endpoint", distance, EQUAL_FIT, distance <= EQUAL_FIT, detail)


def _same_optimum(em_point: Point, pymc_point: Point) -> Check:
    distance = _distance(em_point.fingerprint, pymc_point)
    most = float(np.abs(em_point.fingerprint - pymc_point.fingerprint).max())
    detail = (
        f"the log-probability of an observation differs by at most {most:.3g}; the two fitted distributions are "
        f"{distance:.2g} standard errors apart"
    )
    return Check("fitted distribution", distance, EQUAL_FIT, distance <= EQUAL_FIT, detail)


def _same_height(em_point: Point, pymc_point: Point) -> Check:
    gap = abs(em_point.objective - pymc_point.objective)
    allowed = max(capped(EQUAL_ENDS, pymc_point.objective, MOST_APART), pymc_point.level)
    detail = f"EM ends at {em_point.objective:.10g}, PyMC at {pymc_point.objective:.10g}"
    return Check("log-likelihood reached", gap, allowed, gap <= allowed, detail)


def _estimates(case: Case, estimates: pd.DataFrame) -> Check:
    """Largest difference of an identified parameter, in standard errors where there are any."""
    known = estimates[estimates["identified"]]
    if known.empty:
        return Check("estimates", 0.0, STANDARD_ERRORS, True, "no parameter is identified")
    size = case.size(natural_of(case, estimates["pymc"].to_numpy()))[estimates["identified"]]
    distance = known["in_se"].where(known["in_se"].notna(), known["difference"] / size)
    worst = known.loc[distance.idxmax()]
    found = float(distance.max())
    detail = f"{worst['parameter']} is {worst['em']:.10g} by EM and {worst['pymc']:.10g} by PyMC"
    return Check("estimates", found, STANDARD_ERRORS, found <= STANDARD_ERRORS, detail)


def _errors(estimates: pd.DataFrame) -> tuple[Check, ...]:
    """Standard errors by EM's code, in both ways, beside those by PyMC's, where there are some."""
    of_pymc = estimates["pymc_se"].where(estimates["pymc_se"] > 0)
    ways = {"Oakes'": estimates["em_se"], "Louis'": estimates["louis_se"]}
    relative = pd.DataFrame({way: (errors / of_pymc - 1).abs() for way, errors in ways.items()})
    relative = relative[np.isfinite(relative)]
    found = float(np.nanmax(relative.to_numpy(), initial=-1.0))
    if found < 0:
        return ()
    way = relative.max().idxmax()
    row = relative[way].idxmax()
    by_em, by_pymc = ways[way][row], estimates["pymc_se"][row]
    detail = (
        f"that of {estimates['parameter'][row]} is {by_em:.8g} by {way} formula and {by_pymc:.8g} by PyMC's Hessian"
    )
    return (Check("standard errors", found, EQUAL_ERRORS, found <= EQUAL_ERRORS, detail),)


def _way_out(compiled: Compiled, diverging: tuple[str, ...], em_point: Point, pymc_point: Point) -> Check:
    """A maximum at infinity: PyMC, continued from EM's endpoint, reaches as high a value as from its own starts."""
    start = onward(compiled, em_point.natural, diverging)
    height = maximise(compiled.objective, start).objective
    gap = pymc_point.objective - height
    allowed = max(capped(EQUAL_ON_THE_WAY, pymc_point.objective, 1e3 * MOST_APART), pymc_point.level)
    detail = f"continued from EM's endpoint PyMC reaches {height:.10g}, alone it reached {pymc_point.objective:.10g}"
    return Check("log-likelihood on the way to infinity", gap, allowed, gap <= allowed, detail)


def _towards_the_edge(compiled: Compiled, best: Optimum, em_point: Point) -> Check:
    """Where the likelihood is unbounded: PyMC, continued from EM's endpoint, reaches the same edge."""
    case, objective = compiled
    end = maximise(objective, em_point.x)
    reached = examine_end(compiled, end).unbounded
    there = bool(reached) and same_edge(case, best.point.natural, best.judgement.diverging, reached)
    named = ", ".join(reached) or "no parameter"
    detail = f"continued from EM's endpoint PyMC reaches {end.objective:.6g}, where {named} is at the edge of its range"
    return Check("way to where the likelihood is unbounded", 0.0 if there else 1.0, 0.0, there, detail)
