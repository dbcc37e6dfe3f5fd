"""No verdict depends on how much data there are, or on the units in which they are counted."""

from collections.abc import Callable
from functools import cache
from operator import itemgetter

import mpmath as mp
import numpy as np
import pytest

from comparisons import crosscheck
from comparisons.case import Case, Natural
from comparisons.compiled import Compiled
from comparisons.cross_check.run import CrossCheck
from comparisons.cross_check.wrong_step import wrong_step
from comparisons.families import coin_mixture, common_slope, genetic_linkage, poisson_mixture, two_pl
from comparisons.optima.kinds import Kind, examine, judge, rounding_of_fingerprint, same
from em_reference.quadrature import equally_spaced
from pp_models.side_by_side import maximise_all

NODES, WEIGHTS = equally_spaced(21, 5.0)
PATTERNS = np.array([[float(digit) for digit in f"{number:03b}"] for number in range(8)])
ITEMS = ("i1", "i2", "i3")
HEADS, COUNTS, ANIMALS = np.array([1.0, 4, 9, 14, 16]), np.arange(6.0), np.array([125.0, 18, 20, 34])
# Two heads of three: the item is a step between two nodes, its slope goes to infinity.
STEP = "two-pl with a step"
FREQUENCIES = {
    "coin-mixture": np.array([3.0, 9, 5, 7, 4]),
    "poisson-mixture": np.array([30.0, 25, 14, 12, 9, 4]),
    "genetic-linkage": ANIMALS,
    "two-pl": np.array([8.0, 4, 5, 6, 9, 7, 11, 20]),
    "common-slope": np.array([8.0, 4, 5, 6, 9, 7, 11, 20]),
    STEP: np.array([15.0, 1, 6, 0, 2, 8, 1, 14]),
}
ROWS = {
    "coin-mixture": HEADS,
    "poisson-mixture": COUNTS,
    "two-pl": PATTERNS,
    "common-slope": PATTERNS,
    STEP: PATTERNS,
}
D, A = np.array([[0.0, 0, 0], [1.0, -0.5, 0.3]]), np.array([[1.0, 1, 1], [0.4, 1.6, 0.8]])
PAIR = {"weight": np.array([[0.5, 0.5], [0.2, 0.8]]), "bias": np.array([[0.3, 0.6], [0.7, 0.4]])}
STARTS: dict[str, Natural] = {
    "coin-mixture": PAIR,
    "poisson-mixture": {"weight": PAIR["weight"], "rate": np.array([[0.5, 3.0], [4.0, 1.0]])},
    "genetic-linkage": {"theta": np.array([[0.1], [0.9]])},
    "two-pl": {"d": D, "a": A},
    "common-slope": {"d": D, "a": A[:, :1]},
    STEP: {"d": D, "a": A},
}
FAMILIES = tuple(FREQUENCIES)
# Of these the default tests look at all that is asked.
SOME = ("poisson-mixture",)


def bound(family: str, rows: np.ndarray | None, frequencies: np.ndarray | None) -> Case:
    """The data of a family with other frequencies, or other rows."""
    binders: dict[str, Callable[[], Case]] = {
        "coin-mixture": lambda: coin_mixture.bind("coins", rows, np.full(len(rows), 20.0), 2, frequencies=frequencies),
        "poisson-mixture": lambda: poisson_mixture.bind("counts", rows, 2, frequencies),
        "genetic-linkage": lambda: genetic_linkage.bind("linkage", frequencies),
        "common-slope": lambda: common_slope.bind("slope", rows, ITEMS, frequencies, NODES, WEIGHTS),
    }
    items = lambda: two_pl.bind("items", rows, ITEMS, frequencies=frequencies, nodes=NODES, weights=WEIGHTS)  # noqa: E731
    return binders.get(family, items)()


@cache
def times(family: str, factor: float) -> CrossCheck:
    """The cross-check of a family's data, all frequencies times a factor."""
    return crosscheck(bound(family, ROWS.get(family), factor * FREQUENCIES[family]), starts=STARTS[family])


def found(result: CrossCheck) -> tuple:
    """All that is decided, in words, and which start led where."""
    optima = [
        (str(optimum.kind), optimum.judgement.diverging, *(tuple(members) for members in optimum.members.values()))
        for optimum in result.optima
    ]
    starts = result.starts_table()[["em_optimum", "pymc_optimum", "em_status", "pymc_status"]]
    return str(result.verdict), result.not_identified, optima, [flag.code for flag in result.flags], starts.to_csv()


