"""The verdict: agreement to the digits that the issue asks for, and disagreement for every planted error."""

from dataclasses import replace

import numpy as np
import pytest

from comparisons import InputError, catalogue, crosscheck
from comparisons.case import Case
from comparisons.compiled import Compiled
from comparisons.cross_check.checks import _way_out
from comparisons.cross_check.run import CrossCheck, _crosswise
from comparisons.digits import matching_digits
from comparisons.families import coin_mixture, two_pl
from comparisons.optima import unfinished
from comparisons.optima.kinds import Kind, examine
from comparisons.optima.starts import draw_starts
from em_reference.coin_mixture import CoinMixture, CoinParams
from em_reference.em import Expectation
from em_reference.priors import Beta
from em_reference.two_pl import TwoPL, TwoPLParams
from pp_models.objective import Objective

HEADS = np.array([1.0, 2, 9, 8, 1, 9, 5])


def failed(result: CrossCheck) -> list[str]:
    return [check.name for check in result.checks if not check.passed]


@pytest.fixture(scope="module")
def lsat6_result(lsat6_case) -> CrossCheck:
    return crosscheck(lsat6_case, 8)


def test_lsat6_agrees_to_eight_digits(lsat6_result):
    assert lsat6_result.verdict == "agree"
    assert lsat6_result.estimates["digits"].min() >= 8
    assert abs(lsat6_result.log_likelihood_difference) < 1e-9
    assert lsat6_result.crosswise["difference"].abs().max() < 1e-9
    estimates = lsat6_result.estimates["pymc"].to_numpy()
    assert estimates == pytest.approx(
        [2.773234, 0.990201, 0.249148, 1.284757, 2.053270, 0.825660, 0.722744, 0.890875, 0.688368, 0.656856], abs=6e-7
    )


def test_standard_errors_by_em_and_pymc_agree(lsat6_result):
    assert lsat6_result.estimates["em_se"].to_numpy() == pytest.approx(
        lsat6_result.estimates["pymc_se"].to_numpy(), rel=1e-6
    )


def test_standard_error_of_one_coin_is_the_binomial_one(make_coins):
    result = crosscheck(make_coins(HEADS, 1), 2)
    p = HEADS.sum() / 70
    expected = np.sqrt(p * (1 - p) / 70)
    assert result.estimates["pymc_se"].tolist() == pytest.approx([expected], rel=1e-9)
    assert result.estimates["em_se"].tolist() == pytest.approx([expected], rel=1e-7)


def test_same_seed_gives_the_same_tables(make_coins):
    case = make_coins(HEADS, 2)
    one, two = (crosscheck(case, 4, seed=3) for _ in range(2))
    assert one.starts_table().to_csv() == two.starts_table().to_csv()
    assert one.estimates.to_csv() == two.estimates.to_csv()
    assert crosscheck(case, 4, seed=4).starts_table().to_csv() != one.starts_table().to_csv()


def test_start_depends_on_seed_and_index_alone(make_coins):
    case = make_coins(HEADS, 3)
    few, many = draw_starts(case, 3, seed=5), draw_starts(case, 9, seed=5)
    assert many["bias"][:3].tolist() == few["bias"].tolist()


def test_result_shows_itself(lsat6_result):
    html = lsat6_result._repr_html_()
    assert lsat6_result.sentence in html
    assert "a[item5]" in html


def test_posterior_mode_with_priors_on_both_sides(make_coins, make_lsat6):
    coins = crosscheck(make_coins(HEADS, 2, weight_prior=2.0, bias_prior=(2.0, 3.0)), 4)
    items = crosscheck(make_lsat6(intercept_prior=("normal", 0.0, 2.0), slope_prior=("lognormal", 0.0, 0.5)), 4)
    for result in (coins, items):
        assert result.verdict == "agree"
        assert result.estimates["digits"].min() > 8
        assert "log-prior at random points" in [check.name for check in result.checks]
    assert items.ends.pymc_log_likelihood < -2466.6533775 - 1e-3


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_start_that_is_not_finite_is_refused(make_coins, bad):
    starts = {"weight": np.array([[0.5, 0.5]]), "bias": np.array([[0.2, bad]])}
    with pytest.raises(InputError, match=r"start 0: bias\[coin2\] is (nan|inf), expected a finite number"):
        crosscheck(make_coins(HEADS, 2), starts=starts)


