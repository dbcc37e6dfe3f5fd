"""Published packages: the adapters translate and nothing else, and a planted early stop or lie shows in the report."""

import logging
import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.special import expit

from comparisons import catalogue, peers
from comparisons.adjudicate import Verdict, adjudicate
from comparisons.adjudicate.estimates import returned
from comparisons.adjudicate.known_optima import known_optima
from comparisons.audit.forms import main_array, spread
from comparisons.case import Array, Case, InputError, Natural
from comparisons.commands.main import main
from comparisons.optima.kinds import Kind
from comparisons.peers import Peer, Problem, Setting, _item_responses, _study, girth, mirt, stepmix
from comparisons.report import peers as report
from em_reference.em import Status, StopRule, em
from em_reference.quadrature import gauss_hermite

ADAPTERS = (mirt, girth)


@pytest.fixture(scope="module")
def observations(lsat6_case: Case) -> Array:
    """LSAT-6, one row per examinee."""
    return main_array(lsat6_case, spread(lsat6_case, lsat6_case.audit.data))


# --- discovery ---


def test_every_adapter_offers_what_a_peer_is() -> None:
    assert peers.names() == ["girth", "mirt", "pgmpy", "pyagrum", "scikit_learn", "stepmix"]
    for name in peers.names():
        adapter = peers.peer(name)
        missing = [part for part in (*Peer.__annotations__, "own", "fit") if not hasattr(adapter, part)]
        assert missing == []
        assert [setting.name for setting in adapter.SETTINGS] == ["defaults", "tight"]
        assert adapter.SETTINGS[0].options == {}


def test_a_new_file_is_a_new_peer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "another.py").write_text("PACKAGE = 'numpy'\n")
    (tmp_path / "_shared.py").touch()
    monkeypatch.setattr(peers, "__path__", [*peers.__path__, str(tmp_path)])
    assert peers.names() == ["another", "girth", "mirt", "pgmpy", "pyagrum", "scikit_learn", "stepmix"]
    assert peers.installed(["another"]) == ({"another": np.__version__}, [])


def test_a_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def only_mirt(package: str) -> str:
        if package != "mirt":
            raise PackageNotFoundError(package)
        return "1.2.0"

    monkeypatch.setattr(peers, "version", only_mirt)
    assert peers.installed(["girth", "mirt"]) == ({"mirt": "1.2.0"}, ["girth"])
    with pytest.raises(
        InputError, match=r"^girth is not installed, expected what pip install 'em-crosscheck\[peers\]'"
    ):
        peers.installed(["girth"])


