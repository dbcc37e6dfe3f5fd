"""Kinds at the edges of the parameter space, decided by the derivative inwards, on data with a known answer."""

import mpmath as mp
import numpy as np
import pytest

from comparisons import crosscheck
from comparisons.compiled import Compiled
from comparisons.cross_check.run import CrossCheck
from comparisons.families import bivariate_normal, coin_mixture, common_slope, poisson_mixture
from comparisons.optima.kinds import Kind, examine, judge
from em_reference.quadrature import equally_spaced

# Accident claims (Thyrion; Simar 1976, Annals of Statistics 4, 1200-1209).
CLAIMS = np.array([7840.0, 1317, 239, 42, 14, 4, 4, 1])
# Detections at 39 sites in 5 visits (MacKenzie et al.): how many sites had 0, 1, ... detections.
OCCUPANCY = {0: 21, 1: 12, 2: 1, 3: 4, 4: 1}


def flags(result: CrossCheck) -> dict[str, str]:
    return {flag.code: flag.message for flag in result.flags}


@pytest.fixture(scope="module")
def claims() -> CrossCheck:
    return crosscheck(poisson_mixture.bind("claims", np.arange(8.0), 3, CLAIMS), 40)


def test_claims_have_one_maximum_and_every_start_reaches_it(claims):
    """By a profile in 40 digits; at a rate of 0 the log-likelihood rises, so nothing there is an optimum."""
    assert [str(optimum.kind) for optimum in claims.optima] == ["best"]
    assert claims.verdict == "agree"
    assert claims.flags == ()
    assert [len(claims.optima[0].members[by]) for by in ("em", "pymc")] == [40, 40]
    assert (claims.em.status == "converged").all()
    for end in (claims.ends.em, claims.ends.pymc):
        order = np.argsort(end["rate"])
        assert end["rate"][order] == pytest.approx([0.00351355550188, 0.339473711127, 2.55602311436], rel=1e-8)
        assert end["weight"][order] == pytest.approx([0.428872503851, 0.562571844565, 0.0085556516], rel=1e-8)
    assert claims.ends.em_log_likelihood == pytest.approx(-5340.703634102525, abs=1e-9)


def test_a_rate_of_zero_from_which_it_rises_is_not_stationary_and_the_slope_is_told(claims):
    """The two-component maximum with zeros of their own: rising by .1307 per unit of the rate."""
    case, objective = claims.case, claims.case.objective()
    weight, rate = np.array([0.41829986, 0.57302384, 0.0086763]), np.array([0.0, 0.335540411, 2.5449785])
    judgement = judge(
        Compiled(case, objective), examine(Compiled(case, objective), {"weight": weight / weight.sum(), "rate": rate})
    )
    assert judgement.kind is Kind.NOT_STATIONARY
    (edge,) = examine(Compiled(case, objective), {"weight": weight / weight.sum(), "rate": rate}).edges
    assert (edge.name, edge.first_order) == ("rate[component1]", True)
    assert edge.derivative == pytest.approx(0.1307, abs=1e-3)
    assert objective.value_and_gradient(judgement.way_up)[0] > -5340.7038665236


def test_a_rate_of_zero_towards_which_it_rises_is_a_maximum_at_the_boundary():
    """No ones beside many zeros. The positive counts alone give the other rate: r / (1 - exp(-r)) is their mean."""
    counts, frequencies = np.array([0.0, 2, 3, 4]), np.array([50.0, 10, 15, 12])
    result = crosscheck(poisson_mixture.bind("zeros", counts, 2, frequencies), 20)
    assert str(result.optima[0].kind) == "boundary"
    assert result.verdict == "agree"
    zero, other = np.argsort(result.ends.pymc["rate"])
    label = f"rate[component{zero + 1}]"
    assert label in flags(result)["boundary"]
    assert result.not_identified == ()
    rate = mp.findroot(lambda r: r / (1 - mp.exp(-r)) - mp.mpf(113) / 37, 3)
    table = result.estimates.set_index("parameter")
    assert table.loc[f"rate[component{other + 1}]", "pymc"] == pytest.approx(float(rate), abs=1e-10)
    assert table.loc[f"rate[component{other + 1}]", "em"] == pytest.approx(float(rate), abs=1e-9)
    # By the truncated Poisson: 37 positive counts of variance d mean / d log r carry the information on log r.
    slope = mp.diff(lambda z: mp.exp(z) / (1 - mp.exp(-mp.exp(z))), mp.log(rate))
    error = float(rate / mp.sqrt(37 * slope))
    for side in ("em_se", "pymc_se"):
        assert table.loc[f"rate[component{other + 1}]", side] == pytest.approx(error, rel=1e-6)
        assert np.isnan(table.loc[label, side])
    assert table.loc[label, "no_se"] == "at the edge"


