"""No false alarm: correct EMs on random data pass every check that applies to them."""

import pytest
from audit_zoo.correct import study

from comparisons.audit import CHECKS, Outcome, guard, run_check, subject_of
from comparisons.audit.reference import Reference

# 13 EMs: one coin, one sequence, many flips; ridges; an edge; a prior.
FEW = (7,)
# A part of the long study, which `benchmarks/audit_errors.py` makes by hand.
MANY = (0, 1, 2, 3, 4, 5, 6, 9, 10, 11, 13, 18)


def faults(index: int) -> list[str]:
    name, case, ems = study(index)
    reference = Reference(case, index)
    return [
        f"{name}, {kind}: {finding}"
        for kind, make in ems.items()
        for finding in (run_check(check, subject_of(None, case, make), reference) for check in CHECKS)
        if finding.outcome is Outcome.FAILED
    ]


@pytest.fixture(autouse=True)
def long_time():
    token = guard.time_limit.set(120.0)
    yield
    guard.time_limit.reset(token)


@pytest.mark.parametrize("index", FEW)
def test_a_correct_em_is_not_faulted(index: int) -> None:
    assert faults(index) == []


@pytest.mark.slow
@pytest.mark.parametrize("index", MANY)
def test_a_correct_em_is_not_faulted_in_the_long_study(index: int) -> None:
    assert faults(index) == []
