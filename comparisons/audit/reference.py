"""The independent derivation that an EM is checked against: all of it from PyMC's graph."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import cast

import numpy as np

from comparisons.audit.constants import Compared, compared
from comparisons.audit.top import Top, highest, lifted
from comparisons.case import Array, AuditHooks, Case, Natural
from comparisons.compiled import Compiled
from comparisons.errors import Trouble
from comparisons.optima.kinds import Kind, beside_on_ridge, examine, examine_end
from pp_models.complete_data import CompleteData
from pp_models.maximise import maximise
from pp_models.newton import newton_step
from pp_models.objective import EDGE, Objective

RANDOM_POINTS = 8
# Free parameters and back, beside the size of a parameter.
ROUND_OFF = 1e-13
# Sums of expected counts that are the same whatever the parameters, beside their size.
SAME = 1e-9


@dataclass(frozen=True, eq=False)
class Reference:
    """What PyMC says about a case.

    Parameters
    ----------
    case : Case
        With audit hooks.
    seed : int
    step : callable natural -> natural, optional
        One cycle of the EM under audit, which may lead higher than PyMC's first maximum; see `top`.
    first : Reference, optional
        The same without a cycle; what PyMC finds alone is found once.
    """

    case: Case
    seed: int = 0
    step: Callable[[Natural], Natural] | None = None
    first: "Reference | None" = None

    @cached_property
    def hooks(self) -> AuditHooks:
        """The family's audit hooks."""
        if self.case.audit is None:
            raise ValueError(f"the family {self.case.family} has no audit hooks")
        return self.case.audit

    @cached_property
    def objective(self) -> Objective:
        """Log-likelihood (or log-posterior) of the model, with hooks where it has them."""
        if not self.hooks.steps:
            return cast(Objective, self.case.objective()) if self.first is None else self.first.objective
        return self.complete.objective

    @property
    def compiled(self) -> Compiled:
        """The case with that objective."""
        return Compiled(self.case, self.objective)

    @cached_property
    def complete(self) -> CompleteData:
        """Responsibilities, expected counts and Q, by the model with hooks."""
        if self.first is not None:
            return self.first.complete
        return cast(CompleteData, self.hooks.complete or self.case.complete_data())

    def compile(self) -> "Reference":
        """Compile what the checks need: that takes its time from none of them, whichever comes first."""
        x = self.free(self.points[0])
        self.objective.hessian(x)
        self.objective.natural_jacobian(x)
        if not self.hooks.steps:
            return self
        weighted = self.complete.expected_statistics(x)
        self.complete.expected_log_joint(x, weighted)
        self.complete.hessian_times(x, weighted, x)
        self.complete.prior_gradient(x)
        self.complete.prior_hessian(x)
        return self

    @cached_property
    def points(self) -> list[Natural]:
        """Random parameters, the documented start among them."""
        rng = np.random.default_rng([self.seed, 1])
        drawn = [self.case.draw_start(rng) for _ in range(RANDOM_POINTS)]
        return drawn if self.case.start is None else [self.case.start, *drawn]

    @cached_property
    def broken(self) -> list[Trouble]:
        """What happened at those random parameters that were left out."""
        return []

    @cached_property
    def refused(self) -> list[Trouble]:
        """What the EM said of random parameters that it refuses."""
        return []

    def more_points(self) -> Iterator[Natural]:
        """Further random parameters, for an EM that refuses some."""
        rng = np.random.default_rng([self.seed, 7])
        while True:
            yield self.case.draw_start(rng)

    def restricted(self, points: list[Natural], broken: list[Trouble], refused: list[Trouble]) -> "Reference":
        """The same reference at some of the random parameters only."""
        view = Reference(self.case, self.seed, self.step, self.first)
        view.__dict__.update({**self.__dict__, "points": points, "broken": broken, "refused": refused})
        return view

    @cached_property
    def beside_top(self) -> list[Natural]:
        """Other places of the ridge, where the top lies on one."""
        if self.top.kind is not Kind.RIDGE:
            return []
        return beside_on_ridge(self.compiled, examine(self.compiled, self.top.natural))

    @cached_property
    def top(self) -> Top:
        """The highest point that PyMC climbs to from random starts, and on from where one cycle of the EM leads."""
        found = highest(self.compiled, self.seed) if self.first is None else self.first.top
        if self.step is None:
            return found
        return lifted(self.compiled, found, self.step, self.hooks.symmetries)

    def free(self, natural: Natural) -> Array:
        """Free parameters of natural ones, which may come from the EM under audit.

        Raises
        ------
        Trouble
            If they lie outside the parameter space.
        """
        try:
            return self.objective.free(natural)
        except ValueError as error:
            raise Trouble(f"returned an impossible value: {error}") from None

    def named(self, x: Array) -> Natural:
        """Natural parameters of free ones."""
        natural = self.objective.natural(x)
        return {name: natural[name] for name in self.case.labels}

    def natural_change(self, x: Array, step: Array) -> Array:
        """What a small step of the free parameters does to the natural ones, in the order of `Case.flat`."""
        return self.case.flat(self.objective.split(self.objective.natural_jacobian(x) @ step))

    def log_likelihood(self, natural: Natural) -> float:
        """Log-likelihood alone, without prior.

        PyMC's model moves 0 and 1 inwards by EDGE. Nearer to an edge than that, where a weight of 1e-24 for 1e-12
        makes a difference, the reference EM's value counts.
        """
        x = self.free(natural)
        moved = np.abs(self.case.flat(self.named(x)) - self.case.flat(natural))
        if (moved > ROUND_OFF * self.case.size(natural)).any():
            return float(self.case.em.e_step(self.case.to_em(natural)).log_likelihood)
        return self.objective.log_likelihood(x)

    def compared(self, values: Array, points: list[Natural]) -> Compared:
        """Log-likelihoods of the EM compared with PyMC's at these points, up to the constants that the family names.

        With a prior the EM may report the log-likelihood or the log-posterior: the closer one counts.
        """
        theirs = [np.array([self.log_likelihood(point) for point in points])]
        if self.case.with_prior:
            theirs.append(np.array([self.climbed(point) for point in points]))
        found = [compared(values, by_pymc, self.hooks.constants) for by_pymc in theirs]
        return min(found, key=lambda one: float(np.abs(one.gap).max()))

    def allowed(self) -> str:
        """Which constants may be left out, for a message."""
        named = [f"{what} ({value:+.6g})" for what, value in self.hooks.constants.items()]
        return f"; only {', '.join(named)} may be left out" if named else ""

    def runs_off(self, natural: Natural) -> bool:
        """Whether PyMC, climbing from there, goes where the likelihood has no bound."""
        try:
            end = maximise(self.objective, self.free(natural))
        except Trouble:
            return False
        return bool(examine_end(self.compiled, end).unbounded)

    def climbed(self, natural: Natural) -> float:
        """What the EM climbs: log-likelihood, plus log prior where there is one."""
        return self.objective.value_and_gradient(self.free(natural))[0]

    def distance_to_zero(self, natural: Natural) -> float:
        """What a Newton step promises to gain, as a distance in standard errors."""
        x = self.free(natural)
        _, gradient = self.objective.value_and_gradient(x)
        return self._distance(x, gradient, self.objective.hessian(x))

    def _distance(self, x: Array, gradient: Array, hessian: Array) -> float:
        """Square root of twice the gain of a Newton step, in the directions that do not lead to an edge.

        PyMC's model moves 0 and 1 inwards by EDGE. On n observations that alone looks like a distance of
        the square root of n * EDGE, which no estimate could make good.
        """
        jacobian = self.objective.natural_jacobian(x)
        natural = self.objective.natural(x)
        values = self.objective.flat(natural)
        bounded = np.repeat(
            [self.objective.is_bounded(name) for name in self.objective.names],
            [self.objective.sizes[name] for name in self.objective.names],
        )
        outwards = jacobian[bounded & ((values <= 2 * EDGE) | (values >= 1 - 2 * EDGE))]
        inside = np.eye(len(x))
        if len(outwards):
            outwards = outwards / np.maximum(np.linalg.norm(outwards, axis=1, keepdims=True), np.finfo(float).tiny)
            _, sizes, rows = np.linalg.svd(outwards)
            inside = rows[int((sizes > 1e-6).sum()) :].T
        free = np.ones(inside.shape[1], dtype=bool)
        _, gain = newton_step(
            inside.T @ hessian @ inside, inside.T @ gradient, free, observations=self.objective.observations
        )
        return float(np.sqrt(2 * gain))

    def apart(self, one: Natural, other: Natural) -> float:
        """Distance of two points near the top, in standard errors; away from a regular one, in log-likelihood."""
        if self.top.regular:
            step = self.free(one) - self.free(other)
            return float(np.sqrt(np.maximum(-step @ self.information @ step, 0.0)))
        fingerprints = [self.objective.fingerprint(self.free(natural)) for natural in (one, other)]
        return float(np.abs(fingerprints[0] - fingerprints[1]).max())

    @cached_property
    def information(self) -> Array:
        """Hessian of what the EM climbs, at the top: minus the observed information."""
        return self.objective.hessian(self.top.x)

    def rates(self) -> Array:
        """Eigenvalues that the Jacobian of an EM has at the top: the share of information that is missing.

        I - (complete information)^-1 (observed information), Dempster, Laird and Rubin (1977), theorem 4.
        """
        complete = self.hessian_of_q(self.top.x, self.weighted(self.top.natural))
        return np.sort(1 - np.linalg.eigvals(np.linalg.solve(complete, self.information)).real)

    def weighted(self, natural: Natural) -> Array:
        """Frequency times responsibility, (J, K); or expected sufficient statistics, (K,)."""
        found = self.complete.expected_statistics(self.free(natural))
        if not np.isfinite(found).all():
            raise FloatingPointError("PyMC's expected statistics are not finite: nothing to compare with")
        return found

    def expected_counts(self, weighted: Array) -> dict[str, Array]:
        """Expected counts by name that `weighted` gives."""
        return self.complete.counts(weighted)

    def score(self, counts: Mapping[str, Array], natural: Natural) -> Array:
        """Gradient of Q by the free parameters, without prior, that counts by name give."""
        return self.complete.score(self.hooks.complete_counts(counts), self.free(natural))

    @cached_property
    def mass(self) -> dict[str, Array]:
        """What each kind of count must add up to over its first axis: sums that do not depend on the parameters.

        Of finitely many latent states only: sums of numbers that are missing depend on the parameters.
        """
        if not self.complete.states:
            return {}
        rng = np.random.default_rng([self.seed, 2])
        one, other = (self.expected_counts(self.weighted(self.case.draw_start(rng))) for _ in range(2))
        totals = {name: (one[name].sum(axis=0), other[name].sum(axis=0)) for name in one}
        return {name: np.atleast_1d(a) for name, (a, b) in totals.items() if np.allclose(a, b, rtol=SAME, atol=SAME)}

    def q(self, x: Array, weighted: Array) -> float:
        """Expected complete-data log-likelihood (plus log prior) of free parameters."""
        return self.complete.expected_log_joint(x, weighted)[0] + self.objective.log_prior(x)

    def hessian_of_q(self, x: Array, weighted: Array) -> Array:
        """Hessian of Q (plus log prior)."""
        return self.complete.hessian_of_q(x, weighted)

    def short_of_maximum(self, x: Array, weighted: Array) -> float:
        """How far x is from the maximum of Q, in standard errors of the complete data, by a Newton step."""
        gradient = self.complete.expected_log_joint(x, weighted)[1] + self.complete.prior_gradient(x)
        return self._distance(x, gradient, self.hessian_of_q(x, weighted))

    def likelihood_gradient(self, x: Array) -> Array:
        """Gradient of the log-likelihood, without prior."""
        return np.asarray(self.objective.value_and_gradient(x)[1] - self.complete.prior_gradient(x))


@lru_cache(maxsize=4)
def with_cycle(reference: Reference, step: Callable[[Natural], Natural] | None) -> Reference:
    """The same reference for an EM with this cycle, or without one."""
    if reference.step is step or step is None:
        return reference
    view = Reference(reference.case, reference.seed, step, reference.first or reference)
    some = {name: found for name, found in reference.__dict__.items() if name in ("points", "broken", "refused")}
    view.__dict__.update(some)
    return view
