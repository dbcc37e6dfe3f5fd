"""At the maximum for practical purposes, other quadratures, and one wrong number."""

from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.optimize import minimize, root
from scipy.special import expit, logsumexp

from comparisons import families
from comparisons.adjudicate import forms
from comparisons.adjudicate.adjudication import Adjudication, adjudicate
from comparisons.adjudicate.finding import Verdict
from comparisons.adjudicate.known_optima import known_optima
from comparisons.adjudicate.slips import slip_of_the_pen
from comparisons.adjudicate.words import significant
from comparisons.commands.main import main
from comparisons.reading.tables import read_table

LSAT6 = Path(str(resources.files("comparisons.catalogue") / "lsat6.csv"))
# The table that the R package ltm prints for ltm(LSAT ~ z1), to four decimals.
LTM = ((-3.3597, 0.8254), (-1.3696, 0.7229), (-0.2799, 0.8905), (-1.8659, 0.6886), (-3.1236, 0.6575))
Grid = tuple[Any, Any]


def equal(count: int, limit: float) -> Grid:
    nodes = np.linspace(-limit, limit, count)
    weights = np.exp(-(nodes**2) / 2)
    return nodes, weights / weights.sum()


def hermite(count: int) -> Grid:
    """Nodes for the standard normal, from those for exp(-x^2)."""
    nodes, weights = np.polynomial.hermite.hermgauss(count)
    return nodes * np.sqrt(2), weights / np.sqrt(np.pi)


def answers() -> Grid:
    rows = np.array([[int(cell) for cell in line.split(",")] for line in LSAT6.read_text().splitlines()[1:]])
    return rows[:, :5], rows[:, 5]


def loss(x: Any, grid: Grid) -> float:
    """Negative log-likelihood of LSAT-6 at intercepts and slopes."""
    (right, counts), (nodes, weights) = answers(), grid
    logits = x[:5] + np.outer(nodes, x[5:])
    joint = -right @ np.logaddexp(0, -logits).T - (1 - right) @ np.logaddexp(0, logits).T
    return -float(counts @ logsumexp(joint + np.log(weights), axis=1))


def maximum(grid: Grid) -> tuple[Any, Any]:
    """Intercepts and slopes by scipy, with the gradient from Fisher's identity."""
    right, counts = answers()
    nodes, weights = grid

    def both(x: Any) -> tuple[float, Any]:
        logits = x[:5] + np.outer(nodes, x[5:])
        joint = -right @ np.logaddexp(0, -logits).T - (1 - right) @ np.logaddexp(0, logits).T + np.log(weights)
        marginal = logsumexp(joint, axis=1)
        posterior = counts[:, None] * np.exp(joint - marginal[:, None])
        residual = posterior.T @ right - posterior.sum(axis=0)[:, None] * expit(logits)
        return -float(counts @ marginal), -np.concatenate([residual.sum(axis=0), nodes @ residual])

    near = minimize(both, np.r_[np.zeros(5), np.ones(5)], jac=True, method="BFGS", options={"gtol": 1e-8}).x
    # A line search ends where the likelihood no longer changes, in half of the digits.
    x = root(lambda x: both(x)[1], near, tol=1e-13).x
    return x[:5], x[5:]


@pytest.fixture(scope="module")
def lsat() -> Any:
    return problem("two-pl", LSAT6)


def problem(family: str, path: Path, **options: Any) -> Any:
    module, data = families.family(family), read_table(path)
    case = module.read("data", data, families.settle(module, options))
    return data, case, known_optima(case, 3)


def judged(where: Any, folder: Path, text: str, tolerance: float = 1e-4) -> Adjudication:
    data, case, known = where
    path = folder / "estimates.csv"
    path.write_text(text)
    return adjudicate(case, forms.read(path, data, case, {}), options={}, tolerance=tolerance, known=known)


def written(first: Any, a: Any, header: str = "item,d,a", pattern: str = "%.16g") -> str:
    rows = [f"item{i},{pattern % x},{pattern % y}" for i, (x, y) in enumerate(zip(first, a, strict=True), 1)]
    return "\n".join([header, *rows]) + "\n"


# --- near enough ---


def test_ltm_is_at_the_maximum_for_practical_purposes(lsat: Any, tmp_path: Path) -> None:
    b, a = np.array(LTM).T
    result = judged(lsat, tmp_path, written(b, a, '"",Dffclt,Dscrmn'))
    assert result.verdict is Verdict.PRACTICALLY_AT_MAXIMUM
    d, slopes = maximum(equal(61, 6))
    deficit = loss(np.r_[-b * a, a], equal(61, 6)) - loss(np.r_[d, slopes], equal(61, 6))
    assert result.distance == pytest.approx(np.sqrt(2 * deficit), rel=1e-2)
    assert result.distance < 0.006
    assert max(result.mahalanobis, result.newton_distance) < 0.006
    assert result.sentence.startswith(f"at the maximum for practical purposes, {result.distance:.2g} standard errors")
    assert "digits given are lost in " in result.sentence


