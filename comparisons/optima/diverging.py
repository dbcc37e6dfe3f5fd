"""Maxima at infinity: which parameters diverge, and where the others go when they do.

A family says which parameters may diverge, and in which direction (`Case.runaway`); PyMC's objective decides:
those diverge along which it does not decrease, all of them taken together.
"""

from collections.abc import Sequence
from operator import itemgetter

import numpy as np

from comparisons.case import Array, Away, Case, Natural
from comparisons.compiled import Compiled
from pp_models.maximise import maximise
from pp_models.objective import Objective

# A maximisation from further out that ends beyond this share of the distance has not come back.
STILL_OUT = 0.5


def diverging_group(compiled: Compiled, natural: Natural, floor: float) -> Away | None:
    """The parameters that diverge: far out in their direction the objective is not below `floor`.

    Groups that may diverge are tried together; while that lowers the objective, the group is left out that lowers it
    most alone. The direction of the last group is only nearly known: it diverges too if PyMC, maximising from further
    out, gets as high and does not come back.
    """
    case, objective = compiled
    groups = _best_ways(objective, case.runaway(natural))
    last = groups[-1:]
    while groups:
        together = _together(case, natural, groups)
        if _heights(objective, [together])[0] >= floor:
            return together
        groups = groups[1:]
    return next((group for group in last if _stays_out(compiled, group, floor)), None)


def _stays_out(compiled: Compiled, group: Away, floor: float) -> bool:
    """Whether PyMC, maximising from a point further out, gets as high as `floor` and does not come back."""
    case, objective = compiled
    end = maximise(objective, objective.free(group.further))
    if not end.objective >= floor:
        return False
    members = np.isin(case.parameter_names(), group.names)
    reached, out = (np.abs(case.flat(point)[members]) for point in (end.params, group.further))
    return bool(reached.max() >= STILL_OUT * out.max())


def onward(compiled: Compiled, natural: Natural, names: Sequence[str]) -> Array:
    """Free parameters at a point, those of `names` that may diverge there moved further out."""
    case, objective = compiled
    groups = [group for group in case.runaway(natural) if set(group.names) & set(names)]
    return objective.free(_together(case, natural, _best_ways(objective, groups)).further)


def _best_ways(objective: Objective, groups: Sequence[Away]) -> list[Away]:
    """Of several directions of the same parameters the highest one; lowest group first."""
    ranked = sorted(zip(_heights(objective, groups), groups, strict=True), key=itemgetter(0))
    best = {group.names: (height, group) for height, group in ranked}
    return [group for _, group in sorted(best.values(), key=itemgetter(0))]


def _heights(objective: Objective, groups: Sequence[Away]) -> list[float]:
    """Objective at the further points."""
    if not groups:
        return []
    points = np.stack([objective.free(group.further) for group in groups])
    return list(np.nan_to_num(objective.value_and_gradient(points)[0], nan=-np.inf))


def _together(case: Case, natural: Natural, groups: Sequence[Away]) -> Away:
    """Several groups as one: each group moves its own parameters."""
    further = {
        name: values + sum((group.further[name] - values for group in groups), start=np.zeros_like(values))
        for name, values in natural.items()
    }
    members = {name for group in groups for name in group.names}
    return Away(tuple(name for name in case.parameter_names() if name in members), further)
