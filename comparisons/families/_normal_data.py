"""Tables of numbers as data of a mixture of normal distributions, and what has no estimate there."""

from typing import Any, NamedTuple

import numpy as np

from comparisons.case import Array, Flag, InputError, Natural
from comparisons.families._equal_rows import merged
from comparisons.families._normal_components import NormalComponents
from comparisons.families._pairs import without_variance
from comparisons.parsing import Range, as_number, shortened
from comparisons.reading.tables import Table, numbers, read_frequencies

FREQUENCY = "frequency"
MOST_VARIABLES = 50
# Degrees of freedom and scale of a prior: narrower than any belief, and wide enough to be next to flat.
DEGREES, SCALE = Range(1e-3, 1e6), Range(1e-6, 1e6)
# Variables depend on each other linearly where others explain all of one but this share.
DEPENDENT = 1e-12
# A component this much narrower than the data is on its way to a point.
NARROW = 1e-6


class NormalData(NamedTuple):
    """Columns of numbers.

    Attributes
    ----------
    path : str
    columns : tuple of str
    values : array (N, D)
        NaN where missing.
    frequencies : array (N,) or None
    flags : tuple of Flag
    """

    path: str
    columns: tuple[str, ...]
    values: Array
    frequencies: Array | None
    flags: tuple[Flag, ...]

    @classmethod
    def read(cls, table: Table, chosen: str | None) -> "NormalData":
        """The chosen columns of a table, all but the frequency when none is chosen.

        Raises
        ------
        InputError
        """
        columns = tuple(column for column in table.columns if column != FREQUENCY)
        if chosen is not None:
            columns = tuple(name.strip() for name in chosen.split(","))
            if FREQUENCY in columns or len(set(columns)) < len(columns):
                raise InputError(f"--variables {chosen}: expected different columns of values")
            for column in columns:
                table.column(column)
        if not 1 <= len(columns) <= MOST_VARIABLES:
            raise InputError(f"{table.path}: {len(columns)} columns of values, expected 1 to {MOST_VARIABLES}")
        values = numbers(table, columns, expected="a number or empty", empty=True)
        frequencies = read_frequencies(table)
        flags: tuple[Flag, ...] = ()
        empty = int(np.isnan(values).all(axis=1).sum())
        if empty:
            message = f"{empty} row(s) of {table.path} hold no number at all: they say nothing and are left out"
            flags = (*flags, Flag("empty_rows", message))
        return cls(table.path, columns, values, frequencies, flags)


def covariance_prior_of(text: str | None, variables: int, covariance: str) -> tuple[float, float] | None:
    """'4,0.5' -> (4.0, 0.5), degrees of freedom and scale.

    Raises
    ------
    InputError
    """
    if text is None:
        return None
    matrix = variables > 1 and covariance in ("full", "tied")
    least = variables - 1 if matrix else 0
    try:
        degrees, scale = (as_number(part) for part in str(text).split(","))
        possible = DEGREES.holds(degrees) and degrees > least and SCALE.holds(scale)
    except ValueError:
        possible = False
    if not possible:
        above = f"DF above {least}, up to {DEGREES.most:g}"
        raise InputError(
            f"--covariance-prior {shortened(text)}: expected 'DF,SCALE' with {above}, and SCALE {SCALE.least:g} to "
            f"{SCALE.most:g}"
        )
    return degrees, scale


def refuse_without_estimate(data: NormalData, components: int, covariance: str, floor: float, has_prior: bool) -> None:
    """Refuse data that have no estimate, or a floor that the model cannot have.

    Raises
    ------
    InputError
    """
    seen = data.values if data.frequencies is None else data.values[data.frequencies > 0]
    seen = seen[~np.isnan(seen).all(axis=1)]
    matrix = len(data.columns) > 1 and covariance in ("full", "tied")
    for column, entries in zip(data.columns, seen.T, strict=True):
        own = entries[~np.isnan(entries)]
        fault = "holds no number" if not len(own) else without_variance(own)
        if fault:
            raise InputError(f"{data.path}, column {column!r}: {fault}")
        if floor >= own.var():
            raise InputError(f"--floor {floor:g}: expected less than {own.var():g}, the variance of {column!r}")
    if floor and matrix:
        raise InputError(
            f"--floor: not with covariance matrices (--covariance {covariance}), where --covariance-prior keeps them "
            "from collapsing"
        )
    different = len(merged(seen, None)[0])
    if components > different:
        raise InputError(f"--components {components}: expected at most {different}, the different rows there are")
    complete = seen[~np.isnan(seen).any(axis=1)]
    if matrix and not has_prior and len(complete) == len(seen) and _dependent(complete):
        raise InputError(
            f"{data.path}: one of {', '.join(data.columns)} follows from the others, and the likelihood is unbounded; "
            "expected variables without such a relation, --covariance diag, or a --covariance-prior"
        )


def _dependent(values: Array) -> bool:
    """Whether the rows (N, D) lie on a hyperplane."""
    apart = values - values.mean(axis=0)
    scaled = apart / np.sqrt((apart**2).sum(axis=0))
    return bool(np.linalg.svd(scaled, compute_uv=False, full_matrices=False).min() ** 2 < DEPENDENT) or (
        len(values) <= values.shape[1]
    )


def towards_a_row(parts: NormalComponents) -> tuple[Natural, ...]:
    """A point next to where the likelihood is unbounded: a component on one row, where components differ in spread."""
    structure = parts.em.structure
    if structure.components == 1 or structure.pooled:
        return ()
    size = structure.components
    rows = max(parts.em.blocks, key=lambda block: block.seen.sum())
    mean = np.repeat(parts.em.spread.mean[None], size, axis=0)
    mean[0, rows.seen] = rows.values[:, 0]
    mean[1:] += parts.sd * np.linspace(-1, 1, size + 1)[1:-1, None][: size - 1]
    spread: Any = np.broadcast_to(parts.units[parts.spread_name], structure.shape).astype(float).copy()
    if structure.form == "matrix":
        spread *= np.eye(structure.variables)
    spread[0] *= NARROW
    weight = np.full(size, (1 - 1 / parts.em.rows) / (size - 1))
    weight[0] = 1 / parts.em.rows
    means = mean if structure.variables > 1 else mean[:, 0]
    return ({"weight": weight, "mean": means, parts.spread_name: spread},)
