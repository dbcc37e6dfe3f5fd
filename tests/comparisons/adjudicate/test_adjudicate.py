"""Estimates of other software: what is said of them, and of files that hold none."""

import json
import math
import re
from collections.abc import Iterable
from dataclasses import replace
from importlib import resources
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import numpy as np
import pytest
from click.testing import CliRunner, Result

from comparisons import families
from comparisons.adjudicate import distance, forms
from comparisons.adjudicate.adjudication import Adjudication, adjudicate
from comparisons.adjudicate.estimates import last_digits
from comparisons.adjudicate.finding import Verdict
from comparisons.adjudicate.known_optima import KnownOptima, known_optima
from comparisons.case import Case, InputError
from comparisons.commands.main import main
from comparisons.compiled import Compiled
from comparisons.reading.tables import Table, read_table
from em_reference.em import StopRule, em
from em_reference.priors import LogNormal
from em_reference.two_pl import TwoPL, TwoPLParams

CATALOGUE = resources.files("comparisons.catalogue")
ITEMS = tuple(f"item{i}" for i in range(1, 6))
OTHER_ORDER = [2, 0, 1, 4, 3]
# LSAT-6, 61 nodes.
A = np.array([0.82565954, 0.7227442, 0.89087453, 0.68836798, 0.65685595])
D = np.array([2.77323441, 0.9902012, 0.24914752, 1.28475693, 2.05327045])
B = -D / A
# The table that mirt prints, by way of the lecture 'The EM Algorithm for MMLE, Step by Step'.
MIRT_A = (0.825, 0.723, 0.890, 0.689, 0.658)
MIRT_B = (-3.361, -1.370, -0.280, -1.866, -3.123)
TWO_COINS = "heads,flips\n18,20\n17,20\n10,20\n11,20\n2,20\n1,20\n"


class Problem(NamedTuple):
    data: Table
    case: Case
    known: KnownOptima


def problem(family: str, path: Path, starts: int = 6, **options: Any) -> Problem:
    module = families.family(family)
    data = read_table(path)
    case = module.read("data", data, families.settle(module, options))
    return Problem(data, case, known_optima(case, starts))


@pytest.fixture(scope="module")
def lsat() -> Problem:
    return problem("two-pl", Path(str(CATALOGUE / "lsat6.csv")), starts=3)


@pytest.fixture(scope="module")
def two_coins(tmp_path_factory: pytest.TempPathFactory) -> Problem:
    path = tmp_path_factory.mktemp("coins") / "coins.csv"
    path.write_text(TWO_COINS)
    return problem("coin-mixture", path, coins=2)


@pytest.fixture(scope="module")
def worked_coins() -> Problem:
    path = Path(str(CATALOGUE / "coins.csv"))
    return problem("coin-mixture", path, starts=2, coins=3, flips=10)


def table(header: str, *columns: Iterable[float], names: Iterable[str] | None = ITEMS, pattern: str = "%.3f") -> str:
    rows = [[pattern % value for value in row] for row in zip(*columns, strict=True)]
    if names is not None:
        rows = [[name, *row] for name, row in zip(names, rows, strict=True)]
    return "\n".join([header, *(",".join(row) for row in rows)]) + "\n"


@pytest.fixture
def judge(tmp_path: Path) -> Any:
    def judged(where: Problem, text: str, tolerance: float = 1e-4, **options: Any) -> Adjudication:
        path = tmp_path / "estimates.csv"
        path.write_text(text)
        estimates = forms.read(path, where.data, where.case, options)
        return adjudicate(where.case, estimates, tolerance=tolerance, options=options, known=where.known)

    return judged


def after_cycles(em_problem: Any, cycles: int, d: float = 0.0, a: float = 1.0) -> TwoPLParams:
    params = TwoPLParams(np.full(5, d), np.full(5, a))
    for _ in range(cycles):
        params = em_problem.m_step(em_problem.e_step(params).expected_counts, params)
    return params


# --- at the maximum ---


@pytest.mark.parametrize(
    ("header", "first"),
    [
        ("item,d,a", D),
        ("item,b,a", B),
        ("Item,Intercept,Slope", D),
        ("name,Dffclt,Dscrmn", B),
        (",a1,d", None),
        ('"",a1,d', None),
    ],
)
def test_estimates_rounded_to_three_decimals(lsat: Problem, judge: Any, header: str, first: Any) -> None:
    columns = (A, D) if first is None else (first, A)
    result = judge(lsat, table(header, *columns))
    assert result.verdict is Verdict.AT_MAXIMUM
    assert result.finding.within_rounding
    assert result.sentence == "at the maximum, to the digits given (3 decimals)."
    assert result.parameters["outside"].max() == 0
    assert result.distance < 0.02
    assert result.log_likelihood == pytest.approx(-2466.65338, abs=2e-4)
    assert result.parameters["optimum"].to_numpy() == pytest.approx([*(D if first is None else first), *A], abs=1e-7)
    assert result.belongs_to == 0


