"""The result of an audit does not depend on the order in which its checks are run."""

import math
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import numpy as np
import pytest
from audit_zoo import BUGS, data, textbook

from comparisons.audit import guard
from comparisons.audit.domain import where_it_works
from comparisons.audit.finding import Finding, Outcome
from comparisons.audit.reference import Reference
from comparisons.audit.run import checks_for, run_checks, subject_of
from comparisons.audit.top import Top
from comparisons.optima.kinds import Kind

# What reverses the order of any two, and what mixes them.
ON_THE_DATA = tuple(name for name in checks_for("coins") if name != "other_data")
ORDERS = {"backwards": ON_THE_DATA[::-1], "shuffled": tuple(np.random.default_rng(1).permutation(ON_THE_DATA))}
FEW = ("PriorOnBias", "ChangesData", "fit_of_another_model")
MORE = ("StepBefore", "Damped", "NaNAtBoundary")


@pytest.fixture(autouse=True)
def no_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """How much is looked at in a limited time also depends on what else the machine does."""
    monkeypatch.setattr(guard, "PATIENCE", math.inf)
    monkeypatch.setattr(guard, "time_limit", ContextVar("time_limit", default=600.0))


def found(factory: Callable[[dict[str, Any]], Any], reference: Reference, order: tuple[str, ...]) -> list[Finding]:
    subject = subject_of(None, reference.case, factory)
    return run_checks(subject, where_it_works(subject, reference), order)


@pytest.mark.parametrize("name", ["right", *FEW, *(pytest.param(name, marks=pytest.mark.slow) for name in MORE)])
def test_an_audit_is_the_same_in_every_order(name: str) -> None:
    factory = next((bug.make for bug in BUGS if bug.name == name), textbook.Coins)
    reference = data.reference("coins")
    in_order = found(factory, reference, ON_THE_DATA)
    for order in ORDERS.values():
        assert found(factory, reference, order) == in_order


def test_an_em_that_leads_off_a_plateau_does_so_for_every_check() -> None:
    """PyMC may take a plateau for its top; the EM leads on from there, whichever check asks first."""
    plateau = Reference(data.case("coins"))
    heads = {"weight": np.array([0.5, 0.5]), "bias": np.array([0.499, 0.501])}
    plateau.__dict__["top"] = Top(heads, plateau.free(heads), Kind.RIDGE)
    in_order = found(textbook.Coins, plateau, ON_THE_DATA)
    assert [finding.check for finding in in_order if finding.outcome is Outcome.FAILED] == []
    for order in ORDERS.values():
        assert found(textbook.Coins, plateau, order) == in_order