def test_start_of_another_shape_is_refused(make_coins):
    with pytest.raises(InputError, match=r"'bias' has shape \(1, 3\), expected \(starts, 2\)"):
        crosscheck(make_coins(HEADS, 2), starts={"weight": np.full((1, 2), 0.5), "bias": np.full((1, 3), 0.5)})


def test_matching_digits():
    assert matching_digits(np.array([1.0, 1.001, 0.0, 3.0]), np.array([1.0, 1.0, 1e-12, -3.0])).tolist() == (
        pytest.approx([15.95, 3.0, 12.0, 0.0], abs=1e-9)
    )


# ---- planted errors: each turns the verdict, and the sentence says in which quantity -------------------


class WrongMStep(CoinMixture):
    """Divides the expected heads by one flip too many."""

    def m_step(self, expected_counts, params):
        return super().m_step(expected_counts._replace(flips=expected_counts.flips + 1), params)


class DroppedFrequency(CoinMixture):
    """Counts every outcome once in the E-step's expected counts."""

    def e_step(self, params):
        true = super().e_step(params)
        ones = np.ones_like(self.outcomes.frequencies)
        gamma, _ = self.responsibilities(params)
        totals = np.stack([ones, ones * self.outcomes.heads, ones * self.outcomes.flips]) @ gamma
        counts = true.expected_counts._replace(
            sequences=totals[..., 0, :], heads=totals[..., 1, :], flips=totals[..., 2, :]
        )
        return Expectation(counts, true.log_likelihood)


class StaleLogLikelihood(CoinMixture):
    """Reports a log-likelihood that is a little off."""

    def e_step(self, params):
        true = super().e_step(params)
        return true._replace(log_likelihood=true.log_likelihood * (1 + 1e-7))


class SlowMStep(CoinMixture):
    """Stops short by shrinking every step towards a wrong centre: a fixed point that is no maximum."""

    def m_step(self, expected_counts, params):
        weight, bias = super().m_step(expected_counts, params)
        return CoinParams(weight, bias + 1e-4 * (0.5 - bias))


class DoubledScore(CoinMixture):
    """Every standard error comes out too small by the root of 2."""

    def score(self, expected_counts, params):
        weight, bias = super().score(expected_counts, params)
        return CoinParams(2 * weight, 2 * bias)


class WrongSlopeStep(TwoPL):
    """Shrinks the slopes as if a prior had been left in."""

    def m_step(self, expected_counts, params):
        intercept, slope = super().m_step(expected_counts, params)
        return TwoPLParams(intercept, 0.999 * slope)


class WrongFirstItem(TwoPL):
    """Shrinks the intercept of the first item alone."""

    def m_step(self, expected_counts, params):
        intercept, slope = super().m_step(expected_counts, params)
        return TwoPLParams(intercept * np.where(np.arange(intercept.shape[-1]) == 0, 0.999, 1.0), slope)


def with_em(case: Case, kind: type, **changes: object) -> Case:
    fields = {name: getattr(case.em, name) for name in case.em.__dataclass_fields__}
    return replace(case, em=kind(**{**fields, **changes}))


@pytest.mark.parametrize(
    ("bug", "quantity"),
    [
        (WrongMStep, "ascent of EM|PyMC's gradient at EM's endpoint"),
        (DroppedFrequency, "ascent of EM|PyMC's gradient at EM's endpoint"),
        (StaleLogLikelihood, "log-likelihood at random points"),
        (SlowMStep, "ascent of EM|PyMC's gradient at EM's endpoint"),
    ],
)
def test_wrong_coin_em_is_found_out(make_coins, bug, quantity):
    heads = np.array([1.0, 1, 2, 9, 8, 8, 9, 5])
    result = crosscheck(with_em(make_coins(heads, 2), bug), 6)
    assert result.verdict == "disagree"
    assert any(name in quantity.split("|") for name in failed(result)), failed(result)
    assert failed(result)[0] in result.sentence


