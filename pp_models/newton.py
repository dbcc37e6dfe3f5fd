"""One Newton step uphill, whatever the curvature, the units of the parameters and the number of observations."""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

# No free parameter (logit, log-ratio, intercept, slope) moves further in one Newton step.
LONGEST_STEP = 2.0
# Directions flatter than this, beside the steepest one and beside one unit of curvature per observation, are treated as
# if they had this curvature; and so are those flatter than this once every coordinate is measured in its own unit.
FLATTEST = 1e-10


def newton_step(
    hessian: Array,
    gradient: Array,
    free: npt.NDArray[np.bool_],
    noise: Array | float = 0.0,
    observations: float = np.inf,
) -> tuple[Array, float]:
    """Ascent step |H|^-1 g over the free coordinates, and the gain g' |H|^-1 g / 2 that it promises.

    Every coordinate is measured in a unit of its own first: with 10^12 flips and two sequences the curvature by a
    bias is 10^12 times that by a weight, and neither direction is flat. Flat is what has next to no curvature beside
    the steepest direction and beside one unit per observation. Along an eigenvector the gradient counts only where it
    exceeds its round-off `noise`, and no coordinate moves further than LONGEST_STEP.
    """
    step = np.zeros_like(gradient)
    if not free.any() or not np.isfinite(hessian).all():
        return step, 0.0
    curvature = hessian[np.ix_(free, free)]
    flat = _flat(curvature, observations)
    unit = own_units(curvature, observations)
    eigenvalues, vectors = np.linalg.eigh(curvature * np.outer(unit, unit))
    directions = unit[:, None] * vectors
    slope = directions.T @ gradient[free]
    slope[np.abs(slope) <= np.abs(directions).T @ np.broadcast_to(noise, gradient.shape)[free]] = 0.0
    size = np.maximum(np.abs(eigenvalues), np.maximum(FLATTEST, flat * (directions**2).sum(axis=0)))
    along = slope / size
    reach = np.abs(along) * np.abs(directions).max(axis=0)
    along *= LONGEST_STEP / np.maximum(reach, LONGEST_STEP)
    step[free] = directions @ along
    step *= min(1.0, LONGEST_STEP / max(np.abs(step).max(), LONGEST_STEP))
    return step, float(slope @ along / 2)


def own_units(hessian: Array, observations: float = np.inf) -> Array:
    """Unit of each coordinate, 1 / sqrt(|H_ii|): its standard error at a maximum, if all others are known."""
    return np.asarray(1 / np.sqrt(np.maximum(np.abs(np.diag(hessian)), _flat(hessian, observations))))


def _flat(hessian: Array, observations: float) -> float:
    """Curvature below which a coordinate is flat."""
    steepest = float(np.abs(hessian).max(initial=0.0))
    return max(FLATTEST * min(steepest, observations), np.finfo(float).tiny)
