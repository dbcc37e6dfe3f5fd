"""Observed information against Louis's formula and mpmath; standard errors and what is not identified."""

from pathlib import Path

import mpmath
import numpy as np
import pytest

from em_reference import CoinMixture, StopRule, TwoPL, em
from em_reference.coin_mixture import CoinParams
from em_reference.information import observed_information, standard_errors
from em_reference.latent_classes import ClassParams, LatentClasses
from em_reference.priors import Beta, Dirichlet, LogNormal, Normal
from em_reference.two_pl import TwoPLParams

LSAT6 = np.loadtxt(Path(__file__).parents[1] / "golden" / "lsat6.csv", delimiter=",", skiprows=1)


def louis(problem, params, responses, frequencies):
    """Louis (1982) for the 2PL: -E[H | u] - Var[s | u], summed over the patterns."""
    nodes, weights = problem.grid
    size = responses.shape[1]
    p = 1 / (1 + np.exp(-(params.intercept + params.slope * nodes[:, None])))
    hessian = np.zeros((len(nodes), 2 * size, 2 * size))
    i = np.arange(size)
    hessian[:, i, i] = -p * (1 - p)
    hessian[:, i + size, i + size] = -p * (1 - p) * nodes[:, None] ** 2
    hessian[:, i, i + size] = hessian[:, i + size, i] = -p * (1 - p) * nodes[:, None]
    total = np.zeros((2 * size, 2 * size))
    for u, frequency in zip(responses, frequencies, strict=True):
        joint = weights * np.where(u == 1, p, 1 - p).prod(axis=1)
        posterior = joint / joint.sum()
        score = np.hstack([u - p, (u - p) * nodes[:, None]])
        mean = posterior @ score
        total += frequency * np.tensordot(posterior, hessian, axes=1)
        total += frequency * (np.einsum("k,ki,kj->ij", posterior, score, score) - np.outer(mean, mean))
    return -total


def test_two_pl_information_and_standard_errors():
    problem = TwoPL(LSAT6[:, :5], LSAT6[:, 5])
    fit = em(problem, TwoPLParams(np.zeros(5), np.ones(5)), StopRule(1e-10), accelerate=True)
    expected = louis(problem, fit.params, LSAT6[:, :5], LSAT6[:, 5])
    np.testing.assert_allclose(observed_information(problem, fit.params), expected, rtol=1e-8)
    errors = standard_errors(problem, fit.params)
    assert isinstance(errors, TwoPLParams)
    np.testing.assert_allclose(np.concatenate(errors), np.sqrt(np.diag(np.linalg.inv(expected))), rtol=1e-8)


def test_priors_add_their_curvature():
    params = TwoPLParams(np.linspace(0, 2, 5), np.linspace(0.5, 1.5, 5))
    plain = observed_information(TwoPL(LSAT6[:, :5], LSAT6[:, 5]), params)
    d, a = Normal(0.0, 2.0), LogNormal(0.0, 0.5)
    with_prior = TwoPL(LSAT6[:, :5], LSAT6[:, 5], intercept_prior=d, slope_prior=a)
    added = np.concatenate([-d.curvature(params.intercept), -a.curvature(params.slope)])
    np.testing.assert_allclose(observed_information(with_prior, params) - plain, np.diag(added), atol=1e-6)


def mixture_hessian(heads, flips, params, prior=None):
    """Minus the Hessian in (w_1, ..., w_K, phi_1, ..., phi_K) by mpmath with 60 digits."""
    size = len(params.weight)

    def climb(*x):
        w, b = x[:size], x[size:]
        terms = (
            mpmath.log(mpmath.fsum(w[k] * b[k] ** h * (1 - b[k]) ** (flips - h) for k in range(size))) for h in heads
        )
        total = mpmath.fsum(terms)
        if prior is not None:
            alpha, beta = prior
            total += mpmath.fsum((alpha - 1) * mpmath.log(v) for v in w)
            total += mpmath.fsum((beta.alpha - 1) * mpmath.log(v) + (beta.beta - 1) * mpmath.log(1 - v) for v in b)
        return total

    center = [mpmath.mpf(float(v)) for v in np.concatenate(params)]
    hessian = np.empty((2 * size, 2 * size))
    with mpmath.workdps(60):
        for i in range(2 * size):
            for j in range(2 * size):
                order = [0] * (2 * size)
                order[i] += 1
                order[j] += 1
                hessian[i, j] = -mpmath.diff(climb, center, tuple(order))
    return hessian


HEADS = [1, 2, 0, 7, 8, 9, 8, 1, 9, 2]


@pytest.mark.parametrize("prior", [None, (2.5, Beta(2.0, 3.0))])
def test_coin_information_in_the_free_directions(prior):
    settings = {} if prior is None else {"weight_prior": Dirichlet(prior[0]), "bias_prior": prior[1]}
    problem = CoinMixture(HEADS, 10, 2, **settings)
    fit = em(problem, CoinParams(np.array([0.5, 0.5]), np.array([0.3, 0.6])), StopRule(1e-12))
    basis = problem.free_directions()
    expected = basis.T @ mixture_hessian(HEADS, 10, fit.params, prior) @ basis
    np.testing.assert_allclose(observed_information(problem, fit.params), expected, rtol=1e-8, atol=1e-8)
    variance = np.diag(basis @ np.linalg.inv(expected) @ basis.T)
    np.testing.assert_allclose(np.concatenate(standard_errors(problem, fit.params)), np.sqrt(variance), rtol=1e-8)


