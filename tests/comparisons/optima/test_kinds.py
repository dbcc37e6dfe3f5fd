"""Every kind of optimum, on data where the answer is known."""

from dataclasses import replace

import mpmath as mp
import numpy as np
import pytest

from comparisons import catalogue, crosscheck
from comparisons.compiled import Compiled
from comparisons.cross_check.run import CrossCheck
from comparisons.families import two_pl
from comparisons.optima.kinds import Kind, examine, judge
from em_reference.em import StopRule
from pp_models.objective import Objective

TWO_COINS = np.array([5.0, 9.0, 8.0, 4.0, 7.0])
LOCAL_HEADS = np.array([18.0, 17.0, 10.0, 11.0, 2.0, 1.0])


def kinds(result: CrossCheck) -> list[str]:
    return [str(optimum.kind) for optimum in result.optima]


def test_best_of_two_coins(make_coins):
    result = crosscheck(make_coins(TWO_COINS, 2, fixed_weight=np.array([0.5, 0.5])), 10)
    assert kinds(result) == ["best"]
    assert np.sort(result.ends.pymc["bias"])[::-1] == pytest.approx([0.7967890669, 0.5195831201], abs=1e-10)
    assert result.verdict == "agree"
    assert result.flags == ()


def test_equal_biases_are_a_saddle_and_the_way_up_is_shown(make_coins):
    case = make_coins(TWO_COINS, 2, fixed_weight=np.array([0.5, 0.5]))
    result = crosscheck(case, starts={"bias": np.array([[0.6, 0.6]])})
    assert kinds(result) == ["best", "saddle"]
    assert result.optima[1].point.natural["bias"] == pytest.approx([0.66, 0.66], abs=1e-12)
    assert not result.optima[0].reached
    assert result.verdict == "agree elsewhere"
    assert [flag.code for flag in result.flags] == ["higher_maximum", "saddle"]
    assert result.sentence.startswith("Not the best optimum found, but a saddle: a higher maximum (-9.7969243) exists.")
    assert result.not_identified == ()
    assert result.estimates[["em_se", "pymc_se"]].isna().all(axis=None)


def test_all_zero_slopes_are_a_saddle_of_lsat6(lsat6_case):
    result = crosscheck(lsat6_case, starts={"d": np.zeros((1, 5)), "a": np.zeros((1, 5))})
    assert kinds(result) == ["best", "saddle"]
    assert result.optima[1].objective == pytest.approx(-2493.4367, abs=5e-5)
    assert result.optima[0].objective == pytest.approx(-2466.6533775, abs=5e-8)


def test_worked_coins_are_a_ridge(worked_coins):
    result = crosscheck(worked_coins, 12)
    assert kinds(result) == ["ridge"]
    assert result.verdict == "agree"
    assert [flag.code for flag in result.flags] == ["ridge"]
    assert "every head has probability 0.415" in result.flags[0].message
    assert set(result.not_identified) >= {"weight[coin1]", "weight[coin2]", "weight[coin3]"}
    assert not {"bias[coin1]", "bias[coin2]", "bias[coin3]"} & set(result.not_identified)
    assert result.ends.em["bias"] == pytest.approx([0.415] * 3, abs=1e-9)
    assert result.ends.em_log_likelihood == pytest.approx(-35.1526058325, abs=5e-11)
    assert abs(result.log_likelihood_difference) < 1e-8
    assert "Lindsay" in result.optima[0].certificate


def test_bias_of_a_coin_that_lost_its_weight_is_not_identified(worked_coins):
    objective = Objective(worked_coins.build_model())
    natural = {"weight": np.array([0.4, 0.6, 0.0]), "bias": np.array([0.415, 0.415, 0.9])}
    judgement = judge(Compiled(worked_coins, objective), examine(Compiled(worked_coins, objective), natural))
    assert judgement.kind is Kind.RIDGE
    assert "bias[coin3]" in judgement.not_identified
    assert "bias[coin1]" not in judgement.not_identified
    # What the coin without weight may take from any other is not identified, so it is not at the edge either.
    assert judgement.at_edge == ()