def test_the_published_table_of_mirt(lsat: Problem, judge: Any) -> None:
    result = judge(lsat, table("item,a,b", MIRT_A, MIRT_B))
    assert result.verdict is Verdict.AT_MAXIMUM
    assert result.sentence.startswith("at the maximum, to the digits given (3 decimals) and a convergence tolerance")
    assert not result.finding.within_rounding
    # What mirt had left to do per cycle when it stopped at 1e-4.
    assert result.finding.allowance.change == pytest.approx(8.2e-5, rel=0.02)
    assert result.distance == pytest.approx(0.015924, abs=2e-6)
    assert list(result.outside["parameter"]) == [
        "b[item1]", "b[item5]", "a[item1]", "a[item3]", "a[item4]", "a[item5]"]  # fmt: skip
    by_name = result.parameters.set_index("parameter")
    # |-3.123 + 3.125907| less half a unit.
    assert by_name.loc["b[item5]", "outside"] == pytest.approx(0.002407, abs=2e-6)
    assert by_name.loc["a[item5]", "outside"] == pytest.approx(0.000644, abs=2e-6)
    assert by_name.loc["b[item2]", "outside"] == 0


def test_the_table_of_mirt_is_not_the_maximum_without_a_tolerance(lsat: Problem, judge: Any) -> None:
    result = judge(lsat, table("item,a,b", MIRT_A, MIRT_B), tolerance=5e-5)
    assert result.verdict is Verdict.STOPPED_EARLY
    assert "0.016 standard errors" in result.sentence


def test_standard_errors_are_those_of_the_printed_numbers(lsat: Problem, judge: Any) -> None:
    errors = judge(lsat, table("item,b,a", B, A)).parameters["se"].to_numpy()
    # Delta method by hand from the information of the EM side.
    from em_reference.information import standard_errors

    by_em = standard_errors(lsat.case.em, TwoPLParams(D, A))
    assert errors[5:] == pytest.approx(by_em.slope, rel=1e-4)
    d_errors = judge(lsat, table("item,d,a", D, A)).parameters["se"].to_numpy()[:5]
    assert d_errors == pytest.approx(by_em.intercept, rel=1e-4)
    assert errors[4] == pytest.approx(0.8712, abs=1e-4)


def test_distances_agree_with_each_other_near_the_maximum(lsat: Problem, judge: Any) -> None:
    result = judge(lsat, table("item,d,a", D, A + 0.02))
    assert result.mahalanobis == pytest.approx(result.distance, rel=0.02)
    assert result.newton_distance == pytest.approx(result.distance, rel=0.02)
    assert result.best - result.log_likelihood == pytest.approx(result.distance**2 / 2, rel=1e-9)
    assert (result.groups["in_se"] <= result.mahalanobis + 1e-9).all()
    assert result.groups["in_se"].max() > 0.02
    assert list(result.groups["item"]) == list(ITEMS)


def test_more_digits_than_the_tolerance_is_worth(lsat: Problem, judge: Any) -> None:
    params = after_cycles(lsat.case.em, 60)
    result = judge(lsat, table("item,d,a", *params, pattern="%.10f"))
    assert result.verdict is Verdict.AT_MAXIMUM
    assert result.sentence.startswith("at the maximum, up to a convergence tolerance of 0.0001")


def test_few_digits_are_pointed_out(lsat: Problem, judge: Any) -> None:
    result = judge(lsat, table("item,b,a", B, A, pattern="%.0f"))
    assert result.verdict is Verdict.AT_MAXIMUM
    assert "so few digits leave much open: rounding alone moves b[item3] by 5 standard errors" in result.sentence
    assert "so few" not in judge(lsat, table("item,b,a", B, A)).sentence


def test_one_number_one_unit_off_is_outside(lsat: Problem, judge: Any) -> None:
    a = A.copy()
    a[2] += 0.03
    result = judge(lsat, table("item,d,a", D, a))
    assert result.verdict is not Verdict.AT_MAXIMUM
    assert list(result.outside["parameter"]) == ["a[item3]"]


def test_rows_named_in_another_order_are_no_other_order(lsat: Problem, judge: Any) -> None:
    names = [ITEMS[i] for i in OTHER_ORDER]
    assert judge(lsat, table("item,d,a", D[OTHER_ORDER], A[OTHER_ORDER], names=names)).verdict is Verdict.AT_MAXIMUM


@pytest.mark.parametrize("names", [None, ["1", "2", "3", "4", "5"]])
def test_rows_without_names_are_taken_in_order(lsat: Problem, judge: Any, names: Any) -> None:
    header = "d,a" if names is None else '"",d,a'
    result = judge(lsat, table(header, D, A, names=names))
    assert result.verdict is Verdict.AT_MAXIMUM
    assert result.estimates.notes == ("no column names the rows: they were taken in the order of the data",)


def test_scale_normal_is_taken_at_its_word(lsat: Problem, judge: Any) -> None:
    right = judge(lsat, table("item,b,a", B, A / 1.702), scale="normal")
    assert right.verdict is Verdict.AT_MAXIMUM
    assert right.converted
    assert list(right.parameters["text"][5:]) == [f"{a / 1.702:.3f}" for a in A]
    assert list(right.parameters["converted"][5:]) == pytest.approx([1.702 * round(a / 1.702, 3) for a in A])
    assert list(right.parameters["optimum"][5:]) == pytest.approx(A, abs=1e-8)
    wrong = judge(lsat, table("item,b,a", B, A), scale="normal")
    assert wrong.verdict is Verdict.ANOTHER_PARAMETRISATION
    assert wrong.finding.reading.changes == ("slopes in the logistic metric, not the normal one",)


