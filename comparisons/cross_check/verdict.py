"""The verdict of a cross-check: one word, and the sentence that a reader sees first."""

from enum import StrEnum
from typing import TYPE_CHECKING

from comparisons.optima.kinds import NO_MAXIMUM, Kind
from comparisons.optima.words import IN_WORDS
from em_reference.em import Status

if TYPE_CHECKING:
    from comparisons.cross_check.checks import Check
    from comparisons.cross_check.run import CrossCheck

FLAGGED = (Kind.RIDGE, Kind.BOUNDARY, Kind.DIVERGING)


class Verdict(StrEnum):
    """What a cross-check says.

    agree            EM and PyMC agree at the best optimum found
    agree elsewhere  they agree, but not there: at a saddle, below a maximum that the run itself found, or, where
                     there is no maximum, that the likelihood is unbounded
    undecided        EM had not converged, and whether it would reach PyMC's optimum could not be settled
    disagree         EM and PyMC disagree
    """

    AGREE = "agree"
    ELSEWHERE = "agree elsewhere"
    UNDECIDED = "undecided"
    DISAGREE = "disagree"


def verdict_of(checks: "tuple[Check, ...]", optimum: int, kind: Kind) -> Verdict:
    """The verdict on the checks of two endpoints at an optimum (its position, best first) of a kind."""
    failed = [check for check in checks if not check.passed]
    if any(not check.undecided for check in failed):
        return Verdict.DISAGREE
    if failed:
        return Verdict.UNDECIDED
    return Verdict.ELSEWHERE if optimum > 0 or kind in NO_MAXIMUM else Verdict.AGREE


def sentence_of(result: "CrossCheck") -> str:
    """The verdict in one sentence; what a reader must not miss comes first."""
    ends, kind = result.ends, result.optima[result.ends.optimum].kind
    failed = [check for check in result.checks if not check.passed]
    if result.verdict is Verdict.DISAGREE:
        worst = next(check for check in failed if not check.undecided)
        others = f" ({len(failed) - 1} more checks failed)" if len(failed) > 1 else ""
        named = worst.name if worst.name.startswith(("EM", "PyMC")) else f"the {worst.name}"
        late = f" EM had not converged after {ends.em_cycles} cycles." if ends.em_status == Status.CYCLE_LIMIT else ""
        return f"EM and PyMC disagree in {named}: {worst.detail}{others}.{late}"
    if result.verdict is Verdict.UNDECIDED:
        return (
            f"Undecided: EM had not converged after {ends.em_cycles} cycles ({failed[0].detail}); up to that "
            "point it does not contradict PyMC."
        )
    gap = abs(result.log_likelihood_difference)
    text = f"EM and PyMC agree: log-likelihood {ends.pymc_log_likelihood:.7f} (difference {gap:.1e})"
    if len(result.identified):
        least = result.identified["digits"].min()
        text += f", and at least {least:.1f} matching digits in every identified parameter"
    if kind is Kind.DEGENERATE:
        running = ", ".join(result.optima[ends.optimum].judgement.diverging)
        return (
            f"There is no estimate: the likelihood is unbounded as {running} approaches the edge of its range. EM "
            "and PyMC agree on that; the points at which they stopped are arbitrary."
        )
    if result.verdict is Verdict.ELSEWHERE:
        best = result.optima[0]
        above = f": a higher maximum ({best.objective:.7f}) exists" if ends.optimum > 0 else ""
        return f"Not the best optimum found, but {IN_WORDS[kind]}{above}. {text}."
    text = f"{text}; flagged: {IN_WORDS[kind]}" if kind in FLAGGED else text
    if any(optimum.kind is Kind.DEGENERATE for optimum in result.optima):
        text += "; elsewhere the likelihood is unbounded, and there is no estimate there"
    return f"{text}."
