"""Cases and results travel: to other processes, and into files."""

import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from threading import Lock

import numpy as np
import pandas as pd
import pymc as pm
import pytest

from comparisons import CrossCheck, InputError, bind, catalogue, crosscheck
from comparisons.writing import saved

LIFETIMES = [0.4, 1.1, 2.7]


def lifetimes() -> pm.Model:
    with pm.Model() as model:
        rate = pm.HalfFlat("rate")
        pm.Exponential("lifetime", rate, observed=LIFETIMES)
    return model


def one_cycle(params: dict) -> dict:
    return {"rate": 0.5 * params["rate"] + 0.5 * len(LIFETIMES) / sum(LIFETIMES)}


@pytest.fixture(scope="module")
def linkage() -> CrossCheck:
    return crosscheck(catalogue.load("genetic-linkage"), 4)


@pytest.mark.parametrize("name", catalogue.names())
def test_a_case_pickles(name: str) -> None:
    case = catalogue.load(name)
    start = case.draw_start(np.random.default_rng(0))
    case.curves(start)
    again = pickle.loads(pickle.dumps(case))
    np.testing.assert_equal(again.draw_start(np.random.default_rng(0)), start)
    np.testing.assert_equal(again.one_cycle(start), case.one_cycle(start))
    assert list(again.audit.mistakes()) == list(case.audit.mistakes())
    assert again.audit.rebind(again.audit.data).sizes == case.sizes


@pytest.mark.slow
def test_a_cross_check_in_another_process(linkage: CrossCheck) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        there = pool.submit(crosscheck, linkage.case, 4).result()
    pd.testing.assert_frame_equal(there.estimates, linkage.estimates, check_exact=True)
    assert there.sentence == linkage.sentence


def test_what_is_saved_is_what_is_loaded(linkage: CrossCheck, tmp_path: Path) -> None:
    path = tmp_path / "linkage.result"
    linkage.save(path)
    loaded = CrossCheck.load(str(path))
    assert loaded._repr_html_() == linkage._repr_html_()
    pd.testing.assert_frame_equal(loaded.starts_table(), linkage.starts_table(), check_exact=True)
    # Compiled again here.
    objective, x = loaded.case.objective(), np.zeros(1)
    assert objective.value_and_gradient(x)[0] == linkage.case.objective().value_and_gradient(x)[0]
    assert list(tmp_path.iterdir()) == [path]


def test_an_objective_travels_without_what_is_compiled() -> None:
    objective = bind(lifetimes, one_cycle).em.objective
    objective.value_and_gradient(np.zeros(1))
    assert set(objective.__getstate__()) == {"model", "with_prior", "backend", "units", "origin", "threads"}


def test_a_case_bound_from_a_function_pickles_by_the_function() -> None:
    case = bind(lifetimes, one_cycle)
    content = pickle.dumps(case)
    assert b"lifetimes" in content
    assert len(content) < 5_000
    natural = {"rate": np.array([2.0])}
    again = pickle.loads(content)
    np.testing.assert_equal(again.one_cycle(natural), case.one_cycle(natural))
    np.testing.assert_equal(again.draw_start(np.random.default_rng(1)), case.draw_start(np.random.default_rng(1)))
    assert again.to_em(natural).rate == 2.0


def test_a_case_bound_from_a_model_pickles_with_the_model() -> None:
    case = pickle.loads(pickle.dumps(bind(lifetimes(), one_cycle)))
    assert case.objective().value_and_gradient(np.zeros(1))[0] == pytest.approx(-sum(LIFETIMES))


def test_functions_of_a_notebook_are_saved_with_the_result(tmp_path: Path) -> None:
    result = crosscheck(bind(lifetimes(), lambda params: {"rate": len(LIFETIMES) / sum(LIFETIMES)}), 2)
    result.save(tmp_path / "result")
    loaded = CrossCheck.load(tmp_path / "result")
    assert loaded.sentence == result.sentence
    np.testing.assert_allclose(loaded.case.one_cycle({"rate": np.ones(1)})["rate"], 3 / sum(LIFETIMES))


def test_what_does_not_pickle_is_one_line(tmp_path: Path, linkage: CrossCheck) -> None:
    held = replace(linkage, case=replace(linkage.case, settings={"lock": Lock()}))
    with pytest.raises(InputError, match=r"^[^\n]+the result cannot be saved \([^\n]+$"):
        held.save(tmp_path / "result")
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_keeps_what_was_there(tmp_path: Path, linkage: CrossCheck) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        linkage.save(tmp_path / "no such folder" / "result")
    with pytest.raises(InputError, match="cannot be written"):
        linkage.save(tmp_path)


def damaged(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


FILES = {
    "empty": (lambda _: b"", "is no saved result"),
    "other": (lambda _: b"parameter,em\n", "is no saved result"),
    "cut": (lambda content: content[:300], "is damaged"),
    "one bit": (damaged, "is damaged"),
    "of another version": (
        lambda content: content.replace(b"format 2", b"format 0", 1),
        r"written by version \S+, format 0, expected \S+, format 2: run it again",
    ),
}


@pytest.mark.parametrize("what", FILES)
def test_a_file_that_is_none_is_one_line(what: str, tmp_path: Path, linkage: CrossCheck) -> None:
    path = tmp_path / "result"
    linkage.save(path)
    change, expected = FILES[what]
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(InputError, match=rf"^{path}: {expected}[^\n]*$"):
        CrossCheck.load(path)


def test_other_files_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        CrossCheck.load(tmp_path / "nothing")
    saved.write(tmp_path / "table", {"a": 1})
    with pytest.raises(InputError, match="holds a dict, expected a CrossCheck"):
        CrossCheck.load(tmp_path / "table")


def test_a_module_that_is_gone_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "gone_later.py").write_text("def one_cycle(params):\n    return {'rate': 3 / 4.2}\n")
    import gone_later

    crosscheck(bind(lifetimes, gone_later.one_cycle), 2).save(tmp_path / "result")
    monkeypatch.delitem(__import__("sys").modules, "gone_later")
    (tmp_path / "gone_later.py").unlink()
    with pytest.raises(InputError, match=r"cannot be restored here .*gone_later"):
        CrossCheck.load(tmp_path / "result")
