"""SQUAREM: it climbs, it is faster, and it does not end below plain EM."""

import numpy as np
import pytest

from em_reference import CoinMixture, Status, StopRule, TwoPL, em
from em_reference.acceleration import Shortcut, propose
from em_reference.coin_mixture import CoinParams
from em_reference.quadrature import equally_spaced
from em_reference.two_pl import TwoPLParams


def random_coins(rng, n_starts):
    """Over-dispersed counts, several coins, equal or unequal numbers of flips, starts anywhere."""
    coins, n = int(rng.integers(2, 5)), int(rng.integers(10, 80))
    flips = rng.integers(3, 20, n) if rng.random() < 0.4 else np.full(n, int(rng.integers(5, 25)))
    bias = rng.beta(0.5, 0.5, n) if rng.random() < 0.5 else rng.choice(rng.random(coins + 1), n)
    problem = CoinMixture(rng.binomial(flips, bias), flips, coins)
    return problem, CoinParams(rng.dirichlet(np.ones(coins), n_starts), rng.random((n_starts, coins)))


def random_two_pl(rng, n_starts):
    """Few examinees, slopes of both signs: several optima, some with a slope running off."""
    items, n = int(rng.integers(3, 6)), int(rng.integers(30, 120))
    slope = rng.lognormal(0, 0.5, items) * np.where(rng.random(items) < 0.25, -1, 1)
    logits = rng.normal(size=items) + slope * rng.normal(size=(n, 1))
    problem = TwoPL((rng.random((n, items)) < 1 / (1 + np.exp(-logits))) * 1, None, *equally_spaced(15, 4))
    return problem, TwoPLParams(rng.normal(size=(n_starts, items)), rng.normal(0, 1.2, (n_starts, items)))


def assert_not_below(family, seeds, n_starts, max_cycles):
    compared = 0
    for seed in seeds:
        problem, start = family(np.random.default_rng(seed), n_starts)
        plain, fast = (em(problem, start, StopRule(max_cycles=max_cycles), accelerate=a) for a in (False, True))
        assert not (fast.status == Status.DECREASED).any()
        # Where plain EM is still on its way there is no end to compare with.
        ended = plain.status == Status.CONVERGED
        np.testing.assert_array_less(plain.log_likelihood[ended] - 1e-8, fast.log_likelihood[ended])
        compared += ended.sum()
    return compared


@pytest.mark.parametrize(("family", "seeds"), [(random_coins, range(8)), (random_two_pl, range(4))])
def test_never_ends_below_plain_em(family, seeds):
    assert assert_not_below(family, seeds, 30, 400) >= 20


@pytest.mark.slow
@pytest.mark.parametrize(("family", "seeds"), [(random_coins, range(100, 160)), (random_two_pl, range(100, 130))])
def test_never_ends_below_plain_em_in_thousands_of_starts(family, seeds):
    assert assert_not_below(family, seeds, 50, 3000) > 500


def test_saves_cycles_and_ends_at_the_same_maximum():
    rng = np.random.default_rng(3)
    responses = (rng.random((500, 5)) < 1 / (1 + np.exp(-(0.5 + rng.normal(size=(500, 1)))))) * 1
    start = TwoPLParams(np.zeros(5), np.ones(5))
    plain, fast = (em(TwoPL(responses), start, StopRule(1e-10), accelerate=a, trace=True) for a in (False, True))
    assert plain.status == fast.status == Status.CONVERGED
    assert fast.cycles < plain.cycles / 2
    assert fast.log_likelihood == pytest.approx(float(plain.log_likelihood), abs=1e-10)
    np.testing.assert_allclose(np.concatenate(fast.params), np.concatenate(plain.params), atol=1e-8)
    assert (np.diff(fast.trace.log_likelihood) >= -1e-10).all()


@pytest.mark.parametrize("limit", range(1, 40))
def test_whenever_it_is_stopped_the_weights_add_up_to_1(limit):
    problem = CoinMixture([6, 5, 4, 2, 2, 6, 5, 5, 4, 2, 5, 2, 4, 4, 6, 4, 5, 6, 3, 3], 10, 3)
    start = CoinParams(np.array([0.25, 0.5, 0.25]), np.array([0.4, 0.5, 0.65]))
    fit = em(problem, start, StopRule(1e-12, max_cycles=limit), accelerate=True)
    assert fit.params.weight.sum() == pytest.approx(1, abs=1e-15)
    assert fit.status in (Status.CYCLE_LIMIT, Status.CONVERGED)


def three_steps(positions, objective, feasible=lambda x: np.ones(len(x), dtype=bool), finished=False):
    """Hand the positions of four successive points to `propose`; return what it makes of the last step."""
    points = [np.array([position], dtype=float) for position in positions]
    shortcut = Shortcut.begin(points[0])._replace(stage=2)
    for number in range(3):
        proposed, shortcut = propose(
            shortcut, points[number], points[number + 1], np.array([objective[number]]), np.array([finished]), feasible
        )
    return proposed[0], shortcut


def test_extrapolation_of_a_linear_map_lands_on_the_limit():
    proposed, shortcut = three_steps([[8.0, 4.0], [4.0, 2.0], [2.0, 1.0], [1.0, 0.5]], [0.0, 1.0, 1.5])
    np.testing.assert_allclose(proposed, 0, atol=1e-14)
    assert shortcut.required == pytest.approx(2.0, abs=1e-12)
    np.testing.assert_array_equal(shortcut.dropped(np.array([1.99])), True)
    np.testing.assert_array_equal(shortcut.dropped(np.array([2.0])), False)
    np.testing.assert_array_equal(shortcut.dropped(np.array([np.nan])), True)


@pytest.mark.parametrize(
    ("positions", "settings"),
    [
        ([[8.0], [4.0], [3.0], [2.9]], {}),  # the ratio has not settled
        ([[1.0], [2.0], [4.0], [8.0]], {}),  # steps grow
        ([[8.0, 0.0], [4.0, 0.0], [2.0, 0.0], [2.0, 1.0]], {}),  # steps turn
        ([[8.0, 1e-6], [4.0, 2e-6], [2.0, 4e-6], [1.0, 8e-6]], {}),  # one small component grows
        ([[8.0], [4.0], [2.0], [1.0]], {"finished": True}),
        ([[8.0], [4.0], [2.0], [1.0]], {"feasible": lambda x: x[:, 0] > -0.05}),  # too near the edge
    ],
)
def test_no_extrapolation(positions, settings):
    proposed, shortcut = three_steps(positions, [0.0, 1.0, 1.5], **settings)
    np.testing.assert_array_equal(proposed, positions[-1])
    assert shortcut.required == -np.inf
