"""pyAgrum: its cycles are EM's, and what it watches to stop is not the likelihood."""

from itertools import pairwise

import numpy as np
import pytest

from comparisons.audit.forms import main_array, spread
from comparisons.case import Array, Case, Natural
from comparisons.peers import pyagrum
from comparisons.peers._heard import listening

# Its own: NumPy 2.5 says so of how it makes arrays.
pytestmark = pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")
package = pyagrum.package()
TIGHT = pyagrum.SETTINGS[1].options
PROBLEMS = {problem.name: problem.load() for problem in pyagrum.PROBLEMS}


def fitted(name: str, start: Natural | None = None, **options: float) -> dict:
    return pyagrum.fit(observations(PROBLEMS[name]), {"network": name, **options}, start)


def observations(case: Case) -> Array:
    return main_array(case, spread(case, case.audit.data))


def drawn(name: str, seed: int = 3) -> Natural:
    return PROBLEMS[name].draw_start(np.random.default_rng(seed))


def after(name: str, start: Natural, cycles: int) -> list[Natural]:
    """The tables after each of our cycles, the start first."""
    found = [start]
    for _ in range(cycles):
        found.append(PROBLEMS[name].one_cycle(found[-1]))
    return found


def completed(case: Case, before: Natural, now: Natural) -> float:
    """Expected log-likelihood of the completed data, with the posterior of before."""
    counts = case.em.e_step(case.to_em(before)).expected_counts.families
    logs = case.em.log_tables(case.to_em(now))
    return float((counts * np.where(counts > 0, logs, 0)).sum())


def objective(case: Case, natural: Natural) -> float:
    expected = case.em.e_step(case.to_em({name: natural[name] for name in case.labels}))
    return float(expected.log_likelihood + expected.log_prior)


def gap(case: Case, one: Natural, other: Natural) -> float:
    return max(float(np.abs(one[name] - other[name]).max()) for name in case.labels)


@pytest.mark.parametrize("name", ["arrow", "arrow-prior", "asia"])
def test_from_a_start_its_cycles_are_those_of_em(name: str) -> None:
    """States, parents and their order are right in both directions, and so is the prior."""
    start = drawn(name)
    ours = after(name, start, 3)
    for cycles in (1, 3):
        found = fitted(name, start, epsilon=1e-300, max_iter=cycles)
        assert found["cycles"] == cycles
        assert gap(PROBLEMS[name], found, ours[cycles]) < 1e-12


@pytest.mark.parametrize("name", ["arrow", "arrow-prior", "asia"])
def test_what_it_reports_is_the_likelihood_of_the_completed_data(name: str) -> None:
    case, start = PROBLEMS[name], drawn(name)
    ours = after(name, start, 3)
    found = fitted(name, start, epsilon=1e-300, max_iter=3)
    assert found["log_likelihood"] == pytest.approx(completed(case, ours[2], ours[3]), rel=1e-12)
    # Both at the tables that it returns, far from each other.
    assert found["log_likelihood"] < float(case.em.e_step(case.to_em(ours[3])).log_likelihood) - 0.5


def test_its_epsilon_bounds_the_relative_change_of_that() -> None:
    """And what a new learner holds is the default here."""
    case, start = PROBLEMS["arrow"], drawn("arrow")
    learner = package.BNLearner(pyagrum.network("arrow").frame(observations(case), "?"))
    epsilon = learner.EMMinEpsilonRate()
    assert epsilon == 0.01
    found = fitted("arrow", start)
    assert gap(case, found, fitted("arrow", start, epsilon=epsilon)) == 0
    ours = after("arrow", start, found["cycles"])
    heights = np.array([completed(case, *pair) for pair in pairwise(ours)])
    changes = np.abs(np.diff(heights) / heights[1:])
    assert found["converged"]
    assert changes[-1] < epsilon < changes[:-1].min()
    # The likelihood of the data still rises by more.
    assert objective(case, after("arrow", ours[-1], 1)[1]) - objective(case, ours[-1]) > 4 * epsilon


