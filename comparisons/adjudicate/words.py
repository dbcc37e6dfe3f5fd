"""The verdict of an adjudication in one sentence."""

from typing import TYPE_CHECKING

import numpy as np

from comparisons.adjudicate.estimates import listed
from comparisons.adjudicate.finding import Verdict
from comparisons.optima.kinds import Kind
from comparisons.optima.words import IN_WORDS

if TYPE_CHECKING:
    from comparisons.adjudicate.adjudication import Adjudication
    from comparisons.adjudicate.held import Held

# Rounding that moves an estimate by more standard errors than this is pointed out.
COARSE = 0.5
KIND_IN_WORDS = {**IN_WORDS, Kind.BEST: "the maximum"}


def sentence(result: "Adjudication") -> str:
    """The verdict in one sentence."""
    words = {
        Verdict.AT_MAXIMUM: _at_maximum,
        Verdict.PRACTICALLY_AT_MAXIMUM: _practically,
        Verdict.ANOTHER_OPTIMUM: _another_optimum,
        Verdict.ANOTHER_PARAMETRISATION: _another_parametrisation,
        Verdict.STOPPED_EARLY: _stopped_early,
        Verdict.ANOTHER_MODEL: _another_model,
        Verdict.IMPOSSIBLE: _impossible,
    }
    return f"{words[result.verdict](result)}."


def _outside(result: "Adjudication") -> str:
    """How many numbers lie outside the rounding, and which furthest; empty when none does."""
    outside, total = result.outside, len(result.parameters)
    if not len(outside):
        return ""
    worst = outside.loc[outside["outside"].idxmax()]
    how_many = f"1 of {total} numbers lies" if len(outside) == 1 else f"{len(outside)} of {total} numbers lie"
    text = f"; {how_many} outside the rounding, furthest {worst['parameter']}"
    if result.converted and worst["parameter"] != worst["read_as"]:
        text += f" (read as {worst['read_as']})"
    text += f" by {worst['outside']:.2g}"
    return text + (f" ({worst['in_se']:.2g} standard errors from it)" if np.isfinite(worst["in_se"]) else "")


def _to_the_digits(result: "Adjudication") -> str:
    """How well the place is met."""
    if result.finding.within_rounding:
        return f"to the digits given ({_digits(result)})"
    change = result.finding.allowance.change if result.finding.allowance else np.nan
    # A unit of the last digit that is finer than the tolerance cannot be right.
    fine = 10.0**-result.estimates.decimals < result.tolerance
    text = "up to" if fine else f"to the digits given ({_digits(result)}) and"
    text += f" a convergence tolerance of {result.tolerance:g} per EM cycle ({change:.1e} is needed)"
    return text + _outside(result)


def _at_maximum(result: "Adjudication") -> str:
    kind = result.optima[0].kind
    extra = {Kind.RIDGE: " (ridge)", Kind.BOUNDARY: " (boundary)", Kind.DIVERGING: " (at infinity)"}.get(kind, "")
    text = f"at the maximum{extra}, {_to_the_digits(result)}"
    left = tuple(dict.fromkeys(map(result.own, result.finding.place.left_open)))
    text = f"{text}; the data do not determine {listed(left)}" if left else text
    loose = (result.parameters["half_unit"] / result.parameters["se"]).where(np.isfinite(result.parameters["se"]))
    if loose.max() > COARSE:
        name = result.parameters["parameter"][loose.idxmax()]
        text += f"; so few digits leave much open: rounding alone moves {name} by {loose.max():.2g} standard errors"
    return text


def _practically(result: "Adjudication") -> str:
    """How near, how many digits that costs, and why."""
    text = f"at the maximum for practical purposes, {result.distance:.2g} standard errors from it"
    if result.finding.allowance is not None:
        text += f", where a cycle of EM still changes {result.finding.allowance.change:.1e}"
    return f"{text}; {_lost(result)}; {result.finding.detail}"


