"""Outside models: what is read off a PyMC model, which symmetries are found, and what is refused in one line."""

import re
from types import SimpleNamespace

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest

from comparisons import InputError, bind, crosscheck
from comparisons.outside.symmetries import Exchange, Symmetries, Turn

Y = np.array([1.0, 2.0, 4.0])


def exponential(**more):
    with pm.Model(**more) as model:
        rate = pm.HalfFlat("rate")
        pm.Exponential("y", rate, observed=Y)
    return model


def em(params):
    return {"rate": 3 / 7}


def test_a_single_number_is_called_by_its_name_and_given_as_a_float() -> None:
    seen = []

    def looks(params):
        seen.append(type(params["rate"]))
        return em(params)

    result = crosscheck(bind(exponential, looks), 3)
    assert set(seen) == {float}
    assert list(result.estimates["parameter"]) == ["rate"]
    assert str(result.verdict) == "agree"


def test_labels_come_from_the_coordinates() -> None:
    with pm.Model(coords={"group": ["old", "new"]}) as model:
        mean = pm.Flat("mean", dims="group")
        other = pm.Flat("other", shape=2)
        pm.Normal("y", mean[[0, 0, 1]] + other[[0, 1, 1]], 1.0, observed=Y)
    case = bind(model, lambda params: params)
    assert set(case.parameter_names()) == {"mean[old]", "mean[new]", "other[1]", "other[2]"}


def test_starts_come_from_proper_priors_and_spread_over_flat_ones() -> None:
    with pm.Model() as model:
        mean = pm.Normal("mean", 100.0, 0.01)
        slope = pm.Flat("slope")
        share = pm.Uniform("share", 2.0, 3.0)
        pm.Normal("y", mean + slope + share, 1.0, observed=Y)
    case = bind(model, lambda params: params)
    drawn = [case.draw_start(np.random.default_rng(i)) for i in range(20)]
    assert np.ptp([start["mean"] for start in drawn]) < 0.2
    assert np.ptp([start["slope"] for start in drawn]) > 2
    assert all(2 < start["share"][0] < 3 for start in drawn)
    np.testing.assert_equal(case.draw_start(np.random.default_rng(3)), drawn[3])


def test_an_initval_is_the_documented_start() -> None:
    with pm.Model() as model:
        rate = pm.HalfFlat("rate", initval=0.25)
        pm.Exponential("y", rate, observed=Y)
    assert bind(model, em).start == {"rate": pytest.approx(np.array([0.25]))}
    assert bind(exponential, em).start is None
    assert bind(exponential, em, start={"rate": 0.5}).start == {"rate": np.array([0.5])}


def test_signs_that_change_nothing_are_found() -> None:
    with pm.Model() as model:
        loading = pm.Flat("loading", shape=2)
        pm.Normal("y", loading[0] * loading[1] + np.zeros(3), 1.0, observed=Y)
    case = bind(model, lambda params: params)
    assert any("signs of loading" in flag.message for flag in case.flags)
    turned = case.align({"loading": np.array([-1.0, -2.0])}, {"loading": np.array([1.0, 2.0])})
    np.testing.assert_equal(turned, {"loading": np.array([1.0, 2.0])})


def test_what_only_looks_exchangeable_is_not() -> None:
    with pm.Model() as model:
        mean = pm.Flat("mean", shape=2)
        pm.Normal("y", mean[[0, 0, 1]], 1.0, observed=Y)
    assert bind(model, lambda params: params).flags == ()


def test_a_prior_is_climbed_where_it_is_asked_for() -> None:
    with pm.Model() as model:
        rate = pm.Gamma("rate", 3.0, 2.0)
        pm.Exponential("y", rate, observed=Y)
    likelihood = crosscheck(bind(model, em), 3)
    posterior = crosscheck(bind(model, lambda params: {"rate": 5 / 9}, with_prior=True), 3)
    assert likelihood.estimates["pymc"][0] == pytest.approx(3 / 7)
    assert posterior.estimates["pymc"][0] == pytest.approx(5 / 9)
    assert {str(likelihood.verdict), str(posterior.verdict)} == {"agree"}


