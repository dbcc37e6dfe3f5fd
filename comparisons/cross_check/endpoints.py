"""The endpoint reported for EM, and the one for PyMC."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from comparisons.case import InputError, Natural, stack, take
from comparisons.compiled import Compiled
from comparisons.optima.find import Optimum, best_first
from comparisons.optima.kinds import NO_MAXIMUM, Kind
from comparisons.optima.starts import Endpoints
from comparisons.optima.unfinished import carried_on
from em_reference.em import Fit, Status, em


@dataclass(frozen=True)
class Ends:
    """The endpoint reported for EM, and the one for PyMC.

    Attributes
    ----------
    optimum : int
        Position of the optimum reported, the best one that any start reached.
    em, pymc : Natural
    em_start, pymc_start : int or None
        Start that led there; None when it was restarted from the other's endpoint.
    em_status, pymc_status : str
    em_cycles : int
    em_log_likelihood, pymc_log_likelihood : float
        Each by its own code.
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


def choose_ends(compiled: Compiled, fits: tuple[Endpoints, Endpoints], optima: list[Optimum]) -> Ends:
    """For EM and for PyMC, the first start that reached the best optimum.

    An edge towards which the likelihood is unbounded is no estimate: it is reported only where there is no maximum.
    A fit that did not reach it, but ended at another true optimum, or at an edge that it cannot leave, is restarted
    from the other's endpoint: then exploration differed, not the implementation. A fit that ended at no optimum is
    reported where it ended.

    Raises
    ------
    InputError
        If the endpoint to report for EM is not finite.
    """
    case, objective = compiled
    reached = [i for i, optimum in enumerate(optima) if optimum.reached and optimum.leads_to is None]
    index = reached[0] if reached else 0
    if optima[index].kind is Kind.DEGENERATE:
        index = next((i for i, optimum in enumerate(optima) if optimum.kind not in NO_MAXIMUM), index)
    best = optima[index]
    picks: dict[str, int | None] = {}
    for fit in fits:
        members = best.members[fit.by]
        picks[fit.by] = _settled_first(fit, members) if len(members) else _best_elsewhere(fit, optima)
    em_fit, pymc_fit = fits
    em_start, pymc_start = picks["em"], picks["pymc"]
    pymc_end = best.point.natural if pymc_start is None else take(pymc_fit.natural, pymc_start)
    pymc_end = case.canonical(pymc_end)
    if em_start is None:
        again = restarted(compiled, best.point.natural)
        em_end, em_status = take(case.from_em(again.params), 0), str(again.status[0])
        em_cycles, em_value = int(again.cycles[0]), float(again.log_likelihood[0])
    else:
        em_end, em_status = em_fit.end(em_start), em_fit.status[em_start]
        em_cycles, em_value = int(em_fit.effort[em_start]), float(em_fit.log_likelihood[em_start])
        if em_start in em_fit.last_finite:
            em_value = float(case.em.e_step(case.to_em(em_end)).log_likelihood)
    if not np.isfinite(case.flat(em_end)).all() or (em_start is None and em_status == str(Status.NOT_FINITE)):
        faults = [f": {fault}" for fault, _ in case.faults()[:1]]
        raise InputError(
            f"{case.name}: EM ended at no finite value from any start that counts{''.join(faults)}; expected an EM "
            "that stays in the parameter space"
        )
    pymc_status = "restarted" if pymc_start is None else pymc_fit.status[pymc_start]
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


def restarted(compiled: Compiled, natural: Natural) -> Fit:
    """EM from one point, as a batch of one: plain, and carried on where it creeps."""
    case = compiled.case
    return carried_on(case, compiled.objective, em(case.em, case.to_em(stack([natural])), case.stop))


def _best_elsewhere(fit: Endpoints, optima: list[Optimum]) -> int | None:
    """Best endpoint of a fit that missed the best optimum; None when it is at a true optimum, or at an edge.

    Starts that have not converged count only where no other start of the fit has converged.
    """
    reached = [o for o in sorted(optima, key=best_first) if len(o.members[fit.by])]
    settled = [
        o
        for o in reached
        if o.kind is not Kind.NOT_STATIONARY or (fit.status[o.members[fit.by]] != str(Status.CYCLE_LIMIT)).any()
    ]
    for optimum in settled or reached:
        lost = optimum.kind is Kind.NOT_STATIONARY and not optimum.point.level_gradient
        return _settled_first(fit, optimum.members[fit.by]) if lost else None
    return 0


def _settled_first(fit: Endpoints, members: npt.NDArray[np.int64]) -> int:
    """The first of some starts that did not run out of cycles; the first at all, if all did."""
    late = fit.status[members] == str(Status.CYCLE_LIMIT)
    return int(members[int(late.argmin())])
