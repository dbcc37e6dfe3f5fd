"""A tolerance is its author's choice; to stop by the sign of a change, or after a fixed number of cycles, is not.

And what else only several fits or several cycles show: a parameter that is never updated, something that is kept.
"""

import numpy as np
import pytest
from audit_zoo import textbook

from comparisons import catalogue
from comparisons.audit import Outcome, check_em, run_check, subject_of
from comparisons.audit.reference import Reference
from comparisons.audit.stop_rules import Rule, rule_of
from comparisons.families import poisson_mixture

CASE, COINS = catalogue.load("two-coins"), catalogue.load("coins")
REFERENCE = Reference(CASE)


def cycle(data, p):
    em = textbook.Coins(data)
    return em.named(*_updated(em.e_step(p)[0]))


def _updated(counts):
    return counts["sequences"] / counts["sequences"].sum(), counts["heads"] / np.maximum(counts["flips"], 1e-300)


def stopping(rule, most=5000):
    """A plain EM that stops where a rule of old and new parameters and log-likelihoods says so."""

    def fit(data, start):
        em, p = textbook.Coins(data), start
        for count in range(1, most + 1):
            counts, value = em.e_step(p)
            new = em.named(*_updated(counts))
            if rule(p, new, value, em.e_step(new)[1], count):
                return {**new, "converged": True}
            p = new
        return {**p, "converged": True}

    return fit


def moved(p, new):
    return max(np.abs(new[name] - p[name]).max() for name in p)


RULES = {
    "parameters": (lambda p, new, *_: moved(p, new) < 2e-3, Rule.TOLERANCE),
    "log-likelihood": (lambda p, new, before, after, _: after - before < 1e-3, Rule.TOLERANCE),
    "mean log-likelihood": (lambda p, new, before, after, _: (after - before) / 5 < 1e-3, Rule.TOLERANCE),
    "sign": (lambda p, new, *_: new["bias"][0] - p["bias"][0] < 1e-9, Rule.NONE),
    "twelve cycles": (lambda *given: given[-1] == 12, Rule.CYCLES),
}


@pytest.mark.parametrize("name", RULES)
def test_the_rule_of_a_stop_is_told_from_its_ends(name) -> None:
    rule, expected = RULES[name]
    subject = subject_of(stopping(rule), CASE)
    assert rule_of(subject, REFERENCE) is expected
    found = run_check("stopping", subject, REFERENCE)
    assert found.outcome is (Outcome.REMARK if expected is Rule.TOLERANCE else Outcome.FAILED), found


def test_a_tolerance_that_stops_far_away_is_wrong() -> None:
    subject = subject_of(stopping(lambda p, new, *_: moved(p, new) < 0.2), CASE)
    found = run_check("stopping", subject, REFERENCE)
    assert found.outcome is Outcome.FAILED
    assert found.meaning == "the tolerance is too loose"


def test_an_m_step_that_leaves_a_parameter_where_it_is() -> None:
    # The data are those of one coin: the others make up for the one that stays.
    def make(data):
        def step(p):
            new = cycle(data, p)
            return {**new, "bias": np.append(new["bias"][:2], p["bias"][2])}

        return step

    table = check_em(factory=make, case=COINS, data_only=True).set_index("check")
    assert table["outcome"]["m_step"] == "failed"
    assert table["found"]["m_step"] == "bias[coin3] is never updated in any cycle"


class KeepsItsEstimates:
    """Only the first fit begins at its start."""

    def __init__(self, data):
        self.data, self.at = data, None

    def fit(self, start):
        self.at = start if self.at is None else self.at
        for _ in range(2000):
            self.at = cycle(self.data, self.at)
        return self.at


def test_a_fit_that_goes_on_from_the_one_before_is_remarked_on() -> None:
    found = run_check("stopping", subject_of(None, CASE, KeepsItsEstimates), REFERENCE)
    assert found.outcome is Outcome.REMARK
    assert "start" in found.found


def test_a_factory_that_has_looked_at_the_frequencies_uses_them() -> None:
    def make(data):
        given = {**data, "frequencies": data["frequencies"]}

        def fit(data, start):
            return stopping(RULES["parameters"][0])(given, start)

        return fit

    assert run_check("weights", subject_of(None, CASE, make), REFERENCE).outcome is not Outcome.REMARK


def test_an_em_that_never_runs_through_takes_no_parameters() -> None:
    def step(p):
        raise ZeroDivisionError

    found = run_check("domain", subject_of(step, CASE), REFERENCE)
    assert found.outcome is Outcome.NOT_APPLICABLE
    assert found.found == "it runs through at 0 of 9 random parameters"


def test_a_weight_nearer_to_0_than_pymc_can_be_is_judged_by_the_reference_em() -> None:
    case = poisson_mixture.bind("large", np.array([900.0, 1500, 1000, 1600, 950, 1450]), 2)
    at = {"weight": np.array([1e-24, 1 - 1e-24]), "rate": np.array([900.0, 1500.0])}
    exact = float(case.em.e_step(case.to_em(at)).log_likelihood)
    reference = Reference(case)
    assert reference.log_likelihood(at) == exact
    assert abs(reference.objective.log_likelihood(reference.free(at)) - exact) > 1
    inside = {**at, "weight": np.array([0.4, 0.6])}
    assert reference.log_likelihood(inside) == reference.objective.log_likelihood(reference.free(inside))


def test_an_em_without_a_fit_has_no_rule() -> None:
    assert rule_of(subject_of(lambda p: cycle(CASE.audit.data, p), CASE), REFERENCE) is Rule.UNKNOWN
