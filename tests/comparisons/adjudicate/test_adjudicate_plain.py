"""Estimates that a program returned: as they are, in any labelling."""

import numpy as np
import pytest

from comparisons import load_problem
from comparisons.adjudicate import Verdict, adjudicate
from comparisons.adjudicate.estimates import returned
from comparisons.adjudicate.known_optima import KnownOptima, known_optima
from comparisons.case import Case, Natural


@pytest.fixture(scope="module")
def conflict() -> Case:
    return load_problem("stouffer-toby")


@pytest.fixture(scope="module")
def known(conflict: Case) -> KnownOptima:
    return known_optima(conflict, 3, 0)


def swapped(natural: Natural) -> Natural:
    return {name: values[::-1] for name, values in natural.items()}


@pytest.mark.parametrize("other_labels", [False, True])
def test_the_maximum_is_the_maximum_in_any_labelling(conflict: Case, known: KnownOptima, other_labels: bool) -> None:
    best = known.optima[0].point.natural
    given = swapped(best) if other_labels else best
    found = adjudicate(conflict, returned(conflict, given, "a program"), known=known)
    assert found.verdict == Verdict.AT_MAXIMUM
    assert found.distance < 1e-4
    assert found.parameters["parameter"].tolist() == conflict.parameter_names()
    np.testing.assert_allclose(found.parameters["optimum"], conflict.flat(given), atol=1e-7)


def test_what_is_not_the_maximum_is_not(conflict: Case, known: KnownOptima) -> None:
    best = known.optima[0].point.natural
    given = {**best, "weight": best["weight"][::-1]}
    found = adjudicate(conflict, returned(conflict, given, "a program"), known=known)
    assert found.verdict != Verdict.AT_MAXIMUM
    assert found.distance > 1
