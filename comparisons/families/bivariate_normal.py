"""Bivariate normal with missing entries: binds the EM and the PyMC model."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from comparisons.case import Array, Axis, Case, Flag, InputError, Natural, Parameter, Support, stop_after
from comparisons.families import Option
from comparisons.families._audit.bivariate_normal import normal_audit
from comparisons.families._binding import Fields, Model, Starts, correlation, positive, real
from comparisons.families._collinear import ON_A_LINE, line_through, towards_the_line
from comparisons.families._equal_rows import merged
from comparisons.parsing import Range
from comparisons.reading.tables import Table, numbers, read_frequencies
from em_reference.bivariate_normal import BivariateNormal, NormalParams

TITLE = "bivariate normal with missing entries: two means, two variances and a correlation"
DATA = "two columns of numbers, empty where missing, optionally a column 'frequency', and one row per observation"
OPTIONS = (Option("means-zero", bool, "the means are known to be 0; else they are estimated", default=False),)

# The product of two variances is computed.
SIZE = Range(-1e50, 1e50)
SMALLEST_SPREAD = 1e-50
# Numbers whose spread is a smaller share of their size leave less than half the digits of a double.
SHARE_OF_SIZE = 1e-8
# With complete rows this near to a line, in squares, double precision cannot tell where the maximum is.
NEARLY_ON_A_LINE = 1e-9
# A mean of 0 is doubted when the observed one is this many standard errors away.
FAR = 3.0


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
    seen = values if frequencies is None else values[frequencies > 0]
    for column, entries in zip(columns, seen.T, strict=True):
        fault = _fault(entries[~np.isnan(entries)], means_zero)
        if fault:
            raise InputError(f"{table.path}, column {column!r}: {fault}")
    if not (~np.isnan(seen)).all(axis=1).any():
        raise InputError(f"{table.path}: no row holds both numbers, expected at least one: else no correlation is seen")
    line = line_through(seen[~np.isnan(seen).any(axis=1)], means_zero)
    if line is not None and line.slope and ON_A_LINE < line.left < NEARLY_ON_A_LINE:
        where = f"{table.path}, columns {columns[0]!r} and {columns[1]!r}: the complete rows lie on a line but for"
        raise InputError(f"{where} {line.left:.1e} of their squares, expected at least {NEARLY_ON_A_LINE:g}, or none")
    flags = _far_from_zero(values, columns, frequencies) if means_zero else ()
    return replace(bind(name, values, columns, frequencies, means_zero), flags=flags)


def _fault(entries: Array, means_zero: bool) -> str | None:
    """Why a column has no variance that can be estimated, and what was expected."""
    outside = [entry for entry in entries if not SIZE.holds(entry)]
    if outside:
        return f"{outside[0]:g}, expected numbers {SIZE}"
    if means_zero:
        spread = float(np.abs(entries).max(initial=0.0))
        if spread == 0:
            return "expected at least one number other than 0"
    else:
        spread = float(np.ptp(entries)) if len(entries) else 0.0
        if spread == 0:
            return "expected at least two different numbers: else its variance is 0"
        if spread < SHARE_OF_SIZE * np.abs(entries).max():
            return f"differences of {spread:g} between numbers of the size {entries[0]:g}, take a constant off them"
    return None if spread >= SMALLEST_SPREAD else f"differences of {spread:g}, expected some above {SMALLEST_SPREAD:g}"


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


def _far_from_zero(values: Array, columns: tuple[str, ...], frequencies: Array | None) -> tuple[Flag, ...]:
    """A flag that names the columns whose mean is hardly 0."""
    told = []
    for column, entries in zip(columns, values.T, strict=True):
        rows, often = merged(
            entries[~np.isnan(entries), None], None if frequencies is None else frequencies[~np.isnan(entries)]
        )
        count = often.sum()
        mean = often @ rows[:, 0] / count
        squares = often @ (rows[:, 0] - mean) ** 2
        error = np.sqrt(squares / (count - 1) / count) if count > 1 else np.inf
        if abs(mean) > FAR * error:
            told.append(
                f"{column} ({mean:.6g}, {abs(mean) / error:.3g} standard errors)" if error else f"{column} ({mean:.6g})"
            )
    if not told:
        return ()
    means = ", ".join(told)
    return (
        Flag(
            "fixed_mean",
            f"the means are fixed at 0, far from what is seen: {means}; without --means-zero they are estimated",
        ),
    )