def stationary_point(heads: np.ndarray, flips: int, start: list[float]) -> tuple[list, mp.mpf, list]:
    """Certified by mpmath at 50 digits: zero of the score of a two-coin mixture, and its Hessian's eigenvalues."""
    with mp.workdps(50):

        def log_likelihood(w, p, q):
            return sum(
                mp.log(
                    mp.binomial(flips, int(x))
                    * (w * p ** int(x) * (1 - p) ** int(flips - x) + (1 - w) * q ** int(x) * (1 - q) ** int(flips - x))
                )
                for x in heads
            )

        def score(*theta):
            return [mp.diff(log_likelihood, theta, tuple(int(i == j) for i in range(3))) for j in range(3)]

        root = mp.findroot(score, start, tol=1e-40)
        hessian = mp.matrix(3, 3)
        for i in range(3):
            for j in range(3):
                order = tuple(int(k == i) + int(k == j) for k in range(3))
                hessian[i, j] = mp.diff(log_likelihood, tuple(root), order)
        return list(root), log_likelihood(*root), list(mp.eigsy(hessian, eigvals_only=True))


def test_local_maximum_certified_by_mpmath_is_reached_by_both_legs(make_coins):
    result = crosscheck(make_coins(LOCAL_HEADS, 2, flips=20.0), 20)
    assert kinds(result) == ["best", "local"]
    for optimum, start in zip(result.optima, ([0.33, 0.075, 0.7], [0.66, 0.299, 0.873]), strict=True):
        (w, p, q), value, eigenvalues = stationary_point(LOCAL_HEADS, 20, start)
        assert max(eigenvalues) < -1  # a regular maximum, whatever our own code says
        assert optimum.objective == pytest.approx(float(value), abs=1e-11)
        low = np.argmin(optimum.point.natural["bias"])
        assert optimum.point.natural["bias"][low] == pytest.approx(float(min(p, q)), abs=1e-10)
        assert optimum.point.natural["weight"][low] == pytest.approx(float(w if p < q else 1 - w), abs=1e-9)
        assert len(optimum.members["em"]) > 0
        assert len(optimum.members["pymc"]) > 0
    assert result.verdict == "agree"
    assert [flag.code for flag in result.flags] == ["local"]


def test_boundary(make_coins):
    result = crosscheck(make_coins(np.array([10.0, 10, 3, 4, 7]), 2), 10)
    assert kinds(result)[0] == "boundary"
    assert result.verdict == "agree"
    assert next(flag.code for flag in result.flags) == "boundary"
    estimates = result.estimates.set_index("parameter")
    (edge,) = result.flags[0].message.rpartition(": ")[2].split(", ")
    assert estimates.loc[edge, "em"] == pytest.approx(1.0, abs=1e-9)
    assert np.isnan(estimates.loc[edge, "pymc_se"])
    assert estimates["identified"].all()


def test_weight_that_em_cannot_leave_is_not_stationary(make_coins):
    """By Lindsay's gradient: a little weight at .85 raises the log-likelihood, by so much per unit of it."""
    starts = {"weight": np.array([[1.0, 0.0]]), "bias": np.array([[0.66, 0.85]])}
    result = crosscheck(make_coins(TWO_COINS, 2), starts=starts)
    (ended,) = (optimum for optimum in result.optima if 0 in optimum.members["em"])
    assert ended.kind is Kind.NOT_STATIONARY
    (edge,) = (at for at in ended.point.edges if at.first_order)
    ratios = [(0.85 / 0.66) ** x * (0.15 / 0.34) ** (10 - x) for x in TWO_COINS]
    assert edge.name == "weight[coin2]"
    assert edge.derivative == pytest.approx(sum(ratios) - 5, rel=1e-6)
    assert result.optima[0].objective == pytest.approx(-9.7954190, abs=5e-8)
    # EM never leaves a weight of 0, but it is right: PyMC got away, and EM stays where PyMC arrived.
    assert result.verdict == "agree"
    assert {flag.code for flag in result.flags} == {"not_stationary", "best_not_reached"}


