"""Files with one number per parameter: what is read, with which digits, and what is refused in one line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from comparisons import read_case
from comparisons.adjudicate import forms
from comparisons.adjudicate.estimates import Estimates, last_digits, returned
from comparisons.case import Case, InputError
from comparisons.reading.tables import read_table

ARROW = "A,B\n1,1\n0,1\n0,\n,0\n"
ANSWERS = "p,q,r\n" + "no,no,a\nyes,no,b\nno,yes,c\nyes,yes,a\nyes,yes,b\n"
BINARY = "p,q\n0,0\n0,1\n1,0\n1,1\n1,1\n"
POINTS = "x,y\n" + "".join(f"{a},{b}\n" for a, b in ((0, 1), (1, 3), (2, 2), (5, 9), (6, 5), (7, 8), (8, 6), (3, 3)))
NETWORK = ["A[A=0],0.75", "A[A=1],0.25", '"B[A=0, B=0]",0.5', '"B[A=0, B=1]",0.5', '"B[A=1, B=0]",0.125',
           '"B[A=1, B=1]",0.875']  # fmt: skip
HALVES = [[0.5, 0.5], [0.5, 0.5]]
SPHERES = {"weights_": [0.25, 0.75], "means_": [[1.0, 2.5], [6.5, 7.0]], "covariances_": [1.5, 2.0]}


class Bench:
    """A case and the folder in which files of estimates are written."""

    def __init__(self, folder: Path, family: str, data: str, **options: Any) -> None:
        (folder / "data.csv").write_text(data)
        self.folder, self.data = folder, read_table(folder / "data.csv")
        self.case: Case = read_case(family, self.data, **options)

    def read(self, content: Any, name: str = "estimates.csv", **options: Any) -> Estimates:
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return forms.read(path, self.data, self.case, options)

    def refused(self, content: Any, name: str = "estimates.csv", **options: Any) -> str:
        with pytest.raises(InputError) as caught:
            self.read(content, name, **options)
        text = str(caught.value)
        assert "\n" not in text
        assert text.startswith(str(self.folder / name)), text
        return text.removeprefix(str(self.folder / name))


@pytest.fixture
def arrow(tmp_path: Path) -> Bench:
    return Bench(tmp_path, "bayes-net", ARROW, network="A->B")


@pytest.fixture
def spheres(tmp_path: Path) -> Bench:
    return Bench(tmp_path, "gaussian-mixture", POINTS, components=2, covariance="spherical")


@pytest.fixture
def planes(tmp_path: Path) -> Bench:
    return Bench(tmp_path, "gaussian-mixture", POINTS, components=2)


@pytest.fixture
def classes(tmp_path: Path) -> Bench:
    return Bench(tmp_path, "latent-classes", BINARY, classes=2)


def rows(*lines: str, header: str = "parameter,estimate") -> str:
    return "\n".join((header, *lines)) + "\n"


# --- what is read ---


@pytest.mark.parametrize(
    "text",
    [
        rows(*NETWORK),
        rows(*reversed(NETWORK), header="name,value"),
        rows(*(line.replace(", ", ",") for line in NETWORK), header="whatever,it is"),
        rows(*NETWORK).replace('"', "").replace(",0.", ";0,").replace("estimate", "em").replace(",em", ";em"),
        rows(*(f"{line},0.1,true" for line in NETWORK), header="parameter,em,em_se,identified"),
        rows(*(f"{i},{line}" for i, line in enumerate(NETWORK)), header=",parameter,estimate"),
        rows(*NETWORK[:1], *NETWORK[2:5]),
        "parameter   estimate\n" + "\n".join(line.replace('",', "  ").replace("],", "]  ").strip('"')
                                             for line in NETWORK) + "\n",
        json.dumps({"A": [0.75, 0.25], "B": [[0.5, 0.5], [0.125, 0.875]]}),
        json.dumps({"B": {"A=0": {"B=0": 0.5}, "A=1": {"B=1": 0.875}}, "A[A=1]": 0.25}),
        json.dumps([{"parameter": line.rpartition(",")[0].strip('"'), "estimate": float(line.rpartition(",")[2])}
                    for line in NETWORK]),
        "{'A': array([0.75, 0.25]), 'B': array([[0.5  , 0.5  ],\n       [0.125, 0.875]])}",
    ],
)  # fmt: skip
def test_one_network_in_many_layouts(arrow: Bench, text: str) -> None:
    found = arrow.read(text)
    assert list(found.names) == arrow.case.parameter_names()
    np.testing.assert_array_equal(found.values, [0.75, 0.25, 0.5, 0.5, 0.125, 0.875])
    # All are probabilities, printed alike: to three decimals.
    assert found.decimals == 3
    np.testing.assert_allclose(found.half_unit, 0.0005, rtol=1.0001 if len(text.splitlines()) == 5 else 1e-9)
    assert found.rows == ("A", "B")


def test_what_is_left_to_1_is_put_in_and_said(arrow: Bench) -> None:
    found = arrow.read(rows(*NETWORK[:1], *NETWORK[2:5]))
    assert any("left to 1 is taken for A[A=1], B[A=1, B=1]" in note for note in found.notes)
    assert found.texts[1] == "0.25"
    assert found.texts[5] == "0.875"


def test_notes_name_what_is_not_read(arrow: Bench) -> None:
    found = arrow.read(rows(*(f"{line},0.3,0.1" for line in NETWORK), header="parameter,em,pymc,em_se"))
    assert found.notes == ("column em is read", "standard errors are not used: column em_se", "not used: column pymc")
    found = arrow.read(rows(*(f"{line},0.3" for line in NETWORK), header="parameter,em,pymc"), estimate="em")
    assert found.values[0] == 0.75


@pytest.mark.parametrize(
    ("covariance", "variables", "shape", "expected"),
    [
        ("full", "x,y", (2, 2, 2), [2.0, 0.5, 3.0, 4.0, 0.5, 5.0]),
        ("tied", "x,y", (2, 2), [2.0, 0.5, 3.0]),
        ("diag", "x,y", (2, 2), [2.0, 3.0, 4.0, 5.0]),
        ("spherical", "x,y", (2,), [2.0, 4.0]),
        ("full", "x", (2, 1, 1), [2.0, 4.0]),
        ("tied", "x", (1, 1), [2.0]),
        ("diag", "x", (2, 1), [2.0, 4.0]),
        ("spherical", "x", (2,), [2.0, 4.0]),
    ],
)
@pytest.mark.parametrize("underscore", ["_", ""])
def test_every_shape_of_scikit_learn(
    tmp_path: Path, covariance: str, variables: str, shape: tuple[int, ...], expected: list[float], underscore: str
) -> None:
    bench = Bench(tmp_path, "gaussian-mixture", POINTS, components=2, covariance=covariance, variables=variables)
    of_shape: dict[tuple[int, ...], Any] = {
        (2, 2, 2): [[[2.0, 0.5], [0.5, 3.0]], [[4.0, 0.5], [0.5, 5.0]]],
        (2, 2): [[2.0, 0.5], [0.5, 3.0]] if covariance == "tied" else [[2.0, 3.0], [4.0, 5.0]],
        (2,): [2.0, 4.0],
        (2, 1, 1): [[[2.0]], [[4.0]]],
        (1, 1): [[2.0]],
        (2, 1): [[2.0], [4.0]],
    }
    means = [[1.0, 2.5], [6.5, 7.0]] if variables == "x,y" else [[1.0], [6.5]]
    held = {"weights": [0.25, 0.75], "means": means, "covariances": of_shape[shape], "converged": True, "n_iter": 4}
    found = bench.read({f"{name}{underscore}": value for name, value in held.items()})
    np.testing.assert_array_equal(found.values, [0.25, 0.75, *np.ravel(means), *expected])
    assert list(found.names) == bench.case.parameter_names()
    assert found.notes == (f"not used: converged{underscore}, n_iter{underscore}",)


def test_a_matrix_may_be_given_by_either_half_or_by_both(planes: Bench) -> None:
    lines = ["weight[component1],0.5", *(f"mean[component{k}, {v}],{k}.5" for k in (1, 2) for v in "xy"),
             *(f"covariance[component{k}, {v}, {v}],2.0" for k in (1, 2) for v in "xy")]  # fmt: skip
    upper = [f"covariance[component{k}, x, y],0.5" for k in (1, 2)]
    lower = [f"covariance[component{k}, y, x],0.5" for k in (1, 2)]

    def values(*more: str) -> list[float]:
        quoted = (f'"{line.rpartition(",")[0]}",{line.rpartition(",")[2]}' for line in (*lines, *more))
        return planes.read(rows(*quoted)).values.tolist()

    assert values(*upper) == values(*lower) == values(*upper, *lower)
    assert values(*upper)[6:] == [2.0, 0.5, 2.0, 2.0, 0.5, 2.0]


def test_one_row_per_class(classes: Bench) -> None:
    by_name = classes.read({"weight": [0.4, 0.6], "probability": [[0.25, 0.5], [0.75, 0.125]]})
    wide = classes.read("class,weight,q,p\nb,0.4,0.5,0.25\na,0.6,0.125,0.75\n")
    np.testing.assert_array_equal(wide.values, by_name.values)
    assert wide.names == by_name.names
    assert wide.notes == ()
    assert wide.rows == ("class1", "class2")


def test_an_item_may_be_called_value(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "latent-classes", BINARY.replace("p,q", "value,q"), classes=2)
    rows_of_two = [f'"probability[class{k}, {item}]",0.{k}' for k in (1, 2) for item in ("value", "q")]
    found = bench.read(rows("weight[class1],0.3", *rows_of_two, header="parameter,value"))
    np.testing.assert_array_equal(found.values, [0.3, 0.7, 0.1, 0.1, 0.2, 0.2])


def test_items_of_more_categories_are_read_by_name(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "latent-classes", ANSWERS, classes=2)
    natural = {"weight": [0.5, 0.5], "probability": [[0.1, 0.2], [0.3, 0.4]],
               "probability3": [[[0.2, 0.3, 0.5]], [[0.1, 0.1, 0.8]]]}  # fmt: skip
    found = bench.read(natural)
    expected = bench.case.flat({name: np.array(values) for name, values in natural.items()})
    np.testing.assert_array_equal(found.values, expected)
    refused = bench.refused("class,weight,p,q\n1,0.5,0.1,0.2\n2,0.5,0.3,0.4\n")
    assert "expected one row per parameter, as some items have more than two categories" in refused


BIF = """network other {{ }}
variable B {{ type discrete [ 2 ] {{ 1, 0 }}; }}
variable A {{ type discrete [ 2 ] {{ {states} }}; }}
probability ( A ) {{ table 0.25, 0.75; }}
probability ( B | A ) {{ ({one}) 0.875, 0.125; ({zero}) 0.50, 0.50; }}
"""


def test_a_bif_file_with_its_own_order_of_states(arrow: Bench) -> None:
    found = arrow.read(BIF.format(states="1, 0", one=1, zero=0), "net.bif")
    np.testing.assert_array_equal(found.values, [0.75, 0.25, 0.5, 0.5, 0.125, 0.875])
    assert found.decimals == 3
    assert found.texts[2] == "0.50"


def test_a_bif_file_with_parents_in_another_order(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "bayes-net", "A,B,C\n0,0,0\n1,1,1\n0,1,0\n1,0,1\n", network="A->C, B->C")
    text = (
        "network x { }\n" + "".join(f"variable {v} {{ type discrete [ 2 ] {{ 0, 1 }}; }}\n" for v in "ABC")
        + "probability ( A ) { table 0.25, 0.75; }\nprobability ( B ) { table 0.5, 0.5; }\n"
        + "probability ( C | B, A ) { (0, 0) 0.1, 0.9; (0, 1) 0.2, 0.8; (1, 0) 0.3, 0.7; (1, 1) 0.4, 0.6; }\n"
    )  # fmt: skip
    named = dict(zip(*(lambda e: (e.names, e.values))(bench.read(text, "net.bif")), strict=True))
    assert named["C[A=1, B=0, C=0]"] == 0.2
    assert named["C[A=0, B=1, C=0]"] == 0.3


def test_states_of_a_variable_never_seen_are_taken_in_their_order(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "bayes-net", "B\n0\n1\n1\n", network="A->B", latent="A:2")
    found = bench.read(BIF.format(states="low, high", one="low", zero="high"), "net.bif")
    assert found.values[0] == 0.25
    assert found.notes == ("states of A are taken in their order: low is 1, high is 2",)


# --- digits ---


def test_digits_are_those_of_all_probabilities_and_of_every_other_parameter(spheres: Bench) -> None:
    found = spheres.read(
        '{"weight": [0.5, 0.50], "mean": [[1.25, 2], [6.5, 7]], "covariance": [1.5, 20]}'
    )  # fmt: skip
    np.testing.assert_allclose(found.half_unit[:2], 0.005)
    np.testing.assert_allclose(found.half_unit[2:6], 0.005)
    # Two significant digits, not one decimal: no zero got lost.
    np.testing.assert_allclose(found.half_unit[6:], [0.05, 0.5])


@pytest.mark.parametrize(("ones", "half"), [("1,0,1", 0.0), ("1.0,0.0,1.0", 0.0), ("1.00,0.00,1.00", 0.005)])
def test_nothing_but_0_and_1_is_exact(arrow: Bench, ones: str, half: float) -> None:
    one, two, three = ones.split(",")
    found = arrow.read(rows(f"A[A=0],{one}", f'"B[A=0, B=0]",{two}', f'"B[A=1, B=0]",{three}'))
    np.testing.assert_allclose(found.half_unit, half)


@pytest.mark.parametrize(
    ("texts", "digits"),
    [
        (["5.461e7", "7.9e7", "8e6"], [-4, -4, -4]),
        (["54610000", "79000000"], [0, 0]),
        (["1e+05", "123456.7"], [1, 1]),
        (["1.5e-3", "2.25e-3"], [5, 5]),
    ],
)
def test_the_last_digit_may_stand_before_the_point(texts: list[str], digits: list[int]) -> None:
    assert last_digits(texts) == digits


def test_nobody_is_held_to_more_than_8_decimals_of_a_unit(tmp_path: Path) -> None:
    tiny = "x\n" + "".join(f"{value}e-6\n" for value in (0, 1, 2, 5, 6, 7, 8))
    bench = Bench(tmp_path, "gaussian-mixture", tiny, components=2, covariance="spherical")
    found = bench.read('{"weights": [0.25, 0.75], "means": [1.25e-6, 6.5e-6], "covariances": [2.5e-13, 4.75e-13]}')
    # Of these numbers two decimals are printed, of 1e-6 and of 1e-13.
    np.testing.assert_allclose(found.half_unit[2:], [0.5e-8, 0.5e-8, 0.5e-15, 0.5e-15])
    exact = returned(bench.case, bench.case.shaped({name: np.ones(2) for name in bench.case.labels}), "a program")
    np.testing.assert_allclose(exact.half_unit, 0.5e-8 * bench.case.unit)


# --- what is refused ---


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([*NETWORK, "C[C=0],0.5"], ", row 8: unknown parameter 'C[C=0]', expected A[A=0], A[A=1], B[A=0, B=0]"),
        ([*NETWORK, NETWORK[0]], ", row 8: parameter 'A[A=0]' appears twice, expected once"),
        (NETWORK[:4], ": no number for B[A=1, B=0], B[A=1, B=1], expected one for every parameter"),
        ([*NETWORK[:5], '"B[A=1, B=1]",0.87'], ": B[A=1, B=0], B[A=1, B=1] add up to 0.995, expected 1"),
        ([*NETWORK[:4], '"B[A=1, B=0]",1.25'], ": B[A=1, B=0] add up to 1.25, expected at most 1"),
        ([*NETWORK[:4], '"B[A=1, B=0]",-0.25', '"B[A=1, B=1]",1.25'], ": B[A=1, B=0] is -0.25, expected a number from"),
        ([*NETWORK[:5], '"B[A=1, B=1]",?'], ", row 7, B[A=1, B=1]: '?' is not a number, expected a number"),
        ([*NETWORK[:5], '"B[A=1, B=1]",'], ", row 7, B[A=1, B=1]: '' is not a number, expected a number"),
        ([*NETWORK[:5], '"B[A=1, B=1]",1e101'], ", row 7, B[A=1, B=1]: '1e101' does not fit, expected a number of"),
    ],
)
def test_a_file_that_is_no_network(arrow: Bench, lines: list[str], message: str) -> None:
    assert arrow.refused(rows(*lines)).startswith(message)


def test_rounding_explains_a_sum(arrow: Bench) -> None:
    assert arrow.read(rows("A[A=0],0.75", "A[A=1],0.26", *NETWORK[2:4], '"B[A=1, B=0]",0.12'))
    assert "add up to 1.02" in arrow.refused(rows("A[A=0],0.75", "A[A=1],0.27", *NETWORK[2:4], '"B[A=1, B=0]",0.12'))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("variable,v\nX,0.5\n", ": unknown parameter 'X'"),
        ("who,v\nX,0.5\n", ": no column is known as parameter (variable, name, names)"),
        (rows(*NETWORK, header="parameter,what?").replace("0.", "x"), ": no column is known as estimate"),
        (rows(*(f"{line},1" for line in NETWORK), header="parameter,v,w"), ": columns v, w could each be the estimate"),
        ("{", ": begins with '{' and is neither JSON nor a Python dict"),
        ("{}", ": no number for A[A=0]"),
        ({"A": [0.5, 0.25, 0.25]}, ", 'A': numbers in the shape 3, expected 2 (A)"),
        ({"A": [0.5, [0.5]]}, ", 'A': lists of different lengths, or none, expected an array of numbers"),
        ({"A": []}, ", 'A': lists of different lengths, or none"),
        ({"A": 0.5}, ", 'A': one number, expected a list of 2"),
        ({"A": [0.5, None], "B": HALVES}, ", A[A=1]: '' is not a number"),
        ({"A": [0.5, True], "B": HALVES}, ", A[A=1]: 'True' is not a number"),
        ({"A": [0.5, float("nan")], "B": HALVES}, ", A[A=1]: 'nan' is not a number"),
        ({"A": {"A=0": 0.5, "A=7": 0.5}}, ": unknown parameter 'A[A=7]'"),
        ({"A": [0.5, 0.5], "hidden": 3}, ": unknown parameter 'hidden'"),
    ],
)
def test_other_layouts_that_do_not_fit(arrow: Bench, text: Any, message: str) -> None:
    refused = arrow.refused(text).replace(", row 2", "")
    assert refused.startswith(message), refused


def test_a_named_column_must_be_there(arrow: Bench) -> None:
    with pytest.raises(InputError, match=r"--estimate mode: .* has no such column"):
        arrow.read(rows(*NETWORK), estimate="mode")
    with pytest.raises(InputError, match=r"--parameter p: .* has no such column"):
        arrow.read(rows(*NETWORK), parameter="p")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"covariances_": [1.5, 0.0]}, ": variance[component2] is 0, expected a number above 0"),
        ({"covariances_": [[1.5, 0.1], [0.1, 2.0]]}, ", 'covariances_': numbers in the shape 2 x 2, expected 2"),
        ({"weights_": [0.25, 0.5]}, ": weight[component1], weight[component2] add up to 0.75, expected 1"),
        ({"covariance_type": "diag"}, ", 'covariance_type': 'diag', expected 'spherical', or --covariance diag"),
        ({"means_": [[1.0, 2.0]]}, ", 'means_': numbers in the shape 1 x 2, expected 2 x 2 (component x variable)"),
    ],
)
def test_no_mixture(spheres: Bench, change: dict[str, Any], message: str) -> None:
    assert spheres.read(SPHERES)
    refused = spheres.refused(SPHERES | change)
    assert refused.startswith(message), refused


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[2.0, 0.5], [0.7, 3.0]], ": covariance[component2, x, y] is 0.5 one way and 0.7 the other, expected a symm"),
        ([[2.0, 2.5], [2.5, 3.0]], ": the covariance matrix of component2 is not positive definite, expected one that"),
        ([[-2.0, 0.5], [0.5, 3.0]], ": the covariance matrix of component2 is not positive definite, expected one th"),
        ([[1.0, 1.0], [1.0, 1.0]], ": the covariance matrix of component2 is not positive definite, expected one that"),
    ],
)
def test_no_covariance_matrix(planes: Bench, matrix: Any, message: str) -> None:
    refused = planes.refused(SPHERES | {"covariances_": [[[2.0, 0.5], [0.5, 3.0]], matrix]})
    assert refused.startswith(message), refused


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("class,weight,p,q\n1,1.0,0.1,0.2\n", ": 1 class(es), expected 2 as --classes says"),
        ("class,p,q\n1,0.1,0.2\n2,0.3,0.4\n", ": no column is known as weight"),
        ("class,weight,p\n1,0.5,0.1\n2,0.5,0.4\n", ": no column 'q', expected one"),
        ("class,weight,p,q\n1,0.5,0.1,0.2\n2,0.5,0.3,1.4\n", ": probability[class2, q] is 1.4, expected a number from"),
        ("class,weight,p,q\n1,0.5,0.1,0.2\n2,0.5,0.3,-\n", ", row 3, probability[class2, q]: '-' is not a number"),
    ],
)
def test_no_classes(classes: Bench, text: str, message: str) -> None:
    refused = classes.refused(text)
    assert refused.startswith(message), refused


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{ 1, 0 }; }\nvariable A", "{ 1, 2 }; }\nvariable A", ": the states of 'B' are 1, 2, expected 0, 1"),
        ("( B | A ) { (1) 0.875, 0.125; (0) 0.50, 0.50; }", "( B ) { table 0.5, 0.5; }",
         ": 'B' given nothing, expected A, as in the network"),
        ("probability ( A ) { table 0.25, 0.75; }", "", ": no probabilities of 'A', expected a table for every var"),
        ("variable A", "variable C { type discrete [ 2 ] { 0, 1 }; }\nvariable A",
         ": variable 'C', expected those of the network: A, B"),
        ("variable A { type discrete [ 2 ] { 1, 0 }; }", "", ", row 4: 'A' is not declared, expected one of: B"),
    ],
)  # fmt: skip
def test_no_bif_file_of_the_network(arrow: Bench, old: str, new: str, message: str) -> None:
    text = BIF.format(states="1, 0", one=1, zero=0)
    assert old in text
    refused = arrow.refused(text.replace(old, new), "net.bif")
    assert refused.startswith(message), refused


def test_every_family_has_a_form() -> None:
    assert forms.names()[-1] == "common-slope"
    assert {"bayes-net", "gaussian-mixture", "genetic-linkage", "latent-classes"} <= set(forms.names())
    assert forms.form_or_plain("no family").__name__.endswith("._plain")
    assert forms.form_of("genetic-linkage") is forms.form_or_plain("no family")
