"""Rasch difficulties by every method and in every metric, told apart."""

from importlib import resources
from itertools import combinations
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, logsumexp

from comparisons import families
from comparisons.adjudicate import forms
from comparisons.adjudicate.adjudication import Adjudication, adjudicate
from comparisons.adjudicate.finding import Verdict
from comparisons.adjudicate.forms import rasch
from comparisons.adjudicate.known_optima import known_optima
from comparisons.case import InputError
from comparisons.reading.tables import read_table

LSAT6 = Path(str(resources.files("comparisons.catalogue") / "lsat6.csv"))
ROWS = np.array([[int(cell) for cell in line.split(",")] for line in LSAT6.read_text().splitlines()[1:]])
ANSWERS, COUNTS = ROWS[:, :5], ROWS[:, 5]
NODES = np.linspace(-6, 6, 61)
LOG_WEIGHTS = -(NODES**2) / 2 - logsumexp(-(NODES**2) / 2)


# --- the truth, by brute force ---


def marginal(free: bool) -> tuple[Any, float]:
    """Intercepts, and the common slope where it is free; else 1."""

    def loss(x: Any) -> float:
        logits = x[:5] + (x[5] if free else 1.0) * NODES[:, None]
        joint = -ANSWERS @ np.logaddexp(0, -logits).T - (1 - ANSWERS) @ np.logaddexp(0, logits).T
        return -float(COUNTS @ logsumexp(joint + LOG_WEIGHTS, axis=1)) / 1000

    x = minimize(loss, [0, 0, 0, 0, 0, 1][: 5 + free], method="BFGS", options={"gtol": 1e-8}).x
    return x[:5], float(x[5]) if free else 1.0


def conditional() -> Any:
    """Difficulties that add up to 0, every pattern against all patterns with its score."""
    patterns = np.array([[k >> i & 1 for i in range(5)] for k in range(32)])

    def loss(x: Any) -> float:
        delta = np.append(x, -x.sum())
        total = 0.0
        for answer, count in zip(ANSWERS, COUNTS, strict=True):
            same = patterns[patterns.sum(axis=1) == answer.sum()]
            total -= count * (-answer @ delta - logsumexp(-same @ delta))
        return total / 1000

    x = minimize(loss, np.zeros(4), method="BFGS", options={"gtol": 1e-8}).x
    return np.append(x, -x.sum())


def joint() -> Any:
    """Difficulties that add up to 0, with an ability for every examinee who has neither none nor all right."""
    inner = (ANSWERS.sum(axis=1) > 0) & (ANSWERS.sum(axis=1) < 5)
    answers, counts = ANSWERS[inner], COUNTS[inner]

    def both(x: Any) -> tuple[float, Any]:
        delta, theta = np.append(x[:4], -x[:4].sum()), x[4:]
        logits = theta[:, None] - delta
        residual = counts[:, None] * (answers - expit(logits))
        level = -(counts[:, None] * (answers * logits - np.logaddexp(0, logits))).sum()
        by_delta = residual.sum(axis=0)
        return level / 1000, np.concatenate([by_delta[:4] - by_delta[4], -residual.sum(axis=1)]) / 1000

    options = {"gtol": 1e-9, "maxiter": 5000}
    x = minimize(both, np.zeros(4 + len(answers)), jac=True, method="BFGS", options=options).x
    return np.append(x[:4], -x[:4].sum())


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    d, a = marginal(free=True)
    return {"d": d, "a": a, "fixed": -marginal(free=False)[0], "cml": conditional(), "jml": joint()}


@pytest.fixture(scope="module")
def two_pl() -> Any:
    return problem("two-pl")


@pytest.fixture(scope="module")
def one_pl() -> Any:
    return problem("common-slope")


def problem(family: str) -> Any:
    module, data = families.family(family), read_table(LSAT6)
    case = module.read("data", data, families.settle(module, {}))
    return data, case, known_optima(case, 3)


