"""Certificates: verified at 50 digits, seen to fail when a digit changes, and reached by EM and PyMC."""

import copy
import json
import math
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import mpmath as mp
import numpy as np
import pytest
from click.testing import CliRunner

from comparisons import catalogue, crosscheck
from comparisons.certify import certificates
from comparisons.certify import digits as certify
from comparisons.certify.certificates.problem import height, log_likelihood, read
from comparisons.commands.main import main
from comparisons.errors import InputError

POINTS = certificates.points()
# One evaluation of these takes seconds at 50 digits.
LONG = (
    "carcinoma-2",
    "carcinoma-3",
    "carcinoma-4",
    "faithful",
    "hidden-cause",
    "lsat6",
    "lsat6-61",
    "lsat6-common-slope",
)
SHORT = sorted(set(POINTS) - set(LONG))


def test_every_problem_of_the_issue_is_certified() -> None:
    assert certify.certified_problems() == sorted(POINTS)
    kinds = {name: [point.kind for point in catalogue.load(name).certified] for name in POINTS}
    assert kinds == {
        "arrow": ["boundary"],
        "arrow-prior": ["best"],
        "carcinoma-2": ["boundary", "saddle"],
        "carcinoma-3": ["boundary"],
        "carcinoma-4": ["boundary"] * 8,
        "coins": ["ridge"],
        "faithful": ["best", "saddle"],
        "faithful-waiting": ["best", "saddle"],
        "faithful-waiting-free": ["best", "saddle"],
        "genetic-linkage": ["best"],
        "hasselblad": ["best", "saddle"],
        "hidden-cause": ["best", "local", "saddle", "local", "saddle", "saddle", "saddle"],
        "lsat6": ["best", "saddle", "saddle"],
        "lsat6-61": ["best", "saddle", "saddle"],
        "lsat6-common-slope": ["best", "saddle"],
        "murray": ["best", "best", "saddle"],
        "stouffer-toby": ["best", "saddle"],
        "two-coins": ["best", "saddle"],
        "two-coins-equal": ["best", "saddle", "saddle"],
    }


@pytest.mark.parametrize("name", sorted(POINTS))
def test_certificates_hold(name: str) -> None:
    assert certificates.faults(name, certificates.stated(name)) == []


@pytest.mark.parametrize("name", [*SHORT, *(pytest.param(name, marks=pytest.mark.slow) for name in LONG)])
def test_the_script_gives_the_same_again(name: str) -> None:
    assert certificates.certificates(name) == certificates.stated(name)


@pytest.mark.parametrize(("name", "published"), [("carcinoma-3", [-293.705]), ("carcinoma-4", [-289.2858, -289.789])])
def test_certified_maxima_of_more_classes_are_the_published_ones(name: str, published: list[float]) -> None:
    """Agresti (2002), section 13.1; with four classes the highest is not the one that is found most often."""
    heights = [float(point.log_likelihood) for point in catalogue.load(name).certified]
    assert heights[: len(published)] == pytest.approx(published, abs=5e-4)
    assert heights == sorted(heights, reverse=True)


def last_digit_changed(text: str) -> str:
    return text[:-1] + str((int(text[-1]) + 1) % 10)


@pytest.mark.parametrize("name", SHORT)
def test_any_number_changed_in_its_last_digit_is_found(name: str) -> None:
    tables = certificates.stated(name)
    for i, table in enumerate(tables):
        wrong = copy.deepcopy(tables)
        wrong[i]["log_likelihood"] = last_digit_changed(table["log_likelihood"])
        assert certificates.faults(name, wrong)
        for key, row in table["parameters"].items():
            for place, value in enumerate(row):
                wrong = copy.deepcopy(tables)
                wrong[i]["parameters"][key][place] = last_digit_changed(value)
                # Where a parameter is arbitrary, that the script gives another number is the fault.
                assert certificates.faults(name, wrong) or wrong != certificates.certificates(name)


