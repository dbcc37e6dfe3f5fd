"""What the audit of an EM of the bivariate normal needs."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from comparisons.case import Array, AuditHooks, Case, Natural
from comparisons.families._audit.mistakes.bivariate_normal import normal_mistakes
from em_reference.bivariate_normal import LOG_2_PI, BivariateNormal


def normal_audit(
    em: BivariateNormal, build_model: Callable[[], Any], rebind: Callable[[dict[str, Any]], Case]
) -> AuditHooks:
    """The hooks of one data set; the counts are the expected sums, of squares and products too."""
    values = np.array(em.values, dtype=float)
    given = np.ones(len(values)) if em.frequencies is None else np.array(em.frequencies, dtype=float)

    def expected_counts(statistics: Array) -> dict[str, Array]:
        """Moved from deviations to the numbers themselves: E x^2 = E u^2 + 2 c E u + c^2 for x = c + u."""
        center, (sums, squares, (product, rows)) = em.center, np.split(statistics, [2, 4])
        counts = {
            "squares": squares + 2 * center * sums + rows * center**2,
            "product": np.array([product + center @ sums[::-1] + rows * center.prod()]),
        }
        return counts if em.means_zero else {"sums": sums + rows * center, **counts}

    def score(expected: Mapping[str, Array], natural: Natural) -> Natural:
        """By the mean S^-1 (sums - N m), by S = [v_1, c; c, v_2], c = rho sqrt(v_1 v_2): S^-1 (T - N S) S^-1 / 2."""
        variance, rho = natural["variance"], natural["correlation"][0]
        mean, sums = natural.get("mean", np.zeros(2)), expected.get("sums", np.zeros(2))
        root = np.sqrt(variance.prod())
        covariance = np.array([[variance[0], rho * root], [rho * root, variance[1]]])
        (first, second), (product,) = expected["squares"], expected["product"]
        moments = np.array([[first, product], [product, second]])
        moments = moments - np.outer(sums, mean) - np.outer(mean, sums) + em.rows * np.outer(mean, mean)
        precision = np.linalg.inv(covariance)
        gradient = precision @ (moments - em.rows * covariance) @ precision / 2
        by_variance = np.diag(gradient) + gradient[0, 1] * rho * root / variance
        by_rho = np.array([2 * gradient[0, 1] * root])
        return {"mean": precision @ (sums - em.rows * mean), "variance": by_variance, "correlation": by_rho}

    def rows(values: Array, given: Array) -> dict[str, Any]:
        return {"values": values, "frequencies": given, "means_zero": em.means_zero}

    plain = rows(values, given)
    none = np.array([[1.0, np.nan], [np.nan, 2.0], [-1.0, np.nan], [np.nan, 0.5]])
    few = np.array([[1.0, 2.0], [2.0, -1.0]])[: 1 if em.means_zero else 2]
    edge_start = {"mean": np.zeros(2), "variance": np.ones(2), "correlation": np.ones(1)}
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
                rows(np.concatenate([values, np.full((1, 2), np.nan)]), np.append(given, 1.0)),
            ),
            "a frequency of 2 for the row twice": (
                rows(values.copy(), given * np.where(np.arange(len(values)) == 0, 2.0, 1.0)),
                rows(np.concatenate([values, values[:1]]), np.append(given, given[0])),
            ),
        },
        edge_cases={
            "one row" if em.means_zero else "two rows": rows(few, np.ones(len(few))),
            "two numbers that are always equal": rows(np.array([[1.0, 1.0], [-2.0, -2.0], [np.nan, 0.5]]), np.ones(3)),
            "no row with both numbers": rows(none, np.ones(len(none))),
        },
        edge_starts={"a correlation of 1": {k: v for k, v in edge_start.items() if k != "mean" or not em.means_zero}},
        constants={"log 2 pi": float((given[:, None] * ~np.isnan(values)).sum() * LOG_2_PI / 2)},
        rows=("values",),
        mistakes=normal_mistakes(values, given, means_zero=em.means_zero),
        made=lambda rng: {what: rows(*other) for what, other in _made(rng, len(values), em.means_zero).items()},
    )


def _made(rng: np.random.Generator, size: int, means_zero: bool) -> dict[str, tuple[Array, Array]]:
    """Pairs with entries missing in both columns, as the family allows them."""
    mean = np.zeros(2) if means_zero else np.array([3.0, -1.0])

    def draw(size: int, sd: tuple[float, float], rho: float, missing: int) -> Array:
        first = rng.normal(size=size)
        second = rho * first + np.sqrt(1 - rho**2) * rng.normal(size=size)
        values = mean + np.column_stack([first, second]) * sd
        # A number that happens to be 0 is no missing one.
        values[-1, 0] = values[-2, 1] = 0.0
        values[:missing, 0] = values[missing : 2 * missing, 1] = np.nan
        return values

    many = 36
    often = np.array([1.0, 2, 0, 3])[np.arange(many) % 4]
    return {
        "unequal variances and entries missing": (draw(many, (1.0, 4.0), 0.6, 8), np.ones(many)),
        "frequencies of 0, 1, 2 and 3": (draw(many, (2.0, 0.5), -0.5, 6), often),
        "numbers that all but agree": (draw(many, (1.0, 1.1), 0.995, 4), np.ones(many)),
        "variances far apart": (draw(many, (0.05, 40.0), 0.4, 4), np.ones(many)),
        "no entry missing": (draw(many, (1.0, 3.0), 0.7, 0), np.ones(many)),
        "the same number of rows with other values": (draw(max(size, 12), (1.0, 2.0), 0.5, 2), np.ones(max(size, 12))),
    }
