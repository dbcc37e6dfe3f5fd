"""Bind a PyMC model and an EM: names, shapes, labels, supports and starts are read off the model."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from comparisons.case import Case, Flag, InputError, Natural, OfData, stop_after
from comparisons.outside.em import Built, OutsideEM, cycle_of, inside
from comparisons.outside.random_starts import RandomStarts, with_proper_priors
from comparisons.outside.refused import refuse
from comparisons.outside.symmetries import POINTS, Symmetries, given, symmetries
from comparisons.parameters import Axis, Parameter, scalar_name, support_of
from pp_models.objective import Objective

# The name of a case that has none.
UNNAMED = "outside"


def bind(
    model: Any,
    em: Any,
    *,
    name: str = UNNAMED,
    title: str = "",
    start: Mapping[str, Any] | None = None,
    with_prior: bool = False,
    exchangeable: Sequence[str] | None = None,
    turned: Sequence[str] | None = None,
    data: Any = None,
) -> Case:
    """Bind a PyMC model and an EM of the same parameters to a case that can be cross-checked.

    Parameters
    ----------
    model : pymc.Model or callable () -> pymc.Model
        Its free variables, all continuous, are the parameters: arrays of any number of axes. Latent variables that
        are discrete have to be summed out (`pm.Mixture`, or a sum in a `pm.Potential`). Covariance matrices are those
        of `pp_models.matrices.covariance_matrix`.
    em : object or callable
        One cycle: a function of a dict of parameters by name that returns such a dict; or an object with `step`; or
        with `e_step(params) -> (counts, log_likelihood)` and `m_step(counts, params) -> params`; or with `fit(start)`,
        of which one cycle is taken where it has `max_cycles`, else the whole fit. A parameter that is a single number
        is given as a float; parameters may come back as a dict, as attributes, as a tuple in the order of the model, or
        as one flat array, which is also what it gets if it says `parameter_order = ("mean", "sd")`. Without a
        log-likelihood of its own PyMC's is shown.
    name : str
        Names the folder of the report.
    title : str
        One line for the report.
    start : dict of name -> values, optional
        Documented start, tried first; else the `initval`s of the model, where there are any.
    with_prior : bool
        EM and PyMC maximise the log-posterior; else priors only draw the random starts, and both maximise the
        likelihood.
    exchangeable : sequence of str, optional
        Axes whose entries may be put in any order, all of them alike; parameters without `dims` go by the name of
        the parameter. Empty: none. Left out, they are found by trying.
    turned : sequence of str, optional
        Parameters whose signs may be turned together. Empty: none. Left out, they are found by trying.
    data : array, table or dict of such, optional
        Then `model` is a function of the data that returns a pymc.Model, and `em` a function (or a class) of the data
        that returns an EM as above. The cross-check also puts the rows in another order, and doubles them: arrays of
        the length that most of the data share have rows.

    Returns
    -------
    Case

    Raises
    ------
    InputError
        If a discrete variable is left, a prior depends on another free variable, a transform is not known, the model
        has no observations, its log-likelihood is not finite at the start, the EM lacks a parameter, returns another
        shape or leaves the support, or `exchangeable` or `turned` name what is not there.

    Examples
    --------
    >>> import pymc as pm
    >>> from comparisons import bind, crosscheck
    >>> with pm.Model() as model:
    ...     rate = pm.HalfFlat("rate")
    ...     lifetime = pm.Exponential("lifetime", rate, observed=[1.0, 2.0, 4.0])
    >>> case = bind(model, lambda params: {"rate": 3 / 7})
    >>> case.shapes
    {'rate': (1,)}
    >>> str(crosscheck(case, 5).verdict)
    'agree'
    """
    if data is not None:
        more = {"name": name, "title": title, "start": start, "with_prior": with_prior}
        again = Again(model, em, {**more, "exchangeable": (), "turned": ()})
        first_case = replace(again, more={**more, "exchangeable": exchangeable, "turned": turned})(data)
        return replace(first_case, of_data=OfData(data, again))
    source = Built(model, with_prior)
    built = source.model
    refuse(built, with_prior)
    objective = source.objective
    parameters = tuple(_parameter(built, variable, objective) for variable in built.free_RVs)
    first = _documented_start(built, objective, start, parameters)
    if first is not None:
        beyond = inside(objective, first)
        if beyond:
            raise InputError(f"start: {beyond} lies outside the support of the model's variable")
        x = objective.free(first)
        value = objective.pointwise(x).sum() + objective.log_prior(x)
        if not np.isfinite(value):
            raise InputError(f"{name}: the log-likelihood at the start is {value}, expected a finite number")
    problem = OutsideEM(cycle_of(em, source, parameters), source)
    draw = RandomStarts(source, with_proper_priors(built))
    rng = np.random.default_rng(0)
    _try_one_cycle(problem, draw(rng) if first is None else first)
    found = symmetries(objective, parameters, [draw(rng) for _ in range(POINTS)])
    named = {dim for dims in built.named_vars_to_dims.values() for dim in dims if dim is not None}
    told = given(parameters, exchangeable, turned)
    found = Symmetries(
        found.exchanges if exchangeable is None else told.exchanges, found.turns if turned is None else told.turns
    )
    return Case(
        name=name,
        family="outside",
        title=title or f"{len(parameters)} parameter{'s' * (len(parameters) != 1)} of a PyMC model",
        em=problem,
        build_model=source,
        to_em=problem.to_em,
        from_em=problem.from_em,
        draw_start=draw,
        parameters=_with_common_axes(parameters, found, named),
        with_prior=with_prior,
        start=first,
        align=found.aligned,
        flags=tuple(Flag("symmetry", sentence) for sentence in found.in_words(named)),
        stop=stop_after(objective.observations),
    )


@dataclass(frozen=True, eq=False)
class Again:
    """Binds functions of the data at any data.

    Attributes
    ----------
    model, em : callable of data
    more : dict
        Further arguments of `bind`.
    """

    model: Any
    em: Any
    more: Mapping[str, Any]

    def __call__(self, data: Any) -> Case:
        """Bind them.

        Raises
        ------
        InputError
            If one of them is no function of the data.
        """
        model, em = self.model, self.em
        if not callable(model) or hasattr(model, "free_RVs"):
            raise InputError(f"with data, the model is a {type(model).__name__}, expected a function of the data")
        if not callable(em) or hasattr(type(em), "e_step") or hasattr(type(em), "step"):
            raise InputError(
                f"with data, the EM is a {type(em).__name__}, expected a function of the data that makes one"
            )
        return bind(partial(model, data), em(data), **self.more)


def _try_one_cycle(problem: OutsideEM, start: Natural) -> None:
    """Refuse an EM whose first cycle already leaves the parameter space.

    Raises
    ------
    InputError
    """
    try:
        after, _ = problem.cycle(start)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"the EM raised {type(error).__name__} in its first cycle: {error}") from error
    beyond = inside(problem.objective, after)
    if beyond:
        raise InputError(f"the EM returned {beyond}, outside the support of the model's variable")


def _parameter(model: Any, variable: Any, objective: Objective) -> Parameter:
    """Name, axes and support of a free variable: an axis for each of its dims, else one of its own with numbers."""
    shape = objective.shapes[variable.name] if variable.ndim else ()
    dims = model.named_vars_to_dims.get(variable.name) or (None,) * len(shape)
    axes = []
    for place, (dim, size) in enumerate(zip(dims, shape, strict=True), start=1):
        values = model.coords.get(dim) if dim else None
        named = tuple(str(value) for value in values) if values is not None else ()
        labels = named if len(set(named)) == size else tuple(str(number + 1) for number in range(size))
        axes.append(Axis(dim or scalar_name(variable.name, str(place) if len(shape) > 1 else ""), labels))
    if objective.is_matrix(variable.name):
        # Rows and columns of a symmetric matrix are the same things.
        axes[-1] = axes[-2]
    return Parameter(variable.name, tuple(axes), support_of(objective, variable.name))


def _with_common_axes(parameters: Sequence[Parameter], found: Symmetries, named: Set[str]) -> tuple[Parameter, ...]:
    """Axes without names that are exchangeable only together with another are that axis: the same components."""
    axes = {axis.name: axis for parameter in parameters for axis in parameter.axes}
    common: dict[str, Axis] = {}
    for exchange in found.exchanges:
        known = [name for name in exchange.axes if name in named]
        if len(known) <= 1:
            first = axes[(known or exchange.axes)[0]]
            common |= {name: first for name in exchange.axes if name not in named}
    return tuple(
        replace(parameter, axes=tuple(common.get(axis.name, axis) for axis in parameter.axes))
        for parameter in parameters
    )


def _documented_start(
    model: Any, objective: Objective, start: Mapping[str, Any] | None, parameters: Sequence[Parameter]
) -> Natural | None:
    """The given start, or that of the `initval`s, or None.

    Raises
    ------
    InputError
    """
    if start is None:
        if all(model.rvs_to_initial_values.get(variable) is None for variable in model.free_RVs):
            return None
        point = model.initial_point()
        flat = np.concatenate([np.ravel(point[variable.name]) for variable in model.value_vars])
        return objective.natural(flat)
    names = [parameter.name for parameter in parameters]
    if set(start) != set(names):
        raise InputError(f"start: got {', '.join(start)}, expected {', '.join(names)}")
    try:
        natural = {name: np.atleast_1d(np.asarray(start[name], dtype=float)) for name in names}
    except (TypeError, ValueError):
        raise InputError(f"start: {dict(start)}, expected numbers") from None
    for parameter in parameters:
        if natural[parameter.name].shape != parameter.shape:
            raise InputError(
                f"start: {parameter.name!r} has shape {natural[parameter.name].shape}, expected {parameter.shape}"
            )
    return natural