@pytest.mark.filterwarnings("ignore:Data in y contains missing values")
def test_missing_data_are_no_parameters() -> None:
    with pytest.raises(InputError, match="y_unobserved"):
        bind(imputed, em)


def test_an_em_that_is_a_class_is_refused() -> None:
    with pytest.raises(InputError, match="expected an object of it"):
        bind(exponential, type("EM", (), {}))


def mixture(prior_means):
    with pm.Model() as model:
        mean = pm.Normal("mean", prior_means, 0.5, shape=2)
        pm.NormalMixture("y", w=np.array([0.5, 0.5]), mu=mean, sigma=1.0, observed=Y)
    return model


def test_a_prior_that_tells_components_apart_is_no_symmetry() -> None:
    prior = np.array([-1.0, 3.0])
    assert bind(lambda: mixture(prior), em_of_means).flags != ()
    assert bind(lambda: mixture(prior), em_of_means, with_prior=True).flags == ()


def em_of_means(params):
    return params


def test_the_nearest_copy_is_found_over_signs_and_orders() -> None:
    exchange = Exchange(("loading",), 2, {"loading": (0,)})
    found = Symmetries((exchange,), (Turn("loading", {"loading": -np.ones(2)}),))
    one, other = {"loading": np.array([1.0, -2.0])}, {"loading": np.array([-2.0, 1.0])}
    np.testing.assert_equal(found.aligned(one, other), other)


def discrete():
    with pm.Model() as model:
        which = pm.Bernoulli("which", 0.5, shape=3)
        pm.Normal("y", which, 1.0, observed=Y)
    return model


def empty():
    with pm.Model() as model:
        pm.Normal("mean")
    return model


def impossible():
    with pm.Model() as model:
        low = pm.Flat("low")
        pm.Uniform("y", low, 10.0, observed=Y)
    return model


def latent():
    with pm.Model() as model:
        mean = pm.Flat("mean")
        effect = pm.Normal("effect", mean, 1.0, shape=3)
        pm.Normal("y", effect, 1.0, observed=Y)
    return model


def moving_bound():
    with pm.Model() as model:
        high = pm.HalfNormal("high", 2.0)
        share = pm.Uniform("share", 0.0, high)
        pm.Normal("y", share, 1.0, observed=Y)
    return model


def imputed():
    with pm.Model() as model:
        mean = pm.Flat("mean")
        pm.Normal("y", mean, 1.0, observed=np.ma.masked_invalid([1.0, np.nan, 2.0]))
    return model


def ordered():
    with pm.Model() as model:
        mean = pm.Normal("mean", 0.0, 3.0, shape=2, transform=pm.distributions.transforms.ordered)
        pm.Normal("y", mean[[0, 0, 1]], 1.0, observed=Y)
    return model


def nothing_free():
    with pm.Model() as model:
        pm.Normal("y", 0.0, 1.0, observed=Y)
    return model


@pytest.mark.parametrize(
    ("model", "more", "words"),
    [
        (latent, {}, "the prior or the bounds of effect depend on mean: if it is latent, integrate it out"),
        (moving_bound, {"with_prior": True}, "the prior or the bounds of share depend on high"),
        (ordered, {}, "mean has the transform"),
        (nothing_free, {}, "the model has no free variable"),
        (exponential, {"start": {"rate": -1.0}}, "start: rate = -1 lies outside the support"),
        (exponential, {"start": {"rate": "fast"}}, "expected numbers"),
        (discrete, {}, "which is discrete: sum it out"),
        (empty, {}, "no observed variable and no potential"),
        (impossible, {"start": {"low": 3.0}}, "the log-likelihood at the start is -inf"),
        (exponential, {"start": {"scale": 3.0}}, "start: got scale, expected rate"),
        (exponential, {"start": {"rate": [1.0, 2.0]}}, "start: 'rate' has shape (2,), expected (1,)"),
        ("no model", {}, "the model is a str, expected a pymc.Model"),
    ],
)
def test_what_cannot_be_bound_is_one_line(model, more, words) -> None:
    with pytest.raises(InputError) as caught:
        bind(model, em, **more)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


