"""Estimates that must not be taken for the maximum, for an early stop or for another model."""

import re
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from comparisons import families
from comparisons.adjudicate import forms
from comparisons.adjudicate.adjudication import Adjudication, adjudicate
from comparisons.adjudicate.finding import Verdict
from comparisons.adjudicate.known_optima import KnownOptima, believed, known_optima
from comparisons.case import Case, InputError
from comparisons.compiled import Compiled
from comparisons.optima.kinds import examine
from comparisons.reading.tables import Table, read_table
from em_reference.em import StopRule, em
from em_reference.two_pl import TwoPL, TwoPLParams

Problem = tuple[Table, Case, KnownOptima]
# LSAT-6, 61 nodes.
A = np.array([0.82565954, 0.7227442, 0.89087453, 0.68836798, 0.65685595])
D = np.array([2.77323441, 0.9902012, 0.24914752, 1.28475693, 2.05327045])
SAME_TENS = "heads,flips\n" + "".join(f"{heads},10\n" for heads in (5, 4, 4, 3, 5, 4, 4, 4))
DO_BATZOGLOU = "heads,flips\n5,10\n9,10\n8,10\n4,10\n7,10\n"
# 40 simulated examinees, one row each; the slope of q7 has no finite maximum.
RUNS_OFF = """
01011111 00000000 01010111 01011011 00111111 01110111 00000111 01110001 11001111 00111111
01011111 01100001 00110001 10111111 00011011 01000000 00011111 00000011 01001001 00001010
10010101 00011011 01011011 00101001 10000110 10001111 00000001 01101111 00000000 11011111
00000001 10101110 00111011 01001011 00010111 00001010 00000001 00000001 00000111 00000001
"""
OTHERS = {
    "d": [-1.894, -0.639, -0.988, -0.253, 0.125, -0.403, 1.624],
    "a": [1.102, 0.355, 0.283, 1.012, 1.731, 2.299, 0.489],
}


def problem(family: str, path: Path, starts: int, **options: Any) -> Problem:
    module = families.family(family)
    data = read_table(path)
    case = module.read("data", data, families.settle(module, options))
    return data, case, known_optima(case, starts)


def judged(where: Problem, folder: Path, text: str) -> Adjudication:
    data, case, known = where
    path = folder / "estimates.csv"
    path.write_text(text)
    return adjudicate(case, forms.read(path, data, case, {}), options={}, known=known)


def coins(folder: Path, data: str, number: int, starts: int = 4) -> Problem:
    path = folder / "coins.csv"
    path.write_text(data)
    return problem("coin-mixture", path, starts, coins=number)


def written(d: Any, a: Any, header: str = "item,d,a", pattern: str = "%.3f") -> str:
    rows = [f"item{i},{pattern % x},{pattern % y}" for i, (x, y) in enumerate(zip(d, a, strict=True), 1)]
    return "\n".join([header, *rows]) + "\n"


@pytest.fixture(scope="module")
def lsat() -> Problem:
    return problem("two-pl", Path(str(resources.files("comparisons.catalogue") / "lsat6.csv")), 3)


@pytest.fixture(scope="module")
def runs_off(tmp_path_factory: pytest.TempPathFactory) -> Problem:
    path = tmp_path_factory.mktemp("small") / "small.csv"
    header = ",".join(f"q{i}" for i in range(1, 9))
    path.write_text("\n".join([header, *(",".join(row) for row in RUNS_OFF.split())]) + "\n")
    return problem("two-pl", path, 3)


@pytest.fixture(scope="module")
def early(lsat: Problem) -> TwoPLParams:
    problem = lsat[1].em
    params = TwoPLParams(np.zeros(5), np.ones(5))
    for _ in range(8):
        params = problem.m_step(problem.e_step(params).expected_counts, params)
    return params


# --- parameters that the data do not determine ---


