"""Compiled models are kept for equal models in one thread, and for nothing else."""

import threading
from dataclasses import replace

import numpy as np

from comparisons import kept
from comparisons.catalogue import load
from comparisons.families import coin_mixture

HEADS = np.array([5.0, 9.0, 8.0, 4.0, 7.0])


def test_an_equal_model_is_compiled_once() -> None:
    one, other = load("two-coins"), load("two-coins")
    assert one is not other
    assert one.objective() is other.objective()
    assert one.complete_data() is other.complete_data()
    assert one.objective() is not one.objective("default")


def test_other_data_or_settings_are_another_model() -> None:
    cases = [coin_mixture.bind("x", heads, np.full(5, 10.0), 2) for heads in (HEADS, HEADS[::-1])]
    assert cases[0].objective() is not cases[1].objective()
    assert cases[0].objective() is not replace(cases[0], units={"bias": 2.0}).objective()


def test_what_another_thread_has_compiled_is_its_own() -> None:
    case, found = load("two-coins"), []
    thread = threading.Thread(target=lambda: found.append(case.objective()))
    thread.start()
    thread.join()
    assert found[0] is not case.objective()


def test_a_function_of_the_users_is_compiled_anew() -> None:
    case = load("two-coins")
    own = replace(case, build_model=lambda hooks=False: case.build_model(hooks))
    assert own.objective() is not own.objective()


def test_only_so_many_are_kept_and_none_that_is_large(monkeypatch) -> None:
    monkeypatch.setattr(kept, "KEPT", 1)
    first = load("two-coins").objective()
    load("genetic-linkage").objective()
    again = load("two-coins").objective()
    assert again is not first
    assert again is load("two-coins").objective()
    monkeypatch.setattr(kept, "MOST_BYTES", 10)
    assert load("two-coins").objective() is not again