class Flat:
    """Takes and returns one array."""

    parameter_order = ("sd", "mean")

    def step(self, params):
        assert params.shape == (2,)
        return np.array([Y.std(), Y.mean()])


class Fitted:
    """Keeps what it has found in attributes."""

    def fit(self, start):
        self.mean_, self.sd_, self.n_iter_ = Y.mean(), Y.std(), 1
        return self


@pytest.mark.parametrize(
    "form",
    [
        lambda params: (Y.mean(), Y.std()),
        lambda params: SimpleNamespace(mean=Y.mean(), sd=Y.std()),
        lambda params: {"params": {"mean": Y.mean(), "sd": Y.std()}, "log_likelihood": -1.0},
        lambda params: ({"mean": Y.mean(), "sd": Y.std()}, -1.0),
        Flat(),
        Fitted(),
    ],
    ids=["tuple", "attributes", "dict of parameters", "with a log-likelihood", "one array", "fitted"],
)
def test_an_em_may_return_its_parameters_in_any_form(form) -> None:
    with pm.Model() as model:
        mean, sd = pm.Flat("mean"), pm.HalfFlat("sd")
        pm.Normal("y", mean, sd, observed=Y)
    result = crosscheck(bind(model, form), 2)
    assert str(result.verdict) == "agree"
    assert dict(zip(result.estimates["parameter"], result.estimates["em"], strict=True)) == pytest.approx(
        {"mean": Y.mean(), "sd": Y.std()}
    )


def test_an_order_of_other_parameters_is_one_line() -> None:
    with pytest.raises(InputError, match=r"the EM: parameter_order is .*'mean'.*, expected a tuple of the names rate"):
        bind(exponential, Flat())


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda params: {"scale": 1.0}, "the EM returned no 'rate', expected rate"),
        (lambda params: "half", "the EM returned str, expected a dict with rate"),
        (lambda params: {"rate": "half"}, "the EM returned 'rate' = 'half', expected real numbers"),
        (lambda params: {"rate": [1.0, 2.0]}, "the EM returned 'rate' of shape (2,), expected (1,)"),
        (lambda params: {"rate": -1.0}, "the EM returned rate = -1, outside the support of the model's variable"),
        (lambda params: {"rate": np.nan}, "the EM returned rate = nan, outside the support of"),
    ],
)
def test_what_an_em_returns_that_does_not_fit_is_one_line(wrong, words) -> None:
    with pytest.raises(InputError) as caught:
        crosscheck(bind(exponential, wrong), 2)
    assert words in str(caught.value)


def dividing_by_zero():
    return 1 / 0


@pytest.fixture(params=[lambda: {"rate": np.nan}, lambda: {"rate": -1.0}, dividing_by_zero])
def fault(request):
    return request.param


FAULTS = "ZeroDivisionError: division by zero|it returned rate = (nan|-1), outside the support"


def test_starts_at_which_an_em_fails_are_told(fault) -> None:
    case = bind(exponential, lambda params: fault() if params["rate"] > 1 else em(params), start={"rate": 0.5})
    result = crosscheck(case, 6)
    assert result.verdict == "agree"
    assert 0 < (result.em.status == "not finite").sum() < 6
    told = [flag.message for flag in result.flags if flag.code == "em_failed"]
    assert re.search(FAULTS, told[0])


def test_an_em_that_ends_nowhere_is_one_line(fault) -> None:
    calls = iter(range(10**9))
    case = bind(exponential, lambda params: fault() if next(calls) else em(params))
    with pytest.raises(
        InputError, match=f"no finite value from any start that counts: ({FAULTS})|every one of 2 starts .({FAULTS})"
    ):
        crosscheck(case, 2)


