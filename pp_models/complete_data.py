"""What each step of an EM must give, derived from a PyMC model by automatic differentiation.

A model built with `hooks=True` names the log joint probability of every observation with every latent
state, `log_joint` (J, K), and the frequency of every observation, `row_frequency` (J,). With

    l_j = log sum_k exp(log_joint_jk),    log L = sum_j f_j l_j

the responsibility of state k for observation j is  d l_j / d log_joint_jk,  and the expected complete-data
log-likelihood of new parameters is  Q(new | old) = sum_jk f_j responsibility_jk(old) log_joint_jk(new).
No E-step is written by hand. Further hooks (`log_weight`, `logit`) are zeros added to intermediate values,
by which log L can be differentiated as well: d log L / d log_weight_k is an expected count.

Where the latent part is continuous, the model names instead the `coefficient` (K,) of each sufficient statistic
of the complete data, log p(complete data) = sum_k coefficient_k S_k + const, and adds to it, under the integral
over what is latent, the zeros `tilt` (K,). Then  E(S_k | data) = d log L / d tilt_k  and
Q(new | old) = sum_k E(S_k | data, old) coefficient_k(new). Finitely many states are the special case in which
S_jk is how often observation j was in state k.

What an EM adds up in its E-step are sums of these, by name (`name_count`): Q = sum over names of count times
coefficient + what depends on no count (`constant`). Zeros added to each coefficient, `tilted`, say which sums: the
expected count is the derivative of  sum_jk f_j responsibility_jk tilted_jk  by them, and the score of given counts
is the gradient of Q.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt

from pp_models.log_sum_exp import log_sum_exp
from pp_models.objective import Array, Objective

COEFFICIENT_OF, ZEROS_BESIDE = "coefficient of ", "zeros beside the coefficient of "


def name_count(name: str, coefficient: Any, shape: tuple[int, ...]) -> Any:
    """Name a kind of expected count in the model at hand: its coefficient in Q, and zeros beside that.

    Parameters
    ----------
    name : str
    coefficient : tensor
        Of this shape.
    shape : tuple
        Of the count.

    Returns
    -------
    tensor
        Zeros, to be multiplied in `tilted` by how often each row is counted in each state.
    """
    pm.Deterministic(f"{COEFFICIENT_OF}{name}", pt.as_tensor(coefficient))
    # Data may change their shape, and do not broadcast unless they say that they will not.
    return pt.specify_shape(pm.Data(f"{ZEROS_BESIDE}{name}", np.zeros(shape)), shape)


@dataclass(frozen=True, eq=False)
class CompleteData:
    """Expected complete-data quantities of a model with hooks.

    Parameters
    ----------
    objective : Objective
        Of a model built with `hooks=True`.
    """

    objective: Objective

    @cached_property
    def frequencies(self) -> Array:
        """Frequency of every observation (J,)."""
        return np.asarray(self.objective.model["row_frequency"].get_value(), dtype=float)

    @property
    def states(self) -> bool:
        """Whether what is latent has finitely many states."""
        return not self._tilted

    @property
    def rows(self) -> float:
        """How many observations there are: the frequencies added up."""
        return float(self.objective.frequencies.sum())

    def expected_statistics(self, x: Array) -> Array:
        """Frequency times responsibility, (J, K); or E(S_k | data), (K,); at free parameters x."""
        if self._tilted:
            return np.asarray(self._by_tilt(x))
        return self.frequencies[:, None] * self.responsibilities(x)

    def responsibilities(self, x: Array) -> Array:
        """Posterior probability of every latent state, (J, K), at free parameters x."""
        return np.asarray(self._responsibilities(x))

    def log_joint(self, x: Array) -> Array:
        """Log probability of every observation with every latent state, (J, K), at free parameters x."""
        return np.asarray(self._log_joint(x))

    def expected_log_joint(self, x: Array, weighted: Array) -> tuple[float, Array]:
        """Q at free parameters x and its gradient; `weighted` is what `expected_statistics` gave."""
        value, gradient = self._expected_log_joint(x, weighted)
        return float(value), np.asarray(gradient)

    def hessian_times(self, x: Array, weighted: Array, direction: Array) -> Array:
        """Hessian of Q times a direction."""
        return np.asarray(self._hessian_times(x, weighted, direction))

    def hessian_of_q(self, x: Array, weighted: Array) -> Array:
        """Hessian of Q (plus log prior)."""
        rows = np.stack([self.hessian_times(x, weighted, row) for row in np.eye(len(x))])
        return (rows + rows.T) / 2 + self.prior_hessian(x)

    def counts(self, weighted: Array) -> dict[str, Array]:
        """Expected counts by name, from frequency times responsibility, (J, K), or from E(S_k | data), (K,)."""
        names, differentiated = self._counts
        return dict(zip(names, map(np.asarray, differentiated(weighted)), strict=True))

    def score(self, counts: Mapping[str, Array], x: Array) -> Array:
        """Gradient of Q at free parameters x, without prior, that counts by name give.

        Raises
        ------
        KeyError
            If a count that Q depends on is missing.
        """
        names, differentiated = self._score
        return np.asarray(differentiated(x, *(np.asarray(counts[name], dtype=float) for name in names)))

    def prior_gradient(self, x: Array) -> Array:
        """Gradient of the log prior; 0 where there is none."""
        return np.asarray(self._prior(x)[0]) if self.objective.with_prior else np.zeros_like(x)

    def prior_hessian(self, x: Array) -> Array:
        """Hessian of the log prior; 0 where there is none."""
        return np.asarray(self._prior(x)[1]) if self.objective.with_prior else np.zeros((len(x), len(x)))

    def log_likelihood_by(self, hook: str, x: Array) -> Array:
        """Gradient of the log-likelihood by a hook."""
        joint, flat = self._joint
        total = pt.dot(self.frequencies, log_sum_exp(joint))
        gradient = pytensor.grad(total, self.objective.model[hook])
        return np.asarray(self.objective.compile([flat], gradient)(x))

    @property
    def _tilted(self) -> bool:
        return "tilt" in self.objective.model

    @cached_property
    def _joint(self) -> tuple[Any, Any]:
        """The log joint, or the coefficients, and the flat input that they depend on."""
        model = self.objective.model
        return self._flat(model.replace_rvs_by_values([model["coefficient" if self._tilted else "log_joint"]]))

    @cached_property
    def _by_tilt(self) -> Callable[..., Any]:
        model = self.objective.model
        log_likelihood, flat = self._flat([model.datalogp])
        return self.objective.compile([flat], pytensor.grad(log_likelihood, model["tilt"]))

    def _flat(self, graphs: list[Any]) -> tuple[Any, Any]:
        """A graph as a function of the flat input."""
        (graph,), flat = self.objective.of_flat_input(graphs)
        return graph, flat

    @cached_property
    def _prior(self) -> Callable[..., Any]:
        prior, flat = self._flat([self.objective.model.varlogp_nojac])
        gradient = pytensor.grad(prior, flat)
        hessian = pytensor.gradient.jacobian(gradient, flat, vectorize=True)
        return self.objective.compile([flat], [gradient, hessian])

    @cached_property
    def _log_joint(self) -> Callable[..., Any]:
        joint, flat = self._joint
        return self.objective.compile([flat], joint)

    @cached_property
    def _responsibilities(self) -> Callable[..., Any]:
        entry = pt.matrix("entry")
        by_entry = pytensor.grad(pt.sum(log_sum_exp(entry)), entry)
        differentiated = self.objective.compile([entry], by_entry)
        return lambda x: differentiated(self._log_joint(x))

    @cached_property
    def _q(self) -> tuple[Any, Any, Any]:
        joint, flat = self._joint
        weighted = joint.type("weighted")
        # A state without responsibility does not count, even where its log joint is minus infinity.
        return pt.sum(pt.switch(pt.neq(weighted, 0), weighted * joint, 0.0)), flat, weighted

    @cached_property
    def _expected_log_joint(self) -> Callable[..., Any]:
        q, flat, weighted = self._q
        return self.objective.compile([flat, weighted], [q, pytensor.grad(q, flat)])

    def _named(self, prefix: str) -> dict[str, Any]:
        """Variables of the model by what follows the prefix in their name."""
        found = self.objective.model.named_vars.items()
        return {name.removeprefix(prefix): variable for name, variable in found if name.startswith(prefix)}

    @cached_property
    def _counts(self) -> tuple[list[str], Callable[..., Any]]:
        tilted, zeros = self.objective.model["tilted"], self._named(ZEROS_BESIDE)
        weighted = tilted.type("weighted")
        gradients = pytensor.grad(pt.sum(weighted * tilted), list(zeros.values()))
        return list(zeros), self.objective.compile([weighted], gradients)

    @cached_property
    def _score(self) -> tuple[list[str], Callable[..., Any]]:
        model, named = self.objective.model, self._named(COEFFICIENT_OF)
        rest = model["constant"] if "constant" in model else pt.zeros(())
        graphs, flat = self.objective.of_flat_input(model.replace_rvs_by_values([*named.values(), rest]))
        *coefficients, constant = graphs
        counts = [pt.tensor(dtype="float64", shape=(None,) * coefficient.ndim) for coefficient in coefficients]
        q = constant + sum(pt.sum(count * by) for count, by in zip(counts, coefficients, strict=True))
        return list(named), self.objective.compile([flat, *counts], pytensor.grad(q, flat))

    @cached_property
    def _hessian_times(self) -> Callable[..., Any]:
        q, flat, weighted = self._q
        direction = pt.vector("direction")
        product = pytensor.grad(pt.dot(pytensor.grad(q, flat), direction), flat, disconnected_inputs="ignore")
        return self.objective.compile([flat, weighted, direction], product)


def name_responsibilities(model: Any, shape: tuple[int, ...]) -> None:
    """Add to a model that names its `log_joint` (J, K) what the steps of its EM are derived from.

    Its only expected counts are the responsibilities, times the frequency of each row: `row_frequency` where the model
    has it, else 1. Does nothing the second time.
    """
    if "tilted" in model:
        return
    with model:
        if "row_frequency" not in model:
            pm.Data("row_frequency", np.ones(shape[0]))
        pm.Deterministic("tilted", name_count("responsibilities", model["log_joint"], shape))
