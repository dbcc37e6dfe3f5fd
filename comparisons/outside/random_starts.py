"""Random starts of an outside model: from its priors where these are proper, else spread out over the supports."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor

from comparisons.case import Array, InputError, Natural
from comparisons.outside.em import Built, inside
from pp_models.compilation import compile_mode
from pp_models.matrices import from_log_cholesky
from pp_models.objective import Objective

# Draws of a start before the support of a variable is given up.
MOST_DRAWS = 20


def with_proper_priors(model: Any) -> frozenset[str]:
    """Variables that can be drawn from; a flat prior cannot, nor one that is all but flat."""
    proper = set()
    for variable in model.free_RVs:
        try:
            _drawn([variable], 0)
        except (NotImplementedError, ArithmeticError, ValueError):
            continue
        proper.add(variable.name)
    return frozenset(proper)


@dataclass(frozen=True, eq=False)
class RandomStarts:
    """Draws from the priors where these are proper, else spread out over the support of each variable.

    Parameters
    ----------
    built : Built
        The model.
    proper : frozenset of str
        Variables to be drawn from their priors.
    """

    built: Built
    proper: frozenset[str]

    def __call__(self, rng: np.random.Generator) -> Natural:
        """Draw one.

        Raises
        ------
        InputError
            If no draw lies inside the supports.
        """
        for _ in range(MOST_DRAWS):
            start = self._draw(rng)
            beyond = inside(self.built.objective, start)
            if not beyond:
                return start
        raise InputError(f"a random start has {beyond}, outside the support: give the variable another prior")

    def _draw(self, rng: np.random.Generator) -> Natural:
        variables = [variable for variable in self.built.model.free_RVs if variable.name in self.proper]
        drawn = _drawn(variables, int(rng.integers(2**31))) if variables else []
        found = {
            v.name: np.atleast_1d(np.asarray(value, dtype=float)) for v, value in zip(variables, drawn, strict=True)
        }
        names = [variable.name for variable in self.built.model.free_RVs]
        return {name: found[name] if name in found else _spread(self.built.objective, name, rng) for name in names}


def _drawn(variables: list[Any], seed: int) -> list[Any]:
    """One draw of each variable, by the plain back end: compiling for a few numbers takes longer than drawing them."""
    with pytensor.config.change_flags(cxx=""):
        return list(pm.draw(variables, random_seed=seed, mode=compile_mode("fast")))


def _spread(objective: Objective, name: str, rng: np.random.Generator) -> Array:
    """A start of a parameter with a flat prior.

    Normal with standard deviation 2, lognormal, uniform, Dirichlet; of matrices the Cholesky factor is drawn.
    """
    low, high = objective.edges(name)
    if objective.is_simplex(name):
        return rng.dirichlet(np.ones(low.shape[-1]), size=low.shape[:-1])
    if objective.is_matrix(name):
        correlation, size = objective.is_correlation(name), low.shape[-1]
        free = rng.normal(size=(*low.shape[:-2], size * (size - 1) // 2 if correlation else size * (size + 1) // 2))
        return from_log_cholesky(free / 2, size, correlation)
    if objective.is_bounded(name):
        return np.asarray(rng.uniform(low, high))
    if np.isfinite(low).all():
        return low + np.exp(rng.normal(size=low.shape))
    if np.isfinite(high).all():
        return high - np.exp(rng.normal(size=low.shape))
    return rng.normal(scale=2.0, size=low.shape)