@pytest.fixture(scope="module")
def chain():
    """Likelihood of a chain with two states that have no names, seen with errors: symmetric in the states."""
    with pm.Model(coords={"from": ["s", "t"], "to": ["s", "t"], "state": ["s", "t"]}) as model:
        transition = pm.Dirichlet("transition", np.ones((2, 2)), dims=("from", "to"))
        rate = pm.HalfFlat("rate", dims="state")
        twice = transition @ transition
        pm.Potential("y", pt.log(0.5 * pt.exp(-rate) @ twice @ (rate * pt.exp(-rate))))
    return model


def test_axes_of_a_chain_are_exchanged_together(chain) -> None:
    case = bind(chain, lambda params: params)
    assert [flag.message for flag in case.flags] == [
        "the entries of transition and rate are exchangeable along from and to and state: "
        "2! = 2 labellings are one optimum"
    ]
    start = case.draw_start(np.random.default_rng(0))
    other = {"transition": start["transition"][::-1, ::-1], "rate": start["rate"][::-1]}
    for name, values in case.align(other, start).items():
        np.testing.assert_array_equal(values, start[name])


def test_signs_of_the_columns_of_loadings_are_found_one_by_one() -> None:
    with pm.Model(coords={"item": list("abc"), "factor": ["f", "g"]}) as model:
        loading = pm.Flat("loading", dims=("item", "factor"))
        pm.Potential("y", -((loading @ loading.T - np.eye(3) - 0.3) ** 2 * np.arange(1.0, 10.0).reshape(3, 3)).sum())
    case = bind(model, lambda params: params)
    told = [flag.message for flag in case.flags]
    assert "the signs of loading at f may be turned together" in told
    assert "the signs of loading at g may be turned together" in told
    assert any("exchangeable along factor" in message for message in told)
    start = case.draw_start(np.random.default_rng(1))
    other = {"loading": start["loading"][:, ::-1] * np.array([1.0, -1.0])}
    np.testing.assert_array_equal(case.align(other, start)["loading"], start["loading"])


def test_symmetries_may_be_given_or_switched_off(chain) -> None:
    assert not bind(chain, lambda params: params, exchangeable=(), turned=()).flags
    (flag,) = bind(chain, lambda params: params, exchangeable=["state"]).flags
    assert "the entries of rate are exchangeable along state" in flag.message
    with pytest.raises(InputError, match="exchangeable: there is no 'clan', expected some of from, to, state"):
        bind(chain, lambda params: params, exchangeable=["clan"])


def test_axes_without_names_that_are_exchanged_together_are_one() -> None:
    with pm.Model() as model:
        weight = pm.Dirichlet("weight", np.ones(2))
        mean = pm.Flat("mean", shape=(2, 3))
        pm.Potential("y", pt.log(weight @ pt.exp(-((mean - np.arange(3.0)) ** 2).sum(axis=1))))
    case = bind(model, lambda params: params)
    assert case.by_name["weight"].axes[0] == case.by_name["mean"].axes[0]
    assert case.by_name["mean"].names[:2] == ("mean[1, 1]", "mean[1, 2]")


class Fit:
    """Half the way in every cycle."""

    def fit(self, start, max_cycles=1000):
        rate = start["rate"]
        for _ in range(max_cycles):
            rate = (rate + 3 / 7) / 2
        return {"rate": rate, "log_likelihood": 0.0}


class WholeFit:
    """A fit that cannot be cut short."""

    def fit(self, start):
        return Fit().fit(start, 100)


@pytest.mark.parametrize(("em", "least", "most"), [(Fit(), 20, 60), (WholeFit(), 1, 3)])
def test_a_fit_is_taken_cycle_by_cycle_where_it_can_be_cut_short(em, least, most) -> None:
    result = crosscheck(bind(exponential, em), 2)
    assert result.verdict == "agree"
    assert least <= result.em.effort.max() <= most
