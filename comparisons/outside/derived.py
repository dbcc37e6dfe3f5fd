"""The EM that a model with a `log_joint` implies: the exact E-step and a numerical M-step, by differentiation."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from comparisons.case import Array, InputError, Natural
from comparisons.outside.em import Built, OutsideEM, bound_em
from em_reference.em import Expectation
from pp_models.complete_data import CompleteData
from pp_models.exact_m_step import exact_m_step


def derived_em(model: Any, with_prior: bool = False) -> "DerivedEM":
    """Derive the exact EM of a PyMC model that names its `log_joint`: a third way to the maximum.

    Parameters
    ----------
    model : pymc.Model or callable () -> pymc.Model
        It names `log_joint`, a `pm.Deterministic` of observations x latent states (J, K).
    with_prior : bool
        Add the log prior to what the M-step maximises.

    Returns
    -------
    DerivedEM
        With `e_step(params)`, which gives the responsibilities (J, K) and the log-likelihood, and
        `m_step(counts, params)`: an EM for `bind`, for `check_em`, or to look at number by number.

    Raises
    ------
    InputError
        If the model names no `log_joint`.

    Examples
    --------
    >>> import numpy as np
    >>> import pymc as pm
    >>> import pytensor.tensor as pt
    >>> from comparisons import bind, crosscheck, derived_em
    >>> heads = np.array([5, 9, 8, 4, 7])
    >>> with pm.Model() as model:
    ...     bias = pm.Uniform("bias", shape=2)
    ...     coin = pm.logp(pm.Binomial.dist(n=10, p=bias, shape=(5, 2)), heads[:, None])
    ...     log_joint = pm.Deterministic("log_joint", np.log(0.5) + coin)
    ...     likelihood = pm.Potential("heads", pt.logsumexp(log_joint, axis=1))
    >>> counts, log_likelihood = derived_em(model).e_step({"bias": np.array([0.6, 0.5])})
    >>> counts["responsibilities"].round(4)
    array([[0.4491, 0.5509],
           [0.805 , 0.195 ],
           [0.7335, 0.2665],
           [0.3522, 0.6478],
           [0.6472, 0.3528]])
    >>> str(crosscheck(bind(model, derived_em(model)), 5).verdict)
    'agree'
    """
    return DerivedEM(model, with_prior)


class DerivedEM:
    """An EM read off a PyMC model that names the log joint probability of every observation with every latent state.

    With `log_joint` (J, K), and f_j how often observation j was seen (`row_frequency`, or once),

        responsibility_jk = exp(log_joint_jk) / sum_l exp(log_joint_jl),
        Q(new | old) = sum_jk f_j responsibility_jk(old) log_joint_jk(new),

    and the M-step is the maximum of Q, by its exact gradient and Hessian. Made by `derived_em`, which has an example.
    """

    def __init__(self, model: Any, with_prior: bool = False) -> None:
        self.built = model if isinstance(model, Built) else Built(model, with_prior)
        if "log_joint" not in self.built.model:
            raise InputError("the model names no log_joint: expected a pm.Deterministic, observations x latent states")

    @cached_property
    def complete(self) -> CompleteData:
        """The model's complete data."""
        return self.built.complete_data()

    def e_step(self, params: Mapping[str, Any]) -> tuple[dict[str, Array], float]:
        """Frequency times responsibility by the name `responsibilities` (J, K), and the log-likelihood."""
        x = self._free(params)
        return {"responsibilities": self.complete.expected_statistics(x)}, self.complete.objective.log_likelihood(x)

    def m_step(self, counts: Mapping[str, Array], params: Mapping[str, Any]) -> dict[str, Array]:
        """Parameters that maximise Q, climbing from the old ones."""
        found = exact_m_step(self.complete, self._free(params), np.asarray(counts["responsibilities"], dtype=float))
        return {name: found[name] for name in params}

    def __getstate__(self) -> dict[str, Any]:
        return {"built": self.built}

    def _free(self, params: Mapping[str, Any]) -> Array:
        return self.complete.objective.free({name: np.atleast_1d(values) for name, values in params.items()})


class Responsibilities(NamedTuple):
    """Expected counts of a derived EM: frequency times responsibility, (..., J, K)."""

    responsibilities: Array


@dataclass(frozen=True, eq=False)
class DerivedProblem(OutsideEM):
    """A derived EM behind the protocol of `em_reference`."""

    @property
    def derived(self) -> DerivedEM:
        """The EM."""
        em: DerivedEM = bound_em(self)
        return em

    def e_step(self, params: Any) -> Expectation:
        """Responsibilities, and the log-likelihood of these parameters."""
        points, lead = self._each(params)
        found = [self.derived.e_step(point) for point in points]
        weighted = np.stack([counts["responsibilities"] for counts, _ in found])
        values = np.array([value for _, value in found]).reshape(lead)
        priors = np.array([self._prior(point) for point in points]).reshape(lead)
        return Expectation(Responsibilities(weighted.reshape(*lead, *weighted.shape[1:])), values, priors)

    def m_step(self, expected_counts: Any, params: Any) -> Any:
        """Parameters that maximise Q."""
        points, lead = self._each(params)
        weighted = expected_counts.responsibilities.reshape(-1, *expected_counts.responsibilities.shape[-2:])
        pairs = zip(weighted, points, strict=True)
        after: list[Natural] = [self.derived.m_step({"responsibilities": rows}, point) for rows, point in pairs]
        shapes = self.built.shapes
        return self.Params(
            *(np.stack([new[name] for new in after]).reshape(*lead, *shape) for name, shape in shapes.items())
        )
