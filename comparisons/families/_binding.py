"""What binds EM and PyMC model to a case: names of parameters, the PyMC model, random starts.

Frozen records that are called, in place of closures: a case pickles.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar

import numpy as np

from comparisons.case import Array, Natural
from comparisons.errors import InputError
from comparisons.families._equal_rows import merged


@dataclass(frozen=True, eq=False)
class Fields:
    """Which field of an EM's parameters each natural parameter is.

    Attributes
    ----------
    params : callable
        The EM's NamedTuple.
    fields : dict of name -> field
    known : dict of field -> array (K,)
        Fields that are not estimated.
    """

    params: Callable[..., Any]
    fields: Mapping[str, str]
    known: Mapping[str, Array] = field(default_factory=dict)

    def to_em(self, natural: Natural) -> Any:
        """The EM's parameters; leading axes are kept."""
        found = {field: np.asarray(natural[name], dtype=float) for name, field in self.fields.items()}
        lead = next(iter(found.values())).shape[:-1]
        known = {field: np.broadcast_to(value, (*lead, len(value))) for field, value in self.known.items()}
        return self.params(**found, **known)

    def from_em(self, params: Any) -> Natural:
        """Natural parameters; leading axes are kept."""
        return {name: getattr(params, field) for name, field in self.fields.items()}


@dataclass(frozen=True, eq=False)
class Model:
    """The PyMC model of a family, `build` of the file of this name in `pp_models`; imported when it is called.

    Attributes
    ----------
    file : str
    given : dict of name -> value
        Arguments of `build`.
    rows : tuple of str
        Data with one entry per row of which equal ones become one, with a frequency. An audit looks at the counts of
        every row, as they were given.
    """

    file: str
    given: Mapping[str, Any]
    rows: tuple[str, ...] = ()
    # Two that are equal give the same model; see `comparisons.kept`.
    told_by_content: ClassVar[bool] = True

    def __call__(self, hooks: bool = False) -> Any:
        """Build it, with hooks for an audit.

        Raises
        ------
        InputError
            If the data ask for a sum that is too large.
        """
        from pp_models.errors import TooLargeError

        given = dict(self.given)
        if self.rows and not hooks:
            columns = [np.asarray(given[name], dtype=float) for name in self.rows]
            table, given["frequencies"] = merged(np.column_stack(columns), given["frequencies"])
            ends = np.cumsum([1 if column.ndim == 1 else column.shape[1] for column in columns])
            for name, column, part in zip(self.rows, columns, np.split(table, ends[:-1], axis=1), strict=True):
                given[name] = part[:, 0] if column.ndim == 1 else part
        try:
            return import_module(f"pp_models.{self.file}").build(**given, hooks=hooks)
        except TooLargeError as error:
            raise InputError(str(error)) from None


def simplex(rng: np.random.Generator, size: int | tuple[int, ...]) -> Array:
    """Weights, uniform over the simplex; of a shape, along its last axis."""
    *lead, last = np.atleast_1d(size)
    return rng.dirichlet(np.ones(last), tuple(lead) or None)


def probability(rng: np.random.Generator, size: int | tuple[int, ...]) -> Array:
    """Uniform between 0 and 1."""
    return rng.random(size)


def positive(rng: np.random.Generator, size: int) -> Array:
    """Around 1, by a gamma distribution of shape 2."""
    return rng.gamma(2.0, 0.5, size)


def correlation(rng: np.random.Generator, size: int) -> Array:
    """Uniform, a little inside -1 and 1."""
    return rng.uniform(-0.95, 0.95, size)


def real(rng: np.random.Generator, size: int) -> Array:
    """Standard normal."""
    return rng.normal(size=size)


def half_normal(rng: np.random.Generator, size: int) -> Array:
    """Standard normal without its sign."""
    return np.abs(rng.normal(size=size))


@dataclass(frozen=True, eq=False)
class Starts:
    """Random starts: each parameter by its support, in the units of the data.

    Attributes
    ----------
    rules : dict of name -> (rule, size)
        Drawn in this order; some of them may be known.
    fields : Fields
        Which of them are estimated.
    units, origin : dict of name -> float or array
        As of a case.
    """

    rules: Mapping[str, tuple[Callable[[np.random.Generator, int], Array], int]]
    fields: Fields
    units: Mapping[str, Any] = field(default_factory=dict)
    origin: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, rng: np.random.Generator) -> Natural:
        """Draw one."""
        drawn = {name: rule(rng, size) for name, (rule, size) in self.rules.items()}
        return {
            name: self.origin.get(name, 0.0) + self.units.get(name, 1.0) * drawn[name] for name in self.fields.fields
        }
