"""Steps from a point: one cycle of EM, and Newton's to the nearest stationary point."""

import numpy as np

from comparisons.case import Array, Case, Natural
from comparisons.compiled import Compiled


def em_step(case: Case, natural: Natural) -> Natural:
    """One cycle of EM; leading axes are kept."""
    params = case.to_em(natural)
    return case.from_em(case.em.m_step(case.em.e_step(params).expected_counts, params))


def allowed(case: Case, natural: Natural) -> bool:
    """Whether parameters are finite, and lie inside the parameter space."""
    return bool(np.isfinite(case.flat(natural)).all() and np.all(case.em.feasible(case.to_em(natural))))


def no_gradient(best: float) -> float:
    """Largest gradient that is round-off where the best log-likelihood is of this size."""
    return 1e-6 * (1 + abs(best))


def nearest_stationary(compiled: Compiled, natural: Natural, best: float, still: Array | None = None) -> Natural | None:
    """The stationary point to which plain Newton steps lead, saddles included; None when they lead nowhere.

    Along a ridge, and next to one, the shortest of the steps is taken. No step has a part along the directions
    (rows) of `still`, and the gradient along them need not vanish. Elsewhere it must, beside the best log-likelihood
    known: beside that of a hopeless point (-1e20) any gradient looks like round-off.
    """
    case, objective = compiled
    x = objective.free(natural)
    low, high = objective.bounds.T
    held = np.zeros((0, objective.size)) if still is None else still
    free = np.linalg.qr(held.T, mode="complete")[0][:, len(held) :]
    for _ in range(50):
        gradient = free.T @ objective.value_and_gradient(x)[1]
        hessian = free.T @ objective.hessian(x) @ free
        if not (np.isfinite(gradient).all() and np.isfinite(hessian).all()):
            return None
        step = -free @ np.linalg.pinv(hessian, rcond=1e-9, hermitian=True) @ gradient
        if np.abs(step).max(initial=0.0) > 0.5:
            return None
        x = np.clip(x + step, low, high)
        if np.abs(step).max(initial=0.0) < 1e-9:
            found = objective.natural(x)
            stationary = np.abs(gradient).max(initial=0.0) <= no_gradient(best)
            return {name: found[name] for name in case.labels} if stationary else None
    return None
