"""Likelihoods without bound: found decade by decade in any units, told from maxima at the edge, never the best."""

from dataclasses import replace

import numpy as np
import pymc as pm
import pytest

from comparisons import bind, crosscheck
from comparisons.compiled import Compiled
from comparisons.optima.kinds import Kind, examine, judge
from comparisons.optima.unbounded import same_edge
from comparisons.report import tables
from comparisons.report.compose import compose
from comparisons.report.render import markdown
from comparisons.report.summary import summary
from pp_models.maximise import maximise

# Two of the values are equal.
Y = np.array([-1.4, -0.9, -0.9, -0.6, -0.3, 0.0, 0.2, 0.7, 1.1, 1.9, 2.4, 2.6, 2.8, 3.0, 3.3, 3.9])
REGULAR = {"weight": [0.5, 0.5], "mean": [0.0, 3.0], "sd": [1.0, 1.0]}
ON_THE_PAIR = {"weight": [0.2, 0.8], "mean": [-0.9, 1.4], "sd": [0.05, 1.5]}
ON_ONE_VALUE = {"weight": [0.9, 0.1], "mean": [1.0, 3.9], "sd": [1.5, 0.05]}
BEST = -27.5071609


class Mixture:
    """EM of two normal distributions with standard deviations of their own, written as a statistician would."""

    def __init__(self, y):
        self.y = y

    def step(self, params):
        """Responsibilities and weighted moments; 0/0 once a component has collapsed."""
        apart = (self.y[:, None] - params["mean"]) / params["sd"]
        density = params["weight"] * np.exp(-(apart**2) / 2) / params["sd"]
        share = density / density.sum(axis=1, keepdims=True)
        size = share.sum(axis=0)
        mean = self.y @ share / size
        sd = np.sqrt((share * (self.y[:, None] - mean) ** 2).sum(axis=0) / size)
        return {"weight": size / len(self.y), "mean": mean, "sd": sd}


def mixture(y=Y, em=None):
    def model():
        with pm.Model(coords={"component": ["one", "two"]}) as built:
            weight = pm.Dirichlet("weight", np.ones(2), dims="component")
            mean = pm.Normal("mean", y.mean(), y.std(), dims="component")
            sd = pm.HalfNormal("sd", y.std(), dims="component")
            pm.NormalMixture("y", w=weight, mu=mean, sigma=sd, observed=y)
        return built

    return bind(model, em or Mixture(y), name="mixture")


def stacked(*starts, scale=1.0):
    units = {"weight": 1.0, "mean": scale, "sd": scale}
    return {name: np.array([start[name] for start in starts]) * units[name] for name in units}


def flags(result):
    return {flag.code: flag.message for flag in result.flags}


@pytest.fixture(scope="module")
def collapsing():
    return crosscheck(mixture(), starts=stacked(REGULAR, ON_THE_PAIR, ON_ONE_VALUE))


def test_the_best_of_the_other_maxima_is_reported(collapsing):
    assert [str(optimum.kind) for optimum in collapsing.optima] == ["best", "degenerate"]
    assert (collapsing.ends.optimum, str(collapsing.verdict)) == (0, "agree")
    assert collapsing.ends.em_log_likelihood == pytest.approx(BEST, abs=1e-7)
    assert collapsing.ends.pymc_log_likelihood == pytest.approx(BEST, abs=1e-7)
    assert collapsing.optima[1].objective > BEST
    assert collapsing.sentence.endswith("; elsewhere the likelihood is unbounded, and there is no estimate there.")
    assert collapsing.checks_table()["passed"].all()


def test_starts_that_collapse_are_listed_there_on_either_side(collapsing):
    """EM ends with 0/0; whichever component collapses, on one value or on two, it is one place but for the labels."""
    assert list(collapsing.em.status) == ["converged", "not finite", "not finite"]
    assert [list(collapsing.optima[1].members[by]) for by in ("em", "pymc")] == [[1, 2], [1, 2]]
    assert list(collapsing.starts_table()["em_kind"]) == ["best", "degenerate", "degenerate"]
    message = flags(collapsing)["degenerate"]
    assert "2 of 3 EM starts and 2 of 3 PyMC starts lead there" in message
    assert "a lower bound of a standard deviation or a variance" in message
    assert "a prior that vanishes there" in message
    assert "not_finite" not in flags(collapsing)


def test_no_number_stands_for_a_height_without_bound(collapsing):
    row = collapsing.optima_table().iloc[1]
    assert (row["log_likelihood"], np.isnan(row["gap"])) == (np.inf, True)
    shown = collapsing.optima[1]
    (name,) = shown.judgement.diverging
    assert row[name] == pytest.approx(0, abs=1e-20)


