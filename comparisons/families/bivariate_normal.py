"""Bivariate normal with missing entries: binds the EM and the PyMC model."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from comparisons.case import Array, AuditHooks, Case, InputError, Natural
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

    def build_model(hooks: bool = False) -> Any:
        from pp_models import bivariate_normal

        return bivariate_normal.build(values, frequencies=repeats, hooks=hooks)

    def rebind(data: dict[str, Any]) -> Case:
        return bind(name, np.asarray(data["values"], dtype=float), columns, data.get("frequencies"))

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
        audit=_audit(values, repeats, lambda: build_model(hooks=True), rebind),
        settings={"means": "0, known"},
    )


def _audit(
    values: Array,
    repeats: Array | None,
    build_model: Callable[[], Any],
    rebind: Callable[[dict[str, Any]], Case],
) -> AuditHooks:
    """What the audit of such an EM needs; its counts are the expected sums of squares and of products."""
    given = np.ones(len(values)) if repeats is None else repeats
    rows = float(given[~np.isnan(values).all(axis=1)].sum())

    def expected_counts(statistics: Array) -> dict[str, Array]:
        return {"squares": statistics[:2], "product": statistics[2:3]}

    def score(expected: Mapping[str, Array], natural: Natural) -> Natural:
        """By S = [v_1, c; c, v_2], c = rho sqrt(v_1 v_2): dQ/dS = S^-1 (T - N S) S^-1 / 2, then the chain rule."""
        variance, rho = natural["variance"], natural["correlation"][0]
        root = np.sqrt(variance.prod())
        covariance = np.array([[variance[0], rho * root], [rho * root, variance[1]]])
        (first, second), (product,) = expected["squares"], expected["product"]
        moments = np.array([[first, product], [product, second]])
        precision = np.linalg.inv(covariance)
        gradient = precision @ (moments - rows * covariance) @ precision / 2
        by_variance = np.diag(gradient) + gradient[0, 1] * rho * root / variance
        return {"variance": by_variance, "correlation": np.array([2 * gradient[0, 1] * root])}

    plain = {"values": values.copy(), "frequencies": given.copy()}
    twice = {"values": np.concatenate([values, values[:1]]), "frequencies": np.append(given, given[0])}
    return AuditHooks(
        build_model=build_model,
        expected_counts=expected_counts,
        score=score,
        mass={},
        data=plain,
        rebind=rebind,
        symmetries={},
        same_data={
            "a row without responses": (
                plain,
                {"values": np.concatenate([values, np.full((1, 2), np.nan)]), "frequencies": np.append(given, 1.0)},
            ),
            "a frequency of 2 for the row twice": (
                {"values": values.copy(), "frequencies": given * np.where(np.arange(len(values)) == 0, 2.0, 1.0)},
                twice,
            ),
        },
        edge_cases={
            "one row": {"values": np.array([[1.0, 2.0]]), "frequencies": np.ones(1)},
            "two numbers that are always equal": {
                "values": np.array([[1.0, 1.0], [-2.0, -2.0], [np.nan, 0.5]]),
                "frequencies": np.ones(3),
            },
            "no row with both numbers": {
                "values": np.array([[1.0, np.nan], [np.nan, 2.0], [-1.0, np.nan]]),
                "frequencies": np.ones(3),
            },
        },
        edge_starts={"a correlation of 1": {"variance": np.ones(2), "correlation": np.ones(1)}},
    )
