"""An outside EM behind the protocol of `em_reference`: start by start, in natural parameters by name."""

from collections import Counter, namedtuple
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from inspect import isclass
from typing import Any

import numpy as np
import numpy.typing as npt

from comparisons.case import Array, InputError, Natural
from em_reference.em import Expectation
from pp_models.objective import Objective

# Weights that add up to 1 up to round-off.
ROUND_OFF = 1e-6


@dataclass(frozen=True, eq=False)
class OutsideEM:
    """EM problem of a user's cycle.

    Parameters
    ----------
    cycle : callable natural -> (natural, float or None)
        One EM cycle, and the log-likelihood before it where the EM tells one; else it is PyMC's.
    objective : Objective
        Knows the shapes and the supports.
    faults : Counter of str
        Where the EM failed: what was raised, or where it left the parameter space, and how often.
    """

    cycle: Callable[[Natural], tuple[Natural, float | None]]
    objective: Objective
    faults: Counter[str] = field(default_factory=Counter)

    @cached_property
    def Params(self) -> Any:  # noqa: N802 - a class
        """NamedTuple of the parameters."""
        return namedtuple("Params", list(self.objective.shapes), rename=True)

    def e_step(self, params: Any) -> Expectation:
        """The parameters after one cycle, and the log-likelihood of the ones before."""
        points, lead = self._each(params)
        after = [self._cycle(point) for point in points]
        stacked = self.Params(
            *(
                np.stack([new[name] for new, _ in after]).reshape(*lead, *shape)
                for name, shape in self.objective.shapes.items()
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
        if not all(np.isfinite(values).all() for values in natural.values()):
            return nothing, np.nan
        try:
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
        if not all(np.isfinite(values).all() for values in point.values()):
            return np.nan
        return self.objective.log_prior(self.objective.free(point))

    def _by_pymc(self, point: Natural) -> float:
        return self.objective.log_likelihood(self.objective.free(point))

    def _each(self, params: Any) -> tuple[list[Natural], tuple[int, ...]]:
        """The starts one by one, and their leading axes."""
        shapes = self.objective.shapes
        first = next(iter(shapes.values()))
        lead = np.shape(params[0])[: np.ndim(params[0]) - len(first)]
        fields = zip(shapes.items(), params, strict=True)
        rows = {name: np.reshape(field, (-1, *shape)) for (name, shape), field in fields}
        return [{name: values[i] for name, values in rows.items()} for i in range(int(np.prod(lead)))], lead


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


def cycle_of(
    em: Any, objective: Objective, single: frozenset[str]
) -> Callable[[Natural], tuple[Natural, float | None]]:
    """One cycle of an EM: a function of parameters by name, or an object with `step`, or with `e_step` and `m_step`.

    Parameters
    ----------
    em : object or callable
    objective : Objective
        Knows the shapes and the supports.
    single : frozenset of str
        Parameters that are a single number; the EM gets them as floats.

    Raises
    ------
    InputError
    """
    shapes = objective.shapes

    def given(natural: Natural) -> dict[str, Any]:
        return {name: float(values[0]) if name in single else values.copy() for name, values in natural.items()}

    def read(returned: Any) -> Natural:
        if not isinstance(returned, Mapping):
            raise InputError(f"the EM returned {type(returned).__name__}, expected a dict with {', '.join(shapes)}")
        natural = {}
        for name, shape in shapes.items():
            if name not in returned:
                raise InputError(f"the EM returned no {name!r}, expected {', '.join(shapes)}")
            values = np.atleast_1d(np.asarray(returned[name], dtype=float))
            if values.shape != shape:
                raise InputError(f"the EM returned {name!r} of shape {values.shape}, the model's is {shape}")
            natural[name] = values
        return natural

    def by_steps(natural: Natural) -> tuple[Natural, float | None]:
        counts, value = _told(em.e_step(given(natural)))
        return read(em.m_step(counts, given(natural))), value

    if isclass(em):
        raise InputError(f"the EM is the class {em.__name__}, expected an object of it, or a function")
    if callable(getattr(em, "e_step", None)) and callable(getattr(em, "m_step", None)):
        return by_steps
    step = getattr(em, "step", em)
    if not callable(step):
        raise InputError(f"the EM is a {type(em).__name__}, expected a function, or an object with e_step and m_step")
    return lambda natural: (read(step(given(natural))), None)


def _told(returned: Any) -> tuple[Any, float | None]:
    """Expected counts and log-likelihood of an E-step; only a pair with a number in the second place is both."""
    if isinstance(returned, tuple) and not hasattr(returned, "_fields") and len(returned) == 2:
        counts, value = returned
        if np.ndim(value) == 0 and np.isreal(value):
            return counts, float(value)
    return returned, None
