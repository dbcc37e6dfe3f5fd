"""Verdicts on latent classes, mixtures of normals and Bayesian networks: certified points are what they are."""

import csv
import json
import re
from functools import cache
from importlib import resources
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from click.testing import CliRunner

from comparisons import load_problem, read_case
from comparisons.adjudicate import forms, verdict
from comparisons.adjudicate.adjudication import Adjudication, adjudicate
from comparisons.adjudicate.distance import Neighbourhood
from comparisons.adjudicate.estimates import returned
from comparisons.adjudicate.finding import Verdict
from comparisons.adjudicate.known_optima import KnownOptima, known_optima
from comparisons.case import Case, Natural
from comparisons.commands.main import main
from comparisons.compiled import Compiled
from comparisons.parameters import reordered
from comparisons.reading.tables import Table, read_table

CATALOGUE = Path(str(resources.files("comparisons.catalogue")))
REPORTS = Path(__file__).resolve().parents[3] / "reports"
FAST = ("arrow", "carcinoma-2", "faithful-waiting", "stouffer-toby")
SLOW = (
    "arrow-prior",
    "faithful",
    "hidden-cause",
    "hasselblad",
    "genetic-linkage",
    "murray",
    "faithful-waiting-free",
    "carcinoma-3",
)
SMALL = [[[1e-3, 0.0], [0.0, 1e-3]]]
BEST = ("best", "ridge", "boundary")
COMPONENTS = ("class", "component")
DATA = {"stouffer-toby": "stouffer-toby.csv", "faithful-waiting": "faithful.csv", "arrow": "arrow.csv"}


@cache
def bench(name: str) -> tuple[Case, KnownOptima]:
    case = load_problem(name)
    return case, known_optima(case, 3 if name in FAST else 20, 0)


def judged(name: str, path: Path, **options: Any) -> Adjudication:
    case, known = bench(name)
    estimates = forms.read(path, Table("", (), [], []), case, options)
    return adjudicate(case, estimates, options=options, known=known)


def written(case: Case, natural: Natural, path: Path, digits: int) -> Path:
    with path.open("w", newline="") as stream:
        rows = zip(case.parameter_names(), case.flat(natural), strict=True)
        csv.writer(stream).writerows([("parameter", "estimate"), *((n, f"{v:.{digits}f}") for n, v in rows)])
    return path


def other_labels(case: Case, natural: Natural) -> Natural:
    """The same point with components, or the states of what is never seen, in the opposite order."""
    axis = "Y" if "Y" in case.by_name else next((a.name for a in case.axes if a.name in COMPONENTS), None)
    if axis is None:
        return natural
    places = {parameter.name: parameter.along(axis) for parameter in case.parameters if parameter.along(axis)}
    length = next(len(a) for a in case.axes if a.name == axis)
    return reordered(natural, places, list(range(length))[::-1])


def certified_points_are_what_they_are(name: str, folder: Path, digits: int) -> None:
    case, _ = bench(name)
    for point in case.certified:
        natural = other_labels(case, point.natural)
        found = judged(name, written(case, natural, folder / "estimates.csv", digits))
        if point.kind in BEST:
            assert found.verdict == Verdict.AT_MAXIMUM, (point.kind, found.sentence)
            assert found.finding.within_rounding
        else:
            assert found.verdict == Verdict.ANOTHER_OPTIMUM, (point.kind, found.sentence)
            kind = {"local": "a local maximum", "saddle": "a saddle"}[point.kind]
            assert f": {kind} at {point.height:.6f}"[:-2] in found.sentence
        np.testing.assert_allclose(found.parameters["optimum"], case.flat(natural), atol=1e-6)


@pytest.mark.parametrize("digits", [pytest.param(12, marks=pytest.mark.slow), 3])
@pytest.mark.parametrize("name", FAST)
def test_certified_points(name: str, digits: int, tmp_path: Path) -> None:
    certified_points_are_what_they_are(name, tmp_path, digits)