@pytest.mark.parametrize("name", ["lsat6", pytest.param("lsat6-61", marks=pytest.mark.slow)])
def test_a_wrong_digit_of_lsat6_is_found(name: str) -> None:
    tables = certificates.stated(name)[:1]
    for key in ("d", "a"):
        wrong = copy.deepcopy(tables)
        wrong[0]["parameters"][key][2] = last_digit_changed(tables[0]["parameters"][key][2])
        assert [fault for fault in certificates.faults(name, wrong) if f"moves {key}" in fault]


@pytest.mark.parametrize(
    ("name", "point", "kind", "fault"),
    [
        ("two-coins", 1, "local", "no maximum"),
        ("two-coins", 0, "saddle", "no saddle"),
        ("two-coins", 0, "local", "does not fit its log-likelihood"),
        ("two-coins", 0, "ridge", "only a ridge"),
        ("coins", 0, "best", "only a ridge"),
        ("murray", 2, "best", "no maximum"),
    ],
)
def test_a_wrong_kind_is_found(name: str, point: int, kind: str, fault: str) -> None:
    tables = certificates.stated(name)
    tables[point]["kind"] = kind
    assert any(fault in found for found in certificates.faults(name, tables))


def test_what_is_identified_cannot_be_called_open() -> None:
    tables = certificates.stated("two-coins")
    tables[0]["not_identified"] = ["weight"]
    assert any("weight is identified" in fault for fault in certificates.faults("two-coins", tables))


def test_derivatives_of_the_likelihoods_are_those_of_mpmath() -> None:
    """The jets against mpmath's numerical differentiation, away from any stationary point."""
    with mp.workdps(50):
        for name, at in {
            "hasselblad": {"weight": ["0.3", "0.7"], "rate": ["1.1", "2.9"]},
            "murray": {"variance": ["1.7", "2.2"], "correlation": ["0.3"]},
            "two-coins": {"weight": ["0.4", "0.6"], "bias": ["0.7", "0.45"]},
        }.items():
            problem = read(name)
            point = {key: [mp.mpf(value) for value in row] for key, row in at.items()}
            gradient, hessian = log_likelihood(problem, point).dense(3)

            def along(*x: mp.mpf, problem=problem, point=point) -> mp.mpf:
                first, second = point
                free = [x[0], 1 - x[0], *x[1:]] if first == "weight" else x
                return height(problem, {first: free[:2], second: free[2:]})

            one, two = point.values()
            flat = [*(one[:1] if "weight" in point else one), *two]
            for i in range(3):
                order = [int(k == i) for k in range(3)]
                assert abs(mp.diff(along, flat, tuple(order)) - gradient[i]) < 1e-15
                for j in range(3):
                    twice = tuple(order[k] + int(k == j) for k in range(3))
                    assert abs(mp.diff(along, flat, twice) - hessian[i, j]) < 1e-10


def negative(values: list[Fraction], halvings: int = 8) -> bool:
    """Whether a polynomial is negative, by its Bernstein coefficients, which enclose it; else by its two halves."""
    if max(values) < 0:
        return True
    if halvings == 0 or values[0] >= 0 or values[-1] >= 0:
        return False
    left, right = [], []
    while values:
        left.append(values[0])
        right.append(values[-1])
        values = [(one + other) / 2 for one, other in pairwise(values)]
    return negative(left, halvings - 1) and negative(right[::-1], halvings - 1)


def bernstein(coefficients: list[Fraction]) -> list[Fraction]:
    """Bernstein coefficients of a polynomial on [0, 1]."""
    n = len(coefficients) - 1
    return [
        sum(Fraction(math.comb(i, k), math.comb(n, k)) * coefficients[k] for k in range(i + 1)) for i in range(n + 1)
    ]


