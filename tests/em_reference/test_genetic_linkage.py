"""Genetic linkage: the table of Dempster, Laird and Rubin, and the E-step against its definition."""

import numpy as np
import pytest
from scipy import stats

from em_reference import Status, StopRule, em
from em_reference.genetic_linkage import GeneticLinkage, LinkageParams

ANIMALS = [125, 18, 20, 34]
MAXIMUM = (15 + np.sqrt(53809)) / 394


@pytest.fixture
def problem() -> GeneticLinkage:
    return GeneticLinkage(ANIMALS)


def test_the_eight_cycles_of_dempster_laird_and_rubin(problem: GeneticLinkage) -> None:
    fit = em(problem, LinkageParams(np.array([0.5])), StopRule(max_cycles=8), trace=True)
    printed = [0.500000000, 0.608247423, 0.624321051, 0.626488879, 0.626777323, 0.626815632, 0.626820719, 0.626821395,
               0.626821484]  # fmt: skip
    # Printed to nine decimals; three of them are one unit in the last place off.
    np.testing.assert_allclose(fit.trace.params.theta[:, 0], printed, rtol=0, atol=1.5e-9)


def test_many_starts_end_at_the_root_of_the_score(problem: GeneticLinkage) -> None:
    fit = em(problem, LinkageParams(np.linspace(0.01, 0.99, 25)[:, None]), StopRule(1e-14), trace=True)
    assert set(fit.status) == {Status.CONVERGED}
    np.testing.assert_allclose(fit.params.theta, MAXIMUM, rtol=1e-13)
    assert (np.diff(fit.trace.log_likelihood, axis=0) >= -1e-13).all()


def test_e_step_is_the_conditional_expectation(problem: GeneticLinkage) -> None:
    theta = 0.3
    counts, log_likelihood, _ = problem.e_step(LinkageParams(np.array([theta])))
    split = stats.binom(125, (theta / 4) / (1 / 2 + theta / 4))
    x = np.arange(126)
    assert counts.linked == pytest.approx([x @ split.pmf(x) + 34], rel=1e-12)
    assert counts.unlinked == pytest.approx([38])
    cells = [1 / 2 + theta / 4, (1 - theta) / 4, (1 - theta) / 4, theta / 4]
    assert log_likelihood == pytest.approx(stats.multinomial.logpmf(ANIMALS, 197, cells), rel=1e-12)


def test_score_is_the_gradient(problem: GeneticLinkage) -> None:
    def value(theta: float) -> float:
        return float(problem.e_step(LinkageParams(np.array([theta]))).log_likelihood)

    at = LinkageParams(np.array([0.3]))
    numeric = (value(0.3 + 1e-6) - value(0.3 - 1e-6)) / 2e-6
    assert problem.score(problem.e_step(at).expected_counts, at).theta == pytest.approx([numeric], rel=1e-7)


@pytest.mark.parametrize("animals", [[1, 2, 3], [1, 2, 3, -1], [0, 0, 0, 0], [1, 2, 3, np.nan]])
def test_impossible_data_are_refused(animals: list[float]) -> None:
    with pytest.raises(ValueError, match="frequencies must"):
        GeneticLinkage(animals)
