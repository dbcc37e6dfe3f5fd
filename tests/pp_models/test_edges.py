"""Edges of the parameter space: who is next to one, and steps towards it and away from it."""

import numpy as np
import pytest

from pp_models import coin_mixture, latent_classes, poisson_mixture
from pp_models.edges import Edge, at_distance, edges_nearby, inwards
from pp_models.maximise import MaximumStatus, maximise
from pp_models.objective import Objective


@pytest.fixture(scope="module")
def coins():
    return Objective(coin_mixture.build(np.array([5, 9, 8, 4, 7]), 10, 3))


@pytest.fixture(scope="module")
def counts():
    return Objective(
        poisson_mixture.build(np.array([0, 2, 3, 4]), 2, frequencies=[50, 10, 15, 12]), units={"rate": 2.0}
    )


def test_nearby_means_beside_the_width_of_the_range_or_the_unit(coins, counts):
    natural = {"weight": np.array([0.9985, 5e-4, 1e-3]), "bias": np.array([2e-4, 0.5, 1 - 1e-4])}
    found = [(edge.name, edge.entry, edge.upper) for edge in edges_nearby(coins, natural)]
    assert found == [("bias", 2, True), ("bias", 0, False), ("weight", 1, False)]
    (edge,) = edges_nearby(counts, {"weight": np.array([0.5, 0.5]), "rate": np.array([1.9e-3, 2.1e-3])})
    assert edge == Edge("rate", 0, False, 1.9e-3, 2.0)


def test_a_weight_takes_from_all_others_what_it_gains(coins):
    natural = {"weight": np.array([0.6, 0.4, 0.0]), "bias": np.array([0.2, 0.5, 0.8])}
    moved = at_distance(coins, natural, Edge("weight", 2, False, 0.0, 1.0), 0.1)
    assert moved["weight"] == pytest.approx([0.54, 0.36, 0.1], abs=1e-15)
    assert natural["weight"].tolist() == [0.6, 0.4, 0.0]
    assert at_distance(coins, natural, Edge("bias", 2, True, 0.2, 1.0), 0.0)["bias"].tolist() == [0.2, 0.5, 1.0]


def test_parameters_that_lie_in_memory_in_another_order_move_too():
    objective = Objective(latent_classes.build(np.array([[0, 1], [1, 0], [1, 1]]), (2, 2), 2))
    turned = np.array([[0.0, 0.5], [0.3, 0.8]]).T
    assert not turned.flags.c_contiguous
    moved = at_distance(objective, {"probability": turned}, Edge("probability", 2, False, 0.5, 1.0), 0.1)
    assert moved["probability"].tolist() == [[0.0, 0.3], [0.1, 0.8]]


def test_a_walk_goes_from_the_edge_to_the_middle_in_steps_of_at_most_ten():
    distances = inwards(Edge("bias", 0, False, 1e-9, 1.0))
    assert distances[-1] == pytest.approx(0.5)
    assert max(b / a for a, b in zip([1e-9, *distances], distances, strict=False)) <= 10.000001


@pytest.mark.parametrize("rate", [0.0, 1e-30, 1e-9, 1e-4])
def test_a_climb_leaves_an_edge_from_which_the_likelihood_rises(rate):
    """Two clear groups: a rate of next to nothing is no stationary point, whatever its logarithm says."""
    objective = Objective(poisson_mixture.build(np.array([0, 1, 2, 9, 10, 12]), 2, frequencies=[4, 9, 5, 7, 8, 3]))
    end = maximise(objective, objective.free({"weight": [0.5, 0.5], "rate": [rate, 9.0]}))
    best = maximise(objective, objective.free({"weight": [0.5, 0.5], "rate": [1.0, 10.0]}))
    assert end.status == MaximumStatus.CONVERGED
    assert end.objective == pytest.approx(best.objective, abs=1e-10)


def test_a_maximum_at_an_edge_is_set_to_it(counts):
    """No ones beside many zeros: the rate of the zeros is 0, that of the others solves r / (1 - exp(-r)) = mean."""
    ends = [maximise(counts, counts.free({"weight": [0.5, 0.5], "rate": [rate, 3.0]})) for rate in (1.0, 1e-2, 1e-7)]
    for end in ends:
        assert end.status == MaximumStatus.BOUNDARY
        assert end.params["rate"].min() < 1e-29
        rate = end.params["rate"].max()
        # The climb ends with a gradient of 1e-12 of the log-likelihood, about a tenth of that in the rate.
        assert rate / (1 - np.exp(-rate)) == pytest.approx((2 * 10 + 3 * 15 + 4 * 12) / 37, abs=1e-11)


def test_the_gradient_by_natural_parameters_does_not_vanish_at_an_edge(counts):
    natural = {"weight": np.array([0.6, 0.4]), "rate": np.array([0.0, 3.0])}
    zero = np.exp(-3.0) * 0.4 / (0.6 + np.exp(-3.0) * 0.4)
    # Only zeros are likely there: d log p(0) / d rate = -(share of the component), d log p(x) / d rate = 0 for x > 1.
    assert counts.natural_gradient(natural)["rate"][0] == pytest.approx(-50 * (1 - zero), rel=1e-9)


def test_units_change_free_parameters_and_nothing_else():
    from pp_models import two_pl

    responses = (np.arange(24).reshape(8, 3) * 7 % 5 < 2).astype(float)
    nodes, weights = np.linspace(-3, 3, 9), np.full(9, 1 / 9)
    plain = Objective(two_pl.build(responses, nodes, weights))
    scaled = Objective(two_pl.build(responses, nodes, weights), units={"d": 100.0, "a": np.array([1.0, 10.0, 0.1])})
    natural = {"d": np.array([0.3, -0.2, 1.0]), "a": np.array([0.5, 1.5, -1.0])}
    x, y = plain.free(natural), scaled.free(natural)
    size = np.abs(x / y)
    assert sorted(size) == pytest.approx([0.1, 1.0, 10.0, 100.0, 100.0, 100.0])
    assert scaled.value_and_gradient(y)[0] == pytest.approx(plain.value_and_gradient(x)[0], rel=1e-14)
    np.testing.assert_allclose(scaled.value_and_gradient(y)[1], size * plain.value_and_gradient(x)[1], rtol=1e-12)
    np.testing.assert_allclose(scaled.hessian(y), plain.hessian(x) * np.outer(size, size), rtol=1e-10, atol=1e-12)
    for name, values in scaled.natural(y).items():
        np.testing.assert_allclose(values, natural[name], rtol=1e-14)