def test_a_bias_of_zero_with_a_way_up_is_not_stationary():
    """The published occupancy estimates: the maximum of the model with one bias held at 0."""
    heads, sites = (np.array(list(values), dtype=float) for values in (OCCUPANCY, OCCUPANCY.values()))
    case = coin_mixture.bind("occupancy", heads, np.full(5, 5.0), 2, frequencies=sites)
    psi, p = 0.5946225736, 0.258729082
    starts = {"weight": np.array([[psi, 1 - psi]]), "bias": np.array([[p, 0.0]])}
    result = crosscheck(case, starts=starts)
    assert result.verdict == "agree"
    assert result.ends.pymc_log_likelihood == pytest.approx(-45.8079650829, abs=1e-9)
    (held,) = (optimum for optimum in result.optima if len(optimum.members["em"]))
    assert held.kind is Kind.NOT_STATIONARY
    assert held.objective == pytest.approx(-48.4436764, abs=1e-7)
    message = flags(result)["not_stationary"]
    assert "1 of 1 EM starts" in message
    assert "bias[coin2], +25.68 per unit" in message


def test_a_plateau_at_the_edge_is_a_saddle():
    """A bias of 1 explains nothing that was seen, and moving a little inwards changes nothing to any order."""
    case = coin_mixture.bind(
        "plateau", np.array([4.0, 8, 6, 0, 5, 6]), np.full(6, 10.0), 3, fixed_weight=np.full(3, 1 / 3)
    )
    result = crosscheck(case, starts={"bias": np.array([[1.0, 0.0, 0.58], [0.3, 0.5, 0.6]])})
    ended = next(optimum for optimum in result.optima if 0 in optimum.members["em"])
    assert ended.kind is Kind.SADDLE


@pytest.mark.parametrize(("heads", "flips"), [(3, 4_000_000), (1, 10**9), (4_000_000 - 2, 4_000_000)])
def test_few_heads_in_many_flips_are_not_at_the_edge(heads, flips):
    case = coin_mixture.bind("few", np.array([float(heads)]), np.array([float(flips)]), 1)
    result = crosscheck(case, 3)
    assert (str(result.optima[0].kind), result.verdict, result.flags) == ("best", "agree", ())
    share = heads / flips
    error = np.sqrt(share * (1 - share) / flips)
    assert result.estimates[["em_se", "pymc_se"]].to_numpy()[0] == pytest.approx([error, error], rel=1e-6)


@pytest.mark.parametrize(
    ("rows", "means_zero"),
    [
        pytest.param([(1, 2), (2, 4), (3, 6), (-1, -2)], True, marks=pytest.mark.slow),
        ([(1.5, -0.7)], True),
        pytest.param(
            [(1.0, 2.0), (2.0, 4.0), (-3.0, -6.0), (0.5, np.nan), (np.nan, 1.0)], True, marks=pytest.mark.slow
        ),
        pytest.param(
            [(1001.0, 3.0), (1002.0, 5.0), (997.0, -5.0), (1000.5, np.nan), (np.nan, 1.0)],
            False,
            marks=pytest.mark.slow,
        ),
        pytest.param([(1.5, -0.7), (2.0, 3.0)], False, marks=pytest.mark.slow),
    ],
)
def test_complete_rows_on_a_line_have_no_estimate(rows, means_zero):
    values = np.array(rows, dtype=float)
    result = crosscheck(bivariate_normal.bind("line", values, ("x", "y"), means_zero=means_zero), 10)
    assert result.optima[0].kind is Kind.DEGENERATE
    assert sum(len(optimum.members["pymc"]) for optimum in result.optima if optimum.kind is Kind.DEGENERATE) == 10
    assert result.verdict == "agree elsewhere"
    said = "There is no estimate: the likelihood is unbounded as correlation[x,y] approaches"
    assert result.sentence.startswith(said)
    assert "correlation[x,y]" in flags(result)["degenerate"]
    assert result.estimates[["em_se", "pymc_se"]].isna().all(axis=None)


def test_a_guttman_scale_has_its_maximum_at_infinity():
    """Under a common slope each curve becomes a step between two nodes, or at a node of its own."""
    scale = np.array([[float(right < score) for right in range(5)] for score in range(6)])
    nodes, weights = equally_spaced(61, 6.0)
    items = tuple(f"i{number}" for number in range(5))
    seen = np.array([5.0, 9, 20, 17, 8, 4])
    result = crosscheck(common_slope.bind("guttman", scale, items, seen, nodes, weights), 4)
    assert [str(optimum.kind) for optimum in result.optima] == ["diverging"]
    assert result.optima[0].judgement.diverging == (*(f"d[{item}]" for item in items), "a[all]")
    assert result.verdict == "agree"
    # Steps at nodes of their own can give every score the share that it has: nothing fits better.
    supremum = seen @ np.log(seen / seen.sum())
    assert result.ends.pymc_log_likelihood == pytest.approx(supremum, abs=1e-7)
    objective = result.case.objective()
    further = {name: values * 8 for name, values in result.optima[0].point.natural.items()}
    assert objective.log_likelihood(objective.free(further)) <= result.optima[0].objective + 1e-9


