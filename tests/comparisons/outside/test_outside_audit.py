"""The audit of an outside EM: by the steps that the model's `log_joint` implies, else by the likelihood alone."""

from dataclasses import replace

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest
from click.testing import CliRunner
from scipy.stats import binom, norm

from comparisons import InputError, bind, check_em, crosscheck
from comparisons.audit.exact_cycle import exchanged, named_ratio
from comparisons.catalogue import load
from comparisons.commands.main import main
from comparisons.families import coin_mixture
from comparisons.outside.audited import auditable
from comparisons.outside.derived import DerivedEM

HEADS = np.array([5.0, 9.0, 8.0, 4.0, 7.0])
START = {"weight": [0.5, 0.5], "bias": [0.6, 0.5]}


def coins(named=True, joint_of=lambda joint: joint):
    with pm.Model(coords={"coin": ["A", "B"]}) as model:
        weight = pm.Dirichlet("weight", np.ones(2), dims="coin")
        bias = pm.Uniform("bias", dims="coin")
        joint = pt.log(weight) + pm.logp(pm.Binomial.dist(n=10, p=bias, shape=(5, 2)), HEADS[:, None])
        if named:
            pm.Deterministic("log_joint", joint_of(joint))
        pm.Potential("heads", pt.logsumexp(joint, axis=1))
    return model


def cycle(params, factor=1.0, weighted=1.0, shrunk=0.0):
    joint = weighted * np.log(params["weight"]) + binom.logpmf(HEADS[:, None], 10, params["bias"])
    r = np.exp(joint - joint.max(axis=1, keepdims=True))
    r /= r.sum(axis=1, keepdims=True)
    bias = r.T @ HEADS / (10 * r.sum(axis=0))
    return {"weight": r.mean(axis=0), "bias": factor * (bias - shrunk * (bias - 0.5))}


def outcomes(table):
    return dict(zip(table["check"], table["outcome"], strict=True))


@pytest.fixture(scope="module")
def right():
    return check_em(case=bind(coins(), cycle, start=START))


@pytest.fixture(scope="module")
def wrong():
    """Multiplied by (n - 1) / n, n the number of rows."""
    return check_em(case=bind(coins(), lambda params: cycle(params, factor=4 / 5), start=START))


def test_a_right_em_is_right_by_every_step(right) -> None:
    assert right.attrs["level"] == "right"
    found = outcomes(right)
    for check in ("ascent", "m_step", "symmetry", "fixed_point", "rate", "exact_cycle"):
        assert found[check] == "passed"


def test_its_rate_is_that_of_the_built_in_family(right) -> None:
    """The two derivations of the same model give the largest eigenvalue .82236 (two-coins)."""
    (rate,) = right.loc[right["check"] == "rate", "found"]
    assert rate == "rate 0.82236, largest eigenvalue 0.82236, by PyMC 0.82236"


@pytest.mark.slow
def test_a_wrong_em_is_wrong_and_the_ratio_is_named(wrong) -> None:
    assert wrong.attrs["level"] == "wrong"
    assert outcomes(wrong)["fixed_point"] == "failed"
    (told,) = wrong.loc[wrong["check"] == "exact_cycle", "found"]
    assert "ratio 0.8: bias[" in told
    assert "(n - 1) / n times that of the exact EM" in told


@pytest.mark.slow
def test_without_a_log_joint_the_likelihood_judges() -> None:
    assert check_em(case=bind(coins(named=False), cycle, start=START)).attrs["level"] == "right"
    table = check_em(case=bind(coins(named=False), lambda params: cycle(params, weighted=0.0), start=START))
    assert table.attrs["level"] == "wrong"
    found = outcomes(table)
    assert found["fixed_point"] == "failed"
    assert found["m_step"] == found["exact_cycle"] == "not applicable"


@pytest.mark.slow
def test_another_em_is_audited_on_a_bound_case() -> None:
    table = check_em(lambda params: cycle(params, shrunk=0.1), lambda: bind(coins(), cycle, start=START))
    assert table.attrs["level"] == "wrong"


