"""Mistakes in the EM of a mixture of normal distributions."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from comparisons.case import Array, Natural
from em_reference.gaussian_mixture import GaussianCounts, GaussianMixture, GaussianParams
from em_reference.normal_density import expected_moments

Cycle = Callable[[Natural, float], Natural]


def gaussian_mistakes(em: GaussianMixture) -> dict[str, Cycle]:
    """Wrong densities, wrong moments, and wrong ways with what is missing."""
    structure = em.structure
    spread_name = "covariance" if structure.form == "matrix" else "variance"

    def to_em(natural: Natural) -> GaussianParams:
        return GaussianParams(natural.get("weight", np.ones(1)), natural["mean"], natural[spread_name])

    def cycle(
        seen_as: Callable[[GaussianParams], GaussianParams] | None = None,
        counted: Callable[[GaussianCounts, GaussianParams], GaussianCounts] | None = None,
        moved: Callable[[GaussianParams, GaussianCounts, float], Array] | None = None,
        problem: GaussianMixture = em,
    ) -> Cycle:
        """One cycle: what the E-step takes the parameters for, other counts, other covariances after the M-step."""

        def one(natural: Natural, amount: float) -> Natural:
            params = to_em(natural)
            counts = problem.e_step(params if seen_as is None else seen_as(params)).expected_counts
            counts = counts if counted is None else counted(counts, params)
            new = problem.m_step(counts, params)
            spread = new.covariance if moved is None else moved(new, counts, amount)
            found = {"weight": new.weight, "mean": new.mean, spread_name: spread}
            return {name: found[name] for name in natural}

        return one

    def without_determinant(params: GaussianParams) -> GaussianParams:
        """The missing factor |Sigma_k|^(-1/2) is as good as weights times |Sigma_k|^(1/2)."""
        log_weight = np.log(params.weight) + np.linalg.slogdet(structure.matrices(params.covariance))[1] / 2
        weight = np.exp(log_weight - log_weight.max())
        return params._replace(weight=weight / weight.sum())

    def whole_determinant(params: GaussianParams) -> GaussianParams:
        """Likewise, |Sigma_k|^-1 in place of its root."""
        log_weight = np.log(params.weight) - np.linalg.slogdet(structure.matrices(params.covariance))[1] / 2
        weight = np.exp(log_weight - log_weight.max())
        return params._replace(weight=weight / weight.sum())

    def plain_average(params: GaussianParams) -> Array:
        """Covariances of the components, each about its own mean, averaged as if all had as many rows."""
        free = replace(em, covariance="full", floor=0.0, covariance_prior=None)
        matrices = np.repeat(structure.matrices(params.covariance), em.components, axis=0)
        spread = matrices if structure.variables > 1 else matrices[:, 0, 0]
        own = params._replace(covariance=spread)
        found = free.m_step(free.e_step(own).expected_counts, own).covariance
        return np.asarray(found.mean(axis=0) if structure.variables > 1 else found.mean(keepdims=True))

    def one_less(new: GaussianParams, counts: GaussianCounts, _: float) -> Array:
        rows = structure.rows(counts.observations)
        return np.asarray(new.covariance * rows / (rows - 1))

    def about_old_means(_: GaussianParams, counts: GaussianCounts, __: float) -> Array:
        return np.asarray(counts.squares / structure.rows(counts.observations))

    def with_more(new: GaussianParams, _: GaussianCounts, amount: float) -> Array:
        more = amount * np.asarray(em.spread.variance).mean()
        return new.covariance + (more * np.eye(structure.variables) if structure.form == "matrix" else more)

    def averaged(average: Callable[[GaussianParams], Array]) -> Cycle:
        right = cycle()

        def one(natural: Natural, amount: float) -> Natural:
            return {**right(natural, amount), spread_name: average(to_em(natural))}

        return one

    found = {
        "a variance is divided by its rows less one": cycle(moved=one_less),
        "squares are taken about the means of the cycle before": cycle(moved=about_old_means),
        "{amount} of the variance of the data is added to every variance": cycle(moved=with_more),
    }
    if em.components > 1:
        found["the factor 1/2 of the exponent of the normal density is left out"] = cycle(
            seen_as=lambda params: params._replace(covariance=params.covariance / 2)
        )
    if em.components > 1 and not structure.pooled:
        found["the factor 1 / sd, or 1 / the root of the determinant, of the normal density is left out"] = cycle(
            seen_as=without_determinant
        )
        found["the determinant counts whole in the normal density, not its root"] = cycle(seen_as=whole_determinant)
    if em.components > 1 and structure.pooled:
        found["the covariances of the components are averaged without their weights"] = averaged(plain_average)
    if structure.form == "scalar" and structure.variables > 1:
        found["the variance is not divided by the number of variables"] = cycle(
            moved=lambda new, _, __: new.covariance * structure.variables
        )
    if structure.form == "matrix" and em.components > 1:
        eye = np.eye(structure.variables)
        found["the density of the E-step takes the variables for independent"] = cycle(
            seen_as=lambda params: params._replace(covariance=params.covariance * eye)
        )
    return found | _with_missing(em, cycle)


def _with_missing(em: GaussianMixture, cycle: Callable[..., Cycle]) -> dict[str, Cycle]:
    """Mistakes that only data with missing entries show."""
    values = np.asarray(em.values, dtype=float).reshape(-1, em.structure.variables)
    gone = np.isnan(values)
    if em.structure.variables == 1 or not gone[~gone.all(axis=1)].any():
        return {}
    often = np.ones(len(values)) if em.frequencies is None else np.asarray(em.frequencies, dtype=float)

    def imputed_once(counts: GaussianCounts, params: GaussianParams) -> GaussianCounts:
        matrices = em.structure.matrices(params.covariance)
        forgotten = np.zeros((*counts.observations.shape, *matrices.shape[-2:]))
        for block in em.blocks:
            some = block.seen
            expected = expected_moments(params.weight, params.mean, matrices, block).observations
            regression = np.linalg.solve(matrices[:, some][:, :, some], matrices[:, some])
            left = matrices - np.swapaxes(matrices[:, some], -1, -2) @ regression
            forgotten += expected[:, None, None] * left
        return counts._replace(squares=counts.squares - em.structure.contracted(forgotten))

    filled = np.where(gone, em.spread.mean, values)
    found = {
        "missing entries are taken for 0": cycle(problem=replace(em, values=np.nan_to_num(values))),
        "missing entries are replaced by the mean of their variable": cycle(problem=replace(em, values=filled)),
        "missing entries are replaced by their expectation, and their variance is forgotten": cycle(
            counted=imputed_once
        ),
    }
    complete = ~gone.any(axis=1) & (often > 0)
    if complete.any():
        rest = replace(em, values=values[complete], frequencies=often[complete])
        found["rows with missing entries are left out"] = cycle(problem=rest)
    return found
