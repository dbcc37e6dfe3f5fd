"""SQUAREM: squared extrapolation of an EM map, with a fall-back that keeps the ascent.

From two EM steps theta0 -> theta1 -> theta2,

    r = theta1 - theta0,   v = (theta2 - theta1) - r,   alpha = |r| / |v|
    theta' = theta0 + 2 alpha r + alpha^2 v

(Varadhan and Roland 2008, Scandinavian Journal of Statistics 35, eq. 7 and steplength S3; their
alpha has the other sign). alpha = 1 gives theta2 back. An EM step from theta' follows.

Where the EM map is linear the error of theta' is (1 - alpha (1 - lambda))^2 times that of theta0 for
each eigenvalue lambda, a square: the extrapolation cannot cross from one basin into another. Far
from a limit the map is not linear, so a start is extrapolated only

- from when three successive steps shrink by a steady factor and point the same way, until a step
  grows again, turns round, or an extrapolation had to be dropped;
- while no single component of the step grows: a weight that leaves 0, or a bias that leaves 1, is
  still tiny beside the other steps when it has already decided which optimum comes next;
- at most nine tenths of the way to the edge of the parameter space;
- with alpha below a bound that starts at 4 and grows fourfold when it is reached;

and the extrapolation stays only if its log-likelihood is at least L1 + (L1 - L0): while the gains
shrink, that is more than theta2 has. What this guarantees is that the log-likelihood never falls.
That the accelerated fit reaches an optimum no lower than that of plain EM is not a theorem; the count
over several thousand starts is in benchmarks/README.md. Nor need it be ahead of plain EM wherever
both are cut short by the cycle limit.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from em_reference.layout import Array

GROWTH = 4.0
# The ratio of step sizes is steady when it changes by less than this share of 1 - ratio.
STEADY = 0.1
# Cosine of the angle between successive steps from which on they point the same way.
ALIGNED = 0.95
# Differences below this share of 1 + the number itself are round-off.
ROUND_OFF = 1e-13
# A log-likelihood this close to another, beside 1 + its size, cannot be told from it.
LEVEL = 4e-15
# The edge lies at least this far: 1.1 times the way to the extrapolation is still inside.
TO_THE_EDGE = 1.1

Mask = npt.NDArray[np.bool_]


class Shortcut(NamedTuple):
    """Memory of the accelerated iteration, one entry per active start.

    Attributes
    ----------
    stage : int
        EM steps taken since the last extrapolation (0 or 1); 2 means that one awaits its judgement.
    before : array (starts, parameters)
        theta0.
    plain : array (starts, parameters)
        theta2, where plain EM stands: the fall-back.
    longest : array (starts,)
        Bound on alpha.
    last_step : array (starts,)
        Length of the step that led to theta0.
    trusted : array of bool (starts,)
        Whether the EM map has been found to be near linear.
    level, required : array (starts,)
        Log-posterior L0 at theta0, and what an extrapolation must reach to stay.
    """

    stage: int
    before: Array
    plain: Array
    longest: Array
    last_step: Array
    trusted: Mask
    level: Array
    required: Array

    @classmethod
    def begin(cls, params: Array) -> "Shortcut":
        """Before the first EM step."""
        nothing = np.zeros(len(params))
        return cls(0, params, params, np.full(len(params), GROWTH), nothing, nothing > 0, nothing, nothing)

    def keep(self, mask: Mask) -> "Shortcut":
        """Only the starts in `mask`."""
        arrays: Any = (field[mask] for field in self[1:])
        return Shortcut(self.stage, *arrays)

    def dropped(self, objective: Array) -> Mask:
        """Starts whose extrapolation is to be given up: too low, or not finite."""
        return ~(objective >= self.required)

    def shortened(self, dropped: Mask) -> "Shortcut":
        """Return the memory after the starts `dropped` fell back to plain EM."""
        longest = np.where(dropped, np.maximum(self.longest / GROWTH, GROWTH), self.longest)
        return self._replace(longest=longest, trusted=self.trusted & ~dropped)


def propose(
    shortcut: Shortcut,
    params: Array,
    moved: Array,
    objective: Array,
    finished: Mask,
    feasible: Callable[[Array], Mask],
    *,
    rounding: Array | float = 0.0,
) -> tuple[Array, Shortcut]:
    """Next point after an EM step params -> moved: that step, or an extrapolation of the last two.

    `objective` is the log-posterior at `params`, `rounding` its round-off. Finished starts are not extrapolated.
    """
    step = moved - params
    length = np.linalg.norm(step, axis=1)
    if shortcut.stage == 2:
        return moved, shortcut._replace(stage=0, last_step=length)
    if shortcut.stage == 0:
        return moved, shortcut._replace(stage=1, before=params, level=objective)
    r = params - shortcut.before
    v = step - r
    r_length, curvature = np.linalg.norm(r, axis=1), np.linalg.norm(v, axis=1)
    trusted = _near_linear(shortcut, params, r, step)
    alpha = r_length / np.where(curvature > 0, curvature, np.inf)
    longest = np.where(trusted & (alpha >= shortcut.longest), shortcut.longest * GROWTH, shortcut.longest)
    alpha = np.clip(alpha, 1.0, shortcut.longest)[:, None]
    jump = shortcut.before + 2 * alpha * r + alpha**2 * v
    allowed = ~finished & trusted & (alpha[:, 0] > 1) & feasible(moved + TO_THE_EDGE * (jump - moved))
    proposed = np.where(allowed[:, None], jump, moved)
    # A start that is not extrapolated has nothing to prove.
    required = np.where(allowed, objective + (objective - shortcut.level) - rounding, -np.inf)
    return proposed, Shortcut(2, shortcut.before, moved, longest, length, trusted, objective, required)


def _near_linear(shortcut: Shortcut, params: Array, r: Array, step: Array) -> Mask:
    """Whether the steps (one before theta0) -> r -> step look like those of a linear map, or did and still shrink."""
    lengths = np.linalg.norm(r, axis=1), np.linalg.norm(step, axis=1)
    tiny = np.finfo(float).tiny
    first = lengths[0] / np.maximum(shortcut.last_step, tiny)
    second = lengths[1] / np.maximum(lengths[0], tiny)
    cosine = (r * step).sum(axis=1) / np.maximum(lengths[0] * lengths[1], tiny)
    steady = (np.abs(second - first) <= STEADY * (1 - second)) & (cosine >= ALIGNED)
    growing = (np.abs(step) > np.abs(r)) & (np.abs(step) > ROUND_OFF * (1 + np.abs(params)))
    return (second < 1) & ~growing.any(axis=1) & (steady | (shortcut.trusted & (cosine > 0)))
