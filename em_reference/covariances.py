"""Covariance matrices of the components of a normal mixture: whole, diagonal, or one variance for all variables.

A structure says which numbers describe the K matrices Sigma_k of D variables, and what they become in an M-step:

    form        per component         M-step, S_k the expected scatter and n_k the expected rows of component k
    "matrix"    Sigma_k (D, D)        S_k / n_k
    "diagonal"  v_k (D,)              diag(S_k) / n_k
    "scalar"    v_k ()                trace(S_k) / (D n_k)

Pooled, the components share one matrix, and S_k and n_k are summed over them. With an inverse Wishart prior of
nu degrees of freedom and scale Psi (for a variance: the inverse gamma with shape nu / 2 and scale psi / 2, which is
the inverse Wishart of one variable) the posterior mode is (S_k + Psi) / (n_k + nu + D + 1), for variances
(s_k + psi) / (n_k + nu + 2). A floor F bounds variances from below: the maximum is then max(s_k / n_k, F).

Factors are computed for all starts at once; a matrix that is singular in double precision gives NaN, and disturbs no
other.
"""

from typing import Any, Literal, NamedTuple

import numpy as np
from scipy.special import gammaln, multigammaln

from em_reference.layout import Array

Form = Literal["matrix", "diagonal", "scalar"]
# What is left of a variance once other variables explain it: below this share of it there is none.
SINGULAR = 1e-14


