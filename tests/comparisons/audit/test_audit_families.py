"""The audit of the textbook families: their own EMs pass, planted bugs are caught."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

from comparisons import catalogue
from comparisons.audit import Outcome
from comparisons.audit.reference import Reference
from comparisons.audit.run import CHECKS, run_check, subject_of, where_it_works
from comparisons.case import Case
from comparisons.families import bivariate_normal, gaussian_mixture
from em_reference.bivariate_normal import BivariateNormal, NormalCounts
from em_reference.common_slope import CommonSlope
from em_reference.gaussian_mixture import GaussianMixture
from em_reference.genetic_linkage import GeneticLinkage
from em_reference.poisson_mixture import PoissonMixture

PROBLEMS = ("hasselblad", "lsat6-common-slope", "genetic-linkage", "murray", "means", "mixture", "mixture-gaps")
NONE = np.nan
HEIGHTS = np.array(
    [[1.7, 60.0], [1.9, 82.0], [1.6, 71.0], [1.8, NONE], [1.75, 77.0], [NONE, 95.0], [1.85, 74.0], [NONE, 58.0]]
)


def bivariate(data: dict[str, Any]) -> BivariateNormal:
    """Our EM, its sums those of the numbers themselves, as anybody else's would be."""
    return BivariateNormal(data["values"], data["frequencies"], data["means_zero"], about=np.zeros(2))


def mixture(data: dict[str, Any]) -> GaussianMixture:
    """Likewise."""
    given = (data[name] for name in ("values", "components", "covariance", "frequencies"))
    return GaussianMixture(*given, about=0.0)


MEASURED = np.random.default_rng(0).normal(size=(40, 2)) + np.array([[0.0, 0.0], [4.0, 3.0]])[np.arange(40) % 2]
WITH_GAPS = np.where(np.arange(80).reshape(40, 2) % 9 == 4, NONE, MEASURED)
OFTEN = np.array([1.0, 2, 1, 3])[np.arange(40) % 4]
MAKE = {
    "mixture": mixture,
    "mixture-gaps": mixture,
    "hasselblad": lambda data: PoissonMixture(data["counts"], data["components"], data["frequencies"]),
    "lsat6-common-slope": lambda data: CommonSlope(
        data["responses"], data["frequencies"], data["nodes"], data["weights"]
    ),
    "murray": bivariate,
    "means": bivariate,
    "genetic-linkage": lambda data: GeneticLinkage(data["frequencies"]),
}


@cache
def reference_of(problem: str) -> Reference:
    """PyMC's model of one problem; compiled once for all EMs that are checked against it."""
    if problem == "means":
        return Reference(
            bivariate_normal.bind(problem, HEIGHTS, ("height", "weight"), np.array([1.0, 2, 1, 1, 3, 1, 1, 2]))
        )
    if problem == "mixture":
        return Reference(gaussian_mixture.bind(problem, MEASURED[:, 0], 2, "tied", frequencies=OFTEN))
    if problem == "mixture-gaps":
        return Reference(gaussian_mixture.bind(problem, WITH_GAPS, 2, frequencies=OFTEN))
    return Reference(catalogue.load(problem))


# The others take longer.
QUICK = ("genetic-linkage",)


@pytest.fixture(params=[pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in PROBLEMS])
def case(request: pytest.FixtureRequest) -> Case:
    return reference_of(request.param).case


def failures(case: Case, factory: Any) -> set[str]:
    reference = reference_of(case.name)
    subject = subject_of(None, case, factory)
    reference = where_it_works(subject, reference)
    return {name for name in CHECKS if run_check(name, subject, reference).outcome is Outcome.FAILED}


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

    # Murray's frequencies are all 1: only data with others can tell.
    expected = {"expected_counts", "fisher"} | ({"mass"} if reference_of(case.name).mass else set())
    if case.name == "murray":
        expected = {"weights"}
    assert expected <= failures(case, ignoring)


class Imputing(Steps):
    """An EM of the bivariate normal with a mistake in how it fills in what is missing."""

    def __init__(self, em: BivariateNormal, case: Case, mistake: Callable[..., Any]) -> None:
        super().__init__(em, case)
        self.mistake = mistake

    def e_step(self, natural: dict[str, Any]) -> Any:
        expected = super().e_step(natural)
        _, squares, product = expected.expected_counts
        squares, product = self.mistake(self.em.seen[1], natural, squares, product)
        return {"squares": squares, "product": product, "log_likelihood": expected.log_likelihood}

    def m_step(self, counts: Any, natural: dict[str, Any]) -> dict[str, Any]:
        return super().m_step(NormalCounts(np.zeros(2), counts["squares"], counts["product"]), natural)


def single_imputation(singles: Any, natural: dict[str, Any], squares: Any, product: Any) -> Any:
    """The missing number replaced by its expectation: its variance is forgotten."""
    unexplained = natural["variance"] * (1 - natural["correlation"] ** 2)
    return squares - singles.rows[::-1] * unexplained, product


def regression_without_scale(singles: Any, natural: dict[str, Any], squares: Any, product: Any) -> Any:
    """E(y | x) = rho x, right only for equal variances, in the expected products."""
    right = natural["correlation"] * np.sqrt(natural["variance"][::-1] / natural["variance"])
    x, y = singles.around(np.zeros(2))[1] * (natural["correlation"] - right)
    return squares, product + x + y


@pytest.mark.slow
@pytest.mark.parametrize("mistake", [single_imputation, regression_without_scale])
def test_numbers_filled_in_wrongly_are_caught(mistake: Callable[..., Any]) -> None:
    case = reference_of("murray").case
    found = failures(case, lambda data: Imputing(MAKE["murray"](data), case, mistake))
    assert {"expected_counts", "fisher"} <= found
    assert not found & {"log_likelihood", "mass", "missing", "weights"}
