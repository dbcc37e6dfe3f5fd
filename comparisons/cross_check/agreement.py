"""How far two sets of estimates agree: absolute difference, standard errors, matching digits."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from comparisons.case import Array, Case, Natural
from pp_models.objective import Objective

# More digits than a double holds cannot match.
MOST_DIGITS = 15.95
NEXT_TO_ZERO = 1e-8
# Information, scaled to a diagonal of ones, below which a direction carries none.
FLAT = 1e-9
# A parameter that lies in such a direction with more than this share of its length (squared) has no standard error.
SHARE = 1e-6
# Standard errors at two places on a ridge are the same when they differ by less than this share.
ALIKE = 1e-4


def matching_digits(value: Array, reference: Array, unit: Array | float = 1.0) -> Array:
    """Log relative error, -log10(|value - reference| / |reference|), between 0 and 15.95.

    Next to 0 (below 1e-8 of the unit) a relative error means nothing and the absolute error, in units, is used
    (McCullough 1998, The American Statistician 52, 358-366, for a reference of exactly 0).
    """
    value, reference = np.asarray(value, dtype=float), np.asarray(reference, dtype=float)
    scale = np.where(np.abs(reference) < NEXT_TO_ZERO * unit, unit, np.abs(reference))
    error = np.abs(value - reference) / scale
    with np.errstate(divide="ignore", invalid="ignore"):
        digits = -np.log10(error)
    return np.clip(np.where(error == 0, MOST_DIGITS, digits), 0.0, MOST_DIGITS)


def standard_errors(case: Case, objective: Objective, natural: Natural, held: Sequence[str] = ()) -> Array:
    """Standard errors of the natural parameters from PyMC's observed information, in the order of `flat`.

    The information of the free parameters is inverted and carried over by the delta method, J I^-1 J', those of the
    model in which the parameters `held` are known. A parameter that moves along a direction without information has
    none: infinite.
    """
    x = objective.free(natural)
    basis, jacobian = _moves(case, objective, x, held)
    information = -basis.T @ objective.hessian(x) @ basis
    scale = np.sqrt(np.abs(np.diag(information)))
    speaks = scale > FLAT * scale.max(initial=np.finfo(float).tiny)
    inverse, silent = _inverse(information[np.ix_(speaks, speaks)], scale[speaks], FLAT)
    variance = np.einsum("pf,fg,pg->p", jacobian[:, speaks], inverse, jacobian[:, speaks])
    lost = _share(jacobian[:, speaks], silent) + (jacobian[:, ~speaks] ** 2).sum(axis=1)
    total = np.maximum((jacobian**2).sum(axis=1), np.finfo(float).tiny)
    errors = np.where(lost > SHARE * total, np.inf, np.sqrt(np.maximum(variance, 0.0)))
    return np.where(np.isin(case.parameter_names(), held), np.nan, errors)


def varying_errors(case: Case, objective: Objective, places: Sequence[Natural], held: Sequence[str] = ()) -> set[str]:
    """Parameters whose standard error is not the same at all of some places that are equally likely.

    On a ridge a parameter may be identified and its error still depend on the place: where two components have
    merged, on how much weight each happens to have.
    """
    errors = np.stack([standard_errors(case, objective, place, held) for place in places])
    with np.errstate(invalid="ignore"):
        alike = np.abs(errors - errors[0]) <= ALIKE * errors[0]
    names = case.parameter_names()
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


def _moves(case: Case, objective: Objective, x: Array, held: Sequence[str]) -> tuple[Array, Array]:
    """Directions (size, F) of the free parameters that leave what is held as it is, and what they do to the natural.

    Returns
    -------
    basis : array (size, F)
    jacobian : array (P, F)
        Derivative of the natural parameters, in the order of `flat`, along the basis.
    """
    blocks = dict(zip(objective.names, _blocks(objective, objective.natural_jacobian(x)), strict=True))
    by_name = {name: blocks[name] for name in case.labels}
    jacobian = np.concatenate(list(by_name.values()))
    free = np.ones(objective.size, dtype=bool)
    rows = []
    for name, labels in case.labels.items():
        for index, label in enumerate(labels):
            if f"{name}[{label}]" not in held:
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
    sizes = [int(np.prod(objective.shapes[name], dtype=int)) for name in objective.names]
    return np.split(jacobian, np.cumsum(sizes)[:-1])


def estimates_table(
    case: Case,
    em: Natural,
    pymc: Natural,
    em_errors: Array,
    pymc_errors: Array,
    not_identified: tuple[str, ...],
    no_error: Mapping[str, str],
) -> pd.DataFrame:
    """Estimates of both legs, one row per scalar parameter.

    Columns: parameter, em, pymc, em_se, pymc_se, difference (absolute), in_se (difference in standard
    errors), digits (matching digits), identified, no_se (why there is no standard error; empty where there is).
    `no_error` says so for some parameters; neither side then shows one.
    """
    names = case.parameter_names()
    one, other = case.flat(em), case.flat(pymc)
    difference = np.abs(one - other)
    identified = ~np.isin(names, not_identified)
    why = [no_error.get(name, "") for name in names]
    shown = np.array([not reason for reason in why])
    em_errors, pymc_errors = np.where(shown, em_errors, np.nan), np.where(shown, pymc_errors, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        in_se = np.where(np.isfinite(pymc_errors) & (pymc_errors > 0), difference / pymc_errors, np.nan)
    return pd.DataFrame(
        {
            "parameter": names,
            "em": one,
            "pymc": other,
            "em_se": em_errors,
            "pymc_se": pymc_errors,
            "difference": difference,
            "in_se": in_se,
            "digits": matching_digits(one, other, case.unit),
            "identified": identified,
            "no_se": why,
        }
    )
