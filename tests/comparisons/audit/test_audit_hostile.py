"""EMs that are right but unusual, and EMs that do to the audit what no EM should: each is one finding."""

import numpy as np
import pytest
from audit_zoo import data, textbook
from scipy.optimize import minimize
from scipy.special import expit, logit

from comparisons.audit import Outcome, check_em, run_check, subject_of

COINS = data.case("coins")


def found(check: str, em=None, factory=None, problem: str = "coins"):
    return run_check(check, subject_of(em, data.case(problem), factory), data.reference(problem))


class ItemsFirst(textbook.TwoPL):
    """Items by nodes, with attempts although no response is missing."""

    def e_step(self, p):
        counts, value = super().e_step(p)
        correct = counts["correct"].T
        return {**counts, "correct": correct, "attempts": np.tile(counts["examinees"], (len(correct), 1))}, value

    def m_step(self, counts, p):
        return super().m_step({**counts, "correct": counts["correct"].T, "attempts": counts["attempts"].T}, p)


def test_counts_that_only_the_em_has_may_be_items_by_nodes() -> None:
    assert found("fisher", factory=ItemsFirst, problem="2PL").outcome is Outcome.PASSED


class KeepsInData(textbook.Coins):
    def __init__(self, data):
        super().__init__(data)
        data["tails"] = data["flips"] - data["heads"]
        data.pop("frequencies")


def test_the_dict_of_data_is_the_factorys_own() -> None:
    assert found("ascent", factory=KeepsInData).outcome is Outcome.PASSED
    assert found("weights", factory=KeepsInData).outcome is Outcome.PASSED


class KeepsInParameters(textbook.Coins):
    def e_step(self, p):
        p["log_bias"] = np.log(p["bias"])
        return super().e_step(p)


def test_a_key_added_to_the_parameters_is_a_change_of_the_input() -> None:
    assert found("ascent", factory=KeepsInParameters).found == "e_step changed its input in place"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"cycles": np.nan}, "'cycles' = nan"),
        ({"cycles": np.inf}, "'cycles' = inf"),
        ({"converged": np.ones(3)}, "'converged' of shape (3,)"),
    ],
)
def test_a_fit_that_reports_nonsense(said, words) -> None:
    class Fits(textbook.Coins):
        def fit(self, start, max_cycles=None):
            return {"params": start, **said}

    assert words in found("stopping", factory=Fits).found


class AnswersAll:
    def __getattr__(self, name):
        return AnswersAll()

    def __call__(self, *arguments):
        return AnswersAll()


class NotFitted(textbook.Coins):
    @property
    def fit(self):
        raise RuntimeError("not fitted yet")


@pytest.mark.parametrize(("factory", "words"), [(AnswersAll, "parameter_order"), (NotFitted, "not fitted yet")])
def test_attributes_that_are_not_what_they_seem(factory, words) -> None:
    table = check_em(factory=lambda data: factory() if factory is AnswersAll else factory(data), case=COINS)
    assert list(table["check"]) == ["the EM itself"]
    assert words in table["found"][0]


class Own(BaseException):
    pass


@pytest.mark.parametrize("error", [Own("mine"), GeneratorExit("mine")])
def test_an_error_that_is_no_exception_is_a_finding(error) -> None:
    def step(p):
        raise error

    assert "mine" in found("ascent", step).found


def test_the_persons_interrupt_ends_the_audit() -> None:
    def step(p):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        found("ascent", step)


@pytest.mark.parametrize("change", [lambda v: v + 1j, lambda v: [str(x) for x in v]])
def test_parameters_that_are_no_real_numbers(change) -> None:
    class Odd(textbook.Coins):
        def m_step(self, counts, p):
            return {name: change(values) for name, values in super().m_step(counts, p).items()}

    assert "expected real numbers" in found("ascent", factory=Odd).found


def test_a_value_error_of_a_computation_is_no_refusal() -> None:
    class Accident(textbook.Coins):
        def __init__(self, data):
            super().__init__(data)
            if np.ptp(self.heads) == 0:
                np.zeros(2) + np.zeros(3)

    finding = found("edge_cases", factory=Accident)
    assert finding.outcome is Outcome.REMARK
    assert "could not be broadcast" in finding.found


