"""What packages claim, how far from the maximum they stop, and what the audit says of them.

Every judgement is one of this suite: distances and verdicts by `comparisons.adjudicate`, once under the package's
own quadrature and once under one of ours, the checks by `comparisons.audit.check_em`, under the package's own.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pandas as pd

from comparisons.adjudicate import Adjudication, adjudicate
from comparisons.adjudicate.estimates import returned
from comparisons.adjudicate.known_optima import KnownOptima, known_optima
from comparisons.audit import check_em, guard, subject_of
from comparisons.audit.run import Factory
from comparisons.audit.subject import Estimate
from comparisons.case import Array, Case, Natural
from comparisons.compiled import Compiled
from comparisons.optima.kinds import Kind, examine, judge
from comparisons.optima.starts import Progress, silent
from comparisons.peers import Peer, Problem, Setting
from comparisons.peers._heard import listening

# Seconds for one call of a package, a tenth of those for one fit; and for one part of a check, far more than it takes,
# so that no number depends on how fast the machine is.
TIME_LIMIT, PATIENCE = 600.0, 600.0


class AtSaddle(NamedTuple):
    """Where a package ends that is started at a saddle.

    Attributes
    ----------
    kind : Kind
        Of the start, under the package's own quadrature.
    said : Estimate
    distance : float
        Of its end from the maximum, in standard errors.
    stayed : bool
        Whether it ended at the saddle.
    """

    kind: Kind
    said: Estimate
    distance: float
    stayed: bool


class Audited(NamedTuple):
    """One package with one setting on one problem.

    Attributes
    ----------
    peer : Peer
    version : str
    setting : Setting
    problem : Problem
    quadrature : str
        The package's own, in words.
    said : Estimate
        The estimates and what the package says of them, started as it pleases.
    heard : tuple of str
        What it logs and warns of meanwhile.
    own, ours : Adjudication
        Compared with the maximum under its own quadrature, and under ours.
    checks : DataFrame
        From `check_em`.
    saddle : AtSaddle or None
        None where it cannot be given a start, or the problem names no saddle.
    """

    peer: Peer
    version: str
    setting: Setting
    problem: Problem
    quadrature: str
    said: Estimate
    heard: tuple[str, ...]
    own: Adjudication
    ours: Adjudication
    checks: pd.DataFrame
    saddle: AtSaddle | None


class _Unstarted:
    """A package as an EM under audit that begins where it pleases."""

    def __init__(self, peer: Peer, options: Any, observations: Array, heard: list[str]) -> None:
        self.peer, self.options, self.observations, self.heard = peer, options, observations, heard

    def _run(self, start: Natural | None, max_cycles: int | None) -> dict[str, Any]:
        limit = {} if max_cycles is None else {self.peer.CYCLES: max_cycles}
        with listening() as heard:
            found = self.peer.fit(self.observations, {**self.options, **limit}, start)
        self.heard.extend(heard)
        return found

    def fit(self, max_cycles: int | None = None) -> dict[str, Any]:
        """Fit from the package's own start."""
        return self._run(None, max_cycles)


class _Started(_Unstarted):
    """A package that can be given a start."""

    def fit(self, start: Natural | None = None, max_cycles: int | None = None) -> dict[str, Any]:  # type: ignore[override]
        """Fit from a start."""
        return self._run(start, max_cycles)


def _factory(peer: Peer, setting: Setting, problem: Problem, started: bool, heard: list[str]) -> Factory:
    """What makes an EM of the observations, one row each: X, as the audit calls them."""
    kind, options = _Started if started else _Unstarted, {**setting.options, **problem.options}

    def make(X: Any) -> _Unstarted:
        return kind(peer, options, X, heard)

    return make


def studied(peers: dict[Peer, str], n_starts: int = 3, seed: int = 0, progress: Progress = silent) -> Iterator[Audited]:
    """Audit packages, problem by problem.

    Parameters
    ----------
    peers : dict of Peer -> version
    n_starts, seed : int
        Random starts of EM and PyMC, from which the maximum is sought.
    progress : callable
        Wraps the loop over the starts of PyMC.

    Raises
    ------
    Trouble
        If a package cannot fit a problem at all.
    """
    problems = {problem.name: problem for peer in peers for problem in peer.PROBLEMS}
    for problem in problems.values():
        case = problem.load()
        ours = case, known_optima(case, n_starts, seed, progress)
        known = {problem.nodes: ours}
        for peer, version in peers.items():
            if problem.name not in {one.name for one in peer.PROBLEMS}:
                continue
            for setting in peer.SETTINGS:
                words, own = peer.own(case, setting.options)
                if words not in known:
                    known[words] = own, known_optima(own, n_starts, seed, progress)
                yield _audited(peer, version, setting, problem, words, ours, known[words], seed)


def _audited(
    peer: Peer,
    version: str,
    setting: Setting,
    problem: Problem,
    words: str,
    ours: tuple[Case, KnownOptima],
    own: tuple[Case, KnownOptima],
    seed: int,
) -> Audited:
    tokens = guard.time_limit.set(TIME_LIMIT), guard.patience.set(PATIENCE)
    try:
        case, known = own
        heard: list[str] = []
        anywhere = subject_of(None, case, _factory(peer, setting, problem, False, heard)).fit
        assert anywhere is not None
        said = anywhere(known.optima[0].point.natural, None)
        held = [adjudicate(one, returned(one, said.natural, peer.PACKAGE), known=known) for one, known in (ours, own)]
        factory = _factory(peer, setting, problem, peer.STARTS, [])
        checks = check_em(factory=factory, case=case, seed=seed, time_limit=TIME_LIMIT, data_only=True)
        saddle = _at_saddle(factory, problem, case, known) if peer.STARTS and problem.saddle else None
    finally:
        guard.time_limit.reset(tokens[0])
        guard.patience.reset(tokens[1])
    told = tuple(dict.fromkeys(heard))
    return Audited(peer, version, setting, problem, words, said, told, held[1], held[0], checks, saddle)


def _at_saddle(factory: Factory, problem: Problem, case: Case, known: KnownOptima) -> AtSaddle:
    """Start at the saddle of a problem."""
    assert problem.saddle is not None
    saddle, compiled = problem.saddle(case), Compiled(case, known.objective)
    fit = subject_of(None, case, factory).fit
    assert fit is not None
    said = fit(saddle, None)
    held = adjudicate(case, returned(case, said.natural, problem.name), known=known)
    return AtSaddle(
        judge(compiled, examine(compiled, saddle)).kind,
        said,
        held.distance,
        judge(compiled, examine(compiled, said.natural)).kind is Kind.SADDLE,
    )