def test_both_parametrisations_in_one_file(lsat: Problem, judge: Any) -> None:
    text = table("item,d,b,a", D, B + 1, A)
    assert judge(lsat, text).verdict is Verdict.AT_MAXIMUM
    assert judge(lsat, text, parametrisation="b").verdict is Verdict.ANOTHER_MODEL


# --- another parametrisation ---

# In the file: header of the first column, the two columns. Read as: name and values of the first quantity, changes.
CONVERSIONS = {
    "b for d": ("d", B, A, "b", ("difficulties b in the column of d",)),
    "d for b": ("b", D, A, "d", ("intercepts d in the column of b",)),
    "d for b, sign": ("b", -D, A, "d", ("intercepts d in the column of b", "sign of d reversed")),
    "sign of b": ("b", -B, A, "b", ("sign of b reversed",)),
    "sign of d": ("d", -D, A, "d", ("sign of d reversed",)),
    "1.702 with b": ("b", B, A / 1.702, "b", ("the normal-ogive metric (slopes to be multiplied by 1.702)",)),
    "1.7 with b": ("b", B, A / 1.7, "b", ("the normal-ogive metric (slopes to be multiplied by 1.7)",)),
    "1.702 of both": ("d", D / 1.702, A / 1.702, "d", ("the normal-ogive metric (slopes to be multiplied by 1.702)",)),
    "1.702 of slopes": ("d", D, A / 1.702, "d", ("slopes, but not intercepts, divided by 1.702",)),
    "times 1.702": ("b", B, A * 1.702, "b", ("slopes multiplied by 1.702 already",)),
    "times 1.702 of slopes": ("d", D, A * 1.702, "d", ("slopes, but not intercepts, multiplied by 1.702",)),
    "reflected": ("d", D, -A, "d", ("reflected ability axis",)),
    "reflected with b": ("b", -B, -A, "b", ("reflected ability axis",)),
    "other order": ("b", B[OTHER_ORDER], A[OTHER_ORDER], "b", ("items in another order",)),
    "three at once": (
        "d",
        B[OTHER_ORDER],
        A[OTHER_ORDER] / 1.702,
        "b",
        (
            "difficulties b in the column of d",
            "the normal-ogive metric (slopes to be multiplied by 1.702)",
            "items in another order",
        ),
    ),
}


@pytest.mark.parametrize("name", CONVERSIONS)
def test_another_parametrisation_is_named(lsat: Problem, judge: Any, name: str) -> None:
    header, first, second, _, changes = CONVERSIONS[name]
    result = judge(lsat, table(f"item,{header},a", first, second))
    assert result.verdict is Verdict.ANOTHER_PARAMETRISATION
    assert result.finding.reading.changes == changes
    assert result.parameters["outside"].max() == 0
    assert result.sentence.endswith(
        "after conversion, the estimates are at the maximum, to the digits given (3 decimals)."
    )


@pytest.mark.parametrize("name", CONVERSIONS)
def test_every_number_stands_under_its_name_in_the_file_and_under_what_it_was_read_as(
    lsat: Problem, judge: Any, name: str
) -> None:
    header, first, second, role, changes = CONVERSIONS[name]
    text = table(f"item,{header},slope", first, second)
    found = judge(lsat, text).parameters
    # The file, cell by cell.
    lines = [line.split(",") for line in text.splitlines()[1:]]
    assert list(found["parameter"]) == [f"{column}[{item}]" for column in (header, "slope") for item in ITEMS]
    assert list(found["text"]) == [line[place] for place in (1, 2) for line in lines]
    assert found["given"].to_numpy() == pytest.approx(found["text"].astype(float))
    # What it is: the item, the quantity, and its value at the maximum.
    order = OTHER_ORDER if "items in another order" in changes else list(range(5))
    assert list(found["read_as"]) == [f"{quantity}[{ITEMS[i]}]" for quantity in (role, "a") for i in order]
    right = np.concatenate([(B if role == "b" else D)[order], A[order]])
    # As far as eight digits of d and a give b.
    assert found["optimum"].to_numpy() == pytest.approx(right, abs=5e-8)
    factor = right / np.concatenate([first, second])
    assert found["converted"].to_numpy() == pytest.approx(factor * found["given"].to_numpy())
    assert found["difference"].to_numpy() == pytest.approx(found["converted"] - right, abs=5e-8)
    assert found["half_unit"].to_numpy() == pytest.approx(np.abs(factor) * 0.0005)


def test_the_order_that_fits_is_told(lsat: Problem, judge: Any) -> None:
    swapped = [1, 0, 2, 3, 4]
    result = judge(lsat, table("item,b,a", B[swapped], A[swapped]))
    assert "(the row of item2 is item1, item1 is item2)" in result.sentence


def test_conversion_of_the_table_of_mirt(lsat: Problem, judge: Any) -> None:
    result = judge(lsat, table("item,d,a", MIRT_B, MIRT_A))
    assert result.finding.reading.changes == ("difficulties b in the column of d",)
    assert "convergence tolerance" in result.sentence


