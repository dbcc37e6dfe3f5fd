"""Many maximisations at once: the same ends as alone, and no thread left behind."""

import threading

import numpy as np
import pytest

from pp_models import coin_mixture, side_by_side
from pp_models.maximise import MaximumStatus, maximise
from pp_models.objective import Objective
from pp_models.side_by_side import maximise_all


@pytest.fixture(scope="module")
def coins():
    return Objective(coin_mixture.build(np.array([6, 5, 4, 2, 2, 9, 9, 8, 1, 0]), 10, 3))


@pytest.fixture
def starts(coins):
    return np.random.default_rng(4).normal(size=(12, coins.size))


def climbing():
    return [thread for thread in threading.enumerate() if "_climb" in thread.name]


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    for thread in climbing():
        thread.join(timeout=5)
    assert not climbing()


@pytest.mark.parametrize("at_once", [1, 5, 100])
def test_the_same_ends_as_alone(coins, starts, at_once, monkeypatch):
    monkeypatch.setattr(side_by_side, "AT_ONCE", at_once)
    ends = dict(maximise_all(coins, starts))
    assert sorted(ends) == list(range(len(starts)))
    for index, start in enumerate(starts):
        alone = maximise(coins, start)
        np.testing.assert_array_equal(ends[index].x, alone.x)
        assert ends[index].objective == alone.objective
        assert ends[index].gradient_norm == alone.gradient_norm
        assert (ends[index].status, ends[index].evaluations) == (alone.status, alone.evaluations)


def test_the_graph_is_called_for_many_at_once(coins, starts, monkeypatch):
    inner, calls = coins._values_and_gradients, []
    counted = lambda points: (calls.append(len(points)), inner(points))[1]  # noqa: E731
    monkeypatch.setitem(coins.__dict__, "_values_and_gradients", counted)
    list(maximise_all(coins, starts))
    assert calls[0] == len(starts)
    assert len(calls) < sum(calls) / 4


def test_a_bad_start_does_not_stop_the_others(coins, starts):
    starts[3] = np.nan
    ends = dict(maximise_all(coins, starts))
    assert ends[3].status == MaximumStatus.NOT_FINITE
    assert all(np.isfinite(end.objective) for index, end in ends.items() if index != 3)


def test_what_a_climb_raises_is_raised_here(coins, starts, monkeypatch):
    def broken(self, x):
        raise ZeroDivisionError("broken on purpose")

    monkeypatch.setattr(Objective, "natural", broken)
    with pytest.raises(ZeroDivisionError, match="on purpose"):
        list(maximise_all(coins, starts))


def test_what_the_objective_raises_is_raised_here(coins, starts, monkeypatch):
    def broken(self, x):
        raise ZeroDivisionError("broken on purpose")

    monkeypatch.setattr(Objective, "hessian", broken)
    with pytest.raises(ZeroDivisionError, match="on purpose"):
        list(maximise_all(coins, starts))


def test_climbs_that_nobody_waits_for_end(coins, starts):
    climbs = maximise_all(coins, starts)
    next(climbs)
    assert climbing()
    climbs.close()
