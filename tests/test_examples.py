"""Every example: the right EM agrees with PyMC, at the published estimates, and the planted bug is caught."""

import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from comparisons import crosscheck

FOLDER = Path(__file__).parents[1] / "examples"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))
STARTS = 12


@cache
def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def checked(name: str, starts: int = STARTS):
    return crosscheck(example(name).case(), starts)


def estimates(name: str, starts: int = STARTS) -> dict[str, float]:
    table = checked(name, starts).estimates
    return dict(zip(table["parameter"], table["em"], strict=True))


def test_there_are_examples() -> None:
    assert len(NAMES) >= 5


@pytest.mark.parametrize("name", NAMES)
def test_the_right_em_agrees(name) -> None:
    assert str(checked(name).verdict) == "agree"


@pytest.mark.parametrize("name", NAMES)
def test_the_planted_bug_is_caught(name) -> None:
    module = example(name)
    wrong = module.em_with_a_bug if hasattr(module, "em_with_a_bug") else module.EMWithABug()
    assert str(crosscheck(module.case(wrong), STARTS).verdict) == "disagree"


def test_abo_blood_groups() -> None:
    expected = {"gene[A]": 0.2135909391, "gene[B]": 0.0501453289, "gene[O]": 0.7362637320}
    for name, value in estimates("abo_blood_groups").items():
        assert value == pytest.approx(expected[name], abs=5e-10)


def test_a_censored_exponential_in_closed_form() -> None:
    module = example("censored_exponential")
    rate = len(module.ENDED) / (module.ENDED.sum() + module.CENSORED.sum())
    assert estimates("censored_exponential") == {"rate": pytest.approx(rate, rel=1e-9)}


def test_zero_inflation_solves_the_moment_equation() -> None:
    # The zero class is fitted exactly: rate / (1 - exp(-rate)) is the mean of the counts above 0.
    counts, found = example("zero_inflated_poisson").COUNTS, estimates("zero_inflated_poisson")
    assert found["rate"] / -np.expm1(-found["rate"]) == pytest.approx(counts[counts > 0].mean(), rel=1e-9)
    assert found["zero"] + (1 - found["zero"]) * np.exp(-found["rate"]) == pytest.approx((counts == 0).mean(), rel=1e-9)


def test_the_t_distribution_has_its_four_maxima() -> None:
    result = checked("t_location", 60)
    found = {
        round(float(optimum.point.natural["mu"][0]), 5): str(optimum.kind)
        for optimum in result.optima
        if str(optimum.kind) in ("best", "local")
    }
    assert found == {-19.99316: "local", 1.08617: "local", 1.99751: "best", 2.90563: "local"}


def test_components_are_found_to_be_exchangeable() -> None:
    case = example("gaussian_mixture").case()
    assert [flag.message for flag in case.flags] == [
        "the entries of weight and mean are exchangeable along component: 2! = 2 labellings are one optimum"
    ]
    one = {"weight": np.array([0.3, 0.7]), "mean": np.array([-1.0, 2.0]), "sd": np.ones(1)}
    other = {"weight": one["weight"][::-1], "mean": one["mean"][::-1], "sd": np.ones(1)}
    np.testing.assert_equal(case.align(other, one), one)
