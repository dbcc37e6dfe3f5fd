"""Anderson acceleration: a start that plain EM would take very long to finish is carried to its fixed point.

EM is a fixed-point iteration x -> M(x) with residual f(x) = M(x) - x. From the last m points, with the differences
dX_i = x_{i+1} - x_i and dF_i = f_{i+1} - f_i as columns,

    gamma = argmin || f(x) - dF gamma ||,        x' = x + f(x) - (dX + dF) gamma

(Anderson 1965, Journal of the ACM 12, 547-560; Walker and Ni 2011, SIAM Journal on Numerical Analysis 49, eq. 2.2).
For a linear map with m slow directions x' is the fixed point. As in Henderson and Varadhan (2019, Journal of
Computational and Graphical Statistics 28, 834-846) x' stays only if the log-likelihood does not fall; else shorter
ways towards it are tried, then the plain EM step is taken. The length of the last x' - x,
in which the slow directions are contained, is the estimate of the distance still to go.

The coordinates may be chosen (`Chart`). In logarithms and logits the edge of the parameter space, which EM cannot
leave, is no fixed point, so a start that creeps away from it is not drawn back. A coordinate that goes to an edge never
arrives in them: its residual stays what it is, and would drown those of the others. It takes steps of its own.
"""

from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from em_reference.acceleration import LEVEL
from em_reference.em import ROUND_OFF, EMProblem, Expectation, Fit, Status, round_off
from em_reference.layout import Array, Layout
from em_reference.stopping import NO_STEP, StopRule

MEMORY = 8
# Directions of the memory this much shorter than the longest, once scaled, are noise.
INDEPENDENT = 1e-9
# Steps of the power method, and the distance over which differences are taken.
POWER_CYCLES, BESIDE = 60, 1e-5
# No coordinate is extrapolated further than this at once: far from a fixed point the map is not linear.
LONGEST = 2.0
# Shares of the way to x' that are tried; 0 is the plain EM step.
SHARES = (1.0, 0.3, 0.1, 0.0)


class Chart(Protocol):
    """Coordinates in which a start is extrapolated; all inside the parameter space."""

    def enter(self, params: Any) -> Array:
        """Parameters, one entry per start, as rows of coordinates."""
        ...

    def leave(self, coordinates: Array) -> Any:
        """Rows of coordinates as parameters."""
        ...

    def going_out(self, coordinates: Array, residual: Array) -> npt.NDArray[np.bool_]:
        """Which coordinates are next to an edge of the parameter space that EM leads them to."""
        ...


class Plain(NamedTuple):
    """The parameters themselves as coordinates, in the units of a stop rule."""

    layout: Layout
    unit: Array

    def enter(self, params: Any) -> Array:
        """Parameters as rows."""
        return self.layout.flatten(params) / self.unit

    def leave(self, coordinates: Array) -> Any:
        """Rows as parameters."""
        return self.layout.unflatten(coordinates * self.unit)

    def going_out(self, coordinates: Array, residual: Array) -> npt.NDArray[np.bool_]:
        """None: an edge is reached."""
        return np.zeros(coordinates.shape, dtype=bool)


