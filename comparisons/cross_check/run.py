"""The cross-check of one case: EM and PyMC from the same starts, each judging the other's answer.

Equality at the optimum alone can hide a wrong model, and one table that agrees can hide a wrong EM. So
the verdict rests on named checks (`comparisons.cross_check.checks`): the two log-likelihoods at random points and
at both endpoints, PyMC's gradient at EM's endpoint, the EM map at PyMC's endpoint, each restarted
from the other's endpoint, and last the estimates themselves.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from html import escape
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd

from comparisons import catalogue
from comparisons.case import Alternative, Case, Flag, Natural, each, stack, take
from comparisons.compiled import Compiled, compiled_case
from comparisons.cross_check.agreement import estimates_table
from comparisons.cross_check.alternatives import aligned, within_noise
from comparisons.cross_check.checks import STANDARD_ERRORS, Check, run_checks
from comparisons.cross_check.endpoints import Ends, choose_ends
from comparisons.cross_check.errors_of_estimates import errors_of_estimates
from comparisons.cross_check.flags import raise_flags
from comparisons.cross_check.other_rows import other_rows
from comparisons.cross_check.verdict import Verdict, sentence_of, verdict_of
from comparisons.cross_check.worked_example import WorkedExample, worked_example
from comparisons.optima.find import Optimum, find_optima
from comparisons.optima.kinds import (
    MOVED,
    NO_MAXIMUM,
    Judgement,
    Kind,
    apart,
    examine,
    judge,
    rounding_of_fingerprint,
)
from comparisons.optima.labellings import labelling_of_end, rearranged
from comparisons.optima.standard_errors import standard_errors
from comparisons.optima.starts import Endpoints, Progress, check_starts, draw_starts, run_em, run_pymc, silent
from comparisons.writing import saved
from em_reference.em import Fit, em
from pp_models.compilation import Backend
from pp_models.copies import one_thread_of_linear_algebra

# Two endpoints this close, in standard errors by their fitted probabilities, fit one distribution: a tenth of
# what the estimates of an identified parameter may differ by.
ONE_DISTRIBUTION = STANDARD_ERRORS / 10


@dataclass(frozen=True)
class CrossCheck:
    """Result of `crosscheck`. Tables are pandas DataFrames; in a notebook it shows itself.

    Attributes
    ----------
    case : Case
    seed : int
    starts : Natural
        With one leading axis.
    em, pymc : Endpoints
    optima : list of Optimum
        Best first; then edges towards which the likelihood is unbounded; endpoints that are no optimum last.
    ends : Ends
        The endpoints reported for EM and for PyMC.
    estimates : DataFrame
        See `comparisons.cross_check.agreement.estimates_table`.
    checks : tuple of Check
    not_identified : tuple of str
    flags : tuple of Flag
    crosswise : DataFrame
        Log-likelihood at EM's endpoint and at PyMC's, each by EM's code and by PyMC's.
    gradient_norm : float
        PyMC's gradient at its own endpoint.
    path : Fit
        EM from start 0 with its trace, cycle by cycle.
    worked : WorkedExample or None
        Where the case has a start of its own.
    second_path : Fit or None
        EM from start 1, where the case names the parameters over which two paths are drawn.
    alternatives : tuple of Alternative
        Estimates in other ways, where the case asks for some; under the labels of the reported ones.

    Examples
    --------
    >>> from comparisons import CrossCheck, crosscheck, load_problem
    >>> result = crosscheck(load_problem("murray"), 20)
    >>> result.optima_table()[["kind", "log_likelihood"]].round(4).values.tolist()
    [['best', -29.9743], ['best', -29.9743]]
    >>> result.save("murray.result")
    >>> str(CrossCheck.load("murray.result").verdict)
    'agree'
    """

    case: Case
    seed: int
    starts: Natural
    em: Endpoints
    pymc: Endpoints
    optima: list[Optimum]
    ends: Ends
    estimates: pd.DataFrame
    checks: tuple[Check, ...]
    not_identified: tuple[str, ...]
    flags: tuple[Flag, ...]
    crosswise: pd.DataFrame
    gradient_norm: float
    path: Fit
    worked: WorkedExample | None
    second_path: Fit | None = None
    alternatives: tuple[Alternative, ...] = ()

    @property
    def n_starts(self) -> int:
        """Number of starts."""
        return len(self.em)

    @property
    def verdict(self) -> Verdict:
        """Whether EM and PyMC agree, and where; a word of `comparisons.cross_check.verdict.Verdict`."""
        return verdict_of(self.checks, self.ends.optimum, self.optima[self.ends.optimum].kind)

    @property
    def log_likelihood_difference(self) -> float:
        """EM's log-likelihood at EM's endpoint less PyMC's at PyMC's endpoint."""
        return self.ends.em_log_likelihood - self.ends.pymc_log_likelihood

    @property
    def identified(self) -> pd.DataFrame:
        """Rows of `estimates` that the data identify."""
        return self.estimates[self.estimates["identified"]]

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        return sentence_of(self)

    def checks_table(self) -> pd.DataFrame:
        """One row per check: name, found, allowed, passed, detail."""
        return pd.DataFrame([check._asdict() for check in self.checks])

    def optima_table(self) -> pd.DataFrame:
        """One row per optimum: kind, log-likelihood, gap to the best, EM starts, PyMC starts, parameters."""
        rows = []
        for index, optimum in enumerate(self.optima):
            shown = self.case.align(optimum.point.natural, self.ends.pymc)
            unbounded = optimum.kind is Kind.DEGENERATE
            rows.append(
                {
                    "optimum": index + 1,
                    "kind": str(optimum.kind),
                    "log_likelihood": np.inf if unbounded else optimum.log_likelihood,
                    **({"log_posterior": np.inf if unbounded else optimum.objective} if self.case.with_prior else {}),
                    "gap": np.nan if unbounded else self.optima[0].objective - optimum.objective,
                    "em_starts": len(optimum.members["em"]),
                    "pymc_starts": len(optimum.members["pymc"]),
                    "leads_to": None if optimum.leads_to is None else optimum.leads_to + 1,
                    **self.case.named(shown),
                }
            )
        return pd.DataFrame(rows).astype({"leads_to": "Int64"})

    def starts_table(self) -> pd.DataFrame:
        """One row per start: both endpoints, statuses, effort, and which optimum EM and PyMC reached.

        Every endpoint is aligned to PyMC's endpoint that is reported, as all tables are. A start is relabelled,
        or reflected, as EM's endpoint from there is: the model is symmetric, so EM goes from the start that is
        printed to the endpoint that is printed. Where EM's endpoint is not finite, the start is printed as drawn.
        """
        columns: dict[str, object] = {"start": np.arange(self.n_starts)}
        orders = {
            fit.by: [labelling_of_end(self.case, end, self.ends.pymc) for end in each(fit.natural)]
            for fit in (self.em, self.pymc)
        }
        starts = map(partial(rearranged, self.case), orders["em"], each(self.starts))
        for name, values in zip(self.case.parameter_names(), self.case.flat(stack(list(starts))).T, strict=True):
            columns[f"start {name}"] = values
        for fit, effort in ((self.em, "cycles"), (self.pymc, "evaluations")):
            reached = pd.array([pd.NA] * self.n_starts, dtype="Int64")
            for index, optimum in enumerate(self.optima):
                reached[optimum.members[fit.by]] = index + 1
            columns[f"{fit.by}_optimum"] = reached
            columns[f"{fit.by}_kind"] = [
                "no finite endpoint" if pd.isna(index) else str(self.optima[index - 1].kind) for index in reached
            ]
            columns[f"{fit.by}_log_likelihood"] = fit.log_likelihood
            columns[f"{fit.by}_status"] = fit.status
            columns[f"{fit.by}_{effort}"] = fit.effort
            ends = stack(list(map(partial(rearranged, self.case), orders[fit.by], each(fit.natural))))
            for name, values in zip(self.case.parameter_names(), self.case.flat(ends).T, strict=True):
                columns[f"{fit.by} {name}"] = values
        return pd.DataFrame(columns)

    def save(self, path: str | Path) -> None:
        """Write the result to a file, whole or not at all; `CrossCheck.load` reads it.

        Parameters
        ----------
        path : str or Path
            Replaced if it exists. PyMC's compiled functions are not in it; functions of your own that the case holds
            are, also those of a notebook.

        Raises
        ------
        InputError
            If the place cannot be written, or a model or EM of your own cannot be pickled.

        Examples
        --------
        >>> result.save("lsat6.result")  # doctest: +SKIP
        >>> CrossCheck.load("lsat6.result").verdict  # doctest: +SKIP
        """
        saved.write(Path(path), self)

    @classmethod
    def load(cls, path: str | Path) -> "CrossCheck":
        """Read a result that `save` has written. As with every pickle: only files that you trust.

        Raises
        ------
        InputError
            If the file is none, was written by another version, is damaged, or needs a module that is not there.
        """
        return cast(CrossCheck, saved.read(Path(path), cls))

    def _repr_html_(self) -> str:
        colour = {Verdict.AGREE: "#00704f", Verdict.DISAGREE: "#b00020"}.get(self.verdict, "#8a5a00")
        word = f'<b style="color: {colour}">{self.verdict.upper()}</b>'
        flags = "".join(f"<li><b>{escape(flag.code)}</b>: {escape(flag.message)}</li>" for flag in self.flags)
        optima = self.optima_table().drop(columns=self.case.parameter_names())
        written = {"index": False, "float_format": lambda x: f"{x:.10g}", "na_rep": ""}
        return (
            f"<p><b>{escape(self.case.name)}</b>: {word}. {escape(self.sentence)}</p>"
            f"{f'<ul>{flags}</ul>' if flags else ''}{optima.to_html(**written)}{self.estimates.to_html(**written)}"
        )


def crosscheck(
    case: Case | str | Callable[[], Case],
    n_starts: int = 100,
    seed: int = 0,
    *,
    starts: Natural | None = None,
    backend: Backend = "fast",
    progress: Progress = silent,
) -> CrossCheck:
    """Run EM and PyMC on a case from the same starts and compare.

    Parameters
    ----------
    case : Case, str or callable () -> Case
        Of a family (`comparisons.families`) or of your own (`comparisons.bind`); a problem of the catalogue by its
        name; or a function that makes one.
    n_starts : int
        The documented start, if the case has one, then random ones.
    seed : int
        Start i depends on (seed, i) alone.
    starts : Natural, optional
        Your own starts instead, with one leading axis.
    backend : {"fast", "default"}
        How PyMC's graph is compiled; see `pp_models.objective`.
    progress : callable
        Wraps the loop over the starts of PyMC.

    Returns
    -------
    CrossCheck

    Raises
    ------
    InputError
        If a start is not finite or does not fit the case, there is no start, or no start leads to a finite value.

    Examples
    --------
    >>> from comparisons import crosscheck, load_problem
    >>> result = crosscheck(load_problem("two-coins"), n_starts=10)
    >>> str(result.verdict)
    'agree'
    >>> result.estimates[["parameter", "em"]].round(4).values.tolist()
    [['weight[coin1]', 0.5228], ['weight[coin2]', 0.4772], ['bias[coin1]', 0.7934], ['bias[coin2]', 0.5139]]
    """
    case = catalogue.case_of(case)
    starts = draw_starts(case, n_starts, seed) if starts is None else starts
    check_starts(case, starts)
    with one_thread_of_linear_algebra():
        return _crosscheck(case, starts, seed, backend, progress)


def _crosscheck(case: Case, starts: Natural, seed: int, backend: Backend, progress: Progress) -> CrossCheck:
    compiled = compiled_case(case, backend)
    fits = (run_em(case, compiled.objective, starts), run_pymc(compiled, starts, progress))
    optima = find_optima(compiled, fits)
    ends = choose_ends(compiled, fits, optima)
    shown = case.align(ends.em, ends.pymc)
    judgement = _judge_ends(compiled, shown, ends.pymc, optima[ends.optimum])
    optima[ends.optimum] = replace(optima[ends.optimum], judgement=judgement)
    optima = [_labelled(compiled, o, ends.pymc) if o.kind is Kind.DEGENERATE else o for o in optima]
    open_names = (*judgement.not_identified, *judgement.diverging)
    errors = errors_of_estimates(compiled, shown, ends.pymc, judgement)
    estimates = estimates_table(case, shown, ends.pymc, errors, open_names)
    checks = run_checks(compiled, fits, starts, optima, ends, estimates)
    others = tuple(aligned(case, other, ends.pymc) for other in case.alternatives(shown))
    checks += within_noise(case, shown, others)
    if judgement.kind not in NO_MAXIMUM:
        checks += other_rows(compiled, starts, ends.pymc)
    # Identification is a property of a point: at a saddle what makes no difference may be identified elsewhere.
    not_identified = open_names if judgement.kind not in NO_MAXIMUM else ()
    return CrossCheck(
        case=case,
        seed=seed,
        starts=starts,
        em=fits[0],
        pymc=fits[1],
        optima=optima,
        ends=ends,
        estimates=estimates,
        checks=checks,
        not_identified=tuple(name for name in case.parameter_names() if name in not_identified),
        flags=(*case.flags, *raise_flags(case, fits, optima, ends)),
        crosswise=_crosswise(compiled, ends),
        gradient_norm=examine(compiled, ends.pymc).gradient_norm,
        path=_followed(case, starts, 0),
        worked=worked_example(case),
        second_path=_followed(case, starts, 1) if case.plane and len(fits[0]) > 1 else None,
        alternatives=others,
    )


def _followed(case: Case, starts: Natural, start: int) -> Fit:
    """EM from one of the starts, cycle by cycle."""
    return em(case.em, case.to_em(take(starts, start)), case.stop, trace=True)


def _labelled(compiled: Compiled, optimum: Optimum, reported: Natural) -> Optimum:
    """An edge towards which the likelihood is unbounded, its parameters named as they are shown beside the reported."""
    shown = compiled.case.align(optimum.point.natural, reported)
    if all(np.array_equal(shown[name], optimum.point.natural[name]) for name in compiled.case.labels):
        return optimum
    point = examine(compiled, shown)
    judgement = replace(optimum.judgement, diverging=point.unbounded or optimum.judgement.diverging)
    return replace(optimum, point=point, judgement=judgement)


def _judge_ends(compiled: Compiled, em: Natural, pymc: Natural, optimum: Optimum) -> Judgement:
    """What the optimum reported is, its parameters named as both endpoints are shown.

    On a ridge the two endpoints differ, and a coin may have lost its weight at one of them only: what
    either leaves open is not identified, and at an edge is only what both have there. Nor is identified what tells
    two endpoints apart that are equally right.
    """
    regular = optimum.kind in (Kind.BEST, Kind.LOCAL)
    judgement = optimum.judgement if regular else judge(compiled, examine(compiled, pymc))
    kind = judgement.kind
    if kind in (Kind.NOT_STATIONARY, Kind.DEGENERATE) or optimum.kind is Kind.DEGENERATE:
        return optimum.judgement if optimum.kind is Kind.DEGENERATE else judgement
    found = {*judgement.not_identified, *_apart(compiled, em, pymc)}
    at_edge = set(judgement.at_edge)
    if found:
        other = judge(compiled, examine(compiled, em))
        found |= {*other.not_identified, *_without_information(compiled, pymc, judgement.at_edge)}
        found |= _without_information(compiled, em, other.at_edge)
        at_edge &= set(other.at_edge)
        if kind is not Kind.DIVERGING:
            kind = Kind.SADDLE if Kind.SADDLE in (kind, other.kind) else Kind.RIDGE
    found -= set(judgement.diverging)
    names = tuple(name for name in compiled.case.parameter_names() if name in found)
    edges = tuple(name for name in compiled.case.parameter_names() if name in at_edge - found)
    return replace(judgement, kind=kind, not_identified=names, at_edge=edges)


def _without_information(compiled: Compiled, natural: Natural, at_edge: tuple[str, ...]) -> set[str]:
    """Parameters that a flat likelihood says nothing about: the bias of a coin that has next to no weight."""
    errors = standard_errors(compiled, natural, at_edge)
    return {name for name, error in zip(compiled.case.parameter_names(), errors, strict=True) if np.isinf(error)}


def _apart(compiled: Compiled, em: Natural, pymc: Natural) -> tuple[str, ...]:
    """Parameters in which two endpoints differ that give every observation the same probability.

    Where the distance in standard errors of two fitted distributions is next to nothing, no parameter that the data
    identify can differ: surplus components, say, that one endpoint has merged with one group of the data and the
    other endpoint with another.
    """
    case, objective = compiled
    one, other = (objective.fingerprint(objective.free(end)) for end in (em, pymc))
    rounding = rounding_of_fingerprint(objective, objective.free(pymc))
    if not apart(one, other, objective.frequencies, rounding) <= ONE_DISTRIBUTION:
        return ()
    here = case.flat(pymc)
    difference = np.abs(case.flat(em) - here)
    differs = difference > MOVED * case.size(pymc)
    if differs.any():
        errors = standard_errors(compiled, pymc)
        differs &= ~(np.isfinite(errors) & (difference <= STANDARD_ERRORS * errors))
    return tuple(name for name, is_apart in zip(case.parameter_names(), differs, strict=True) if is_apart)


def _crosswise(compiled: Compiled, ends: Ends) -> pd.DataFrame:
    """Log-likelihood at both endpoints by both codes."""
    case, objective = compiled
    rows = []
    for where, natural in (("EM's endpoint", ends.em), ("PyMC's endpoint", ends.pymc)):
        x = objective.free(natural)
        by_em = float(case.em.e_step(case.to_em(objective.natural(x))).log_likelihood)
        by_pymc = objective.log_likelihood(x)
        rows.append({"at": where, "by_em": by_em, "by_pymc": by_pymc, "difference": by_em - by_pymc})
    return pd.DataFrame(rows)
