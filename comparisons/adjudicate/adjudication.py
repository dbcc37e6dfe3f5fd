"""Adjudicate estimates of other software: the optima of EM and PyMC, the verdict, and what it rests on."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from comparisons.adjudicate.comparison import TOLERANCE, Comparison
from comparisons.adjudicate.estimates import Estimates
from comparisons.adjudicate.finding import Finding, Verdict
from comparisons.adjudicate.forms import form_or_plain
from comparisons.adjudicate.impossible import Impossible
from comparisons.adjudicate.known_optima import KnownOptima, climb, equally_high_first, known_optima
from comparisons.adjudicate.tables import groups_table, parameters_table
from comparisons.adjudicate.verdict import decide
from comparisons.adjudicate.words import KIND_IN_WORDS, sentence
from comparisons.case import Case, InputError
from comparisons.compiled import Compiled
from comparisons.optima.find import Optimum
from comparisons.optima.kinds import Kind, Point, examine, judge
from comparisons.optima.starts import Progress, silent


@dataclass(frozen=True, eq=False)
class Adjudication:
    r"""Result of `adjudicate` and of `comparisons.adjudicate_estimates`.

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
        outside the parameter space, and where the data are impossible.
    impossible : Impossible or None
        Why the data are impossible under the numbers as they stand.
    distance, newton_distance, mahalanobis : float
        Distance from the optimum in standard errors: by the log-likelihood, sqrt(2 (L_max - L)); by the
        gradient at the estimates, sqrt(g' H^-1 g); by the information at the optimum.
    tolerance : float
    parameters, groups : DataFrame
        See `tables.parameters_table` and `tables.groups_table`.
    order : str
        Which row is which, where the order had to be changed.
    starts, seed : int

    Examples
    --------
    >>> from pathlib import Path
    >>> from comparisons import adjudicate_estimates
    >>> _ = Path("heads.csv").write_text("heads\n5\n9\n8\n4\n7\n")
    >>> _ = Path("estimates.csv").write_text("weight,bias\n0.523,0.793\n0.477,0.514\n")
    >>> found = adjudicate_estimates("coin-mixture", "heads.csv", "estimates.csv", n_starts=5, coins=2, flips=10)
    >>> found.parameters[["parameter", "given", "optimum"]].round(4).values.tolist()[:2]
    [['weight[coin1]', 0.523, 0.5228], ['weight[coin2]', 0.477, 0.4772]]
    """

    case: Case
    estimates: Estimates
    finding: Finding
    optima: list[Optimum]
    belongs_to: int | None
    point: Point | None
    impossible: Impossible | None
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
    def sentence(self) -> str:
        """The verdict in one sentence."""
        return sentence(self)

    @property
    def converted(self) -> bool:
        """Whether any number was read as another quantity, with another value or in another place."""
        return bool(self.finding.reading.changes) or not self.finding.reading.as_it_stands

    @property
    def renamed(self) -> bool:
        """Whether the file calls any number by another name than the model."""
        return bool((self.parameters["parameter"] != self.parameters["read_as"]).any())

    def own(self, name: str) -> str:
        """A parameter of the model as the file names it."""
        found = self.parameters["parameter"][self.parameters["read_as"] == name]
        return str(found.iloc[0]) if len(found) else name

    @property
    def log_likelihood(self) -> float:
        """Log-likelihood (or log-posterior) at the estimates read as the file says."""
        if self.impossible is not None:
            return -np.inf
        return np.nan if self.point is None else self.point.objective

    @property
    def judgement_of_place(self) -> Kind:
        """Kind of the stationary point that the estimates were compared with."""
        place = self.finding.place
        for optimum in self.optima:
            if abs(optimum.objective - place.level) <= 1e-7 * (1 + abs(place.level)):
                return optimum.kind
        kind = judge(place.compiled, examine(place.compiled, place.natural)).kind
        return Kind.LOCAL if kind is Kind.BEST else kind

    @property
    def owner(self) -> str:
        """Where climbing from the estimates leads."""
        if self.belongs_to is None:
            return "no optimum is reached from the estimates"
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
    known: KnownOptima | None = None,
) -> Adjudication:
    """Say what estimates of other software are.

    Parameters
    ----------
    case : Case
    estimates : Estimates
        From `comparisons.adjudicate.forms.read`.
    n_starts, seed : int
        Random starts of EM and PyMC, from which the best optimum is sought; the estimates are one more.
    tolerance : float
        Change of a parameter per EM cycle at which the package may have stopped.
    options : dict, optional
        Options of the family's form, such as scale.
    progress : callable
        Wraps the loop over the starts of PyMC.
    known : KnownOptima, optional
        From `known_optima` with the same case, for several files about the same data.

    Returns
    -------
    Adjudication
    """
    if not 0 <= tolerance < np.inf:
        raise InputError(f"--tolerance {tolerance:g}: expected a number, 0 or more")
    options = options or {}
    form = form_or_plain(case.family)
    known = known or known_optima(case, n_starts, seed, progress)
    objective, optima = known.objective, known.optima
    plain = form.reading(estimates, options)
    compiled = Compiled(case, objective)
    comparison = Comparison(compiled, form, estimates, options, optima, tolerance)
    given = comparison.natural(plain)
    belongs_to = None
    if given is not None:
        optima, belongs_to = equally_high_first(*climb(compiled, optima, given))
        comparison = replace(comparison, optima=optima)
    finding = decide(comparison, plain)
    parameters = parameters_table(comparison, finding)
    impossible = comparison.impossible(plain)
    point = None if given is None or impossible else examine(compiled, given)
    # Distances are those of the reading that the verdict is about.
    aligned = None if comparison.impossible(finding.reading) else comparison.natural(finding.reading)
    return Adjudication(
        case=case,
        estimates=estimates,
        finding=finding,
        optima=optima,
        belongs_to=belongs_to,
        point=point,
        impossible=impossible,
        distance=np.inf if aligned is None else finding.place.likelihood_distance(aligned),
        newton_distance=float(np.sqrt(2 * point.gain)) if point is not None else np.inf,
        mahalanobis=np.inf if aligned is None else finding.place.mahalanobis(aligned),
        tolerance=tolerance,
        parameters=parameters,
        groups=groups_table(comparison, finding, parameters),
        order=form.order_in_words(finding.reading, estimates),
        starts=known.starts,
        seed=known.seed,
    )
