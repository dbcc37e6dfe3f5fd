"""Anderson acceleration: a start that plain EM would take very long to finish is carried to its fixed point.

EM is a fixed-point iteration x -> M(x) with residual f(x) = M(x) - x. From the last m points, with the differences
dX_i = x_{i+1} - x_i and dF_i = f_{i+1} - f_i as columns,

    gamma = argmin || f(x) - dF gamma ||,        x' = x + f(x) - (dX + dF) gamma

(Anderson 1965, Journal of the ACM 12, 547-560; Walker and Ni 2011, SIAM Journal on Numerical Analysis 49, eq. 2.2).
For a linear map with m slow directions x' is the fixed point. As in Henderson and Varadhan (2019, Journal of
Computational and Graphical Statistics 28, 834-846) x' stays only if it lies in the parameter space and the
log-likelihood does not fall; else the plain EM step is taken and the memory is emptied. The length of the last
accepted x' - x, in which the slow directions are contained, is the estimate of the distance still to go.
"""

from typing import Any

import numpy as np

from em_reference.acceleration import LEVEL, TO_THE_EDGE
from em_reference.em import ROUND_OFF, EMProblem, Expectation, Fit, Status, round_off
from em_reference.layout import Array, Layout
from em_reference.stopping import NO_STEP, StopRule

MEMORY = 8
# Directions of the memory this much shorter than the longest, once scaled, are noise.
INDEPENDENT = 1e-9


def carry_on(problem: EMProblem, start: Any, stop: StopRule, *, memory: int = MEMORY) -> Fit:
    """Run EM, accelerated by Anderson's method, from one start or many.

    Parameters
    ----------
    problem : EMProblem
    start : NamedTuple of arrays
        May carry leading axes, one entry per start; best a place to which plain EM has come.
    stop : StopRule
        Its tolerance bounds the estimated distance still to go, its `max_cycles` the E- and M-steps.
    memory : int
        Number of differences that are kept.

    Returns
    -------
    Fit
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return _iterate(problem, start, stop, memory)


def _iterate(problem: EMProblem, start: Any, stop: StopRule, memory: int) -> Fit:
    expectation = problem.e_step(start)
    lead = np.shape(expectation.log_likelihood)
    layout = Layout.of(start, lead)
    unit = stop.unit_of(layout)

    def at(points: Array) -> Expectation:
        """E-step at points in the units of the stop rule."""
        return problem.e_step(layout.unflatten(points * unit))

    x = layout.flatten(start) / unit
    here = at(x)
    status = np.full(len(x), Status.CYCLE_LIMIT, dtype=object)
    cycles = np.zeros(len(x), dtype=np.int64)
    steps, bends = np.zeros((2, len(x), x.shape[1], memory))
    kept = np.zeros(len(x), dtype=np.int64)
    before, residual_before, close = x, np.zeros_like(x), np.zeros(len(x), dtype=bool)
    active = np.isfinite(here.objective)
    status[~active] = Status.NOT_FINITE

    for cycle in range(1, stop.max_cycles + 1):
        if not active.any():
            break
        cycles[active] = cycle
        moved = layout.flatten(problem.m_step(here.expected_counts, layout.unflatten(x * unit))) / unit
        residual = moved - x
        known = kept >= 0 if cycle > 1 else np.zeros(len(x), dtype=bool)
        steps, bends = np.roll(steps, 1, axis=2), np.roll(bends, 1, axis=2)
        steps[..., 0], bends[..., 0] = x - before, residual - residual_before
        kept = np.where(known, np.minimum(kept + 1, memory), 0)
        used = np.arange(memory) < kept[:, None]
        proposal = moved - _correction(
            np.where(used[:, None], steps, 0.0), np.where(used[:, None], bends, 0.0), residual
        )
        usable = active & (kept > 0) & np.isfinite(proposal).all(axis=1)
        usable &= problem.feasible(layout.unflatten((moved + TO_THE_EDGE * (proposal - moved)) * unit))

        to_go = np.where(usable, np.abs(proposal - x).max(axis=1), np.inf)
        standing = np.abs(residual).max(axis=1) <= NO_STEP * (1 + np.abs(x).max(axis=1))
        last_step_small = np.abs(residual).max(axis=1) <= stop.tolerance
        arrived = active & (standing | (last_step_small & (to_go <= stop.tolerance) & close))
        close = last_step_small & (to_go <= stop.tolerance)

        trial = np.where((usable & ~arrived)[:, None], proposal, np.where(active[:, None], moved, x))
        found = at(trial)
        dropped = usable & ~arrived & ~(found.objective >= here.objective - round_off(problem, here.objective, LEVEL))
        if dropped.any():
            trial = np.where(dropped[:, None], moved, trial)
            found = at(trial)
        finite = np.isfinite(found.objective) & np.isfinite(trial).all(axis=1)
        fell = active & finite & (found.objective < here.objective - round_off(problem, here.objective, ROUND_OFF))
        kept = np.where(dropped, -1, kept)
        before, residual_before = x, residual
        x = np.where(active[:, None], trial, x)
        here = found
        for reason, which in (
            (Status.CONVERGED, arrived),
            (Status.DECREASED, fell),
            (Status.NOT_FINITE, active & ~finite),
        ):
            status[which] = reason
            active = active & ~which

    return Fit(
        layout.unflatten(x * unit, lead),
        np.reshape(here.log_likelihood, lead),
        np.broadcast_to(here.log_prior, np.shape(here.log_likelihood)).reshape(lead),
        status.reshape(lead),
        cycles.reshape(lead),
    )


def _correction(steps: Array, bends: Array, residual: Array) -> Array:
    """(dX + dF) gamma for every start, gamma by least squares over scaled columns; (starts, parameters)."""
    length = np.linalg.norm(bends, axis=1, keepdims=True)
    scaled = np.divide(bends, length, out=np.zeros_like(bends), where=length > 0)
    solution = np.linalg.pinv(np.nan_to_num(scaled), rcond=INDEPENDENT) @ np.nan_to_num(residual)[..., None]
    gamma = np.divide(solution, length.swapaxes(1, 2), out=np.zeros_like(solution), where=length.swapaxes(1, 2) > 0)
    return ((steps + bends) @ gamma)[..., 0]
