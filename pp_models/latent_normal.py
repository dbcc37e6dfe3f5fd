"""What an EM of a normal mixture counts, named in its PyMC model; see `pp_models.complete_data`.

The complete-data log-likelihood of a row x of component k is linear in 1, x and x x':

    log w_k N(x | m_k, Sigma_k) = c_k + b_k' x + x' A_k x,      A_k = -Sigma_k^-1 / 2,   b_k = Sigma_k^-1 m_k,
    c_k = log w_k - m_k' Sigma_k^-1 m_k / 2 - log |2 pi Sigma_k| / 2

Where all entries are seen, the latent states are the components alone. Where some are missing, they are latent too,
and what their integral depends on are these coefficients: with h = b_m + 2 A_mo x_o,

    log int exp(c + b' x + x' A x) dx_m = c + b_o' x_o + x_o' A_oo x_o - h' A_mm^-1 h / 4 - log |-A_mm / pi| / 2

Zeros added to them (`tilt`) give the expected sums by differentiation.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pymc as pm
import pytensor.tensor as pt
from pytensor.gradient import disconnected_grad

from pp_models.complete_data import name_count

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Statistics:
    """Coefficients of the statistics of a mixture in the model at hand.

    Parameters
    ----------
    weight : tensor (K,)
    means : tensor (K, D)
    spread : tensor
        Covariance matrices (K, D, D) or (1, D, D), or variances (K, D), (K, 1) or (1, 1): 1 where they are the same
        for all components or variables.
    shape : tuple
        Of the same as a parameter, and of the count `squares`.
    """

    weight: Any
    means: Any
    spread: Any
    shape: tuple[int, ...]

    @property
    def inverse(self) -> Any:
        """Inverses of the matrices or variances."""
        return pt.linalg.inv(self.spread) if self.spread.ndim == 3 else 1 / self.spread

    @property
    def coefficients(self) -> tuple[Any, Any, Any]:
        """c (K,), b (K, D) and A (K, D, D)."""
        precision = self._matrices(self.inverse)
        linear = (precision * self.means[:, None, :]).sum(axis=-1)
        normed = pt.linalg.slogdet(precision / (2 * np.pi))[1] - (self.means * linear).sum(axis=-1)
        return pt.log(self.weight) + normed / 2, linear, -precision / 2

    def named(self) -> tuple[Any, Any, Any]:
        """Zeros by which the counts `observations`, `sums` and `squares` are told, as the coefficients."""
        one, linear, _ = self.coefficients
        components, size = self.means.type.shape
        shape = (components,) if size == 1 else (components, size)
        ones = name_count("observations", one, (components,))
        sums = name_count("sums", pt.reshape(linear, shape), shape)
        squares = name_count("squares", -pt.reshape(self.inverse, self.shape) / 2, self.shape)
        own = pt.reshape(squares, self.spread.type.shape)
        return ones, pt.reshape(sums, (components, size)), self._matrices(own)

    def _matrices(self, values: Any) -> Any:
        components, size = self.means.type.shape
        whole = values if values.ndim == 3 else values[:, :, None] * np.eye(size)
        return pt.broadcast_to(whole, (components, size, size))


def name_states(table: Array, repeats: Array, statistics: Statistics, log_density: Any) -> None:
    """Of rows without missing entries: the log joint densities (J, K), from the log densities, and what is counted."""
    components, size = statistics.means.type.shape
    pm.Deterministic("log_joint", pt.log(statistics.weight) + log_density)
    pm.Data("row_frequency", repeats)
    ones, sums, squares = statistics.named()
    products = (table[:, :, None] * table[:, None, :]).reshape(len(table), -1)
    by_product = pt.dot(products, pt.reshape(squares, (components, size**2)).T)
    pm.Deterministic("tilted", ones + pt.dot(table, sums.T) + by_product)


def name_tilt(statistics: Statistics) -> tuple[Any, Any, Any]:
    """Of rows with missing entries: coefficients that are tilted, for `tilted_away`."""
    pm.Deterministic("tilted", _row(statistics.named()))
    coefficient = pm.Deterministic("coefficient", _row(statistics.coefficients))
    components, size = statistics.means.type.shape
    tilt = pm.Data("tilt", np.zeros(components * (1 + size + size**2)))
    one, linear, square = pt.split(
        disconnected_grad(coefficient) + tilt, np.array([1, size, size**2]) * components, n_splits=3
    )
    shape = (components, size)
    return one, pt.reshape(linear, shape), pt.reshape(square, (*shape, size))


def tilted_away(given: Array, seen: npt.NDArray[np.bool_], coefficients: tuple[Any, Any, Any]) -> Any:
    """Zeros (J,), whose derivative by the tilt are the expected statistics of rows (J, D_o)."""
    one, linear, square = coefficients
    some, rest = np.flatnonzero(seen), np.flatnonzero(~seen)
    joint = one + pt.dot(given, linear[:, some].T)
    products = (given[:, :, None] * given[:, None, :]).reshape(len(given), -1)
    joint += pt.dot(products, pt.reshape(square[:, some][:, :, some], (one.shape[0], len(some) ** 2)).T)
    if len(rest):
        both = square + pt.swapaxes(square, 1, 2)
        curved = -both[:, rest][:, :, rest]
        pull = linear[:, None, rest] + pt.matmul(given, both[:, some][:, :, rest])
        bent = (pt.matmul(pull, pt.linalg.inv(curved)) * pull).sum(axis=-1).T / 2
        joint += bent - pt.linalg.slogdet(curved / (2 * np.pi))[1] / 2
    tilted = pt.logsumexp(joint, axis=1)
    return tilted - disconnected_grad(tilted)


def _row(parts: tuple[Any, ...]) -> Any:
    return pt.concatenate([pt.flatten(part) for part in parts])
