"""The endpoint reported for each leg."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from comparisons.case import Case, InputError, Natural, stack, take
from comparisons.optima.find import Optimum, best_first
from comparisons.optima.kinds import NO_MAXIMUM, Kind
from comparisons.optima.starts import Endpoints
from comparisons.optima.unfinished import carried_on
from em_reference.em import Fit, Status, em
from pp_models.objective import Objective


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

    An edge towards which the likelihood is unbounded is no estimate: it is reported only where there is no maximum.
    A leg that did not reach it, but stands at another true optimum, or at an edge that it cannot leave, is restarted
    from the other leg's endpoint: then exploration differed, not the implementation. A leg that stands at no optimum
    is reported where it stands.

    Raises
    ------
    InputError
        If the endpoint to report for EM is not finite.
    """
    reached = [i for i, optimum in enumerate(optima) if optimum.reached and optimum.leads_to is None]
    index = reached[0] if reached else 0
    if optima[index].kind is Kind.DEGENERATE:
        index = next((i for i, optimum in enumerate(optima) if optimum.kind not in NO_MAXIMUM), index)
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
        again = restarted(case, objective, best.point.natural)
        em_end, em_status = take(case.from_em(again.params), 0), str(again.status[0])
        em_cycles, em_value = int(again.cycles[0]), float(again.log_likelihood[0])
    else:
        em_end, em_status = em_leg.end(em_start), em_leg.status[em_start]
        em_cycles, em_value = int(em_leg.effort[em_start]), float(em_leg.log_likelihood[em_start])
        if em_start in em_leg.last_finite:
            em_value = float(case.em.e_step(case.to_em(em_end)).log_likelihood)
    if not np.isfinite(case.flat(em_end)).all() or (em_start is None and em_status == str(Status.NOT_FINITE)):
        faults = [f": {fault}" for fault, _ in case.faults()[:1]]
        raise InputError(
            f"{case.name}: EM ended at no finite value from any start that counts{''.join(faults)}; expected an EM "
            "that stays in the parameter space"
        )
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


def restarted(case: Case, objective: Objective, natural: Natural) -> Fit:
    """EM from one point, as a batch of one: plain, and carried on where it creeps."""
    return carried_on(case, objective, em(case.em, case.to_em(stack([natural])), case.stop))


def _best_elsewhere(leg: Endpoints, optima: list[Optimum]) -> int | None:
    """Best endpoint of a leg that missed the best optimum; None when it is at a true optimum, or at an edge.

    Starts that have not converged count only where no other start of the leg has arrived anywhere.
    """
    reached = [o for o in sorted(optima, key=best_first) if len(o.members[leg.leg])]
    settled = [
        o
        for o in reached
        if o.kind is not Kind.NOT_STATIONARY or (leg.status[o.members[leg.leg]] != str(Status.CYCLE_LIMIT)).any()
    ]
    for optimum in settled or reached:
        lost = optimum.kind is Kind.NOT_STATIONARY and not optimum.point.level_gradient
        return _settled_first(leg, optimum.members[leg.leg]) if lost else None
    return 0


def _settled_first(leg: Endpoints, members: npt.NDArray[np.int64]) -> int:
    """The first of some starts that did not run out of cycles; the first at all, if all did."""
    late = leg.status[members] == str(Status.CYCLE_LIMIT)
    return int(members[int(late.argmin())])
