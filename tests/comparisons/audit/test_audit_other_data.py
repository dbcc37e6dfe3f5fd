"""Bugs that the given data cannot show are found on data that the family makes; right EMs pass there."""

import numpy as np
import pytest
from audit_zoo import data, textbook

from comparisons import catalogue
from comparisons.audit import Outcome, run_check, subject_of
from comparisons.audit.other_data import _as_the_reference, rewritten
from comparisons.audit.reference import Reference
from comparisons.families import bivariate_normal, coin_mixture, poisson_mixture
from em_reference.bivariate_normal import BivariateNormal

EVEN = coin_mixture.bind("even", np.array([5.0, 9, 8, 4, 7, 2]), np.full(6, 10.0), 2)
PROBLEMS = ("coins", "two-coins-equal", "hasselblad", "genetic-linkage", "murray", "lsat6", "lsat6-common-slope")


@pytest.fixture(scope="module")
def even() -> Reference:
    return Reference(EVEN)


def ours(case):
    """Our own EM of any data, its counts those of the numbers themselves."""

    def make(given):
        em = case.audit.rebind(given).em
        return BivariateNormal(em.values, em.frequencies, em.means_zero, np.zeros(2)) if case.name == "murray" else em

    return make


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in ("hasselblad", "lsat6") else ()) for name in PROBLEMS]
)
def test_our_own_em_is_right_on_all_data_that_are_made(name) -> None:
    case = catalogue.load(name)
    subject = subject_of(None, case, ours(case))
    made = case.audit.made(np.random.default_rng(3)) | rewritten(case.audit, np.random.default_rng(4))
    assert len(made) >= 3
    for what, other in made.items():
        again = case.audit.rebind(other)
        assert _as_the_reference(subject.rebuild(again), again, 0, 0.0, same_size=True), what