def judged(where: Any, folder: Path, text: str) -> Adjudication:
    data, case, known = where
    path = folder / "estimates.csv"
    path.write_text(text)
    return adjudicate(case, forms.read(path, data, case, {}), options={}, known=known)


def written(first: Any, slope: object = 1, header: str = "item,b,a", pattern: str = "%.4f") -> str:
    return header + "\n" + "".join(f"item{i},{pattern % x},{slope}\n" for i, x in enumerate(first, 1))


# --- the methods ---


def test_elementary_symmetric_functions() -> None:
    eps = np.array([0.3, 1.7, 2.0, 0.9])
    by_hand = [sum(prod(group) for group in combinations(eps, r)) for r in range(5)]
    assert rasch.symmetric(eps) == pytest.approx(by_hand)


def test_methods_against_brute_force(two_pl: Any, truth: dict[str, Any]) -> None:
    found = [method.difficulties for method in rasch.methods(two_pl[1])]
    jml = truth["jml"]
    for mine, right in zip(found, (-truth["d"], truth["fixed"], truth["cml"], jml, 0.8 * jml), strict=True):
        assert mine == pytest.approx(right, abs=2e-5)


# --- what is said of them ---

FREE = "marginal ML with slopes of 1 and a free variance of ability (0.5702)"
SAID = {
    "free variance": (lambda t: -t["d"], f"difficulties of {FREE}, to the digits given"),
    "sum zero": (lambda t: t["d"].mean() - t["d"], f"difficulties of {FREE} that add up to zero, to the digits given"),
    "variance 1": (
        lambda t: t["fixed"],
        "difficulties of marginal ML with slopes of 1 and abilities of variance 1, to",
    ),
    "CML": (lambda t: t["cml"], "difficulties of conditional ML (CML) that add up to zero, to the digits given"),
    "CML, first at 0": (
        lambda t: t["cml"] - t["cml"][0],
        "difficulties of conditional ML (CML) with the first item's at zero, to the digits given",
    ),
    "CML, eRm": (
        lambda t: -t["cml"],
        "easinesses (difficulties with the other sign) of conditional ML (CML) that add up to zero, to the",
    ),
    "JML": (lambda t: t["jml"], "difficulties of joint ML (JML) that add up to zero, to the digits given"),
    "JML, corrected": (
        lambda t: 0.8 * t["jml"],
        "difficulties of joint ML (JML) times 4/5 that add up to zero, to the digits given",
    ),
}


@pytest.mark.parametrize("pattern", ["%.4f", "%.15g"])
@pytest.mark.parametrize("name", SAID)
def test_rasch_estimates_beside_a_2pl(
    two_pl: Any, truth: dict[str, Any], tmp_path: Path, name: str, pattern: str
) -> None:
    difficulties, said = SAID[name]
    result = judged(two_pl, tmp_path, written(difficulties(truth), pattern=pattern))
    assert result.verdict is Verdict.ANOTHER_MODEL
    assert f"all slopes are equal, as in a one-parameter (Rasch) model: {said}" in result.sentence


def test_one_slope_beside_a_2pl(two_pl: Any, truth: dict[str, Any], tmp_path: Path) -> None:
    result = judged(two_pl, tmp_path, written(-truth["d"] / truth["a"], f"{truth['a']:.4f}"))
    assert "marginal ML with one slope for all and abilities of variance 1 (the family common-slope)" in result.sentence


def test_a_file_without_slopes(two_pl: Any, truth: dict[str, Any], tmp_path: Path) -> None:
    rows = "".join(f"item{i},{-x:.6f},0.1\n" for i, x in enumerate(truth["d"], 1))
    result = judged(two_pl, tmp_path, f'"","xsi","se.xsi"\n{rows}')
    assert f"difficulties of {FREE}, to the digits given" in result.sentence
    assert "no column of slopes: they are taken to be 1, as in a Rasch model" in result.estimates.notes