@pytest.mark.parametrize(
    ("d", "a", "verdict"),
    [
        pytest.param(-4.0, -0.5, Verdict.ANOTHER_MODEL, marks=pytest.mark.slow),
        (1.5, 3.0, Verdict.ANOTHER_MODEL),
        (20, 60.0, Verdict.STOPPED_EARLY),
    ],
)
def test_a_slope_that_runs_off_may_not_be_anything(
    runs_off: Problem, tmp_path: Path, d: float, a: float, verdict: Verdict
) -> None:
    names = [f"q{i}" for i in (1, 2, 3, 4, 5, 6, 8, 7)]
    rows = zip(names, [*OTHERS["d"], d], [*OTHERS["a"], a], strict=True)
    result = judged(runs_off, tmp_path, "item,d,a\n" + "".join(f"{n},{x},{y}\n" for n, x, y in rows))
    assert result.verdict is verdict
    on_its_way = "the likelihood still increases towards infinity in d[q7], a[q7]" in result.sentence
    assert on_its_way == (verdict is Verdict.STOPPED_EARLY)


def test_weights_that_do_not_add_up_on_a_ridge(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"adds up to 0\.9, expected 1"):
        judged(coins(tmp_path, SAME_TENS, 3, starts=2), tmp_path, "weight,bias\n.6,.412\n.2,.412\n.1,.412\n")


def test_no_standard_error_where_there_is_none(tmp_path: Path) -> None:
    edge = coins(tmp_path, "heads,flips\n10,10\n10,10\n10,10\n3,10\n2,10\n4,10\n", 2)
    result = judged(edge, tmp_path, "weight,bias\n0.50,1.00\n0.50,0.30\n")
    assert result.verdict is Verdict.AT_MAXIMUM
    errors = result.parameters.set_index("parameter")["se"]
    assert np.isnan(errors["bias[coin1]"])
    assert errors["bias[coin2]"] > 0.01
    assert "bias[coin1]" not in result.sentence


# --- no early stop ---


def test_a_sign_or_a_factor_amiss_is_no_early_stop(lsat: Problem, tmp_path: Path) -> None:
    for factor in (-1.0, 2.0):
        a = np.where(np.arange(5) == 2, factor * A, A)
        result = judged(lsat, tmp_path, written(D, a))
        assert result.verdict is Verdict.ANOTHER_MODEL
        assert "all numbers but a[item3] are those of the maximum" in result.sentence


def test_a_slip_of_the_pen_is_no_early_stop(lsat: Problem, tmp_path: Path) -> None:
    result = judged(lsat, tmp_path, written(D, np.where(np.arange(5) == 1, 0.732, A)))
    assert result.verdict is Verdict.ANOTHER_MODEL
    assert "all numbers but a[item2]" in result.sentence


def test_a_coarse_grid_is_no_early_stop(lsat: Problem, tmp_path: Path) -> None:
    d, a = [2.7744, 0.9903, 0.2491, 1.2848, 2.0538], [0.8317, 0.7256, 0.8928, 0.6913, 0.6610]
    result = judged(lsat, tmp_path, written(d, a, pattern="%.4f"))
    assert result.verdict is Verdict.ANOTHER_MODEL
    assert "a coarser quadrature" in result.sentence


def test_fixed_equal_weights_are_another_model(tmp_path: Path) -> None:
    result = judged(coins(tmp_path, DO_BATZOGLOU, 2), tmp_path, "weight,bias\n0.5,0.7968\n0.5,0.5196\n")
    assert result.verdict is Verdict.ANOTHER_MODEL
    assert "the weights are fixed equal" in result.sentence


def test_slopes_of_zero_are_no_rasch_model(lsat: Problem, tmp_path: Path) -> None:
    assert "Rasch" not in judged(lsat, tmp_path, written(-D / A, 0 * A, "item,d,a")).sentence


# --- another parametrisation ---


def test_an_early_stop_in_another_parametrisation(lsat: Problem, early: TwoPLParams, tmp_path: Path) -> None:
    d, a = early
    readings = {
        "reflected ability axis": written(d, -a),
        "difficulties b in the column of d": written(-d / a, a),
        "the normal-ogive metric (slopes to be multiplied by 1.702)": written(-d / a, a / 1.702, "item,b,a"),
    }
    for change, text in readings.items():
        result = judged(lsat, tmp_path, text)
        assert result.verdict is Verdict.STOPPED_EARLY
        assert result.sentence.startswith(
            f"stopped early, in another parametrisation: {change}; after conversion, 0.25"
        )


