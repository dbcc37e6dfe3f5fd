"""An outside EM behind the protocol of `em_reference`: start by start, in natural parameters by name."""

import pickle
from collections import Counter, namedtuple
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from inspect import isclass, signature
from typing import Any

import cloudpickle
import numpy as np
import numpy.typing as npt

from comparisons.case import Array, Natural
from comparisons.errors import InputError, Trouble
from comparisons.parameters import Parameter, WithParameters
from comparisons.reading.returned import Codec, codec_of, told_params, unpacked
from em_reference.em import Expectation
from pp_models.complete_data import CompleteData, name_responsibilities
from pp_models.objective import Objective

# Weights that add up to 1 up to round-off.
ROUND_OFF = 1e-6


@dataclass(frozen=True, eq=False)
class Built:
    """A PyMC model, or the function that builds it: called, it gives the model.

    It pickles as the function, or as the model itself; what is compiled is compiled again where it arrives.

    Parameters
    ----------
    source : pymc.Model or callable () -> pymc.Model
    with_prior : bool
    """

    source: Any
    with_prior: bool

    def __call__(self, hooks: bool = False) -> Any:
        """The model, built once; with hooks where it names its `log_joint`, see `pp_models.complete_data`."""
        if hooks and "log_joint" in self.model:
            name_responsibilities(self.model, self._shape_of_log_joint)
        return self.model

    @cached_property
    def _shape_of_log_joint(self) -> tuple[int, ...]:
        graphs, x = self.objective.of_flat_input(self.model.replace_rvs_by_values([self.model["log_joint"]]))
        shape: tuple[int, ...] = np.shape(self.objective.compile([x], graphs[0])(np.zeros(self.objective.size)))
        if len(shape) != 2:
            raise InputError(f"log_joint has shape {shape}, expected observations x latent states")
        return shape

    def complete_data(self) -> CompleteData:
        """What the model says of the complete data."""
        return CompleteData(Objective(self(hooks=True), self.with_prior))

    @cached_property
    def model(self) -> Any:
        """The model."""
        return self.source() if self._is_function else self.source

    @cached_property
    def objective(self) -> Objective:
        """Its compiled log-likelihood: knows the shapes and the supports."""
        return Objective(self.model, self.with_prior)

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the parameters, in the order in which the model declares them."""
        return {variable.name: self.objective.shapes[variable.name] for variable in self.model.free_RVs}

    @property
    def _is_function(self) -> bool:
        return callable(self.source) and not hasattr(self.source, "free_RVs")

    def __getstate__(self) -> dict[str, Any]:
        # The transforms of a model are functions of its own, which plain pickle refuses.
        return {
            "source": self.source if self._is_function else None,
            "model": None if self._is_function else cloudpickle.dumps(self.source),
            "with_prior": self.with_prior,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        model = state["model"]
        source = state["source"] if model is None else pickle.loads(model)
        self.__dict__.update(source=source, with_prior=state["with_prior"])


@dataclass(frozen=True, eq=False)
class OutsideEM:
    """EM problem of a user's cycle.

    Parameters
    ----------
    cycle : callable natural -> (natural, float or None)
        One EM cycle, and the log-likelihood before it where the EM tells one; else it is PyMC's.
    built : Built
        The model.
    faults : Counter of str
        Where the EM failed: what was raised, or where it left the parameter space, and how often.
    """

    cycle: Callable[[Natural], tuple[Natural, float | None]]
    built: Built
    faults: Counter[str] = field(default_factory=Counter)

    def __getstate__(self) -> dict[str, Any]:
        # The class of its parameters is made again where it arrives.
        return {"cycle": self.cycle, "built": self.built, "faults": self.faults}

    @property
    def objective(self) -> Objective:
        """Knows the shapes and the supports."""
        return self.built.objective

    @cached_property
    def Params(self) -> Any:  # noqa: N802 - a class
        """NamedTuple of the parameters."""
        return namedtuple("Params", list(self.built.shapes), rename=True)

    def to_em(self, natural: Natural) -> Any:
        """Natural parameters as `Params`."""
        return self.Params(*(np.asarray(natural[name], dtype=float) for name in self.built.shapes))

    def from_em(self, params: Any) -> Natural:
        """Natural parameters of `Params`."""
        return dict(zip(self.built.shapes, params, strict=True))

    def e_step(self, params: Any) -> Expectation:
        """The parameters after one cycle, and the log-likelihood of the ones before."""
        points, lead = self._each(params)
        after = [self._cycle(point) for point in points]
        stacked = self.Params(
            *(
                np.stack([new[name] for new, _ in after]).reshape(*lead, *shape)
                for name, shape in self.built.shapes.items()
            )
        )
        heights = [self._by_pymc(point) if own is None else own for point, (_, own) in zip(points, after, strict=True)]
        values = np.array(heights).reshape(lead)
        priors: Array | float = 0.0
        if self.objective.with_prior:
            priors = np.array([self._prior(point) for point in points]).reshape(lead)
        return Expectation(stacked, values, priors)

    def m_step(self, expected_counts: Any, params: Any) -> Any:
        """What the cycle gave."""
        return expected_counts

    def feasible(self, params: Any) -> npt.NDArray[np.bool_]:
        """Whether each start lies inside the supports of the model's variables."""
        points, lead = self._each(params)
        return np.array([not inside(self.objective, point) for point in points]).reshape(lead)

    def _cycle(self, natural: Natural) -> tuple[Natural, float | None]:
        """One cycle; NaN, which ends the start as not finite, where the EM fails or leaves the parameter space."""
        nothing = {name: np.full_like(values, np.nan) for name, values in natural.items()}
        if not _finite(natural):
            return nothing, np.nan
        try:
            with np.errstate(all="ignore"):
                after, value = self.cycle(natural)
        except InputError:
            raise
        except Exception as error:  # somebody else's code may raise anything
            self.faults[f"{type(error).__name__}: {error}"] += 1
            return nothing, None
        beyond = inside(self.objective, after)
        if beyond:
            self.faults[f"it returned {beyond}, outside the support"] += 1
            return nothing, value
        return after, value

    def _prior(self, point: Natural) -> float:
        """Log prior density; NaN where the start has already failed."""
        if not _finite(point):
            return np.nan
        return self.objective.log_prior(self.objective.free(point))

    def _by_pymc(self, point: Natural) -> float:
        return self.objective.log_likelihood(self.objective.free(point))

    def _each(self, params: Any) -> tuple[list[Natural], tuple[int, ...]]:
        """The starts one by one, and their leading axes."""
        shapes = self.built.shapes
        first = next(iter(shapes.values()))
        lead = np.shape(params[0])[: np.ndim(params[0]) - len(first)]
        fields = zip(shapes.items(), params, strict=True)
        rows = {name: np.reshape(field, (-1, *shape)) for (name, shape), field in fields}
        return [{name: values[i] for name, values in rows.items()} for i in range(int(np.prod(lead)))], lead