def test_the_report_has_no_number_for_it_either(collapsing):
    table = tables.optima(collapsing)
    assert [row[1:4] for row in table.rows][1] == ("degenerate", "unbounded", "–")  # noqa: RUF001
    text = markdown(compose(collapsing))
    assert "no estimate, however high it is" in text
    assert "or on the way to where the likelihood is unbounded" in text
    assert [optimum["log_likelihood"] is None for optimum in summary(collapsing)["optima"]] == [False, True]


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1e4, 1e-5])
def test_units_make_no_difference(scale):
    result = crosscheck(mixture(Y * scale), starts=stacked(ON_THE_PAIR, ON_ONE_VALUE, scale=scale))
    assert {str(optimum.kind) for optimum in result.optima if optimum.reached} == {"degenerate"}
    assert [len(result.optima[0].members[by]) for by in ("em", "pymc")] == [2, 2]
    assert str(result.verdict) == "agree elsewhere"
    assert result.sentence.startswith("There is no estimate: the likelihood is unbounded as sd[")


@pytest.mark.slow
def test_an_em_that_is_wrong_still_disagrees():
    class Wrong(Mixture):
        def step(self, params):
            new = super().step(params)
            return {**new, "sd": new["sd"] * np.sqrt(len(self.y) / (len(self.y) - 1))}

    result = crosscheck(mixture(em=Wrong(Y)), starts=stacked(REGULAR, ON_THE_PAIR))
    assert str(result.verdict) == "disagree"
    assert "degenerate" in flags(result)


def kind_at(build, **natural):
    """The kind of the point that PyMC reaches, and the parameters that go to an edge."""
    case = bind(build, lambda params: params)
    objective = case.objective()
    start = {name: np.atleast_1d(np.asarray(values, dtype=float)) for name, values in natural.items()}
    end = maximise(objective, objective.free(start))
    judgement = judge(Compiled(case, objective), examine(Compiled(case, objective), end.params))
    return judgement.kind, judgement.diverging or judgement.at_edge


def by_precision():
    with pm.Model() as built:
        weight = pm.Dirichlet("weight", np.ones(2))
        mean, precision = pm.Flat("mean", shape=2), pm.HalfFlat("precision", shape=2)
        pm.NormalMixture("y", w=weight, mu=mean, tau=precision, observed=Y)
    return built


def by_logarithm():
    """The logarithm of a standard deviation has no edge: it goes to minus infinity."""
    with pm.Model() as built:
        weight = pm.Dirichlet("weight", np.ones(2))
        mean, log_sd = pm.Flat("mean", shape=2), pm.Flat("log_sd", shape=2)
        pm.NormalMixture("y", w=weight, mu=mean, sigma=pm.math.exp(log_sd), observed=Y)
    return built


def two_lines():
    """Two regression lines, each with an error variance of its own: one goes through three points on a line."""
    x = np.linspace(-1, 1, 14)
    y = np.where(np.arange(14) % 3 == 0, 2 * x + 1, -x) + 0.3 * np.sin(7 * x)
    y[[0, 3, 6]] = 2 * x[[0, 3, 6]] + 1
    with pm.Model() as built:
        weight = pm.Dirichlet("weight", np.ones(2))
        intercept, slope = pm.Flat("intercept", shape=2), pm.Flat("slope", shape=2)
        variance = pm.HalfFlat("variance", shape=2)
        line = pm.Normal.dist(intercept + slope * x[:, None], pm.math.sqrt(variance))
        pm.Potential("y", pm.math.logsumexp(pm.math.log(weight) + pm.logp(line, y[:, None]), axis=1))
    return built


def with_zeros():
    """A zero-inflated normal whose zeros are given a standard deviation of their own."""
    y = np.array([0, 0, 0, 0, 0.4, -0.8, 1.3, 2.2, 1.7, 0.9, -0.2, 1.1])
    with pm.Model() as built:
        share = pm.Beta("share", 1, 1)
        spike, mean, sd = pm.HalfFlat("spike"), pm.Flat("mean"), pm.HalfFlat("sd")
        parts = [pm.logp(pm.Normal.dist(*at), y) for at in ((0.0, spike), (mean, sd))]
        pm.Potential("y", pm.math.logaddexp(pm.math.log(share) + parts[0], pm.math.log(1 - share) + parts[1]))
    return built


def t_with_ties():
    """Five of six values are equal: more than nu / (1 + nu) of them, so the scale goes to 0 (Kent and Tyler 1991)."""
    with pm.Model() as built:
        location, scale = pm.Flat("location"), pm.HalfFlat("scale")
        pm.StudentT("y", nu=2.0, mu=location, sigma=scale, observed=[1.0, 1, 1, 1, 1, 3])
    return built


