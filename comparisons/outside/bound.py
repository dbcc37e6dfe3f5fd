"""Bind a PyMC model and an EM: names, shapes, labels, supports and starts are read off the model."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pymc as pm
import pytensor
from pymc.logprob.transforms import IntervalTransform, LogOddsTransform, LogTransform, SimplexTransform

from comparisons.case import Array, Case, Flag, InputError, Natural, OfData, stop_after
from comparisons.outside.em import OutsideEM, cycle_of, inside
from comparisons.outside.symmetries import POINTS, symmetries
from pp_models.compilation import compile_mode
from pp_models.objective import Objective

# Transforms whose supports are known; `ordered` and chains of several are not.
KNOWN = (IntervalTransform, LogOddsTransform, LogTransform, SimplexTransform)
# Draws of a start before the support of a variable is given up.
MOST_DRAWS = 20


def bind(
    model: Any,
    em: Any,
    *,
    name: str = "outside",
    title: str = "",
    start: Mapping[str, Any] | None = None,
    with_prior: bool = False,
    data: Any = None,
) -> Case:
    """Bind a PyMC model and an EM of the same parameters to a case that can be cross-checked.

    Parameters
    ----------
    model : pymc.Model or callable () -> pymc.Model
        Its free variables, all continuous, are the parameters: single numbers or vectors. Latent variables that are
        discrete have to be summed out (`pm.Mixture`, or a sum in a `pm.Potential`).
    em : object or callable
        One cycle: a function of a dict of parameters by name that returns such a dict; or an object with `step`; or
        with `e_step(params) -> (counts, log_likelihood)` and `m_step(counts, params) -> params`. A parameter that is
        a single number is given as a float. Without a log-likelihood of its own PyMC's is shown.
    name, title : str
    start : dict of name -> values, optional
        Documented start, tried first; else the `initval`s of the model, where there are any.
    with_prior : bool
        Both sides maximise the log-posterior; else priors only draw the random starts, and both maximise the
        likelihood.
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
        If a discrete variable is left, a parameter is a matrix, the model has no observations, or its log-likelihood is
        not finite at the start.

    Examples
    --------
    >>> import pymc as pm
    >>> with pm.Model() as model:  # doctest: +SKIP
    ...     rate = pm.HalfFlat("rate")
    ...     pm.Exponential("lifetime", rate, observed=[1.0, 2.0, 4.0])
    >>> case = bind(model, lambda params: {"rate": 3 / 7})  # doctest: +SKIP
    >>> crosscheck(case, 10).verdict  # doctest: +SKIP
    """
    if data is not None:
        return _of_data(model, em, data, name=name, title=title, start=start, with_prior=with_prior)
    built = model() if callable(model) and not hasattr(model, "free_RVs") else model
    _check(built, with_prior)
    objective = Objective(built, with_prior)
    single = frozenset(variable.name for variable in built.free_RVs if variable.ndim == 0)
    labels = {variable.name: _labels(built, variable, objective) for variable in built.free_RVs}
    first = _documented_start(built, objective, start, labels)
    if first is not None:
        beyond = inside(objective, first)
        if beyond:
            raise InputError(f"start: {beyond} lies outside the support of the model's variable")
        value = objective.value_and_gradient(objective.free(first))[0]
        if not np.isfinite(value):
            raise InputError(f"{name}: the log-likelihood at the start is {value}, expected a finite number")
    problem = OutsideEM(cycle_of(em, objective, single), objective)
    order = list(objective.shapes)
    draw = _random_starts(built, objective, labels)
    axes = {entry: dims[0] for entry, dims in built.named_vars_to_dims.items() if entry in labels and len(dims) == 1}
    rng = np.random.default_rng(0)
    found = symmetries(objective, axes, [draw(rng) for _ in range(POINTS)])
    return Case(
        name=name,
        family="outside",
        title=title or f"{len(labels)} parameter{'s' * (len(labels) != 1)} of a PyMC model",
        em=problem,
        build_model=lambda: built,
        to_em=lambda natural: problem.Params(*(np.asarray(natural[entry], dtype=float) for entry in order)),
        from_em=lambda params: dict(zip(order, params, strict=True)),
        draw_start=draw,
        labels=labels,
        with_prior=with_prior,
        start=first,
        align=found.aligned,
        flags=tuple(
            Flag("symmetry", sentence) for sentence in found.in_words(axes, {n: len(e) for n, e in labels.items()})
        ),
        stop=stop_after(objective.observations),
    )


def _of_data(model: Any, em: Any, data: Any, **more: Any) -> Case:
    """Bind functions of the data at the data, and remember them.

    Raises
    ------
    InputError
    """
    if not callable(model) or hasattr(model, "free_RVs"):
        raise InputError(f"with data, the model is a {type(model).__name__}, expected a function of the data")
    if not callable(em) or hasattr(type(em), "e_step") or hasattr(type(em), "step"):
        raise InputError(f"with data, the EM is a {type(em).__name__}, expected a function of the data that makes one")

    def bound(other: Any) -> Case:
        return bind(model(other), em(other), **more)

    return replace(bound(data), of_data=OfData(data, bound))


def _check(model: Any, with_prior: bool) -> None:
    """Refuse what cannot be maximised over.

    Raises
    ------
    InputError
    """
    if not hasattr(model, "free_RVs"):
        raise InputError(f"the model is a {type(model).__name__}, expected a pymc.Model")
    if not [*model.observed_RVs, *model.potentials]:
        raise InputError("the model has no observed variable and no potential: there is nothing to maximise")
    if not model.free_RVs:
        raise InputError("the model has no free variable: there is nothing to estimate")
    for variable in model.free_RVs:
        if np.issubdtype(np.dtype(variable.dtype), np.integer) or variable.dtype == "bool":
            raise InputError(
                f"{variable.name} is discrete: sum it out (pm.Mixture, or a logsumexp in a pm.Potential), "
                "so that the model is the marginal one that the EM maximises"
            )
        if variable.ndim > 1:
            raise InputError(f"{variable.name} has {variable.ndim} axes, expected a single number or a vector")
        transform = model.rvs_to_transforms[variable]
        if transform is not None and not isinstance(transform, KNOWN):
            raise InputError(f"{variable.name} has the transform {type(transform).__name__}, which is not known here")
        others = _depends_on(model, variable)
        if others and (not with_prior or isinstance(transform, IntervalTransform)):
            raise InputError(
                f"the prior or the bounds of {variable.name} depend on {', '.join(others)}: if it is latent, integrate "
                "it out, so that the model is the marginal one that the EM maximises"
            )
        if variable.name.endswith("_unobserved"):
            raise InputError(f"{variable.name} stands for missing data: integrate it out of the likelihood")


def _depends_on(model: Any, variable: Any) -> list[str]:
    """Free variables among the ancestors of one."""
    free = {other: other.name for other in model.free_RVs if other is not variable}
    found, waiting, seen = [], [variable], set()
    while waiting:
        node = waiting.pop()
        if node in free:
            found.append(free[node])
        for parent in node.owner.inputs if node.owner is not None else ():
            if parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    return sorted(found)


def _labels(model: Any, variable: Any, objective: Objective) -> tuple[str, ...]:
    """Labels of the entries: the coordinates of its dimension, or numbers; one empty label of a single number."""
    if variable.ndim == 0:
        return ("",)
    size = objective.shapes[variable.name][0]
    dims = model.named_vars_to_dims.get(variable.name)
    values = model.coords.get(dims[0]) if dims else None
    named = tuple(str(value) for value in values) if values is not None else ()
    return named if len(set(named)) == size else tuple(str(place + 1) for place in range(size))


def _documented_start(
    model: Any, objective: Objective, start: Mapping[str, Any] | None, labels: Mapping[str, tuple[str, ...]]
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
    if set(start) != set(labels):
        raise InputError(f"start: got {', '.join(start)}, expected {', '.join(labels)}")
    try:
        natural = {name: np.atleast_1d(np.asarray(start[name], dtype=float)) for name in labels}
    except (TypeError, ValueError):
        raise InputError(f"start: {dict(start)}, expected numbers") from None
    for name, entries in labels.items():
        if natural[name].shape != (len(entries),):
            raise InputError(f"start: {name!r} has shape {natural[name].shape}, expected ({len(entries)},)")
    return natural


def _random_starts(
    model: Any, objective: Objective, labels: Mapping[str, tuple[str, ...]]
) -> Callable[[np.random.Generator], Natural]:
    """Draws from the priors where these are proper, else spread out over the support of each variable."""
    proper = {}
    for variable in model.free_RVs:
        try:
            _drawn([variable], 0)
        except (NotImplementedError, ArithmeticError, ValueError):
            # A flat prior cannot be drawn from, nor one that is all but flat.
            proper[variable.name] = False
        else:
            proper[variable.name] = True

    def draw(rng: np.random.Generator) -> Natural:
        variables = [variable for variable in model.free_RVs if proper[variable.name]]
        drawn = _drawn(variables, int(rng.integers(2**31))) if variables else []
        found = {
            v.name: np.atleast_1d(np.asarray(value, dtype=float)) for v, value in zip(variables, drawn, strict=True)
        }
        spread = {name: _spread(objective, name, rng) for name in labels if name not in found}
        return {name: {**found, **spread}[name] for name in labels}

    def inner(rng: np.random.Generator) -> Natural:
        for _ in range(MOST_DRAWS):
            start = draw(rng)
            beyond = inside(objective, start)
            if not beyond:
                return start
        raise InputError(f"a random start has {beyond}, outside the support: give the variable another prior")

    return inner


def _drawn(variables: list[Any], seed: int) -> list[Any]:
    """One draw of each variable, by the plain back end: compiling for a few numbers takes longer than drawing them."""
    with pytensor.config.change_flags(cxx=""):
        return list(pm.draw(variables, random_seed=seed, mode=compile_mode("fast")))


def _spread(objective: Objective, name: str, rng: np.random.Generator) -> Array:
    """A start of a parameter with a flat prior: normal with standard deviation 2, lognormal, uniform, or Dirichlet."""
    low, high = objective.edges(name)
    if objective.is_simplex(name):
        return rng.dirichlet(np.ones(len(low)))
    if objective.is_bounded(name):
        return np.asarray(rng.uniform(low, high))
    if np.isfinite(low).all():
        return low + np.exp(rng.normal(size=low.shape))
    if np.isfinite(high).all():
        return high - np.exp(rng.normal(size=low.shape))
    return rng.normal(scale=2.0, size=low.shape)
