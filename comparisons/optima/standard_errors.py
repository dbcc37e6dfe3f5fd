"""Standard errors of the natural parameters, from PyMC's observed information."""

from collections.abc import Sequence

import numpy as np

from comparisons.case import Array, Natural
from comparisons.compiled import Compiled
from pp_models.objective import Objective

# Information, scaled to a diagonal of ones, below which a direction carries none.
FLAT = 1e-9
# A parameter that lies in such a direction with more than this share of its length (squared) has no standard error.
SHARE = 1e-6
# Standard errors at two places on a ridge are the same when they differ by less than this share.
ALIKE = 1e-4


def standard_errors(compiled: Compiled, natural: Natural, held: Sequence[str] = ()) -> Array:
    """Standard errors of the natural parameters from PyMC's observed information, in the order of `flat`.

    The information of the free parameters is inverted and carried over by the delta method, J I^-1 J', those of the
    model in which the parameters `held` are known. A parameter that moves along a direction without information has
    none: infinite.
    """
    case, objective = compiled
    x = objective.free(natural)
    basis, jacobian = _moves(compiled, x, held)
    information = -basis.T @ objective.hessian(x) @ basis
    scale = np.sqrt(np.abs(np.diag(information)))
    speaks = scale > FLAT * scale.max(initial=np.finfo(float).tiny)
    inverse, silent = _inverse(information[np.ix_(speaks, speaks)], scale[speaks], FLAT)
    variance = np.einsum("pf,fg,pg->p", jacobian[:, speaks], inverse, jacobian[:, speaks])
    lost = _share(jacobian[:, speaks], silent) + (jacobian[:, ~speaks] ** 2).sum(axis=1)
    total = np.maximum((jacobian**2).sum(axis=1), np.finfo(float).tiny)
    errors = np.where(lost > SHARE * total, np.inf, np.sqrt(np.maximum(variance, 0.0)))
    return np.where(np.isin(case.parameter_names(), held), np.nan, errors)


def varying_errors(compiled: Compiled, places: Sequence[Natural], held: Sequence[str] = ()) -> set[str]:
    """Parameters whose standard error is not the same at all of some places that are equally likely.

    On a ridge a parameter may be identified and its error still depend on the place: where two components have
    merged, on how much weight each happens to have.
    """
    errors = np.stack([standard_errors(compiled, place, held) for place in places])
    with np.errstate(invalid="ignore"):
        alike = np.abs(errors - errors[0]) <= ALIKE * errors[0]
    names = compiled.case.parameter_names()
    return {name for name, is_alike in zip(names, alike.all(axis=0), strict=True) if not is_alike} - set(held)


def _inverse(information: Array, scale: Array, flat: float) -> tuple[Array, Array]:
    """Inverse over the directions that carry information, and the others as columns."""
    if not len(scale):
        return np.zeros((0, 0)), np.zeros((0, 0))
    eigenvalues, vectors = np.linalg.eigh(information / np.outer(scale, scale))
    known = eigenvalues > flat
    directions = vectors / scale[:, None]
    inverse = (directions[:, known] / eigenvalues[known]) @ directions[:, known].T
    silent = directions[:, ~known]
    return inverse, silent / np.maximum(np.linalg.norm(silent, axis=0), np.finfo(float).tiny)


def _share(jacobian: Array, directions: Array) -> Array:
    """Squared length of every parameter's row along some directions."""
    return ((jacobian @ directions) ** 2).sum(axis=1)


def _moves(compiled: Compiled, x: Array, held: Sequence[str]) -> tuple[Array, Array]:
    """Directions (size, F) of the free parameters that leave what is held as it is, and what they do to the natural.

    Returns
    -------
    basis : array (size, F)
    jacobian : array (P, F)
        Derivative of the natural parameters, in the order of `flat`, along the basis.
    """
    case, objective = compiled
    blocks = dict(zip(objective.names, _blocks(objective, objective.natural_jacobian(x)), strict=True))
    by_name = {name: blocks[name] for name in case.labels}
    jacobian = np.concatenate(list(by_name.values()))
    free = np.ones(objective.size, dtype=bool)
    rows = []
    for name, parameter in case.by_name.items():
        for index, entry in enumerate(parameter.names):
            if entry not in held:
                continue
            if objective.is_simplex(name):
                row = by_name[name][index]
                rows.append(row / max(float(np.linalg.norm(row)), np.finfo(float).tiny))
            else:
                free[objective.places[name].start + index] = False
    basis = np.eye(objective.size)[:, free]
    if rows:
        fixed = np.stack(rows)[:, free]
        moves = np.linalg.norm(fixed, axis=0) > 0
        _, values, right = np.linalg.svd(fixed[:, moves])
        rank = int((values > np.sqrt(np.finfo(float).eps)).sum())
        basis = np.hstack([basis[:, ~moves], basis[:, moves] @ right[rank:].T])
    return basis, jacobian @ basis


def _blocks(objective: Objective, jacobian: Array) -> list[Array]:
    """Rows of the Jacobian, one block per natural parameter."""
    return np.split(jacobian, np.cumsum([objective.sizes[name] for name in objective.names])[:-1])
