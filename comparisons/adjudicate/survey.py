"""What is known of a case: its optima from many starts of both legs, and the one that estimates lead to."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from comparisons.case import Case, InputError, Natural
from comparisons.kinds import Kind, examine, judge
from comparisons.multistart import Progress, draw_starts, run_em, run_pymc, silent
from comparisons.optima import Optimum, find_optima
from pp_models.maximise import maximise
from pp_models.objective import Objective


class Ground(NamedTuple):
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


def survey(case: Case, n_starts: int = 20, seed: int = 0, progress: Progress = silent) -> Ground:
    """Optima that both legs reach from random starts."""
    objective = case.objective()
    starts = draw_starts(case, n_starts, seed)
    legs = (run_em(case, objective, starts), run_pymc(case, objective, starts, progress))
    found = [o for o in find_optima(case, objective, legs) if o.kind is not Kind.NOT_STATIONARY]
    if not found:
        raise InputError(f"none of {n_starts} starts reached an optimum, expected at least one: raise --starts")
    return Ground(objective, found, n_starts, seed)


def climb(case: Case, objective: Objective, optima: list[Optimum], given: Natural) -> tuple[list[Optimum], int | None]:
    """Optima with the one that PyMC climbs to from the estimates, and which that is."""
    end = maximise(objective, objective.free(given))
    if not np.isfinite(end.objective):
        return optima, None
    point = examine(case, objective, {name: end.params[name] for name in case.labels})
    for index, optimum in enumerate(optima):
        if np.abs(optimum.point.fingerprint - point.fingerprint).max() <= 1e-4:
            return optima, index
    judgement = judge(case, objective, point)
    if judgement.kind is Kind.NOT_STATIONARY:
        return optima, None
    members = {leg: np.array([], dtype=np.int64) for leg in ("em", "pymc")}
    new = Optimum(point, judgement, members)
    ranked = sorted([*optima, new], key=lambda optimum: -optimum.objective)
    return _ranked(ranked), next(i for i, optimum in enumerate(ranked) if optimum is new)


def _ranked(optima: list[Optimum]) -> list[Optimum]:
    """A regular maximum below the best one is local."""
    best = optima[0].objective
    return [
        replace(optimum, judgement=replace(optimum.judgement, kind=Kind.LOCAL))
        if optimum.kind is Kind.BEST and optimum.objective < best - 1e-9 * (1 + abs(best))
        else optimum
        for optimum in optima
    ]
