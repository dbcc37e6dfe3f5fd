"""Every example: the right EM agrees with PyMC, at the published estimates, and the planted bug is caught."""

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import mpmath
import numpy as np
import pytest

from comparisons import crosscheck
from comparisons.audit.family_laws import check_case

FOLDER = Path(__file__).parents[1] / "examples"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))
# Their graphs take longer to compile.
LONG = ("hidden_markov", "factor_analysis", "gaussian_mixture")
MARKED = [pytest.param(name, marks=pytest.mark.slow if name in LONG else ()) for name in NAMES]
STARTS = 12
# What the planted bug of each example moves most, in units of its size, in one cycle from PyMC's maximum.
MOVED_BY_THE_BUG = {
    "abo_blood_groups": "gene[B] from 0.05014532887 to 0.06109684708",
    "censored_exponential": "rate from 0.303030303 to 0.4545454545",
    "factor_analysis": "unique[classics] from 0.08582082291 to 0.03651364343",
    "gaussian_mixture": "sd from 0.7124034337 to 0.744081119",
    "hidden_markov": "transition[busy, quiet] from 0.1190343864 to 0.1117324771",
    "random_intercept": "within from 4.020779361 to 3.291492227",
    "t_location": "mu from 1.997512609 to -3.5",
    "zero_inflated_poisson": "rate from 1.73180252 to 2.104166667",
}


@cache
def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    # Where pickle looks for the EM.
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module


@cache
def checked(name: str, starts: int = STARTS):
    return crosscheck(example(name).case(), starts)


def estimates(name: str) -> dict[str, float]:
    table = checked(name).estimates
    return dict(zip(table["parameter"], table["em"], strict=True))


@pytest.mark.parametrize("name", MARKED)
def test_the_laws_of_every_case_hold(name) -> None:
    table = check_case(example(name).case())
    assert table["holds"].all(), table[~table["holds"]].to_string()


def test_every_example_is_tested() -> None:
    assert sorted(MOVED_BY_THE_BUG) == NAMES


@pytest.mark.parametrize("name", MARKED)
def test_the_right_em_agrees(name) -> None:
    assert str(checked(name).verdict) == "agree"


@pytest.mark.parametrize("name", MARKED)
def test_the_planted_bug_is_caught(name) -> None:
    module = example(name)
    wrong = module.em_with_a_bug if hasattr(module, "em_with_a_bug") else module.EMWithABug()
    result = crosscheck(module.case(wrong), STARTS)
    assert str(result.verdict) == "disagree"
    assert "EM and PyMC disagree in the ascent of EM" in result.sentence
    told = next(check for check in result.checks if check.name == "EM's map at PyMC's endpoint")
    assert not told.passed
    assert told.detail.startswith(f"one EM cycle moves {MOVED_BY_THE_BUG[name]}, ")


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


def test_balanced_random_intercepts_in_closed_form() -> None:
    # Analysis of variance: within^2 is the mean square within rails, and the mean of a rail has the variance
    # between^2 + within^2 / 3, by maximum likelihood (Searle, Casella and McCulloch 1992, section 3.7).
    times, found = example("random_intercept").TIMES, estimates("random_intercept")
    within = times.var(axis=1, ddof=1).mean()
    between = times.mean(axis=1).var() - within / 3
    exact = {"mean": times.mean(), "between": np.sqrt(between), "within": np.sqrt(within)}
    assert found == {name: pytest.approx(value, rel=1e-9) for name, value in exact.items()}
    # As published for these data: Pinheiro and Bates (2000), section 1.1.
    assert found["between"] == pytest.approx(22.624, abs=5e-4)
    assert found["within"] == pytest.approx(4.0208, abs=5e-5)


