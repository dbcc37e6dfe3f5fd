"""EM starts that creep: what plain EM has not finished is carried on, accelerated, before it is counted.

A start that the cycle limit ends is no optimum. EM is slow where components overlap and where a parameter leaves the
edge of its range: there each cycle multiplies the distance to the edge by little more than 1. So rounds of
Anderson's method, in logarithms and logits, follow one another, and between them a parameter next to an edge is
moved to where EM's own log-likelihood is highest on the way inwards, as long as it never falls there. All of it is
EM's own code: PyMC's model says only where the edges are.
"""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from comparisons.case import Array, Case, Natural, Parameter, Support, natural_of, take
from em_reference.acceleration import LEVEL
from em_reference.anderson import carry_on, departure
from em_reference.em import Fit, Status, em, round_off
from pp_models.edges import Space, at_distances, edges_nearby, inwards
from pp_models.matrices import from_log_cholesky, log_cholesky

# Plain cycles before a start is said to creep.
PLAIN = 1_000
# EM leaves a point from which its steps grow by more than this share; then it is restarted this far beside it.
REPELS, BESIDE = 1e-5, 0.05
# Distances from an edge are at least this, and logarithms at most that.
TINY, MOST = 1e-300, 700.0
# So near to an edge, in logarithms or logits, that nothing but the way there is left.
NEXT_TO = 20.0
# Rounds of Anderson's method, and cycles in each of them; and plain cycles between two rounds, which lead past a saddle
# that an extrapolation would be drawn to.
ROUNDS, CYCLES, BETWEEN = 12, 200, 300
# A round that gains no more log-likelihood than this is the last.
WORTH_IT = 1e-7


def carried_on(case: Case, space: Space, fit: Fit) -> Fit:
    """Where the starts of a batch end when those that creep are carried on.

    A start creeps when its cycles ran out, or when it stands next to an edge, not at it, and EM's log-likelihood
    rises away from that edge.
    """
    params, status, cycles = _copied(fit.params), fit.status.copy(), fit.cycles.copy()
    log_likelihood, log_prior = fit.log_likelihood.copy(), fit.log_prior.copy()
    chart = Free.of(case, space)
    hopeless, unfinished = np.zeros(len(status), dtype=bool), np.arange(len(status))
    for number in range(ROUNDS):
        # Where nothing has moved since the last round, nothing is to be released.
        released = _released(case, space, params, status, unfinished)
        unfinished = np.flatnonzero(((status == Status.CYCLE_LIMIT) & ~hopeless) | released)
        if not len(unfinished):
            break
        start = _entries(params, unfinished)
        then = _round(case, chart, start, plain=number > 0)
        for field, ends in zip(params, then.params, strict=True):
            field[unfinished] = ends
        status[unfinished], cycles[unfinished] = then.status, cycles[unfinished] + then.cycles
        # What gains no more and does not converge tends to infinity.
        before = log_likelihood[unfinished] + log_prior[unfinished]
        hopeless[unfinished] = ~(then.log_posterior > before + WORTH_IT)
        log_likelihood[unfinished], log_prior[unfinished] = then.log_likelihood, then.log_prior
        _leave_saddles(case, chart, params, status, unfinished[then.status == Status.CONVERGED])
    return Fit(params, log_likelihood, log_prior, status, cycles)


def _round(case: Case, chart: "Free", start: Any, *, plain: bool) -> Fit:
    """One round, after some plain cycles or without."""
    if not plain:
        return carry_on(case.em, start, replace(case.stop, max_cycles=CYCLES), chart=chart)
    first = em(case.em, start, replace(case.stop, max_cycles=BETWEEN))
    then = carry_on(case.em, first.params, replace(case.stop, max_cycles=CYCLES), chart=chart)
    fell = first.status == Status.DECREASED
    return replace(then, status=np.where(fell, first.status, then.status), cycles=first.cycles + then.cycles)


def _leave_saddles(
    case: Case, chart: "Free", params: Any, status: npt.NDArray[np.object_], arrived: npt.NDArray[np.intp]
) -> None:
    """Set starts that an extrapolation has led to a saddle down beside it, in place; they are not finished."""
    if not len(arrived):
        return
    ends = _entries(params, arrived)
    rate, direction = departure(case.em, ends, chart=chart, rng=np.random.default_rng(0))
    here = chart.enter(ends)
    for index in np.flatnonzero(rate > 1 + REPELS):
        sides = chart.leave(here[index] + BESIDE * np.outer([0.0, 1.0, -1.0], direction[index]))
        found = case.em.e_step(sides)
        heights = np.broadcast_to(found.log_likelihood + found.log_prior, (3,))
        side = int(np.nan_to_num(heights, nan=-np.inf).argmax())
        if side and heights[side] > heights[0] + 4 * round_off(case.em, heights[0], LEVEL):
            for field, values in zip(params, sides, strict=True):
                field[arrived[index]] = values[side]
            status[arrived[index]] = Status.CYCLE_LIMIT