def test_a_conversion_that_is_only_near(lsat: Problem, judge: Any) -> None:
    params = after_cycles(lsat.case.em, 20)
    result = judge(lsat, table("item,d,a", -params.intercept / params.slope, params.slope))
    assert result.verdict is Verdict.ANOTHER_PARAMETRISATION
    assert "within 0.05" in result.sentence


# --- stopped early, other data, other models ---


@pytest.mark.parametrize("cycles", [1, 5, 20])
def test_an_early_stopped_fit(lsat: Problem, judge: Any, cycles: int) -> None:
    result = judge(lsat, table("item,d,a", *after_cycles(lsat.case.em, cycles)))
    assert result.verdict is Verdict.STOPPED_EARLY
    assert f"after {cycles} cycle{'s' if cycles > 1 else ''} of EM from d = 0, a = 1" in result.sentence


def test_an_early_stopped_fit_from_an_unknown_start(lsat: Problem, judge: Any) -> None:
    result = judge(lsat, table("item,d,a", *after_cycles(lsat.case.em, 15, d=1.5, a=0.3)))
    assert result.verdict is Verdict.STOPPED_EARLY
    assert "0.2" in result.sentence
    assert "in the directions in which EM converges slowly" in result.sentence


def simulated(seed: int, examinees: int) -> TwoPLParams:
    rng = np.random.default_rng(seed)
    probability = 1 / (1 + np.exp(-(D + A * rng.normal(size=examinees)[:, None])))
    problem = TwoPL((rng.random((examinees, 5)) < probability).astype(float))
    start = TwoPLParams(np.zeros(5), np.ones(5))
    params: TwoPLParams = em(problem, start, StopRule(tolerance=1e-8, max_cycles=5000)).params
    return params


@pytest.mark.parametrize(("seed", "examinees"), [(3, 1000), (4, 1000), (5, 10_000)])
def test_estimates_of_other_data(lsat: Problem, judge: Any, seed: int, examinees: int) -> None:
    result = judge(lsat, table("item,d,a", *simulated(seed, examinees)))
    assert result.verdict is Verdict.ANOTHER_MODEL
    assert result.belongs_to == 0


def test_a_prior_on_the_slopes_is_recognised(lsat: Problem, judge: Any) -> None:
    problem = replace(lsat.case.em, slope_prior=LogNormal(0.0, 0.5))
    start = TwoPLParams(np.zeros(5), np.ones(5))
    params = em(problem, start, StopRule(tolerance=1e-9, max_cycles=5000)).params
    result = judge(lsat, table("item,d,a", *params))
    assert result.verdict is Verdict.ANOTHER_MODEL
    assert "--slope-prior lognormal,0.00042,0.5" in result.sentence


def test_equal_slopes_are_another_model(lsat: Problem, judge: Any) -> None:
    result = judge(lsat, table("item,d,a", [2.730, 0.999, 0.240, 1.307, 2.100], [0.755] * 5))
    assert result.verdict is Verdict.ANOTHER_MODEL
    assert "one-parameter" in result.sentence


# --- other optima ---


def coins(weight: Iterable[float], bias: Iterable[float], pattern: str = "%.4f") -> str:
    return table("weight,bias", weight, bias, names=None, pattern=pattern)


def test_two_coins_at_the_best(two_coins: Problem, judge: Any) -> None:
    assert two_coins.known.optima[0].objective == pytest.approx(-18.656763, abs=1e-6)
    for order in ([0, 1], [1, 0]):
        weight, bias = np.array([0.3333, 0.6667])[order], np.array([0.0750, 0.7000])[order]
        result = judge(two_coins, coins(weight, bias))
        assert result.verdict is Verdict.AT_MAXIMUM
        assert result.parameters["given"].to_numpy() == pytest.approx([*weight, *bias])


def test_a_local_maximum_is_another_optimum(two_coins: Problem, judge: Any) -> None:
    result = judge(two_coins, coins([0.3358, 0.6642], [0.8726, 0.2991]))
    assert result.verdict is Verdict.ANOTHER_OPTIMUM
    assert "a local maximum at -23.058416, 4.401653 below the best" in result.sentence
    assert "a local maximum at -23.058416, optimum 2" in result.owner
    assert result.log_likelihood == pytest.approx(-23.058416, abs=1e-4)


def test_a_local_maximum_that_no_start_reached(two_coins: Problem, judge: Any) -> None:
    blind = two_coins._replace(known=two_coins.known._replace(optima=two_coins.known.optima[:1]))
    result = judge(blind, coins([0.3358, 0.6642], [0.8726, 0.2991]))
    assert result.verdict is Verdict.ANOTHER_OPTIMUM
    assert [str(optimum.kind) for optimum in result.optima] == ["best", "local"]


def test_estimates_that_lead_to_a_better_optimum_raise_the_best(two_coins: Problem, judge: Any) -> None:
    blind = two_coins._replace(known=two_coins.known._replace(optima=two_coins.known.optima[1:]))
    result = judge(blind, coins([0.3333, 0.6667], [0.0750, 0.7000]))
    assert result.verdict is Verdict.AT_MAXIMUM
    assert result.best == pytest.approx(-18.656763, abs=1e-6)


