"""Bivariate normal with missing entries: binds the EM and the PyMC model."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from comparisons.case import Array, Axis, Case, InputError, Natural, Parameter, Support, stop_after
from comparisons.families import Option
from comparisons.families._audit.bivariate_normal import normal_audit
from comparisons.families._binding import Fields, Model, Starts, correlation, positive, real
from comparisons.families._collinear import towards_the_line
from comparisons.families._equal_rows import merged
from comparisons.families._pairs import SIZE, far_from_zero, refuse_without_estimate
from comparisons.reading.tables import Table, numbers, read_frequencies
from em_reference.bivariate_normal import BivariateNormal, NormalParams

TITLE = "bivariate normal with missing entries: two means, two variances and a correlation"
DATA = "two columns of numbers, empty where missing, optionally a column 'frequency', and one row per observation"
OPTIONS = (Option("means-zero", bool, "the means are known to be 0; else they are estimated", default=False),)


def read(name: str, table: Table, options: dict[str, Any]) -> Case:
    """Bind a table with two columns of numbers (and `frequency`).

    Raises
    ------
    InputError
    """
    columns = tuple(column for column in table.columns if column != "frequency")
    if len(columns) != 2:
        raise InputError(f"{table.path}: {len(columns)} column(s) of values, expected 2")
    values = numbers(table, columns, expected="a number or empty", empty=True)
    means_zero, frequencies = options["means-zero"], read_frequencies(table)
    refuse_without_estimate(str(table.path), columns, values, frequencies, means_zero)
    flags = far_from_zero(values, columns, frequencies) if means_zero else ()
    return replace(bind(name, values, columns, frequencies, means_zero), flags=flags)


def start_fault(start: Natural) -> str | None:
    """Means lie in the range of the data, variances are positive, the correlation lies between -1 and 1."""
    outside = [mean for mean in start.get("mean", ()) if not SIZE.holds(mean)]
    if outside:
        return f"mean holds {outside[0]:g}, expected numbers {SIZE}"
    if not (start["variance"] > 0).all():
        return "variance holds a number that is not positive, expected numbers above 0"
    if not abs(start["correlation"][0]) < 1:
        return f"correlation is {start['correlation'][0]:g}, expected a number between -1 and 1"
    return None


def bind(
    name: str, values: Array, columns: tuple[str, ...], frequencies: Array | None = None, means_zero: bool = False
) -> Case:
    """Bind arrays: values (N, 2) with NaN where missing, optionally with frequencies."""
    em = BivariateNormal(values, frequencies, means_zero)
    rows, often = merged(values, frequencies)
    mean, variance, sd = em.center, em.mean_squares, np.sqrt(em.mean_squares)
    fields = Fields(NormalParams, {"mean": "mean", "variance": "variance", "correlation": "correlation"})
    units, origin = {"mean": sd, "variance": variance}, {"mean": mean}
    rules = {"variance": (positive, 2), "correlation": (correlation, 1), "mean": (real, 2)}
    variable, pair = Axis("variable", columns), Axis("pair", (",".join(columns),))
    parameters = (
        *(() if means_zero else (Parameter("mean", (variable,)),)),
        Parameter("variance", (variable,), Support.POSITIVE),
        Parameter("correlation", (pair,), Support.INTERVAL),
    )
    if means_zero:
        fields = Fields(NormalParams, {n: n for n in ("variance", "correlation")}, {"mean": np.zeros(2)})
        del rules["mean"], origin["mean"]
    return Case(
        name=name,
        family="bivariate-normal",
        title=f"{len(values)} rows of 2 values, {np.isnan(values).sum()} missing",
        em=em,
        build_model=Model(
            "bivariate_normal", {"values": rows, "frequencies": often, "means_zero": means_zero, "about": mean}
        ),
        to_em=fields.to_em,
        from_em=fields.from_em,
        draw_start=Starts(rules, fields, units, origin),
        parameters=parameters,
        stop=stop_after(em.rows, NormalParams(sd, variance, np.ones(1))),
        units=units,
        origin=origin,
        magnitude=em.magnitude,
        audit=normal_audit(em, partial(_bind_again, name, columns, means_zero)),
        towards_unbounded=towards_the_line(rows, means_zero, mean, variance),
        settings={"means": "0, known" if means_zero else "estimated"},
    )


def _bind_again(name: str, columns: tuple[str, ...], means_zero: bool, data: dict[str, Any]) -> Case:
    return bind(name, np.asarray(data["values"], dtype=float), columns, data.get("frequencies"), means_zero)
