"""Expectation-maximisation over a batch of starts.

A problem binds data and offers two steps (`EMProblem`); `em` iterates them from one start or from
thousands at once, until each start has a reason to stop (`Status`).

    E-step   Q(theta' | theta) = E[log p(x, z | theta') | x, theta]
    M-step   theta_next = argmax over theta' of Q(theta' | theta) + log prior(theta')

Each cycle cannot lower the log-likelihood (plus log prior, where there is one): Dempster, Laird and
Rubin (1977), theorem 1. A fall beyond round-off is therefore an error in the EM, and `em` says so.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from em_reference.acceleration import LEVEL, Shortcut, propose
from em_reference.layout import Array, Layout, one_lead_axis, select
from em_reference.stopping import Pace, StopRule, converged

__all__ = ["EMProblem", "Expectation", "Fit", "Status", "StopRule", "Trace", "em"]

# A log-likelihood is a sum of many rounded terms; a fall below this share of it is round-off.
ROUND_OFF = 1e-11
# Each of the terms that a log-likelihood adds up is right to this many units of its last place.
TERMS = 32.0


class Status(StrEnum):
    """Why a start stopped."""

    CONVERGED = "converged"
    CYCLE_LIMIT = "cycle limit"
    NOT_FINITE = "not finite"
    DECREASED = "decreased"


class Expectation(NamedTuple):
    """What an E-step returns.

    Attributes
    ----------
    expected_counts : NamedTuple of arrays
        Expected sufficient statistics of the complete data, leading axes as in the parameters.
    log_likelihood : array
        Observed-data log-likelihood (natural log) of exactly the parameters given, shape = the
        leading axes.
    log_prior : array or float
        Log prior density of these parameters; 0 without a prior.
    """

    expected_counts: Any
    log_likelihood: Array
    log_prior: Array | float = 0.0

    @property
    def objective(self) -> Array:
        """What the EM climbs: log-likelihood plus log prior."""
        return np.asarray(self.log_likelihood + self.log_prior)


def round_off(problem: "EMProblem", objective: Array, share: float) -> Array:
    """A share of 1 + the size of what is climbed, but no less than the round-off of the terms that it adds up.

    A problem whose log-likelihood is a small difference of large terms (x log x against log x!) may offer
    `magnitude`, the sum of their sizes.
    """
    terms = TERMS * np.finfo(float).eps * float(getattr(problem, "magnitude", 0.0))
    return np.maximum(share * (1 + np.abs(objective)), terms)


class EMProblem(Protocol):
    """The two steps of an EM. Data are bound in the problem, parameters travel as NamedTuples.

    Any array of the parameters may carry leading axes, one entry per start. `feasible` tells which
    starts lie inside the parameter space: an accelerated step may leave it, an M-step never does.
    """

    def e_step(self, params: Any) -> Expectation:
        """Return expected counts and log-likelihood at `params`."""
        ...

    def m_step(self, expected_counts: Any, params: Any) -> Any:
        """Parameters that maximise the expected complete-data log-likelihood; `params` is current."""
        ...

    def feasible(self, params: Any) -> npt.NDArray[np.bool_]:
        """Whether each start lies in the parameter space, shape = the leading axes."""
        ...


class Trace(NamedTuple):
    """The path of a fit, one entry per cycle along the first axis (entry 0 is the start).

    A start that has stopped keeps its last values to the end of the trace.
    """

    params: Any
    log_likelihood: Array
    log_prior: Array


@dataclass(frozen=True)
class Fit:
    """Where each start ended.

    Attributes
    ----------
    params : NamedTuple of arrays
        Leading axes as in the start.
    log_likelihood, log_prior : array
        Of exactly `params`, shape = the leading axes.
    status : array of Status
    cycles : array of int
        E- and M-steps taken.
    trace : Trace or None
    """

    params: Any
    log_likelihood: Array
    log_prior: Array
    status: npt.NDArray[np.object_]
    cycles: npt.NDArray[np.int64]
    trace: Trace | None = None

    @property
    def log_posterior(self) -> Array:
        """Log-likelihood plus log prior: what the EM climbs."""
        return self.log_likelihood + self.log_prior


def em(
    problem: EMProblem,
    start: Any,
    stop: StopRule | None = None,
    *,
    accelerate: bool = False,
    trace: bool = False,
) -> Fit:
    """Run EM from one start or many.

    Parameters
    ----------
    problem : EMProblem
    start : NamedTuple of arrays
        May carry leading axes, one entry per start.
    stop : StopRule, optional
    accelerate : bool
        Extrapolate after every second cycle (SQUAREM; see `em_reference.acceleration`). An
        extrapolation that would lower the log-likelihood, or leave the parameter space, is dropped.
    trace : bool
        Keep parameters and log-likelihood of every cycle.

    Returns
    -------
    Fit
    """
    stop = stop or StopRule()
    # Numbers that overflow or are not numbers end as Status.NOT_FINITE, which says more than a warning.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return _iterate(problem, start, stop, accelerate, trace)


def _iterate(problem: EMProblem, start: Any, stop: StopRule, accelerate: bool, trace: bool) -> Fit:
    expectation = problem.e_step(start)
    lead = np.shape(expectation.log_likelihood)
    layout = Layout.of(start, lead)
    unit = stop.unit_of(layout)
    params = layout.flatten(start) / unit
    counts = one_lead_axis(expectation.expected_counts, lead)
    n_starts = len(params)
    book = _Book.begin(params * unit)
    path: list[Trace] = []

    active = np.arange(n_starts)
    done = np.zeros(n_starts, dtype=bool)
    climbed = np.full(n_starts, -np.inf)
    pace = Pace.begin(n_starts)
    shortcut = Shortcut.begin(params)

    for cycle in range(stop.max_cycles + 1):
        if cycle > 0:
            expectation = problem.e_step(layout.unflatten(params * unit))
        if shortcut.stage == 2:
            dropped = shortcut.dropped(expectation.objective)
            if dropped.any():
                params = np.where(dropped[:, None], shortcut.plain, params)
                shortcut = shortcut.shortened(dropped)
                expectation = problem.e_step(layout.unflatten(params * unit))
        if cycle > 0:
            counts = expectation.expected_counts

        log_likelihood = np.reshape(expectation.log_likelihood, len(active))
        log_prior = np.broadcast_to(expectation.log_prior, np.shape(expectation.log_likelihood)).reshape(len(active))
        objective = log_likelihood + log_prior
        finite = np.isfinite(objective) & np.isfinite(params).all(axis=1)
        fell = objective < climbed - round_off(problem, climbed, ROUND_OFF)
        book.now.params[active], book.now.log_likelihood[active] = params * unit, log_likelihood
        book.now.log_prior[active] = log_prior
        for status, which in ((Status.CONVERGED, done), (Status.DECREASED, fell), (Status.NOT_FINITE, ~finite)):
            book.status[active[which]] = status
        book.cycles[active] = cycle
        if trace:
            path.append(Trace(*(field.copy() for field in book.now)))

        keep = ~(done | fell | ~finite)
        if cycle == stop.max_cycles or not keep.any():
            break
        if not keep.all():
            active, params, objective, counts = active[keep], params[keep], objective[keep], select(counts, keep)
            pace, shortcut = pace.keep(keep), shortcut.keep(keep)
        climbed = objective

        moved = layout.flatten(problem.m_step(counts, layout.unflatten(params * unit))) / unit
        pace = pace.advance(np.abs(moved - params).max(axis=1), restart=shortcut.stage == 2)
        done = converged(pace, np.abs(moved).max(axis=1), stop, accelerated=accelerate)
        if accelerate:
            # The last cycle ends with an M-step, never with an extrapolation.
            held = done if cycle + 1 < stop.max_cycles else np.ones_like(done)
            moved, shortcut = propose(
                shortcut,
                params,
                moved,
                objective,
                held,
                lambda x: problem.feasible(layout.unflatten(x * unit)),
                rounding=round_off(problem, objective, LEVEL),
            )
        params = moved

    return book.close(layout, lead, path)


class _Book(NamedTuple):
    """What is known of every start so far: the latest point, why it stopped, cycles."""

    now: Trace
    status: npt.NDArray[np.object_]
    cycles: npt.NDArray[np.int64]

    @classmethod
    def begin(cls, params: Array) -> "_Book":
        n_starts = len(params)
        now = Trace(params.copy(), np.full(n_starts, np.nan), np.zeros(n_starts))
        return cls(now, np.full(n_starts, Status.CYCLE_LIMIT, dtype=object), np.zeros(n_starts, dtype=np.int64))

    def close(self, layout: Layout, lead: tuple[int, ...], path: list[Trace]) -> Fit:
        params, log_likelihood, log_prior = self.now
        trace = None
        if path:
            stacked = [np.stack([getattr(point, field) for point in path]) for field in Trace._fields]
            shape = (len(path), *lead)
            trace = Trace(layout.unflatten(stacked[0], shape), *(array.reshape(shape) for array in stacked[1:]))
        return Fit(
            layout.unflatten(params, lead),
            log_likelihood.reshape(lead),
            log_prior.reshape(lead),
            self.status.reshape(lead),
            self.cycles.reshape(lead),
            trace,
        )