@pytest.mark.slow
@pytest.mark.parametrize("digits", [12, 4])
@pytest.mark.parametrize("name", SLOW)
def test_more_certified_points(name: str, digits: int, tmp_path: Path) -> None:
    certified_points_are_what_they_are(name, tmp_path, digits)


def moved(name: str, errors: float, seed: int) -> Natural:
    """The maximum, moved by so many standard errors along a random direction in which the data tell anything."""
    case, known = bench(name)
    place = Neighbourhood(Compiled(case, known.objective), known.optima[0].point.natural)
    values, vectors = np.linalg.eigh(place.information)
    step = np.random.default_rng(seed).normal(size=len(values))
    inner = np.abs(place.x[place.movable]) < 10
    along = np.where(values > 1e-6 * values.max(), step / np.sqrt(np.abs(values)), 0.0)
    x = place.x.copy()
    x[np.flatnonzero(place.movable)] += np.where(inner, errors * (vectors @ along) / np.linalg.norm(step), 0.0)
    natural = known.objective.natural(x)
    return {key: natural[key] for key in case.labels}


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", FAST)
def test_half_a_standard_error_away_is_not_at_the_maximum(name: str, seed: int, tmp_path: Path) -> None:
    case, _ = bench(name)
    path = written(case, other_labels(case, moved(name, 0.5, seed)), tmp_path / "estimates.csv", 14)
    found = judged(name, path)
    assert found.verdict in (Verdict.ANOTHER_MODEL, Verdict.STOPPED_EARLY), found.sentence
    assert found.distance == pytest.approx(0.5, abs=0.2)
    assert found.mahalanobis == pytest.approx(0.5, abs=0.2)


def test_a_twentieth_of_a_standard_error_is_near_enough(tmp_path: Path) -> None:
    case, _ = bench("stouffer-toby")
    found = judged("stouffer-toby", written(case, moved("stouffer-toby", 0.05, 0), tmp_path / "estimates.csv", 8))
    assert found.verdict == Verdict.PRACTICALLY_AT_MAXIMUM


def test_groups_are_classes_components_and_variables(tmp_path: Path) -> None:
    expected = {
        "carcinoma-2": ("class", ["class1", "class2"]),
        "faithful-waiting": ("component", ["component1", "component2", "variance"]),
        "arrow": ("variable", ["A", "B"]),
    }
    for name, (what, labels) in expected.items():
        case, _ = bench(name)
        found = judged(name, written(case, case.certified[0].natural, tmp_path / "estimates.csv", 6))
        assert found.groups[what].tolist() == labels
        assert found.parameters["parameter"].tolist() == case.parameter_names()
        assert found.groups["digits"].min() == found.parameters["digits"].min()


def test_probabilities_of_the_first_category_are_recognised(tmp_path: Path) -> None:
    case, _ = bench("stouffer-toby")
    best = case.certified[0].natural
    path = written(case, best | {"probability": 1 - best["probability"]}, tmp_path / "estimates.csv", 5)
    found = judged("stouffer-toby", path)
    assert found.verdict == Verdict.ANOTHER_PARAMETRISATION
    assert "probabilities of the first category instead of the second; after conversion" in found.sentence
    assert found.distance < 1e-3


# --- another optimum ---


def test_a_point_above_a_saddle_is_away_from_it() -> None:
    case, known = bench("stouffer-toby")
    best, saddle = case.certified
    place = Neighbourhood(Compiled(case, known.objective), saddle.natural)
    assert place.likelihood_distance(best.natural) == pytest.approx(np.sqrt(2 * (best.height - saddle.height)))


def test_of_other_optima_the_one_within_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"far": SimpleNamespace(within_rounding=False), "near": SimpleNamespace(within_rounding=True), "no": None}
    monkeypatch.setattr(verdict, "_at", lambda _, __, optimum, *___: found[optimum.name])
    optima = [SimpleNamespace(name=name, kind="local") for name in ("best", "no", "far", "near")]
    comparison: Any = SimpleNamespace(optima=optima, nearest=lambda _: None)
    assert verdict._at_another(comparison, cast(Any, None), {}) is found["near"]