def test_the_constant_that_fits_exactly_is_named(lsat: Problem, tmp_path: Path) -> None:
    result = judged(
        lsat,
        tmp_path,
        "item,b,a\nitem1,-3.36,0.49\nitem2,-1.37,0.43\nitem3,-0.28,0.52\nitem4,-1.87,0.40\nitem5,-3.13,0.39\n",
    )
    assert result.finding.reading.changes == ("the normal-ogive metric (slopes to be multiplied by 1.7)",)
    assert result.finding.within_rounding


# --- headers ---


@pytest.mark.parametrize(
    "text",
    [
        written(-D / A, A, "item,Diff,Discrim"),
        written(D, A, '"",(Intercept),z1'),
        written(-D / A, A, "item,beta,alpha"),
        "\n".join(['"","item","b","a"', *(f"{r.split(',')[0]},{r}" for r in written(-D / A, A).split()[1:])]) + "\n",
    ],
)
def test_headers_of_stata_ltm_and_tam(lsat: Problem, tmp_path: Path, text: str) -> None:
    assert judged(lsat, tmp_path, text).verdict is Verdict.AT_MAXIMUM


def test_no_quadrature_is_named_for_coins(tmp_path: Path) -> None:
    result = judged(coins(tmp_path, DO_BATZOGLOU, 2), tmp_path, "weight,bias\n0.45,0.7000\n0.55,0.5600\n")
    assert result.verdict is Verdict.ANOTHER_MODEL
    assert "quadrature" not in result.sentence


def test_weights_off_a_ridge(tmp_path: Path) -> None:
    # Two groups, and a third coin that repeats one of them: only how those two share their weight is left open.
    ridge = coins(tmp_path, "heads,flips\n" + "2,20\n" * 3 + "14,20\n" * 6, 3)
    best = ridge[2].optima[0].point.natural
    low_bias, high_bias = best["bias"].min(), best["bias"].max()
    for weights, right in (((0.3333, 0.5, 0.1667), True), ((0.6, 0.2, 0.2), False), ((0.9, 0.05, 0.05), False)):
        biases = (low_bias, high_bias, high_bias)
        rows = "".join(f"{w:.4f},{b:.4f}\n" for w, b in zip(weights, biases, strict=True))
        result = judged(ridge, tmp_path, "weight,bias\n" + rows)
        assert (result.verdict is Verdict.AT_MAXIMUM) is right, result.sentence


# --- the file's numbers beside the optimum ---

# The maximum of consultation.csv (WIRS of the R package ltm), as 2PL estimates of three decimals.
CONSULTED = {
    "a": [0.153, 0.368, 1.718, 1.010, 2.033, 1.375],
    "d": [-0.522, 0.346, -1.390, -1.383, -0.968, -2.310],
    "-b": [-3.401, 0.942, -0.809, -1.369, -0.476, -1.680],
}


@pytest.fixture(scope="module")
def consultation() -> Problem:
    return problem("two-pl", Path(__file__).parents[1] / "data" / "consultation.csv", 2)


@pytest.mark.parametrize(
    ("first", "name", "sign", "change"),
    [("d", "d", 1, "intercepts d in the column of b"), ("-b", "b", -1, "sign of b reversed")],
)
def test_a_quantity_never_stands_under_another_ones_name(
    consultation: Problem, tmp_path: Path, first: str, name: str, sign: int, change: str
) -> None:
    result = judged(consultation, tmp_path, written(CONSULTED[first], CONSULTED["a"], "item,b,a"))
    assert result.verdict is Verdict.ANOTHER_PARAMETRISATION
    place = "after conversion, the estimates are at the maximum, to the digits given (3 decimals)"
    assert result.sentence == f"another parametrisation: {change}; {place}."
    assert result.best == pytest.approx(-3420.064386, abs=1e-6)
    found = result.parameters.set_index("parameter")
    assert list(found.index[:6]) == [f"b[item{i}]" for i in range(1, 7)]
    assert list(found["text"][:6]) == [f"{value:.3f}" for value in CONSULTED[first]]
    assert list(found["read_as"][:6]) == [f"{name}[item{i}]" for i in range(1, 7)]
    assert list(found["converted"][:6]) == pytest.approx(sign * np.array(CONSULTED[first]))
    assert (np.abs(found["optimum"] - found["converted"]) <= 0.0005).all()


