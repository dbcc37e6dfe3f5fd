"""Fits in the forms that people write them in are taken: what they return, and how they are called."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from audit_zoo import textbook

from comparisons import catalogue
from comparisons.audit import Outcome, check_em, run_check, subject_of
from comparisons.audit.reference import Reference
from comparisons.audit.subject import is_fit

COINS, LINKAGE = catalogue.load("coins"), catalogue.load("genetic-linkage")
REFERENCES = {case.name: Reference(case) for case in (COINS, LINKAGE)}


class Guarded(textbook.Coins):
    """The textbook's EM, which does not divide by the flips of a coin that has none."""

    def m_step(self, counts, p):
        sizes = counts["sequences"] / counts["sequences"].sum()
        return self.named(sizes, counts["heads"] / np.maximum(counts["flips"], 1e-300))


def fitted(data, start):
    """Parameters by name, and the log-likelihood."""
    said = Guarded(data).fit(start)
    return said["params"], said["log_likelihood"]


class Slots:
    __slots__ = ("bias", "log_likelihood", "weight")

    def __init__(self, params, value):
        self.weight, self.bias, self.log_likelihood = params["weight"], params["bias"], value


class Fitted(NamedTuple):
    weight: Any
    bias: Any


def a_tuple(data, start):
    return fitted(data, start)


def an_array(data, start):
    params, _ = fitted(data, start)
    return np.concatenate([params["weight"], params["bias"]])


def a_named_tuple(data, start):
    return Fitted(**fitted(data, start)[0])


def slots(data, start):
    return Slots(*fitted(data, start))


def plain_lists(data, start):
    return {name: [float(value) for value in values] for name, values in fitted(data, start)[0].items()}


def three_arguments(heads, flips, start):
    data = {"heads": heads, "flips": flips, "frequencies": np.ones(len(heads)), "coins": 3, "fixed_weight": None}
    return fitted(data, start)[0]


class Estimator:
    """As scikit-learn has them: X at the fit, attributes with an underscore after it."""

    def __init__(self, data):
        self.data = data

    def fit(self, X, start):
        self.params_, self.log_likelihood_ = fitted({**self.data, "heads": np.asarray(X)[:, 0]}, start)
        return self


class WithoutStart:
    """The same from a start of its own."""

    def __init__(self, data):
        self.data = data

    def fit(self, X):
        start = {"weight": np.array([0.3, 0.3, 0.4]), "bias": np.array([0.6, 0.4, 0.2])}
        self.params_, self.log_likelihood_ = fitted(self.data, start)
        return self


class KeepsItsCounts:
    """Its e_step returns nothing, its m_step takes nothing."""

    def __init__(self, data):
        self.em = Guarded(data)

    def e_step(self, params):
        self.counts, self.value = self.em.e_step(params)

    def m_step(self):
        return self.em.m_step(self.counts, {})


def a_number(data, start):
    theta, (a, b, c, d) = float(np.ravel(start["theta"])[0]), data["frequencies"]
    for _ in range(500):
        linked = a * theta / (2 + theta) + d
        theta = linked / (linked + b + c)
    return theta


FITS = [a_tuple, an_array, a_named_tuple, slots, plain_lists, three_arguments, Estimator, WithoutStart]


@pytest.mark.parametrize("em", [*FITS, KeepsItsCounts], ids=lambda em: em.__name__)
def test_a_form_of_a_fit_is_taken(em) -> None:
    subject = subject_of(em, COINS) if is_fit(em, COINS) else subject_of(None, COINS, em)
    found = run_check("fixed_point", subject, REFERENCES["coins"])
    assert found.outcome is Outcome.PASSED, found


@pytest.mark.parametrize("em", [a_tuple, slots, Estimator, WithoutStart], ids=lambda em: em.__name__)
def test_its_log_likelihood_is_found(em) -> None:
    subject = subject_of(em, COINS) if is_fit(em, COINS) else subject_of(None, COINS, em)
    assert run_check("reported_log_likelihood", subject, REFERENCES["coins"]).outcome is Outcome.PASSED


def test_a_parameter_may_be_a_plain_number() -> None:
    found = run_check("fixed_point", subject_of(a_number, LINKAGE), REFERENCES["genetic-linkage"])
    assert found.outcome is Outcome.PASSED, found


def test_what_cannot_be_taken_is_said_once_with_the_keys() -> None:
    def fit(tosses, begin, other):
        return {}

    table = check_em(fit, COINS)
    assert len(table) == 1
    assert "heads" in table["found"][0]
    assert "flips" in table["found"][0]


def test_what_a_fit_returns_that_cannot_be_taken_is_one_failure() -> None:
    table = check_em(lambda data, start: "done", COINS)
    assert (table["outcome"] == "failed").sum() == 1
