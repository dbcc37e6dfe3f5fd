"""Mistakes in the EM of the bivariate normal with entries missing."""

from collections.abc import Callable

import numpy as np

from comparisons.case import Array, Natural

Cycle = Callable[[Natural, float], Natural]


def normal_mistakes(values: Array, given: Array, *, means_zero: bool) -> dict[str, Cycle]:
    """Wrong regressions, and wrong moments of the rows that were completed by them."""
    seen = ~np.isnan(values)
    some = seen.any(axis=1) & (given > 0)
    values, seen, often = values[some], seen[some], given[some]
    size = often.sum()
    filled = np.nan_to_num(values)

    def completed(natural: Natural, slopes: Callable[[Array, float], Array], marginal: bool) -> tuple[Array, Array]:
        """Entries filled in by regression, and the conditional variance of each."""
        mean = natural.get("mean", np.zeros(2))
        variance, rho = natural["variance"], float(natural["correlation"][0])
        by_regression = mean + slopes(variance, rho) * (filled - mean)[:, ::-1]
        left = 0.0 if marginal else rho**2
        return np.where(seen, filled, by_regression), np.where(seen, 0.0, variance * (1 - left))

    def right(variance: Array, rho: float) -> Array:
        return np.asarray(rho * np.sqrt(variance / variance[::-1]))

    def cycle(
        slopes: Callable[[Array, float], Array] = right,
        spread: float = 1.0,
        marginal: bool = False,
        finish: Callable[[Natural, float], Natural] = lambda natural, _: natural,
    ) -> Cycle:
        def one(natural: Natural, amount: float) -> Natural:
            full, conditional = completed(natural, slopes, marginal)
            mean = np.zeros(2) if means_zero else often @ full / size
            apart = full - mean
            variance = (often @ (apart**2 + spread * conditional)) / size
            covariance = (often @ apart.prod(axis=1)) / size
            new = {
                "mean": mean,
                "variance": variance,
                "correlation": covariance / np.sqrt(variance.prod(keepdims=True)),
            }
            return finish({name: new[name] for name in natural}, amount)

        return one

    def by_one(which: int) -> Callable[[Natural, float], Natural]:
        def change(new: Natural, _: float) -> Natural:
            root = np.sqrt(new["variance"].prod(keepdims=True))
            return {**new, "correlation": new["correlation"] * root / new["variance"][which]}

        return change

    def diagonal(new: Natural, amount: float) -> Natural:
        variance = new["variance"] + amount
        kept = np.sqrt((new["variance"] / variance).prod(keepdims=True))
        return {**new, "variance": variance, "correlation": new["correlation"] * kept}

    def unbiased(new: Natural, _: float) -> Natural:
        return {**new, "variance": new["variance"] * size / (size - 1)}

    def covariance(new: Natural, _: float) -> Natural:
        return {**new, "correlation": new["correlation"] * np.sqrt(new["variance"].prod(keepdims=True))}

    return {
        "the covariance is returned in place of the correlation": cycle(finish=covariance),
        "the regression coefficient has the variances exchanged or not rooted": cycle(lambda v, rho: rho * v / v[::-1]),
        "the marginal variance is added for a missing entry, not the conditional one": cycle(marginal=True),
        "a regression coefficient is taken for the correlation": cycle(finish=by_one(0)),
        "a regression coefficient is taken for the correlation, that of the other variable": cycle(finish=by_one(1)),
        "the correlation is taken for the regression coefficient": cycle(lambda _, rho: np.full(2, rho)),
        "the regression coefficient of y on x serves for both": cycle(lambda v, rho: np.full(2, right(v, rho)[1])),
        "the regression coefficient of x on y serves for both": cycle(lambda v, rho: np.full(2, right(v, rho)[0])),
        "the two regression coefficients are exchanged": cycle(lambda v, rho: right(v, rho)[::-1]),
        "missing entries are filled in without their conditional variance": cycle(spread=0.0),
        "missing entries are filled in with the mean": cycle(lambda _, rho: np.zeros(2)),
        "sums are divided by n - 1 where maximum likelihood has n": cycle(finish=unbiased),
        "{amount} is added to the diagonal of the covariance matrix": cycle(finish=diagonal),
    }