def bound_em(problem: OutsideEM) -> Any:
    """The user's EM that was bound."""
    return problem.cycle.em if isinstance(problem.cycle, Cycle) else problem.cycle


def _finite(natural: Natural) -> bool:
    return all(np.isfinite(values).all() for values in natural.values())


def inside(objective: Objective, natural: Natural) -> str:
    """The first parameter that lies outside its support, in words; empty where all lie inside."""
    for name, values in natural.items():
        low, high = objective.edges(name)
        fits = bool(np.isfinite(values).all() and (values >= low).all() and (values <= high).all())
        if fits and objective.is_simplex(name):
            fits = bool((abs(values.sum(axis=-1) - 1) <= ROUND_OFF).all())
        if fits and objective.is_matrix(name):
            fits = np.allclose(values, np.swapaxes(values, -1, -2)) and bool((np.linalg.eigvalsh(values) > 0).all())
        if not fits:
            return f"{name} = {', '.join(f'{value:.6g}' for value in values.ravel())}"
    return ""


@dataclass(frozen=True, eq=False)
class Cycle(WithParameters):
    """One cycle of an EM: natural parameters, and the log-likelihood before it where the EM tells one.

    Parameters
    ----------
    em : object or callable
        With `e_step` and `m_step`, or with `step`, or a function of parameters by name.
    built : Built
        The model: knows the shapes and the supports.
    parameters : tuple of Parameter
        Those that are a single number the EM gets as floats.
    """

    em: Any
    built: Built
    parameters: tuple[Parameter, ...]

    def __call__(self, natural: Natural) -> tuple[Natural, float | None]:
        """Run it from natural parameters.

        Raises
        ------
        InputError
            If the EM returns something else than the parameters of the model.
        """
        if in_two_steps(self.em):
            counts, value = _told(self.em.e_step(self.codec.encode(natural)))
            return self._read(self.em.m_step(counts, self.codec.encode(natural))), value
        return self._read(_act_of(self.em)(self.codec.encode(natural), **self._cut_short)), None

    @cached_property
    def _cut_short(self) -> dict[str, int]:
        """Of a fit that can be cut short, one cycle; else the whole fit, from where the last one ended."""
        return {"max_cycles": 1} if _takes_max_cycles(_act_of(self.em)) else {}

    @cached_property
    def codec(self) -> Codec:
        """How parameters go to the EM and come back."""
        return codec_of(self.em, self)

    def _read(self, returned: Any) -> Natural:
        """Parameters in whatever form; they need not be finite."""
        extra = unpacked(returned, self)
        told = told_params(extra)
        try:
            return self.codec.errors(extra if told is None else told)
        except Trouble as trouble:
            raise InputError(f"the EM {trouble}") from None


def _act_of(em: Any) -> Any:
    """What runs a cycle of an EM that is not in two steps."""
    return getattr(em, "step", None) or getattr(em, "fit", None) or em


def _takes_max_cycles(step: Any) -> bool:
    try:
        return "max_cycles" in signature(step).parameters
    except (TypeError, ValueError):
        return False


def in_two_steps(em: Any) -> bool:
    """Whether an EM is an object with `e_step` and `m_step`."""
    return callable(getattr(em, "e_step", None)) and callable(getattr(em, "m_step", None))


def cycle_of(em: Any, built: Built, parameters: tuple[Parameter, ...]) -> Cycle:
    """One cycle of an EM, as `Cycle` takes it.

    Raises
    ------
    InputError
        If it is none of its forms, or states an order with other names than those of the parameters.
    """
    if isclass(em):
        raise InputError(f"the EM is the class {em.__name__}, expected an object of it, or a function")
    if not in_two_steps(em) and not callable(_act_of(em)):
        raise InputError(f"the EM is a {type(em).__name__}, expected a function, or an object with e_step and m_step")
    cycle = Cycle(em, built, parameters)
    try:
        cycle.codec  # noqa: B018 - read once, here
    except Trouble as trouble:
        raise InputError(f"the EM: {trouble}") from None
    return cycle


def _told(returned: Any) -> tuple[Any, float | None]:
    """Expected counts and log-likelihood of an E-step; only a pair with a number in the second place is both."""
    if isinstance(returned, tuple) and not hasattr(returned, "_fields") and len(returned) == 2:
        counts, value = returned
        if np.ndim(value) == 0 and np.isreal(value):
            return counts, float(value)
    return returned, None