def test_a_saddle_is_another_optimum(two_coins: Problem, lsat: Problem, judge: Any) -> None:
    result = judge(two_coins, coins([0.5, 0.5], [59 / 120, 59 / 120]))
    assert result.verdict is Verdict.ANOTHER_OPTIMUM
    assert "a saddle at -38.474158" in result.sentence
    share = np.average(lsat.case.em.responses, axis=0, weights=lsat.case.em.frequencies)
    result = judge(lsat, table("item,d,a", np.log(share / (1 - share)), np.zeros(5)))
    assert result.verdict is Verdict.ANOTHER_OPTIMUM
    assert "a saddle at -2493.4366" in result.sentence


def test_weights_beside_the_wrong_biases(two_coins: Problem, judge: Any) -> None:
    result = judge(two_coins, coins([0.6667, 0.3333], [0.0750, 0.7000]))
    assert result.verdict is Verdict.ANOTHER_PARAMETRISATION
    assert result.finding.reading.changes == ("component labels of the weights permuted against those of the biases",)


def test_coins_keep_their_names_and_numbers(two_coins: Problem, judge: Any) -> None:
    text = "coin,w,p\nbent,.6667,0.9250\nfair,.3333,0.300\n"
    result = judge(two_coins, text)
    assert result.finding.reading.changes == (
        "probabilities of tails instead of heads",
        "component labels of the weights permuted against those of the biases",
    )
    assert "(the weight of fair belongs to bent, bent belongs to fair)" in result.sentence
    found = result.parameters
    assert list(found["parameter"]) == ["w[bent]", "w[fair]", "p[bent]", "p[fair]"]
    assert list(found["text"]) == [".6667", ".3333", "0.9250", "0.300"]
    assert list(found["read_as"]) == ["weight[coin2]", "weight[coin1]", "bias[coin1]", "bias[coin2]"]
    assert found["converted"].to_numpy() == pytest.approx([0.6667, 0.3333, 0.075, 0.7])
    assert found["optimum"].to_numpy() == pytest.approx([0.666665, 0.333335, 0.075002, 0.7], abs=1e-6)


def test_coins_named_as_the_data_have_them_are_put_in_their_order(two_coins: Problem, judge: Any) -> None:
    result = judge(two_coins, "coin,weight,bias\ncoin2,0.3333,0.0750\ncoin1,0.6667,0.7000\n")
    assert result.verdict is Verdict.AT_MAXIMUM
    assert list(result.parameters["parameter"]) == list(result.parameters["read_as"])
    assert list(result.parameters["text"]) == ["0.6667", "0.3333", "0.7000", "0.0750"]


def test_tails_for_heads(two_coins: Problem, judge: Any) -> None:
    result = judge(two_coins, coins([0.3333, 0.6667], [0.9250, 0.3000]))
    assert result.finding.reading.changes == ("probabilities of tails instead of heads",)


@pytest.mark.parametrize("weight", [[0.2, 0.3, 0.5], [0.25, 0.5, 0.25], [1 / 3, 1 / 3, 1 / 3], [1, 0, 0]])
def test_any_weights_on_a_ridge(worked_coins: Problem, judge: Any, weight: list[float]) -> None:
    result = judge(worked_coins, coins(weight, [0.415] * 3))
    assert result.verdict is Verdict.AT_MAXIMUM
    assert result.sentence.startswith(
        "at the maximum (ridge), to the digits given (4 decimals); the data do not determine"
    )
    assert not result.parameters["determined"][:3].any()


def test_off_a_ridge(worked_coins: Problem, judge: Any) -> None:
    result = judge(worked_coins, coins([0.25, 0.5, 0.25], [0.4, 0.5, 0.65]))
    assert result.verdict is Verdict.ANOTHER_MODEL


def test_at_the_boundary(tmp_path: Path, judge: Any) -> None:
    data = tmp_path / "edge.csv"
    data.write_text("heads,flips\n10,10\n10,10\n10,10\n3,10\n2,10\n4,10\n")
    edge = problem("coin-mixture", data, starts=4, coins=2)
    result = judge(edge, coins([0.5, 0.5], [1, 0.3], pattern="%.3f"))
    assert result.verdict is Verdict.AT_MAXIMUM
    assert "(boundary)" in result.sentence


def test_known_weights_need_no_column(tmp_path: Path, judge: Any) -> None:
    data = tmp_path / "two.csv"
    data.write_text("heads,flips\n5,10\n9,10\n8,10\n4,10\n7,10\n")
    equal = problem("coin-mixture", data, starts=4, coins=2, **{"equal-weights": True})
    assert judge(equal, table("p", [0.5196, 0.7968], names=None, pattern="%.4f")).verdict is Verdict.AT_MAXIMUM
    assert "a saddle" in judge(equal, table("p", [0.66, 0.66], names=None, pattern="%.4f")).sentence


# --- how files are read ---


