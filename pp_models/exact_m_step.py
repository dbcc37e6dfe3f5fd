"""The exact M-step of any model that names its complete data: the maximum of Q, by PyMC's gradient and Hessian."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pp_models.complete_data import CompleteData
from pp_models.maximise import maximise
from pp_models.objective import Array


@dataclass(frozen=True, eq=False)
class ExpectedLogJoint:
    """Q(new | old), plus the log prior, as something to climb; see `pp_models.complete_data`.

    Parameters
    ----------
    complete : CompleteData
    weighted : array (J, K) or (K,)
        What `CompleteData.expected_statistics` gave at the old parameters.
    """

    complete: CompleteData
    weighted: Array

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the natural parameters."""
        return self.complete.objective.names

    @property
    def bounds(self) -> Array:
        """Bounds of the free parameters."""
        return self.complete.objective.bounds

    @property
    def observations(self) -> float:
        """Number of observations."""
        return self.complete.rows

    def value_and_gradient(self, x: Array) -> tuple[Any, Array]:
        """Q and its gradient at free parameters (..., size)."""
        found = [self._at(row) for row in x.reshape(-1, x.shape[-1])]
        values = np.array([value for value, _ in found]).reshape(x.shape[:-1])
        return values[()], np.stack([gradient for _, gradient in found]).reshape(x.shape)

    def _at(self, x: Array) -> tuple[float, Array]:
        value, gradient = self.complete.expected_log_joint(x, self.weighted)
        return value + self.complete.objective.log_prior(x), gradient + self.complete.prior_gradient(x)

    def hessian(self, x: Array) -> Array:
        """Hessian of Q at free parameters (size,)."""
        return self.complete.hessian_of_q(x, self.weighted)

    def natural(self, x: Array) -> dict[str, Array]:
        """Natural parameters by name."""
        return self.complete.objective.natural(x)

    def free(self, params: Any) -> Array:
        """Free parameters of natural ones."""
        return self.complete.objective.free(params)

    def edges(self, name: str) -> tuple[Array, Array]:
        """Where the range of a natural parameter ends."""
        return self.complete.objective.edges(name)

    def unit(self, name: str) -> Array:
        """Size of a change of a natural parameter that matters."""
        return self.complete.objective.unit(name)

    def is_simplex(self, name: str) -> bool:
        """Whether a natural parameter holds weights."""
        return self.complete.objective.is_simplex(name)

    def is_bounded(self, name: str) -> bool:
        """Whether a natural parameter lives between two finite edges."""
        return self.complete.objective.is_bounded(name)


def exact_m_step(complete: CompleteData, x: Array, weighted: Array) -> dict[str, Array]:
    """Natural parameters that maximise Q, climbing from free parameters x."""
    return maximise(ExpectedLogJoint(complete, weighted), x).params
