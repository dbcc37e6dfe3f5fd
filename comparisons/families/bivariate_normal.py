"""Bivariate normal with missing entries: binds the EM and the PyMC model."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from comparisons.case import Array, Axis, Case, Flag, InputError, Natural, Parameter, Support, stop_after
from comparisons.families import Option
from comparisons.families._audit.bivariate_normal import normal_audit
from comparisons.families._equal_rows import merged
from comparisons.parsing import Range
from comparisons.reading.tables import Table, frequencies, numbers
from em_reference.bivariate_normal import BivariateNormal, NormalParams

TITLE = "bivariate normal with missing entries: two means, two variances and a correlation"
DATA = "two columns of numbers, empty where missing, optionally a column 'frequency', and one row per observation"
OPTIONS = (Option("means-zero", bool, "the means are known to be 0; else they are estimated", default=False),)

# The product of two variances is computed.
SIZE = Range(-1e50, 1e50)
SMALLEST_SPREAD = 1e-50
# Numbers whose spread is a smaller share of their size leave less than half the digits of a double.
SHARE_OF_SIZE = 1e-8
# Complete rows lie on a line when it leaves this share of their squares; with a share below the second one, double
# precision cannot tell where the maximum is.
ON_A_LINE, NEARLY_ON_A_LINE = 1e-14, 1e-9
NEXT_TO_ONE = 1e-6
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
    means_zero, repeats = options["means-zero"], frequencies(table)
    seen = values if repeats is None else values[repeats > 0]
    for column, entries in zip(columns, seen.T, strict=True):
        fault = _fault(entries[~np.isnan(entries)], means_zero)
        if fault:
            raise InputError(f"{table.path}, column {column!r}: {fault}")
    if not (~np.isnan(seen)).all(axis=1).any():
        raise InputError(f"{table.path}: no row holds both numbers, expected at least one: else no correlation is seen")
    line = _line(seen[~np.isnan(seen).any(axis=1)], means_zero)
    if line is not None and line.slope and ON_A_LINE < line.left < NEARLY_ON_A_LINE:
        where = f"{table.path}, columns {columns[0]!r} and {columns[1]!r}: the complete rows lie on a line but for"
        raise InputError(f"{where} {line.left:.1e} of their squares, expected at least {NEARLY_ON_A_LINE:g}, or none")
    flags = _far_from_zero(values, columns, repeats) if means_zero else ()
    return replace(bind(name, values, columns, repeats, means_zero), flags=flags)


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
    name: str, values: Array, columns: tuple[str, ...], repeats: Array | None = None, means_zero: bool = False
) -> Case:
    """Bind arrays: values (N, 2) with NaN where missing, optionally with frequencies."""
    em = BivariateNormal(values, repeats, means_zero)
    mean, variance = em.center, em.mean_squares
    rows, often = merged(values, repeats)
    sd = np.sqrt(variance)

    def build_model(hooks: bool = False) -> Any:
        from pp_models import bivariate_normal

        return bivariate_normal.build(rows, frequencies=often, means_zero=means_zero, hooks=hooks, about=em.center)

    def rebind(data: dict[str, Any]) -> Case:
        return bind(name, np.asarray(data["values"], dtype=float), columns, data.get("frequencies"), means_zero)

    def to_em(natural: Natural) -> NormalParams:
        variance = np.asarray(natural["variance"], dtype=float)
        mean = np.asarray(natural.get("mean", np.zeros_like(variance)), dtype=float)
        return NormalParams(mean, variance, np.asarray(natural["correlation"], dtype=float))

    def from_em(params: NormalParams) -> Natural:
        return {parameter.name: getattr(params, parameter.name) for parameter in parameters}

    def draw_start(rng: np.random.Generator) -> Natural:
        start = {"variance": variance * rng.gamma(2.0, 0.5, 2), "correlation": rng.uniform(-0.95, 0.95, 1)}
        return start if means_zero else {"mean": mean + sd * rng.normal(size=2), **start}

    missing = int(np.isnan(values).sum())
    variable, pair = Axis("variable", columns), Axis("pair", (",".join(columns),))
    parameters = (
        *(() if means_zero else (Parameter("mean", (variable,)),)),
        Parameter("variance", (variable,), Support.POSITIVE),
        Parameter("correlation", (pair,), Support.INTERVAL),
    )
    return Case(
        name=name,
        family="bivariate-normal",
        title=f"{len(values)} rows of 2 values, {missing} missing",
        em=em,
        build_model=build_model,
        to_em=to_em,
        from_em=from_em,
        draw_start=draw_start,
        parameters=parameters,
        stop=stop_after(em.rows, NormalParams(sd, variance, np.ones(1))),
        units={"mean": sd, "variance": variance},
        origin={} if means_zero else {"mean": mean},
        magnitude=em.magnitude,
        audit=normal_audit(em, lambda: build_model(hooks=True), rebind),
        towards_unbounded=_towards_the_line(rows, means_zero, mean, variance),
        settings={"means": "0, known" if means_zero else "estimated"},
    )


class _Line(NamedTuple):
    """The line nearest to the complete rows, through 0 where the means are known to be.

    Attributes
    ----------
    through : array (2,)
    slope : float
        0 where there is none that is neither level nor upright.
    left : float
        Share of the squares of y that it leaves unexplained, 1 - r^2.
    """

    through: Array
    slope: float
    left: float


def _line(values: Array, means_zero: bool) -> _Line | None:
    """The line through complete rows (N, 2), None where there are none."""
    if not len(values):
        return None
    through = np.zeros(2) if means_zero else values.mean(axis=0)
    x, y = (values - through).T
    if not means_zero and not (x.any() and y.any()):
        # One place: every line through it will do.
        return _Line(through, 1.0 if not x.any() and not y.any() else 0.0, 0.0)
    slope = float(x @ y / (x @ x)) if x.any() else 0.0
    return _Line(through, slope, float((y - slope * x) @ (y - slope * x) / (y @ y)) if y.any() else 0.0)


def _towards_the_line(values: Array, means_zero: bool, mean: Array, variance: Array) -> tuple[Natural, ...]:
    """A point next to where the likelihood is unbounded, if all complete rows lie on an oblique line; else none.

    With the correlation at 1 or -1 and standard deviations in the ratio of its slope these rows have a density without
    bound, whatever the single entries do.
    """
    line = _line(values[~np.isnan(values).any(axis=1)], means_zero)
    if line is None or line.slope == 0 or line.left > ON_A_LINE:
        return ()
    first = float(variance[0])
    point = {
        "variance": np.array([first, line.slope**2 * first]),
        "correlation": np.array([np.sign(line.slope) * (1 - NEXT_TO_ONE)]),
    }
    return (point if means_zero else {"mean": line.through, **point},)


def _far_from_zero(values: Array, columns: tuple[str, ...], repeats: Array | None) -> tuple[Flag, ...]:
    """A flag that names the columns whose mean is hardly 0."""
    told = []
    for column, entries in zip(columns, values.T, strict=True):
        rows, often = merged(
            entries[~np.isnan(entries), None], None if repeats is None else repeats[~np.isnan(entries)]
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