def test_all_numbers_outside_the_rounding_are_counted(lsat: Problem, early: TwoPLParams, tmp_path: Path) -> None:
    d, a = early
    for text, worst in (
        (written(d, a), ""),
        (written(-d / a, a), r" \(read as b\[item\d\]\)"),
        (written(-d / a, a / 1.702, "item,b,a"), ""),
    ):
        result = judged(lsat, tmp_path, text)
        assert result.verdict is Verdict.STOPPED_EARLY
        count = int((result.parameters["outside"] > 0).sum())
        assert count > 1
        largest = result.parameters.loc[result.parameters["outside"].idxmax()]
        named = re.escape(largest["parameter"]) + worst
        by = re.escape(f"{largest['outside']:.2g}")
        furthest = rf"; {count} of 10 numbers lie outside the rounding, furthest {named} by {by} \("
        assert re.search(furthest, result.sentence)


# --- parameters held at an edge of their range ---

# Detections at 39 sites in 5 visits: blue-ridge salamanders (MacKenzie); occupancy psi and detection p at the maximum.
SALAMANDERS = "heads,flips,frequency\n4,5,1\n3,5,4\n2,5,1\n1,5,12\n0,5,21\n"
PSI, P = 0.594622561316, 0.258729089434
# By mpmath, in 30 digits.
HELD_LEVEL, HELD_RISE = -48.4436764034402, 25.6754295137319


@pytest.fixture(scope="module")
def salamanders(tmp_path_factory: pytest.TempPathFactory) -> Problem:
    return coins(tmp_path_factory.mktemp("salamanders"), SALAMANDERS, 2)


@pytest.mark.parametrize(
    "rows",
    ["absent,0.4054,0\noccupied,0.5946,0.2587\n", "absent,0.4053774387,0.000\noccupied,0.5946225613,0.2587290894\n"],
)
def test_a_maximum_only_because_a_bias_is_held_at_0(salamanders: Problem, tmp_path: Path, rows: str) -> None:
    result = judged(salamanders, tmp_path, f"component,weight,bias\n{rows}")
    assert result.verdict is Verdict.ANOTHER_OPTIMUM
    assert "the maximum when bias[absent] is held at 0 at -48.443676, 2.635711 below the best" in result.sentence
    assert result.sentence.endswith("the log-likelihood rises by 25.675 per unit of bias[absent] above 0.")
    assert result.best == pytest.approx(-45.8079650829, abs=1e-9)
    assert result.belongs_to == 0
    assert result.finding.place.level == pytest.approx(HELD_LEVEL, abs=1e-9)
    (entry,) = result.finding.held.entries
    assert entry.rise == pytest.approx(HELD_RISE, rel=1e-7)
    assert list(result.parameters["optimum"]) == pytest.approx([1 - PSI, PSI, 0, P], abs=1e-9)
    assert result.parameters["optimum"][2] == 0


def test_what_is_held_does_not_rest_on_the_kinds(salamanders: Problem, tmp_path: Path) -> None:
    data, case, known = salamanders
    blind = data, case, known._replace(optima=known.optima[:1])
    result = judged(blind, tmp_path, f"weight,bias\n{PSI},{P}\n{1 - PSI},0\n")
    assert "the maximum when bias[coin2] is held at 0" in result.sentence


