"""What the reader must know beside the verdict."""

from collections.abc import Iterator

import numpy as np

from comparisons.case import CERTIFICATE_ROUND_OFF, Case, Flag
from comparisons.cross_check.endpoints import Ends
from comparisons.optima.find import Optimum
from comparisons.optima.kinds import NO_MAXIMUM, Kind
from comparisons.optima.starts import Endpoints
from em_reference.em import Status

# Ways in which an EM failed that are told.
MOST_FAULTS = 3


def raise_flags(case: Case, fits: tuple[Endpoints, Endpoints], optima: list[Optimum], ends: Ends) -> tuple[Flag, ...]:
    """Flags of one cross-check, the gravest first."""
    return (
        *beats_certificate(case, fits, optima),
        *_of_the_unbounded(case, fits, optima),
        *_of_the_optimum(case, optima, ends),
        *_of_the_others(fits, optima),
        *_of_the_starts(fits, optima, ends, case.faults()),
    )


def _of_the_unbounded(case: Case, fits: tuple[Endpoints, Endpoints], optima: list[Optimum]) -> Iterator[Flag]:
    """Where the likelihood is unbounded, how many starts ran there, and what takes such places away."""
    unbounded = [o for o in optima if o.kind is Kind.DEGENERATE]
    if not unbounded:
        return
    em, pymc = (sum(len(o.members[fit.by]) for o in unbounded) for fit in fits)
    edges = ", or as ".join(f"{_listed(o.judgement.diverging)} approaches the edge of its range" for o in unbounded)
    left = "there is no other maximum"
    if any(o.kind not in NO_MAXIMUM for o in optima):
        left = "there is no estimate there, and the best of the other maxima is reported"
    yield Flag(
        "degenerate",
        f"the {'posterior density' if case.with_prior else 'likelihood'} is unbounded as {edges}; {em} of "
        f"{len(fits[0])} EM starts and {pymc} of {len(fits[1])} PyMC starts lead there; {left}; a bound short of that "
        "edge (a lower bound of a standard deviation or a variance), or a prior that vanishes there, in the model and "
        "in the EM, makes it bounded",
    )


def _of_the_optimum(case: Case, optima: list[Optimum], ends: Ends) -> Iterator[Flag]:
    """What the optimum reported is, where it is no regular maximum."""
    kind, judgement = optima[ends.optimum].kind, optima[ends.optimum].judgement
    if ends.optimum > 0 and kind is not Kind.DEGENERATE:
        yield Flag(
            "higher_maximum",
            f"no start reached the best known optimum, at {optima[0].objective:.7f}; PyMC found it by continuing the "
            "maximisation from the endpoints",
        )
    if kind is Kind.DEGENERATE:
        return
    names = judgement.not_identified
    if names and kind in NO_MAXIMUM:
        yield Flag(
            "level",
            f"the reported point is no maximum; the likelihood is flat there in {_listed(names)}, which does not tell "
            "whether the data identify them",
        )
    elif names:
        fitted = case.fitted(ends.pymc)
        yield Flag(
            "ridge",
            f"the likelihood is flat along a ridge: the data do not identify {_listed(names)}; what they do identify "
            f"is the fitted distribution{f' ({fitted})' if fitted else ''}; agreement is judged on that",
        )
    if judgement.at_edge:
        yield Flag("boundary", f"at the boundary of the parameter space: {_listed(judgement.at_edge)}")
    if judgement.diverging:
        yield Flag(
            "diverging",
            "the likelihood does not decrease towards infinity: there is no finite estimate of "
            f"{_listed(judgement.diverging)}",
        )


