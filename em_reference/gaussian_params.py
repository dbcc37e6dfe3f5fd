"""Parameters of a mixture of normal distributions, and what its E-step counts; see `em_reference.gaussian_mixture`."""

from typing import NamedTuple

import numpy as np

from em_reference.layout import Array
from em_reference.normal_density import Moments


class GaussianParams(NamedTuple):
    """Parameters; `...` are the leading axes.

    Attributes
    ----------
    weight : array (..., K)
        Mixture weights, add up to 1.
    mean : array (..., K, D)
        Of each component; (..., K) of one variable.
    covariance : array
        Matrices (..., K, D, D), tied (..., D, D); variances (..., K, D) if "diag", (..., K) if "spherical". Of one
        variable variances (..., K), tied (..., 1).
    """

    weight: Array
    mean: Array
    covariance: Array


class GaussianCounts(NamedTuple):
    """Expected counts of the complete data, sums of deviations from `center`.

    Attributes
    ----------
    observations : array (..., K)
        n_k, the expected number of rows of each component.
    sums : array (..., K, D)
        s_k; (..., K) of one variable.
    squares : array
        T_k as far as the structure needs it, of the shape of `covariance`: products of all pairs of variables,
        squares of each ("diag"), or their sum over the variables ("spherical"); tied, summed over the components.
    center : array
        Of the shape of `sums`: `GaussianMixture.about`, or the means of the E-step.
    """

    observations: Array
    sums: Array
    squares: Array
    center: Array


def shifted(moments: Moments, by: Array) -> Array:
    """Sums of products (..., K, D, D) once every deviation has grown by `by`, (..., K, D)."""
    cross = moments.sums[..., :, None] * by[..., None, :]
    both = moments.observations[..., None, None] * by[..., :, None] * by[..., None, :]
    return np.asarray(moments.products + cross + np.swapaxes(cross, -1, -2) + both)
