"""Latent classes as a family: tables of labels, names of parameters, known maxima, what is flagged and refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from comparisons import InputError, check_family, crosscheck, load_problem
from comparisons.case import Case, take
from comparisons.cross_check.run import CrossCheck
from comparisons.families import family, latent_classes, settle, start_fault
from comparisons.families._fit_statistics import deviance, entropy_r2, pearson
from comparisons.optima.starts import draw_starts, run_em
from comparisons.reading.tables import read_table

MIXED = """who,smokes,mood,likes,frequency
a,no,low,yes,5
b,yes,high,no,3
c,no,mid,yes,4
d,,mid,no,2
e,yes,high,yes,6
f,no,low,,1
g,yes,low,no,3
h,no,high,no,0
i,,,,2
j,yes,mid,yes,2
"""


def read(tmp_path: Path, text: str, **options: Any) -> Case:
    path = tmp_path / "data.csv"
    path.write_text(text)
    given = {name.replace("_", "-"): value for name, value in options.items()}
    return latent_classes.read("d", read_table(path), settle(family("latent-classes"), given))


@pytest.fixture
def mixed(tmp_path: Path) -> Case:
    return read(tmp_path, MIXED, classes=2, id="who")


@pytest.fixture(scope="module")
def conflict() -> CrossCheck:
    return crosscheck(load_problem("stouffer-toby"), 10)


def test_names_and_labels(mixed: Case) -> None:
    assert mixed.shapes == {"weight": (2,), "probability": (2, 2), "probability3": (2, 1, 3)}
    assert mixed.labels["probability"] == ("class1, smokes", "class1, likes", "class2, smokes", "class2, likes")
    assert mixed.labels["probability3"][:3] == ("class1, mood, high", "class1, mood, low", "class1, mood, mid")
    assert mixed.settings["states of the items"] == (
        "smokes, likes: no, yes (probability of yes); mood: high, low, mid"
    )
    one = mixed.draw_start(np.random.default_rng(0))
    params = mixed.to_em(one)
    assert params.probability[0, 1] == one["probability"][0, 0]
    np.testing.assert_array_equal(params.probability[:, 2:5], one["probability3"][:, 0])


def test_rows_and_answers_that_are_missing(mixed: Case) -> None:
    assert mixed.em.patterns.frequencies.sum() == 26
    assert mixed.missing_answers == 3
    assert [flag.code for flag in mixed.flags] == ["no_answers"]
    assert "3 answers missing" in mixed.title


def test_laws_with_three_states_missing_answers_and_priors(tmp_path: Path) -> None:
    case = read(tmp_path, MIXED, classes=2, id="who", weight_prior=2.0, category_prior=1.5)
    table = check_family(latent_classes, case)
    assert table["holds"].all(), table[~table["holds"]].to_string()


def test_columns_of_any_labels_are_the_same_data(tmp_path: Path) -> None:
    rows = [(0, 0, 5), (0, 1, 3), (1, 0, 2), (1, 1, 7)]
    cases = [
        read(tmp_path, "x,y,frequency\n" + "".join(f"{a[x]},{a[y]},{n}\n" for x, y, n in rows), classes=2)
        for a in (("0", "1"), ("1", "2"), ("no", "yes"))
    ]
    point = cases[0].draw_start(np.random.default_rng(1))
    values = [float(case.em.e_step(case.to_em(point)).log_likelihood) for case in cases]
    assert values == [values[0]] * 3


def test_goodmans_table(conflict: CrossCheck) -> None:
    assert conflict.verdict == "agree"
    assert {str(o.kind) for o in conflict.optima if o.reached} <= {"best", "saddle"}
    assert conflict.ends.em_log_likelihood == pytest.approx(-504.46767, abs=1e-5)
    fit = conflict.case.derive(conflict.ends.pymc)
    # Goodman (1974) and the manual of poLCA: G2 = 2.720 and X2 = 2.720 on 6 degrees of freedom.
    assert {name: round(float(fit[name][0]), 2) for name in ("G2", "X2", "df")} == {"G2": 2.72, "X2": 2.72, "df": 6.0}
    assert fit["AIC"][0] == pytest.approx(2 * 504.46767 + 18, abs=1e-4)
    assert fit["BIC"][0] == pytest.approx(2 * 504.46767 + 9 * np.log(216), abs=1e-4)
    # The largest class comes first; both sides give standard errors.
    assert conflict.ends.pymc["weight"][0] > 0.5
    identified = conflict.estimates
    np.testing.assert_allclose(identified["em_se"], identified["pymc_se"], rtol=1e-5)


def test_fit_statistics() -> None:
    observed, expected = np.array([8.0, 2.0]), np.array([6.0, 3.0])
    # A third cell was never seen; of ten respondents one is expected there.
    assert pearson(observed, expected) == pytest.approx(4 / 6 + 1 / 3 + 1)
    assert deviance(observed, expected) == pytest.approx(2 * (8 * np.log(8 / 6) + 2 * np.log(2 / 3)))
    posterior = np.array([[1.0, 0.0], [0.5, 0.5]])
    assert entropy_r2(posterior, np.array([3.0, 1.0])) == pytest.approx(0.75)
    assert entropy_r2(np.ones((4, 1)), np.ones(4)) is None


def test_assignments(tmp_path: Path) -> None:
    case = read(tmp_path, MIXED, classes=2, id="who", assignments=True)
    tables = case.extra_tables(case.draw_start(np.random.default_rng(2)))
    rows, patterns = tables["assignments"], tables["assignments_by_pattern"]
    assert rows["row"].tolist() == [1, 2, 3, 4, 5, 6, 7, 10]
    assert "".join(rows["id"]) == "abcdefgj"
    np.testing.assert_allclose(rows[["class1", "class2"]].sum(axis=1), 1.0, rtol=1e-14)
    assert (rows["class"] == np.where(rows["class1"] > 0.5, "class1", "class2")).all()
    assert patterns["frequency"].sum() == 26
    fourth = patterns[(patterns["smokes"] == "") & (patterns["mood"] == "mid")]
    assert fourth["class1"].item() == rows["class1"][3]


def test_profiles(mixed: Case) -> None:
    curves = mixed.curves(mixed.draw_start(np.random.default_rng(3)))
    assert curves.ticks == ("smokes: yes", "mood: high", "mood: low", "mood: mid", "likes: yes")
    assert all(len(line) == 5 for line in curves.lines.values())


@pytest.mark.parametrize(
    ("text", "classes", "code"),
    [
        ("x,y\n0,1\n1,0\n1,1\n", 2, "more_parameters"),
        ("x,y,z\n0,1,1\n0,1,1\n1,0,0\n", 3, "more_classes"),
        ("x,y,z\n0,1,1\n0,0,0\n0,1,0\n", 1, "one_category"),
        ("x,y,note\n0,1,\n0,0,\n1,1,\n", 1, "one_category"),
        ("x,y,sex\n0,1,m\n0,0,f\n1,1,m\n", 1, "column_no_item"),
    ],
)
def test_what_the_sizes_tell(tmp_path: Path, text: str, classes: int, code: str) -> None:
    assert code in [flag.code for flag in read(tmp_path, text, classes=classes).flags]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("x\n0\n1\n", {}, "1 item column(s), expected at least 2 (columns of categories)"),
        ("x,y\n0,1\n0,0\n", {}, "1 item(s) with more than one category, expected at least 2 (x: all 0)"),
        ("x,y\n0,1\n1,0\n", {"classes": 3}, "--classes 3: expected at most 2, the respondents"),
        ("x,y,n\n" + "".join(f"{i % 2},{i % 3},{i}\n" for i in range(60)), {}, "column 'n': 60 different answers"),
        ("x,y,frequency\n0,1,-2\n1,0,3\n", {}, "column 'frequency': '-2' does not fit"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, options: dict, message: str) -> None:
    with pytest.raises(InputError) as error:
        read(tmp_path, text, **{"classes": 2, **options})
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": np.array([0.5, 0.6])}, "weight holds numbers that do not add up to 1"),
        ({"probability": np.array([[0.5, 0.6], [0.5, 1.5]])}, "probability holds 1.5, expected numbers from 0 to 1"),
        ({"probability3": np.full((2, 1, 3), 0.5)}, "probability3 holds numbers that do not add up to 1"),
        ({}, None),
    ],
)
def test_starts(mixed: Case, change: dict, message: str | None) -> None:
    fault = start_fault(latent_classes, mixed.draw_start(np.random.default_rng(4)) | change)
    assert fault is None if message is None else fault is not None and message in fault


def test_a_start_at_the_edge_moves_inside(mixed: Case) -> None:
    edge = {
        "weight": np.array([0.0, 1.0]),
        "probability": np.array([[0.0, 1.0], [0.5, 0.5]]),
        "probability3": np.array([[[0.0, 0.0, 1.0]], [[0.2, 0.3, 0.5]]]),
    }
    start = latent_classes.inner_start(edge)
    assert all((values > 1e-7).all() and (values < 1 - 1e-7).all() for values in start.values())
    np.testing.assert_allclose(start["probability3"].sum(axis=-1), 1.0, rtol=1e-15)
    np.testing.assert_array_equal(start["probability3"][1], edge["probability3"][1])


@pytest.mark.slow
def test_a_state_that_all_of_a_class_give_is_at_the_edge_too(tmp_path: Path) -> None:
    """With the other states at 0 it is 1: nothing is left to be identified, and no standard error is 0."""
    case = read(tmp_path, "a,b,c\n1,2,1\n2,1,3\n1,1,2\n2,2,2\n", classes=2)
    result = crosscheck(case, 10)
    assert result.verdict == "agree"
    (message,) = [flag.message for flag in result.flags if flag.code == "boundary"]
    assert all(f"probability3[class2, c, {state}]" in message for state in (1, 2, 3))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "hard"), [("stouffer-toby-3", [16, 18, 44, 85]), ("carcinoma-4", [1, 2, 5, 7, 11])])
def test_starts_that_creep_past_saddles_and_along_edges_arrive(name: str, hard: list[int]) -> None:
    """Coordinates that go to an edge do not hold up the others, and a saddle does not hold an extrapolation."""
    case = load_problem(name)
    starts = take(draw_starts(case, 100, 0), np.array(hard))
    ends = run_em(case, case.objective(), starts)
    assert set(ends.status) == {"converged"}