def test_no_mixture_beats_the_worked_coins() -> None:
    """Lindsay's D(phi) is (phi - share)^2 times a polynomial that is negative on [0, 1], in exact fractions."""
    heads, n, share = read("coins").numbers("heads"), 10, Fraction(83, 200)
    total = [Fraction(-len(heads)), *[Fraction(0)] * n]
    for x in heads:
        scale = 1 / (share**x * (1 - share) ** (n - x))
        for k in range(n - x + 1):
            total[x + k] += scale * math.comb(n - x, k) * (-1) ** k
    for _ in range(2):
        quotient = [Fraction(0)]
        for coefficient in total[::-1]:
            quotient.append(quotient[-1] * share + coefficient)
        assert quotient[-1] == 0
        total = quotient[1:-1][::-1]
    assert negative(bernstein(total))
    assert not negative(bernstein([value + 300 for value in total[:1]] + total[1:]))


def test_published_figures_are_those_certified() -> None:
    linkage = catalogue.load("genetic-linkage").certified[0]
    with mp.workdps(50):
        assert certificates.digits((15 + mp.sqrt(53809)) / 394) == linkage.parameters["theta"][0]
    best = catalogue.load("hasselblad").certified[0].natural
    assert best["weight"] == pytest.approx([0.3599, 0.6401], abs=5e-5)
    assert best["rate"] == pytest.approx([1.2561, 2.6634], abs=5e-5)
    best = catalogue.load("lsat6-61").certified[0]
    assert best.height == pytest.approx(-2466.6533775, abs=5e-8)
    assert best.natural["a"] == pytest.approx([0.825660, 0.722744, 0.890875, 0.688368, 0.656856], abs=6e-7)


# ---- EM and PyMC --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["coins", "genetic-linkage", "murray"])
def test_both_legs_reach_ten_digits(name: str) -> None:
    table = certify.certify([name], 4)
    assert certify.shortfalls(table) == []
    assert table[["em_starts", "pymc_starts"]].sum().tolist() == [4, 4]


@pytest.mark.slow
def test_both_legs_reach_ten_digits_everywhere() -> None:
    assert certify.shortfalls(certify.certify(n_starts=20, seed=1)) == []


def test_starts_that_end_at_saddles_which_are_not_listed_are_no_shortfall() -> None:
    """No start is documented: any may reach the best. Some of PyMC's end where a class has lost its weight."""
    table = certify.certify(["carcinoma-3"], 5)
    assert list(table["kind"]) == ["boundary", "other saddles"]
    assert list(table["em_starts"]) == [5, 0]
    assert table["pymc_starts"][1] > 0
    assert not table["em_documented"].any()
    assert certify.shortfalls(table) == []
    nowhere = table.assign(em_starts=[0, 5])
    assert certify.shortfalls(nowhere) == ["carcinoma-3: EM does not reach a certified best from any start"]


def test_an_em_stopped_early_falls_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certify, "TOLERANCE", 1e-7)
    lines = certify.shortfalls(certify.certify(["two-coins-equal"], 2))
    assert any(line.startswith("two-coins-equal, best: EM has") for line in lines)


def test_crosscheck_names_murrays_maxima_and_saddle() -> None:
    case = catalogue.load("murray")
    starts = {"variance": np.ones((3, 2)), "correlation": np.array([[0.3], [-0.3], [0.0]])}
    result = crosscheck(case, starts=starts)
    assert result.verdict == "agree"
    assert [str(optimum.kind) for optimum in result.optima] == ["best", "best", "saddle"]
    found = sorted(float(optimum.point.natural["correlation"][0]) for optimum in result.optima)
    assert found == pytest.approx([-0.5, 0.0, 0.5], abs=1e-9)
    for optimum, certified in zip(result.optima, case.certified, strict=True):
        assert optimum.objective == pytest.approx(certified.height, abs=1e-12)
        assert [len(members) for members in optimum.members.values()] == [1, 1]


