"""Gaussian mixture: binds the EM and the PyMC model of the mixture of normal distributions."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from comparisons.case import Array, Case, InputError, Natural, stop_after
from comparisons.families import Option
from comparisons.families._audit.gaussian_mixture import gaussian_audit
from comparisons.families._binding import Model
from comparisons.families._display.gaussian_mixture import GaussianDisplay
from comparisons.families._mixtures import off_the_edge
from comparisons.families._normal_components import NormalComponents
from comparisons.families._normal_data import NormalData, covariance_prior_of, refuse_without_estimate, towards_a_row
from comparisons.families._priors import CONCENTRATION
from comparisons.parsing import Range
from comparisons.reading.tables import Table
from em_reference.covariances import CovariancePrior, cholesky
from em_reference.gaussian_mixture import GaussianMixture
from em_reference.priors import Dirichlet

TITLE = "mixture of normal distributions: one variable or several, entries may be missing"
DATA = (
    "columns of numbers, one per variable, empty where missing, optionally a column 'frequency', and one row per "
    "observation"
)
COVARIANCES = ("full", "tied", "diag", "spherical")
OPTIONS = (
    Option("components", int, "number of components", required=True, range=Range(1, 100)),
    Option("covariance", str, "covariance matrices of the components", default="full", choices=COVARIANCES),
    Option("variables", str, "columns that are the variables, commas between them; left out, all but 'frequency'"),
    Option("floor", float, "smallest variance allowed, in squared units of the data", range=Range(0)),
    Option("covariance-prior", str, "inverse Wishart (or inverse gamma) prior 'DF,SCALE', SCALE times the variances"),
    Option("weight-prior", float, "concentration of a symmetric Dirichlet prior on the weights", range=CONCENTRATION),
    Option("responsibilities", bool, "write the responsibilities of every row to responsibilities.csv", default=False),
)

inner_start = off_the_edge
# Weights of a start may miss the sum 1 by what rounding to printed digits does to them.
ROUNDED = 1e-3
# EM creeps where components overlap.
TOLERANCE = 1e-13


def read(name: str, table: Table, options: dict[str, Any]) -> Case:
    """Bind a table with columns of numbers (and `frequency`).

    Raises
    ------
    InputError
    """
    data = NormalData.read(table, options["variables"])
    floor, prior = options["floor"] or 0.0, options["covariance-prior"]
    if floor and prior is not None:
        raise InputError("--floor: the variances have a prior by --covariance-prior, expected one of the two")
    degrees = covariance_prior_of(prior, len(data.columns), options["covariance"])
    refuse_without_estimate(data, options["components"], options["covariance"], floor, degrees is not None)
    case = bind(
        name,
        data.values,
        options["components"],
        options["covariance"],
        columns=data.columns,
        frequencies=data.frequencies,
        floor=floor,
        covariance_prior=degrees,
        weight_prior=options["weight-prior"],
        responsibilities=options["responsibilities"],
    )
    return replace(case, flags=(*case.flags, *data.flags))


def start_fault(start: Natural) -> str | None:
    """Weights are not negative and add up to 1, variances are positive."""
    weight = start.get("weight", np.ones(1))
    if (weight < 0).any() or abs(weight.sum() - 1) > ROUNDED:
        return "weight holds numbers that do not add up to 1 or are negative, expected weights"
    if "variance" in start and not (start["variance"] > 0).all():
        return "variance holds a number that is not positive, expected numbers above 0"
    if "covariance" in start and not np.isfinite(cholesky(start["covariance"])).all():
        return "covariance holds a matrix that is not positive definite, expected covariance matrices"
    return None


def bind(
    name: str,
    values: Array,
    components: int,
    covariance: Any = "full",
    *,
    columns: tuple[str, ...] | None = None,
    frequencies: Array | None = None,
    floor: float = 0.0,
    covariance_prior: tuple[float, float] | None = None,
    weight_prior: float | None = None,
    responsibilities: bool = False,
) -> Case:
    """Bind arrays: values (N,) or (N, D) with NaN where missing, optionally with frequencies, a floor and priors."""
    values = np.asarray(values, dtype=float)
    values = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
    variables = 1 if values.ndim == 1 else values.shape[1]
    columns = columns or (("x",) if variables == 1 else tuple(f"x{place + 1}" for place in range(variables)))
    with_prior = covariance_prior is not None or weight_prior is not None
    plain = GaussianMixture(values, components, covariance, frequencies)
    prior = None if covariance_prior is None else _scaled(plain, *covariance_prior)
    em = replace(
        plain,
        floor=floor,
        weight_prior=Dirichlet(weight_prior or 1.0) if with_prior else None,
        covariance_prior=prior,
    )
    parts = NormalComponents(em, columns)
    display = GaussianDisplay(em, parts, responsibilities)
    model = {
        "values": values,
        "components": components,
        "covariance": covariance,
        "frequencies": frequencies,
        "between": (floor, parts.above) if floor else None,
        "weight_prior": weight_prior or 1.0,
        "covariance_prior": prior,
    }
    return Case(
        name=name,
        family="gaussian-mixture",
        title=_title(em, values),
        em=em,
        build_model=Model("gaussian_mixture", model, ("values",)),
        to_em=parts.to_em,
        from_em=parts.from_em,
        draw_start=parts.draw_start,
        alone={"mean": em.blocks[0].values[0]} if variables == 1 else {},
        parameters=parts.parameters,
        with_prior=with_prior,
        stop=stop_after(em.rows, parts.units_in_em, TOLERANCE),
        units=parts.units,
        origin=parts.origin,
        magnitude=em.magnitude,
        align=parts.aligned,
        derive=display.derive,
        curves=display.curves,
        clouds=display.clouds,
        plane=("mean[component1]", "mean[component2]") if variables == 1 and components > 1 else (),
        extra_tables=display.extra_tables,
        towards_unbounded=() if floor or covariance_prior is not None else towards_a_row(parts),
        audit=gaussian_audit(em, partial(_bind_again, name, columns, floor, covariance_prior, weight_prior)),
        settings={
            "components": components,
            "covariance": covariance,
            **({"floor": f"{floor:g}"} if floor else {}),
            "prior on covariances": _in_words(em, covariance_prior),
            "prior on weights": "flat" if weight_prior is None else f"Dirichlet({weight_prior:g})",
            **({"responsibilities": "in responsibilities.csv"} if responsibilities else {}),
        },
    )


def _scaled(em: GaussianMixture, degrees: float, scale: float) -> CovariancePrior:
    """The prior whose scale is a multiple of the variances of the data."""
    variance = np.where(em.spread.variance > 0, em.spread.variance, 1.0)
    by_form = {"matrix": np.diag(variance), "diagonal": variance, "scalar": np.array(variance.mean())}
    return CovariancePrior(degrees, scale * by_form[em.structure.form])


def _title(em: GaussianMixture, values: Array) -> str:
    """Components, variables, rows, and what is missing."""
    size, variables = em.components, em.structure.variables
    missing = int(np.isnan(values).sum())
    of = "" if variables == 1 else f" of {variables} variables"
    gone = f", {missing} entries missing" if missing and variables > 1 else ""
    return f"{size} normal component{'s' if size > 1 else ''}{of}, {em.rows:.0f} observations{gone}"


def _in_words(em: GaussianMixture, prior: tuple[float, float] | None) -> str:
    if prior is None:
        return "flat"
    degrees, scale = prior
    name = "inverse Wishart" if em.structure.form == "matrix" else "inverse gamma, as an inverse Wishart"
    return f"{name} of {degrees:g} degrees of freedom, its scale {scale:g} times the variances of the data"


def _bind_again(
    name: str,
    columns: tuple[str, ...],
    floor: float,
    covariance_prior: tuple[float, float] | None,
    weight_prior: float | None,
    data: dict[str, Any],
) -> Case:
    """The same model on other data."""
    values = np.asarray(data["values"], dtype=float)
    same = (1 if values.ndim == 1 else values.shape[1]) == len(columns)
    return bind(
        name,
        values,
        data["components"],
        data["covariance"],
        columns=columns if same else None,
        frequencies=data["frequencies"],
        floor=floor,
        covariance_prior=covariance_prior,
        weight_prior=weight_prior,
    )
