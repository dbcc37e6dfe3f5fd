"""What one check of an audit found."""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from comparisons.case import Natural


class Outcome(StrEnum):
    """How a check ended. Only `FAILED` says that the EM is wrong; what is right and unusual is a remark."""

    PASSED = "passed"
    FAILED = "failed"
    GENERALISED = "generalised EM"
    ACCELERATED = "accelerated EM"
    REMARK = "remark"
    NOT_APPLICABLE = "not applicable"


REMARKS = (Outcome.GENERALISED, Outcome.ACCELERATED, Outcome.REMARK)


class Level(StrEnum):
    """What an audit says of the whole EM."""

    RIGHT = "right"
    WITH_REMARKS = "right, with remarks"
    WRONG = "wrong"


class Finding(NamedTuple):
    """One row of the audit.

    Attributes
    ----------
    check : str
    outcome : Outcome
    found : str
        What was found, in one sentence.
    at : str
        At which parameters (or data).
    meaning : str
        What such a failure usually means; empty unless it failed.
    """

    check: str
    outcome: Outcome
    found: str
    at: str = ""
    meaning: str = ""


MEANING = {
    "log_likelihood": "another model, another set of nodes or weights, a frequency or a constant that depends on "
    "the parameters, single precision",
    "expected_counts": "an error in the E-step: posterior of another pattern, weights not normalised, a frequency "
    "left out, an index off by one",
    "mass": "observations lost or counted twice: a frequency ignored, posteriors that do not add up to 1",
    "ascent": "not an EM of this likelihood: a sign, a wrong E-step, or an M-step that maximises something else",
    "m_step": "the M-step maximises another function: a wrong formula, observed instead of expected counts, a prior "
    "left in",
    "fisher": "the expected counts and the log-likelihood are those of two different models: a node, a weight or a row "
    "that only one of them uses",
    "fixed_point": "it converges to a point that is no maximum of this likelihood, or does not stay at one",
    "rate": "the map is not an EM near its fixed point: over-relaxed, damped, or with noise",
    "reported_log_likelihood": "the value belongs to the parameters of the step before, or to another function",
    "stopping": "a small change was taken for convergence, or the cycle limit for success",
    "standard_errors": "complete-data instead of observed information, or a wrong scale",
    "symmetry": "components, weights or labels are mixed up somewhere",
    "missing": "a missing response is taken for a wrong one, or its examinee is dropped",
    "weights": "a frequency is not used everywhere",
    "edge_cases": "a division by zero or a logarithm of zero that is not guarded",
}


def level_of(findings: Iterable["Finding"]) -> Level:
    """Wrong if some check failed, with remarks if some check has one."""
    outcomes = {finding.outcome for finding in findings}
    if Outcome.FAILED in outcomes:
        return Level.WRONG
    return Level.WITH_REMARKS if outcomes & set(REMARKS) else Level.RIGHT


def passed(check: str, found: str, at: str = "") -> Finding:
    """The check found nothing wrong."""
    return Finding(check, Outcome.PASSED, found, at)


def failed(check: str, found: str, at: str = "") -> Finding:
    """The check found something wrong."""
    return Finding(check, Outcome.FAILED, found, at, MEANING.get(check, ""))


def remark(check: str, found: str, at: str = "", outcome: Outcome = Outcome.REMARK) -> Finding:
    """The EM is right, and this is unusual about it."""
    return Finding(check, outcome, found, at)


def not_applicable(check: str, reason: str) -> Finding:
    """The EM does not offer what the check needs."""
    return Finding(check, Outcome.NOT_APPLICABLE, reason)


def judged(check: str, ok: bool, found: str, at: str = "") -> Finding:
    """Passed or failed."""
    return passed(check, found, at) if ok else failed(check, found, at)


def described(natural: Natural) -> str:
    """Parameters in one line, long ones cut short."""
    parts = []
    for name, values in natural.items():
        shown = ", ".join(f"{value:.4g}" for value in np.ravel(values)[:6])
        parts.append(f"{name} = {shown}{', ...' if np.size(values) > 6 else ''}")
    return "; ".join(parts)