def test_an_em_that_keeps_the_data_of_the_first_one() -> None:
    class Cached(textbook.Coins):
        first: dict = {}  # noqa: RUF012

        def __init__(self, data):
            super().__init__(data)
            self.__dict__.update({k: Cached.first.setdefault(k, v) for k, v in self.__dict__.items()})

    assert found("weights", factory=Cached).outcome is Outcome.FAILED


def saddle(data, start):
    share = data["frequencies"] @ data["heads"] / (data["frequencies"] @ data["flips"])
    return {"weight": np.array([0.5, 0.5]), "bias": np.array([share, share])}


def test_a_fit_that_returns_a_saddle() -> None:
    assert "at a saddle" in found("stopping", saddle).found


class Prior(textbook.Coins):
    """A prior left in, in the fit alone."""

    def fit(self, start, max_cycles=None):
        other = textbook.Coins.__new__(textbook.Coins)
        other.__dict__.update(self.__dict__)
        other.m_step = lambda c, p: self.m_step({**c, "heads": c["heads"] + 0.02, "flips": c["flips"] + 0.04}, p)
        return other.fit(start, max_cycles)


class Rounded(textbook.Coins):
    def fit(self, start, max_cycles=None):
        done = super().fit(start, max_cycles)
        return {**done, "params": {name: np.round(values, 3) for name, values in done["params"].items()}}


class Loose(textbook.Coins):
    """Stops early, at a change of 1e-4: no error, as long as it is near."""

    tolerance = 1e-4


@pytest.mark.parametrize(
    ("factory", "outcome"), [(Prior, Outcome.FAILED), (Rounded, Outcome.FAILED), (Loose, Outcome.PASSED)]
)
def test_a_fit_ends_where_its_own_cycle_leads(factory, outcome) -> None:
    assert found("stopping", factory=factory).outcome is outcome


class ByOptimiser(textbook.Coins):
    """M-step by SciPy's BFGS at its usual tolerance, on logits."""

    def m_step(self, counts, p):
        heads, flips = counts["heads"], counts["flips"]

        def falling(z):
            return flips @ np.logaddexp(0, z) - heads @ z, flips * expit(z) - heads

        bias = expit(minimize(falling, logit(p["bias"]), jac=True, method="BFGS", options={"gtol": 1e-3}).x)
        return self.named(counts["sequences"] / counts["sequences"].sum(), bias)


def test_an_m_step_by_an_optimiser_is_generalised() -> None:
    assert found("m_step", factory=ByOptimiser).outcome is Outcome.GENERALISED


def test_an_m_step_on_wrong_counts_is_not_blamed() -> None:
    class Twice(textbook.Coins):
        def e_step(self, p):
            counts, value = super().e_step(p)
            return {**counts, "heads": counts["heads"] / 2}, value

    finding = found("m_step", factory=Twice)
    assert "it may follow from them" in finding.found
    assert not finding.meaning


def test_trouble_on_other_data_has_no_hint_at_a_cause() -> None:
    class Fragile(textbook.Coins):
        def __init__(self, data):
            super().__init__(data)
            if len(self.heads) != len(COINS.audit.data["heads"]):
                raise KeyError("other data")

    finding = found("weights", factory=Fragile)
    assert (finding.outcome, finding.meaning) == (Outcome.FAILED, "")


def test_every_edge_case_that_fails_is_named() -> None:
    class Careless(textbook.Coins):
        def m_step(self, counts, params):
            if np.ptp(self.heads) == 0:
                raise IndexError("no spread")
            if len(self.heads) == 4 and max(self.heads) > 10:
                raise KeyError("too many flips")
            return super().m_step(counts, params)

    finding = found("edge_cases", factory=Careless)
    assert finding.outcome is Outcome.REMARK
    cases = "one sequence, all sequences equal, all heads"
    assert finding.found.startswith(f"not robust at edges: {cases}: m_step raised IndexError: no spread")
    assert "; a thousand flips: m_step raised KeyError" in finding.found
    assert finding.at
