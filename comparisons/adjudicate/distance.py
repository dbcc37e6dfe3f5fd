"""How far estimates are from an optimum: rounding box, EM's own stop rule, standard errors.

Everything is measured around one stationary point x of PyMC's log-likelihood, in the free parameters;
`printed` is the same point in the quantities that the file prints, as a `Reading` takes them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog
from scipy.stats import f as f_distribution

from comparisons.adjudicate.allowance import Allowance
from comparisons.adjudicate.steps import allowed, em_step
from comparisons.adjudicate.ways_to_read import Reading
from comparisons.case import Array, Natural, natural_of, stack
from comparisons.compiled import Compiled, WithCompiled
from pp_models.maximise import held_at_bound

# Round-off of EM and PyMC, beside the unit + |estimate|: the optimum itself is known to about this.
ROUND_OFF = 1e-8
STEP = 1e-4
# Curvature, beside the steepest, below which a direction carries no information.
FLAT = 1e-9
# Rates of EM above this belong to a ridge, along which no point is special.
STANDS_STILL = 1 - 1e-6
# How far the map may be from symmetric, as differences leave it.
SYMMETRIC = 1e-3
# Chance with which the estimates of another sample would look as if EM had been stopped early.
CHANCE = 0.01


@dataclass(frozen=True, eq=False)
class Neighbourhood(WithCompiled):
    """A stationary point, with the derivatives from which distances to it are measured.

    Attributes
    ----------
    compiled : Compiled
    natural : Natural
        The stationary point.
    left_open : tuple of str
        Parameters that the data do not determine there; they may have any value.
    """

    compiled: Compiled
    natural: Natural
    left_open: tuple[str, ...] = ()

    @cached_property
    def x(self) -> Array:
        """Free parameters."""
        return self.objective.free(self.natural)

    @cached_property
    def level(self) -> float:
        """Log-likelihood (or log-posterior)."""
        return self.objective.value_and_gradient(self.x)[0]

    @cached_property
    def movable(self) -> npt.NDArray[np.bool_]:
        """Free parameters that are not held at a bound."""
        gradient = self.objective.value_and_gradient(self.x)[1]
        return ~held_at_bound(self.objective, self.x, gradient)

    @cached_property
    def determined(self) -> npt.NDArray[np.bool_]:
        """Natural parameters that the data determine."""
        return ~np.isin(self.case.parameter_names(), self.left_open)

    @cached_property
    def information(self) -> Array:
        """Observed information of the free parameters that can move."""
        hessian = self.objective.hessian(self.x)
        return -hessian[np.ix_(self.movable, self.movable)]

    @cached_property
    def covariance(self) -> tuple[Array, Array]:
        """Covariance of the free parameters along informative directions, and basis of the others."""
        values, vectors = np.linalg.eigh(self.information)
        informative = values > FLAT * np.abs(values).max(initial=0.0)
        known = vectors[:, informative]
        return (known / values[informative]) @ known.T, vectors[:, ~informative]

    def derivative(self, function: Callable[[Natural], Array]) -> Array:
        """Central differences (outputs, movable) of a function of batched natural parameters."""
        return self._both_sides(function)[1]

    def _both_sides(self, function: Callable[[Natural], Array]) -> tuple[list[Natural], Array]:
        offsets = STEP * np.eye(len(self.x))[self.movable]
        points = [
            {name: values[name] for name in self.case.labels}
            for values in map(self.objective.natural, (*(self.x + offsets), *(self.x - offsets)))
        ]
        if not points:
            return points, np.zeros((len(function(self.natural)), 0))
        values = function(stack(points))
        plus, minus = np.split(values, 2)
        return points, ((plus - minus) / (2 * STEP)).T

    @cached_property
    def em_change(self) -> Array:
        """Derivative of what one EM cycle changes, (natural, movable)."""
        case = self.case
        return self.derivative(lambda natural: case.flat(em_step(case, natural)) - case.flat(natural))

    @cached_property
    def natural_derivative(self) -> Array:
        """Derivative of the natural parameters, (natural, movable)."""
        return self.derivative(self.case.flat)

    def printed(self, reading: Reading) -> Array:
        """The point in the quantities of the file."""
        return reading.from_natural(self.case.flat(self.natural))

    def printed_derivative(self, reading: Reading) -> Array:
        """Derivative of the quantities of the file, (printed, movable)."""

        def printed(natural: Natural) -> Array:
            return np.apply_along_axis(reading.from_natural, -1, self.case.flat(natural))

        return self.derivative(printed)

    def standard_errors(self, reading: Reading) -> Array:
        """Standard errors of the printed numbers (delta method); infinite where the data say nothing."""
        derivative = self.printed_derivative(reading)
        covariance, open_directions = self.covariance
        variance = np.einsum("pi,ij,pj->p", derivative, covariance, derivative)
        adrift = ((derivative @ open_directions / self.case.unit[:, None]) ** 2).sum(axis=1) > FLAT
        return np.where(adrift | ~self.determined, np.inf, np.sqrt(np.maximum(variance, 0.0)))

    def mahalanobis(self, natural: Natural, only: npt.NDArray[np.bool_] | None = None) -> float:
        """Distance in standard errors of the direction in which it is largest, sqrt(delta' I delta).

        With `only`, the distance of some natural parameters, whatever the others are.
        """
        if only is None:
            delta = (self.objective.free(natural) - self.x)[self.movable]
            return float(np.sqrt(np.maximum(delta @ self.information @ delta, 0.0)))
        unit = self.case.unit[only]
        rows = self.natural_derivative[only] / unit[:, None]
        delta = (self.case.flat(natural) - self.case.flat(self.natural))[only] / unit
        covariance = rows @ self.covariance[0] @ rows.T
        return float(np.sqrt(np.maximum(delta @ np.linalg.pinv(covariance, rcond=1e-10, hermitian=True) @ delta, 0.0)))

    def likelihood_distance(self, natural: Natural) -> float:
        """sqrt(2 |L(optimum) - L|): standard errors, measured by the log-likelihood itself; L may be above a saddle."""
        if not allowed(self.case, natural):
            return np.inf
        value, _ = self.objective.value_and_gradient(self.objective.free(natural))
        return float(np.sqrt(2 * abs(self.level - value))) if np.isfinite(value) else np.inf

    # ---- the rounding box -------------------------------------------------------------------------

    def excess(self, reading: Reading, values: Array, half_unit: Array) -> Array:
        """How far each printed number lies outside what rounding explains, in the order of the parameters."""
        target, given, half = self.printed(reading), reading.quantities(values), reading.half_units(half_unit)
        with np.errstate(invalid="ignore"):
            beyond = np.abs(given - target) - half - self._known_to(target)
        beyond = np.where(np.isnan(beyond), np.inf, beyond)
        return np.where(self.determined, np.maximum(beyond, 0.0), 0.0)

    def _known_to(self, quantities: Array) -> Array:
        """How well an optimum itself is known; what has a unit of its own is printed as it is in the model."""
        return ROUND_OFF * (self.case.unit + np.abs(quantities - self.case.zero))

    def smallest_change(self, reading: Reading, values: Array, half_unit: Array) -> Allowance | None:
        """The point that rounds to what is printed at which EM would change least in one cycle.

        A linear programme around the optimum: minimise t over free delta subject to
        |d change / dx delta| <= t units in every natural parameter, |printed + d printed / dx delta - given| <= half
        unit. What is reported is the change of an EM cycle at that point itself, not of its linearisation.
        None where the linearisation says nothing, or leads out of the parameter space.
        """
        case = self.case
        target, given, half = self.printed(reading), reading.quantities(values), reading.half_units(half_unit)
        change, moves = self.em_change / case.unit[:, None], self.printed_derivative(reading)
        rows = self.determined & np.isfinite(target) & np.isfinite(moves).all(axis=1)
        if not (np.isfinite(change).all() and rows.any()):
            return None
        unit = case.unit[rows]
        moves, gap = moves[rows] / unit[:, None], (given - target)[rows] / unit
        slack = (half + self._known_to(target))[rows] / unit
        one = np.ones((len(change), 1))
        none = np.zeros((len(moves), 1))
        size = change.shape[1]
        solved = linprog(
            np.append(np.zeros(size), 1.0),
            A_ub=np.block([[change, -one], [-change, -one], [moves, none], [-moves, none]]),
            b_ub=np.concatenate([np.zeros(2 * len(change)), gap + slack, slack - gap]),
            bounds=[(None, None)] * size + [(0, None)],
        )
        if solved.x is None:
            return None
        x = self.x.copy()
        x[self.movable] += solved.x[:-1]
        point = {name: values for name, values in self.objective.natural(x).items() if name in case.labels}
        # Back into the box itself: the printed numbers are no linear function of the parameters.
        printed = reading.from_natural(case.flat(point))
        inside = np.where(rows, np.clip(printed, given - half, given + half), printed)
        point = natural_of(case, reading.to_natural(inside))
        if not allowed(case, point):
            return None
        moved = (np.abs(case.flat(em_step(case, point)) - case.flat(point)) / case.unit).max()
        return Allowance(float(moved), self.likelihood_distance(point))

    # ---- on the path of an EM? ---------------------------------------------------------------------

    def on_the_way(self, natural: Natural, natural_half_unit: Array) -> bool | None:
        """Whether the difference is in the directions in which EM is slow, as when EM is stopped early.

        EM shrinks the error along the k-th eigenvector of its map by the rate r_k per cycle. After some
        cycles only the slow directions are left; estimates of other data, or of another model, are off
        in the quick directions just as well. Along each eigenvector the squared distance in standard
        errors is taken, of the half with the lowest rates and of the half with the highest, and the
        ratio of their means is compared with the F distribution that it has for another sample.
        None where there are no quick directions, or the map is not EM's.

        The rates are real and the eigenvectors orthogonal in the observed information I: I J = I - I C^-1 I is
        symmetric, C the complete information. So they are those of a symmetric matrix, in units of standard errors,
        and two rates that are nearly equal do no harm (Dempster, Laird and Rubin 1977).
        """
        inverse = np.linalg.pinv(self.natural_derivative)
        # Change in free coordinates: J - 1.
        step = inverse @ self.em_change
        values, known = np.linalg.eigh(self.information)
        informative = values > FLAT * np.abs(values).max(initial=0.0)
        errors, known = np.sqrt(values[informative]), known[:, informative]
        # J - 1 between standard errors.
        change = errors[:, None] * (known.T @ step @ known) / errors
        if not (np.isfinite(change).all() and np.abs(change - change.T).max(initial=0.0) <= SYMMETRIC):
            return None
        rates, vectors = np.linalg.eigh((change + change.T) / 2)
        rates += 1
        back = vectors.T @ (errors[:, None] * known.T)
        delta = (self.objective.free(natural) - self.x)[self.movable]
        blur = np.abs(back @ inverse) @ np.where(self.determined, natural_half_unit, 0.0)
        share = np.maximum(np.abs(back @ delta) - blur, 0.0) ** 2
        arriving = np.flatnonzero(rates < STANDS_STILL)
        order = arriving[np.argsort(rates[arriving])]
        quick, slow = order[: len(order) // 2], order[len(order) // 2 :]
        if not len(quick) or share[slow].sum() <= 0:
            return None
        ratio = share[quick].mean() / share[slow].mean()
        return bool(ratio <= f_distribution.ppf(CHANCE, len(quick), len(slow)))