def _lost(result: "Adjudication") -> str:
    """How many of the digits given are lost, where most are."""
    table = result.parameters[result.parameters["determined"]]
    given = table["text"].map(significant)
    worst = (given - table["digits"]).idxmax()
    right = min(int(table["digits"][worst]), given[worst])
    to = f"{right} digit{'s' if right != 1 else ''}"
    lost, outside = given[worst] - right, len(result.outside)
    return (
        f"{lost} of the {given[worst]} digits given {'is' if lost == 1 else 'are'} lost in "
        f"{table['parameter'][worst]}, which is right to {to}; {outside} of {len(result.parameters)} numbers "
        f"{'lies' if outside == 1 else 'lie'} outside the rounding"
    )


def significant(text: str) -> int:
    """Significant digits of a number as it is written."""
    digits = text.lower().partition("e")[0].lstrip("+-").replace(".", "").lstrip("0")
    return len(digits)


def _another_optimum(result: "Adjudication") -> str:
    held, level = result.finding.held, result.finding.place.level
    what = KIND_IN_WORDS[result.judgement_of_place] if held is None else _held_maximum(result, held)
    changes = " and ".join(result.finding.reading.changes)
    so_read = f"in another parametrisation: {changes}; after conversion, " if changes else ""
    text = f"another optimum, {so_read}{_to_the_digits(result)}: {what} at {level:.6f}"
    text += f", {result.best - level:.6f} below the best"
    if held is None:
        return text
    ways = " and ".join(
        f"{entry.rise:.5g} per unit of {result.own(entry.name)} {'below 1' if entry.edge else 'above 0'}"
        for entry in held.rising
    )
    return f"{text}; it is not a maximum of the model: the {_what(result)} rises by {ways}"


def _what(result: "Adjudication") -> str:
    """What is maximised."""
    return "log-posterior" if result.case.with_prior else "log-likelihood"


def _held_maximum(result: "Adjudication", held: "Held") -> str:
    """As "the maximum when bias[coin2] is held at 0"."""
    by_edge = {
        edge: [result.own(entry.name) for entry in held.entries if entry.edge == edge]
        for edge in dict.fromkeys(entry.edge for entry in held.entries)
    }
    edges = " and ".join(
        f"{listed(names)} {'is' if len(names) == 1 else 'are'} held at {edge:g}" for edge, names in by_edge.items()
    )
    return f"{held.what} when {edges}"


def _another_parametrisation(result: "Adjudication") -> str:
    changes = " and ".join(result.finding.reading.changes)
    how = f"{result.finding.detail}{_outside(result)}" if result.finding.detail else _to_the_digits(result)
    order = f" ({result.order})" if result.order else ""
    return f"another parametrisation: {changes}{order}; after conversion, the estimates are at the maximum, {how}"


def _stopped_early(result: "Adjudication") -> str:
    allowance = result.finding.allowance
    change = "" if allowance is None else f", where a cycle of EM still changes {allowance.change:.1e}"
    changes = " and ".join(result.finding.reading.changes)
    order = f" ({result.order})" if result.order else ""
    so_read = f", in another parametrisation: {changes}{order}; after conversion" if changes else ""
    text = f"stopped early{so_read}, {result.distance:.2g} standard errors from the maximum{change}"
    text += _outside(result)
    return f"{text}; {result.finding.detail}" if result.finding.detail else text


def _another_model(result: "Adjudication") -> str:
    if result.finding.detail:
        return f"another model or data: {result.finding.detail}"
    return (
        f"another model or data: the log-likelihood is {result.best - result.log_likelihood:.4g} below the best, "
        f"{result.distance:.2g} standard errors away, and no conversion fits "
        "(an EM stopped after a few cycles from an unusual start cannot be excluded)"
    )


def _impossible(result: "Adjudication") -> str:
    return f"impossible: {result.impossible}"


def _digits(result: "Adjudication") -> str:
    """As "3 decimals"."""
    decimals = result.estimates.decimals
    return f"{decimals} decimal{'s' if decimals != 1 else ''}"