@pytest.mark.parametrize(
    ("problem", "natural"),
    [
        # The likelihood rises with the fourth power of a bias, which looks level from 0 to 0.01.
        ("two-coins-equal", {"bias": [0.66, 3.14e-5]}),
        # A component without weight, where weight would do harm; elsewhere it would do good.
        ("two-coins", {"weight": [1 - 3e-13, 3e-13], "bias": [0.66, 0.0894]}),
        ("hasselblad", {"weight": [1 - 9e-13, 9e-13], "rate": [2.15693430656935, 48.4]}),
    ],
)
def test_a_plateau_that_ends_in_a_rise_is_a_saddle(problem, natural):
    case = catalogue.load(problem)
    objective = Objective(case.build_model())
    point = examine(Compiled(case, objective), {name: np.array(values) for name, values in natural.items()})
    height = min((certified.height for certified in case.certified), key=lambda h: abs(h - point.objective))
    assert point.objective == pytest.approx(height, abs=1e-6)
    judgement = judge(Compiled(case, objective), point)
    assert judgement.kind is Kind.SADDLE
    assert objective.value_and_gradient(judgement.way_up)[0] > point.objective


# Twenty-six sequences of ten flips: most random starts lead EM to where both coins are alike.
MERGED_HEADS = np.array([6, 5, 8, 4, 7, 6, 5, 7, 6, 6, 9, 6, 5, 5, 2, 6, 7, 7, 6, 4, 5, 8, 5, 5, 8, 7], dtype=float)


def test_merged_coins_with_a_place_for_one_of_them_elsewhere_are_a_saddle(make_coins):
    """Level in the weights, falling as the biases part; but beyond the flat region a coin may move and rise."""
    share = mp.mpf(int(MERGED_HEADS.sum())) / (10 * len(MERGED_HEADS))

    def lindsay_gradient(bias):
        likelihood = [((bias / share) ** int(x) * ((1 - bias) / (1 - share)) ** int(10 - x)) for x in MERGED_HEADS]
        return mp.fsum(likelihood) - len(MERGED_HEADS)

    assert mp.diff(lindsay_gradient, share, 2) < -1  # parting the biases lowers the likelihood
    assert lindsay_gradient(mp.mpf("0.2")) > 1  # a little weight there raises it
    starts = {"weight": np.array([[0.3, 0.7], [0.8, 0.2]]), "bias": np.array([[0.55, 0.65], [0.6, 0.62]])}
    result = crosscheck(make_coins(MERGED_HEADS, 2), starts=starts)
    assert kinds(result) == ["best", "saddle"]
    assert len(result.optima[1].members["em"]) == len(result.optima[1].members["pymc"]) == 2
    assert result.verdict == "agree elsewhere"
    # Identification is a property of a point: the weights make no difference here, at the maximum they do.
    assert result.not_identified == ()
    assert {flag.code for flag in result.flags} == {"higher_maximum", "level", "saddle"}
    (level,) = (flag.message for flag in result.flags if flag.code == "level")
    assert "the likelihood is flat there in weight[coin1], weight[coin2]" in level
    assert set(result.estimates["no_se"]) == {"no maximum"}


def test_a_lower_maximum_of_any_kind_is_flagged(make_coins):
    case = make_coins(np.array([4.0, 8, 6, 0, 5, 6]), 3, fixed_weight=np.full(3, 1 / 3))
    result = crosscheck(case, starts={"bias": np.array([[0.0, 0.5, 0.6], [0.01, 0.02, 0.6]])})
    assert kinds(result) == ["boundary", "boundary"]
    (lower,) = (flag for flag in result.flags if flag.code == "local")
    assert "1 of 2 EM starts and 1 of 2 PyMC starts" in lower.message


