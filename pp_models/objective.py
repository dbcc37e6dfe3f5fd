"""Compiled log-likelihood of a PyMC model, with gradient and Hessian, and natural <-> free parameters.

The objective is `model.datalogp` for maximum likelihood, or `model.logp(jacobian=False)` for the
posterior mode: the Jacobian term, which PyMC adds by default, would move the mode.

One flat vector x of free (unconstrained) parameters is the only input of every compiled function. Value,
gradient and Hessian are compiled for many vectors at once: the cost of a graph is the overhead of its
nodes, nearly the same for a hundred starts as for one.
Natural parameters are dicts of arrays by variable name. A value at the edge of its range is moved off it by
EDGE of the range on the way in: at the edge itself the free parameters are infinite.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pymc as pm
import pytensor
import pytensor.tensor as pt
from pymc.logprob.transforms import IntervalTransform, LogOddsTransform, LogTransform, SimplexTransform
from pymc.logprob.utils import ParameterValueError
from pymc.model.transform.conditioning import remove_value_transforms
from pytensor.compile.mode import Mode
from pytensor.graph.replace import clone_replace, vectorize_graph

from pp_models.compilation import Backend, compile_mode, inlined, untraced
from pp_models.copies import Copies, over
from pp_models.double_precision import in_double_precision
from pp_models.log_sum_exp import with_stable_sums
from pp_models.matrices import LogCholesky, LogRegression, with_known_factors
from pp_models.newton import own_units

Array = npt.NDArray[np.float64]

EDGE = 1e-12
# A positive parameter stays between 1 / LARGEST and LARGEST of its units, so that its square can be computed.
LARGEST = 1e30
# The name of a constant beside a weighted term of a model: how often each of its rows was seen.
FREQUENCY_OF = "frequency of "
# Cells that one temporary of a vectorised graph may hold.
CELLS_AT_ONCE = 1e6
# One point's second derivatives along so many times as many directions.
DIRECTIONS = 4.0
# Hessians of large data that are kept.
MOST_KEPT = 16
# Standard errors, all other parameters known, within which a known Hessian will do.
NEARBY = 1.0
# Quadrature nodes or components behind one observation, roughly: what a row of the data unfolds to.
CELLS_PER_OBSERVATION = 100


@dataclass(frozen=True, eq=False)
class Objective:
    """Log-likelihood (or log-posterior) of a PyMC model as compiled functions.

    Parameters
    ----------
    model : pymc.Model
    with_prior : bool
        Maximise log-likelihood + log prior instead of the log-likelihood.
    backend : {"fast", "default"}
        "fast" costs under a second to compile; "default" pays above some 100,000 evaluations.
    units : dict of name -> float or array
        The size that a change of a parameter has to have to matter, in the units of the data; 1 when left out.
        Parameters without bounds are measured in them, so that steps do not depend on the units of the data.
    origin : dict of name -> float or array
        Where parameters without bounds are measured from; 0 when left out.
    threads : int
        That share the work where the data are large.
    """

    model: pm.Model
    with_prior: bool = False
    backend: Backend = "fast"
    units: Mapping[str, npt.ArrayLike] = field(default_factory=dict)
    origin: Mapping[str, npt.ArrayLike] = field(default_factory=dict)
    threads: int = 1

    def __getstate__(self) -> dict[str, Any]:
        """What it was made of; compiled functions are compiled again where it arrives."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the natural parameters, in the order of the rows of `natural_jacobian`."""
        return tuple(sorted(variable.name for variable in self.model.free_RVs))

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each natural parameter; a single number is a vector of one."""
        return {name: np.shape(self._initial_natural[name]) for name in self.names}

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Number of entries of each natural parameter: of a symmetric matrix those of one triangle."""
        return {name: len(cells) for name, cells in self._cells.items()}

    @cached_property
    def _cells(self) -> dict[str, npt.NDArray[np.intp]]:
        """Which cells of the flattened natural parameter its entries are."""
        found = {}
        for name, shape in self.shapes.items():
            cells = np.arange(int(np.prod(shape))).reshape(shape)
            matrix = self._matrix(name)
            found[name] = (cells if matrix is None else cells[..., matrix.rows, matrix.columns]).ravel()
        return found

    def flat(self, natural: Mapping[str, Array]) -> Array:
        """Entries of natural parameters in a row, in the order of `names`."""
        return np.concatenate([np.ravel(natural[name])[self._cells[name]] for name in self.names])

    def split(self, entries: Array) -> dict[str, Array]:
        """The inverse of `flat` for what has one number per entry: a gradient, a small change."""
        parts = np.split(entries, np.cumsum([self.sizes[name] for name in self.names])[:-1])
        found = {}
        for name, part in zip(self.names, parts, strict=True):
            values = np.zeros(self.shapes[name])
            values.reshape(-1)[self._cells[name]] = part
            if self._matrix(name) is not None:
                values += np.swapaxes(np.tril(values, -1), -1, -2)
            found[name] = values
        return found

    @cached_property
    def size(self) -> int:
        """Number of free parameters."""
        return int(sum(np.size(value) for value in self._initial_point.values()))

    @cached_property
    def bounds(self) -> Array:
        """Bounds (size, 2) of the free parameters: a logit or log-ratio beyond log(1/EDGE) is a boundary."""
        rows = []
        for variable in self.model.free_RVs:
            value = self._initial_point[self.model.rvs_to_values[variable].name]
            limit: Array | float = np.inf
            middle = np.zeros(np.size(value))
            if self.is_bounded(variable.name):
                limit = np.log(1 / EDGE)
            elif isinstance(self._transform(variable), LogTransform):
                limit, middle = np.log(LARGEST), np.log(self.unit(variable.name)).ravel()
            matrix = self._matrix(variable.name)
            if matrix is not None and not matrix.correlation:
                scale = np.sqrt(self.unit(variable.name)[..., matrix.rows, matrix.columns])
                limit = np.broadcast_to(np.where(matrix.on_diagonal, np.log(LARGEST) / 2, np.inf), scale.shape).ravel()
                middle = np.where(matrix.on_diagonal, np.log(scale), 0.0).ravel()
            rows.append(np.column_stack([middle - limit, middle + limit]))
        return np.concatenate(rows)

    def unit(self, name: str) -> Array:
        """Size of a change of a natural parameter that matters, of its shape: 1 for what lives in an interval."""
        given = 1.0 if self.is_bounded(name) else self.units.get(name, 1.0)
        return np.broadcast_to(np.asarray(given, dtype=float), self.shapes[name])

    def edges(self, name: str) -> tuple[Array, Array]:
        """Where the range of a natural parameter ends, below and above, of its shape; infinite where it does not."""
        return self._edges[name]

    @cached_property
    def _edges(self) -> dict[str, tuple[Array, Array]]:
        edges = {}
        for variable in self.model.free_RVs:
            transform, low, high = self._transform(variable), -np.inf, np.inf
            if isinstance(transform, SimplexTransform | LogOddsTransform):
                low, high = 0.0, 1.0
            elif isinstance(transform, LogTransform):
                low = 0.0
            elif isinstance(transform, IntervalTransform):
                ends = transform.args_fn(*variable.owner.inputs)
                # A bound is a graph, a number, or None where there is none.
                low, high = (
                    end if bound is None else pt.as_tensor(bound).eval()
                    for end, bound in zip((low, high), ends, strict=True)
                )
            shape = np.shape(self._initial_natural[variable.name])
            edges[variable.name] = np.broadcast_to(low, shape), np.broadcast_to(high, shape)
        return edges

    @cached_property
    def in_natural(self) -> "Objective":
        """The same objective as a function of the natural parameters, one flat vector of them in the order of `names`.

        A log or a logit makes every gradient vanish at the edge of the range; here it does not.
        """
        return replace(self, model=remove_value_transforms(_without_initial_values(self.model)), units={}, origin={})

    def natural_gradient(self, natural: Mapping[str, Array]) -> dict[str, Array]:
        """Derivative of the objective by every natural parameter, just inside the edges; of weights as if free."""
        inside = self.natural(self.free(natural))
        _, gradient = self.in_natural.value_and_gradient(self.in_natural.free(inside))
        by_cell = self.in_natural.natural(gradient)
        for name in filter(self._matrix, self.names):
            # An entry off the diagonal stands in two cells.
            both = by_cell[name] + np.swapaxes(by_cell[name], -1, -2)
            by_cell[name] = np.where(np.eye(both.shape[-1], dtype=bool), by_cell[name], both)
        return by_cell

    @cached_property
    def places(self) -> dict[str, slice]:
        """Where each natural parameter has its free parameters; a simplex has one less than entries."""
        sizes = [np.size(self._initial_point[self.model.rvs_to_values[v].name]) for v in self.model.free_RVs]
        ends = np.cumsum([0, *sizes])
        names = (variable.name for variable in self.model.free_RVs)
        return {name: slice(int(a), int(b)) for name, a, b in zip(names, ends[:-1], ends[1:], strict=True)}

    def is_simplex(self, name: str) -> bool:
        """Whether a natural parameter holds weights that add up to 1 along its last axis."""
        return isinstance(self._transform(self.model[name]), SimplexTransform)

    def is_matrix(self, name: str) -> bool:
        """Whether a natural parameter holds covariance or correlation matrices along its last two axes."""
        return self._matrix(name) is not None

    def is_correlation(self, name: str) -> bool:
        """Whether these have a diagonal of ones."""
        matrix = self._matrix(name)
        return matrix is not None and matrix.correlation

    def _matrix(self, name: str) -> LogCholesky | None:
        transform = self._transform(self.model[name])
        return transform if isinstance(transform, LogCholesky) else None

    def is_bounded(self, name: str) -> bool:
        """Whether a natural parameter lives between two finite edges."""
        transform = self._transform(self.model[name])
        if isinstance(transform, IntervalTransform):
            return bool(np.isfinite(self.edges(name)).all())
        return isinstance(transform, SimplexTransform | LogOddsTransform)

    # ---- natural <-> free -------------------------------------------------------------------------

    def free(self, params: Mapping[str, npt.ArrayLike]) -> Array:
        """Free vector of natural parameters, clipped off the boundary.

        Raises
        ------
        ValueError
            If a parameter is missing, has another shape, is not finite or lies outside its range.
        """
        values = []
        for variable in self.model.free_RVs:
            if variable.name not in params:
                raise ValueError(f"parameter {variable.name!r} is missing; expected {', '.join(self.names)}")
            value = np.asarray(params[variable.name], dtype=float)
            shape = self.shapes[variable.name]
            if value.shape != shape:
                raise ValueError(f"parameter {variable.name!r} must have shape {shape}, got {value.shape}")
            inside = self._inside(variable.name, value)
            values.append(inside.reshape(()) if variable.ndim == 0 else inside)
        return self._with_singular_matrices(np.asarray(self._free_of_natural(*values)), params)

    def _with_singular_matrices(self, x: Array, params: Mapping[str, npt.ArrayLike]) -> Array:
        """Free parameters in which matrices that are singular in double precision are at the bound, and not beyond."""
        for name in self.names:
            chart = self._matrix(name)
            if isinstance(chart, LogRegression):
                where = self.places[name]
                x[where] = np.clip(np.ravel(chart.free(np.asarray(params[name], dtype=float))), *self.bounds[where].T)
        return x

    def _inside(self, name: str, value: Array) -> Array:
        """Check a natural parameter and move it off the edges of its range."""
        if not np.isfinite(value).all():
            raise ValueError(f"parameter {name!r} must be finite, got {value}")
        low, high = self.edges(name)
        if self.is_simplex(name):
            if (value < 0).any() or (abs(value.sum(axis=-1) - 1) > 1e-6).any():
                raise ValueError(f"parameter {name!r} must hold non-negative numbers that add up to 1, got {value}")
            clipped = np.maximum(value, EDGE)
            return np.asarray(clipped / clipped.sum(axis=-1, keepdims=True))
        if self.is_matrix(name):
            if not np.allclose(value, np.swapaxes(value, -1, -2), rtol=1e-6, atol=0.0):
                raise ValueError(f"parameter {name!r} must hold symmetric matrices, got {value}")
            scale = np.sqrt(np.abs(np.diagonal(value, axis1=-2, axis2=-1)))
            # Beside the large variance of one variable the small one of another is round-off.
            scaled = value / np.maximum(scale[..., :, None] * scale[..., None, :], np.finfo(float).tiny)
            smallest = np.linalg.eigvalsh(scaled).min(axis=-1)
            singular = isinstance(self._matrix(name), LogRegression) and (np.abs(smallest) <= EDGE)
            if not ((smallest > 0) | singular).all():
                raise ValueError(f"parameter {name!r} must hold positive definite matrices, got {value}")
            eye = np.eye(value.shape[-1])
            return np.where(np.asarray(singular)[..., None, None], value * eye, value)
        if (value < low).any() or (value > high).any():
            positive = (low == 0).all() and np.isposinf(high).all()
            expected = "be positive" if positive else f"lie between {low.min():g} and {high.max():g}"
            raise ValueError(f"parameter {name!r} must {expected}, got {value}")
        least = EDGE * (high - low) if self.is_bounded(name) else self.unit(name) / LARGEST
        return np.clip(value, low + least, high - least)

    def natural(self, x: Array) -> dict[str, Array]:
        """Natural parameters by name."""
        values = map(np.atleast_1d, self._natural_of_free(x))
        return dict(zip((v.name for v in self.model.free_RVs), values, strict=True))

    def natural_jacobian(self, x: Array) -> Array:
        """Derivative of the natural by the free parameters, (natural, size); rows in the order of `names`."""
        return np.asarray(self._natural_jacobian(x))

    # ---- values -----------------------------------------------------------------------------------

    def value_and_gradient(self, x: Array) -> tuple[Any, Array]:
        """Objective (...,) and its gradient (..., size) at free parameters x (..., size).

        They are -inf and NaN where a distribution is not defined: a line search may try a point at which a
        variance over- or underflows; PyMC then raises.
        """
        blocks = over(self._at, self._blocks(x.reshape(-1, self.size)), self._threads)
        values, gradients = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
        return values.reshape(x.shape[:-1])[()], gradients.reshape(x.shape)

    def _at(self, points: Array) -> tuple[Array, Array]:
        """Objective and gradient of every row; a row that PyMC refuses does not spoil the others."""
        try:
            with np.errstate(all="ignore"):
                return self._values_and_gradients(points)
        except ParameterValueError:
            if len(points) == 1:
                return np.array([-np.inf]), np.full(points.shape, np.nan)
            values, gradients = zip(*(self._at(point[np.newaxis]) for point in points), strict=True)
            return np.concatenate(values), np.concatenate(gradients)

    def hessian(self, x: Array) -> Array:
        """Hessian of the objective (..., size, size) at free parameters x (..., size)."""
        if self.is_large:
            return np.stack([self._hessian_at(point) for point in x.reshape(-1, self.size)]).reshape(*x.shape, -1)
        points = np.repeat(x.reshape(-1, self.size), self.size, axis=0)
        directions = np.tile(np.eye(self.size), (len(points) // self.size, 1))
        blocks = zip(self._blocks(points), self._blocks(directions), strict=True)
        rows = np.concatenate([self._hessian_times(*block) for block in blocks])
        hessian = rows.reshape(*x.shape, self.size)
        return (hessian + np.swapaxes(hessian, -1, -2)) / 2

    def _hessian_at(self, point: Array) -> Array:
        """Hessian at one point of large data; the last few are kept: several checks look at the same optimum."""
        key = point.tobytes()
        if key not in self._hessians:
            blocks = self._blocks(np.eye(self.size), DIRECTIONS)
            product = partial(self._hessian_of_one_times, point)
            rows = np.concatenate(over(product, blocks, self._threads))
            while len(self._hessians) >= MOST_KEPT:
                del self._hessians[next(iter(self._hessians))]
            self._hessians[key] = (rows + rows.T) / 2
        return self._hessians[key]

    def hessian_nearby(self, x: Array) -> Array:
        """Hessian (size, size) at x, or, of large data, at a known point less than a standard error away.

        With it Newton's method goes to the same zero of the gradient, in more steps that cost far less (chord steps).
        """
        for key, hessian in self._hessians.items():
            away = np.abs(x - np.frombuffer(key)) / own_units(hessian, self.observations)
            if away.max(initial=0.0) <= NEARBY:
                return hessian.copy()
        return self.hessian(x)

    @cached_property
    def _hessians(self) -> dict[bytes, Array]:
        return {}

    @cached_property
    def is_large(self) -> bool:
        """Whether one Hessian costs so much more than a gradient that Hessians are kept."""
        return self._rows_at_once < self.size

    @property
    def _threads(self) -> int:
        return self.threads if self.is_large else 1

    def _blocks(self, rows: Array, times: float = 1.0) -> Iterator[Array]:
        """As many rows at a time as keep the temporaries in the processor's cache; data may be large."""
        at_once = max(1, int(times * self._rows_at_once))
        for first in range(0, len(rows), at_once):
            yield rows[first : first + at_once]

    def log_likelihood(self, x: Array) -> float:
        """Observed-data log-likelihood at free parameters x."""
        return float(self._log_likelihood_and_prior(x)[0] if self.with_prior else self.value_and_gradient(x)[0])

    def log_prior(self, x: Array) -> float:
        """Log prior density of the natural parameters (no Jacobian); 0 in a maximum-likelihood objective."""
        return float(self._log_likelihood_and_prior(x)[1]) if self.with_prior else 0.0

    def pointwise(self, x: Array) -> Array:
        """Log-likelihood of each row of the data, times its frequency."""
        return np.concatenate([np.ravel(term) for term in self._pointwise(x)])

    def fingerprint(self, x: Array) -> Array:
        """Log-likelihood of each row of the data, once: not times its frequency."""
        terms = self.pointwise(x)
        return np.divide(terms, self.frequencies, out=np.zeros_like(terms), where=self.frequencies > 0)

    @cached_property
    def frequencies(self) -> Array:
        """How often each row of `fingerprint` was seen, as the model's constants named "frequency of TERM" say."""
        rows = []
        for index, (variable, term) in enumerate(zip(self._observed_variables, self._observed, strict=True)):
            name = f"{FREQUENCY_OF}{variable.name}"
            given = self.model[name].get_value() if name in self.model.named_vars else 1.0
            shape = term.type.shape
            if None in shape:
                shape = np.shape(self._pointwise(np.zeros(self.size))[index])
            rows.append(np.broadcast_to(np.asarray(given, dtype=float), shape).ravel())
        return np.concatenate(rows)

    @cached_property
    def observations(self) -> float:
        """Number of observations, each row as often as it was seen."""
        return float(self.frequencies.sum())

    # ---- compiled functions -----------------------------------------------------------------------

    @cached_property
    def _rows_at_once(self) -> float:
        """Rows that one call of the graph may hold, by the number of observations as far as PyTensor knows it."""
        observations = sum(int(np.prod([n or 1 for n in term.type.shape])) for term in self._observed)
        return CELLS_AT_ONCE / (CELLS_PER_OBSERVATION * max(1, observations))

    @cached_property
    def _observed_variables(self) -> list[Any]:
        return [*self.model.observed_RVs, *self.model.potentials]

    @cached_property
    def _observed(self) -> list[Any]:
        """Log-likelihood of the observations, term by term."""
        return self.model.logp(vars=self._observed_variables, sum=False, jacobian=False)

    @cached_property
    def _initial_point(self) -> dict[str, Any]:
        point = self.model.initial_point()
        return {variable.name: point[variable.name] for variable in self.model.value_vars}

    @cached_property
    def _initial_natural(self) -> dict[str, Array]:
        return self.natural(np.zeros(self.size))

    @cached_property
    def _mode(self) -> Mode:
        return compile_mode(self.backend)

    def _transform(self, variable: Any) -> Any:
        return self.model.rvs_to_transforms[variable]

    def compile(self, inputs: list[Any], outputs: Any) -> Callable[..., Any]:
        """Compile a function with the backend of this objective."""
        flags = {"cxx": ""} if self.backend == "fast" else {}
        with pytensor.config.change_flags(traceback__limit=0, on_opt_error="ignore", **flags):
            return pytensor.function(inputs, untraced(outputs), mode=self._mode, on_unused_input="ignore")

    def _joined(self, outputs: list[Any]) -> tuple[list[Any], Any]:
        """Outputs as functions of one flat input; rewritten first, so that their gradients are stable too."""
        return self._of_flat_input([pm.pytensorf.rewrite_pregrad(output) for output in _prepared(outputs)])

    def of_flat_input(self, outputs: list[Any]) -> tuple[list[Any], Any]:
        """Outputs as functions of one flat input, from their origin and in their units where they have no bounds."""
        return self._of_flat_input(_prepared(outputs))

    def _of_flat_input(self, outputs: list[Any]) -> tuple[list[Any], Any]:
        joined, x = pm.pytensorf.join_nonshared_inputs(self._initial_point, outputs, self.model.value_vars)
        if (self._sizes == 1).all() and not self._origins.any():
            return joined, x
        free = x.type("free")
        return clone_replace(joined, replace={x: free * self._sizes + self._origins}), free

    @cached_property
    def _sizes(self) -> Array:
        """What 1 in the flat input stands for, (size,)."""
        return self._unbounded(self.units, 1.0)

    @cached_property
    def _origins(self) -> Array:
        """What 0 in the flat input stands for, (size,)."""
        return self._unbounded(self.origin, 0.0)

    def _unbounded(self, by_name: Mapping[str, npt.ArrayLike], otherwise: float) -> Array:
        """What is given for parameters without bounds, in the order of the flat input."""
        entries = []
        for variable in self.model.free_RVs:
            value = self._initial_point[self.model.rvs_to_values[variable].name]
            given = by_name.get(variable.name, otherwise) if self._transform(variable) is None else otherwise
            entries.append(np.broadcast_to(np.asarray(given, dtype=float), np.shape(value)).ravel())
        return np.concatenate(entries)

    @cached_property
    def _terms(self) -> tuple[Any, Any]:
        """Objective and flat input."""
        graph = self.model.logp(jacobian=False) if self.with_prior else self.model.datalogp
        (objective,), x = self._joined([graph])
        return objective, x

    @cached_property
    def _many(self) -> tuple[Any, Any, Any]:
        """Objectives and gradients of rows of points. A row's objective depends on that row alone."""
        objective, x = self._terms
        points = pt.matrix("points")
        values = vectorize_graph(inlined([objective])[0], {x: points})
        return values, pytensor.grad(pt.sum(values), points), points

    @cached_property
    def _values_and_gradients(self) -> Callable[..., Any]:
        """Rows of points -> objectives, and rows of gradients."""
        values, gradients, points = self._many
        return self._for_threads(self.compile([points], inlined([values, gradients])))

    def _for_threads(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return function if self._threads == 1 else Copies(function, self._threads)

    @cached_property
    def _hessian_times(self) -> Callable[..., Any]:
        """Rows of points, rows of directions -> rows of Hessian-vector products."""
        _, gradients, points = self._many
        directions = pt.matrix("directions")
        products = pytensor.grad(pt.sum(gradients * directions), points, disconnected_inputs="ignore")
        return self.compile([points, directions], inlined([products])[0])

    @cached_property
    def _hessian_of_one_times(self) -> Callable[..., Any]:
        """One point, rows of directions -> rows of Hessian-vector products; what they share is computed once."""
        objective, x = self._terms
        gradient = pytensor.grad(inlined([objective])[0], x)
        direction, directions = pt.vector("direction"), pt.matrix("directions")
        product = pytensor.grad(pt.sum(gradient * direction), x, disconnected_inputs="ignore")
        products = vectorize_graph(inlined([product])[0], {direction: directions})
        return self._for_threads(self.compile([x, directions], products))

    @cached_property
    def _log_likelihood_and_prior(self) -> Callable[..., Any]:
        (likelihood, prior), x = self._joined([self.model.datalogp, self.model.varlogp_nojac])
        return self.compile([x], [likelihood, prior])

    @cached_property
    def _pointwise(self) -> Callable[..., Any]:
        terms, x = self._joined(self._observed)
        return self.compile([x], terms)

    @cached_property
    def _natural_graph(self) -> tuple[list[Any], Any]:
        naturals = []
        for variable in self.model.free_RVs:
            value, transform = self.model.rvs_to_values[variable], self._transform(variable)
            natural = value if transform is None else transform.backward(value, *variable.owner.inputs)
            naturals.append(natural)
        return self.of_flat_input(naturals)

    @cached_property
    def _natural_of_free(self) -> Callable[..., Any]:
        naturals, x = self._natural_graph
        return self.compile([x], naturals)

    @cached_property
    def _natural_jacobian(self) -> Callable[..., Any]:
        naturals, x = self._natural_graph
        by_name = dict(zip((v.name for v in self.model.free_RVs), naturals, strict=True))
        flat = pt.concatenate([pt.flatten(by_name[name])[self._cells[name]] for name in self.names])
        return self.compile([x], pytensor.gradient.jacobian(flat, x, vectorize=True))

    @cached_property
    def _free_of_natural(self) -> Callable[..., Any]:
        naturals, frees = [], []
        for variable in self.model.free_RVs:
            natural, transform = variable.type(), self._transform(variable)
            free = natural if transform is None else transform.forward(natural, *variable.owner.inputs)
            naturals.append(natural)
            frees.append(pt.flatten(free))
        return self.compile(naturals, (pt.concatenate(frees) - self._origins) / self._sizes)


def _without_initial_values(model: pm.Model) -> pm.Model:
    """The same model without the user's `initval`s, with which PyMC refuses to rewrite a model."""
    bare = object.__new__(type(model))
    bare.__dict__.update(model.__dict__, rvs_to_initial_values=dict.fromkeys(model.rvs_to_initial_values))
    return bare


def _prepared(outputs: list[Any]) -> list[Any]:
    """Graphs as PyMC gives them, with all their digits, and without factorising what is known by its factor."""
    return in_double_precision(with_known_factors(with_stable_sums(outputs)))
