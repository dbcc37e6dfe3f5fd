"""Three levels: wrong, right with remarks, right; what is a remark, and what the command makes of it."""

import numpy as np
import pytest
from audit_zoo import data, textbook
from scipy.optimize import minimize
from scipy.special import expit, logit

from comparisons.audit import Outcome, check_em, run_check, subject_of
from comparisons.audit.constants import compared, related
from comparisons.audit.copies import copies, difference
from comparisons.audit.reference import Reference
from comparisons.families import coin_mixture

COINS = data.case("coins")


def level(factory, case=COINS, **more) -> str:
    return check_em(factory=factory, case=case, data_only=True, **more).attrs["level"]


def found(check: str, factory, problem: str = "coins"):
    return run_check(check, subject_of(None, data.case(problem), factory), data.reference(problem))


class Sorted(textbook.Coins):
    """Components in the order of their biases after every cycle, the weights along."""

    def m_step(self, counts, p):
        new = super().m_step(counts, p)
        order = np.argsort(new["bias"])
        return {name: values[order] for name, values in new.items()}


class InOrder(textbook.Coins):
    """ECM: the second coin from posteriors that know the first one's new bias."""

    e_step = None

    def step(self, p):
        first = self.m_step(textbook.Coins.e_step(self, p)[0], p)
        half = {"weight": p["weight"], "bias": np.array([first["bias"][0], p["bias"][1]])}
        return self.m_step(textbook.Coins.e_step(self, half)[0], half)

    def fit(self, start, max_cycles=None):
        p = start
        for _ in range(max_cycles or 3_000):
            p = self.step(p)
        return p


class Relaxed(textbook.Coins):
    """1.3 times the step, unless the log-likelihood falls."""

    e_step = None

    def value(self, p):
        return textbook.Coins.e_step(self, p)[1]

    def step(self, p):
        new = self.m_step(textbook.Coins.e_step(self, p)[0], p)
        longer = {name: np.clip(p[name] + 1.3 * (new[name] - p[name]), 1e-9, 1 - 1e-9) for name in p}
        longer["weight"] = longer["weight"] / longer["weight"].sum()
        return longer if self.value(longer) >= self.value(p) else new

    fit = None


class Refuses(textbook.TwoPL):
    """Positive slopes only."""

    def e_step(self, p):
        if (p["a"] <= 0).any():
            raise ValueError("slopes must be positive")
        return super().e_step(p)

    fit = None


class EarlyStop(textbook.Coins):
    tolerance = 3e-3


@pytest.mark.parametrize(
    ("factory", "check", "outcome"),
    [
        (Sorted, "symmetry", Outcome.PASSED),
        (Sorted, "m_step", Outcome.PASSED),
        (Sorted, "rate", Outcome.PASSED),
        (InOrder, "symmetry", Outcome.GENERALISED),
        (Relaxed, "rate", Outcome.ACCELERATED),
        (EarlyStop, "stopping", Outcome.REMARK),
    ],
)
def test_what_is_right_and_unusual_is_no_failure(factory, check, outcome) -> None:
    assert found(check, factory).outcome is outcome


@pytest.mark.parametrize(
    ("factory", "expected"),
    [
        (textbook.Coins, "right"),
        pytest.param(Sorted, "right", marks=pytest.mark.slow),
        pytest.param(Relaxed, "right, with remarks", marks=pytest.mark.slow),
        (EarlyStop, "right, with remarks"),
        (lambda d: Sorted({**d, "heads": d["heads"] + 0.01}), "wrong"),
    ],
)
def test_levels(factory, expected) -> None:
    assert level(factory) == expected


def test_an_em_is_judged_inside_its_domain_and_the_refusal_is_said_once() -> None:
    table = check_em(factory=Refuses, case=data.case("2PL"), data_only=True).set_index("check")
    assert table.attrs["level"] == "right, with remarks"
    assert "slopes must be positive" in table.loc["domain", "found"]
    assert [name for name, row in table.iterrows() if "slopes must be positive" in row["found"]] == ["domain"]
    assert table.loc["m_step", "outcome"] == table.loc["fixed_point", "outcome"] == "passed"


class ByOptimiser(textbook.Coins):
    """The biases by L-BFGS-B at its defaults."""

    def m_step(self, counts, p):
        heads, flips = counts["heads"], counts["flips"]

        def falling(z):
            return flips @ np.logaddexp(0, z) - heads @ z, flips * expit(z) - heads

        bias = expit(minimize(falling, logit(np.clip(p["bias"], 1e-9, 1 - 1e-9)), jac=True, method="L-BFGS-B").x)
        return self.named(counts["sequences"] / counts["sequences"].sum(), bias)


def test_the_tolerance_of_an_inner_optimiser_is_no_failure() -> None:
    assert level(ByOptimiser) != "wrong"


class SignedStop(textbook.Coins):
    """Stops when the second bias no longer grows: at once, where it falls."""

    def fit(self, start, max_cycles=None):
        p = start
        for cycle in range(1, (max_cycles or 3_000) + 1):  # noqa: B007
            new = self.step(p)
            change, p = new["bias"][1] - p["bias"][1], new
            if change < 1e-10:
                break
        return self.result(p, True, cycle)


def test_a_stop_on_the_signed_change_is_found_from_the_other_side() -> None:
    finding = found("stopping", SignedStop)
    assert finding.outcome is Outcome.FAILED
    assert "sign" in finding.meaning