def numbers(result: CrossCheck, by: str) -> np.ndarray:
    """Estimates, those left out that diverge."""
    shown = result.case.align(getattr(result.ends, by), result.case.canonical(result.ends.pymc))
    away = np.isin(result.case.parameter_names(), result.optima[0].judgement.diverging)
    return result.case.flat(shown)[~away]


def assert_the_same_but_for_the_size(family: str, factor: float) -> None:
    one, many = times(family, 1.0), times(family, factor)
    assert one.verdict == "agree"
    assert [str(optimum.kind) for optimum in one.optima] == ["diverging" if family == STEP else "best"]
    assert found(many) == found(one)
    # On the way to infinity the other estimates depend on how far one went: a log-likelihood that is right to g
    # leaves them right to sqrt(2 g) standard errors.
    close = {"rel": 1e-6} if family == STEP else {"rel": 1e-10, "abs": 1e-10}
    for by in ("em", "pymc"):
        assert numbers(many, by) == pytest.approx(numbers(one, "pymc"), **close)
    for errors in ("em_se", "pymc_se"):
        expected = one.estimates["pymc_se"] / np.sqrt(factor)
        np.testing.assert_allclose(np.sort(many.estimates[errors]), np.sort(expected), rtol=2e-6)
    if family != "genetic-linkage":
        expected_height = factor * one.ends.pymc_log_likelihood
        assert many.ends.pymc_log_likelihood == pytest.approx(expected_height, rel=1e-9)


@pytest.mark.parametrize(
    ("family", "factor"),
    [
        *(pytest.param(family, 1e8, marks=() if family in SOME else pytest.mark.slow) for family in FAMILIES),
        pytest.param(STEP, 1e4, marks=pytest.mark.slow),
    ],
)
def test_more_of_the_same_data_changes_nothing_but_the_standard_errors(family, factor):
    assert_the_same_but_for_the_size(family, factor)


@pytest.mark.slow
@pytest.mark.parametrize("factor", [10.0, 1e4, 1e6, 1e11, 1e13])
@pytest.mark.parametrize("family", FAMILIES)
def test_any_more_of_the_same_data(family, factor):
    assert_the_same_but_for_the_size(family, factor)


@pytest.mark.parametrize("family", [family for family in FAMILIES if family in ROWS and family != STEP])
def test_a_frequency_is_as_many_rows(family):
    often = FREQUENCIES[family].astype(int)
    long = crosscheck(bound(family, np.repeat(ROWS[family], often, axis=0), None), starts=STARTS[family])
    short = times(family, 1.0)
    assert found(long) == found(short)
    for by in ("em", "pymc"):
        assert numbers(long, by) == pytest.approx(numbers(short, by), rel=1e-12)
        height = f"{by}_log_likelihood"
        assert getattr(long.ends, height) == pytest.approx(getattr(short.ends, height), rel=1e-14)


@pytest.mark.slow
def test_every_climb_ends_where_it_ends_with_less_data():
    """Two maxima: which one a start reaches is decided by the shape of the likelihood, not by its size."""
    heads, flips = np.array([18.0, 17, 10, 11, 2, 1]), np.full(6, 20.0)
    rng = np.random.default_rng(0)
    starts = [{"weight": rng.dirichlet(np.ones(2)), "bias": rng.random(2)} for _ in range(12)]
    ends = []
    for count in (1.0, 1e8):
        objective = coin_mixture.bind("climbs", heads, flips, 2, frequencies=np.full(6, count)).objective()
        free = np.stack([objective.free(start) for start in starts])
        ends.append([end for _, end in sorted(maximise_all(objective, free), key=itemgetter(0))])
    assert len({round(end.objective, 6) for end in ends[0]}) > 1
    for one, *others in zip(*ends, strict=True):
        for many in others:
            assert many.status == one.status
            assert many.params["bias"] == pytest.approx(one.params["bias"], abs=1e-8)


# ---- large counts --------------------------------------------------------------------------------------


def two_groups(unit: float, apart: float) -> np.ndarray:
    """Forty counts, sixteen near `unit` and the others `apart` standard deviations above."""
    noise = np.random.default_rng(2).normal(size=40)
    return np.round(unit + np.sqrt(unit) * (np.where(np.arange(40) < 16, 0.0, apart) + noise))


