"""Mixture of normal distributions in PyMC, of one variable or several, with missing entries.

weight ~ Dirichlet(alpha, ..., alpha)                    alpha = 1: flat
mean_k ~ flat
covariance_k ~ flat, or inverse Wishart(nu, Psi)         "full"; one for all components: "tied"
variance_k ~ flat, or inverse gamma(nu / 2, psi / 2)     "diag"; one for all variables: "spherical"; of one variable
x_j ~ Mixture(weight, Normal(mean_k, covariance_k))      of what is seen of a row

Rows of which the same variables are seen are one term of the log-likelihood.
"""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pymc as pm
import pytensor.tensor as pt
from pymc.distributions.transforms import Interval
from scipy.special import multigammaln

from pp_models.latent_normal import Statistics, name_states, name_tilt, tilted_away
from pp_models.matrices import LogRegression, covariance_matrix

Array = npt.NDArray[np.float64]


def build(
    values: npt.ArrayLike,
    components: int,
    covariance: Literal["full", "tied", "diag", "spherical"] = "full",
    *,
    frequencies: npt.ArrayLike | None = None,
    between: tuple[float, float] | None = None,
    weight_prior: float = 1.0,
    covariance_prior: tuple[float, npt.ArrayLike] | None = None,
    hooks: bool = False,
) -> pm.Model:
    """Model with the variables `weight` (K,), unless K = 1, `mean` (K, D), and `covariance` or `variance`.

    `covariance` is (K, D, D), tied (D, D); `variance` is (K, D) if "diag", (K,) if "spherical". Of one variable `mean`
    is (K,), `variance` (K,), tied (1,).

    Parameters
    ----------
    values : array (N,) or (N, D)
        NaN where missing. A row without any number is left out.
    components : int
        K.
    covariance : {"full", "tied", "diag", "spherical"}
    frequencies : array (N,), optional
        How often each row was seen; its log-likelihood counts that many times.
    between : (float, float), optional
        The smallest variance allowed, and one above all that occur.
    weight_prior : float
        Concentration alpha of the symmetric Dirichlet.
    covariance_prior : (float, array), optional
        nu, and Psi (D, D), psi (D,) or psi ().
    hooks : bool
        Name the intermediate values from which the steps of an EM are derived; see `pp_models.complete_data`.
    """
    table = np.asarray(values, dtype=float)
    size = 1 if table.ndim == 1 else table.shape[1]
    table = table.reshape(len(table), size)
    repeats = np.ones(len(table)) if frequencies is None else np.asarray(frequencies, dtype=float)
    used = ~np.isnan(table).all(axis=1)
    table, repeats = table[used], repeats[used]
    with pm.Model() as model:
        weight = pt.ones(1) if components == 1 else pm.Dirichlet("weight", a=np.full(components, weight_prior))
        mean = pm.Flat("mean", shape=(components,) if size == 1 else (components, size))
        means = pt.reshape(mean, (components, size))
        alike = 1 if covariance == "tied" else components
        if size > 1 and covariance in ("full", "tied"):
            shape: tuple[int, ...] = (size, size) if covariance == "tied" else (components, size, size)
            matrices = _matrices(shape, _units(table), covariance_prior)
            spread = matrices[None] if covariance == "tied" else matrices
        else:
            shape = (components, size) if covariance == "diag" and size > 1 else (alike,)
            variances = _variances(shape, between, covariance_prior)
            spread = variances if len(shape) > 1 else variances[:, None]
        statistics = Statistics(weight, means, spread, shape)
        missing = np.isnan(table).any()
        tilt = name_tilt(statistics) if hooks and missing else None
        for name, rows, seen in _patterns(table):
            given = table[rows][:, seen]
            log_density = _log_density(given, means, spread, seen)
            log_likelihood = pt.logsumexp(pt.log(weight) + log_density, axis=1)
            if tilt is not None:
                log_likelihood += tilted_away(given, seen, tilt)
            pm.Potential(name, repeats[rows] * log_likelihood)
            pm.Data(f"frequency of {name}", repeats[rows])
        if hooks and not missing:
            name_states(table, repeats, statistics, log_density)
    return model