# --- the family with a common slope ---


def test_the_maximum_of_the_common_slope(one_pl: Any, truth: dict[str, Any], tmp_path: Path) -> None:
    d, a = truth["d"], truth["a"]
    for text in (written(-d / a, f"{a:.4f}"), written(d, f"{a:.4f}", "item,d,a")):
        result = judged(one_pl, tmp_path, text)
        assert (result.verdict, result.finding.within_rounding) == (Verdict.AT_MAXIMUM, True)
    assert list(result.parameters["parameter"])[-1] == "a[all]"
    assert list(result.groups["item"]) == ["item1", "item2", "item3", "item4", "item5", "all"]


def test_mirts_rasch_model_with_its_variance(one_pl: Any, truth: dict[str, Any], tmp_path: Path) -> None:
    rows = "".join(f'"Item.{i}",1,{x:.6f},0,1,NA,NA\n' for i, x in enumerate(truth["d"], 1))
    group = f'"GroupPars",NA,NA,NA,NA,0,{truth["a"] ** 2:.6f}\n'
    result = judged(one_pl, tmp_path, f'"","a1","d","g","u","MEAN_1","COV_11"\n{rows}{group}')
    assert result.verdict is Verdict.AT_MAXIMUM


FREE_HERE = "slopes of 1 with the variance of ability free (0.5702 at the maximum)"


@pytest.mark.parametrize(
    ("first", "slope", "change"),
    [
        (lambda d, a: -d, 1, f"{FREE_HERE};"),
        (lambda d, a: d, 1, f"{FREE_HERE} and the other sign;"),
        (
            lambda d, a: d.mean() - d,
            1,
            f"{FREE_HERE}, difficulties that add up to 0 with its mean free (1.475 there);",
        ),
        (
            lambda d, a: (d.mean() - d) / a,
            None,
            "difficulties that add up to 0 with the mean of ability free (1.953 at the maximum);",
        ),
        (lambda d, a: d / a, None, "sign of b reversed;"),
    ],
)
def test_the_metrics_of_the_common_slope(
    one_pl: Any, truth: dict[str, Any], tmp_path: Path, first: Any, slope: Any, change: str
) -> None:
    d, a = truth["d"], truth["a"]
    result = judged(one_pl, tmp_path, written(first(d, a), slope or f"{a:.4f}"))
    assert result.verdict is Verdict.ANOTHER_PARAMETRISATION
    assert result.sentence.startswith(
        f"another parametrisation: {change} after conversion, the estimates are at the maximum"
    )
    assert result.finding.within_rounding


@pytest.mark.parametrize("name", ["variance 1", "CML", "CML, eRm", "JML", "JML, corrected"])
def test_other_methods_beside_the_common_slope(one_pl: Any, truth: dict[str, Any], tmp_path: Path, name: str) -> None:
    difficulties, said = SAID[name]
    result = judged(one_pl, tmp_path, written(difficulties(truth)))
    assert result.verdict is Verdict.ANOTHER_MODEL
    assert f"slopes of 1, {said}" in result.sentence


def test_one_wrong_difficulty(one_pl: Any, truth: dict[str, Any], tmp_path: Path) -> None:
    b = -truth["d"] / truth["a"]
    b[1] = -b[1]
    result = judged(one_pl, tmp_path, written(b, f"{truth['a']:.4f}"))
    assert "all numbers but b[item2] are those of the maximum" in result.sentence
    assert result.sentence.endswith("1.3224 where -1.3224 is expected (the sign is lost).")


def test_slopes_that_differ_are_no_common_slope(one_pl: Any, tmp_path: Path) -> None:
    rows = "".join(f"item{i},1.0,{1 + i / 10}\n" for i in range(1, 6))
    with pytest.raises(InputError, match=r"from 1\.1 to 1\.5, expected one slope for all items; the family two-pl has"):
        judged(one_pl, tmp_path, f"item,d,a\n{rows}")