def assert_a_zero_of_the_gradient(log_likelihood: Callable, point: np.ndarray, errors: np.ndarray) -> None:
    """In forty digits, the first weight and the rest as arguments: closer than 1e-4 standard errors."""
    with mp.workdps(40):
        center = [mp.mpf(float(value)) for value in point]
        for place, error in enumerate(errors):
            order = tuple(int(index == place) for index in range(len(center)))
            slope = mp.diff(log_likelihood, tuple(center), order, h=mp.mpf(float(error)) / 10**6)
            assert abs(slope) * error < 1e-4, place


@pytest.mark.parametrize("unit", [1e5, pytest.param(6e8, marks=pytest.mark.slow)])
def test_forty_counts_in_large_units(unit):
    counts = two_groups(unit, 3.0)
    one = crosscheck(poisson_mixture.bind("one", counts, 1), starts={"rate": unit * np.array([[0.5], [1.1]])})
    assert (one.verdict, [str(o.kind) for o in one.optima], one.flags) == ("agree", ["best"], ())
    assert one.estimates[["em", "pymc"]].to_numpy()[0] == pytest.approx([counts.mean()] * 2, rel=1e-13)
    error = np.sqrt(counts.mean() / 40)
    assert one.estimates[["em_se", "pymc_se"]].to_numpy()[0] == pytest.approx([error] * 2, rel=1e-6)

    starts = {"weight": PAIR["weight"], "rate": unit + np.sqrt(unit) * np.array([[-1.0, 4], [1.0, 2]])}
    two = crosscheck(poisson_mixture.bind("two", counts, 2), starts=starts)
    assert (two.verdict, [str(o.kind) for o in two.optima], two.flags) == ("agree", ["best"], ())
    assert (two.em.status == "converged").all()

    def log_likelihood(weight, low, high):
        chances = ((mp.log(weight), low), (mp.log(1 - weight), high))
        return sum(
            mp.log(sum(mp.exp(w + x * mp.log(rate / unit) - rate + unit) for w, rate in chances)) for x in counts
        )

    for by, errors in (("em", "em_se"), ("pymc", "pymc_se")):
        table = two.estimates
        assert_a_zero_of_the_gradient(
            log_likelihood, table[by].to_numpy()[[0, 2, 3]], table[errors].to_numpy()[[0, 2, 3]]
        )


@pytest.mark.parametrize("flips", [1e9, pytest.param(1e11, marks=pytest.mark.slow)])
def test_forty_coins_thrown_very_often(flips):
    """Two groups three standard deviations apart overlap, however often the coins are thrown."""
    sd = 0.5 / np.sqrt(flips)
    noise = np.random.default_rng(2).normal(size=40)
    heads = np.round(flips * (0.5 + sd * (np.where(np.arange(40) < 16, 0.0, 3.0) + noise)))
    starts = {"weight": PAIR["weight"], "bias": 0.5 + sd * np.array([[-1.0, 4], [0.0, 2]])}
    result = crosscheck(coin_mixture.bind("often", heads, np.full(40, flips), 2), starts=starts)
    assert (result.verdict, [str(o.kind) for o in result.optima], result.flags) == ("agree", ["best"], ())

    def log_likelihood(weight, low, high):
        chances = ((mp.log(weight), low), (mp.log(1 - weight), high))
        total = mp.mpf(0)
        for x in map(mp.mpf, heads):
            rest = flips - x
            terms = (w + x * mp.log(2 * p) + rest * mp.log(2 - 2 * p) for w, p in chances)
            total += mp.log(sum(map(mp.exp, terms)))
        return total

    for by, errors in (("em", "em_se"), ("pymc", "pymc_se")):
        table = result.estimates
        assert_a_zero_of_the_gradient(
            log_likelihood, table[by].to_numpy()[[0, 2, 3]], table[errors].to_numpy()[[0, 2, 3]]
        )


@pytest.mark.parametrize("count", [1.0, 1e8])
def test_three_heads_in_four_million_flips_are_not_at_the_edge(count):
    case = coin_mixture.bind("rare", np.array([3.0]), np.array([4e6]), 1, frequencies=np.array([count]))
    result = crosscheck(case, starts={"bias": np.array([[0.5], [1e-4]])})
    assert (result.verdict, [str(o.kind) for o in result.optima], result.flags) == ("agree", ["best"], ())
    relative = result.estimates[["em_se", "pymc_se"]].to_numpy()[0] / result.estimates["pymc"].iloc[0]
    assert relative == pytest.approx([1 / np.sqrt(3 * count)] * 2, rel=1e-6)