# --- two maxima of one height ---


@pytest.mark.slow
@pytest.mark.parametrize("digits", [12, 4])
def test_either_of_two_maxima_of_one_height_is_the_maximum(digits: int, tmp_path: Path) -> None:
    case, known = bench("murray")
    assert [str(optimum.kind) for optimum in known.optima] == ["best", "best"]
    for optimum in known.optima:
        found = judged("murray", written(case, optimum.point.natural, tmp_path / "estimates.csv", digits))
        assert found.verdict == Verdict.AT_MAXIMUM
        assert found.finding.within_rounding
        assert found.belongs_to == 0


# --- units ---


def waiting_in(unit: float, folder: Path) -> tuple[Case, KnownOptima]:
    table = read_table(CATALOGUE / "faithful.csv")
    waiting = [float(row[table.column("waiting")]) * unit for row in table.cells]
    (folder / "waiting.csv").write_text("waiting\n" + "".join(f"{value!r}\n" for value in waiting))
    case = read_case("gaussian-mixture", folder / "waiting.csv", components=2, covariance="tied")
    return case, known_optima(case, 3, 0)


def adjudicated(where: tuple[Case, KnownOptima], natural: Natural, path: Path, digits: int) -> Adjudication:
    """Of numbers with so many significant digits."""
    case, known = where
    rows = zip(case.parameter_names(), case.flat(natural), strict=True)
    path.write_text("parameter,estimate\n" + "".join(f"{name},{value:.{digits - 1}e}\n" for name, value in rows))
    return adjudicate(case, forms.read(path, Table("", (), [], []), case, {}), known=known)


@pytest.mark.parametrize("unit", [1e-9, pytest.param(1e6, marks=pytest.mark.slow)])
def test_verdicts_do_not_depend_on_units(unit: float, tmp_path: Path) -> None:
    here, verdicts = waiting_in(unit, tmp_path), []
    for errors, digits in ((0.0, 16), (1e-5, 16), (0.02, 4), (0.02, 16), (0.5, 16)):
        natural = moved("faithful-waiting", errors, 1)
        scaled = natural | {"mean": natural["mean"] * unit, "variance": natural["variance"] * unit**2}
        found = adjudicated(here, scaled, tmp_path / "here.csv", digits)
        usual = adjudicated(bench("faithful-waiting"), natural, tmp_path / "there.csv", digits)
        assert found.verdict == usual.verdict
        for table, other in ((found.parameters, usual.parameters), (found.groups, usual.groups)):
            np.testing.assert_allclose(table["in_se"], other["in_se"], rtol=1e-2, atol=1e-5)
        if errors:
            assert (found.parameters["outside"] > 0).tolist() == (usual.parameters["outside"] > 0).tolist()
        if found.finding.allowance is not None and usual.finding.allowance is not None:
            assert found.finding.allowance.change == pytest.approx(usual.finding.allowance.change, rel=1e-2)
        verdicts.append(found.verdict)
    assert verdicts[:2] == [Verdict.AT_MAXIMUM, Verdict.AT_MAXIMUM]
    assert verdicts[2:4] == [Verdict.PRACTICALLY_AT_MAXIMUM, Verdict.PRACTICALLY_AT_MAXIMUM]
    assert verdicts[4] in (Verdict.ANOTHER_MODEL, Verdict.STOPPED_EARLY)


def test_what_the_data_leave_open_is_so_in_any_unit(tmp_path: Path) -> None:
    case, known = waiting_in(1e-9, tmp_path)
    place = Neighbourhood(Compiled(case, known.objective), known.optima[0].point.natural)
    open_everywhere = np.zeros((len(place.x), len(place.x))), np.eye(len(place.x))
    place.__dict__["covariance"] = open_everywhere
    estimates = returned(case, known.optima[0].point.natural, "a program")
    assert np.isinf(place.standard_errors(forms.form_of("gaussian-mixture").reading(estimates, {}))).all()


# --- data that are impossible under the estimates ---


