"""The E-step in parts: every start and pattern once, and the same digits from one thread and from two."""

import threading

import numpy as np
import pytest

import em_reference.parts
from em_reference import TwoPL, threads
from em_reference.parts import LEAST, PARTS, parts
from em_reference.threads import in_threads, number_of_threads
from em_reference.two_pl import TwoPLParams


@pytest.mark.parametrize("n_starts", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("n_blocks", [1, 5, 40, 4000])
def test_every_start_meets_every_block_once(n_starts: int, n_blocks: int) -> None:
    met = np.zeros((n_starts, n_blocks), dtype=int)
    groups = parts(n_starts, n_blocks, 100, 61)
    for group in groups:
        for part in group:
            met[part.starts, part.blocks] += 1
    assert (met == 1).all()
    assert len({len(group) for group in groups}) == 1
    assert sum(map(len, groups)) <= PARTS


def test_little_work_is_one_part() -> None:
    assert len(parts(10, 1, 30, 61)) == 1
    assert len(parts(8, 1, LEAST // 4, 4)) == 8


@pytest.mark.parametrize("starts", [1, 3])
def test_one_thread_and_two_give_the_same_digits(starts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    problem = TwoPL((rng.random((9_000, 20)) < 0.6).astype(float))
    params = TwoPLParams(rng.normal(size=(starts, 20)), rng.uniform(0.5, 2, (starts, 20)))
    assert sum(map(len, parts(starts, *problem._counted.frequencies.shape, 61))) > 1
    found = []
    for number in ("1", "2"):
        monkeypatch.setenv("OMP_NUM_THREADS", number)
        expectation = problem.e_step(params)
        found.append([expectation.log_likelihood, *expectation.expected_counts[:2]])
    monkeypatch.setattr(em_reference.parts, "PARTS", 1)
    whole = problem.e_step(params)
    for one, two, undivided in zip(*found, [whole.log_likelihood, *whole.expected_counts[:2]], strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_allclose(one, undivided, rtol=1e-12)


def test_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert number_of_threads() == 3
    monkeypatch.setattr(threads.os, "cpu_count", lambda: 5)
    for nonsense in ("", "0", "many", "2,1"):
        monkeypatch.setenv("OMP_NUM_THREADS", nonsense)
        assert number_of_threads() == 5
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert number_of_threads() == 5


def test_results_come_in_order_from_several_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    together = threading.Barrier(2, timeout=10)
    assert in_threads(lambda x: (together.wait(), -x)[1], [1, 2, 3, 4]) == [-1, -2, -3, -4]
