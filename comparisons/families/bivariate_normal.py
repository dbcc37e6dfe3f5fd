"""Bivariate normal with missing entries: binds the EM and the PyMC model."""

from typing import Any

import numpy as np

from comparisons.case import Array, Case, InputError, Natural
from comparisons.data import Table, frequencies, numbers
from comparisons.families import Option
from em_reference.bivariate_normal import BivariateNormal, NormalParams

TITLE = "bivariate normal with means 0 and missing entries: two variances and a correlation"
DATA = "two columns of numbers, empty where missing, optionally a column 'frequency', and one row per observation"
OPTIONS: tuple[Option, ...] = ()


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
    repeats = frequencies(table)
    seen = values if repeats is None else values[repeats > 0]
    for column, entries in zip(columns, seen.T, strict=True):
        if not np.nan_to_num(entries).any():
            raise InputError(f"{table.path}, column {column!r}: expected at least one number other than 0")
    if not (~np.isnan(seen)).all(axis=1).any():
        raise InputError(f"{table.path}: no row holds both numbers, expected at least one: else no correlation is seen")
    return bind(name, values, columns, repeats)


def start_fault(start: Natural) -> str | None:
    """Variances are positive, the correlation lies between -1 and 1."""
    if not (start["variance"] > 0).all():
        return "variance holds a number that is not positive, expected numbers above 0"
    if not abs(start["correlation"][0]) < 1:
        return f"correlation is {start['correlation'][0]:g}, expected a number between -1 and 1"
    return None


def bind(name: str, values: Array, columns: tuple[str, ...], repeats: Array | None = None) -> Case:
    """Bind arrays: values (N, 2) with NaN where missing, optionally with frequencies."""

    def build_model() -> Any:
        from pp_models import bivariate_normal

        return bivariate_normal.build(values, frequencies=repeats)

    mean_square = np.nanmean(values**2, axis=0)

    def draw_start(rng: np.random.Generator) -> Natural:
        return {"variance": mean_square * rng.gamma(2.0, 0.5, 2), "correlation": rng.uniform(-0.95, 0.95, 1)}

    missing = int(np.isnan(values).sum())
    return Case(
        name=name,
        family="bivariate-normal",
        title=f"{len(values)} rows of 2 values, {missing} missing",
        em=BivariateNormal(values, repeats),
        build_model=build_model,
        to_em=lambda natural: NormalParams(
            np.asarray(natural["variance"], dtype=float), np.asarray(natural["correlation"], dtype=float)
        ),
        from_em=lambda params: {"variance": params.variance, "correlation": params.correlation},
        draw_start=draw_start,
        labels={"variance": columns, "correlation": (",".join(columns),)},
        # No audit hooks: the missing values are continuous, so there is no log joint of finitely many states.
        settings={"means": "0, known"},
    )