def test_the_command_refuses_when_nothing_is_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def none(package: str) -> str:
        raise PackageNotFoundError(package)

    monkeypatch.setattr(peers, "version", none)
    result = CliRunner().invoke(main, ["peers", "--out", str(tmp_path)])
    assert result.exit_code == 2
    assert (
        result.stderr == "Error: girth, mirt, pgmpy, pyagrum, scikit-learn, stepmix are not installed, "
        "expected what pip install 'em-crosscheck[peers]' installs\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_the_command_refuses_a_package_that_it_does_not_know() -> None:
    result = CliRunner().invoke(main, ["peers", "ltm"])
    assert (result.exit_code, result.stderr) == (
        2,
        "Error: unknown package 'ltm', expected one of: girth, mirt, pgmpy, pyagrum, scikit_learn, stepmix\n",
    )


# --- the adapters ---


def test_stepmix_has_the_states_of_all_items_side_by_side() -> None:
    pis = np.arange(12.0).reshape(2, 6)
    three = stepmix.probabilities(pis, np.zeros((5, 2)), 3)
    assert three["probability3"].tolist() == [[[0, 1, 2], [3, 4, 5]], [[6, 7, 8], [9, 10, 11]]]
    assert stepmix.probabilities(pis, np.zeros((5, 6)), 2) == {"probability": pis}


@pytest.mark.parametrize("name", ["stouffer-toby", "carcinoma-2"])
def test_stepmix_reports_the_likelihood_of_the_cycle_before(name: str) -> None:
    """Names and labels are right, or the two numbers would differ by far more."""
    case = catalogue.load(name)
    found = stepmix.fit(main_array(case, spread(case, case.audit.data)), {"classes": 2})
    ours = case.em.e_step(case.to_em({name: found[name] for name in case.labels})).log_likelihood
    assert found["log_likelihood"] == pytest.approx(float(ours), abs=1e-6)
    assert found["log_likelihood"] < float(ours)


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("place", [0, 1])
def test_the_log_likelihood_is_that_of_the_estimates(
    adapter: Peer, place: int, lsat6_case: Case, observations: Array
) -> None:
    """Names, signs, nodes and weights are right, or these two numbers would differ."""
    options = adapter.SETTINGS[place].options
    _, own = adapter.own(lsat6_case, options)
    found = adapter.fit(observations, options)
    ours = own.em.e_step(own.to_em({name: found[name] for name in ("d", "a")})).log_likelihood
    assert found["log_likelihood"] == pytest.approx(float(ours), rel=1e-13)
    assert found["d"] == pytest.approx([2.773, 0.990, 0.249, 1.285, 2.053], abs=2e-3)


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_missing_answer_is_no_wrong_one(adapter: Peer, lsat6_case: Case, observations: Array) -> None:
    with_gaps = np.where(np.random.default_rng(3).random(observations.shape) < 0.1, np.nan, observations)
    frequencies = np.ones(len(with_gaps))
    holes = lsat6_case.audit.rebind({**lsat6_case.audit.data, "responses": with_gaps, "frequencies": frequencies})
    _, own = adapter.own(holes, {})
    found = adapter.fit(with_gaps, {})
    ours = own.em.e_step(own.to_em({name: found[name] for name in ("d", "a")})).log_likelihood
    assert found["log_likelihood"] == pytest.approx(float(ours), rel=1e-13)


def test_mirt_has_our_gauss_hermite_nodes(lsat6_case: Case) -> None:
    words, own = mirt.own(lsat6_case, {})
    assert words == "21 Gauss-Hermite nodes"
    nodes, weights = gauss_hermite(21)
    assert own.audit.data["nodes"] == pytest.approx(nodes, abs=1e-12)
    assert own.audit.data["weights"] == pytest.approx(weights, abs=1e-14)


def test_mirt_begins_at_the_start_that_it_is_given(observations: Array) -> None:
    """From its own end it is done at once; a start turned round is the same start."""
    end = mirt.fit(observations, mirt.SETTINGS[1].options)
    start = {"d": end["d"], "a": end["a"]}
    turned = {"d": end["d"], "a": -end["a"]}
    again, reflected = (mirt.fit(observations, {}, one) for one in (start, turned))
    assert again["cycles"] <= 3 < mirt.fit(observations, {})["cycles"]
    assert again["a"] == pytest.approx(end["a"], abs=1e-5)
    assert (reflected["a"] == again["a"]).all()


def test_mirt_compares_its_tolerance_with_the_change_of_the_log_likelihood(observations: Array) -> None:
    """As its notes say: when it stops, the parameters still change by more than ten times the tolerance."""
    start, tolerance = {"d": np.zeros(5), "a": np.ones(5)}, 1e-4
    cycles = mirt.fit(observations, {"tol": tolerance}, start)["cycles"]
    # Its last cycle only evaluates the log-likelihood.
    before, after = (mirt.fit(observations, {"tol": 1e-14, "max_iter": cycles - ago}, start) for ago in (2, 1))
    assert 0 < after["log_likelihood"] - before["log_likelihood"] < tolerance
    assert np.abs(after["a"] - before["a"]).max() > 5 * tolerance


def test_girth_matches_the_shares_of_right_answers() -> None:
    """As its notes say; at the maximum of the likelihood under the same quadrature the shares differ."""
    options, case = girth.SETTINGS[1].options, _item_responses.simulated_case()
    responses, (_, own) = case.audit.data["responses"], girth.own(case, options)
    nodes, weights = own.audit.data["nodes"], own.audit.data["weights"]

    def off(d: Array, a: Array) -> float:
        return float(np.abs(weights @ expit(d + a * nodes[:, None]) - responses.mean(axis=0)).max())

    found = girth.fit(responses, options)
    maximum = em(own.em, own.to_em({"d": found["d"], "a": found["a"]}), StopRule(tolerance=1e-9)).params
    assert off(found["d"], found["a"]) < 1e-5
    assert off(maximum.intercept, maximum.slope) > 5e-4


def test_the_simulated_data_are_always_the_same() -> None:
    responses, truth = _item_responses.simulated()
    assert responses.shape == (1000, 20)
    assert (responses == _item_responses.simulated()[0]).all()
    # The harder an item, the fewer right answers.
    assert np.corrcoef(responses.mean(axis=0), -truth["d"] / truth["a"])[0, 1] < -0.95


def test_slopes_of_zero_are_stationary(lsat6_case: Case) -> None:
    saddle = _item_responses.zero_slopes(lsat6_case)
    after = lsat6_case.one_cycle(saddle)
    assert lsat6_case.flat(after) == pytest.approx(lsat6_case.flat(saddle), abs=1e-9)


# --- the study, on a package with a planted fault ---


def merged(case: Case) -> Natural:
    """Both coins with the share of heads: a saddle."""
    data = case.audit.data
    share = (data["frequencies"] @ data["heads"]) / (data["frequencies"] @ data["flips"])
    return {"weight": np.array([0.5, 0.5]), "bias": np.array([share, share])}


class Coins:
    """A package for mixtures of coins, another family: our own EM under another face, right or with a fault."""

    PACKAGE, METHOD, NOTES = "coins", "EM", ("It is made up.",)
    SETTINGS = (Setting("defaults", {"tolerance": 1e-3, "lie": 0.25}), Setting("tight", {"tolerance": 1e-12}))
    PROBLEMS = (Problem("two-coins", "Two coins", "no nodes", lambda: catalogue.load("two-coins"), merged, "Merged"),)
    STARTS, CYCLES = True, "max_cycles"

    def own(self, case: Case, options: Mapping[str, Any]) -> tuple[str, Case]:
        return "no nodes", case

    def fit(
        self,
        X: Array,
        options: Mapping[str, Any],
        start: Natural | None = None,
    ) -> dict[str, Any]:
        start = {"weight": np.array([0.4, 0.6]), "bias": np.array([0.8, 0.3])} if start is None else start
        if "lie" in options:
            logging.getLogger("coins").warning("A flip | was lost.")
        case = catalogue.load("two-coins")
        data = {"heads": X[:, 0], "flips": X[:, 1], "frequencies": np.ones(len(X))}
        case = case.audit.rebind({**case.audit.data, **data})
        stop = StopRule(rule="change", tolerance=options["tolerance"], max_cycles=options.get("max_cycles", 5_000))
        found = em(case.em, case.to_em(start), stop)
        return {
            **case.from_em(found.params),
            "log_likelihood": float(found.log_likelihood) + options.get("lie", 0.0),
            "converged": found.status.item() is Status.CONVERGED,
            "cycles": int(found.cycles),
        }


@pytest.fixture(scope="module")
def study() -> list[_study.Audited]:
    return list(_study.studied({Coins(): "0.1"}, n_starts=1))


def test_a_planted_early_stop_and_a_lie_show(study: list[_study.Audited]) -> None:
    early = study[0]
    assert 1e-3 < early.own.distance < 0.1
    assert early.own.distance == early.ours.distance
    outcomes = early.checks.set_index("check")["outcome"]
    assert (outcomes["reported_log_likelihood"], outcomes["stopping"]) == ("failed", "remark")
    text = report.page(study, [], "em-crosscheck peers", 1, 0)
    converged, _, _, lie = re.search(r"^\| coins, defaults \| no nodes \| (.*) \|$", text, re.MULTILINE)[1].split(" | ")
    assert (converged, float(lie)) == ("yes", 0.25)
    distance, deficit = re.search(r"^\| coins, defaults \| (\d\S*) \| (\S+) \|", text, re.MULTILINE).groups()
    assert float(distance) == pytest.approx(early.own.distance, rel=0.05)
    assert float(deficit) == pytest.approx(early.own.distance**2 / 2, rel=0.05)
    assert "- `stopping` remark (coins, defaults): stops early" in text
    assert "- `reported_log_likelihood` failed (coins, defaults): " in text
    assert "- `weights` remark (coins, defaults; coins, tight): " in text
    assert report.line(early).endswith("failed: reported_log_likelihood")


def test_a_right_package_is_told_so(study: list[_study.Audited]) -> None:
    right = study[1]
    assert right.heard == ()
    assert right.own.verdict is Verdict.AT_MAXIMUM
    assert right.own.distance < 1e-6
    assert report.line(right).endswith("no check failed")


def test_a_start_at_a_saddle_is_told(study: list[_study.Audited]) -> None:
    """An EM cannot leave a start at which both coins are the same."""
    assert all(run.saddle.kind is Kind.SADDLE and run.saddle.stayed for run in study)
    text = report.page(study, [], "em-crosscheck peers", 1, 0)
    assert "### Started at a saddle\n\nMerged.\n" in text
    assert "| coins, tight | saddle | yes | yes |" in text


def test_the_page_names_what_is_left_out(study: list[_study.Audited]) -> None:
    text = report.page(study, ["girth"], "em-crosscheck peers", 1, 0)
    assert "Left out: girth is not installed, expected what pip install" in text


def test_what_a_package_says_meanwhile_is_told(study: list[_study.Audited]) -> None:
    assert study[0].heard == ("it logs: A flip | was lost.",)
    text = report.page(study, [], "em-crosscheck peers", 1, 0)
    assert "### What they say meanwhile\n\n- coins, defaults: it logs: A flip &#124; was lost.\n\n### Where" in text
    silent = report.page(study[1:], [], "em-crosscheck peers", 1, 0)
    assert "meanwhile" not in silent


def test_estimates_under_which_the_data_are_impossible_are_told(study: list[_study.Audited]) -> None:
    case = catalogue.load("two-coins")
    known = known_optima(case, 1, 0)
    said = study[1].said
    assert adjudicate(case, returned(case, said.natural, "coins"), known=known).distance < 1e-6
    never = {**said.natural, "bias": np.zeros(2)}
    found = adjudicate(case, returned(case, never, "coins"), known=known)
    assert found.verdict is Verdict.IMPOSSIBLE
    run = study[1]._replace(own=found, ours=found)
    text = report.page([run], [], "em-crosscheck peers", 1, 0)
    assert f"| coins, tight | ∞ | ∞ | {report.IMPOSSIBLE} | ∞ | ∞ | {report.IMPOSSIBLE} |" in text
    assert report.line(run).startswith("coins 0.1, tight, on two-coins: ∞ standard errors")