def test_a_fit_that_beats_a_certificate_is_flagged() -> None:
    case = catalogue.load("two-coins-equal")
    starts = {"bias": np.array([[0.6, 0.5]])}
    assert "beats_certificate" not in [flag.code for flag in crosscheck(case, starts=starts).flags]
    best = case.certified[0]
    lower = best._replace(log_likelihood=str(best.height - 1e-9))
    flags = crosscheck(replace(case, certified=(lower, *case.certified[1:])), starts=starts).flags
    assert flags[0].code == "beats_certificate"
    assert "is above the certified best" in flags[0].message


@pytest.mark.parametrize(
    "name", ["lsat6-61", *(pytest.param(name, marks=pytest.mark.slow) for name in sorted({*POINTS} - {"lsat6-61"}))]
)
def test_no_fit_beats_a_certified_best(name: str) -> None:
    case = catalogue.load(name)
    result = crosscheck(case, 1)
    assert result.verdict == "agree"
    assert "beats_certificate" not in [flag.code for flag in result.flags]
    reported = result.optima[result.ends.optimum]
    assert reported.objective == pytest.approx(max(p.height for p in case.certified), rel=1e-10)


@pytest.mark.parametrize("name", sorted(POINTS))
def test_the_committed_report_names_the_certified_kinds(name: str) -> None:
    case = catalogue.load(name)
    folder = Path(__file__).parents[3] / "reports" / name
    found = json.loads((folder / "summary.json").read_text())["optima"]
    unbounded = [optimum for optimum in found if optimum["kind"] == "degenerate"]
    what = "log_posterior" if case.with_prior else "log_likelihood"
    certified = 0
    for optimum in found:
        if optimum in unbounded:
            continue
        point = min(case.certified, key=lambda point: abs(point.height - optimum[what]))
        if abs(optimum[what] - point.height) > 1e-6:
            # Beside a likelihood without bound a component may sit on a few rows: such maxima are not listed.
            # Nor are saddles at which a class has no weight.
            assert optimum["kind"] == ("local" if unbounded else "saddle")
            assert unbounded or name in ("carcinoma-3", "carcinoma-4")
            continue
        assert optimum["kind"] == point.kind
        certified += 1
    assert certified


# ---- the command --------------------------------------------------------------------------------------------


def test_command(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certify, "certified_problems", lambda: ["genetic-linkage"])
    result = CliRunner().invoke(main, ["certify", "--starts", "2", "--out", str(tmp_path / "new")])
    assert (result.exit_code, result.stderr) == (0, "")
    page = (tmp_path / "new" / "certified.md").read_text(encoding="utf-8")
    assert result.stdout.strip() in page
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["certified.md", "manifest.json"]
    other = ["certify", "--starts", "1", "--out", str(tmp_path / "new")]
    result = CliRunner().invoke(main, other)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "written with other settings (starts 2, here 1)" in result.stderr
    assert (tmp_path / "new" / "certified.md").read_text(encoding="utf-8") == page
    assert CliRunner().invoke(main, [*other, "--overwrite"]).exit_code == 0
    (tmp_path / "new" / "certified.md").write_text("mine")
    result = CliRunner().invoke(main, [*other, "--overwrite"])
    assert result.exit_code == 2
    assert "certified.md: changed since em-crosscheck wrote it and left as it is" in result.stderr
    assert (tmp_path / "new" / "certified.md").read_text() == "mine"
    monkeypatch.setattr(certify, "ENOUGH", 17.0)
    result = CliRunner().invoke(main, ["certify", "genetic-linkage", "--starts", "1", "--out", str(tmp_path)])
    assert result.exit_code == 1
    assert "genetic-linkage, best: EM has" in result.stderr


def test_command_refuses() -> None:
    result = CliRunner().invoke(main, ["certify", "dice"])
    assert result.exit_code == 2
    assert "unknown problem 'dice'" in result.stderr
    with pytest.raises(InputError, match="0 starts"):
        certify.certify(["murray"], 0)