def test_a_bias_held_at_1_and_tails_for_heads(tmp_path: Path) -> None:
    turned = "heads,flips,frequency\n1,5,1\n2,5,4\n3,5,1\n4,5,12\n5,5,21\n"
    sites = coins(tmp_path, turned, 2)
    result = judged(sites, tmp_path, f"weight,bias\n0.4054,1\n0.5946,{1 - P:.4f}\n")
    assert "the maximum when bias[coin1] is held at 1" in result.sentence
    assert result.finding.held.entries[0].rise == pytest.approx(HELD_RISE, rel=1e-5)
    result = judged(sites, tmp_path, f"weight,bias\n0.4054,0\n0.5946,{P:.4f}\n")
    assert "probabilities of tails instead of heads; after conversion" in result.sentence
    assert "the maximum when bias[coin1] is held at 1" in result.sentence


def test_a_weight_held_at_0(tmp_path: Path) -> None:
    heads, flips = np.array([18, 17, 10, 11, 2, 1]), 20
    data = coins(tmp_path, "heads,flips\n" + "".join(f"{x},{flips}\n" for x in heads), 2)
    one, other = heads.sum() / (6 * flips), 0.8
    result = judged(data, tmp_path, f"weight,bias\n1,{one:.6f}\n0,{other}\n")
    assert "the maximum when weight[coin2] is held at 0 at -38.474158" in result.sentence
    # Each sequence is so many times as probable under the other coin.
    ratio = (other / one) ** heads * ((1 - other) / (1 - one)) ** (flips - heads)
    assert result.finding.held.entries[0].rise == pytest.approx((ratio - 1).sum(), rel=1e-5)
    assert judged(data, tmp_path, f"weight,bias\n1,{one:.6f}\n0,{one:.6f}\n").finding.held is None


def test_two_biases_held_at_two_edges(tmp_path: Path) -> None:
    # Zeros and fives in excess, some of which are ones and fours.
    counts = {0: 20, 1: 9, 2: 6, 3: 6, 4: 9, 5: 20}
    rows = "".join(f"{heads},5,{count}\n" for heads, count in counts.items())
    data = coins(tmp_path, f"heads,flips,frequency\n{rows}", 3)
    # The middle coin is fair, by symmetry; the weights of the outer ones follow from the zeros and fives.
    middle = 30 / 70 * 32 / 30
    result = judged(data, tmp_path, f"weight,bias\n{(1 - middle) / 2},0\n{middle},0.5\n{(1 - middle) / 2},1\n")
    assert "the maximum when bias[coin1] is held at 0 and bias[coin3] is held at 1" in result.sentence
    one, other = result.finding.held.entries
    assert one.rise == pytest.approx(other.rise, rel=1e-6)


def test_what_rises_only_together_with_others_is_held_too(tmp_path: Path) -> None:
    # With a weight and a bias of its own coin1 would reach the free maximum; from a weight of 0 nothing rises at once.
    three = coins(tmp_path, SALAMANDERS, 3)
    result = judged(three, tmp_path, "weight,bias\n0,0\n0.4054,0\n0.5946,0.2587\n")
    assert "the maximum when weight[coin1], bias[coin1], bias[coin2] are held at 0" in result.sentence
    assert result.sentence.endswith("rises by 25.675 per unit of bias[coin2] above 0.")


def test_equal_weights_and_a_bias_that_em_never_moves(salamanders: Problem, tmp_path: Path) -> None:
    result = judged(salamanders, tmp_path, "weight,bias\n0.5,0\n0.5,0.3\n")
    assert result.verdict is Verdict.ANOTHER_MODEL
    assert "keeps them equal and never moves a bias from 0 or 1 (coin1)" in result.sentence


def test_a_bias_at_the_edge_where_it_belongs_is_the_maximum(tmp_path: Path) -> None:
    data = coins(tmp_path, "heads,flips\n10,10\n10,10\n10,10\n3,10\n2,10\n4,10\n", 2)
    result = judged(data, tmp_path, "weight,bias\n0.50,1.00\n0.50,0.30\n")
    assert (result.verdict, result.finding.held) == (Verdict.AT_MAXIMUM, None)


# --- numbers of any size ---