@pytest.mark.parametrize("frequency", [1e6, 1e9])
def test_all_heads_are_at_the_boundary_however_many_they_are(frequency):
    """PyMC's model keeps 1e-12 off the edge, at the cost of that share of the flips: no slope."""
    case = coin_mixture.bind("all", np.array([10.0]), np.array([10.0]), 1, frequencies=np.array([frequency]))
    result = crosscheck(case, 3)
    assert ([str(optimum.kind) for optimum in result.optima], result.verdict) == (["boundary"], "agree")


def test_an_edge_without_bound_is_found_from_the_data_alone():
    """One complete row lies on a line through 0: at a correlation of -1 and s_x / s_y = 1.3 / .4 it has any density."""
    values = np.array([[1.3, -0.4], [-0.878, np.nan], [-0.346, np.nan], [-0.292, np.nan], [np.nan, 1.179]])
    result = crosscheck(bivariate_normal.bind("row", values, ("x", "y"), means_zero=True), 4)
    assert [str(optimum.kind) for optimum in result.optima] == ["best", "degenerate"]
    assert (result.ends.optimum, result.verdict) == (0, "agree")
    assert result.ends.pymc_log_likelihood == pytest.approx(-7.2500374, abs=1e-7)
    assert "elsewhere the likelihood is unbounded" in result.sentence
    message = flags(result)["degenerate"]
    assert message.startswith(
        "the likelihood is unbounded as correlation[x,y] approaches the edge of its range; 0 of 4 EM"
    )


@pytest.mark.parametrize("apart", [1e-3, *(pytest.param(apart, marks=pytest.mark.slow) for apart in (1e-2, 1e-4))])
def test_rows_near_a_line_have_their_maximum(apart):
    """Complete data: the moments, in closed form; the correlation's error is (1 - r^2) / sqrt N."""
    x = np.linspace(0, 1, 8)
    values = np.column_stack([x, 2 * x + apart * np.array([1.0, -1, 0.5, 2, -2, 0, 1, -1.5])])
    result = crosscheck(bivariate_normal.bind("near", values, ("x", "y")), 3)
    assert (result.verdict, result.flags) == ("agree", ())
    covariance = np.cov(values.T, bias=True)
    left = np.linalg.det(covariance) / covariance[0, 0] / covariance[1, 1]
    table = result.estimates.set_index("parameter")
    for side in ("em", "pymc"):
        found = table.loc["correlation[x,y]", side]
        assert (1 - found) * (1 + found) == pytest.approx(left, rel=1e-5)
        assert table.loc["variance[y]", side] == pytest.approx(covariance[1, 1], rel=1e-6)
        error = table.loc["correlation[x,y]", f"{side}_se"]
        assert np.isnan(error) or error == pytest.approx(left / np.sqrt(8), rel=1e-4)


def test_numbers_that_are_all_zero_end_quickly():
    """As constants of PyMC's model they would keep its rewriting from coming to an end."""
    values = np.array([[1.0, 2.0], [2.0, 1.0], [np.nan, 0.0]])
    assert crosscheck(bivariate_normal.bind("zero", values, ("x", "y"), means_zero=True), 2).verdict == "agree"


@pytest.mark.parametrize("flips", [pytest.param(1000.0, marks=pytest.mark.slow), 1e5])
def test_a_component_without_weight_is_missed_where_single_sequences_are(flips):
    """Two heads in one sequence and none in the other: two coins, one of which shows no heads, fit better."""
    case = coin_mixture.bind("rare", np.array([2.0, 0.0]), np.full(2, flips), 2)
    result = crosscheck(case, 6)
    assert result.optima[0].kind is Kind.BOUNDARY
    saddles = [optimum for optimum in result.optima[1:] if optimum.kind is Kind.RIDGE]
    assert saddles == []


@pytest.mark.slow
def test_an_em_that_creeps_does_not_disagree():
    """More than 55,000 plain cycles: what EM has not finished is carried on, or undecided."""
    heads, seen = np.arange(7.0), np.array([10.0, 32, 54, 48, 30, 6, 3])
    result = crosscheck(coin_mixture.bind("creeping", heads, np.full(7, 7.0), 4, frequencies=seen), 12)
    assert result.verdict == "agree"
    assert "ridge" in flags(result)
    assert result.ends.pymc_log_likelihood == pytest.approx(-303.388009285, abs=1e-8)
