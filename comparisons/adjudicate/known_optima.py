"""What is known of a case: its optima from many starts of EM and PyMC, and the one that estimates lead to."""

from typing import NamedTuple

import numpy as np

from comparisons.adjudicate.forms import form_or_plain
from comparisons.adjudicate.held import inside, kept_down
from comparisons.adjudicate.steps import no_gradient
from comparisons.case import Case, InputError, Natural
from comparisons.compiled import Compiled, compiled_case
from comparisons.optima.find import Optimum, find_optima, index_of, unreached, with_optimum
from comparisons.optima.kinds import NO_MAXIMUM, Kind, Point, examine_end
from comparisons.optima.starts import Progress, draw_starts, run_em, run_pymc, silent
from pp_models.maximise import maximise
from pp_models.objective import Objective

# Difference of two log-likelihoods, beside 1 + their size, that is round-off.
SAME_HEIGHT = 1e-8


class KnownOptima(NamedTuple):
    """What is known of a case before any estimates are seen.

    Attributes
    ----------
    objective : Objective
    optima : list of Optimum
        Best first.
    starts, seed : int
    """

    objective: Objective
    optima: list[Optimum]
    starts: int
    seed: int


def known_optima(case: Case, n_starts: int = 20, seed: int = 0, progress: Progress = silent) -> KnownOptima:
    """Optima that EM and PyMC reach from random starts."""
    compiled = compiled_case(case)
    starts = draw_starts(case, n_starts, seed)
    fits = (run_em(case, compiled.objective, starts), run_pymc(compiled, starts, progress))
    found = [o for o in find_optima(compiled, fits) if o.kind is not Kind.NOT_STATIONARY]
    if not found:
        raise InputError(f"none of {n_starts} starts reached an optimum, expected at least one: raise --starts")
    return KnownOptima(compiled.objective, found, n_starts, seed)


def climb(compiled: Compiled, optima: list[Optimum], given: Natural) -> tuple[list[Optimum], int | None]:
    """Optima with the one that PyMC climbs to from the estimates, and which that is.

    From an edge from which the likelihood rises it climbs from a little inside. An end above all that was
    reached before is believed only if EM's code and PyMC's give the same log-likelihood there.
    """
    case, objective = compiled
    start = inside(objective, given, kept_down(compiled, given))
    end = maximise(objective, objective.free(start))
    if not np.isfinite(end.objective):
        return optima, None
    point = examine_end(compiled, end)
    new = unreached(compiled, point)
    known = index_of(case, optima, new)
    if known is not None:
        return optima, known
    if new.kind is Kind.NOT_STATIONARY or point.gradient_norm > no_gradient(optima[0].objective):
        return optima, None
    if point.objective > optima[0].objective and not believed(compiled, point):
        return optima, None
    return with_optimum(case, optima, new)


def equally_high_first(optima: list[Optimum], belongs_to: int | None) -> tuple[list[Optimum], int | None]:
    """Optima with the one that the estimates belong to in front, if it is as high as the best."""
    if belongs_to is None:
        return optima, None
    own, best = optima[belongs_to], optima[0]
    if own.kind in NO_MAXIMUM or own.objective < best.objective - best.point.level:
        return optima, belongs_to
    return [own, *(optimum for optimum in optima if optimum is not own)], 0


def believed(compiled: Compiled, point: Point) -> bool:
    """Whether EM's code and PyMC's agree, also when the numbers are brought to a moderate size."""
    case, objective = compiled
    tame = form_or_plain(case.family).tame(case, point.natural)
    by_pymc = float(objective.value_and_gradient(objective.free(tame))[0])
    by_em = case.em.e_step(case.to_em(tame))
    heights = (by_pymc, float(by_em.log_likelihood + by_em.log_prior))
    return all(abs(height - point.objective) <= SAME_HEIGHT * (1 + abs(point.objective)) for height in heights)
