"""The family of normal mixtures: laws, collapses, floors and priors, what is refused, what is shown."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from comparisons import catalogue, check_family, crosscheck
from comparisons.case import Case, stack
from comparisons.commands.main import main
from comparisons.families import gaussian_mixture
from comparisons.families.gaussian_mixture import bind
from comparisons.report.planes import clouds, paths

RNG = np.random.default_rng(11)
PLACE = np.arange(30) % 2
PAIRS = RNG.normal(size=(30, 2)) + np.array([[0.0, 0.0], [4.0, 2.0]])[PLACE]
GAPS = PAIRS.copy()
GAPS[::5, 0] = GAPS[2::7, 1] = np.nan
VALUES = np.array([-1.4, -0.9, -0.9, -0.6, -0.3, 0.0, 0.2, 0.7, 1.1, 1.9, 2.4, 2.6, 2.8, 3.0, 3.3, 3.9])
SLOW = pytest.mark.slow
CASES: dict[str, Case] = {
    "tied, one variable": bind("tied", VALUES, 2, "tied"),
    "a floor": bind("floor", VALUES, 2, floor=0.1),
    "spherical": bind("spherical", PAIRS, 2, "spherical"),
    "one component": bind("one", PAIRS, 1),
    "diag, missing": bind("gaps", GAPS, 2, "diag"),
    "diag, a prior": bind("prior", PAIRS, 2, "diag", covariance_prior=(4.0, 0.3), weight_prior=2.0),
    "full, missing": bind("gaps", GAPS, 2),
    "tied, missing": bind("gaps", GAPS, 2, "tied"),
    "full, missing, priors": bind("prior", GAPS, 2, covariance_prior=(4.0, 0.3), weight_prior=2.0),
    "tied, a prior": bind("prior", PAIRS, 2, "tied", covariance_prior=(4.0, 0.3)),
}
QUICK = ("tied, one variable", "a floor", "spherical")


@pytest.mark.parametrize("what", [pytest.param(what, marks=() if what in QUICK else SLOW) for what in CASES])
def test_the_laws_hold_with_every_option(what: str) -> None:
    table = check_family(gaussian_mixture, CASES[what])
    assert table["holds"].all(), table[~table["holds"]].to_string()


@pytest.fixture(scope="module")
def collapsing() -> Any:
    starts = [
        {"weight": np.array([0.5, 0.5]), "mean": np.array([0.0, 3.0]), "variance": np.array([1.0, 1.0])},
        {"weight": np.array([0.2, 0.8]), "mean": np.array([-0.9, 1.4]), "variance": np.array([0.0025, 2.0])},
        {"weight": np.array([0.9, 0.1]), "mean": np.array([1.0, 3.9]), "variance": np.array([2.0, 0.0025])},
    ]
    return crosscheck(bind("collapse", VALUES, 2), starts=stack(starts))


def test_a_component_on_a_point_is_no_estimate(collapsing: Any) -> None:
    assert [str(optimum.kind) for optimum in collapsing.optima] == ["best", "degenerate"]
    assert list(collapsing.em.status) == ["converged", "not finite", "not finite"]
    assert str(collapsing.verdict) == "agree"
    assert collapsing.ends.em_log_likelihood == pytest.approx(-27.5071609, abs=1e-6)
    message = {flag.code: flag.message for flag in collapsing.flags}["degenerate"]
    assert "2 of 3 EM starts and 2 of 3 PyMC starts lead there" in message
    assert "lower bound" in message
    assert "prior" in message


def test_a_floor_and_a_prior_take_the_collapse_away(collapsing: Any) -> None:
    for case in (CASES["a floor"], bind("prior", VALUES, 2, covariance_prior=(3.0, 0.5))):
        result = crosscheck(
            case, starts=collapsing.starts | {"variance": np.maximum(collapsing.starts["variance"], 0.2)}
        )
        assert "degenerate" not in {str(optimum.kind) for optimum in result.optima}
        assert str(result.verdict) == "agree"
        assert set(result.em.status) == {"converged"}


@SLOW
def test_a_component_on_a_line_is_no_estimate() -> None:
    """In the plane two rows are enough: with full covariances a component lies on the line through them."""
    case = bind("line", PAIRS, 2)
    one, other = PAIRS[3], PAIRS[8]
    along = np.outer(other - one, other - one) / 4 + 1e-8 * np.eye(2)
    start = {
        "weight": np.array([0.07, 0.93]),
        "mean": np.array([(one + other) / 2, PAIRS.mean(axis=0)]),
        "covariance": np.array([along, np.cov(PAIRS.T)]),
    }
    regular = {
        "weight": np.array([0.5, 0.5]),
        "mean": np.array([[0.0, 0.0], [4.0, 2.0]]),
        "covariance": np.array([np.eye(2), np.eye(2)]),
    }
    result = crosscheck(case, starts=stack([regular, start]))
    assert [str(row) for row in result.starts_table()["em_kind"]] == ["best", "degenerate"]
    assert str(result.verdict) == "agree"


@SLOW
def test_centimetres_and_metres_give_the_same_kinds() -> None:
    found = []
    for scale in (1e-6, 1e6):
        result = crosscheck(bind("units", PAIRS * np.array([scale, 1 / scale]), 2), 8)
        found.append(([str(o.kind) for o in result.optima], str(result.verdict), result.em.status.tolist()))
    assert found[0] == found[1]
    assert found[0][1] == "agree"


def test_components_on_top_of_one_another_are_a_saddle() -> None:
    """Both means at the mean of the data: flat to third order, and the likelihood rises as they part."""
    case = catalogue.load("faithful-waiting")
    spread = case.em.spread
    equal = {
        "weight": np.array([0.85, 0.15]),
        "mean": spread.mean[[0, 0]] + np.array([0.0, 1e-5]),
        "variance": spread.variance,
    }
    result = crosscheck(case, starts=stack([case.start, equal]))
    assert [str(optimum.kind) for optimum in result.optima] == ["best", "saddle"]


def written(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("x\n1\n1\n1\n", "2", "column 'x': expected at least two different numbers"),
        ("x,y\n1,\n2,\n", "1", "column 'y': holds no number"),
        ("x\n5\n", "1", "column 'x': expected at least two different numbers"),
        ("x\n1\n2\n", "3", "--components 3: expected at most 2"),
        ("x\n1\nb\n", "1", "row 3, column 'x': 'b' is not a number"),
        ("x,y\n1,2\n2,4\n3,6\n", "1", "one of x, y follows from the others"),
        ("x,y\n1,2\n2,5\n4,6\n", "2 --floor 0.1", "--floor: not with covariance matrices"),
        ("x\n1\n2\n4\n", "2 --floor 9", "--floor 9: expected less than 1.55556, the variance of 'x'"),
        ("x\n1\n2\n4\n", "2 --floor 0.1 --covariance-prior 3,1", "expected one of the two"),
        ("x,y\n1,2\n2,5\n4,6\n", "2 --covariance-prior 1,1", "DF above 1"),
        ("x\n1\n2\n4\n", "2 --covariance-prior one", "expected 'DF,SCALE'"),
        ("x\n1\n2\n4\n", "2 --covariance round", "round"),
        ("x\n1\n2\n4\n", "2 --variables z", "no column 'z'"),
        ("frequency\n1\n2\n", "1", "0 columns of values"),
    ],
)
def test_what_has_no_estimate_is_refused_in_one_line(tmp_path: Path, text: str, options: str, message: str) -> None:
    data = written(tmp_path / "data.csv", text)
    arguments = ["compare", "gaussian-mixture", data, "--components", *options.split(), "--out", str(tmp_path / "out")]
    outcome = CliRunner().invoke(main, arguments)
    assert outcome.exit_code == 2
    assert message in " ".join(outcome.output.replace("│", " ").split())


def test_the_command_writes_responsibilities_of_every_row(tmp_path: Path) -> None:
    rows = "\n".join(f"{value},{2 * place - value}" for value, place in zip(VALUES, np.arange(16) % 3, strict=True))
    data = written(tmp_path / "data.csv", f"x,y\n,\n{rows}\n")
    arguments = ["compare", "gaussian-mixture", data, "--components", "2", "--variables", "x", "--covariance", "tied"]
    arguments += ["--responsibilities", "--starts", "3", "--out", str(tmp_path / "out")]
    outcome = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.output
    assert "empty_rows" in outcome.output
    table = (tmp_path / "out" / "data-gaussian-mixture" / "responsibilities.csv").read_text().splitlines()
    assert table[0] == "row,x,component,component1,component2"
    assert len(table) == 18
    assert table[1] == "1,,,,"
    last = table[-1].split(",")
    assert last[0] == "17"
    assert sum(float(cell) for cell in last[3:]) == pytest.approx(1, abs=1e-9)


@pytest.fixture(scope="module")
def waiting() -> Any:
    return crosscheck(catalogue.load("faithful-waiting"), 3)


def test_paths_of_two_starts_are_drawn(waiting: Any) -> None:
    picture = paths(waiting)
    assert picture is not None
    assert waiting.second_path is not None
    assert "the documented start and from start 1 over mean[component1] and mean[component2]" in picture.caption
    assert clouds(waiting) is None
    curves = waiting.case.curves(waiting.ends.em)
    area = np.trapezoid(curves.observed, curves.x)
    assert area == pytest.approx(1, abs=0.02)
    np.testing.assert_allclose(curves.lines["component1"] + curves.lines["component2"], curves.lines["mixture"])


def test_rows_and_outlines() -> None:
    case = CASES["full, missing"]
    natural = case.draw_start(np.random.default_rng(0))
    drawn = case.clouds(natural)
    assert len(drawn.points) == (~np.isnan(GAPS).any(axis=1)).sum()
    np.testing.assert_allclose(drawn.shares.sum(axis=1), 1)
    for outline, mean, matrix in zip(drawn.outlines.values(), natural["mean"], natural["covariance"], strict=True):
        apart = outline - mean
        distance = np.einsum("cpi,ij,cpj->cp", apart, np.linalg.inv(matrix), apart)
        np.testing.assert_allclose(distance, np.array([[1.0], [4.0]]) * np.ones_like(distance), rtol=1e-10)


def test_standard_deviations_and_correlations_follow() -> None:
    case = CASES["full, missing"]
    natural = case.draw_start(np.random.default_rng(0))
    derived = case.derive(natural)
    matrix = natural["covariance"][1]
    assert derived["sd[component2, x1]"][0] == pytest.approx(np.sqrt(matrix[0, 0]))
    correlation = matrix[0, 1] / np.sqrt(matrix[0, 0] * matrix[1, 1])
    assert derived["correlation[component2, x1, x2]"][0] == pytest.approx(correlation)
    assert list(CASES["tied, one variable"].derive({"variance": np.array([4.0])})) == ["sd"]