def with_item1(lsat: Problem, folder: Path, header: str, first: str, slope: str) -> Adjudication:
    rows = "item2,0.5,0.3\nitem3,0.249,0.891\nitem4,1.285,0.688\nitem5,2.053,0.657\n"
    return judged(lsat, folder, f"item,{header},a\nitem1,{first},{slope}\n{rows}")


def step_log_likelihood(case: Case, d: Any, a: Any, first: float) -> float:
    """By hand: item 1 is right above ability 0, wrong below, and right with probability `first` at the node 0."""
    nodes, weights = case.em.grid
    right = 1 / (1 + np.exp(-(np.array(d) + np.outer(nodes, a))))
    right = np.column_stack([np.where(np.abs(nodes) < 1e-9, first, nodes > 0), right])
    answers = np.asarray(case.em.responses)[:, None]
    joint = np.where(answers == 1, right, 1 - right).prod(axis=2) @ weights
    return float(np.asarray(case.em.frequencies) @ np.log(joint))


@pytest.mark.parametrize("slope", ["1e6", "1e20", "1e99"])
def test_a_slope_of_any_size_is_far_from_the_maximum(lsat: Problem, tmp_path: Path, slope: str) -> None:
    result = with_item1(lsat, tmp_path, "d", "2.773", slope)
    assert result.verdict is Verdict.ANOTHER_MODEL
    assert result.best == pytest.approx(-2466.6533775, abs=1e-7)
    first = 1 / (1 + np.exp(-2.773))
    by_hand = step_log_likelihood(lsat[1], [0.5, 0.249, 1.285, 2.053], [0.3, 0.891, 0.688, 0.657], first)
    assert result.log_likelihood == pytest.approx(by_hand, abs=1e-8)
    assert result.best - result.log_likelihood == pytest.approx(451.461681, abs=1e-5)


@pytest.mark.parametrize("header", ["d", pytest.param("b", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("first", "slope"),
    [
        ("1e99", "1"),
        *(pytest.param(*size, marks=pytest.mark.slow) for size in (("1e20", ".5"), ("1e6", "1"), ("999", "40"))),
        ("-1e20", "1e50"),
        ("1e20", "1e20"),
        ("40", "999"),
    ],
)
def test_no_number_however_large_makes_an_optimum(
    lsat: Problem, tmp_path: Path, header: str, first: str, slope: str
) -> None:
    result = with_item1(lsat, tmp_path, header, first, slope)
    assert result.verdict is Verdict.ANOTHER_MODEL
    assert result.best == pytest.approx(-2466.6533775, abs=1e-7)
    assert result.log_likelihood < result.best - 10


@pytest.mark.slow
def test_a_gradient_is_not_measured_beside_a_hopeless_height(lsat: Problem, tmp_path: Path) -> None:
    # Where item 1 is always right, the others are best by themselves; only its intercept is wrong (gradient -76).
    four = TwoPL(lsat[1].em.responses[:, 1:], lsat[1].em.frequencies)
    d, a = em(four, TwoPLParams(np.zeros(4), np.ones(4)), StopRule(tolerance=1e-9, max_cycles=5000)).params
    for first in ("1.1e6", "1e20"):
        rows = written(d, a, pattern="%.8f").replace("item4", "item5").replace("item3", "item4")
        rows = rows.replace("item2", "item3").replace("item1", "item2")
        result = judged(lsat, tmp_path, f"{rows}item1,{first},0.5\n")
        assert result.verdict is Verdict.ANOTHER_MODEL


def test_a_height_that_em_and_pymc_do_not_share_is_not_believed(lsat: Problem) -> None:
    _, case, (objective, optima, _, _) = lsat
    best = optima[0].point
    assert believed(Compiled(case, objective), best)
    assert not believed(Compiled(case, objective), replace(best, objective=best.objective + 1e-3))
    # Beside a logit of 1e20 the other items are lost: -934 where the log-likelihood is -2918.
    steep = examine(Compiled(case, objective), {"d": D, "a": np.where(np.arange(5) == 0, 1e20, A)})
    assert steep.objective > best.objective + 1000
    assert not believed(Compiled(case, objective), steep)
