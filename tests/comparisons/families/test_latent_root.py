"""Latent classes are a Bayesian network with a latent root, by both codes of both families."""

from pathlib import Path

import numpy as np
import pytest

from comparisons import read_case
from comparisons.case import Case, Natural
from em_reference import StopRule, em

ITEMS = "ABCDEFG"
DATA = Path(__file__).parents[3] / "comparisons" / "catalogue" / "carcinoma.csv"


@pytest.fixture(scope="module")
def classes() -> Case:
    return read_case("latent-classes", DATA, classes=3)


@pytest.fixture(scope="module")
def network() -> Case:
    return read_case("bayes-net", DATA, network=", ".join(f"Y->{item}" for item in ITEMS), latent="Y:3")


def as_network(natural: Natural) -> Natural:
    """The probability of the second state of item i in class k is P(i = 1 | Y = k)."""
    found = {"Y": natural["weight"]}
    for place, item in enumerate(ITEMS):
        right = natural["probability"][..., place]
        found[item] = np.stack([1 - right, right], axis=-1)
    return found


def test_likelihoods_and_one_cycle_are_equal(classes: Case, network: Case) -> None:
    for seed in range(3):
        point = classes.draw_start(np.random.default_rng(seed))
        there = as_network(point)
        one, other = classes.em.e_step(classes.to_em(point)), network.em.e_step(network.to_em(there))
        assert float(other.log_likelihood) == pytest.approx(float(one.log_likelihood), rel=1e-12)
        np.testing.assert_allclose(
            network.flat(network.one_cycle(there)), network.flat(as_network(classes.one_cycle(point))), atol=1e-12
        )
        by_pymc = [
            case.objective().log_likelihood(case.objective().free(p))
            for case, p in ((classes, point), (network, there))
        ]
        assert by_pymc == pytest.approx([float(one.log_likelihood)] * 2, rel=1e-10)


def test_maxima_are_equal(classes: Case, network: Case) -> None:
    start = classes.draw_start(np.random.default_rng(1))
    stop = StopRule(1e-11, max_cycles=20_000)
    one = em(classes.em, classes.to_em(start), stop, accelerate=True)
    other = em(network.em, network.to_em(as_network(start)), stop, accelerate=True)
    assert float(one.log_likelihood) == pytest.approx(-293.70497878, abs=1e-8)
    assert float(other.log_likelihood) == pytest.approx(float(one.log_likelihood), abs=1e-8)
    ends = network.flat(as_network(classes.from_em(one.params))), network.flat(network.from_em(other.params))
    np.testing.assert_allclose(*ends, atol=1e-8)