def carry_on(
    problem: EMProblem, start: Any, stop: StopRule, *, chart: Chart | None = None, memory: int = MEMORY
) -> Fit:
    """Run EM, accelerated by Anderson's method, from many starts.

    Parameters
    ----------
    problem : EMProblem
    start : NamedTuple of arrays
        With one leading axis, one entry per start; best places to which plain EM has come.
    stop : StopRule
        Its tolerance bounds the estimated distance still to go, its `max_cycles` the E- and M-steps.
    chart : Chart, optional
        The parameters themselves when left out; the parameter space is then left to `problem.feasible`.
    memory : int
        Number of differences that are kept.

    Returns
    -------
    Fit
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        layout = Layout.of(start, np.shape(problem.e_step(start).log_likelihood))
        plain = Plain(layout, stop.unit_of(layout))
        return _iterate(problem, plain, chart or plain, start, stop, memory)


class _Memory(NamedTuple):
    """The last differences of points and residuals (starts, coordinates, memory), and how many count."""

    steps: Array
    bends: Array
    kept: Array

    def correction(self, residual: Array, left_out: npt.NDArray[np.bool_]) -> Array:
        """(dX + dF) gamma for every start, gamma by least squares over scaled columns; 0 for what is left out."""
        used = (np.arange(self.steps.shape[2]) < self.kept[:, None, None]) & ~left_out[..., None]
        residual = np.where(left_out, 0.0, residual)
        steps, bends = np.where(used, self.steps, 0.0), np.where(used, self.bends, 0.0)
        length = np.linalg.norm(bends, axis=1, keepdims=True)
        scaled = np.nan_to_num(np.divide(bends, length, out=np.zeros_like(bends), where=length > 0))
        solution = np.linalg.pinv(scaled, rcond=INDEPENDENT) @ np.nan_to_num(residual)[..., None]
        across = length.swapaxes(1, 2)
        gamma = np.divide(solution, across, out=np.zeros_like(solution), where=across > 0)
        return ((steps + bends) @ gamma)[..., 0]

    def with_new(self, step: Array, bend: Array) -> "_Memory":
        """One difference more, the oldest forgotten."""
        steps, bends = np.roll(self.steps, 1, axis=2), np.roll(self.bends, 1, axis=2)
        steps[..., 0], bends[..., 0] = step, bend
        return _Memory(steps, bends, np.minimum(self.kept + 1, self.steps.shape[2]))


def _iterate(problem: EMProblem, plain: Plain, chart: Chart, start: Any, stop: StopRule, memory: int) -> Fit:
    u = chart.enter(start)
    params, here = start, problem.e_step(start)
    status = np.full(len(u), Status.CYCLE_LIMIT, dtype=object)
    cycles = np.zeros(len(u), dtype=np.int64)
    # Minus one: a point, but no difference yet.
    none = np.zeros((*u.shape, memory))
    past = _Memory(none, none, np.full(len(u), -1))
    before, residual_before, close = u, np.zeros_like(u), np.zeros(len(u), dtype=bool)
    active = np.isfinite(here.objective)
    status[~active] = Status.NOT_FINITE

    for cycle in range(1, stop.max_cycles + 1):
        if not active.any():
            break
        cycles[active] = cycle
        moved = problem.m_step(here.expected_counts, params)
        residual = chart.enter(moved) - u
        past = past.with_new(u - before, residual - residual_before)
        out = chart.going_out(u, residual)
        way = np.where(out, LONGEST * np.sign(residual), residual - past.correction(residual, out))
        proposal = u + way * np.minimum(1.0, LONGEST / np.maximum(np.abs(way).max(axis=1, keepdims=True), LONGEST))
        usable = active & (past.kept > 0) & np.isfinite(proposal).all(axis=1)

        natural, after = plain.enter(params), plain.enter(moved)
        step = np.abs(after - natural).max(axis=1)
        to_go = np.where(usable, np.abs(plain.enter(chart.leave(proposal)) - natural).max(axis=1), np.inf)
        near = (step <= stop.tolerance) & (to_go <= stop.tolerance)
        arrived = active & ((step <= NO_STEP * (1 + np.abs(natural).max(axis=1))) | (near & close))
        close = near

        before, residual_before, lower = u, residual, here
        u, here = _towards(problem, chart, (u, residual, proposal), here, usable & ~arrived, active)
        params = chart.leave(u)
        finite = np.isfinite(here.objective)
        fell = here.objective < lower.objective - round_off(problem, lower.objective, ROUND_OFF)
        for reason, which in ((Status.CONVERGED, arrived), (Status.DECREASED, fell), (Status.NOT_FINITE, ~finite)):
            status[active & which] = reason
            active = active & ~which

    log_prior = np.broadcast_to(here.log_prior, np.shape(here.log_likelihood))
    return Fit(params, np.asarray(here.log_likelihood), np.array(log_prior), status, cycles)


def _towards(
    problem: EMProblem, chart: Chart, way: tuple[Array, Array, Array], here: Expectation, usable: Array, active: Array
) -> tuple[Array, Expectation]:
    """The furthest point towards a proposal at which the log-likelihood does not fall, with its E-step."""
    u, residual, proposal = way
    plain_step = np.where(active[:, None], u + residual, u)
    least = here.objective - round_off(problem, here.objective, LEVEL)
    share = np.where(usable, SHARES[0], 0.0)
    for shorter in SHARES[1:]:
        trial = np.where((share > 0)[:, None], u + share[:, None] * (np.nan_to_num(proposal) - u), plain_step)
        found = problem.e_step(chart.leave(trial))
        inside = problem.feasible(chart.leave(trial))
        low = (share > 0) & ~((found.objective >= least) & inside)
        if not low.any():
            return trial, found
        share = np.where(low, shorter, share)
    trial = np.where((share > 0)[:, None], trial, plain_step)
    return trial, problem.e_step(chart.leave(trial))


def departure(problem: EMProblem, params: Any, *, chart: Chart, rng: np.random.Generator) -> tuple[Array, Array]:
    """How fast EM leaves a fixed point, or returns to it, and in which direction.

    The largest eigenvalue of the derivative of the EM map, by the power method on differences. Above 1 the fixed
    point repels: a saddle, from which EM moves away however slowly, and to which an extrapolation may have led.

    Parameters
    ----------
    problem : EMProblem
    params : NamedTuple of arrays
        Fixed points, with one leading axis.
    chart : Chart
    rng : numpy.random.Generator
        For the direction to begin with.

    Returns
    -------
    rate : array (starts,)
    direction : array (starts, coordinates)
        Unit vectors.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        here = chart.enter(params)
        direction, length = rng.standard_normal(here.shape), np.ones((len(here), 1))
        for _ in range(POWER_CYCLES):
            direction = direction / np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), np.finfo(float).tiny)
            ends = []
            for sign in (1.0, -1.0):
                beside = chart.leave(here + sign * BESIDE * direction)
                ends.append(chart.enter(problem.m_step(problem.e_step(beside).expected_counts, beside)))
            direction = (ends[0] - ends[1]) / (2 * BESIDE)
            length = np.linalg.norm(direction, axis=1, keepdims=True)
        return length[:, 0], direction / np.maximum(length, np.finfo(float).tiny)
