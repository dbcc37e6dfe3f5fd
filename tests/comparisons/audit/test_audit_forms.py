"""Every form in which an EM may come: what applies is checked, what does not is said with its reason."""

from types import SimpleNamespace

import numpy as np
import pytest
from audit_zoo import data, textbook

from comparisons.audit import CHECKS, Finding, Outcome, check_em, guard, run_check, subject_of

STEPS = {"log_likelihood", "expected_counts", "mass", "fisher"}
CYCLE = {"m_step", "symmetry", "rate", "exact_cycle"}
FIT = {"reported_log_likelihood", "stopping"}
OTHER_DATA = {"weights", "other_data"}
# Of the coins: they have no missing responses, and nobody here offers standard errors.
NEVER = {"missing", "standard_errors"}
CASE = data.case("coins")
EM = textbook.Coins(CASE.audit.data)
ORDER = ("bias", "weight")


def findings(em=None, factory=None) -> dict[str, Finding]:
    subject = subject_of(em, CASE, factory)
    return {name: run_check(name, subject, data.reference("coins")) for name in CHECKS}


def names(found: dict[str, Finding], outcome: Outcome) -> set[str]:
    return {name for name, finding in found.items() if finding.outcome is outcome}


def by_name(flat):
    return dict(zip(ORDER, np.split(np.asarray(flat), 2), strict=True))


def in_a_row(p):
    return np.concatenate([p[name] for name in ORDER])


class FlatEM:
    """Flat arrays in a stated order, an M-step of the counts alone, counts without names."""

    parameter_order = ORDER

    def e_step(self, flat):
        counts, value = EM.e_step(by_name(flat))
        return np.concatenate(list(counts.values())), value

    def m_step(self, counts):
        return in_a_row(EM.m_step(dict(zip(("sequences", "heads", "flips"), np.split(counts, 3), strict=True)), {}))


EM_OF_COUNTS = type("Guarded", (textbook.Coins,), {"m_step": lambda self, c, p: self.named(
    c["sequences"] / c["sequences"].sum(), c["heads"] / np.maximum(c["flips"], 1e-300))})  # fmt: skip
EM = EM_OF_COUNTS(CASE.audit.data)


def flat_map(flat):
    return in_a_row(EM.step(by_name(flat)))


flat_map.parameter_order = ORDER


def fit_of_data(data, start):
    return textbook.Coins(data).fit(start)["params"]


class OnlyFit:
    def __init__(self, em=EM):
        self.em = em

    def fit(self, start):
        return SimpleNamespace(**self.em.fit(start))


@pytest.mark.parametrize(
    ("given", "not_applicable"),
    [
        ({"factory": textbook.Coins}, NEVER),
        ({"em": EM}, NEVER | OTHER_DATA),
        ({"em": EM.step}, NEVER | STEPS | FIT | OTHER_DATA),
        ({"em": flat_map}, NEVER | STEPS | FIT | OTHER_DATA),
        ({"em": FlatEM()}, NEVER | FIT | OTHER_DATA | {"expected_counts", "mass", "fisher"}),
        ({"em": fit_of_data}, NEVER | STEPS | CYCLE | {"reported_log_likelihood"}),
        ({"em": OnlyFit()}, NEVER | STEPS | CYCLE | OTHER_DATA),
        ({"factory": lambda d: OnlyFit(EM_OF_COUNTS(d))}, NEVER | STEPS | CYCLE),
        ({"em": CASE.em}, NEVER - {"standard_errors"} | OTHER_DATA),
    ],
    ids=["factory", "object", "map", "flat map", "flat steps", "fit of data", "fit", "factory of fits", "ours"],
)
def test_form(given, not_applicable) -> None:
    found = findings(**given)
    assert names(found, Outcome.FAILED) == set()
    assert names(found, Outcome.GENERALISED) == set()
    assert names(found, Outcome.NOT_APPLICABLE) == not_applicable
    assert all(finding.found and not finding.meaning for finding in found.values())


def broken(step):
    return {name: found for name, found in findings(step).items() if found.outcome is Outcome.FAILED}


def rude(p):
    raise KeyError("no such thing")


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (rude, "raised KeyError"),
        (lambda p: {**p, "bias": p["bias"] * np.nan}, "'bias' = [nan nan], expected finite numbers"),
        (lambda p: {**p, "bias": np.ones(3)}, "of shape (3,), expected (2,)"),
        (lambda p: {"weight": p["weight"]}, "returned no 'bias'"),
        (lambda p: None, "returned NoneType, expected a dict with weight, bias"),
        (lambda p: {**p, "bias": ["a", "b"]}, "expected real numbers"),
        (lambda p: {**p, "bias": p["bias"] + 2}, "must lie between 0 and 1"),
        (lambda p: {**p, "weight": p["weight"] * 2}, "add up to 1"),
        (lambda p: p["bias"].sort() or p["weight"].sort() or EM.step(p), "changed its input in place"),
        (lambda p: exit(3), "raised SystemExit"),
    ],
)
def test_bad_behaviour_is_a_finding_and_the_checks_go_on(step, words) -> None:
    found = broken(step)
    assert {"ascent", "m_step", "fixed_point"} <= set(found)
    assert words in found["ascent"].found


def test_a_step_that_hangs_is_interrupted_even_if_it_swallows_errors() -> None:
    def stubborn(p):
        while True:
            try:
                while True:
                    pass
            except Exception:
                continue

    token = guard.time_limit.set(0.05)
    found = run_check("ascent", subject_of(stubborn, CASE), data.reference("coins"))
    guard.time_limit.reset(token)
    assert "did not return within 0.05 seconds" in found.found


def test_data_changed_in_place_are_restored_for_the_next_check() -> None:
    class Greedy(textbook.Coins):
        def fit(self, start, max_cycles=None):
            self.heads[:] = 1
            return super().fit(start, max_cycles)

    subject = subject_of(None, CASE, Greedy)
    assert run_check("stopping", subject, data.reference("coins")).found == "it changed the data that it was given"
    assert run_check("ascent", subject, data.reference("coins")).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("em", "words"),
    [(3, "expected e_step and m_step"), (SimpleNamespace(parameter_order="d"), "parameter_order is 'd'")],
)
def test_what_is_no_em_is_one_row(em, words) -> None:
    table = check_em(em, CASE)
    assert list(table["check"]) == ["the EM itself"]
    assert words in table["found"][0]


def test_a_case_is_needed() -> None:
    with pytest.raises(ValueError, match="needs a case"):
        check_em(EM)


def test_an_em_that_refuses_missing_responses_is_not_faulted() -> None:
    class Refuses(textbook.TwoPL):
        def __init__(self, data):
            if np.isnan(data["responses"]).any():
                raise ValueError("no missing responses, please")
            super().__init__(data)

    found = run_check("missing", subject_of(None, data.case("2PL"), Refuses), data.reference("2PL"))
    assert found.outcome is Outcome.NOT_APPLICABLE
    assert "no missing responses, please" in found.found


def test_an_em_that_changes_its_data_is_told_so_by_the_first_check() -> None:
    class Divides:
        def __init__(self, given):
            self.given, self.em = given, textbook.Coins({**given, "heads": given["heads"].copy()})

        def step(self, p):
            self.given["heads"][0] += 1
            return self.em.step(p)

    table = check_em(factory=Divides, case=CASE, data_only=True)
    assert table["found"][table["outcome"] == "failed"].iloc[0] == "it changed the data that it was given"
