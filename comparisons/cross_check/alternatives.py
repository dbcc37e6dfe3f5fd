"""Estimates in other ways beside the maximum, and the check of those that are the maximum but for noise."""

import numpy as np
from scipy.stats import t as student

from comparisons.case import Alternative, Case, Natural
from comparisons.cross_check.checks import Check

# Estimates that are right are this far off, in their Monte Carlo errors, with this probability, all together.
RARE = 1e-4


def aligned(case: Case, other: Alternative, reported: Natural) -> Alternative:
    """The same estimates under the labels of those that are reported; an error has those already."""
    return other if other.error is not None else other._replace(natural=case.align(other.natural, reported))


def within_noise(case: Case, maximum: Natural, others: tuple[Alternative, ...]) -> tuple[Check, ...]:
    """One check for each of the others that has a Monte Carlo error: it is the maximum within that error.

    The error is itself estimated, from a few runs, so that a difference has Student's distribution.
    """
    return tuple(_within(case, maximum, other) for other in others if other.error is not None)


def _within(case: Case, maximum: Natural, other: Alternative) -> Check:
    assert other.error is not None
    error = case.flat(other.error)
    apart = np.abs(case.flat(other.natural) - case.flat(maximum))
    noisy = error > 0
    shares = np.divide(apart, error, out=np.zeros_like(apart), where=noisy)
    worst = int(shares.argmax())
    allowed = float(student.isf(RARE / (2 * max(1, noisy.sum())), max(1, other.runs - 1)))
    found = float(shares[worst])
    name = case.parameter_names()[worst]
    detail = f"{name} is {case.flat(other.natural)[worst]:.6g}, with a Monte Carlo error of {error[worst]:.2g}"
    return Check(other.name, found, allowed, found <= allowed, detail)