def _of_the_others(fits: tuple[Endpoints, Endpoints], optima: list[Optimum]) -> Iterator[Flag]:
    """Other optima, and how many starts ended there."""
    top = optima[0].objective - optima[0].point.level
    maxima = [o for o in optima if o.kind not in NO_MAXIMUM]
    equal = [o for o in maxima if o.objective >= top]
    if len(equal) > 1:
        yield Flag(
            "equal_maxima",
            f"{len(equal)} different maxima are equally high: which one is found depends on the start, and the "
            "estimates are those of one of them",
        )
    lower = [o for o in maxima if o.objective < top]
    for code, what, found in (
        (Kind.LOCAL, "a local maximum that is not the best", lower),
        (Kind.SADDLE, "a saddle", [o for o in optima if o.kind is Kind.SADDLE]),
        (Kind.NOT_STATIONARY, "a point that is not stationary", [o for o in optima if o.kind is Kind.NOT_STATIONARY]),
    ):
        em, pymc = (sum(len(o.members[fit.by]) for o in found) for fit in fits)
        if em or pymc:
            yield Flag(
                str(code).replace(" ", "_"),
                f"{em} of {len(fits[0])} EM starts and {pymc} of {len(fits[1])} PyMC starts end at {what}"
                f"{_edges_of(found)}",
            )


def _edges_of(found: list[Optimum]) -> str:
    """Edges from which the likelihood rises, and how steeply."""
    rising = {at.name: at.derivative for o in found for at in o.point.edges if at.first_order}
    steep = [f"{name}, {slope:+.4g} per unit" for name, slope in rising.items()]
    return f", where the likelihood increases away from the edge of the range ({'; '.join(steep[:4])})" if steep else ""


def _of_the_starts(
    fits: tuple[Endpoints, Endpoints], optima: list[Optimum], ends: Ends, faults: list[tuple[str, int]]
) -> Iterator[Flag]:
    """Starts that reached no optimum; those that tend to infinity do not count."""
    nobody = np.array([], dtype=np.int64)
    endless = [o.members["em"] for o in optima if o.judgement.diverging]
    late = np.flatnonzero(fits[0].status == str(Status.CYCLE_LIMIT))
    stopped = len(np.setdiff1d(late, np.concatenate(endless) if endless else []))
    if stopped:
        yield Flag(
            "em_cycle_limit",
            f"{stopped} of {len(fits[0])} EM starts had not converged after {int(fits[0].effort.max())} cycles, "
            "although they were continued with acceleration",
        )
    unbounded = [o for o in optima if o.kind is Kind.DEGENERATE]
    known = [np.concatenate([nobody, *(o.members[fit.by] for o in unbounded)]) for fit in fits]
    failed = [
        len(np.setdiff1d(np.flatnonzero(fit.status == "not finite"), there))
        for fit, there in zip(fits, known, strict=True)
    ]
    if any(failed):
        yield Flag("not_finite", f"{failed[0]} EM starts and {failed[1]} PyMC starts ended at no finite value")
    for fault, times in faults[:MOST_FAULTS]:
        yield Flag("em_failed", f"the EM failed in {times} cycles: {fault}")
    for start, name, other in ((ends.em_start, "EM", "PyMC"), (ends.pymc_start, "PyMC", "EM")):
        if start is None:
            yield Flag(
                "best_not_reached",
                f"no {name} start reached the best optimum; {name} was restarted from {other}'s endpoint",
            )


def beats_certificate(case: Case, fits: tuple[Endpoints, Endpoints], optima: list[Optimum]) -> tuple[Flag, ...]:
    """A flag when a fit is higher than the best certified point by more than round-off.

    Then the certificate is wrong, or a log-likelihood is: the tests of the catalogue fail.
    """
    if not case.certified:
        return ()
    best = max(point.height for point in case.certified)
    what = "log-posterior" if case.with_prior else "log-likelihood"
    bounded = [o for o in optima if o.kind is not Kind.DEGENERATE]
    reached = [fit.objective[[start for o in bounded for start in o.members[fit.by]]] for fit in fits]
    found = [
        ("EM's", float(np.nanmax(reached[0], initial=-np.inf))),
        ("PyMC's", float(np.nanmax(reached[1], initial=-np.inf))),
        ("the best optimum's", max((o.objective for o in bounded), default=-np.inf)),
    ]
    whose, highest = max(found, key=lambda pair: pair[1])
    if highest <= best + CERTIFICATE_ROUND_OFF * (1 + abs(best)):
        return ()
    message = f"{whose} {what} {highest:.12g} is above the certified best, {best:.12g}: one of them is wrong"
    return (Flag("beats_certificate", message),)


def _listed(names: tuple[str, ...]) -> str:
    """Names in a row, long lists cut short."""
    shown = ", ".join(names[:12])
    return shown if len(names) <= 12 else f"{shown} and {len(names) - 12} more"
