"""Every wrong EM of the zoo is caught, by the check that should catch it."""

from pathlib import Path

import pytest
from audit_zoo import BUGS, Bug, data, textbook

from comparisons.audit import CHECKS, Outcome, guard, run_check, subject_of
from comparisons.audit.finding import REMARKS

RIGHT = {
    "coins": textbook.Coins,
    "coins, weights known": textbook.Coins,
    "2PL": textbook.TwoPL,
    "2PL, missing": textbook.TwoPL,
}


@pytest.fixture(autouse=True)
def short_time():
    token = guard.time_limit.set(1.5)
    yield
    guard.time_limit.reset(token)


def test_the_zoo_is_large_enough() -> None:
    assert sum(not bug.remark for bug in BUGS) >= 40
    assert len({bug.name for bug in BUGS}) == len(BUGS)
    assert {bug.check for bug in BUGS} >= set(CHECKS) - {"fisher", "domain", "other_data", "exact_cycle"}


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_caught_by_the_check_that_should_catch_it(bug: Bug) -> None:
    if bug.name == "Hangs":
        guard.time_limit.set(0.1)
    if bug.check == "other_data":
        # What these data cannot show: their slopes are all positive.
        guard.time_limit.set(20.0)
    case = data.case(bug.case)
    found = run_check(bug.check, subject_of(None, case, bug.make), data.reference(bug.case))
    assert (found.outcome in REMARKS) if bug.remark else (found.outcome is Outcome.FAILED), found


@pytest.mark.parametrize(
    "bug",
    [
        pytest.param(bug, id=bug.name, marks=() if bug.name in ("Damped", "NaNAtBoundary") else pytest.mark.slow)
        for bug in BUGS
        if bug.remark
    ],
)
def test_what_is_only_unusual_is_not_called_wrong(bug: Bug) -> None:
    subject = subject_of(None, data.case(bug.case), bug.make)
    found = [run_check(name, subject, data.reference(bug.case)) for name in CHECKS]
    assert [row for row in found if row.outcome is Outcome.FAILED] == []


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=pytest.mark.slow if case == "2PL" else ()) for case in RIGHT]
)
def test_the_em_that_the_bugs_are_put_into_is_right(case: str) -> None:
    subject = subject_of(None, data.case(case), RIGHT[case])
    found = [run_check(name, subject, data.reference(case)) for name in CHECKS]
    assert [row for row in found if row.outcome in (Outcome.FAILED, *REMARKS)] == []


def test_the_report_holds_the_whole_zoo() -> None:
    report = (Path(__file__).resolve().parents[3] / "reports" / "planted_bugs.md").read_text(encoding="utf-8")
    assert [bug.name for bug in BUGS if f"| {bug.description} | {bug.case} |" not in report] == []