@pytest.mark.parametrize(
    ("texts", "decimals"),
    [
        (["0.825", "0.723", "0.89", "0.689", "0.658"], [3] * 5),
        (["-3.361", "-1.37", "-.28", "-1.866", "-3.123"], [3] * 5),
        (["-3.359", "-1.370", "-0.2797", "-12.35"], [3, 3, 4, 2]),
        (["1e-3", "2.5E-3"], [4, 4]),
        (["1", "0"], [0, 0]),
        (["0.12345678901234"], [8]),
    ],
)
def test_the_last_digit_printed(texts: list[str], decimals: list[int]) -> None:
    assert last_digits(texts) == decimals


def test_unused_columns_are_noted(lsat: Problem, judge: Any) -> None:
    text = table("item,a,SE(a),d,se_d,g,u,remark", A, A / 4, D, A / 4, 0 * A, 0 * A + 1, 7 * A)
    result = judge(lsat, text)
    assert result.verdict is Verdict.AT_MAXIMUM
    assert result.estimates.notes == (
        "standard errors are not used: column SE(a), se_d",
        "not used: column remark",
    )


def test_an_item_that_the_case_left_out_may_be_there(tmp_path: Path, judge: Any) -> None:
    rows = (CATALOGUE / "lsat6.csv").read_text().splitlines()
    data = tmp_path / "with_easy.csv"
    data.write_text("\n".join(["easy," + rows[0], *("1," + row for row in rows[1:])]) + "\n")
    easy = problem("two-pl", data, starts=2)
    text = table("item,d,a", [9.0, *D], [0.5, *A], names=["easy", *ITEMS])
    result = judge(easy, text)
    assert result.verdict is Verdict.AT_MAXIMUM
    assert any("easy" in note for note in result.estimates.notes)


GOOD = table("item,d,a", D, A)
BAD_ITEMS = {
    "text in numbers": (GOOD.replace("0.891", "much"), "row 4, column 'a': 'much' is not a number"),
    "NaN": (GOOD.replace("0.891", "NaN"), "row 4, column 'a': 'NaN' is not a number"),
    "infinite": (GOOD.replace("0.891", "inf"), "row 4, column 'a': 'inf' is not a number"),
    "overflow": (GOOD.replace("0.891", "1e999"), "row 4, column 'a': '1e999' does not fit"),
    "exponent of no type": (GOOD.replace("0.891", "0e-99999999999999999999"), "has an exponent of more than 3 digits"),
    "exponent too long": (
        GOOD.replace("0.891", "1e-" + "0" * 5000 + "1" * 5000),
        "has an exponent of more than 3 digits",
    ),
    "a thousand digits": (GOOD.replace("0.891", "0." + "3" * 1000), "...' does not fit"),
    "too large": (GOOD.replace("0.891", "1e101"), "row 4, column 'a': '1e101' does not fit"),
    "empty cell": (GOOD.replace("0.891", ""), "row 4, column 'a': the cell is empty"),
    "decimal comma": (GOOD.replace(",", ";").replace("0.891", "0,891"), "has a decimal comma"),
    "unknown item": (GOOD.replace("item3", "item9"), "row 4: unknown item 'item9', expected item1, item2"),
    "missing item": ("\n".join(GOOD.splitlines()[:-1]), "no row for item item5"),
    "item twice": (GOOD.replace("item3", "item2"), "row 4: item 'item2' appears twice, expected once"),
    "empty": ("", "the file is empty"),
    "only a header": ("item,d,a\n", "no rows below the header"),
    "no slope": (GOOD.replace(",a\n", ",x\n"), "no column is known as slope (a, slope, slopes)"),
    "no slope says the option": (GOOD.replace(",a\n", ",x\n"), "expected --slope COLUMN"),
    "ambiguous": (GOOD.replace(",d,", ",threshold,"), "expected --intercept COLUMN or --difficulty COLUMN"),
    "two slopes": (GOOD.replace("item,d,a", "d,a,slope").replace("item", "1"), "expected --slope COLUMN"),
    "asymptote": (table("item,d,a,g", D, A, 0.2 + 0 * A), "an asymptote of 0.2, expected 0: the model is a 2PL"),
    "no names, too few": (table("d,a", D[:3], A[:3], names=None), "3 rows without names, expected 5"),
}


@pytest.mark.parametrize("name", BAD_ITEMS)
def test_bad_files_of_items(lsat: Problem, judge: Any, name: str) -> None:
    text, complaint = BAD_ITEMS[name]
    with pytest.raises(InputError) as caught:
        judge(lsat, text)
    assert complaint in str(caught.value)
    assert "estimates.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_named_column_settles_it(lsat: Problem, judge: Any) -> None:
    text = GOOD.replace(",d,", ",threshold,")
    assert judge(lsat, text, intercept="threshold").verdict is Verdict.AT_MAXIMUM
    assert judge(lsat, text, difficulty="threshold").verdict is Verdict.ANOTHER_PARAMETRISATION
    for wrong in ({"intercept": "x"}, {"intercept": "threshold", "difficulty": "threshold"}, {"intercept": "a"}):
        with pytest.raises(InputError):
            judge(lsat, text, **wrong)