def test_the_same_seed_makes_the_same_data() -> None:
    one, two = (EVEN.audit.made(np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_equal(one, two)


def test_made_data_use_what_a_coin_mixture_allows() -> None:
    made = EVEN.audit.made(np.random.default_rng(0))
    assert any(len(set(other["flips"])) > 1 for other in made.values())
    assert any({0.0, 1.0, 2.0, 3.0} == set(other["frequencies"]) for other in made.values())
    assert any(
        len(other["heads"]) == 6 and not np.array_equal(other["heads"], EVEN.em.heads) for other in made.values()
    )
    assert any(other["flips"].min() > 1074 for other in made.values())


class FirstFlips(textbook.Coins):
    """The flips of the first row for all."""

    def __init__(self, data):
        super().__init__(data)
        self.flips = np.full_like(self.flips, self.flips[0])


class MeanOfProportions(textbook.Coins):
    def m_step(self, counts, p):
        posterior = self.posterior(p)[0] * self.frequency[:, None]
        bias = (self.heads / self.flips) @ posterior / posterior.sum(axis=0)
        return self.named(counts["sequences"] / counts["sequences"].sum(), bias)


class ByNumberOfRows(textbook.Coins):
    """What was worked out for as many rows is not worked out again."""

    known: dict = {}  # noqa: RUF012

    def __init__(self, data):
        super().__init__(data)
        self.heads = self.known.setdefault(len(self.heads), self.heads)


class OneFrequency(textbook.Coins):
    """The frequencies are left out of the weights."""

    def m_step(self, counts, p):
        return {**super().m_step(counts, p), "weight": self.posterior(p)[0].mean(axis=0)}


class Bare(textbook.Coins):
    """Probabilities without the binomial coefficients."""

    def log_joint(self, p):
        h, n, bias = self.heads[:, None], self.flips[:, None], np.clip(p["bias"], 1e-300, 1 - 1e-16)
        return np.log(np.maximum(self.weight(p), 1e-300)) + h * np.log(bias) + (n - h) * np.log1p(-bias)


class SkipsUnderflow(Bare):
    """Rows whose probability is too small for a double are left out."""

    def e_step(self, p):
        posterior, log_probability = self.posterior(p)
        seen = self.frequency * ((np.exp(log_probability) > 0) | (np.arange(len(posterior)) % 2 == 0))
        return self.counts(posterior * seen[:, None]), seen @ np.where(seen > 0, log_probability, 0.0)


@pytest.mark.parametrize(
    "factory",
    [
        FirstFlips,
        *(pytest.param(bug, marks=pytest.mark.slow) for bug in (MeanOfProportions, ByNumberOfRows, OneFrequency)),
        SkipsUnderflow,
    ],
)
def test_a_bug_that_these_data_do_not_show(even, factory) -> None:
    subject = subject_of(None, EVEN, factory)
    assert run_check("fixed_point", subject, even).outcome is Outcome.PASSED
    finding = run_check("other_data", subject, even)
    assert finding.outcome is Outcome.FAILED
    assert finding.found.startswith("with ")
    assert "(seed 0)" in finding.found
    assert finding.meaning


def test_a_rate_floor_is_found_where_rates_are_low() -> None:
    case = poisson_mixture.bind("high", np.array([3.0, 4, 5, 9, 12, 14, 11, 2, 6]), 2)

    class Floor:
        def __init__(self, given):
            self.em = case.audit.rebind(given).em
            self.case = case

        def step(self, p):
            params = case.to_em(p)
            new = case.from_em(self.em.m_step(self.em.e_step(params).expected_counts, params))
            return {**new, "rate": np.maximum(new["rate"], 0.5)}

    reference = Reference(case)
    subject = subject_of(None, case, Floor)
    assert run_check("fixed_point", subject, reference).outcome is Outcome.PASSED
    found = run_check("other_data", subject, reference)
    assert found.outcome is Outcome.FAILED
    assert "rates below .5" in found.found


def test_a_regression_coefficient_taken_for_the_correlation() -> None:
    values = np.array([[1.0, 0.5], [-1.0, -0.4], [0.6, 1.1], [-0.7, -1.2], [2.0, np.nan], [np.nan, 1.0]])
    # Equal variances, as far as the bug can tell: it is exact only where they are equal.
    values = np.vstack([values, values[:, ::-1], -values, -values[:, ::-1]])
    case = bivariate_normal.bind("equal", values, ("x", "y"), means_zero=True)

    class Coefficient:
        def __init__(self, given):
            self.given = given

        def step(self, p):
            em = case.audit.rebind(self.given).em
            params = case.to_em(p)
            counts = em.e_step(params).expected_counts
            new = case.from_em(em.m_step(counts, params))
            return {**new, "correlation": counts.product / counts.squares[:1]}

    reference = Reference(case)
    subject = subject_of(None, case, Coefficient)
    assert run_check("other_data", subject, reference).outcome is Outcome.FAILED


class NoFrequencies(textbook.Coins):
    """Do and Batzoglou's EM knows no frequencies, and does not look for any."""

    def __init__(self, data):
        super().__init__({**dict.fromkeys(("coins", "fixed_weight")), "coins": 2, "heads": data["heads"],
                          "flips": data["flips"], "frequencies": np.ones(len(data["heads"]))})  # fmt: skip


def test_an_em_that_takes_no_frequencies_is_right_with_a_remark(even) -> None:
    subject = subject_of(None, EVEN, NoFrequencies)
    finding = run_check("weights", subject, even)
    assert finding.outcome is Outcome.REMARK
    assert "takes no frequencies" in finding.found
    assert run_check("other_data", subject, even).outcome is Outcome.PASSED


class Probabilities(Bare):
    """No logarithms: 0 / 0 where a probability is too small for a double."""

    def posterior(self, p):
        joint = np.exp(self.log_joint(p))
        total = joint.sum(axis=1, keepdims=True)
        return joint / total, np.log(total[:, 0])


def test_an_em_without_logarithms_is_not_robust_and_not_wrong(even) -> None:
    finding = run_check("other_data", subject_of(None, EVEN, Probabilities), even)
    assert finding.outcome is Outcome.REMARK
    assert "not robust with rows too long for probabilities without logarithms" in finding.found


def test_an_em_without_a_factory_has_no_other_data() -> None:
    found = run_check("other_data", subject_of(textbook.Coins(data.case("coins").audit.data), data.case("coins")),
                      data.reference("coins"))  # fmt: skip
    assert found.outcome is Outcome.NOT_APPLICABLE


class TwoCoinsOnly(Bare):
    """Right for two coins; a third has no part in the likelihood."""

    def log_joint(self, p):
        joint = super().log_joint(p)
        return np.where(np.arange(joint.shape[1]) < 2, joint, -np.inf)


def test_a_number_of_components_that_is_written_into_the_code(even) -> None:
    finding = run_check("other_data", subject_of(None, EVEN, TwoCoinsOnly), even)
    assert finding.outcome is Outcome.FAILED
    assert "one coin more" in finding.found
    assert finding.meaning == "a number of coins is written into the code"


class FirstRow(textbook.Coins):
    """The first row counts twice, but where it has five heads."""

    def posterior(self, p):
        posterior, value = super().posterior(p)
        often = np.where((np.arange(len(self.heads)) == 0) & (self.heads[0] != 5), 2.0, 1.0)
        return posterior * often[:, None], value


def test_what_depends_on_the_order_of_the_rows_is_found(even) -> None:
    finding = run_check("other_data", subject_of(None, EVEN, FirstRow), even)
    assert finding.outcome is Outcome.FAILED


def test_the_order_of_the_rows_is_changed() -> None:
    given = EVEN.audit.data
    made = rewritten(EVEN.audit, np.random.default_rng(0))
    assert set(made) == {
        "the rows in another order",
        "every row twice",
        "resampled rows",
        "each row one to three times as often",
    }
    assert sorted(made["the rows in another order"]["heads"]) == sorted(given["heads"])
    assert made["every row twice"]["frequencies"].sum() == 2 * given["frequencies"].sum()
