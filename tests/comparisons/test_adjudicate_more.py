"""Estimates that must not be taken for the maximum, for an early stop or for another model."""

from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from comparisons import families
from comparisons.adjudicate import forms
from comparisons.adjudicate.adjudication import Adjudication, adjudicate
from comparisons.adjudicate.finding import Verdict
from comparisons.adjudicate.survey import Ground, survey
from comparisons.case import Case, InputError
from comparisons.data import Table, read_table
from em_reference.two_pl import TwoPLParams

Bench = tuple[Table, Case, Ground]
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


def bench(family: str, path: Path, starts: int, **options: Any) -> Bench:
    module = families.family(family)
    data = read_table(path)
    case = module.read("data", data, families.settle(module, options))
    return data, case, survey(case, starts)


def judged(where: Bench, folder: Path, text: str) -> Adjudication:
    data, case, ground = where
    path = folder / "estimates.csv"
    path.write_text(text)
    return adjudicate(case, forms.read(path, data, case, {}), options={}, ground=ground)


def coins(folder: Path, data: str, number: int, starts: int = 4) -> Bench:
    path = folder / "coins.csv"
    path.write_text(data)
    return bench("coin-mixture", path, starts, coins=number)


def written(d: Any, a: Any, header: str = "item,d,a", pattern: str = "%.3f") -> str:
    rows = [f"item{i},{pattern % x},{pattern % y}" for i, (x, y) in enumerate(zip(d, a, strict=True), 1)]
    return "\n".join([header, *rows]) + "\n"


@pytest.fixture(scope="module")
def lsat() -> Bench:
    return bench("two-pl", Path(str(resources.files("comparisons.catalogue") / "lsat6.csv")), 3)


@pytest.fixture(scope="module")
def runs_off(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    path = tmp_path_factory.mktemp("small") / "small.csv"
    header = ",".join(f"q{i}" for i in range(1, 9))
    path.write_text("\n".join([header, *(",".join(row) for row in RUNS_OFF.split())]) + "\n")
    return bench("two-pl", path, 3)


@pytest.fixture(scope="module")
def early(lsat: Bench) -> TwoPLParams:
    em = lsat[1].em
    params = TwoPLParams(np.zeros(5), np.ones(5))
    for _ in range(8):
        params = em.m_step(em.e_step(params).expected_counts, params)
    return params


# --- parameters that the data leave open ---


@pytest.mark.parametrize(
    ("d", "a", "verdict"),
    [(-4.0, -0.5, Verdict.ANOTHER_MODEL), (1.5, 3.0, Verdict.ANOTHER_MODEL), (20, 60.0, Verdict.STOPPED_EARLY)],
)
def test_a_slope_that_runs_off_may_not_be_anything(
    runs_off: Bench, tmp_path: Path, d: float, a: float, verdict: Verdict
) -> None:
    names = [f"q{i}" for i in (1, 2, 3, 4, 5, 6, 8, 7)]
    rows = zip(names, [*OTHERS["d"], d], [*OTHERS["a"], a], strict=True)
    result = judged(runs_off, tmp_path, "item,d,a\n" + "".join(f"{n},{x},{y}\n" for n, x, y in rows))
    assert result.verdict is verdict
    on_its_way = "on the way to infinity in d[q7], a[q7]" in result.sentence
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


def test_a_sign_or_a_factor_amiss_is_no_early_stop(lsat: Bench, tmp_path: Path) -> None:
    for factor in (-1.0, 2.0):
        a = np.where(np.arange(5) == 2, factor * A, A)
        result = judged(lsat, tmp_path, written(D, a))
        assert result.verdict is Verdict.ANOTHER_MODEL
        assert "all numbers but a[item3] are those of the maximum" in result.sentence


def test_a_slip_of_the_pen_is_no_early_stop(lsat: Bench, tmp_path: Path) -> None:
    result = judged(lsat, tmp_path, written(D, np.where(np.arange(5) == 1, 0.732, A)))
    assert result.verdict is Verdict.ANOTHER_MODEL
    assert "all numbers but a[item2]" in result.sentence


def test_a_coarse_grid_is_no_early_stop(lsat: Bench, tmp_path: Path) -> None:
    d, a = [2.7744, 0.9903, 0.2491, 1.2848, 2.0538], [0.8317, 0.7256, 0.8928, 0.6913, 0.6610]
    result = judged(lsat, tmp_path, written(d, a, pattern="%.4f"))
    assert result.verdict is Verdict.ANOTHER_MODEL
    assert "a coarser quadrature" in result.sentence


def test_fixed_equal_weights_are_another_model(tmp_path: Path) -> None:
    result = judged(coins(tmp_path, DO_BATZOGLOU, 2), tmp_path, "weight,bias\n0.5,0.7968\n0.5,0.5196\n")
    assert result.verdict is Verdict.ANOTHER_MODEL
    assert "the weights are fixed equal" in result.sentence


def test_slopes_of_zero_are_no_rasch_model(lsat: Bench, tmp_path: Path) -> None:
    assert "Rasch" not in judged(lsat, tmp_path, written(-D / A, 0 * A, "item,d,a")).sentence


# --- another parametrisation ---


def test_an_early_stop_in_another_parametrisation(lsat: Bench, early: TwoPLParams, tmp_path: Path) -> None:
    d, a = early
    readings = {
        "reflected ability axis": written(d, -a),
        "difficulties b in the column of d": written(-d / a, a),
        "the normal-ogive metric (slopes to be multiplied by 1.702)": written(-d / a, a / 1.702, "item,b,a"),
    }
    for change, text in readings.items():
        result = judged(lsat, tmp_path, text)
        assert result.verdict is Verdict.STOPPED_EARLY
        assert result.sentence.startswith(f"stopped early, in another parametrisation: {change}; so read, 0.25")


def test_the_constant_that_fits_exactly_is_named(lsat: Bench, tmp_path: Path) -> None:
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
def test_headers_of_stata_ltm_and_tam(lsat: Bench, tmp_path: Path, text: str) -> None:
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