BAD_COINS = {
    "no weights": ("bias\n0.1\n0.7\n", "expected --weight COLUMN, or --equal-weights if they are known"),
    "no biases": ("weight\n0.5\n0.5\n", "expected --bias COLUMN"),
    "too many": ("w,p\n0.5,0.1\n0.2,0.3\n0.3,0.7\n", "3 component(s), expected 2 as --coins says"),
    "outside": ("w,p\n0.5,0.1\n0.5,1.7\n", "row 3, column 'p': 1.7, expected a number from 0 to 1"),
    "negative": ("w,p\n-0.5,0.1\n1.5,0.7\n", "row 2, column 'w': -0.5, expected a number from 0 to 1"),
    "no sum": ("w,p\n0.50,0.1\n0.40,0.7\n", "adds up to 0.9, expected 1"),
    "twice": ("coin,w,p\nx,0.5,0.1\nx,0.5,0.7\n", "row 3: component 'x' appears twice"),
    "text": ("w,p\n0.5,low\n0.5,0.7\n", "row 2, column 'p': 'low' is not a number"),
}


@pytest.mark.parametrize("name", BAD_COINS)
def test_bad_files_of_coins(two_coins: Problem, judge: Any, name: str) -> None:
    text, complaint = BAD_COINS[name]
    with pytest.raises(InputError) as caught:
        judge(two_coins, text)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


# --- the command ---


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, ["adjudicate", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    data, estimates = tmp_path / "data.csv", tmp_path / "estimates.csv"
    data.write_text(TWO_COINS)
    estimates.write_text(coins([0.3333, 0.6667], [0.0750, 0.7000]))
    return data, estimates


def test_status_0_and_files(files: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "out" / "here"
    result = run("coin-mixture", *files, "--coins", 2, "--starts", 2, "--out", out)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("At the maximum, to the digits given (4 decimals).\n")
    assert "bias[coin2]" in result.stdout
    *shown, written = result.stdout.splitlines()
    assert max(map(len, shown)) <= 110
    assert written == f"Written to {out}: adjudication.md, adjudication.json, adjudication.csv"
    assert {path.name for path in out.iterdir()} == {
        "adjudication.csv", "adjudication.json", "adjudication.md", "manifest.json",
    }  # fmt: skip
    found = json.loads((out / "adjudication.json").read_text())
    assert (found["verdict"], found["belongs_to"], found["decimals"]) == ("at the maximum", 1, 4)
    assert found["parameters"][2]["parameter"] == "bias[coin1]"
    assert (out / "adjudication.md").read_text().startswith("# At the maximum: estimates of ")
    assert (out / "adjudication.csv").read_text().splitlines()[0].startswith("parameter,given,optimum,")


def test_files_and_screen_show_the_numbers_of_the_file(files: tuple[Path, Path], tmp_path: Path) -> None:
    files[1].write_text("class,p,share\nheavy,.3,0.6667\nlight,0.92500,.3333\n")
    result = run("coin-mixture", *files, "--coins", 2, "--starts", 2, "--weight", "share", "--out", tmp_path)
    assert (result.exit_code, result.stderr) == (1, "")
    shown = result.stdout.splitlines()
    assert any(re.match(r" +given +read as +converted +optimum", line) for line in shown)
    row = next(line.split() for line in shown if line.startswith("p[light]"))
    assert row[:4] == ["p[light]", "0.92500", "bias[coin2]", "0.07500000"]
    assert "…" not in result.stdout
    lines = [line.split(",") for line in (tmp_path / "adjudication.csv").read_text().splitlines()]
    assert lines[0][:2] == ["parameter", "given"]
    assert [line[:2] for line in lines[1:]] == [
        ["share[heavy]", "0.6667"], ["share[light]", ".3333"], ["p[heavy]", ".3"], ["p[light]", "0.92500"]
    ]  # fmt: skip
    report = (tmp_path / "adjudication.md").read_text().replace("\\", "")
    assert "| p[light] | 0.92500 | bias[coin2] | 0.07500000 |" in report
    found = json.loads((tmp_path / "adjudication.json").read_text())["parameters"][3]
    assert (found["parameter"], found["text"], found["read_as"]) == ("p[light]", "0.92500", "bias[coin2]")


def test_any_other_verdict_is_status_1(files: tuple[Path, Path]) -> None:
    files[1].write_text(coins([0.3358, 0.6642], [0.8726, 0.2991]))
    result = run("coin-mixture", *files, "--coins", 2, "--starts", 6)
    assert (result.exit_code, result.stderr) == (1, "")
    assert result.stdout.startswith("Another optimum, to the digits given (4 decimals): a local maximum at -23.058416")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"estimates": "w,p\n0.5,low\n0.5,0.7\n"}, "'low' is not a number"),
        ({"estimates": ""}, "the file is empty"),
        ({"data": "heads,flips\n30,20\n"}, "30 heads"),
        ({"options": ["--tolerance", "-1"]}, "--tolerance -1"),
        ({"options": ["--tolerance", "nan"]}, "--tolerance nan"),
        ({"options": ["--starts", "0"]}, "--starts 0"),
        ({"options": ["--bias", "q"]}, "--bias q"),
        ({"options": ["--nodes", "9"]}, "--nodes"),
        ({"remove": True}, "cannot be read"),
    ],
)
def test_bad_input_is_one_line_and_status_2(files: tuple[Path, Path], change: dict[str, Any], complaint: str) -> None:
    data, estimates = files
    data.write_text(change.get("data", TWO_COINS))
    if "estimates" in change:
        estimates.write_text(change["estimates"])
    if "remove" in change:
        estimates.unlink()
    result = run("coin-mixture", data, estimates, "--coins", 2, *change.get("options", []))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert complaint in result.stderr