@pytest.mark.slow
def test_rare_heads_are_poisson_counts():
    """With 4e6 flips each the two models are one, to a share of 1e-5: estimates, relative standard errors, kinds."""
    heads, flips = np.array([3.0, 5, 30, 2, 33, 4, 27]), np.full(7, 4e6)
    starts = {"weight": PAIR["weight"], "rate": np.array([[2.0, 40], [10.0, 20]])}
    coins = crosscheck(
        coin_mixture.bind("rare", heads, flips, 2), starts={"weight": PAIR["weight"], "bias": starts["rate"] / 4e6}
    )
    counts = crosscheck(poisson_mixture.bind("counts", heads, 2), starts=starts)
    assert coins.verdict == counts.verdict == "agree"
    assert [str(o.kind) for o in coins.optima] == [str(o.kind) for o in counts.optima] == ["best"]
    unit = np.array([1, 1, 4e6, 4e6])
    for column in ("em", "pymc", "em_se", "pymc_se"):
        assert (coins.estimates[column] * unit).to_numpy() == pytest.approx(counts.estimates[column], rel=1e-4)


@pytest.mark.parametrize("flips", [pytest.param(1e9, marks=pytest.mark.slow), 1e15])
def test_coins_that_every_start_misses(flips):
    """From biases far off one coin takes both sequences at once: no warning, and the better place is found."""
    heads = np.round(np.array([0.4, 0.41]) * flips)
    starts = {"weight": PAIR["weight"], "bias": np.array([[0.016, 0.8], [0.7, 0.003]])}
    result = crosscheck(coin_mixture.bind("missed", heads, np.full(2, flips), 2), starts=starts)
    assert result.verdict == "agree elsewhere"
    assert [str(optimum.kind) for optimum in result.optima] == ["best", "saddle"]
    assert sorted(result.optima[0].point.natural["bias"]) == pytest.approx([0.4, 0.41], rel=1e-12)
    assert [check.name for check in result.checks if not check.passed] == []


def test_the_m_step_that_empties_a_coin_is_not_judged_by_its_score():
    """At a weight of exactly 0 the score of that coin is 0/0."""
    case = coin_mixture.bind("emptied", np.array([4e14, 4.1e14]), np.full(2, 1e15), 2)
    points = {"weight": PAIR["weight"], "bias": np.array([[0.016, 0.8], [0.7, 0.003]])}
    emptied = case.em.m_step(case.em.e_step(case.to_em(points)).expected_counts, case.to_em(points))
    assert (emptied.weight.min(axis=1) == 0).all()
    assert wrong_step(Compiled(case, case.objective()), points) is None


def test_a_component_without_weight_is_no_ridge_where_single_counts_are_missed():
    """Next to counts near 1e9 a random place lies thousands of standard deviations away from all of them."""
    counts = two_groups(6e8, 300.0)
    case = poisson_mixture.bind("ridge", counts, 2)
    lost = {"weight": np.array([0.0, 1.0]), "rate": np.array([3e8, counts.mean()])}
    objective = case.objective()
    judgement = judge(Compiled(case, objective), examine(Compiled(case, objective), lost))
    assert judgement.kind is Kind.SADDLE


def test_one_fitted_distribution_is_one_however_it_is_rounded():
    """The log-probability of 4e14 heads in 1e15 flips is right to a tenth."""
    case = coin_mixture.bind("large", np.array([4e14, 4.1e14]), np.full(2, 1e15), 1)
    objective = case.objective()
    near = [objective.free({"bias": np.array([0.405 * (1 + k * 1e-15)])}) for k in range(20)]
    rounding = rounding_of_fingerprint(objective, near[0])
    prints = [objective.fingerprint(x) for x in near]
    assert max(np.abs(one - prints[0]).max() for one in prints) > 1e-3
    assert all(same(one, prints[0], objective.frequencies, rounding) for one in prints)
    elsewhere = objective.fingerprint(objective.free({"bias": np.array([0.405 + 1e-8])}))
    assert not same(elsewhere, prints[0], objective.frequencies, rounding)