def told(**changed):
    class Tells(textbook.Coins):
        def result(self, p, converged, cycle):
            said = super().result(p, converged, cycle)
            return {**said, **{name: change(said) for name, change in changed.items()}}

    return Tells


@pytest.mark.parametrize(
    ("check", "factory", "words"),
    [
        ("stopping", told(converged=lambda said: False), "it says that it did not converge"),
        ("stopping", told(converged=lambda said: True), "it says that it converged"),
        ("stopping", told(cycles=lambda said: said["cycles"] - 1), "cycles and took"),
        ("stopping", told(cycles=lambda said: 2 * said["cycles"]), "cycles and took"),
        ("reported_log_likelihood", told(log_likelihood=lambda said: -said["log_likelihood"]), "minus the right one"),
        ("reported_log_likelihood", told(log_likelihood=lambda said: -2 * said["log_likelihood"]), "a deviance"),
        ("reported_log_likelihood", told(log_likelihood=lambda said: -1234.5), "it reports -1234.5"),
        (
            "reported_log_likelihood",
            told(log_likelihood=lambda said: said["log_likelihood"] + 3.25),
            "only the binomial",
        ),
        ("reported_log_likelihood", told(log_likelihood=lambda said: said["log_likelihood"] / 31), "its mean"),
    ],
)
def test_what_a_fit_says_of_itself_is_checked(check, factory, words) -> None:
    finding = found(check, factory)
    assert finding.outcome is Outcome.FAILED
    assert words in finding.found + finding.meaning


def test_a_limit_that_is_not_used_is_found() -> None:
    class Unlimited(textbook.Coins):
        def fit(self, start, max_cycles=None):
            return super().fit(start)

    assert "allows 2" in found("stopping", Unlimited).found


def test_a_plain_fit_may_not_report_a_constant() -> None:
    def fit(data, start):
        return {**textbook.Coins(data).fit(start), "log_likelihood": -1234.5}

    finding = run_check("reported_log_likelihood", subject_of(fit, COINS), data.reference("coins"))
    assert finding.outcome is Outcome.FAILED


def test_standard_errors_in_the_dict_of_a_fit_are_compared() -> None:
    errors = np.array([0.1, 0.1])
    finding = found("standard_errors", told(standard_errors=lambda said: {"weight": errors, "bias": errors}))
    assert finding.outcome is Outcome.FAILED
    right = data.reference("coins")
    from comparisons.optima.standard_errors import standard_errors

    by_pymc = standard_errors(right.compiled, right.top.natural)
    half = {"weight": by_pymc[:2] / np.sqrt(2), "bias": by_pymc[2:] / np.sqrt(2)}
    assert (
        "1 / the root of 2 times the right one"
        in found("standard_errors", told(standard_errors=lambda said: half)).found
    )
    exact = {"weight": by_pymc[:2] * 1.0002, "bias": by_pymc[2:]}
    assert found("standard_errors", told(standard_errors=lambda said: exact)).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("ours", "words"),
    [
        (lambda x: -x, "minus the right one"),
        (lambda x: 2 * x, "twice the right one"),
        (lambda x: x / 20, "0.05 times the right one"),
        (lambda x: x + 7.5, "the right one plus 7.5 at every point"),
        (lambda x: x**2, ""),
        (lambda x: x, ""),
    ],
)
def test_simple_relations_are_named(ours, words) -> None:
    values = np.array([-10.0, -12.5, -31.0])
    assert related(ours(values), values) == words


def test_only_named_constants_are_forgiven() -> None:
    theirs = np.array([-10.0, -12.0])
    one = compared(theirs - 3.0, theirs, {"the factorials": -3.0, "log 2 pi": 5.0})
    assert (one.names, np.abs(one.gap).max()) == ("the factorials", 0.0)
    both = compared(theirs + 2.0, theirs, {"the factorials": -3.0, "log 2 pi": 5.0})
    assert both.names == "the factorials and log 2 pi"
    assert np.abs(compared(theirs - 2.9, theirs, {"the factorials": -3.0}).gap).max() == pytest.approx(0.1)


def test_copies_are_all_orders_of_the_components() -> None:
    case = Reference(data.case("coins")).case
    natural = {"weight": np.array([0.2, 0.8]), "bias": np.array([0.3, 0.6])}
    assert len(copies(case.audit.symmetries, natural)) == 2
    swapped = {name: values[::-1] for name, values in natural.items()}
    assert difference(case, swapped, natural) == 0.0
    mixed = {"weight": natural["weight"][::-1], "bias": natural["bias"]}
    assert difference(case, mixed, natural) > 0.1


@pytest.mark.slow
def test_a_little_smoothing_is_found_on_a_ridge_through_a_map_only() -> None:
    # Three equal sequences: any two coins whose mean is theirs are one maximum, where no standard errors are.
    heads, flips = np.array([4.0, 4, 4]), np.full(3, 10.0)
    case = coin_mixture.bind("ridge", heads, flips, 2)

    def smoothed(added: float):
        def step(params):
            posterior = params["weight"] * params["bias"] ** 4 * (1 - params["bias"]) ** 6
            posterior = posterior / posterior.sum()
            size = 3 * posterior
            return {"weight": posterior, "bias": (4 * size + added) / (10 * size + 2 * added)}

        return step

    assert check_em(smoothed(0.0), case).attrs["level"] != "wrong"
    assert check_em(smoothed(0.01), case).attrs["level"] == "wrong"