def test_it_gives_up_where_that_falls_and_goes_back() -> None:
    """From this start it falls from the second cycle on; EM, and ours with it, goes on to raise the posterior."""
    name = "hidden-cause"
    case, start = PROBLEMS[name], drawn(name)
    with listening() as heard:
        found = fitted(name, start, **TIGHT)
    ours = after(name, start, 6)
    heights = [completed(case, *pair) for pair in pairwise(ours)]
    assert (np.diff(heights) < 0).all()
    assert (np.diff([objective(case, natural) for natural in ours]) > 0).all()
    assert (found["cycles"], found["converged"]) == (5, False)
    assert heard == ["it warns: the learnParameters's EM algorithm has completed prematurely due to a likelihood "
                     "divergence"]  # fmt: skip
    assert gap(case, found, ours[1]) < 1e-12
    end = after(name, start, 200)[-1]
    assert objective(case, end) > objective(case, found) + 2


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
@pytest.mark.parametrize("cycles", [3, 4])
def test_it_takes_back_the_cycles_at_its_end_that_lower_that(seed: int, cycles: int) -> None:
    """From these starts it rises, rises once, falls once in between, and falls."""
    name = "hidden-cause"
    case, start = PROBLEMS[name], drawn(name, seed)
    ours = after(name, start, cycles)
    heights, kept = [completed(case, *pair) for pair in pairwise(ours)], cycles
    while kept > 1 and heights[kept - 1] < heights[kept - 2]:
        kept -= 1
    assert gap(case, fitted(name, start, epsilon=1e-300, max_iter=cycles), ours[kept]) < 1e-12


def test_from_most_starts_it_soon_gives_up_a_variable_that_is_never_seen() -> None:
    name, gave_up = "hidden-cause", 0
    for seed in range(12):
        start = drawn(name, seed)
        with listening() as heard:
            cycles = fitted(name, start, epsilon=1e-300, max_iter=7)["cycles"]
        assert bool(heard) == (cycles < 7)
        gave_up += cycles < 7
        assert (np.diff([objective(PROBLEMS[name], natural) for natural in after(name, start, 8)]) > 0).all()
    assert gave_up == 10


def test_at_a_tight_tolerance_it_is_the_maximum_of_the_posterior() -> None:
    """The weight of its prior is the concentration less 1."""
    case = PROBLEMS["arrow-prior"]
    found = fitted("arrow-prior", **TIGHT)
    assert found["converged"]
    assert objective(case, found) == pytest.approx(float(case.certified[0].log_posterior), abs=1e-14)


def test_the_start_has_noise_that_is_always_the_same() -> None:
    one, again = fitted("arrow"), fitted("arrow")
    assert gap(PROBLEMS["arrow"], one, again) == 0
    assert gap(PROBLEMS["arrow"], one, fitted("arrow", noise=0.2)) > 1e-3
    with pytest.raises(package.IncompatibleEvidence, match="incompatible together"):
        fitted("arrow", noise=0.0)


@pytest.mark.parametrize(
    ("rows", "refused"),
    [
        ([[0, 1], [0, 0], [1, np.nan]], "<A=1> for target node B never appears"),
        ([[np.nan, 0], [np.nan, 1]], "No data for target node A"),
    ],
)
def test_it_refuses_what_is_never_seen_unless_there_is_a_prior(rows: list, refused: str) -> None:
    with pytest.raises(package.DatabaseError, match=refused):
        pyagrum.fit(np.array(rows, dtype=float), {"network": "arrow"})
    found = pyagrum.fit(np.array(rows, dtype=float), {"network": "arrow-prior"})
    assert found["B"].shape == (2, 2)


def test_complete_rows_are_counted() -> None:
    rows = np.array([[0, 0], [0, 1], [0, 1], [1, 1]], dtype=float)
    found = pyagrum.fit(rows, {"network": "arrow"})
    assert set(found) == {"A", "B"}
    np.testing.assert_allclose(found["A"], [0.75, 0.25])
    np.testing.assert_allclose(found["B"], [[1 / 3, 2 / 3], [0, 1]])
