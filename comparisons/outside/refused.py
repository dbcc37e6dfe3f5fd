"""Models that cannot be maximised over, each refused in one line that says what to do."""

from typing import Any

import numpy as np
from pymc.logprob.transforms import IntervalTransform, LogOddsTransform, LogTransform, SimplexTransform

from comparisons.errors import InputError
from pp_models.matrices import LogCholesky

# Transforms whose supports are known; `ordered` and chains of several are not.
KNOWN = (IntervalTransform, LogOddsTransform, LogTransform, SimplexTransform, LogCholesky)


def refuse(model: Any, with_prior: bool) -> None:
    """Refuse what cannot be maximised over.

    Raises
    ------
    InputError
    """
    if not hasattr(model, "free_RVs"):
        raise InputError(f"the model is a {type(model).__name__}, expected a pymc.Model")
    if not [*model.observed_RVs, *model.potentials]:
        raise InputError("the model has no observed variable and no potential: there is nothing to maximise")
    if not model.free_RVs:
        raise InputError("the model has no free variable: there is nothing to estimate")
    for variable in model.free_RVs:
        if np.issubdtype(np.dtype(variable.dtype), np.integer) or variable.dtype == "bool":
            raise InputError(
                f"{variable.name} is discrete: sum it out (pm.Mixture, or a logsumexp in a pm.Potential), "
                "so that the model is the marginal one that the EM maximises"
            )
        transform = model.rvs_to_transforms[variable]
        if transform is not None and not isinstance(transform, KNOWN):
            raise InputError(f"{variable.name} has the transform {type(transform).__name__}, which is not known here")
        others = _depends_on(model, variable)
        if others and (not with_prior or isinstance(transform, IntervalTransform)):
            raise InputError(
                f"the prior or the bounds of {variable.name} depend on {', '.join(others)}: if it is latent, integrate "
                "it out, so that the model is the marginal one that the EM maximises"
            )
        if variable.name.endswith("_unobserved"):
            raise InputError(f"{variable.name} stands for missing data: integrate it out of the likelihood")


def _depends_on(model: Any, variable: Any) -> list[str]:
    """Free variables among the ancestors of one."""
    free = {other: other.name for other in model.free_RVs if other is not variable}
    found, waiting, seen = [], [variable], set()
    while waiting:
        node = waiting.pop()
        if node in free:
            found.append(free[node])
        for parent in node.owner.inputs if node.owner is not None else ():
            if parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    return sorted(found)
