"""The audit of the textbook families: their own EMs pass, planted bugs are caught."""

from typing import Any

import numpy as np
import pytest

from comparisons import catalogue
from comparisons.audit import Outcome, audit
from comparisons.case import Case
from em_reference.common_slope import CommonSlope
from em_reference.genetic_linkage import GeneticLinkage
from em_reference.poisson_mixture import PoissonMixture

PROBLEMS = ("hasselblad", "lsat6-common-slope", "genetic-linkage")
MAKE = {
    "hasselblad": lambda data: PoissonMixture(data["counts"], data["components"], data["frequencies"]),
    "lsat6-common-slope": lambda data: CommonSlope(
        data["responses"], data["frequencies"], data["nodes"], data["weights"]
    ),
    "genetic-linkage": lambda data: GeneticLinkage(data["frequencies"]),
}


@pytest.fixture(scope="module", params=PROBLEMS)
def case(request: pytest.FixtureRequest) -> Case:
    return catalogue.load(request.param)


def failures(case: Case, factory: Any) -> set[str]:
    return {finding.check for finding in audit(None, case, factory=factory) if finding.outcome is Outcome.FAILED}


class Steps:
    """An EM of ours by its two steps alone, parameters and counts by name, with a bug planted."""

    def __init__(self, em: Any, case: Case, *, longer: float = 1.0) -> None:
        self.em, self.case, self.longer = em, case, longer

    def e_step(self, natural: dict[str, Any]) -> Any:
        return self.em.e_step(self.case.to_em(natural))

    def m_step(self, counts: Any, natural: dict[str, Any]) -> dict[str, Any]:
        found = self.case.from_em(self.em.m_step(counts, self.case.to_em(natural)))
        last = list(found)[-1]
        return {**found, last: found[last] * self.longer}


def test_the_projects_own_em_passes(case: Case) -> None:
    assert failures(case, MAKE[case.name]) == set()


def test_an_m_step_that_is_off_by_a_thousandth_is_caught(case: Case) -> None:
    def off(data: dict[str, Any]) -> Steps:
        return Steps(MAKE[case.name](data), case, longer=1.001)

    found = failures(case, off)
    assert "m_step" in found
    assert not found & {"log_likelihood", "expected_counts", "mass", "fisher"}


def test_ignored_frequencies_are_caught(case: Case) -> None:
    def ignoring(data: dict[str, Any]) -> Steps:
        seen = (np.asarray(data["frequencies"]) > 0).astype(float)
        return Steps(MAKE[case.name]({**data, "frequencies": seen}), case)

    assert {"expected_counts", "mass", "fisher"} <= failures(case, ignoring)
