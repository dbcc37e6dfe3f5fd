"""Refuse numbers outside the range of their parameter, whatever the data say."""

import numpy as np

from comparisons.case import Array, Case, InputError, Natural, Support, natural_of


def refuse_outside(case: Case, path: str, values: Array) -> None:
    """Probabilities from 0 to 1, variances above 0, covariance matrices that are positive definite.

    Raises
    ------
    InputError
        For the first number, or matrix, that is not.
    """
    natural = natural_of(case, values)
    for parameter in case.parameters:
        entries, expected = parameter.flat(natural[parameter.name]), ""
        if parameter.support in (Support.SIMPLEX, Support.UNIT_INTERVAL):
            bad, expected = (entries < 0) | (entries > 1), "a number from 0 to 1"
        elif parameter.support is Support.POSITIVE:
            bad, expected = entries <= 0, "a number above 0"
        elif parameter.is_matrix:
            _refuse_indefinite(parameter.name, natural, path, parameter.axes[0].labels)
        if expected and bad.any():
            place = int(bad.argmax())
            raise InputError(f"{path}: {parameter.names[place]} is {entries[place]:g}, expected {expected}")


def _refuse_indefinite(name: str, natural: Natural, path: str, labels: tuple[str, ...]) -> None:
    matrices = natural[name]
    size = matrices.shape[-1]
    for place, matrix in enumerate(matrices.reshape(-1, size, size)):
        diagonal = np.diag(matrix)
        scale = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
        if (diagonal <= 0).any() or np.linalg.eigvalsh(matrix / np.outer(scale, scale)).min() <= 0:
            which = f" of {labels[place]}" if matrices.ndim > 2 else ""
            raise InputError(f"{path}: the {name} matrix{which} is not positive definite, expected one that is")
