"""Covariance and correlation matrices as free variables, by the logarithm of their Cholesky factor.

For a covariance matrix S = L L' with L lower triangular and a positive diagonal, the free parameters are, row by row,

    z_ij = L_ij / L_ii  (j < i),    t_i = log L_ii,

for a correlation matrix, whose rows have length 1, the z_ij alone. Another unit of a variable moves its t and nothing
else.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pymc as pm
import pytensor.tensor as pt
from pymc.logprob.transforms import Transform
from pytensor.compile.builders import OpFromGraph
from pytensor.graph.rewriting.basic import dfs_rewriter, node_rewriter
from pytensor.graph.rewriting.utils import rewrite_graph
from pytensor.tensor.blockwise import Blockwise
from pytensor.tensor.elemwise import DimShuffle
from pytensor.tensor.subtensor import AdvancedSubtensor, Subtensor

from pp_models.compilation import inlined

Array = npt.NDArray[np.float64]
# From where these classes are imported differs between versions of PyTensor.
CHOLESKY = type(pt.linalg.cholesky(pt.matrix()).owner.op.core_op)
SOLVE = type(pt.linalg.solve_triangular(pt.matrix(), pt.vector(), lower=True, b_ndim=1).owner.op.core_op)
# A variance of which others explain all but this share is explained by them, as far as doubles can tell.
SINGULAR = 1e-13
# Largest number of equations that are written out.
WRITTEN_OUT = 10


class OfFactor(OpFromGraph):
    """The matrix L L' of a lower triangular factor L with a positive diagonal, marked as such."""


def matrix_of(factor: Any) -> Any:
    """The matrices of their lower triangular factors (..., D, D)."""
    given = factor.type()
    product = (given[..., :, None, :] * given[..., None, :, :]).sum(axis=-1)
    return OfFactor([given], [product], inline=True)(factor)


def _factor_of(matrix: Any) -> Any:
    """The factor that a matrix was made of, also where it was taken from a stack or stacked; None of any other."""
    if matrix.owner is None:
        return None
    op, (first, *others) = matrix.owner.op, matrix.owner.inputs
    if isinstance(op, OfFactor):
        return first
    if isinstance(op, DimShuffle):
        whole = op.new_order[-2:] == (first.ndim - 2, first.ndim - 1)
    else:
        chosen = getattr(op, "idx_list", None) or others
        whole = isinstance(op, Subtensor | AdvancedSubtensor) and len(chosen) <= first.ndim - 2
    factor = _factor_of(first) if whole else None
    return None if factor is None else op.make_node(factor, *others).outputs[0]


@node_rewriter([Blockwise])
def _known_factor(_fgraph: Any, node: Any) -> Any:
    """The Cholesky factor of a matrix that was made of it."""
    if not isinstance(node.op.core_op, CHOLESKY) or not node.op.core_op.lower:
        return None
    factor = _factor_of(node.inputs[0])
    return None if factor is None else [factor]


@node_rewriter([Blockwise])
def _substituted(_fgraph: Any, node: Any) -> Any:
    """The solution y of L y = b by forward substitution, y_i = (b_i - sum_(j < i) L_ij y_j) / L_ii, written out."""
    op = node.op.core_op
    if not isinstance(op, SOLVE) or not op.lower or op.unit_diagonal or op.b_ndim != 1:
        return None
    factor, right = node.inputs
    size = factor.type.shape[-1]
    if size is None or size > WRITTEN_OUT:
        return None
    solution: list[Any] = []
    for i in range(size):
        known = sum(factor[..., i, j] * y for j, y in enumerate(solution))
        solution.append((right[..., i] - known) / factor[..., i, i])
    return [node.outputs[0].type.filter_variable(pt.stack(solution, axis=-1))]


def with_known_factors(outputs: list[Any]) -> list[Any]:
    """Graphs in which no matrix is factorised whose factor is known, and no small system is solved by an operation.

    The second derivatives of both are graphs that PyTensor takes minutes to compile.
    """
    return inlined(list(rewrite_graph(outputs, include=(), custom_rewrite=dfs_rewriter(_known_factor, _substituted))))


