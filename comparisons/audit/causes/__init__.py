"""The likeliest cause of a wrong EM: mistakes that people make, tried one by one until one gives the same numbers.

A mistake is a right EM with one thing changed: the data as it sees them (`data`), the posterior and the expected
counts (`counts`), the estimates that come out (`estimates`), or what only its family has (`AuditHooks.mistakes`). Of
those that repeat what the EM under audit does, the one that repeats it best is named. What shows without a comparison
is found by `symptoms`; what the numbers have in common where no mistake gives the same ones, by `traces`.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

import numpy as np

from comparisons.audit.causes.counts import wrong_counts, wrong_posteriors
from comparisons.audit.causes.data import wrong_data
from comparisons.audit.causes.estimates import wrong_estimates, wrong_starts
from comparisons.audit.causes.evidence import FOR_A_SIZE, Evidence, evidence, iterated, unexplained
from comparisons.audit.causes.mistake import Mistake, Of
from comparisons.audit.causes.symptoms import symptom
from comparisons.audit.causes.traces import only_below_zero, right_near_the_maximum, trace
from comparisons.audit.constants import in_words
from comparisons.audit.guard import out_of_time
from comparisons.audit.reference import Reference
from comparisons.audit.subject import Subject
from comparisons.errors import Trouble

__all__ = ["below_zero", "faint_cause", "likely_cause"]

# What repeats an EM to this share of its difference from a right one is not compared any further.
EXACT = 1e-7
# One that leaves more than this share gives nearly the same numbers, no more.
SAME = 1e-3
NEARLY = "nearly the same numbers as when "
# What a mistake may run into with parameters that it was not made for.
BREAKS = (Trouble, ValueError, LookupError, ArithmeticError, np.linalg.LinAlgError)


def likely_cause(subject: Subject, reference: Reference, *, sizes: bool = True) -> str:
    """The mistake that gives the numbers of the EM under audit, in words; empty if none does in time.

    Without `sizes` only mistakes without a size are tried: on other data a number that was written into the code has
    many.
    """
    late = out_of_time()
    try:
        shown = symptom(subject, reference)
        if shown:
            return shown
        seen = evidence(subject, reference)
        fits = [one for one in seen if one.of is Of.FIT]
        cycles = [one for one in seen if one.of is not Of.FIT]
        known = [mistake for mistake in _mistakes(reference) if sizes or not mistake.amount] if seen else []
        return (
            _matched(known, cycles, reference, late)
            or _followed(fits, reference, late)
            or _matched([*known, *wrong_starts(reference)], fits, reference, late)
        )
    except BREAKS:
        # A guess at the cause never costs what was found.
        return ""


def below_zero(subject: Subject, reference: Reference) -> str:
    """Which parameter it is wrong for only where that is negative, in words; empty if none."""
    try:
        return only_below_zero(subject, reference)
    except BREAKS:
        return ""


def faint_cause(subject: Subject, reference: Reference) -> str:
    """What the numbers have in common where no mistake gives the same ones: less certain than `likely_cause`."""
    try:
        return (
            only_below_zero(subject, reference)
            or trace(subject, reference)
            or right_near_the_maximum(subject, reference)
        )
    except BREAKS:
        # A guess at the cause never costs what was found.
        return ""


def _of_the_family(reference: Reference) -> Iterator[Mistake]:
    for what, cycle in reference.hooks.mistakes().items():
        yield Mistake(what, cycle, 0.1 * ("{amount}" in what), Of.CYCLE | Of.END | Of.FIT)


def _mistakes(reference: Reference) -> Iterator[Mistake]:
    """Every mistake that is known, those of the family first."""
    yield from _of_the_family(reference)
    yield from wrong_data(reference)
    yield from wrong_posteriors(reference)
    yield from wrong_estimates(reference)
    yield from wrong_counts(reference)


def _matched(mistakes: Iterable[Mistake], seen: list[Evidence], reference: Reference, late: Callable[[], bool]) -> str:
    """The mistake that repeats what was seen best, in words, as far as time allows."""
    best, words = np.inf, ""
    for mistake in mistakes:
        if late():
            break
        for one in seen:
            try:
                with np.errstate(all="ignore"):
                    left, amount = unexplained(mistake, one, reference)
            except BREAKS:
                continue
            if left < best:
                near = one.of is Of.CYCLE and left > SAME * (FOR_A_SIZE if mistake.amount else 1.0)
                best, words = left, (NEARLY if near else "") + mistake.words.format(amount=in_words(amount))
            if best <= EXACT:
                return words
    return words


def _followed(seen: list[Evidence], reference: Reference, late: Callable[[], bool]) -> str:
    """The mistake whose own cycles end, from the same start, where a fit does, as far as time allows."""
    for one in seen:
        for mistake in chain(_of_the_family(reference), wrong_posteriors(reference)):
            if late():
                break
            if mistake.amount or Of.CYCLE not in mistake.of:
                continue
            try:
                with np.errstate(all="ignore"):
                    if iterated(mistake, one, reference.case) < np.inf:
                        return mistake.words
            except BREAKS:
                continue
    return ""