def test_the_digits_that_are_lost(lsat: Any, tmp_path: Path) -> None:
    d, a = maximum(equal(61, 6))
    moved = a.copy()
    moved[1] += 0.004
    other = d.copy()
    other[0] += 0.004
    result = judged(lsat, tmp_path, written(other, moved, pattern="%.12f"))
    assert result.verdict is Verdict.PRACTICALLY_AT_MAXIMUM
    # 2.773 and 2.777: a relative error of .0014 leaves two digits of thirteen.
    assert "11 of the 13 digits given are lost in d[item1], which is right to 2 digits" in result.sentence
    assert "10 numbers lie outside the rounding" in result.sentence


@pytest.mark.slow
def test_further_away_it_is_stopped_early(lsat: Any, tmp_path: Path) -> None:
    em = lsat[1].em
    params = lsat[1].to_em({"d": np.full(5, 1.5), "a": np.full(5, 0.3)})
    seen = []
    for _ in range(20):
        for _ in range(3):
            params = em.m_step(em.e_step(params).expected_counts, params)
        result = judged(lsat, tmp_path, written(*params))
        seen.append((result.distance, result.verdict))
        if result.verdict is Verdict.AT_MAXIMUM:
            break
    kinds = list(dict.fromkeys(verdict for distance, verdict in seen if distance < 0.8))
    assert kinds == [Verdict.STOPPED_EARLY, Verdict.PRACTICALLY_AT_MAXIMUM, Verdict.AT_MAXIMUM]
    assert all(distance <= 0.1 for distance, verdict in seen if verdict is Verdict.PRACTICALLY_AT_MAXIMUM)
    assert all(distance > 0.09 for distance, verdict in seen if verdict is Verdict.STOPPED_EARLY)


def test_the_tolerance_at_which_it_stopped_is_named(lsat: Any, tmp_path: Path) -> None:
    em, change = lsat[1].em, 1.0
    params = lsat[1].to_em({"d": np.full(5, 1.5), "a": np.full(5, 0.3)})
    while change > 1e-3:
        after = em.m_step(em.e_step(params).expected_counts, params)
        change = max(np.abs(after.intercept - params.intercept).max(), np.abs(after.slope - params.slope).max())
        params = after
    sentence = judged(lsat, tmp_path, written(*params)).sentence
    assert sentence.startswith("at the maximum for practical purposes")
    assert sentence.endswith("as when EM is stopped at a tolerance of 0.001 per cycle.")


def test_whoever_names_a_stricter_tolerance_is_answered_strictly(lsat: Any, tmp_path: Path) -> None:
    b, a = np.array(LTM).T
    assert judged(lsat, tmp_path, written(b, a, "item,b,a"), 1e-5).verdict is not Verdict.PRACTICALLY_AT_MAXIMUM


def test_near_coins(tmp_path: Path) -> None:
    path = tmp_path / "coins.csv"
    path.write_text("heads,flips\n18,20\n17,20\n10,20\n11,20\n2,20\n1,20\n")
    text = "weight,bias\n0.335123456789012,0.075612345678901\n0.664876543210988,0.701412345678901\n"
    result = judged(problem("coin-mixture", path, coins=2), tmp_path, text)
    assert result.verdict is Verdict.PRACTICALLY_AT_MAXIMUM
    assert "quadrature" not in result.sentence


def test_exit_status_and_style_of_the_command(tmp_path: Path) -> None:
    path = tmp_path / "ltm.csv"
    b, a = np.array(LTM).T
    path.write_text(written(b, a, '"",Dffclt,Dscrmn'))
    result = CliRunner().invoke(main, ["adjudicate", "two-pl", str(LSAT6), str(path), "--starts", "2"])
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("At the maximum for practical purposes, 0.00")
    shown = CliRunner().invoke(main, ["adjudicate", "--help"]).stdout
    assert "for practical purposes" in shown


# --- other quadratures ---