def _variances(shape: tuple[int, ...], between: Any, prior: Any) -> Any:
    """Variances, flat, bounded or inverse gamma."""
    if prior is not None:
        degrees, scale = prior
        return pm.InverseGamma("variance", alpha=degrees / 2, beta=np.asarray(scale) / 2, shape=shape)
    if between is not None:
        middle = np.full(shape, np.sqrt(between[0] * between[1]))
        return pm.Flat("variance", shape=shape, transform=Interval(*between), initval=middle)
    return pm.HalfFlat("variance", shape=shape)


def _units(table: Array) -> Array:
    """Standard deviations of the variables; 1 where there is none."""
    found = np.nanstd(table, axis=0)
    return np.where(found > 0, found, 1.0)


def _matrices(shape: tuple[int, ...], units: Array, prior: Any) -> Any:
    """Covariance matrices, flat or inverse Wishart."""
    if prior is None:
        return covariance_matrix("covariance", shape, units)
    degrees, scale = float(prior[0]), np.asarray(prior[1], dtype=float)
    size = shape[-1]
    points = np.vstack([np.linalg.cholesky(scale).T, np.zeros(size)])
    constant = degrees / 2 * np.linalg.slogdet(scale / 2)[1] - multigammaln(degrees / 2, size)
    constant += (degrees + 1 + size) * size / 2 * np.log(2 * np.pi)

    def log_density(matrices: Any, _scale: Any) -> Any:
        """Of inverse Wishart matrices; the trace of Psi Sigma^-1 and the determinant as normal densities have them.

        With C C' = Psi it is a sum of log N(c_d | 0, Sigma) over the columns c_d of C, and log N(0 | 0, Sigma).
        """
        normal = pm.MvNormal.dist(np.zeros(size), cov=matrices[..., None, :, :])
        by_point = pm.logp(normal, points)
        return constant + by_point[..., :-1].sum(axis=-1) + (degrees + 1) * by_point[..., -1]

    return pm.CustomDist(
        "covariance",
        scale,
        logp=log_density,
        signature="(d,d)->(d,d)",
        shape=shape,
        transform=LogRegression(units),
        initval=np.broadcast_to(np.eye(size), shape).copy(),
    )


def _patterns(table: Array) -> list[tuple[str, Any, Any]]:
    """Names and places of the rows of which the same variables were seen, and which variables these are."""
    there, found = ~np.isnan(table), []
    for seen in np.unique(there, axis=0)[::-1]:
        only = ", ".join(str(place + 1) for place in np.flatnonzero(seen))
        found.append(("rows" if seen.all() else f"rows of {only} alone", (there == seen).all(axis=1), seen))
    return found


def _log_density(given: Array, means: Any, spread: Any, seen: npt.NDArray[np.bool_]) -> Any:
    """Log densities (J, K) of the variables that were seen, (J, D_o)."""
    some = np.flatnonzero(seen)
    if spread.ndim == 2:
        variances = pt.broadcast_to(spread, means.type.shape)[:, some]
        return pm.logp(pm.Normal.dist(means[:, some], pt.sqrt(variances)), given[:, None, :]).sum(axis=-1)
    if seen.all():
        return pm.logp(pm.MvNormal.dist(means, cov=spread), given[:, None, :])
    return _one_after_another(given, means[:, some], spread[:, some][:, :, some])


def _one_after_another(given: Array, means: Any, matrices: Any) -> Any:
    """Log densities (J, K) of some of the variables: each normal given the ones before it.

    With L L' the covariance matrix and L y = x - mean, the variable i is normal around mean_i + sum_(j < i) L_ij y_j
    with standard deviation L_ii.
    """
    size = given.shape[1]
    rows: list[list[Any]] = []
    scaled: list[Any] = []
    log_density: Any = 0.0
    for i in range(size):
        row: list[Any] = []
        for j in range(i):
            known = sum(row[m] * rows[j][m] for m in range(j))
            row.append((matrices[:, i, j] - known) / rows[j][j])
        row.append(pt.sqrt(matrices[:, i, i] - sum(entry**2 for entry in row)))
        rows.append(row)
        expected = means[:, i] + sum(entry * y for entry, y in zip(row, scaled, strict=False))
        log_density = log_density + pm.logp(pm.Normal.dist(expected, row[i]), given[:, i, None])
        scaled.append((given[:, i, None] - expected) / row[i])
    return log_density
