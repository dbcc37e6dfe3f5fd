"""Adjudicate estimates of other software: the optima of both legs, the verdict, and what it rests on."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from comparisons.adjudicate.estimates import Estimates, listed
from comparisons.adjudicate.finding import Finding, Verdict
from comparisons.adjudicate.forms import form_of
from comparisons.adjudicate.held import Held
from comparisons.adjudicate.survey import Ground, climb, survey
from comparisons.adjudicate.tables import groups_table, parameters_table
from comparisons.adjudicate.verdict import TOLERANCE, Bench
from comparisons.case import Case, InputError
from comparisons.kinds import Kind, Point, examine, judge
from comparisons.multistart import Progress, silent
from comparisons.optima import Optimum

# Rounding that moves an estimate by more standard errors than this is pointed out.
COARSE = 0.5
KIND_IN_WORDS = {
    Kind.BEST: "the maximum",
    Kind.LOCAL: "a local maximum",
    Kind.SADDLE: "a saddle",
    Kind.RIDGE: "a ridge",
    Kind.BOUNDARY: "a maximum at the boundary",
    Kind.DIVERGING: "a maximum at infinity",
    Kind.DEGENERATE: "a point where the likelihood is unbounded",
    Kind.NOT_STATIONARY: "a point that is not stationary",
}


@dataclass(frozen=True, eq=False)
class Adjudication:
    """Result of `adjudicate`.

    Attributes
    ----------
    case : Case
    estimates : Estimates
    finding : Finding
    optima : list of Optimum
        Best first.
    belongs_to : int or None
        The optimum that is reached by climbing from the estimates.
    point : Point or None
        PyMC's log-likelihood, gradient and Newton gain at the estimates read as the file says; None
        outside the parameter space.
    distance, newton_distance, mahalanobis : float
        Distance from the optimum in standard errors: by the log-likelihood, sqrt(2 (L_max - L)); by the
        gradient at the estimates, sqrt(g' H^-1 g); by the information at the optimum.
    tolerance : float
    parameters, groups : DataFrame
        See `tables.parameters_table` and `tables.groups_table`.
    order : str
        Which row is which, where the order had to be changed.
    starts, seed : int
    """

    case: Case
    estimates: Estimates
    finding: Finding
    optima: list[Optimum]
    belongs_to: int | None
    point: Point | None
    distance: float
    newton_distance: float
    mahalanobis: float
    tolerance: float
    parameters: pd.DataFrame
    groups: pd.DataFrame
    order: str
    starts: int
    seed: int

    @property
    def verdict(self) -> Verdict:
        """What the estimates are."""
        return self.finding.verdict

    @property
    def best(self) -> float:
        """The highest log-likelihood (or log-posterior) found."""
        return self.optima[0].objective

    @property
    def outside(self) -> pd.DataFrame:
        """Numbers outside the rounding box."""
        return self.parameters[self.parameters["outside"] > 0]

    @property
    def digits_given(self) -> str:
        """As "3 decimals"."""
        decimals = self.estimates.decimals
        return f"{decimals} decimal{'s' if decimals != 1 else ''}"

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        parts = {
            Verdict.AT_MAXIMUM: self._at_maximum,
            Verdict.ANOTHER_OPTIMUM: self._another_optimum,
            Verdict.ANOTHER_PARAMETRISATION: self._another_parametrisation,
            Verdict.STOPPED_EARLY: self._stopped_early,
            Verdict.ANOTHER_MODEL: self._another_model,
        }
        return f"{parts[self.verdict]()}."

    @property
    def converted(self) -> bool:
        """Whether any number was read as another, or in another place."""
        return not self.finding.reading.as_it_stands

    @property
    def renamed(self) -> bool:
        """Whether the file calls any number by another name than the model."""
        return bool((self.parameters["parameter"] != self.parameters["read_as"]).any())

    def own(self, name: str) -> str:
        """A parameter of the model as the file names it."""
        found = self.parameters["parameter"][self.parameters["read_as"] == name]
        return str(found.iloc[0]) if len(found) else name

    def _outside(self) -> str:
        """How many numbers lie outside the rounding, and which furthest; empty when none does."""
        outside, total = self.outside, len(self.parameters)
        if not len(outside):
            return ""
        worst = outside.loc[outside["outside"].idxmax()]
        how_many = f"1 of {total} numbers lies" if len(outside) == 1 else f"{len(outside)} of {total} numbers lie"
        text = f"; {how_many} outside the rounding, furthest {worst['parameter']}"
        if self.converted and worst["parameter"] != worst["read_as"]:
            text += f" (read as {worst['read_as']})"
        text += f" by {worst['outside']:.2g}"
        return text + (f" ({worst['in_se']:.2g} standard errors from it)" if np.isfinite(worst["in_se"]) else "")

    def _to_the_digits(self) -> str:
        """How well the place is met."""
        if self.finding.within_rounding:
            return f"to the digits given ({self.digits_given})"
        change = self.finding.allowance.change if self.finding.allowance else np.nan
        # A unit of the last digit that is finer than the tolerance cannot be right.
        fine = 10.0**-self.estimates.decimals < self.tolerance
        text = "up to" if fine else f"to the digits given ({self.digits_given}) and"
        text += f" a convergence tolerance of {self.tolerance:g} per EM cycle ({change:.1e} is needed)"
        return text + self._outside()

    def _at_maximum(self) -> str:
        kind = self.optima[0].kind
        extra = {Kind.RIDGE: " (ridge)", Kind.BOUNDARY: " (boundary)", Kind.DIVERGING: " (at infinity)"}.get(kind, "")
        text = f"at the maximum{extra}, {self._to_the_digits()}"
        left = tuple(dict.fromkeys(map(self.own, self.finding.place.left_open)))
        text = f"{text}; the data leave open {listed(left)}" if left else text
        loose = (self.parameters["half_unit"] / self.parameters["se"]).where(np.isfinite(self.parameters["se"]))
        if loose.max() > COARSE:
            name = self.parameters["parameter"][loose.idxmax()]
            text += f"; so few digits say little: rounding alone moves {name} by {loose.max():.2g} standard errors"
        return text

    def _another_optimum(self) -> str:
        held, level = self.finding.held, self.finding.place.level
        what = KIND_IN_WORDS[self.judgement_of_place] if held is None else self._held_maximum(held)
        changes = " and ".join(self.finding.reading.changes)
        so_read = f"in another parametrisation: {changes}; so read, " if changes else ""
        text = f"another optimum, {so_read}{self._to_the_digits()}: {what} at {level:.6f}"
        text += f", {self.best - level:.6f} below the best"
        if held is None:
            return text
        ways = " and ".join(f"{entry.rise:.5g} per unit of {self.own(entry.name)}" for entry in held.entries)
        edge = "that edge" if len(held.entries) == 1 else "those edges"
        return f"{text}, and no maximum of the model: from {edge} the {self._what} rises by {ways}"

    @property
    def _what(self) -> str:
        """What is maximised."""
        return "log-posterior" if self.case.with_prior else "log-likelihood"

    def _held_maximum(self, held: Held) -> str:
        """As "the maximum when bias[coin2] is held at 0"."""
        many = "are" if len(held.entries) > 1 else "is"
        edges = " and ".join(
            f"{listed([self.own(entry.name) for entry in held.entries if entry.edge == edge])} {many} held at {edge:g}"
            for edge in dict.fromkeys(entry.edge for entry in held.entries)
        )
        return f"{held.what} when {edges}"

    def _another_parametrisation(self) -> str:
        changes = " and ".join(self.finding.reading.changes)
        how = f"{self.finding.detail}{self._outside()}" if self.finding.detail else self._to_the_digits()
        order = f" ({self.order})" if self.order else ""
        return f"another parametrisation: {changes}{order}; so read, the estimates are at the maximum, {how}"

    def _stopped_early(self) -> str:
        allowance = self.finding.allowance
        change = "" if allowance is None else f", where a cycle of EM still changes {allowance.change:.1e}"
        changes = " and ".join(self.finding.reading.changes)
        order = f" ({self.order})" if self.order else ""
        so_read = f", in another parametrisation: {changes}{order}; so read" if changes else ""
        text = f"stopped early{so_read}, {self.distance:.2g} standard errors from the maximum{change}"
        text += self._outside()
        return f"{text}; {self.finding.detail}" if self.finding.detail else text

    def _another_model(self) -> str:
        if self.finding.detail:
            return f"another model or data: {self.finding.detail}"
        return (
            f"another model or data: the log-likelihood is {self.best - self.log_likelihood:.4g} below the best, "
            f"{self.distance:.2g} standard errors away, and no conversion fits "
            "(an EM stopped after a few cycles from an unusual start is not told from that)"
        )

    @property
    def log_likelihood(self) -> float:
        """Log-likelihood (or log-posterior) at the estimates read as the file says."""
        return np.nan if self.point is None else self.point.objective

    @property
    def judgement_of_place(self) -> Kind:
        """Kind of the stationary point that the estimates were held against."""
        place = self.finding.place
        for optimum in self.optima:
            if abs(optimum.objective - place.level) <= 1e-7 * (1 + abs(place.level)):
                return optimum.kind
        found = examine(self.case, place.objective, place.natural)
        kind = judge(self.case, place.objective, found).kind
        return Kind.LOCAL if kind is Kind.BEST else kind

    @property
    def owner(self) -> str:
        """Where climbing from the estimates leads."""
        if self.belongs_to is None:
            return "climbing from the estimates leads nowhere"
        optimum = self.optima[self.belongs_to]
        return f"{KIND_IN_WORDS[optimum.kind]} at {optimum.objective:.6f}" + (
            "" if self.belongs_to == 0 else f", optimum {self.belongs_to + 1} of {len(self.optima)}"
        )


def adjudicate(
    case: Case,
    estimates: Estimates,
    *,
    n_starts: int = 20,
    seed: int = 0,
    tolerance: float = TOLERANCE,
    options: dict[str, Any] | None = None,
    progress: Progress = silent,
    ground: Ground | None = None,
) -> Adjudication:
    """Say what estimates of other software are.

    Parameters
    ----------
    case : Case
    estimates : Estimates
        From `comparisons.adjudicate.forms.read`.
    n_starts, seed : int
        Random starts of both legs, from which the best optimum is sought; the estimates are one more.
    tolerance : float
        Change of a parameter per EM cycle at which the package may have stopped.
    options : dict, optional
        Options of the family's form, such as scale.
    progress : callable
        Wraps the loop over the starts of the PyMC leg.
    ground : Ground, optional
        From `survey` with the same case, for several files about the same data.

    Returns
    -------
    Adjudication
    """
    if not 0 <= tolerance < np.inf:
        raise InputError(f"--tolerance {tolerance:g}: expected a number, 0 or more")
    options = options or {}
    form = form_of(case.family)
    ground = ground or survey(case, n_starts, seed, progress)
    objective, optima = ground.objective, ground.optima
    plain = form.reading(estimates, options)
    bench = Bench(case, objective, form, estimates, options, optima, tolerance)
    given = bench.natural(plain)
    belongs_to = None
    if given is not None:
        optima, belongs_to = climb(case, objective, optima, given)
        bench = replace(bench, optima=optima)
    finding = bench.decide(plain)
    parameters = parameters_table(bench, finding)
    point = None if given is None else examine(case, objective, given)
    # Distances are those of the reading that the verdict is about.
    aligned = bench.natural(finding.reading)
    return Adjudication(
        case=case,
        estimates=estimates,
        finding=finding,
        optima=optima,
        belongs_to=belongs_to,
        point=point,
        distance=np.inf if aligned is None else finding.place.likelihood_distance(aligned),
        newton_distance=float(np.sqrt(2 * point.gain)) if point is not None else np.inf,
        mahalanobis=np.inf if aligned is None else finding.place.mahalanobis(aligned),
        tolerance=tolerance,
        parameters=parameters,
        groups=groups_table(bench, finding, parameters),
        order=form.order_in_words(finding.reading, estimates),
        starts=ground.starts,
        seed=ground.seed,
    )
