"""Large data: threads, directions that share what they can, and Hessians of other starts; the same answers."""

import threading

import numpy as np
import pytest

from pp_models import objective as objective_file
from pp_models import two_pl
from pp_models.copies import Copies, over
from pp_models.maximise import MaximumStatus, maximise
from pp_models.objective import Objective
from pp_models.side_by_side import maximise_all

ITEMS, EXAMINEES = 6, 400
NODES = np.linspace(-4, 4, 15)
WEIGHTS = np.exp(-(NODES**2) / 2) / np.exp(-(NODES**2) / 2).sum()


def drawn() -> np.ndarray:
    rng = np.random.default_rng(7)
    slope, intercept = rng.uniform(0.7, 1.8, ITEMS), rng.normal(size=ITEMS)
    logits = intercept + slope * rng.normal(size=(EXAMINEES, 1))
    return (rng.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(float)


MODEL = two_pl.build(drawn(), NODES, WEIGHTS)
SMALL = Objective(MODEL)
# Found out before a test calls the same data large.
assert not SMALL.is_large
STARTS = np.random.default_rng(2).normal(0, 0.5, (6, SMALL.size)) + np.repeat([0.0, 1.0], ITEMS)


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch):
    """The same data, taken for large ones."""
    monkeypatch.setattr(objective_file, "CELLS_AT_ONCE", 1e5)
    return lambda threads=1: Objective(MODEL, threads=threads)


@pytest.mark.parametrize("threads", [1, 2])
def test_values_and_derivatives_are_the_same(large, threads: int) -> None:
    compiled = large(threads)
    assert compiled.is_large
    for found, expected in zip(compiled.value_and_gradient(STARTS), SMALL.value_and_gradient(STARTS), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-11)
    expected = SMALL.hessian(STARTS)
    np.testing.assert_allclose(compiled.hessian(STARTS), expected, rtol=1e-11, atol=1e-11 * np.abs(expected).max())


def test_threads_change_no_digit(large) -> None:
    one, two = large(1), large(2)
    assert isinstance(two._values_and_gradients, Copies)
    assert isinstance(two._hessian_of_one_times, Copies)
    for found, expected in zip(two.value_and_gradient(STARTS), one.value_and_gradient(STARTS), strict=True):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(two.hessian(STARTS), one.hessian(STARTS))


def test_a_known_hessian_is_taken_only_nearby(large) -> None:
    compiled = large()
    at, hessian = STARTS[0], compiled.hessian(STARTS[0])
    error = 1 / np.sqrt(-np.diag(hessian))
    np.testing.assert_array_equal(compiled.hessian_nearby(at + 0.9 * error), hessian)
    beyond = at + 1.1 * error
    np.testing.assert_allclose(compiled.hessian_nearby(beyond), SMALL.hessian(beyond), rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(SMALL.hessian_nearby(at + 0.9 * error), SMALL.hessian(at + 0.9 * error))


def test_a_kept_hessian_cannot_be_spoilt_and_few_are_kept(large, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objective_file, "MOST_KEPT", 2)
    compiled = large()
    compiled.hessian(STARTS[0])[:] = 0.0
    compiled.hessian_nearby(STARTS[0])[:] = 0.0
    assert (np.diag(compiled.hessian(STARTS[0])) < 0).all()
    compiled.hessian(STARTS)
    assert len(compiled._hessians) == 2


def test_an_end_does_not_depend_on_the_other_starts_beyond_round_off(large) -> None:
    """Each has a gradient at round-off, whether or not its last steps took the Hessian of another."""
    ends = dict(maximise_all(large(2), STARTS))
    steepest = 1e-12 * (1 + abs(ends[0].objective))
    error = 1 / np.sqrt(np.abs(np.diag(SMALL.hessian(ends[0].x))))
    for index, start in enumerate(STARTS):
        alone = maximise(SMALL, start)
        assert ends[index].status is alone.status is MaximumStatus.CONVERGED
        assert max(ends[index].gradient_norm, alone.gradient_norm) <= steepest
        assert np.abs((ends[index].x - alone.x) / error).max() < 1e-10


def test_fewer_hessians_than_starts(large, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled, asked = large(), []
    inner = compiled._hessian_of_one_times
    monkeypatch.setitem(
        compiled.__dict__, "_hessian_of_one_times", lambda x, rows: (asked.append(x.tobytes()), inner(x, rows))[1]
    )
    list(maximise_all(compiled, STARTS))
    # Two signs of the slopes.
    assert len(set(asked)) <= 4


def test_a_hessian_that_is_not_near_enough_is_replaced(large, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the Hessian of a point far away the steps creep, until the exact one is taken."""
    compiled = large()
    end = maximise(SMALL, STARTS[0])
    wrong = compiled.hessian(end.x) * 100.0
    monkeypatch.setattr(Objective, "hessian_nearby", lambda _self, _x: wrong.copy())
    found = maximise(compiled, STARTS[0])
    assert found.status is MaximumStatus.CONVERGED
    np.testing.assert_allclose(found.x, end.x, rtol=1e-9, atol=1e-9)
    assert found.evaluations <= end.evaluations + 10


# ---- threads ------------------------------------------------------------------------------------------------


def test_over_keeps_the_order_and_shares_the_work() -> None:
    together = threading.Barrier(2, timeout=10)

    def work(block: int) -> tuple[int, str]:
        together.wait()
        return block, threading.current_thread().name

    found = over(work, range(4), 2)
    assert [block for block, _ in found] == [0, 1, 2, 3]
    assert len({name for _, name in found}) == 2


def test_over_raises_what_was_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        over(lambda block: 1 / block, [1, 0], 2)


class Counted:
    """Stands in for a compiled function: it must not be called by two threads at once."""

    def __init__(self) -> None:
        self.busy, self.together = False, threading.Barrier(2, timeout=10)

    def copy(self) -> "Counted":
        other = Counted()
        other.together = self.together
        return other

    def __call__(self, x: int) -> int:
        assert not self.busy
        self.busy = True
        self.together.wait()
        self.busy = False
        return -x


def test_no_copy_is_called_by_two_threads_at_once() -> None:
    copies = Copies(Counted(), 2)
    assert over(copies, range(6), 2) == [0, -1, -2, -3, -4, -5]