class Structure(NamedTuple):
    """Which numbers describe the covariance matrices of a mixture.

    Attributes
    ----------
    components, variables : int
        K and D.
    form : {"matrix", "diagonal", "scalar"}
    pooled : bool
        One matrix for all components.
    """

    components: int
    variables: int
    form: Form
    pooled: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of these numbers, without leading axes."""
        own = {"matrix": (self.variables, self.variables), "diagonal": (self.variables,), "scalar": ()}[self.form]
        return own or (1,) if self.pooled else (self.components, *own)

    def matrices(self, values: Array) -> Array:
        """Covariance matrices (..., K, D, D), or (..., 1, D, D) of pooled ones."""
        if self.form == "matrix":
            return values[..., None, :, :] if self.pooled else values
        if self.form == "scalar":
            return values[..., None, None] * np.eye(self.variables)
        return (values[..., None, :] if self.pooled else values)[..., None] * np.eye(self.variables)

    def contracted(self, products: Array) -> Array:
        """What an M-step needs of sums of products (..., K, D, D)."""
        total = products.sum(axis=-3, keepdims=True) if self.pooled else products
        if self.form == "scalar":
            return np.asarray(np.trace(total, axis1=-2, axis2=-1))
        found = total if self.form == "matrix" else np.diagonal(total, axis1=-2, axis2=-1)
        return found.sum(axis=-3 if self.form == "matrix" else -2) if self.pooled else np.array(found)

    def rows(self, observations: Array) -> Any:
        """By how many squares each number is estimated, from expected rows (..., K); broadcasts against it."""
        total = observations.sum(axis=-1, keepdims=True) if self.pooled else observations
        if self.form == "scalar":
            return total * self.variables
        if self.form == "diagonal":
            return np.asarray(total if self.pooled else total[..., None])
        return np.asarray(total[..., None] if self.pooled else total[..., None, None])

    def positive(self, values: Array) -> Array:
        """The same numbers, those of a start NaN whose matrices are not all positive definite."""
        lead = values.shape[: values.ndim - len(self.shape)]
        good = np.isfinite(cholesky(values)) if self.form == "matrix" else values > 0
        every = good.reshape(*lead, -1).all(axis=-1)
        return np.where(every.reshape(*lead, *(1 for _ in self.shape)), values, np.nan)

    def gradient(self, values: Array, squares: Array, rows: Array) -> Array:
        """Derivative of  -rows/2 log|Sigma| - tr(Sigma^-1 squares)/2  by every number, those of a matrix as if free."""
        if self.form != "matrix":
            return np.asarray((squares / values - rows) / (2 * values))
        inverse = inverse_of(values)
        return np.asarray((inverse @ squares @ inverse - rows * inverse) / 2)

    def directions(self) -> Array:
        """Orthonormal basis of the directions in which the flattened numbers may move: matrices stay symmetric."""
        if self.form != "matrix":
            return np.eye(int(np.prod(self.shape)))
        rows, columns = np.tril_indices(self.variables)
        cells = np.zeros((len(rows), self.variables, self.variables))
        cells[np.arange(len(rows)), rows, columns] = cells[np.arange(len(rows)), columns, rows] = 1.0
        one = cells.reshape(len(rows), -1) / np.where(rows == columns, 1.0, np.sqrt(2))[:, None]
        return np.asarray(np.kron(np.eye(1 if self.pooled else self.components), one.T), dtype=float)


class CovariancePrior(NamedTuple):
    """Inverse Wishart prior of every matrix, or inverse gamma of every variance, normalised.

    Attributes
    ----------
    degrees : float
        nu; above D - 1 for matrices, above 0 for variances.
    scale : array
        Psi (D, D) of matrices, psi (D,) of diagonals, psi () of single variances.
    """

    degrees: float
    scale: Array

    def log_density(self, structure: Structure, values: Array) -> Array:
        """Sum of the log densities, (...)."""
        own = tuple(range(-len(structure.shape), 0))
        nu, size = self.degrees, structure.variables
        if structure.form != "matrix":
            shape, rate = nu / 2, np.asarray(self.scale) / 2
            density = shape * np.log(rate) - gammaln(shape) - (shape + 1) * np.log(values) - rate / values
            return np.asarray(density.sum(axis=own))
        log_determinant = 2 * _log_diagonal(cholesky(values))
        trace = np.trace(self.scale @ inverse_of(values), axis1=-2, axis2=-1)
        constant = nu / 2 * np.linalg.slogdet(self.scale)[1] - nu * size / 2 * np.log(2) - multigammaln(nu / 2, size)
        density = constant - (nu + size + 1) / 2 * log_determinant - trace / 2
        return np.asarray(density if structure.pooled else density.sum(axis=-1))

    def rows(self, structure: Structure) -> float:
        """What the prior adds to the rows in the M-step: D + nu + 1."""
        return self.degrees + (structure.variables if structure.form == "matrix" else 1) + 1


def cholesky(matrices: Array) -> Array:
    """Lower triangular factors (..., D, D); NaN where a matrix is not positive definite, to double precision."""
    factor = np.zeros_like(matrices)
    for i in range(matrices.shape[-1]):
        row = factor[..., i, :i]
        left = matrices[..., i, i] - (row * row).sum(axis=-1)
        pivot = np.sqrt(np.where(left > SINGULAR * matrices[..., i, i], left, np.nan))
        factor[..., i, i] = pivot
        below = matrices[..., i + 1 :, i] - (factor[..., i + 1 :, :i] @ row[..., None])[..., 0]
        factor[..., i + 1 :, i] = below / pivot[..., None]
    return factor


def inverse_factor(factor: Array) -> Array:
    """Inverses of lower triangular matrices (..., D, D)."""
    inverse = np.zeros_like(factor)
    for i in range(factor.shape[-1]):
        inverse[..., i, i] = 1.0
        inverse[..., i, :i] = -(factor[..., i, None, :i] @ inverse[..., :i, :i])[..., 0, :]
        inverse[..., i, : i + 1] /= factor[..., i, i, None]
    return inverse


def inverse_of(matrices: Array) -> Array:
    """Inverses of positive definite matrices (..., D, D)."""
    inverse = inverse_factor(cholesky(matrices))
    return np.asarray(np.swapaxes(inverse, -1, -2) @ inverse)


def _log_diagonal(factor: Array) -> Array:
    return np.asarray(np.log(np.diagonal(factor, axis1=-2, axis2=-1)).sum(axis=-1))
