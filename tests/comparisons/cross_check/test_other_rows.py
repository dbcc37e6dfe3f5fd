"""The rows in another order, and all rows twice: right EMs pass, and each kind of dependence is found."""

import numpy as np
import pandas as pd
import pymc as pm
import pytest

from comparisons import InputError, bind, crosscheck
from comparisons.cross_check.other_rows import number_of_rows, rows_of

LIFETIMES = np.array([0.4, 1.1, 2.3, 0.2, 3.9, 1.6, 0.7])
SEEN = np.array([1, 1, 0, 1, 0, 1, 1])
DATA = {"lifetime": LIFETIMES, "seen": SEEN, "limit": 5.0}


def model(data):
    """Exponential lifetimes, some of them censored."""
    with pm.Model() as built:
        rate = pm.HalfNormal("rate", 2.0)
        pm.Potential("lifetime", data["seen"] * pm.math.log(rate) - rate * data["lifetime"])
    return built


class Lifetimes:
    """EM with both steps; what is censored is expected to last 1 / rate longer."""

    def __init__(self, data):
        self.lifetime, self.seen = data["lifetime"], data["seen"]

    def e_step(self, params):
        """Expected total, and the log-likelihood."""
        total = self.lifetime.sum() + (1 - self.seen).sum() / params["rate"]
        return total, self.seen.sum() * np.log(params["rate"]) - params["rate"] * self.lifetime.sum()

    def m_step(self, total, params):
        """Rows by the total."""
        return {"rate": self.rows() / total}

    def rows(self):
        """How many there are."""
        return len(self.seen)


class OneRowLess(Lifetimes):
    """The mistake of n - 1."""

    def rows(self):
        return len(self.seen) - 1


class MeanLogLikelihood(Lifetimes):
    """Its log-likelihood is that of a mean row, times the number of rows that it was written for."""

    def e_step(self, params):
        total, value = super().e_step(params)
        return total, value / len(self.seen) * 7


class LastRowTwice(Lifetimes):
    """Reads the last row where it should read the first."""

    def e_step(self, params):
        total, value = super().e_step(params)
        return total + self.lifetime[-1] - self.lifetime[0], value


def rows_checks(result):
    table = result.checks_table().set_index("name")
    return table[table.index.str.contains("rows")]


def test_a_right_em_passes_and_errors_shrink_by_the_root_of_2():
    result = crosscheck(bind(model, Lifetimes, data=DATA), 3)
    found = rows_checks(result)
    assert list(found.index) == ["rows in another order", "all rows twice", "standard errors, all rows twice"]
    assert found["passed"].all()
    assert np.isfinite(found["found"]).all()
    assert "1.4142136 times smaller" in found["detail"].iloc[2]
    assert str(result.verdict) == "agree"
    assert result.estimates["pymc"][0] == pytest.approx(5 / LIFETIMES.sum(), rel=1e-9)


@pytest.mark.parametrize(
    ("em", "failed"),
    [
        (OneRowLess, {"all rows twice"}),
        (MeanLogLikelihood, {"all rows twice"}),
        (LastRowTwice, {"rows in another order", "all rows twice"}),
    ],
)
def test_an_em_that_depends_on_order_or_number_fails(em, failed):
    result = crosscheck(bind(model, em, data=DATA), 3)
    found = rows_checks(result)
    assert set(found.index[~found["passed"]]) == failed
    assert str(result.verdict) == "disagree"


def test_without_functions_of_the_data_there_is_no_such_check():
    result = crosscheck(bind(model(DATA), Lifetimes(DATA)), 2)
    assert rows_checks(result).empty


def walk(data):
    """One series, each number near the one before."""
    with pm.Model() as built:
        shift = pm.Normal("shift", 0.0, 2.0)
        pm.Normal("step", 0.5 * data[:-1] + shift, 1.0, observed=data[1:])
    return built


def test_a_series_has_no_rows_to_exchange():
    series = np.array([0.1, 0.9, 1.3, 1.1, 2.2, 1.7])
    result = crosscheck(bind(walk, lambda y: lambda _: {"shift": (y[1:] - 0.5 * y[:-1]).mean()}, data=series), 2)
    found = rows_checks(result)
    assert found["passed"].all()
    assert found["found"].isna().all()
    assert found["detail"].str.startswith("not applicable: by PyMC's model").all()
    assert str(result.verdict) == "agree"


def test_a_prior_does_not_double():
    def em(data):
        return lambda _: {"rate": data["seen"].sum() / (data["lifetime"].sum() + 1)}

    def with_prior(data):
        with pm.Model() as built:
            rate = pm.Exponential("rate", 1.0)
            pm.Potential("lifetime", data["seen"] * pm.math.log(rate) - rate * data["lifetime"])
        return built

    result = crosscheck(bind(with_prior, em, data=DATA, with_prior=True), 2)
    found = rows_checks(result)
    assert found["passed"].all()
    assert "a prior does not double" in found.loc["all rows twice", "detail"]
    assert np.isfinite(found.loc["rows in another order", "found"])


def test_which_entries_have_rows():
    frame = pd.DataFrame({"y": [1.0, 2, 3], "x": [4.0, 5, 6]})
    assert number_of_rows(frame) == 3
    assert rows_of(frame, np.array([2, 0]))["y"].tolist() == [3.0, 1.0]
    assert rows_of(np.eye(3), np.array([1])).tolist() == [[0.0, 1, 0]]
    data = {"y": [1, 2, 3], "x": np.zeros((3, 2)), "nodes": np.zeros(61), "name": "abc", "degrees": 2}
    assert number_of_rows(data) == 3
    chosen = rows_of(data, np.array([0, 1, 2, 0, 1, 2]))
    assert (len(chosen["y"]), chosen["x"].shape, chosen["nodes"].shape) == (6, (6, 2), (61,))
    assert (chosen["name"], chosen["degrees"]) == ("abc", 2)
    with pytest.raises(InputError, match="nothing in it has rows"):
        number_of_rows({"degrees": 2})


@pytest.mark.parametrize(
    ("model", "em", "words"),
    [
        (model(DATA), Lifetimes, "the model is a Model, expected a function of the data"),
        (model, Lifetimes(DATA), "the EM is a Lifetimes, expected a function of the data that makes one"),
    ],
)
def test_what_is_no_function_of_the_data_is_one_line(model, em, words):
    with pytest.raises(InputError, match=words):
        bind(model, em, data=DATA)


def test_a_model_of_one_number_of_rows_is_one_line():
    def fixed(data):
        with pm.Model() as built:
            rate = pm.HalfNormal("rate", 2.0)
            pm.Potential("lifetime", SEEN * pm.math.log(rate) - rate * data["lifetime"])
        return built

    with pytest.raises(InputError, match="no model and EM of all rows twice can be made"):
        crosscheck(bind(fixed, Lifetimes, data=DATA), 2)
