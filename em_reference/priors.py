"""Prior densities of the EM, for maximum a posteriori estimation.

Every density is normalised and taken with respect to the parameter in its natural units (no Jacobian
of a transformation), so that its maximum is the mode that a textbook means.
"""

from typing import NamedTuple, Protocol

import numpy as np
from scipy.special import betaln, gammaln, xlog1py, xlogy

from em_reference.layout import Array


class ScalarPrior(Protocol):
    """Prior of one real parameter, with the derivatives that a Newton step needs."""

    def log_density(self, x: Array) -> Array:
        """Log density, elementwise; -inf outside the support."""
        ...

    def slope(self, x: Array) -> Array:
        """First derivative of the log density."""
        ...

    def curvature(self, x: Array) -> Array:
        """Second derivative of the log density."""
        ...


class Normal(NamedTuple):
    """Normal(mean, sd)."""

    mean: float
    sd: float

    def log_density(self, x: Array) -> Array:
        """-(x - mean)^2 / (2 sd^2) - log(sd sqrt(2 pi))."""
        return -0.5 * ((x - self.mean) / self.sd) ** 2 - np.log(self.sd * np.sqrt(2 * np.pi))

    def slope(self, x: Array) -> Array:
        """-(x - mean) / sd^2."""
        return -(x - self.mean) / self.sd**2

    def curvature(self, x: Array) -> Array:
        """-1 / sd^2."""
        return np.full_like(x, -1 / self.sd**2)


class LogNormal(NamedTuple):
    """Log-normal: log x ~ Normal(mean, sd), x > 0."""

    mean: float
    sd: float

    def log_density(self, x: Array) -> Array:
        """-(log x - mean)^2 / (2 sd^2) - log(x sd sqrt(2 pi)); -inf for x <= 0."""
        inside = x > 0
        log_x = np.log(np.where(inside, x, 1.0))
        density = -0.5 * ((log_x - self.mean) / self.sd) ** 2 - log_x - np.log(self.sd * np.sqrt(2 * np.pi))
        return np.where(inside, density, -np.inf)

    def slope(self, x: Array) -> Array:
        """-(1 + (log x - mean) / sd^2) / x."""
        return -(1 + (np.log(x) - self.mean) / self.sd**2) / x

    def curvature(self, x: Array) -> Array:
        """(1 + (log x - mean - 1) / sd^2) / x^2."""
        return (1 + (np.log(x) - self.mean - 1) / self.sd**2) / x**2


class Beta(NamedTuple):
    """Beta(alpha, beta) of a probability."""

    alpha: float
    beta: float

    def log_density(self, x: Array) -> Array:
        """(alpha - 1) log x + (beta - 1) log(1 - x) - log B(alpha, beta)."""
        density: Array = xlogy(self.alpha - 1, x) + xlog1py(self.beta - 1, -x) - betaln(self.alpha, self.beta)
        return density


class Dirichlet(NamedTuple):
    """Symmetric Dirichlet(alpha, ..., alpha) of the mixture weights."""

    alpha: float

    def log_density(self, weights: Array) -> Array:
        """(alpha - 1) sum_k log w_k + log Gamma(K alpha) - K log Gamma(alpha), over the last axis."""
        size = weights.shape[-1]
        constant = gammaln(size * self.alpha) - size * gammaln(self.alpha)
        return xlogy(self.alpha - 1, weights).sum(axis=-1) + constant