@pytest.mark.parametrize(
    ("build", "start", "names"),
    [
        (by_precision, {"weight": [0.1, 0.9], "mean": [3.9, 1.0], "precision": [1e3, 0.4]}, ("precision[1]",)),
        (by_logarithm, {"weight": [0.1, 0.9], "mean": [3.9, 1.0], "log_sd": [-3.0, 0.4]}, ("log_sd[1]",)),
        (
            two_lines,
            {"weight": [0.2, 0.8], "intercept": [1.0, 0.2], "slope": [2.0, -0.5], "variance": [1e-8, 0.6]},
            ("variance[1]",),
        ),
        (with_zeros, {"share": 0.3, "spike": 0.02, "mean": 1.0, "sd": 1.0}, ("spike",)),
        (t_with_ties, {"location": 1.01, "scale": 0.05}, ("scale",)),
    ],
)
def test_scales_by_any_name_go_to_their_edge(build, start, names):
    assert kind_at(build, **start) == (Kind.DEGENERATE, names)


# --- what is bounded ---


def one_way():
    """Random effects whose groups differ less than chance would have it: the variance between them is 0."""
    y = np.array([[1.0, 5, 3], [2, 4, 3.5], [0.9, 5.2, 2.8], [1.8, 4.1, 3.2]])
    squares = ((y - y.mean(axis=1, keepdims=True)) ** 2).sum()
    with pm.Model() as built:
        mean, between, within = pm.Flat("mean"), pm.HalfFlat("between"), pm.HalfFlat("within")
        pm.Normal("means", mean, pm.math.sqrt(between + within / 3), observed=y.mean(axis=1))
        pm.Potential("inside", -4 * pm.math.log(within) - squares / (2 * within))
    return built


def without_the_second():
    """All values are where the second component, whose mean is known, is not."""
    with pm.Model() as built:
        weight, sd = pm.Beta("weight", 1, 1), pm.HalfFlat("sd")
        y = np.array([-0.3, 0.2, 0.5, -0.8, 0.1, 0.9, -0.4])
        far, near = pm.logp(pm.Normal.dist(4.0, 1.0), y), pm.logp(pm.Normal.dist(0.0, sd), y)
        pm.Potential("y", pm.math.logaddexp(pm.math.log(weight) + far, pm.math.log(1 - weight) + near))
    return built


@pytest.mark.parametrize(
    ("build", "start", "names"),
    [
        (one_way, {"mean": 3.0, "between": 0.3, "within": 2.0}, ("between",)),
        (one_way, {"mean": 3.0, "between": 1e-9, "within": 2.0}, ("between",)),
        (without_the_second, {"weight": 0.3, "sd": 1.0}, ("weight",)),
    ],
)
def test_a_maximum_at_the_edge_is_none_without_bound(build, start, names):
    assert kind_at(build, **start) == (Kind.BOUNDARY, names)


def test_two_values_that_are_nearly_equal_leave_a_maximum():
    """A spurious one, with a standard deviation of 5e-7, but a maximum: between them the likelihood falls again."""
    near = np.concatenate([Y, [2.6 + 1e-6]])

    def build():
        with pm.Model() as built:
            weight = pm.Dirichlet("weight", np.ones(2))
            mean, sd = pm.Flat("mean", shape=2), pm.HalfFlat("sd", shape=2)
            pm.NormalMixture("y", w=weight, mu=mean, sigma=sd, observed=near)
        return built

    start = {"weight": [0.1, 0.9], "mean": [2.6 + 4e-7, 1.2], "sd": [1e-6, 1.5]}
    assert kind_at(build, **start) == (Kind.BEST, ())


def test_a_floor_takes_the_collapse_away():
    def build():
        with pm.Model() as built:
            weight = pm.Dirichlet("weight", np.ones(2))
            mean, sd = pm.Flat("mean", shape=2), pm.Uniform("sd", 0.1, 10.0, shape=2)
            pm.NormalMixture("y", w=weight, mu=mean, sigma=sd, observed=Y)
        return built

    assert kind_at(build, weight=[0.2, 0.8], mean=[-0.9, 1.4], sd=[0.11, 1.5]) == (Kind.BOUNDARY, ("sd[1]",))


def test_labels_that_are_not_exchangeable_are_not_exchanged():
    case = mixture()
    natural = {name: values[0] for name, values in stacked(ON_THE_PAIR).items()}
    assert same_edge(case, natural, ("sd[one]",), ("sd[two]",))
    assert not same_edge(case, natural, ("sd[one]",), ("sd[one]", "sd[two]"))
    known = replace(case, align=lambda natural, _: natural)
    assert not same_edge(known, natural, ("sd[one]",), ("sd[two]",))
