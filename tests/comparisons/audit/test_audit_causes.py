"""The explanation of a failure names the mistake that was made."""

import numpy as np
import pytest
from audit_causes import ZOO, named
from audit_zoo import BUGS, Bug, data
from scipy.special import xlogy

from comparisons import catalogue
from comparisons.audit import check_em, guard, subject_of
from comparisons.audit.causes import faint_cause, likely_cause
from comparisons.audit.constants import in_words
from comparisons.audit.reference import Reference
from comparisons.case import Case

COINS = [bug for bug in BUGS if bug.case == "coins" and not bug.remark]
# In these the estimates are right, or what is wrong is the finding itself and needs no explanation.
REPORTS = ("reported_log_likelihood", "stopping", "standard_errors", "edge_cases", "weights", "missing", "other_data")
ITSELF = ("OverRelaxed", "InPlace", "ChangesData", "WrongShape", "SumOfWeights", "LikelihoodWithoutFrequency")


def explained(bug: Bug) -> str:
    """The first "usually" of an audit, or the finding where there is none."""
    guard.time_limit.set(20.0)
    table = check_em(factory=bug.make, case=data.case(bug.case), time_limit=0.1 if bug.name == "Hangs" else 20.0)
    first = table[table["outcome"] == "failed"].iloc[0]
    return first["meaning"] or first["found"]


@pytest.mark.parametrize(
    "bug", [bug for bug in COINS if bug.check not in REPORTS and bug.name not in ITSELF], ids=lambda bug: bug.name
)
def test_a_mistake_with_the_same_numbers_is_named(bug: Bug) -> None:
    subject, reference = subject_of(None, data.case(bug.case), bug.make), data.reference(bug.case)
    assert named(ZOO, bug.name, likely_cause(subject, reference) or faint_cause(subject, reference))


@pytest.mark.slow
def test_the_first_explanation_names_the_cause_of_most_bugs() -> None:
    wrong = [bug for bug in BUGS if not bug.remark]
    missed = [bug.name for bug in wrong if not named(ZOO, bug.name, explained(bug))]
    assert len(missed) <= 0.2 * len(wrong), missed


@pytest.fixture(scope="module")
def two_coins() -> tuple[Case, Reference]:
    case = catalogue.load("two-coins")
    return case, Reference(case)


def cause(step: object, two_coins: tuple[Case, Reference]) -> str:
    case, reference = two_coins
    return likely_cause(subject_of(step, case), reference)


def e_step(case: Case, params: dict[str, np.ndarray]) -> tuple[np.ndarray, ...]:
    assert case.audit is not None
    heads, flips = case.audit.data["heads"][:, None], case.audit.data["flips"][:, None]
    joint = np.log(params["weight"]) + xlogy(heads, params["bias"]) + xlogy(flips - heads, 1 - params["bias"])
    posterior = np.exp(joint - joint.max(axis=1, keepdims=True))
    posterior = posterior / posterior.sum(axis=1, keepdims=True)
    return posterior.sum(axis=0), (posterior * heads).sum(axis=0), (posterior * flips).sum(axis=0)


@pytest.mark.parametrize("added", [0.02, 0.5, 3.0])
def test_the_size_of_a_smoothing_is_told(two_coins, added) -> None:
    def step(params):
        size, heads, flips = e_step(two_coins[0], params)
        return {"weight": size / size.sum(), "bias": (heads + added) / (flips + 2 * added)}

    assert cause(step, two_coins).startswith(f"{added:g} is added to the expected heads and twice as much to the flips")


@pytest.mark.parametrize("factor", [1.3, 0.4])
def test_the_factor_of_an_over_relaxed_step_is_told(two_coins, factor) -> None:
    def step(params):
        size, heads, flips = e_step(two_coins[0], params)
        new = {"weight": size / size.sum(), "bias": heads / flips}
        return {name: params[name] + factor * (new[name] - params[name]) for name in new}

    assert cause(step, two_coins) == f"the step is {factor:g} times that of EM, over-relaxed"


def test_a_parameter_that_stays_is_told(two_coins) -> None:
    def step(params):
        _, heads, flips = e_step(two_coins[0], params)
        return {"weight": params["weight"], "bias": heads / flips}

    assert cause(step, two_coins) == "weight is never updated"


def test_a_right_em_has_no_cause(two_coins) -> None:
    def step(params):
        size, heads, flips = e_step(two_coins[0], params)
        return {"weight": size / size.sum(), "bias": heads / flips}

    assert cause(step, two_coins) == ""


def test_a_mistake_that_nobody_thought_of_is_not_taken_for_another(two_coins) -> None:
    def step(params):
        size, heads, flips = e_step(two_coins[0], params)
        weight, bias = size / size.sum(), heads / flips
        return {"weight": weight, "bias": np.clip(bias + 0.05 * np.sin(40 * bias[::-1]) * weight, 0.01, 0.99)}

    assert cause(step, two_coins) == ""


@pytest.mark.parametrize(
    ("number", "words"), [(2**-0.5, "1 / the root of 2"), (1.702, "1.702"), (0.1234567, "0.123457"), (-3.0, "-3")]
)
def test_numbers_are_called_by_their_names(number, words) -> None:
    assert in_words(number) == words
