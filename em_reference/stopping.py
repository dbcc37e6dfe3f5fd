"""When a start has converged.

EM converges linearly: once the ratio r of successive steps has settled, the steps still to come add
up to step * r / (1 - r), which may be far more than the last step. That sum is what the default rule
bounds (Aitken's argument; Boehning et al. 1994, Annals of the Institute of Statistical Mathematics
46, 373-388, use it for the log-likelihood).
"""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from em_reference.layout import Array, Layout

# A step this small beside the parameter itself cannot be told from no step.
NO_STEP = 4 * np.finfo(float).eps
# The ratio of successive steps has settled when it changes by less than this share of 1 - ratio.
SETTLED = 0.1


@dataclass(frozen=True)
class StopRule:
    """When a start has converged.

    Attributes
    ----------
    tolerance : float
        Bound in units of the parameters (the largest component counts).
    rule : {"remaining", "change"}
        "remaining" bounds the estimated distance still to go, step * r / (1 - r) with r the ratio
        of successive steps, once r has settled: EM converges linearly, so a small step alone does
        not mean that the limit is near. "change" bounds the step itself, as most packages do.
    max_cycles : int
        Cycles after which a start ends as `Status.CYCLE_LIMIT`, which is not convergence.
    units : NamedTuple like the parameters, optional
        The size of a change that matters, field by field, which the tolerance is a share of: the variance of the
        data for a variance. 1 when left out. Steps are measured in the nearest powers of 2, which round nothing.
    """

    tolerance: float = 1e-9
    rule: Literal["remaining", "change"] = "remaining"
    max_cycles: int = 10_000
    units: Any = None

    def __post_init__(self) -> None:
        if not self.tolerance > 0:
            raise ValueError(f"tolerance must be positive, got {self.tolerance}")
        if self.rule not in ("remaining", "change"):
            raise ValueError(f"rule must be 'remaining' or 'change', got {self.rule!r}")
        if self.max_cycles < 1:
            raise ValueError(f"max_cycles must be at least 1, got {self.max_cycles}")

    def unit_of(self, layout: Layout) -> Array:
        """Unit of every parameter, (parameters,): powers of 2."""
        if self.units is None:
            return np.ones(sum(int(np.prod(shape, dtype=int)) for shape in layout.shapes))
        fields = (np.broadcast_to(unit, shape) for unit, shape in zip(self.units, layout.shapes, strict=True))
        return 2.0 ** np.round(np.log2(layout.flatten(layout.kind(*fields))[0]))


class Pace(NamedTuple):
    """The last steps of each active start; all arrays (starts,).

    Attributes
    ----------
    step : array
        Size of the last EM step (largest component).
    ratio, ratio_before : array
        Of the last step to the one before it, and the same one step earlier; inf where unknown.
    slowest : array
        Largest ratio below 1 seen so far.
    """

    step: Array
    ratio: Array
    ratio_before: Array
    slowest: Array

    @classmethod
    def begin(cls, n_starts: int) -> "Pace":
        """Before the first step."""
        unknown = np.full(n_starts, np.inf)
        return cls(np.zeros(n_starts), unknown, unknown, np.zeros(n_starts))

    def keep(self, mask: npt.NDArray[np.bool_]) -> "Pace":
        """Only the starts in `mask`."""
        return Pace(*(field[mask] for field in self))

    def advance(self, step: Array, *, restart: bool) -> "Pace":
        """Record a step. `restart` marks the first one after an extrapolation, which has no forerunner."""
        unknown = np.full_like(step, np.inf)
        if restart:
            return Pace(step, unknown, unknown, self.slowest)
        ratio = np.divide(step, self.step, out=unknown, where=self.step > 0)
        seen = (ratio < 1) & np.isfinite(self.ratio)
        return Pace(step, ratio, self.ratio, np.where(seen, np.maximum(self.slowest, ratio), self.slowest))


def converged(pace: Pace, size: Array, stop: StopRule, *, accelerated: bool) -> npt.NDArray[np.bool_]:
    """Whether each start is within tolerance; `size` is its largest parameter."""
    standing = pace.step <= NO_STEP * (1 + size)
    if stop.rule == "change":
        return standing | (pace.step < stop.tolerance)
    shrinking = (pace.ratio < 1) & (pace.ratio_before < 1)
    if accelerated:
        # An extrapolation removes the slow component and hides its rate, so the slowest seen counts.
        rate = np.maximum(np.where(shrinking, pace.ratio, 0.0), pace.slowest)
        settled = shrinking
    else:
        rate = np.where(shrinking, pace.ratio, 0.0)
        settled = shrinking & (np.abs(rate - np.where(shrinking, pace.ratio_before, 0.0)) <= SETTLED * (1 - rate))
    rate = np.minimum(rate, 1 - np.finfo(float).eps)
    return standing | (settled & (pace.step * rate / (1 - rate) <= stop.tolerance))
