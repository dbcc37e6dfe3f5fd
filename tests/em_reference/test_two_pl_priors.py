"""The 2PL with priors against a log-posterior written with scipy.stats."""

import numpy as np
import pytest
from scipy import optimize, stats

from em_reference import Status, StopRule, TwoPL, em
from em_reference.priors import Beta, Dirichlet, LogNormal, Normal
from em_reference.quadrature import equally_spaced
from em_reference.two_pl import TwoPLParams

NODES, WEIGHTS = equally_spaced(31, 5)


def data():
    rng = np.random.default_rng(11)
    theta = rng.normal(size=(60, 1))
    responses = (rng.random((60, 4)) < 1 / (1 + np.exp(-(rng.normal(size=4) + 1.2 * theta)))).astype(float)
    responses[rng.random(responses.shape) < 0.1] = np.nan
    return responses


def log_posterior(params, responses, slope_density):
    d, a = np.split(params, 2)
    p = 1 / (1 + np.exp(-(d + a * NODES[:, None])))
    cells = np.where(np.isnan(responses)[:, None], 1.0, np.where(responses[:, None] == 1, p, 1 - p))
    marginal = cells.prod(axis=2) @ WEIGHTS
    return np.log(marginal).sum() + stats.norm.logpdf(d, 0.5, 1.5).sum() + slope_density(a).sum()


CASES = {
    "log-normal": (LogNormal(0.1, 0.4), lambda a: stats.lognorm.logpdf(a, 0.4, scale=np.exp(0.1))),
    "normal": (Normal(1.0, 0.7), lambda a: stats.norm.logpdf(a, 1.0, 0.7)),
}


@pytest.mark.parametrize("accelerate", [False, True])
@pytest.mark.parametrize("kind", CASES)
def test_em_ends_at_the_mode(kind, accelerate):
    prior, density = CASES[kind]
    responses = data()
    problem = TwoPL(responses, None, NODES, WEIGHTS, intercept_prior=Normal(0.5, 1.5), slope_prior=prior)
    start = TwoPLParams(np.zeros(4), np.ones(4))
    fit = em(problem, start, StopRule(1e-10), accelerate=accelerate, trace=True)
    assert fit.status == Status.CONVERGED
    posterior = fit.trace.log_likelihood + fit.trace.log_prior
    assert (np.diff(posterior) >= -1e-10).all()
    ours = np.concatenate(fit.params)
    assert fit.log_posterior == pytest.approx(log_posterior(ours, responses, density), rel=1e-13)
    best = optimize.minimize(
        lambda x: -log_posterior(x, responses, density), ours + 0.05, method="BFGS", options={"gtol": 1e-6}
    )
    assert -best.fun <= float(fit.log_posterior) + 1e-9
    np.testing.assert_allclose(ours, best.x, atol=2e-6)


@pytest.mark.parametrize("start", [0.05, 1.0, 6.0, 40.0])
def test_m_step_climbs_from_where_the_log_normal_prior_is_convex(start):
    problem = TwoPL(data(), None, NODES, WEIGHTS, slope_prior=LogNormal(0.0, 0.3))
    fit = em(problem, TwoPLParams(np.zeros(4), np.full(4, start)), StopRule(1e-9), trace=True)
    assert fit.status == Status.CONVERGED
    assert (np.diff(fit.trace.log_likelihood + fit.trace.log_prior) >= -1e-10).all()
    assert (fit.params.slope > 0.1).all()
    assert (fit.params.slope < 5).all()


@pytest.mark.parametrize(
    ("prior", "reference"),
    [
        (Normal(0.3, 1.7), stats.norm(0.3, 1.7)),
        (LogNormal(0.2, 0.6), stats.lognorm(0.6, scale=np.exp(0.2))),
        (Beta(2.5, 1.5), stats.beta(2.5, 1.5)),
    ],
)
def test_log_density_and_its_derivatives(prior, reference):
    x = np.array([0.05, 0.4, 0.9])
    np.testing.assert_allclose(prior.log_density(x), reference.logpdf(x), rtol=1e-12)
    if isinstance(prior, Beta):
        return
    h = 1e-5
    slope = (prior.log_density(x + h) - prior.log_density(x - h)) / (2 * h)
    curvature = (prior.slope(x + h) - prior.slope(x - h)) / (2 * h)
    np.testing.assert_allclose(prior.slope(x), slope, rtol=1e-6)
    np.testing.assert_allclose(prior.curvature(x), curvature, rtol=1e-6)


def test_log_normal_has_no_mass_below_0():
    np.testing.assert_array_equal(LogNormal(0.0, 1.0).log_density(np.array([0.0, -1.0])), -np.inf)


def test_dirichlet_density():
    weights = np.array([0.2, 0.5, 0.3])
    expected = stats.dirichlet.logpdf(weights, [1.7] * 3)
    assert Dirichlet(1.7).log_density(weights) == pytest.approx(expected, rel=1e-13)
