"""The highest stationary point that PyMC finds: where an EM should stay, and where its rate is measured."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from comparisons.audit.copies import copies
from comparisons.case import Array, Natural, take
from comparisons.compiled import Compiled
from comparisons.errors import Trouble
from comparisons.optima.kinds import Kind, examine_end, judge
from comparisons.optima.starts import draw_starts
from pp_models.maximise import maximise
from pp_models.objective import Objective

STARTS = 8
# A first climb from every start, only far enough to tell which one leads highest.
FIRST_CLIMB = {"maxiter": 200, "ftol": 1e-8}
# Climbs off a saddle before the search gives up.
CLIMBS = 4
# One cycle from PyMC's maximum that rises by more than this share of 1 + |log-likelihood| shows that it is
# none; PyMC then climbs on from there, so many times.
RISE = 1e-9
LIFTS = 10


class Top(NamedTuple):
    """The highest stationary point that PyMC finds.

    Attributes
    ----------
    natural : Natural
    x : array
        Free parameters.
    kind : Kind
        `Kind.BEST` for a regular maximum.
    """

    natural: Natural
    x: Array
    kind: Kind

    @property
    def regular(self) -> bool:
        """A maximum with curvature in every direction, off every edge."""
        return self.kind is Kind.BEST

    @property
    def attained(self) -> bool:
        """A maximum, possibly on an edge or along a ridge, but not at infinity."""
        return self.kind in (Kind.BEST, Kind.BOUNDARY, Kind.RIDGE)


def highest(compiled: Compiled, seed: int) -> Top:
    """The highest point that PyMC climbs to from random starts, but none at which the likelihood has no bound.

    Other maxima do not matter here: an EM is judged at one as well as at another.
    """
    case, objective = compiled
    starts = draw_starts(case, STARTS, seed)
    first = [_first_climb(objective, objective.free(take(starts, i))) for i in range(STARTS)]
    first.sort(key=lambda end: objective.value_and_gradient(end)[0], reverse=True)
    tops = []
    for end in first:
        tops.append(_climbed_from(compiled, end))
        if tops[-1].kind is not Kind.DEGENERATE:
            return tops[-1]
    return tops[0]


def lifted(
    compiled: Compiled,
    top: Top,
    step: Callable[[Natural], Natural],
    symmetries: Mapping[str, Callable[[Natural], Natural]],
) -> Top:
    """The top, from which PyMC climbs on where one cycle of the EM goes higher, by PyMC's own likelihood.

    A component that explains nothing has a gradient of zero up to round-off: PyMC takes the plateau
    for a ridge. An EM, which divides by what little it explains, may step off it. A cycle that breaks there leads
    nowhere; the checks that run it there say so.
    """
    objective = compiled.objective
    for _ in range(LIFTS):
        if not top.attained:
            return top
        try:
            at = taken_copy(step, symmetries, top.natural)
            x = top.x if at is None else objective.free(step(at))
        except (Trouble, ValueError) as error:
            if isinstance(error, Trouble) and error.late:
                raise
            return top
        value, moved = (float(objective.value_and_gradient(place)[0]) for place in (objective.free(top.natural), x))
        if not moved > value + RISE * (1 + abs(value)):
            return top
        top = _climbed_from(compiled, x)
    return top


def taken_copy(
    step: Callable[[Natural], Natural], symmetries: Mapping[str, Callable[[Natural], Natural]], natural: Natural
) -> Natural | None:
    """The first symmetric copy of a point that the cycle does not refuse."""
    for copy in copies(symmetries, natural):
        try:
            step(copy)
        except Trouble as trouble:
            if trouble.refused:
                continue
            raise
        return copy
    return None


def _climbed_from(compiled: Compiled, x: Array) -> Top:
    for _ in range(CLIMBS):
        end = maximise(compiled.objective, x)
        point = examine_end(compiled, end)
        found = judge(compiled, point)
        if found.way_up is None:
            break
        x = found.way_up
    return Top(point.natural, point.x, found.kind)


def _first_climb(objective: Objective, x: Array) -> Array:
    """A few quasi-Newton steps from one start."""

    def falling(z: Array) -> tuple[float, Array]:
        value, gradient = objective.value_and_gradient(z)
        return -value, -gradient

    climbed = minimize(falling, x, jac=True, method="L-BFGS-B", bounds=objective.bounds, options=FIRST_CLIMB)
    return climbed.x if np.isfinite(climbed.fun) else x