def test_one_factor_solves_lawleys_equations_to_thirty_digits() -> None:
    # S unique^-1 loading = loading (1 + loading' unique^-1 loading),  unique = 1 - loading^2  (Lawley 1940).
    module, found = example("factor_analysis"), estimates("factor_analysis")
    s = mpmath.matrix(module.S.tolist())

    def equations(*loading: mpmath.mpf) -> list[mpmath.mpf]:
        scaled = mpmath.matrix([x / (1 - x**2) for x in loading])
        total = 1 + sum(x * y for x, y in zip(loading, scaled, strict=True))
        return [left - x * total for left, x in zip(s * scaled, loading, strict=True)]

    with mpmath.workdps(30):
        exact = mpmath.findroot(equations, [0.95, 0.87, 0.81, 0.74, 0.69, 0.65])
    sign = np.sign(found["loading[classics]"])
    for subject, loading in zip(module.SUBJECTS, exact, strict=True):
        assert sign * found[f"loading[{subject}]"] == pytest.approx(float(loading), rel=1e-9)
        assert found[f"unique[{subject}]"] == pytest.approx(float(1 - loading**2), rel=1e-9)


def test_the_sign_of_a_factor_is_found_to_be_free() -> None:
    case = example("factor_analysis").case()
    assert [flag.message for flag in case.flags] == ["the signs of loading may be turned together"]
    one = {"loading": np.linspace(0.4, 0.9, 6), "unique": np.full(6, 0.5)}
    np.testing.assert_equal(case.align({**one, "loading": -one["loading"]}, one), one)


@pytest.mark.slow
def test_baum_welch_ends_where_zucchini_and_macdonald_do() -> None:
    # Their table 4.1, last row: gamma_12, gamma_21, lambda_1, lambda_2 and -l, the chain beginning in state 1.
    found, result = estimates("hidden_markov"), checked("hidden_markov")
    assert found["transition[quiet, busy]"] == pytest.approx(0.071626, abs=5e-7)
    assert found["transition[busy, quiet]"] == pytest.approx(0.11903, abs=5e-6)
    assert found["rate[quiet]"] == pytest.approx(15.421, abs=5e-4)
    assert found["rate[busy]"] == pytest.approx(26.018, abs=5e-4)
    assert result.ends.em_log_likelihood == pytest.approx(-341.87870, abs=5e-6)


@pytest.mark.slow
def test_a_hidden_markov_chain_that_begins_busy_is_a_local_maximum() -> None:
    kinds = [(str(optimum.kind), round(optimum.log_likelihood, 4)) for optimum in checked("hidden_markov").optima]
    assert kinds == [("best", -341.8787), ("local", -347.4535)]


@mpmath.workdps(40)
def test_the_forward_recursion_in_forty_digits_is_level_at_the_maximum() -> None:
    counts, found = example("hidden_markov").COUNTS, estimates("hidden_markov")

    def log_likelihood(leave: mpmath.mpf, back: mpmath.mpf, quiet: mpmath.mpf, busy: mpmath.mpf) -> mpmath.mpf:
        transition = mpmath.matrix([[1 - leave, leave], [back, 1 - back]])
        state = mpmath.matrix([[1, 0]])
        for year, count in enumerate(map(int, counts)):
            state = state * transition if year else state
            chances = [rate**count * mpmath.exp(-rate) / mpmath.factorial(count) for rate in (quiet, busy)]
            state = mpmath.matrix([[state[0] * chances[0], state[1] * chances[1]]])
        return mpmath.log(state[0] + state[1])

    point = [found[n] for n in ("transition[quiet, busy]", "transition[busy, quiet]", "rate[quiet]", "rate[busy]")]
    assert float(log_likelihood(*point)) == pytest.approx(checked("hidden_markov").ends.em_log_likelihood, rel=1e-13)
    for entry in range(4):
        by_one = tuple(int(entry == other) for other in range(4))
        assert abs(mpmath.diff(log_likelihood, point, by_one)) < 1e-7


def test_components_are_found_to_be_exchangeable() -> None:
    case = example("gaussian_mixture").case()
    assert [flag.message for flag in case.flags] == [
        "the entries of weight and mean are exchangeable along component: 2! = 2 labellings are one optimum"
    ]
    one = {"weight": np.array([0.3, 0.7]), "mean": np.array([-1.0, 2.0]), "sd": np.ones(1)}
    other = {"weight": one["weight"][::-1], "mean": one["mean"][::-1], "sd": np.ones(1)}
    np.testing.assert_equal(case.align(other, one), one)