STEPS = """
    00110 00110 10010 11111 01010 00110 10010 00110 00010 00010 00110 00001 10001 00010 00000 01110 01011 10010
    00001 01111 11100 01110 00000 10010 00110 00000 11110 01000 00100 10001
"""


def test_a_curve_that_becomes_a_step_diverges_and_other_steep_ones_do_not():
    """Item i2 separates the examinees of one node: any steeper curve through the same point fits as well."""
    responses = np.array([[float(u) for u in row] for row in STEPS.split()])
    case = two_pl.bind("steps", responses, ("i0", "i1", "i2", "i3", "i4"))
    result = crosscheck(case, 3)
    assert result.optima[0].kind is Kind.DIVERGING
    assert result.optima[0].judgement.diverging == ("d[i2]", "a[i2]")
    assert result.verdict == "agree"
    assert result.identified["digits"].min() > 8
    objective = Objective(case.build_model())
    end = {name: values.copy() for name, values in result.optima[0].point.natural.items()}
    here = objective.log_likelihood(objective.free(end))
    node = case.em.grid[0][np.abs(case.em.grid[0] + end["d"][2] / end["a"][2]).argmin()]
    end["d"][2] -= 9 * end["a"][2] * node
    end["a"][2] *= 10
    assert objective.log_likelihood(objective.free(end)) >= here - 1e-9


def test_identical_items_diverge_by_name(make_lsat6):
    rng = np.random.default_rng(1)
    ability = rng.normal(size=300)
    probability = 1 / (1 + np.exp(-(rng.normal(size=4) + 1.2 * ability[:, None])))
    responses = (rng.random(probability.shape) < probability).astype(float)
    twice = np.column_stack([responses, responses[:, 0]])
    result = crosscheck(two_pl.bind("twins", twice, ("a", "b", "c", "d", "twin")), 4)
    assert result.optima[0].kind is Kind.DIVERGING
    assert set(result.not_identified) == {"d[a]", "d[twin]", "a[a]", "a[twin]"}
    assert next(flag.code for flag in result.flags) == "diverging"
    assert result.verdict == "agree"
    assert result.identified["digits"].min() > 6


def test_item_that_everyone_got_right_is_named_and_the_others_are_estimated(lsat6_case):
    responses = np.column_stack([np.asarray(lsat6_case.em.responses), np.ones(len(lsat6_case.em.responses))])
    counts = np.asarray(lsat6_case.em.frequencies)
    case = two_pl.bind("easy", responses, ("item1", "item2", "item3", "item4", "item5", "easy"), frequencies=counts)
    assert [flag.code for flag in case.flags] == ["diverging"]
    assert "every examinee got easy right: d[easy] diverges to +infinity" in case.flags[0].message
    result = crosscheck(replace(case, start=lsat6_case.start), 1)
    assert result.ends.pymc_log_likelihood == pytest.approx(-2466.6533775, abs=5e-8)


def test_an_em_stopped_early_is_not_stationary(lsat6_case):
    result = crosscheck(replace(lsat6_case, stop=StopRule(1e-2, "change")), 4)
    assert kinds(result) == ["best", "not stationary"]
    assert result.optima[1].leads_to == 0
    assert len(result.optima[1].members["em"]) == 4
    assert result.verdict == "disagree"
    assert "PyMC's gradient at EM's endpoint" in result.sentence


def test_optima_do_not_depend_on_labels_or_on_the_mirror_image(lsat6_case, make_coins):
    mirrored = {"d": np.zeros((2, 5)), "a": np.array([[1.0] * 5, [-1.0] * 5])}
    assert kinds(crosscheck(lsat6_case, starts=mirrored)) == ["best"]
    case = make_coins(np.array([1.0, 2, 9, 8, 1, 9]), 2)
    swapped = {"weight": np.full((2, 2), 0.5), "bias": np.array([[0.2, 0.8], [0.8, 0.2]])}
    result = crosscheck(case, starts=swapped)
    assert kinds(result) == ["best"]
    assert result.estimates["digits"].min() > 8
