"""scikit-learn's mixtures of normal distributions: what it reports, and what its estimates are worth."""

import numpy as np
import pytest

from comparisons.audit.forms import main_array, spread
from comparisons.case import Array, Case
from comparisons.peers import scikit_learn

PROBLEMS = {problem.name: problem.load() for problem in scikit_learn.PROBLEMS}


def observations(case: Case) -> Array:
    return main_array(case, spread(case, case.audit.data))


def height(case: Case, found: dict) -> float:
    return float(case.em.e_step(case.to_em({name: found[name] for name in case.labels})).log_likelihood)


@pytest.mark.parametrize(
    ("name", "best"), [("faithful-waiting-free", -1034.0017498316), ("faithful", -1130.2639601847)]
)
def test_at_a_tight_tolerance_it_is_the_maximum(name: str, best: float) -> None:
    case = PROBLEMS[name]
    found = scikit_learn.fit(observations(case), scikit_learn.SETTINGS[1].options)
    assert height(case, found) == pytest.approx(best, abs=1e-9)
    assert found["log_likelihood"] == pytest.approx(best, abs=1e-9)
    assert found["converged"]


@pytest.mark.parametrize("name", PROBLEMS)
def test_its_lower_bound_is_that_of_before_the_last_step(name: str) -> None:
    case = PROBLEMS[name]
    start = case.draw_start(np.random.default_rng(0))
    exact = {"reg_covar": 0.0}
    with pytest.warns(Warning, match="converge"):
        one = scikit_learn.fit(observations(case), {**exact, "max_iter": 1}, start)
    assert one["log_likelihood"] == pytest.approx(height(case, start), rel=1e-10)
    assert height(case, one) > one["log_likelihood"] + 1
    cycle = case.one_cycle(start)
    for label in case.labels:
        np.testing.assert_allclose(one[label], cycle[label], rtol=1e-8)


def test_its_floor_moves_the_estimates() -> None:
    case = PROBLEMS["faithful"]
    tight = scikit_learn.SETTINGS[1].options
    one, other = (scikit_learn.fit(observations(case), {**tight, "reg_covar": added}) for added in (0.0, 1e-3))
    moved = other["covariance"][:, 0, 0] - one["covariance"][:, 0, 0]
    # What is added to every variance, but for the rows that then change sides.
    np.testing.assert_allclose(moved, 1e-3, rtol=0.15)
    assert height(case, other) < height(case, one) - 1e-4


def test_both_components_alike_are_a_saddle_of_it_too() -> None:
    case = PROBLEMS["faithful"]
    found = scikit_learn.fit(observations(case), scikit_learn.SETTINGS[1].options, scikit_learn.one_component(case))
    np.testing.assert_allclose(found["mean"][0], found["mean"][1], rtol=1e-12)
