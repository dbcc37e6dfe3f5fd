"""How a mixture of normal distributions is shown: densities over a histogram, or contours over the rows."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from comparisons.case import Array, Clouds, Curves, Natural
from comparisons.families._normal_components import NormalComponents
from em_reference.gaussian_mixture import GaussianMixture

# Places of a curve, and how far beyond the data, in standard deviations, it goes.
PLACES, BEYOND = 401, 1.0
# Points of an ellipse, and the standard deviations at which it is drawn.
AROUND, CONTOURS = 121, (1.0, 2.0)
# Most bars of a histogram.
MOST_BARS = 40


@dataclass(frozen=True)
class GaussianDisplay:
    """The EM of the data, and how its parameters are called."""

    em: GaussianMixture
    parts: NormalComponents
    assigned: bool

    @property
    def component_names(self) -> tuple[str, ...]:
        """component1, component2, ..."""
        return tuple(f"component{k + 1}" for k in range(self.em.components))

    def derive(self, natural: Natural) -> Natural:
        """Standard deviations, and correlations of covariance matrices."""
        structure, columns = self.em.structure, self.parts.columns
        spread = natural[self.parts.spread_name]
        if structure.form == "matrix":
            variance = np.diagonal(spread, axis1=-2, axis2=-1)
        else:
            variance = spread if structure.form == "diagonal" or structure.pooled else spread[:, None]
        variance = np.atleast_2d(variance) if structure.pooled else variance
        names = [""] if structure.pooled else list(self.component_names)
        variables = list(columns) if structure.form != "scalar" and structure.variables > 1 else [""]
        found: Natural = {}
        for name, row in zip(names, np.sqrt(variance), strict=True):
            for column, value in zip(variables, row, strict=True):
                found[_called("sd", name, column)] = np.array([value])
        if structure.form == "matrix":
            sd = np.sqrt(variance)
            for name, matrix, own in zip(names, np.reshape(spread, (-1, *spread.shape[-2:])), sd, strict=True):
                for i, j in zip(*np.triu_indices(structure.variables, 1), strict=True):
                    value = matrix[i, j] / (own[i] * own[j])
                    found[_called("correlation", name, columns[i], columns[j])] = np.array([value])
        return found

    def curves(self, natural: Natural) -> Curves | None:
        """Of one variable: the density of the mixture and of its components over a histogram."""
        if self.em.structure.variables > 1:
            return None
        params = self.parts.to_em(natural)
        (block,) = self.em.blocks
        values, often = block.values[0], block.frequencies
        margin = BEYOND * self.parts.sd[0]
        x = np.linspace(values.min() - margin, values.max() + margin, PLACES)
        gamma, log_density = self.em.responsibilities(params, x)
        density = np.exp(log_density)
        shares = {name: density * share for name, share in zip(self.component_names, gamma.T, strict=True)}
        return Curves(
            "Fitted density and its components",
            self.parts.columns[0],
            "density",
            x,
            {"mixture": density, **(shares if self.em.components > 1 else {})},
            _histogram(values, often, x),
        )

    def clouds(self, natural: Natural) -> Clouds | None:
        """Of several variables: the rows, in the first two of them, and the contours of the components."""
        if self.em.structure.variables < 2:
            return None
        params = self.parts.to_em(natural)
        blocks = [block for block in self.em.blocks if block.seen[:2].all()]
        if not blocks:
            return None
        rows = np.concatenate([_with_gaps(block.seen, block.values) for block in blocks])
        often = np.concatenate([block.frequencies for block in blocks])
        shares = self.em.responsibilities(params, rows)[0]
        size, variables = self.em.components, self.em.structure.variables
        matrices = np.broadcast_to(self.em.structure.matrices(params.covariance), (size, variables, variables))
        angle = np.linspace(0, 2 * np.pi, AROUND)
        circle = np.stack([np.cos(angle), np.sin(angle)])
        outlines = {
            f"{name} (weight {weight:.3f})": np.stack(
                [mean[:2] + sds * (np.linalg.cholesky(matrix[:2, :2]) @ circle).T for sds in CONTOURS]
            )
            for name, weight, mean, matrix in zip(
                self.component_names, params.weight, params.mean, matrices, strict=True
            )
        }
        title = "Rows and components" if variables == 2 else "Rows and components in the first two variables"
        x, y = self.parts.columns[:2]
        return Clouds(title, x, y, rows[:, :2], often, shares, outlines)

    def extra_tables(self, natural: Natural) -> dict[str, pd.DataFrame]:
        """Responsibilities of every row, and its likeliest component."""
        if not self.assigned:
            return {}
        values = np.asarray(self.em.values, dtype=float).reshape(-1, self.em.structure.variables)
        gamma = np.full((len(values), self.em.components), np.nan)
        seen = ~np.isnan(values).all(axis=1)
        gamma[seen] = self.em.responsibilities(self.parts.to_em(natural), values[seen])[0]
        likeliest = np.where(seen, np.array(self.component_names)[np.nan_to_num(gamma).argmax(axis=1)], "")
        found = pd.DataFrame(values, columns=[_other_than(c, "row", "component") for c in self.parts.columns])
        found.insert(0, "row", np.arange(1, len(values) + 1))
        return {"responsibilities": found.assign(component=likeliest).join(self._by_component(gamma))}

    def _by_component(self, gamma: Array) -> pd.DataFrame:
        return pd.DataFrame(gamma, columns=list(self.component_names))


def _called(what: str, *labels: str) -> str:
    named = ", ".join(label for label in labels if label)
    return f"{what}[{named}]" if named else what


def _other_than(column: str, *taken: str) -> str:
    clash = column in taken or column.removeprefix("component").isdigit()
    return f"variable {column}" if clash else column


def _with_gaps(seen: npt.NDArray[np.bool_], values: Array) -> Array:
    """Rows (J, D) of what was seen, NaN where it was not."""
    rows = np.full((values.shape[1], len(seen)), np.nan)
    rows[:, seen] = values.T
    return rows


def _histogram(values: Array, often: Array, x: Array) -> Array:
    """Height of a histogram of area 1 at the places x; bars by the rule of Freedman and Diaconis."""
    order = values.argsort()
    passed = np.cumsum(often[order]) / often.sum()
    low, high = (values[order][min(int(np.searchsorted(passed, q)), len(order) - 1)] for q in (0.25, 0.75))
    width = 2 * (high - low) / np.cbrt(often.sum())
    whole = np.ptp(values)
    bars = int(np.clip(np.ceil(whole / width) if width > 0 else MOST_BARS, 5, MOST_BARS))
    heights, edges = np.histogram(values, bins=bars, weights=often, density=True)
    place = np.searchsorted(edges, x, side="right") - 1
    place = np.where(x == edges[-1], bars - 1, place)
    return np.where((place >= 0) & (place < bars), heights[np.clip(place, 0, bars - 1)], 0.0)