class LogCholesky(Transform):
    """Free parameters (..., n) of matrices (..., D, D).

    Parameters
    ----------
    size : int
        D.
    correlation : bool
        A diagonal of ones: n = D (D - 1) / 2; else n = D (D + 1) / 2.
    """

    # PyMC takes the last part between underscores for the name of a transform.
    name = "logcholesky"
    ndim_supp = 2

    def __init__(self, size: int, correlation: bool = False) -> None:
        self.size, self.correlation = size, correlation
        self.rows, self.columns = np.tril_indices(size, -1 if correlation else 0)

    @property
    def on_diagonal(self) -> npt.NDArray[np.bool_]:
        """Which of the free parameters are logarithms of the diagonal, (n,)."""
        return np.asarray(self.rows == self.columns)

    def _placed(self, entries: Any) -> Any:
        """Entries (..., n) in their cells of matrices (..., D, D), zeros elsewhere."""
        cells = np.zeros((len(self.rows), self.size**2))
        cells[np.arange(len(self.rows)), self.rows * self.size + self.columns] = 1.0
        shape = [*(entries.shape[i] for i in range(entries.ndim - 1)), self.size, self.size]
        return pt.reshape(pt.dot(entries, cells), shape, ndim=entries.ndim + 1)

    def forward(self, value: Any, *inputs: Any) -> Any:
        """Free parameters of matrices."""
        factor = pt.linalg.cholesky(value)
        scale = pt.sqrt((factor**2 * np.eye(self.size)).sum(axis=-1))
        ratio = factor / scale[..., None]
        entries = ratio[..., self.rows, self.columns]
        if self.correlation:
            return entries
        return pt.where(self.on_diagonal, pt.log(scale)[..., self.rows], entries)

    def backward(self, value: Any, *inputs: Any) -> Any:
        """Matrices of free parameters."""
        ratio = np.eye(self.size) + self._placed(pt.where(self.on_diagonal, 0.0, value))
        if self.correlation:
            factor = ratio / pt.sqrt((ratio**2).sum(axis=-1, keepdims=True))
        else:
            scale = pt.exp((self._placed(pt.where(self.on_diagonal, value, 0.0)) * np.eye(self.size)).sum(axis=-1))
            factor = ratio * scale[..., None]
        return matrix_of(factor)

    def log_jac_det(self, value: Any, *inputs: Any) -> Any:
        """Logarithm of |d(entries of the matrix) / d(free parameters)|.

        D log 2 + (D + 1) sum_i t_i for a covariance matrix; for a correlation matrix, whose rows have the factors
        (1, z) / r_i with r_i^2 = 1 + sum_j z_ij^2, -sum_i (D + 1) log r_i, i counted from the second row.
        """
        if not self.correlation:
            diagonal = pt.where(self.on_diagonal, value, 0.0).sum(axis=-1)
            return self.size * np.log(2.0) + (self.size + 1) * diagonal
        ratio = np.eye(self.size) + self._placed(value)
        return -(self.size + 1) / 2 * pt.log((ratio**2).sum(axis=-1)).sum(axis=-1)


class LogRegression(LogCholesky):
    """Free parameters of covariance matrices by the regression of each variable on those before it.

    In place of L_ij / L_ii the coefficients L_ij / L_jj, in units of the variables. On the way to a singular matrix,
    where rows lie on an oblique line, they keep their places, and only a t_i goes to minus infinity.

    Parameters
    ----------
    units : array (D,)
        Size of a change of each variable that matters.
    """

    def __init__(self, units: npt.ArrayLike) -> None:
        self.units = np.asarray(units, dtype=float)
        super().__init__(len(self.units))

    @property
    def _ratios(self) -> Array:
        """Units of the coefficients, (n,)."""
        return np.asarray(self.units[self.rows] / self.units[self.columns])

    def forward(self, value: Any, *inputs: Any) -> Any:
        """Free parameters of matrices."""
        factor = pt.linalg.cholesky(value)
        scale = pt.sqrt((factor**2 * np.eye(self.size)).sum(axis=-1))
        entries = (factor / scale[..., None, :])[..., self.rows, self.columns] / self._ratios
        return pt.where(self.on_diagonal, pt.log(scale)[..., self.rows], entries)

    def backward(self, value: Any, *inputs: Any) -> Any:
        """Matrices of free parameters."""
        coefficients = np.eye(self.size) + self._placed(pt.where(self.on_diagonal, 0.0, value * self._ratios))
        scale = pt.exp((self._placed(pt.where(self.on_diagonal, value, 0.0)) * np.eye(self.size)).sum(axis=-1))
        return matrix_of(coefficients * scale[..., None, :])

    def free(self, matrices: Array) -> Array:
        """Free parameters (..., n) in NumPy, also of matrices that are singular: t is minus infinity there."""
        scaled = matrices / np.outer(self.units, self.units)
        coefficients, left = np.zeros_like(scaled), np.zeros(scaled.shape[:-1])
        for i in range(self.size):
            row = coefficients[..., i, :i]
            for j in range(i):
                shared = (row[..., :j] * left[..., :j] * coefficients[..., j, :j]).sum(axis=-1)
                pivot = left[..., j]
                row[..., j] = np.where(pivot > 0, (scaled[..., i, j] - shared) / np.where(pivot > 0, pivot, 1.0), 0.0)
            unexplained = scaled[..., i, i] - (row**2 * left[..., :i]).sum(axis=-1)
            left[..., i] = np.where(unexplained > SINGULAR * scaled[..., i, i], unexplained, 0.0)
        with np.errstate(divide="ignore"):
            logarithms = np.log(left) / 2 + np.log(self.units)
        return np.where(self.on_diagonal, logarithms[..., self.rows], coefficients[..., self.rows, self.columns])

    def log_jac_det(self, value: Any, *inputs: Any) -> Any:
        """D log 2 + sum_i 2 (D - i + 1) t_i, i counted from 1, and the logarithms of the units."""
        weights = np.where(self.on_diagonal, 2.0 * (self.size - self.rows), 0.0)
        constant = self.size * np.log(2.0) + np.log(self._ratios).sum()
        return constant + (pt.where(self.on_diagonal, value, 0.0) * weights).sum(axis=-1)


