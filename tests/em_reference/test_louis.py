"""Louis' information against Oakes', which is computed in another way, and against what an error in it does."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from em_reference.bayes_net import BayesNet, NetworkParams
from em_reference.bivariate_normal import BivariateNormal, NormalParams
from em_reference.coin_mixture import CoinMixture, CoinParams
from em_reference.common_slope import CommonSlope, CommonSlopeParams
from em_reference.genetic_linkage import GeneticLinkage, LinkageParams
from em_reference.information import oakes, standard_errors
from em_reference.latent_classes import ClassParams, LatentClasses
from em_reference.louis import HERMITE_NODES, HERMITE_WEIGHTS, TooManyCompletionsError, louis, missing_information
from em_reference.network import Network
from em_reference.poisson_mixture import PoissonMixture, PoissonParams
from em_reference.priors import Beta, Dirichlet
from em_reference.two_pl import TwoPL, TwoPLParams

LSAT6 = np.loadtxt(Path(__file__).parents[1] / "golden" / "lsat6.csv", delimiter=",", skiprows=1)
UNANSWERED = np.where(np.arange(32)[:, None] % 7 == np.arange(5), np.nan, LSAT6[:, :5])
D, A = np.array([2.0, 1.0, 0.2, 1.1, 1.9]), np.array([0.9, 0.5, 1.2, 0.4, 0.7])


def with_gaps() -> np.ndarray:
    values = np.random.default_rng(5).multivariate_normal([3, 50], [[2, 4], [4, 40]], 40)
    values[:8, 0], values[10:22, 1] = np.nan, np.nan
    return values


def network_with_gaps() -> tuple[BayesNet, NetworkParams]:
    """A -> B, A -> C, (B, C) -> D, and E that no row shows; three states of C."""
    network = Network((2, 2, 3, 2, 2), ((), (0,), (0,), (1, 2), (3,)))
    rng = np.random.default_rng(11)
    rows = np.column_stack([rng.integers(0, states, 40) for states in network.states]).astype(float)
    rows[rng.random(rows.shape) < 0.3] = np.nan
    rows[:, 4] = np.nan
    tables = rng.gamma(2.0, size=network.size)
    prior = np.full(network.size, 1.5)
    return BayesNet(network, rows, prior=prior), NetworkParams(tables / network.sums(tables))


CASES: dict[str, tuple[Any, Any]] = {
    "coins": (
        CoinMixture([5, 9, 8, 4, 7, 0], [10, 10, 10, 9, 10, 0], 2, frequencies=[1, 2, 1, 0, 3, 1]),
        CoinParams(np.array([0.3, 0.7]), np.array([0.8, 0.4])),
    ),
    "coins with priors": (
        CoinMixture([5, 9, 8, 4, 7], 10, 2, weight_prior=Dirichlet(3.0), bias_prior=Beta(2.0, 4.0)),
        CoinParams(np.array([0.3, 0.7]), np.array([0.8, 0.4])),
    ),
    "counts": (
        PoissonMixture([0, 3, 1, 7, 2, 12], 3, [5, 2, 4, 1, 0, 1]),
        PoissonParams(np.array([0.2, 0.5, 0.3]), np.array([0.5, 3.0, 9.0])),
    ),
    "linkage": (GeneticLinkage([125, 18, 20, 34]), LinkageParams(np.array([0.4]))),
    "pairs": (
        BivariateNormal(with_gaps()),
        NormalParams(np.array([3.1, 48.0]), np.array([2.5, 30.0]), np.array([0.3])),
    ),
    "items": (TwoPL(LSAT6[:, :5], LSAT6[:, 5]), TwoPLParams(D, A)),
    "items not answered": (TwoPL(UNANSWERED, LSAT6[:, 5]), TwoPLParams(D, A)),
    "classes": (
        LatentClasses([[0, 1, 2], [1, np.nan, 0], [1, 1, 1], [0, 0, 2]], [2, 2, 3], 2, [3, 2, 4, 1]),
        ClassParams(
            np.array([0.4, 0.6]), np.array([[0.3, 0.7, 0.6, 0.4, 0.2, 0.5, 0.3], [0.8, 0.2, 0.1, 0.9, 0.4, 0.4, 0.2]])
        ),
    ),
    "network": network_with_gaps(),
    "one slope": (CommonSlope(UNANSWERED, LSAT6[:, 5]), CommonSlopeParams(D, A[:1])),
}


@pytest.mark.parametrize("name", CASES)
def test_louis_and_oakes_are_one(name: str) -> None:
    problem, params = CASES[name]
    by_slope, by_variance = oakes(problem, params), louis(problem, params)
    scale = np.sqrt(np.outer(*[np.abs(np.diag(by_slope.matrix))] * 2))
    np.testing.assert_allclose(by_variance.matrix / scale, by_slope.matrix / scale, atol=1e-9)
    np.testing.assert_array_equal(by_variance.basis, by_slope.basis)


def test_patterns_in_parts_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, params = CASES["items not answered"]
    whole = missing_information(problem, params, np.eye(10))
    monkeypatch.setattr("em_reference.two_pl.COMPLETED", 1000)
    assert len(list(problem.completions(params))) > 5
    np.testing.assert_allclose(missing_information(problem, params, np.eye(10)), whole, rtol=1e-12)


def test_three_nodes_integrate_the_square_of_a_normal_score() -> None:
    moments = [HERMITE_WEIGHTS @ HERMITE_NODES**power for power in range(6)]
    assert moments == pytest.approx([1, 0, 1, 0, 3, 0], abs=1e-15)


def test_what_is_held_has_no_part_in_it() -> None:
    """At the edge the score of an idle coin is not finite."""
    problem, _ = CASES["coins"]
    share, flips = 52 / 70, 70
    params = CoinParams(np.array([1.0, 0.0]), np.array([share, 0.5]))
    held = CoinParams(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    one, other = (standard_errors(problem, params, held=held, by=way) for way in (oakes, louis))
    np.testing.assert_allclose(np.concatenate(other), np.concatenate(one), rtol=1e-9)
    assert other.bias[0] == pytest.approx(np.sqrt(share * (1 - share) / flips), rel=1e-9)


def test_too_many_completions_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, params = CASES["network"]
    monkeypatch.setattr("em_reference.bayes_net.MOST_COMPLETIONS", 4)
    with pytest.raises(TooManyCompletionsError, match="more than 4 completions"):
        louis(problem, params)


def test_a_wrong_posterior_shows() -> None:
    """Oakes' formula differentiates the E-step that is wrong, Louis' does not."""
    problem, params = CASES["counts"]

    class Sharpened(PoissonMixture):
        def responsibilities(self, params: PoissonParams) -> Any:
            gamma, log_probability = super().responsibilities(params)
            return gamma**2 / (gamma**2).sum(axis=-1, keepdims=True), log_probability

    wrong = Sharpened(problem.counts, problem.components, problem.frequencies)
    apart = np.abs(oakes(wrong, params).matrix - louis(wrong, params).matrix)
    assert apart.max() > 0.01 * np.abs(oakes(wrong, params).matrix).max()