def test_no_family_or_an_unknown_one(files: tuple[Path, Path]) -> None:
    for arguments in ([], ["three-pl", *files]):
        result = run(*arguments)
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
        assert "expected one of: bayes-net, " in result.stderr
        assert result.stderr.endswith(", two-pl, common-slope\n")


def test_a_folder_that_cannot_be_written(files: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    result = run("coin-mixture", *files, "--coins", 2, "--out", tmp_path / "taken")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)


def test_a_failure_of_ours_is_no_traceback(files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(forms, "read", broken)
    result = run("coin-mixture", *files, "--coins", 2)
    assert (result.exit_code, result.stdout) == (3, "")
    assert "internal error, please report it with the command and the data: ZeroDivisionError: planted" in result.stderr
    assert result.stderr.count("\n") == 1


def test_files_of_the_user_are_left(files: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "adjudication.csv").write_text("mine")
    command = ("coin-mixture", *files, "--coins", 2, "--starts", 2, "--overwrite", "--out", tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    result = run(*command)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"Error: {tmp_path / 'adjudication.csv'}: not written by em-crosscheck and left as it is, "
        "expected nothing of that name\n"
    )
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    (tmp_path / "adjudication.csv").unlink()
    assert run(*command).exit_code == 0
    assert files[0].read_text() == TWO_COINS


def test_another_adjudication_is_replaced_only_when_asked_to(files: tuple[Path, Path], tmp_path: Path) -> None:
    out, other = tmp_path / "out", tmp_path / "other.csv"
    other.write_text(coins([0.3358, 0.6642], [0.8726, 0.2991]))
    assert run("coin-mixture", *files, "--coins", 2, "--starts", 2, "--out", out).exit_code == 0
    assert run("coin-mixture", *files, "--coins", 2, "--starts", 2, "--out", out).exit_code == 0
    before = {path: path.read_bytes() for path in out.iterdir()}
    command = ("coin-mixture", files[0], other, "--coins", 2, "--starts", 6, "--out", out)
    result = run(*command)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    said = "written with other settings (estimates ../estimates.csv, here ../other.csv; starts 2, here 6)"
    assert said in result.stderr
    assert {path: path.read_bytes() for path in out.iterdir()} == before
    assert run(*command, "--overwrite").exit_code == 1
    assert "Another optimum" in (out / "adjudication.md").read_text()


def test_help_and_complaints_do_without_pymc() -> None:
    import subprocess
    import sys

    program = "import sys; sys.modules['pymc'] = None; from comparisons.commands.main import main; main(sys.argv[1:])"
    for arguments, status in ((["adjudicate", "two-pl", "--help"], 0), (["adjudicate", "two-pl"], 2)):
        done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stderr
        assert "Traceback" not in done.stderr


# --- the measure itself ---


def test_on_the_way_has_the_chance_that_it_states(lsat: Problem) -> None:
    """Estimates of other samples look as if EM had been stopped in about 1 of 100 cases."""
    place = distance.Neighbourhood(Compiled(lsat.case, lsat.known.objective), {"d": D, "a": A})
    rng = np.random.default_rng(11)
    root = np.linalg.cholesky(place.covariance[0])
    free = [root @ rng.normal(size=10) for _ in range(400)]
    found = [place.on_the_way(lsat.known.objective.natural(place.x + step), np.zeros(10)) for step in free]
    assert 0 < sum(map(bool, found)) / len(found) < 0.03


def test_two_rates_that_are_equal_but_for_differences_do_no_harm() -> None:
    """Differences make a complex pair of them, whose real parts are one and the same vector."""
    place = distance.Neighbourhood(
        Compiled(cast(Case, None), cast(Any, SimpleNamespace(free=lambda natural: natural["x"]))), {}
    )
    change = np.diag([0.1, 0.1, 0.8, 0.9]) - np.eye(4)
    change[0, 1], change[1, 0] = 1e-5, -1e-5
    everything = np.ones(4, dtype=bool)
    known = {"x": np.zeros(4), "movable": everything, "determined": everything, "em_change": change}
    place.__dict__.update(known | {"natural_derivative": np.eye(4), "information": np.eye(4)})
    slow, quick = ({"x": np.array(point)} for point in ([0.0, 0.0, 0.1, 1.0], [0.1, 1.0, 0.0, 0.1]))
    assert place.on_the_way(slow, np.zeros(4)) is True
    assert place.on_the_way(quick, np.zeros(4)) is False


def test_the_change_left_is_that_of_em_itself(lsat: Problem, judge: Any) -> None:
    params = after_cycles(lsat.case.em, 35)
    result = judge(lsat, table("item,d,a", *params, pattern="%.8f"))
    after = lsat.case.em.m_step(lsat.case.em.e_step(params).expected_counts, params)
    change = max(np.abs(after.intercept - params.intercept).max(), np.abs(after.slope - params.slope).max())
    assert result.finding.allowance.change == pytest.approx(change, rel=1e-3)
    assert math.isfinite(result.finding.allowance.distance)