def test_slopes_shrunk_by_a_thousandth_are_found_out(lsat6_case):
    result = crosscheck(with_em(lsat6_case, WrongSlopeStep), 3)
    assert result.verdict == "disagree"
    assert "EM's map at PyMC's endpoint" in failed(result)
    assert "a[item" in next(check for check in result.checks if check.name == "EM's map at PyMC's endpoint").detail


@pytest.mark.slow
def test_a_wrong_item_is_found_out_beside_one_that_diverges():
    rng = np.random.default_rng(1)
    ability = rng.normal(size=300)
    responses = (rng.random((300, 4)) < 1 / (1 + np.exp(-(rng.normal(size=4) + 1.2 * ability[:, None])))).astype(float)
    case = two_pl.bind("twins", np.column_stack([responses, responses[:, -1]]), ("a", "b", "c", "d", "twin"))
    result = crosscheck(with_em(case, WrongFirstItem), 2)
    assert result.optima[0].kind is Kind.DIVERGING
    assert result.verdict == "disagree"
    assert "EM's map at PyMC's endpoint" in failed(result)
    assert "d[a]" in next(check for check in result.checks if check.name == "EM's map at PyMC's endpoint").detail


def test_nodes_shifted_on_one_side_are_found_out(lsat6_case):
    nodes, weights = lsat6_case.em.grid
    result = crosscheck(with_em(lsat6_case, TwoPL, nodes=nodes + 0.01, weights=weights), 3)
    assert result.verdict == "disagree"
    assert failed(result)[0] == "log-likelihood at random points"
    assert "log-likelihood at random points" in result.sentence


@pytest.mark.slow
def test_frequency_dropped_on_one_side_is_found_out(lsat6_case):
    result = crosscheck(with_em(lsat6_case, TwoPL, frequencies=None), 3)
    assert result.verdict == "disagree"
    assert failed(result)[0] == "log-likelihood at random points"


@pytest.mark.slow
def test_every_check_can_fail(make_coins, lsat6_case):
    """No check is decoration: over the planted errors, each one fails at least once."""
    case = make_coins(np.array([1.0, 1, 2, 9, 8, 8, 9, 5]), 2)
    bugs = (WrongMStep, DroppedFrequency, StaleLogLikelihood, SlowMStep, DoubledScore)
    broken = [with_em(case, bug) for bug in bugs]
    seen = {name for wrong in broken for name in failed(crosscheck(wrong, 3))}
    steps = {"EM's expected counts", "EM's M-step"}
    assert seen - steps == {check.name for check in crosscheck(case, 2).checks}
    assert steps <= seen


@pytest.mark.parametrize(
    ("bug", "step"),
    [(WrongMStep, "EM's M-step"), (SlowMStep, "EM's M-step"), (DroppedFrequency, "EM's expected counts")],
)
def test_the_step_that_is_wrong_is_named_first(make_coins, bug, step):
    case = with_em(make_coins(np.array([1.0, 1, 2, 9, 8, 8, 9, 5]), 2), bug)
    result = crosscheck(case, 3)
    assert failed(result)[0] == step
    assert step in result.sentence


def test_slopes_that_shrink_are_an_m_step_and_not_the_ascent(lsat6_case):
    assert failed(crosscheck(with_em(lsat6_case, WrongSlopeStep), 3))[0] == "EM's M-step"


def test_a_doubled_score_is_found_out_by_the_standard_errors_alone(make_coins):
    case = make_coins(np.array([1.0, 1, 2, 9, 8, 8, 9, 5]), 2)
    result = crosscheck(with_em(case, DoubledScore), 3)
    assert failed(result) == ["standard errors"]
    ratio = result.estimates["pymc_se"] / result.estimates["em_se"]
    assert ratio.to_numpy() == pytest.approx(np.sqrt(2), rel=1e-6)