class Free(NamedTuple):
    """Logarithms of positive parameters and of weights, logits of what lives in an interval, the rest in its units.

    Attributes
    ----------
    case : Case
    low, high : array (P,)
        Edges, infinite where there are none.
    unit, zero : array (P,)
    simplexes : tuple of slice
        Where the weights are.
    matrices : dict of parameter -> slice
        Where covariance and correlation matrices are: they enter by their Cholesky factors.
    """

    case: Case
    low: Array
    high: Array
    unit: Array
    zero: Array
    simplexes: tuple[slice, ...]
    matrices: dict[Parameter, slice]

    @classmethod
    def of(cls, case: Case, space: Space) -> "Free":
        """The coordinates of a case."""
        low, high = (case.flat({name: space.edges(name)[side] for name in case.labels}) for side in (0, 1))
        unit = case.flat({name: space.unit(name) for name in case.labels})
        simplexes, matrices, first = [], {}, 0
        for parameter in case.parameters:
            if space.is_simplex(parameter.name):
                rows = np.arange(first, first + parameter.size).reshape(-1, parameter.shape[-1])
                simplexes += [slice(int(row[0]), int(row[-1]) + 1) for row in rows]
            if parameter.is_matrix:
                matrices[parameter] = slice(first, first + parameter.size)
            first += parameter.size
        for weights in simplexes:
            high[weights] = np.inf
        return cls(case, low, high, unit, case.zero, tuple(simplexes), matrices)

    def enter(self, params: Any) -> Array:
        """Parameters of the EM, one entry per start, as rows of coordinates."""
        x = self.case.flat(self.case.from_em(params))
        below, above = np.maximum(x - self.low, TINY), np.maximum(self.high - x, TINY)
        up, down = np.isfinite(self.low), np.isfinite(self.high)
        logs = np.log(np.where(up, below, 1.0)) - np.log(np.where(down, above, 1.0))
        entered = np.where(up | down, logs, (x - self.zero) / self.unit)
        for parameter, where in self.matrices.items():
            values = parameter.full(x[..., where])
            free = log_cholesky(values, parameter.support is Support.CORRELATION)
            entered[..., where] = free.reshape(*x.shape[:-1], -1)
        return entered

    def leave(self, coordinates: Array) -> Any:
        """Rows of coordinates as parameters of the EM."""
        up, down = np.isfinite(self.low), np.isfinite(self.high)
        low, high = np.where(up, self.low, 0.0), np.where(down, self.high, 0.0)
        bounded = np.where(up | down, coordinates, 0.0)
        x = np.where(up & down, low + (high - low) * expit(bounded), self.zero + coordinates * self.unit)
        x = np.where(up & ~down, low + np.exp(np.minimum(bounded, MOST)), x)
        x = np.where(down & ~up, high - np.exp(np.minimum(-bounded, MOST)), x)
        for weights in self.simplexes:
            x[..., weights] /= x[..., weights].sum(axis=-1, keepdims=True)
        for parameter, where in self.matrices.items():
            free = coordinates[..., where].reshape(*x.shape[:-1], *parameter.shape[:-2], -1)
            values = from_log_cholesky(free, parameter.shape[-1], parameter.support is Support.CORRELATION)
            x[..., where] = parameter.flat(values)
        return self.case.to_em(natural_of(self.case, x))

    def going_out(self, coordinates: Array, residual: Array) -> npt.NDArray[np.bool_]:
        """Which coordinates are next to an edge to which EM leads them on."""
        down = np.isfinite(self.low) & (coordinates < -NEXT_TO) & (residual < 0)
        return down | (np.isfinite(self.high) & (coordinates > NEXT_TO) & (residual > 0))


def _released(
    case: Case, space: Space, params: Any, status: npt.NDArray[np.object_], among: npt.NDArray[np.intp]
) -> npt.NDArray[np.bool_]:
    """Which starts among some were moved away from an edge, in place."""
    naturals = case.from_em(params)
    # An EM that holds 1 - p beside p may stand next to an upper edge where p has rounded to it.
    exact = [np.equal(one, other) for one, other in zip(case.to_em(naturals), params, strict=True)]
    rounded = ~np.all([np.reshape(same, (len(status), -1)).all(axis=1) for same in exact], axis=0)
    moved = np.zeros(len(status), dtype=bool)
    ended = (status == Status.CYCLE_LIMIT) | (status == Status.CONVERGED)
    for index in among[ended[among]]:
        inside = _inside(case, space, take(naturals, index), bool(rounded[index]))
        if inside is not None:
            moved[index] = True
            for field, value in zip(params, case.to_em(inside), strict=True):
                field[index] = value
    return moved


def _inside(case: Case, space: Space, natural: Natural, rounded: bool) -> Natural | None:
    """The highest point on the way away from an edge, None where EM's log-likelihood does not rise there.

    Where numbers were rounded, those at an upper edge may have stood next to it.
    """
    least = np.finfo(float).eps if rounded else 0.0
    near = (
        e._replace(distance=max(e.distance, least * e.width)) if e.upper else e for e in edges_nearby(space, natural)
    )
    edges = [edge for edge in near if edge.distance > 0]
    if not edges:
        return None
    walks = [at_distances(space, natural, edge, inwards(edge)) for edge in edges]
    points = [{name: values[None] for name, values in natural.items()}, *walks]
    heights = _heights(case, {name: np.concatenate([point[name] for point in points]) for name in natural})
    tolerance = float(round_off(case.em, heights[:1], LEVEL)[0])
    best, highest, first = None, heights[0] + 4 * tolerance, 1
    for walk in walks:
        values = heights[first : first + len(walk[next(iter(walk))])]
        first += len(values)
        before = np.concatenate([heights[:1], values[:-1]])
        falls = ~(values >= before - tolerance)
        reached = int(falls.argmax()) if falls.any() else len(values)
        if reached and values[:reached].max() > highest:
            place = int(values[:reached].argmax())
            best, highest = take(walk, place), values[place]
    return best


def _heights(case: Case, points: Natural) -> Array:
    with np.errstate(all="ignore"):
        found = case.em.e_step(case.to_em(points))
        return np.array(
            np.broadcast_to(found.log_likelihood + found.log_prior, np.shape(found.log_likelihood)), dtype=float
        )


def _entries(params: Any, index: npt.NDArray[np.intp]) -> Any:
    return type(params)(*(field[index] for field in params))


def _copied(params: Any) -> Any:
    return type(params)(*(np.array(field, dtype=float) for field in params))
