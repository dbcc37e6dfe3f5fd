"""Parameters of a mixture of normal distributions: names and axes, units of the data, random starts, labellings."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from comparisons.case import Array, Axis, Natural, Parameter, Support, numbered
from comparisons.parameters import reordered
from em_reference.gaussian_mixture import GaussianMixture, GaussianParams

# Shares of the variances of the data that the components of a random start have.
SHARES = (0.05, 1.0)
# Of the squared range of the data, or of the floor: no variance gets there.
ABOVE = 10.0


@dataclass(frozen=True, eq=False)
class NormalComponents:
    """The parameters of one EM problem under their natural names.

    Attributes
    ----------
    em : GaussianMixture
    columns : tuple of str
        Names of the variables.
    """

    em: GaussianMixture
    columns: tuple[str, ...]

    @property
    def spread_name(self) -> str:
        """`covariance` of matrices, `variance` of variances."""
        return "covariance" if self.em.structure.form == "matrix" else "variance"

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """Weights unless there is one component, means, and covariance matrices or variances."""
        structure = self.em.structure
        component = numbered("component", "component", structure.components)
        variable = () if structure.variables == 1 else (Axis("variable", self.columns),)
        own = {"matrix": variable * 2, "diagonal": variable, "scalar": ()}[structure.form]
        support = Support.COVARIANCE if structure.form == "matrix" else Support.POSITIVE
        support = Support.INTERVAL if self.em.floor else support
        spread = Parameter(self.spread_name, (() if structure.pooled else (component,)) + own, support)
        weight = Parameter("weight", (component,), Support.SIMPLEX)
        return (*((weight,) if structure.components > 1 else ()), Parameter("mean", (component, *variable)), spread)

    @cached_property
    def sd(self) -> Array:
        """Standard deviations of what was seen, (D,); 1 where there is none."""
        return np.sqrt(np.where(self.em.spread.variance > 0, self.em.spread.variance, 1.0))

    @cached_property
    def units(self) -> dict[str, Any]:
        """Standard deviations of the data for means, and their products."""
        form, sd = self.em.structure.form, self.sd
        by_form = {"matrix": np.outer(sd, sd), "diagonal": sd**2, "scalar": float((sd**2).mean())}
        return {"mean": sd if len(sd) > 1 else float(sd[0]), self.spread_name: by_form[form]}

    @property
    def above(self) -> float:
        """A variance above all that a component can have."""
        widest = max(float(np.ptp(block.values, axis=1).max()) for block in self.em.blocks)
        return max(ABOVE * max(widest**2, float((self.sd**2).max())), ABOVE * self.em.floor)

    @property
    def origin(self) -> dict[str, Any]:
        """The mean of the data."""
        mean = self.em.spread.mean
        return {"mean": mean if len(mean) > 1 else float(mean[0])}

    @property
    def units_in_em(self) -> GaussianParams:
        """The same for the EM's parameters."""
        shapes = {parameter.name: parameter.shape for parameter in self.parameters}
        mean, spread = (np.broadcast_to(self.units[name], shapes[name]) for name in ("mean", self.spread_name))
        return GaussianParams(np.ones(self.em.components), mean, spread)

    def to_em(self, natural: Natural) -> GaussianParams:
        """The EM's parameters; leading axes are kept."""
        mean = np.asarray(natural["mean"], dtype=float)
        lead = mean.shape[: mean.ndim - (1 if self.em.structure.variables == 1 else 2)]
        weight = natural.get("weight", np.ones((*lead, 1)))
        return GaussianParams(np.asarray(weight, dtype=float), mean, np.asarray(natural[self.spread_name], dtype=float))

    def from_em(self, params: GaussianParams) -> Natural:
        """Natural parameters; leading axes are kept."""
        weight = {"weight": params.weight} if self.em.components > 1 else {}
        return {**weight, "mean": params.mean, self.spread_name: params.covariance}

    def aligned(self, natural: Natural, reference: Natural) -> Natural:
        """Components in the order that comes closest to the reference, in units of the data."""
        from scipy.optimize import linear_sum_assignment

        places = {parameter.name: parameter.along("component") for parameter in self.parameters}
        own = {name: found for name, found in places.items() if found}
        distance: Any = 0.0
        for name in own:
            unit = self.units.get(name, 1.0)
            apart = np.abs(reference[name][:, None] - natural[name]) / unit
            distance = distance + np.minimum(apart, 1e9).reshape(*apart.shape[:2], -1).sum(axis=-1)
        return reordered(natural, own, linear_sum_assignment(np.nan_to_num(distance, nan=1e9))[1])

    def draw_start(self, rng: np.random.Generator) -> Natural:
        """Means at rows of the data, covariances a share of those of the data, any weights."""
        structure = self.em.structure
        size, variables = structure.components, structure.variables
        start = {"weight": rng.dirichlet(np.ones(size))} if size > 1 else {}
        mean = self.em.spread.mean + self.sd * rng.normal(size=(size, variables))
        block = self.em.blocks[rng.integers(len(self.em.blocks))]
        # EM never parts two components with one mean and one covariance.
        few, often = len(block.frequencies) < size, block.frequencies / block.frequencies.sum()
        chosen = rng.choice(len(often), size, replace=few, p=often)
        mean[:, block.seen] = block.values[:, chosen].T
        start["mean"] = mean if variables > 1 else mean[:, 0]
        shape = structure.shape
        if structure.form == "matrix":
            factor = self.sd[:, None] * rng.normal(size=(*shape[:-1], variables + 4)) / np.sqrt(variables + 4)
            share = rng.uniform(*SHARES, size=(*shape[:-2], 1, 1))
            spread = share * (factor @ np.swapaxes(factor, -1, -2))
        else:
            spread = np.maximum(self.units[self.spread_name] * rng.uniform(*SHARES, size=shape), 1.5 * self.em.floor)
        return {**start, self.spread_name: spread}