NUMBERS = np.array([-2.1, -1.7, -1.2, -0.9, -0.4, 0.1, 1.4, 1.8, 2.2, 2.3, 2.9, 3.4])


def two_normals():
    """With a standard deviation each: the likelihood has no bound, as one goes to 0 on a number."""
    with pm.Model(coords={"component": ["low", "high"]}) as model:
        weight = pm.Dirichlet("weight", np.ones(2), dims="component")
        mean = pm.Normal("mean", 0, 3, dims="component")
        sd = pm.HalfNormal("sd", 2, dims="component")
        joint = pm.Deterministic("log_joint", pt.log(weight) + pm.logp(pm.Normal.dist(mean, sd), NUMBERS[:, None]))
        pm.Potential("numbers", pt.logsumexp(joint, axis=1))
    return model


def of_two_normals(params, factor=1.0):
    joint = np.log(params["weight"]) + norm.logpdf(NUMBERS[:, None], params["mean"], params["sd"])
    r = np.exp(joint - np.logaddexp.reduce(joint, axis=1)[:, None])
    size = r.sum(axis=0)
    mean = NUMBERS @ r / size
    variance = factor * (r * (NUMBERS[:, None] - mean) ** 2).sum(axis=0) / size
    return {"weight": r.mean(axis=0), "mean": mean, "sd": np.sqrt(variance)}


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)])
def test_an_em_that_goes_where_the_likelihood_has_no_bound_is_right(seed) -> None:
    table = check_em(of_two_normals, bind(two_normals, of_two_normals), seed=seed)
    assert table.attrs["level"] == "right", table.to_string()


@pytest.mark.slow
def test_a_wrong_em_is_wrong_where_the_likelihood_has_no_bound() -> None:
    table = check_em(lambda params: of_two_normals(params, 12 / 11), bind(two_normals, of_two_normals))
    assert table.attrs["level"] == "wrong"
    assert outcomes(table)["fixed_point"] == "failed"


def test_a_log_joint_that_is_another_likelihood_is_one_line() -> None:
    case = bind(coins(joint_of=lambda joint: joint + 1), cycle)
    with pytest.raises(InputError, match="log_joint: summed over the states it gives the log-likelihood"):
        auditable(case)
    case = bind(coins(joint_of=lambda joint: joint.sum()), cycle)
    with pytest.raises(InputError, match=r"log_joint has shape \(\), expected observations x latent states"):
        auditable(case)
    with pytest.raises(InputError, match="the model names no log_joint"):
        DerivedEM(coins(named=False))


@pytest.mark.slow
def test_the_derived_em_is_the_hand_written_one() -> None:
    """Cycle by cycle as `em_reference`; and bound in place of an EM of one's own, it is cross-checked like one."""
    em = DerivedEM(coins())
    case = load("two-coins")
    rng = np.random.default_rng(0)
    for _ in range(3):
        start = {"weight": rng.dirichlet(np.ones(2)), "bias": rng.random(2)}
        counts, value = em.e_step(start)
        expected = case.em.e_step(case.to_em(start))
        assert value == pytest.approx(float(expected.log_likelihood), rel=1e-12)
        np.testing.assert_allclose(
            counts["responsibilities"].sum(axis=0), expected.expected_counts.sequences, rtol=1e-9
        )
        after, by_hand = em.m_step(counts, start), case.one_cycle(start)
        for name, values in by_hand.items():
            np.testing.assert_allclose(after[name], values, rtol=1e-8)
    assert crosscheck(bind(coins(), em, start=START), 2).verdict == "agree"