@pytest.mark.parametrize(
    ("grid", "name"),
    [
        (hermite(5), "5 Gauss-Hermite nodes"),
        (equal(9, 4), "9 equally spaced nodes on [-4, 4]"),
        (equal(7, 3), "7 equally spaced nodes on [-3, 3], which leave out abilities beyond 3"),
    ],
)
@pytest.mark.parametrize("pattern", ["%.16g", "%.5f"])
def test_the_quadrature_is_named(lsat: Any, tmp_path: Path, grid: Grid, name: str, pattern: str) -> None:
    result = judged(lsat, tmp_path, written(*maximum(grid), pattern=pattern))
    if result.verdict is not Verdict.AT_MAXIMUM:
        assert f"the maximum under {name}, to the digits given" in result.sentence
    assert (result.verdict is Verdict.ANOTHER_MODEL) == ("leave out" in name)


def test_another_quadrature_that_tells_is_another_model(tmp_path: Path) -> None:
    # Three nodes here, 61 there.
    coarse = problem("two-pl", LSAT6, nodes=3, limit=2.0)
    result = judged(coarse, tmp_path, written(*maximum(equal(61, 6)), pattern="%.6f"))
    assert result.verdict is Verdict.ANOTHER_MODEL
    assert "the maximum under 61 equally spaced nodes on [-6, 6], to the digits given" in result.sentence


# --- one wrong number ---


@pytest.mark.parametrize("pattern", ["%.3f", pytest.param("%.15g", marks=pytest.mark.slow)])
@pytest.mark.parametrize("column", ["d", "b", "a"])
@pytest.mark.parametrize(
    ("change", "slip"),
    [
        (lambda text: text[1:] if text.startswith("-") else f"-{text}", "sign"),
        (lambda text: text.replace(".", "", 1), "the decimal point is lost"),
        (lambda text: f"{float(text) * 10:.15g}", "the decimal point is 1 place too far to the right"),
    ],
)
def test_one_wrong_number_is_named(
    lsat: Any, tmp_path: Path, pattern: str, column: str, change: Any, slip: str
) -> None:
    d, a = maximum(equal(61, 6))
    first = d if column != "b" else -d / a
    header = f"item,{'b' if column == 'b' else 'd'},a"
    lines = written(first, a, header, pattern).splitlines()
    cells = lines[3].split(",")
    place = 2 if column == "a" else 1
    right, cells[place] = cells[place], change(cells[place])
    lines[3] = ",".join(cells)
    result = judged(lsat, tmp_path, "\n".join(lines) + "\n")
    assert result.verdict is Verdict.ANOTHER_MODEL
    assert f"all numbers but {column}[item3] are those of the maximum" in result.sentence
    assert f"where {float(right):.{3 if pattern == '%.3f' else 8}f} is expected" in result.sentence
    assert slip in result.sentence


@pytest.mark.parametrize(
    ("text", "expected", "slip"),
    [
        ("1.370", -1.37, "the sign is lost"),
        ("-0.25", 0.25, "a sign too many"),
        ("689", 0.689, "the decimal point is lost"),
        ("0.0689", 0.689, "the decimal point is 1 place too far to the left"),
        ("2.303055", 2.0330546, "the digits 3 and 0 are swapped"),
        ("-1.730", -1.370, "the digits 7 and 3 are swapped"),
        ("0.8250", 0.8256, "0 for the digit 6"),
        ("0.3", 0.9, "3 for the digit 9"),
        ("0.123", 0.987, None),
    ],
)
def test_slips_of_the_pen(text: str, expected: float, slip: str | None) -> None:
    assert slip_of_the_pen(text, expected, 1e-6) == slip


def test_one_wrong_number_beside_a_coarse_stop(lsat: Any, tmp_path: Path) -> None:
    b, a = np.array(LTM).T
    b = b.copy()
    b[3] *= -1
    sentence = judged(lsat, tmp_path, written(b, a, "item,b,a")).sentence
    assert "all numbers but b[item4] are those of the maximum to within 0.00" in sentence
    assert "1.8659 where -1.8664" in sentence
    assert sentence.endswith("is expected (the sign is lost).")


def test_one_wrong_number_in_the_normal_metric(lsat: Any, tmp_path: Path) -> None:
    d, a = maximum(equal(61, 6))
    b = -d / a
    b[1] *= 10
    sentence = judged(lsat, tmp_path, written(b, a / 1.702, "item,b,a", "%.3f")).sentence
    assert "read with the normal-ogive metric (slopes to be multiplied by 1.702), all numbers but b[item2]" in sentence


def test_two_wrong_numbers_are_no_single_slip(lsat: Any, tmp_path: Path) -> None:
    d, a = maximum(equal(61, 6))
    d[1], a[3] = -d[1], 3 * a[3]
    assert "all numbers but" not in judged(lsat, tmp_path, written(d, a)).sentence


def test_significant_digits() -> None:
    assert [significant(text) for text in ("0.825", "-3.3597", "12", "1.20e-3", "0.0010")] == [3, 5, 2, 3, 2]
