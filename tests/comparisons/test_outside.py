"""Outside models: what is read off a PyMC model, which symmetries are found, and what is refused in one line."""

import numpy as np
import pymc as pm
import pytest

from comparisons import InputError, bind, crosscheck
from comparisons.outside.symmetries import Symmetries

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
    found = Symmetries((("loading",),), (("loading",),))
    one, other = {"loading": np.array([1.0, -2.0])}, {"loading": np.array([-2.0, 1.0])}
    np.testing.assert_equal(found.aligned(one, other), other)


def discrete():
    with pm.Model() as model:
        which = pm.Bernoulli("which", 0.5, shape=3)
        pm.Normal("y", which, 1.0, observed=Y)
    return model


def matrix():
    with pm.Model() as model:
        table = pm.Flat("table", shape=(2, 2))
        pm.Normal("y", table.sum(), 1.0, observed=Y)
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
        (matrix, {}, "table has 2 axes, expected a single number or a vector"),
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


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda params: {"scale": 1.0}, "the EM returned no 'rate', expected rate"),
        (lambda params: 0.5, "the EM returned float, expected a dict with rate"),
        (lambda params: {"rate": [1.0, 2.0]}, "the EM returned 'rate' of shape (2,), the model's is (1,)"),
        (lambda params: {"rate": -1.0}, "the EM returned rate = -1, outside the support of the model's variable"),
        (lambda params: {"rate": np.nan}, "the EM returned rate = nan from every one of"),
    ],
)
def test_what_an_em_returns_that_does_not_fit_is_one_line(wrong, words) -> None:
    with pytest.raises(InputError) as caught:
        crosscheck(bind(exponential, wrong), 2)
    assert words in str(caught.value)