# --- more components than the data need: many parameters, one distribution ---


@pytest.mark.parametrize(
    ("heads", "flips", "seed", "open_parameters"),
    [
        # Two coins of three show heads only: what one weighs the other may.
        ([11, 20, 20], 20, 45, {"weight[coin1]", "weight[coin3]"}),
        # EM ends with two coins for the high counts, PyMC with two for the low ones, or the other way round.
        ([4, 5, 4, 5, 5, 5, 5, 5, 5, 5, 2, 5, 5], 5, 52, {"weight[coin1]", "weight[coin2]", "weight[coin3]"}),
    ],
)
def test_surplus_coins_are_a_ridge_and_no_disagreement(make_coins, heads, flips, seed, open_parameters):
    result = crosscheck(make_coins(np.array(heads, dtype=float), 3, flips=flips), 20, seed)
    assert result.verdict == "agree", result.sentence
    assert "ridge" in {flag.code for flag in result.flags}
    assert open_parameters <= set(result.not_identified)
    identified = result.estimates[result.estimates["identified"]]
    assert len(identified) > 0
    assert (identified["difference"] < 1e-6).all()


def test_an_em_that_ran_out_of_cycles_is_carried_on(make_coins):
    coins = make_coins(np.array([5.0, 9, 8, 4, 7]), 2)
    slow = replace(coins, stop=replace(coins.stop, max_cycles=12))
    result = crosscheck(slow, 20, 0)
    assert result.verdict == "agree", result.sentence
    assert (result.em.status == "converged").all()
    assert (result.em.effort > 12).all()
    assert "em_cycle_limit" not in {flag.code for flag in result.flags}


def test_an_em_that_has_not_converged_is_undecided_unless_it_leaves_the_maximum(make_coins, monkeypatch):
    """Cut short at both ends it contradicts nothing; a wrong one does not stay where PyMC arrived."""
    monkeypatch.setattr(unfinished, "ROUNDS", 0)
    coins = make_coins(np.array([5.0, 9, 8, 4, 7]), 2)
    slow = replace(coins, stop=replace(coins.stop, max_cycles=5))
    result = crosscheck(slow, 2, 0)
    assert (result.verdict, result.ends.em_status, result.ends.em_cycles) == ("undecided", "cycle limit", 5)
    assert result.sentence.startswith("Undecided: EM had not converged after 5 cycles")
    assert result.flags[-1].message.startswith("2 of 2 EM starts had not converged after 5 cycles")
    wrong = crosscheck(with_em(slow, WrongMStep), 2, 0)
    assert wrong.verdict == "disagree"
    assert "EM's map at PyMC's endpoint" in failed(wrong)


# --- at the edge of the parameter space ---


@pytest.mark.parametrize(
    ("heads", "flips", "coins", "seed"),
    [
        # A coin without weight ends next to a bias of 1, where even a long walk moves it little.
        ([1] * 4 + [2] * 10, 2, 2, 27),
        # Coins of little weight end on their way to a bias of 0 or 1.
        pytest.param([0, 0, 0, 0, 0, 1, 1, 1, 2, 2], [1, 2, 2, 2, 2, 1, 1, 1, 2, 2], 3, 33, marks=pytest.mark.slow),
        # Nothing but tails.
        ([0] * 40, 100, 2, 1),
        # Off by 1e-12 from a bias of 1, ten thousand flips look a thousandth of a standard error away.
        ([5000, 5000, 0, 0], 5000, 2, 1),
        pytest.param([10**6, 10**6, 400_000, 400_300, 399_000], 10**6, 2, 1, marks=pytest.mark.slow),
    ],
)
def test_the_edge_is_no_disagreement(make_coins, heads, flips, coins, seed):
    heads = np.array(heads, dtype=float)
    case = coin_mixture.bind("edge", heads, np.broadcast_to(np.array(flips, dtype=float), heads.shape), coins)
    result = crosscheck(case, 10, seed)
    assert result.verdict == "agree", result.sentence


