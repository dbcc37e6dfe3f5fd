"""Networks as arrows and as BIF files: what is understood, and what is refused, in one line."""

from pathlib import Path

import numpy as np
import pytest

from comparisons import InputError
from comparisons.reading.bif import parse_bif
from comparisons.reading.networks import parse_arrows, read_network

ASIA = Path(__file__).parents[1] / "data" / "asia.bif"
TWO = """
network "two" { property author me; }  // a comment
variable A { type discrete [ 2 ] { yes, no }; property place = (1, 2) ; }
/* another
   comment */
variable B { type discrete [ 3 ] { "very low", 1, 2.5 }; }
probability ( A ) { table 0.25, 0.75; }
"""


def test_arrows() -> None:
    network = parse_arrows(" A->B -> C ; A->C,\n D, tub or cancer->x-ray ")
    assert network.variables == ("A", "B", "C", "D", "tub or cancer", "x-ray")
    assert network.parents["C"] == ("B", "A")
    assert network.parents["x-ray"] == ("tub or cancer",)
    assert network.parents["D"] == ()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("A->", "--network: 'A->', expected arrows such as 'A->B, A->C'"),
        ("A<-B", "--network: 'A<-B', expected arrows"),
        ("A--B", "--network: 'A--B', expected arrows"),
        (" , ", "--network: no variable, expected arrows"),
        ("A->B, A->B", "the arrow A->B is given twice, expected once"),
        ("A->B, B->C, C->A", "--network: the arrows run in a circle, "),
        ("A->A", "the arrows run in a circle, A -> A, expected none"),
        ("missing.bif", "missing.bif"),
    ],
)
def test_arrows_that_are_refused(text: str, fault: str) -> None:
    with pytest.raises(InputError) as error:
        read_network(text)
    assert fault in str(error.value)
    assert "\n" not in str(error.value)


def test_asia() -> None:
    network = read_network(str(ASIA))
    assert network.variables == ("asia", "tub", "smoke", "lung", "bronc", "either", "xray", "dysp")
    assert network.parents["dysp"] == ("bronc", "either")
    assert network.states["asia"] == ("yes", "no")
    np.testing.assert_array_equal(network.tables["tub"], [[0.05, 0.95], [0.01, 0.99]])
    np.testing.assert_array_equal(network.tables["either"][:, :, 0], [[1, 1], [1, 0]])
    assert network.tables["dysp"].shape == (2, 2, 2)


def test_a_table_in_one_piece_lists_the_parents_fastest() -> None:
    text = TWO + "probability ( B | A ) { table 0.5, 0.1, 0.25, 0.2, 0.25, 0.7; }"
    network = parse_bif(text, "two.bif")
    assert network.states["B"] == ("very low", "1", "2.5")
    np.testing.assert_array_equal(network.tables["B"], [[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]])


def test_rows_with_a_default() -> None:
    text = TWO + "probability ( B | A ) { (no) 0.2, 0.3, 0.5; default 0.1 0.1 0.8; }"
    np.testing.assert_allclose(parse_bif(text, "two.bif").tables["B"], [[0.1, 0.1, 0.8], [0.2, 0.3, 0.5]])


def test_a_network_without_tables_gives_none() -> None:
    network = parse_bif(TWO + "probability ( B | A ) { }", "two.bif")
    assert network.parents["B"] == ("A",)
    assert set(network.tables) == {"A"}


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ("variable A { type discrete [ 1 ] { x }; }", "row 8: variable 'A' is declared twice"),
        ("variable C { type discrete [ 3 ] { x, y }; }", "variable 'C' has the states x, y, expected 3 different"),
        ("variable C { }", "variable 'C' has no type"),
        ("variable C { type real; }", "'real', expected 'discrete'"),
        ("probability ( C ) { table 1; }", "row 8: 'C' is not declared, expected one of: A, B"),
        ("probability ( A | B ) { }", "the table of 'A' is given twice"),
        (
            "probability ( B | A ) { (maybe) 0.2, 0.3, 0.5; }",
            "(maybe) with 3 probabilities, expected states of A and 3",
        ),
        ("probability ( B | A ) { (yes) 0.2, 0.3; }", "(yes) with 2 probabilities, expected"),
        ("probability ( B | A ) { (yes) 0.2, 0.3, 0.5; }", "probabilities of 'B' given no do not add up to 1"),
        ("probability ( B ) { table 0.2, 0.3, 0.6; }", "the probabilities of 'B' do not add up to 1"),
        ("probability ( B ) { table 0.2, 0.3, x; }", "expected probabilities"),
        ("probability ( B ) { table 0.2, 0.8; }", "2 probabilities, expected 3"),
        ("probability ( B ) { tables 0.2; }", "'tables', expected 'table', 'default' or '(states of the parents)'"),
        ("nonsense", "row 8: 'nonsense', expected 'network', 'variable' or 'probability'"),
        ("probability ( B", "the file ends, expected more"),
        ('variable "C', "row 8: '\"' is not closed"),
    ],
)
def test_files_that_are_refused(more: str, fault: str) -> None:
    with pytest.raises(InputError) as error:
        parse_bif(TWO + more, "two.bif")
    assert fault in str(error.value)
    assert str(error.value).startswith("two.bif")
    assert "\n" not in str(error.value)
