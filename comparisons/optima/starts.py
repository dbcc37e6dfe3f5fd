"""EM and PyMC from the same starts. Every endpoint is kept, good or bad."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from comparisons.case import Array, Case, InputError, Natural, each, stack, take
from comparisons.compiled import Compiled
from comparisons.optima.unfinished import PLAIN, carried_on
from em_reference.em import Fit, Status, em
from pp_models.maximise import Maximum
from pp_models.objective import Objective
from pp_models.side_by_side import maximise_all

Progress = Callable[[Iterable[Any], int, str], Iterable[Any]]


def silent(items: Iterable[Any], _total: int, _label: str) -> Iterable[Any]:
    """No progress bar."""
    return items


def draw_starts(case: Case, n_starts: int, seed: int) -> Natural:
    """Starts with one leading axis: the documented one first, if there is one, then random ones.

    Start i depends on (seed, i) alone, so any single start can be drawn again without the others.
    """
    starts = [
        case.start if i == 0 and case.start is not None else case.draw_start(np.random.default_rng([seed, i]))
        for i in range(n_starts)
    ]
    return stack(starts)


def check_starts(case: Case, starts: Natural) -> None:
    """Refuse starts that are not finite, lack a parameter or have another shape.

    Raises
    ------
    InputError
    """
    for name, shape in case.shapes.items():
        if name not in starts:
            raise InputError(f"start: {name!r} is missing, expected {', '.join(case.labels)}")
        values = np.asarray(starts[name], dtype=float)
        if values.ndim != 1 + len(shape) or values.shape[1:] != shape:
            sizes = ", ".join(map(str, shape))
            raise InputError(f"start: {name!r} has shape {values.shape}, expected (starts, {sizes})")
        entries = case.by_name[name].flat(values)
        bad = np.argwhere(~np.isfinite(entries))
        if len(bad):
            row, place = bad[0]
            raise InputError(
                f"start {row}: {case.entry(name, int(place))} is {entries[row, place]}, expected a finite number"
            )


@dataclass(frozen=True)
class Endpoints:
    """Where one of the two fits, EM or PyMC, ended; one entry per start.

    Attributes
    ----------
    by : "em" or "pymc"
    natural : Natural with one leading axis
    log_likelihood : array (S,)
        By its own code.
    log_prior : array (S,)
    status : array of str (S,)
    effort : array of int (S,)
        EM cycles, or evaluations of PyMC's objective.
    last_finite : dict of start -> Natural
        Where starts that ended at no finite value were last, by EM's own numbers.
    """

    by: str
    natural: Natural
    log_likelihood: Array
    log_prior: Array
    status: npt.NDArray[np.object_]
    effort: npt.NDArray[np.int64]
    last_finite: dict[int, Natural] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.status)

    @property
    def objective(self) -> Array:
        """What is climbed: log-likelihood plus log prior."""
        return self.log_likelihood + self.log_prior

    def end(self, start: int) -> Natural:
        """Endpoint of a start, or the last finite point of its path."""
        return self.last_finite.get(start, take(self.natural, start))


def run_em(case: Case, objective: Objective, starts: Natural) -> Endpoints:
    """EM: all starts as one batch, plain, or of large data accelerated (`em_reference.acceleration`).

    Those that creep are carried on (see `comparisons.optima.unfinished`).
    """
    stop = replace(case.stop, max_cycles=min(PLAIN, case.stop.max_cycles))
    fit: Fit = carried_on(case, objective, em(case.em, case.to_em(starts), stop, accelerate=objective.is_large))
    natural = case.from_em(fit.params)
    _check_some_finite(case, natural, fit)
    return Endpoints(
        "em",
        natural,
        fit.log_likelihood,
        fit.log_prior,
        np.array([str(status) for status in fit.status], dtype=object),
        fit.cycles,
        dict(_last_finite(case, starts, fit)),
    )


def _check_some_finite(case: Case, natural: Natural, fit: Fit) -> None:
    """Refuse an EM whose first cycle gives no number from any start.

    Raises
    ------
    InputError
    """
    ends = case.flat(natural)
    if fit.cycles.max(initial=0) <= 1 and not np.isfinite(ends).all(axis=1).any():
        bad = int((~np.isfinite(ends[0])).argmax())
        raise InputError(
            f"the EM returned {case.parameter_names()[bad]} = {ends[0, bad]} from every one of {len(ends)} starts"
            f"{''.join(f' ({fault})' for fault, _ in case.faults()[:1])}, expected finite numbers"
        )


def _last_finite(case: Case, starts: Natural, fit: Fit) -> Iterator[tuple[int, Natural]]:
    """For every start that ended at no finite value, the last finite point of its path, which is walked again."""
    # A start at which the data are impossible has no path.
    for start in np.flatnonzero((fit.status == Status.NOT_FINITE) & (fit.cycles > 0)):
        stop = replace(case.stop, max_cycles=int(fit.cycles[start]))
        path = em(case.em, case.to_em(take(starts, [start])), stop, trace=True).trace
        if path is None:
            continue
        naturals = case.from_em(path.params)
        finite = np.isfinite(case.flat(naturals)).all(axis=-1) & np.isfinite(path.log_likelihood)
        if finite.any():
            yield int(start), take(take(naturals, int(np.flatnonzero(finite[:, 0])[-1])), 0)


def run_pymc(compiled: Compiled, starts: Natural, progress: Progress = silent) -> Endpoints:
    """PyMC: one maximisation per start, all at once."""
    case, objective = compiled
    free = np.stack([objective.free(point) for point in each(starts)])
    climbs = progress(maximise_all(objective, free), len(free), f"{case.name}: PyMC")
    ends: list[Maximum] = [end for _, end in sorted(climbs, key=itemgetter(0))]
    return Endpoints(
        "pymc",
        stack([{name: end.params[name] for name in case.labels} for end in ends]),
        np.array([objective.log_likelihood(end.x) for end in ends]),
        np.array([objective.log_prior(end.x) for end in ends]),
        np.array([str(end.status) for end in ends], dtype=object),
        np.array([end.evaluations for end in ends]),
    )