def shown(*arguments: Any) -> Any:
    return CliRunner().invoke(main, ["adjudicate", *map(str, arguments), "--starts", "3"])


ARROW = CATALOGUE / "arrow.csv"


@pytest.mark.parametrize(
    ("certain", "options"),
    [
        (("0", "1"), []),
        pytest.param(("0.0", "1.0"), [], marks=pytest.mark.slow),
        pytest.param(("0.000", "1.000"), ["--prior", "2"], marks=pytest.mark.slow),
    ],
)
def test_a_network_under_which_the_data_are_impossible(
    certain: tuple[str, str], options: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "sure.csv"
    rows = [f"A[A=0],{certain[0]}", f"A[A=1],{certain[1]}", '"B[A=0, B=0]",0.5', '"B[A=1, B=0]",0.5']
    path.write_text("parameter,estimate\n" + "\n".join(rows) + "\n")
    out = tmp_path / "out"
    result = shown("bayes-net", ARROW, path, "--network", "A->B", *options, "--out", out)
    assert result.exit_code == 1, result.output
    first, _, rest = result.stdout.partition("\n")
    assert first == "Impossible: under these estimates the data have probability 0, as A[A=0] is 0."
    assert "at the estimates  minus infinity" in rest
    assert re.search(r"^deficit +infinite$", rest, re.MULTILINE)
    summary = json.loads((out / "adjudication.json").read_text())
    assert summary["verdict"] == "impossible"
    assert summary["log_likelihood"] is None


def test_a_zero_that_the_data_do_not_contradict_is_no_matter(tmp_path: Path) -> None:
    """P(B=1 | A=1) is 1 at the maximum."""
    case, _ = bench("arrow")
    found = judged("arrow", written(case, case.certified[0].natural, tmp_path / "estimates.csv", 3))
    assert found.impossible is None
    assert found.verdict == Verdict.AT_MAXIMUM


def test_a_zero_within_the_rounding_of_the_maximum(tmp_path: Path) -> None:
    """0.0 for 0.017: the numbers as they stand are impossible, and they are the maximum to one decimal."""
    case, _ = bench("carcinoma-2")
    best = case.certified[0].natural
    assert (np.abs(best["probability"] - 0.983) < 0.001).any()
    found = judged("carcinoma-2", written(case, best, tmp_path / "estimates.csv", 1))
    assert found.verdict == Verdict.AT_MAXIMUM
    assert found.impossible is not None
    assert found.log_likelihood == -np.inf


@pytest.mark.slow
def test_a_zero_that_is_not_in_the_way_is_not_named(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("A,B\n0,1\n0,1\n1,1\n0,0\n")
    (tmp_path / "given.json").write_text('{"A": [1, 0], "B": [[0.25, 0.75], [0, 1]]}')
    result = shown("bayes-net", tmp_path / "one.csv", tmp_path / "given.json", "--network", "A->B")
    assert result.stdout.startswith("Impossible: under these estimates the data have probability 0, as A[A=1] is 0.")


def test_coins_that_never_show_heads(tmp_path: Path) -> None:
    (tmp_path / "heads.csv").write_text("heads\n5\n9\n8\n4\n7\n")
    (tmp_path / "never.csv").write_text("weight,bias\n0.5,0\n0.5,0\n")
    result = shown("coin-mixture", tmp_path / "heads.csv", tmp_path / "never.csv", "--coins", 2, "--flips", 10)
    assert result.exit_code == 1
    assert result.stdout.startswith("Impossible: under these estimates the data have probability 0, as bias[coin1], ")


def test_a_prior_that_rules_them_out(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("A,B\n0,1\n0,1\n1,1\n0,0\n")
    (tmp_path / "given.json").write_text('{"A": [0.75, 0.25], "B": [[0.25, 0.75], [0, 1]]}')
    result = shown("bayes-net", tmp_path / "one.csv", tmp_path / "given.json", "--network", "A->B", "--prior", 2)
    assert result.exit_code == 1
    assert result.stdout.startswith("Impossible: under these estimates the prior density is 0, as B[A=1, B=0] is 0.")


# --- from end to end ---


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        pytest.param("stouffer-toby", ["latent-classes", "--classes", 2], marks=pytest.mark.slow),
        pytest.param(
            "faithful-waiting",
            ["gaussian-mixture", "--components", 2, "--covariance", "tied", "--variables", "waiting"],
            marks=pytest.mark.slow,
        ),
        ("arrow", ["bayes-net", "--network", "A->B"]),
    ],
)
def test_the_estimates_of_a_report(name: str, arguments: list[Any]) -> None:
    result = shown(arguments[0], CATALOGUE / DATA[name], REPORTS / name / "estimates.csv", *arguments[1:])
    assert result.exit_code == 0, result.output
    # Nothing is said of standard errors, which a probability at 1 does not have.
    where = " (boundary)" if name == "arrow" else ""
    assert result.stdout.startswith(f"At the maximum{where}, to the digits given (8 decimals).\n")
    assert "note: column em is read" in result.stdout


def test_bad_estimates_are_one_line_and_status_2(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("parameter,estimate\nA[A=0],0.5\n")
    result = shown("bayes-net", ARROW, tmp_path / "bad.csv", "--network", "A->B")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert "no number for B[A=0, B=0]" in result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("covariance", ["full", "tied", "diag", "spherical"])
def test_what_scikit_learn_holds(covariance: str, tmp_path: Path) -> None:
    mixture = pytest.importorskip("sklearn.mixture")
    table = read_table(CATALOGUE / "faithful.csv")
    values = np.array([[float(row[table.column(name)]) for name in ("eruptions", "waiting")] for row in table.cells])
    settings = {"covariance_type": covariance, "random_state": 1, "n_init": 5, "max_iter": 10000}
    for exact, said in (({"tol": 1e-13, "reg_covar": 0.0}, "At the maximum"), ({}, "At the maximum")):
        fit = mixture.GaussianMixture(2, **settings, **exact).fit(values)
        held = {name: np.asarray(value).tolist() for name, value in vars(fit).items() if name.endswith("_")}
        (tmp_path / "fit.json").write_text(json.dumps(held))
        options = ("--components", 2, "--covariance", covariance, "--variables", "eruptions,waiting")
        result = shown("gaussian-mixture", CATALOGUE / "faithful.csv", tmp_path / "fit.json", *options)
        assert result.exit_code == 0, result.output
        assert result.stdout.startswith(said)


@pytest.mark.slow
def test_a_matrix_that_one_number_put_right_makes_indefinite(tmp_path: Path) -> None:
    """It is not tried: that number is not the only one that is wrong."""
    rows = ((0, 1), (1, 3), (2, 2), (5, 9), (6, 5), (7, 8), (8, 6), (3, 3))
    (tmp_path / "points.csv").write_text("x,y\n" + "".join(f"{x},{y}\n" for x, y in rows))
    mean = np.mean(rows, axis=0).tolist()
    (tmp_path / "given.json").write_text(json.dumps({"weights_": [1.0], "means_": [mean], "covariances_": SMALL}))
    case = read_case("gaussian-mixture", tmp_path / "points.csv", components=1)
    known = known_optima(case, 2, 0)
    estimates = forms.read(tmp_path / "given.json", Table("", (), [], []), case, {})
    found = adjudicate(case, estimates, known=known)
    assert found.verdict == Verdict.ANOTHER_MODEL
    assert estimates.notes == ("not used: weights_",)
    indefinite = known.optima[0].point.natural | {"covariance": np.array([[[1.0, 2.0], [2.0, 1.0]]])}
    place = Neighbourhood(Compiled(case, known.objective), known.optima[0].point.natural)
    assert place.likelihood_distance(indefinite) == np.inf
    # Numbers that are wholly open to rounding may be anything.
    reading = forms.form_of("gaussian-mixture").reading(estimates, {})
    assert place.smallest_change(reading, case.flat(indefinite), np.full(5, 1e-3)) is None
