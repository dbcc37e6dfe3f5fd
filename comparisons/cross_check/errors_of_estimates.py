"""Standard errors of the estimates in three ways, and why some parameters have none."""

from functools import partial
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from comparisons.case import Array, Case, Natural, natural_of
from comparisons.compiled import Compiled
from comparisons.optima.kinds import NO_MAXIMUM, Judgement, beside_on_ridge, examine
from comparisons.optima.standard_errors import standard_errors, varying_errors
from em_reference.information import ScoredProblem
from em_reference.information import standard_errors as standard_errors_by_em
from em_reference.louis import TooManyCompletionsError, louis
from pp_models.edges import edges_nearby

# This close to an edge, beside the width of the range, there is no room for a difference quotient.
NO_ROOM = 1e-9
# Why a parameter that is held at its edge has none.
AT_EDGE = "at the edge"


class Errors(NamedTuple):
    """Standard errors in the order of `Case.flat`.

    Attributes
    ----------
    oakes : array (P,)
        By EM's code, from the slope of its score; NaN where an EM has none, as one of your own.
    louis : array (P,)
        By EM's code, from what complete data would tell less what is missing.
    pymc : array (P,)
        From the Hessian of PyMC's model.
    why : dict of name -> str
        Why a parameter has none.
    """

    oakes: Array
    louis: Array
    pymc: Array
    why: dict[str, str]


def errors_of_estimates(compiled: Compiled, em: Natural, pymc: Natural, judgement: Judgement) -> Errors:
    """Standard errors by EM's code, in two ways, and by PyMC's.

    One rule for all. Parameters at an edge or on their way to infinity are held: the errors of the others are
    those of the model in which they are known. On a ridge only errors that do not depend on the place are shown.
    """
    names = compiled.case.parameter_names()
    nothing = np.full(len(names), np.nan)
    if judgement.kind in NO_MAXIMUM:
        return Errors(nothing, nothing, nothing, dict.fromkeys(names, "no maximum"))
    held = dict.fromkeys(judgement.at_edge, AT_EDGE) | dict.fromkeys(judgement.diverging, "diverging")
    why = dict.fromkeys(judgement.not_identified, "not identified") | held
    if judgement.not_identified:
        places = (em, pymc, *beside_on_ridge(compiled, examine(compiled, pymc)))
        varying = varying_errors(compiled, places, tuple(held))
        why = dict.fromkeys(varying, "varies along the ridge") | why
    by_pymc = standard_errors(compiled, pymc, tuple(held))
    silent = {name for name, error in zip(names, by_pymc, strict=True) if np.isinf(error)}
    why |= dict.fromkeys(silent - set(why), "no information")
    if not all(hasattr(compiled.case.em, needed) for needed in ("score", "free_directions")):
        return Errors(nothing, nothing, by_pymc, why)
    told = np.array([name not in why for name in names])
    by_em = by_louis = nothing
    # On a ridge, where EM ended, a weight may be too small for differences of its score, and not at the edge.
    for place in (em, pymc) if judgement.not_identified else (em,):
        ways = _errors_by_em(compiled, place, np.isin(names, list(held)), told)
        by_em, by_louis = (
            np.where(np.isfinite(before), before, now) for before, now in zip((by_em, by_louis), ways, strict=True)
        )
        if np.isfinite(by_em[told]).all():
            break
    unknown = {name for name, error, shown in zip(names, by_em, told, strict=True) if shown and not np.isfinite(error)}
    return Errors(by_em, by_louis, by_pymc, why | dict.fromkeys(unknown, "EM's code does not give it exactly"))


def _errors_by_em(
    compiled: Compiled,
    natural: Natural,
    held: npt.NDArray[np.bool_],
    told: npt.NDArray[np.bool_],
) -> tuple[Array, Array]:
    """Standard errors by EM's code at a point, by Oakes' formula and, where it lists its completions, by Louis'.

    Next to an edge differences of EM's score are noise: what has no error to tell is held there as well.
    """
    case, objective = compiled
    edges = {(edge.name, edge.entry) for edge in edges_nearby(objective, natural, NO_ROOM)}
    next_to = np.array([(name, index) in edges for name, size in case.sizes.items() for index in range(size)])
    known = natural_of(case, (held | (next_to & ~told)).astype(float))
    problem, units = cast(ScoredProblem, case.em), _moved_in_em(case, natural_of(case, case.unit))
    held_in_em = _moved_in_em(case, known)
    errors = partial(standard_errors_by_em, problem, case.to_em(natural), held=held_in_em, units=units)
    by_oakes = case.flat(case.from_em(errors()))
    nothing = np.full_like(by_oakes, np.nan)
    if not hasattr(problem, "completions"):
        return by_oakes, nothing
    try:
        return by_oakes, case.flat(case.from_em(errors(by=louis)))
    except TooManyCompletionsError:
        return by_oakes, nothing


def _moved_in_em(case: Case, change: Natural) -> Any:
    """What a change of the natural parameters changes in the EM's, which may hold 1 - p beside p."""
    moved, still = case.to_em(change), case.to_em({name: np.zeros_like(values) for name, values in change.items()})
    return type(moved)(*(np.abs(np.subtract(one, other)) for one, other in zip(moved, still, strict=True)))