def test_every_heap_says_where_it_leads(make_coins, monkeypatch):
    monkeypatch.setattr(unfinished, "ROUNDS", 0)
    case = make_coins(np.array([5.0, 9, 8, 4, 7]), 2)
    result = crosscheck(replace(case, stop=replace(case.stop, max_cycles=3)), 8, 0)
    unsettled = [optimum for optimum in result.optima if optimum.kind is Kind.NOT_STATIONARY]
    assert sum(len(group.members["em"]) for group in unsettled) > 3
    assert all(group.leads_to is not None for group in unsettled)


def test_two_equally_high_maxima_are_flagged():
    result = crosscheck(catalogue.load("murray"), 6)
    assert [flag.code for flag in result.flags] == ["equal_maxima"]
    assert result.flags[0].message.startswith("2 different maxima")


# --- the tables of a result, compared with what they are made of ---


@pytest.fixture(scope="module")
def two_optima(make_coins) -> CrossCheck:
    starts = {"weight": np.full((2, 2), 0.5), "bias": np.array([[0.3, 0.87], [0.075, 0.7]])}
    return crosscheck(make_coins(np.array([18.0, 17, 10, 11, 2, 1]), 2, flips=20.0), starts=starts)


def test_starts_table_has_both_endpoints_of_every_start(two_optima):
    table = two_optima.starts_table()
    for fit in (two_optima.em, two_optima.pymc):
        for place, label in enumerate(("coin1", "coin2")):
            assert table[f"{fit.by} bias[{label}]"].tolist() == fit.natural["bias"][:, place].tolist()
        assert table[f"{fit.by}_log_likelihood"].tolist() == fit.log_likelihood.tolist()
        assert table[f"{fit.by}_optimum"].tolist() == [2, 1]
        assert table[f"{fit.by}_kind"].tolist() == ["local", "best"]
    assert (table["em bias[coin1]"] != table["pymc bias[coin1]"]).all()


def test_crosswise_is_at_the_two_endpoints(two_optima):
    far = two_optima.em.natural["bias"][0], two_optima.em.natural["weight"][0]
    ends = replace(two_optima.ends, em={"bias": far[0], "weight": far[1]})
    table = _crosswise(Compiled(two_optima.case, Objective(two_optima.case.build_model())), ends)
    assert table["by_em"].tolist() == pytest.approx([-23.058416, -18.656763], abs=1e-6)
    assert table["by_pymc"].tolist() == pytest.approx([-23.058416, -18.656763], abs=1e-6)


def test_the_sentence_says_what_it_is_flagged_for(make_coins):
    result = crosscheck(make_coins(np.array([10.0, 10, 3, 4, 7]), 2), 4)
    assert result.sentence.endswith("; flagged: a maximum at the boundary.")


def test_a_prior_on_one_side_only_is_found_out(make_coins):
    case = make_coins(HEADS, 2, bias_prior=(2.0, 2.0))
    result = crosscheck(with_em(case, CoinMixture, bias_prior=Beta(2.0, 3.0)), 2)
    assert result.verdict == "disagree"
    assert "log-prior at random points" in failed(result)


@pytest.mark.slow
def test_a_way_to_infinity_on_which_em_falls_behind_is_found_out():
    """PyMC, continued from EM's endpoint, ends at a lower plateau: the check must not pass."""
    rng = np.random.default_rng(1)
    ability = rng.normal(size=300)
    responses = (rng.random((300, 4)) < 1 / (1 + np.exp(-(rng.normal(size=4) + 1.2 * ability[:, None])))).astype(float)
    case = two_pl.bind("twins", np.column_stack([responses, responses[:, -1]]), ("a", "b", "c", "d", "twin"))
    result = crosscheck(case, 2)
    objective = Objective(case.build_model())
    good = examine(Compiled(case, objective), result.ends.em)
    better = replace(good, objective=good.objective + 0.01)
    names = result.optima[0].judgement.diverging
    assert _way_out(Compiled(case, objective), names, good, good).passed
    assert not _way_out(Compiled(case, objective), names, good, better).passed
