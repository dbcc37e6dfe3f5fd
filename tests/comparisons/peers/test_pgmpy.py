"""pgmpy, where it is installed: its EM is right on complete rows, and has no others."""

import subprocess
import sys

import numpy as np
import pytest

from comparisons import catalogue
from comparisons.audit.forms import main_array, spread
from comparisons.case import Array, Case
from comparisons.peers import pgmpy
from comparisons.peers._heard import listening

pytest.importorskip("pgmpy")

DROPPED = "it logs: {} rows with missing values in partially missing columns were dropped from the dataset."


def observations(name: str) -> Array:
    case = catalogue.load(name)
    return main_array(case, spread(case, case.audit.data))


def of_rows(name: str, rows: Array) -> Case:
    """The same network on other rows."""
    case = catalogue.load(name)
    return case.audit.rebind({**case.audit.data, "rows": rows, "frequencies": np.ones(len(rows))})


def test_rows_with_a_missing_entry_are_left_out() -> None:
    rows = observations("asia")
    complete = rows[~np.isnan(rows).any(axis=1)]
    with listening() as heard:
        found = pgmpy.fit(rows, {"network": "asia"})
    assert heard == [DROPPED.format(len(rows) - len(complete))]
    alone = pgmpy.fit(complete, {"network": "asia"})
    assert all((found[name] == alone[name]).all() for name in alone)
    # They are the shares, and two of its parents are in our order.
    assert found["asia"][1] == pytest.approx(complete[:, 0].mean())
    both = complete[(complete[:, 4] == 1) & (complete[:, 5] == 0)]
    assert found["dysp"][1, 0, 1] == pytest.approx(both[:, 7].mean())
    case = catalogue.load("asia")
    assert case.em.e_step(case.to_em(found)).log_likelihood == -np.inf


def test_unless_logging_is_set_up_it_does_not_show() -> None:
    run = "import numpy as np\nfrom comparisons.peers import pgmpy\n{}pgmpy.fit(np.array({}), {{'network': 'arrow'}})"
    rows = "[[1.0, 1], [0, 1], [0, np.nan], [np.nan, 0]]"
    silent, told = (
        subprocess.run([sys.executable, "-W", "ignore", "-c", run.format(before, rows)], capture_output=True, text=True)
        for before in ("", "import logging; logging.basicConfig()\n")
    )
    assert (silent.returncode, silent.stdout, silent.stderr) == (0, "", "")
    assert "2 rows with missing values" in told.stderr


@pytest.mark.parametrize("cycles", [1, 3])
def test_with_a_variable_that_is_never_seen_its_cycles_are_those_of_em(cycles: int) -> None:
    """The prior and the start are given rightly, or the numbers would differ."""
    rows = observations("hidden-cause")
    rows = rows[~np.isnan(rows[:, 1:]).any(axis=1)]
    case = of_rows("hidden-cause", rows)
    start = case.draw_start(np.random.default_rng(3))
    found, ours = pgmpy.fit(rows, {"network": "hidden-cause", "max_iter": cycles}, start), start
    for _ in range(cycles):
        ours = case.one_cycle(ours)
    for name in case.labels:
        np.testing.assert_allclose(found[name], ours[name], rtol=1e-12)


def test_a_start_has_the_parents_in_our_order() -> None:
    """A variable that is never seen above one with two parents."""
    rows = observations("asia")
    rows = rows[~np.isnan(rows).any(axis=1)]
    rows[:, 4] = np.nan
    case = of_rows("asia", rows)
    # What was never seen with its parents keeps its table here, and gets an even one there.
    start = case.draw_start(np.random.default_rng(3))
    found, ours = pgmpy.fit(rows, {"network": "asia", "max_iter": 1}, start), case.one_cycle(start)
    for name in ("bronc", "dysp"):
        np.testing.assert_allclose(found[name], ours[name], rtol=1e-12)


def test_it_says_nothing_of_its_end() -> None:
    assert set(pgmpy.fit(observations("arrow-prior"), {"network": "arrow-prior"})) == {"A", "B"}