def test_the_derived_em_counts_every_row_as_often_as_it_was_seen() -> None:
    often = np.array([1.0, 2.0, 1.0, 3.0, 1.0])
    with coins() as model:
        pm.Data("row_frequency", often)
    em = DerivedEM(model)
    case = coin_mixture.bind("x", HEADS, np.full(5, 10.0), 2, frequencies=often)
    start = {"weight": np.array([0.4, 0.6]), "bias": np.array([0.3, 0.7])}
    after, by_hand = em.m_step(em.e_step(start)[0], start), case.one_cycle(start)
    for name, values in by_hand.items():
        np.testing.assert_allclose(after[name], values, rtol=1e-8)


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (20 / 19, "n / (n - 1) times"),
        (-1.0, "minus"),
        (2.0, "twice"),
        (1.702, "1.702 (the scale of the normal ogive) times"),
        (3.0, "3 (the number of labels of coin) times"),
        (1.1, ""),
    ],
)
def test_simple_ratios_have_names(ratio, words) -> None:
    case = coin_mixture.bind("x", HEADS, np.full(5, 10.0), 3)
    assert named_ratio(ratio, 20.0, case) == words


def test_an_exchange_of_two_entries_is_told() -> None:
    case = load("two-coins")
    exact = {"weight": np.array([0.3, 0.7]), "bias": np.array([0.2, 0.8])}
    assert exchanged(case, {**exact, "bias": exact["bias"][::-1]}, exact) == (
        "bias[coin1] and bias[coin2] have each other's value"
    )
    assert exchanged(case, {**exact, "bias": exact["bias"] * 1.1}, exact) == ""


# ---- command line ------------------------------------------------------------------------------------

MY_MODELS = """
import numpy as np
import pymc as pm
from comparisons import bind

Y = np.array([1.0, 2.0, 4.0])

def em(params):
    return {"rate": (params["rate"] + 3 / Y.sum()) / 2}

def wrong(params):
    return {"rate": (params["rate"] + 2 / Y.sum()) / 2}

def case():
    with pm.Model() as model:
        rate = pm.HalfFlat("rate")
        pm.Exponential("y", rate, observed=Y)
    return bind(model, em)

def broken():
    return 1 / 0

number = 3
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_outside_models.py").write_text(MY_MODELS)
    return tmp_path


@pytest.mark.parametrize("module", ["my_outside_models", "my_outside_models.py"])
def test_a_case_of_ones_own_is_run_and_reported(home, module) -> None:
    result = CliRunner().invoke(main, ["run", f"{module}:case", "--starts", "3", "--out", "out"])
    assert result.exit_code == 0, result.output
    assert "EM and PyMC agree" in result.output
    assert (home / "out" / "case" / "report.md").exists()


@pytest.mark.parametrize(("em", "status", "words"), [([], 0, "Right."), (["my_outside_models:wrong"], 1, "Wrong.")])
def test_a_case_of_ones_own_is_audited(home, em, status, words) -> None:
    result = CliRunner().invoke(main, ["check", *em, "--case", "my_outside_models:case"])
    assert result.exit_code == status, result.output
    assert words in result.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "my_outside_models:nothing"], "my_outside_models has no 'nothing'"),
        (["run", "not_there.py:case"], "not_there.py:case: no file 'not_there.py'"),
        (["run", "my_outside_models:em"], "takes (params), expected a function () that makes a case"),
        (["run", "my_outside_models:number"], "a int, expected a case of comparisons.bind"),
        (["run", "my_outside_models:broken"], "ZeroDivisionError: division by zero"),
        (["check", "--case", "my_outside_models:Y"], "a ndarray, expected a case of comparisons.bind"),
        (["check", "my_outside_models:em"], "expected --problem NAME, or --case MODULE:NAME"),
        (["check", "--problem", "coins"], "expected MODULE:NAME, or --command COMMAND"),
    ],
)
def test_what_is_no_case_is_one_line(home, arguments, words) -> None:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert words in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_a_problem_may_be_given_by_its_name_or_by_a_function() -> None:
    by_name = crosscheck("two-coins", 2)
    by_function = crosscheck(lambda: replace(load("two-coins"), title="mine"), 2)
    assert by_name.verdict == by_function.verdict == "agree"