def covariance_matrix(name: str, shape: tuple[int, ...], units: npt.ArrayLike | None = None, **options: Any) -> Any:
    """A covariance matrix, or a stack of them, with a flat prior, in the model that is being built.

    Parameters
    ----------
    name : str
    shape : tuple of int
        (..., D, D).
    units : array (D,), optional
        Size of a change of each variable that matters; with them the matrix is `LogRegression`, which follows it to
        where it is singular.
    **options
        Further arguments of the variable, `dims` for instance.

    Examples
    --------
    >>> with pm.Model() as model:  # doctest: +SKIP
    ...     covariance = covariance_matrix("covariance", (2, 2))
    ...     pm.MvNormal("pair", np.zeros(2), cov=covariance, observed=pairs)
    """
    return _flat(name, shape, LogCholesky(shape[-1]) if units is None else LogRegression(units), options)


def correlation_matrix(name: str, shape: tuple[int, ...], **options: Any) -> Any:
    """A correlation matrix, or a stack of them, with a flat prior; see `covariance_matrix`."""
    return _flat(name, shape, LogCholesky(shape[-1], correlation=True), options)


def _flat(name: str, shape: tuple[int, ...], transform: LogCholesky, options: dict[str, Any]) -> Any:
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise ValueError(f"{name!r} has the shape {shape}, expected square matrices along the last two axes")
    initial = options.pop("initval", np.broadcast_to(np.eye(shape[-1]), shape).copy())
    return pm.Flat(name, shape=shape, initval=initial, transform=transform, **options)


def log_cholesky(matrices: Array, correlation: bool = False) -> Array:
    """The free parameters (..., n) of matrices (..., D, D), in NumPy.

    Raises
    ------
    numpy.linalg.LinAlgError
        If a matrix is not positive definite.
    """
    chart = LogCholesky(matrices.shape[-1], correlation)
    factor = np.linalg.cholesky(matrices)
    scale = np.diagonal(factor, axis1=-2, axis2=-1)
    entries = (factor / scale[..., None])[..., chart.rows, chart.columns]
    return entries if correlation else np.where(chart.on_diagonal, np.log(scale)[..., chart.rows], entries)


def from_log_cholesky(free: Array, size: int, correlation: bool = False) -> Array:
    """The inverse of `log_cholesky`."""
    chart = LogCholesky(size, correlation)
    ratio = np.zeros((*free.shape[:-1], size, size)) + np.eye(size)
    ratio[..., chart.rows, chart.columns] = np.where(chart.on_diagonal, 1.0, free)
    if correlation:
        factor = ratio / np.linalg.norm(ratio, axis=-1, keepdims=True)
    else:
        factor = ratio * np.exp(free[..., chart.on_diagonal])[..., None]
    return np.asarray(factor @ np.swapaxes(factor, -1, -2))