def test_parameter_that_may_not_move_has_standard_error_0():
    problem = CoinMixture(HEADS, 10, 2, fixed_weight=[0.5, 0.5])
    fit = em(problem, CoinParams(np.array([0.5, 0.5]), np.array([0.3, 0.6])), StopRule(1e-12))
    expected = mixture_hessian(HEADS, 10, fit.params)[2:, 2:]
    np.testing.assert_allclose(observed_information(problem, fit.params), expected, rtol=1e-8, atol=1e-8)
    errors = standard_errors(problem, fit.params)
    np.testing.assert_array_equal(errors.weight, 0)
    np.testing.assert_allclose(errors.bias, np.sqrt(np.diag(np.linalg.inv(expected))), rtol=1e-8)


def test_weights_of_the_worked_coins_are_not_identified():
    problem = CoinMixture([6, 5, 4, 2, 2, 6, 5, 5, 4, 2, 5, 2, 4, 4, 6, 4, 5, 6, 3, 3], 10, 3)
    errors = standard_errors(problem, CoinParams(np.array([0.3, 0.5, 0.2]), np.full(3, 0.415)))
    np.testing.assert_array_equal(errors.weight, np.inf)
    assert np.isfinite(errors.bias).all()


def test_item_without_information_is_not_identified_and_the_others_are():
    responses = np.hstack([LSAT6[:, :5], np.full((32, 1), np.nan)])
    start = TwoPLParams(np.zeros(6), np.ones(6))
    fit = em(TwoPL(responses, LSAT6[:, 5]), start, StopRule(1e-9), accelerate=True)
    errors = standard_errors(TwoPL(responses, LSAT6[:, 5]), fit.params)
    np.testing.assert_array_equal([errors.intercept[5], errors.slope[5]], np.inf)
    alone = TwoPLParams(fit.params.intercept[:5], fit.params.slope[:5])
    expected = standard_errors(TwoPL(LSAT6[:, :5], LSAT6[:, 5]), alone)
    np.testing.assert_allclose(errors.slope[:5], expected.slope, rtol=1e-7)


def test_saddle_and_edge_have_no_standard_error():
    two = CoinMixture([5, 9, 8, 4, 7], 10, 2, fixed_weight=[0.5, 0.5])
    errors = standard_errors(two, CoinParams(np.array([0.5, 0.5]), np.array([0.66, 0.66])))
    assert np.isnan(np.concatenate(errors)).all()
    edge = CoinMixture([10, 10, 3], 10, 2)
    errors = standard_errors(edge, CoinParams(np.array([0.6, 0.4]), np.array([1.0, 0.3])))
    assert np.isnan(np.concatenate(errors)).all()


def test_close_to_an_edge_the_steps_stay_inside():
    problem = CoinMixture([0, 0, 1, 9, 8, 10], 10, 2)
    params = CoinParams(np.array([0.5, 0.5]), np.array([1e-3, 0.9]))
    expected = mixture_hessian([0, 0, 1, 9, 8, 10], 10, params)
    basis = problem.free_directions()
    np.testing.assert_allclose(observed_information(problem, params), basis.T @ expected @ basis, rtol=1e-7, atol=1e-5)


def test_steps_fit_the_data_however_sharp_the_likelihood():
    """Two groups of 1e9 flips, three standard deviations apart; the units of a bias are thousands of times wider."""
    sd = 0.5 / np.sqrt(1e9)
    heads = np.round(1e9 * (0.5 + sd * np.array([-1.0, 0.3, 0.9, 2.4, 3.1, 3.3])))
    problem = CoinMixture(heads, 1e9, 2)
    fit = em(problem, CoinParams(np.array([0.5, 0.5]), 0.5 + sd * np.array([0.0, 3.0])), StopRule(1e-14))
    # In units of sd around 1/2 the counts are normal with variance 1: the same mixture, on a scale of its own.
    where, weight = (heads / 1e9 - 0.5) / sd, fit.params.weight
    centers = (fit.params.bias - 0.5) / sd

    def log_likelihood(z):
        chances = np.array([z[0], 1 - z[0]]) * np.exp(-((where[:, None] - z[1:]) ** 2) / 2)
        return np.log(chances.sum(axis=1)).sum()

    point, h = np.array([weight[0], *centers]), 1e-4
    moves = h * np.eye(3)
    hessian = [
        [
            (
                log_likelihood(point + one + other)
                - log_likelihood(point + one - other)
                - log_likelihood(point - one + other)
                + log_likelihood(point - one - other)
            )
            / (4 * h * h)
            for other in moves
        ]
        for one in moves
    ]
    expected = np.sqrt(np.diag(np.linalg.inv(-np.array(hessian))))
    errors = standard_errors(problem, fit.params)
    np.testing.assert_allclose([errors.weight[0], *(errors.bias / sd)], expected, rtol=1e-4)


def test_what_is_held_at_an_edge_does_not_move_by_round_off_either():
    """Multinomial shares beside one of next to nothing: sqrt(p (1 - p) / n), as if that category were not there."""
    counts = np.array([0.0, 5, 3, 4, 9])
    problem = LatentClasses(np.arange(5.0)[:, None], [5], 1, counts)
    probability = np.maximum(counts / counts.sum(), 1e-40)[None]
    held = ClassParams(np.zeros(1), (counts == 0)[None])
    found = standard_errors(problem, ClassParams(np.ones(1), probability), held=held)
    expected = np.sqrt(probability * (1 - probability) / counts.sum())
    np.testing.assert_allclose(found.probability[0, 1:], expected[0, 1:], rtol=1e-7)
