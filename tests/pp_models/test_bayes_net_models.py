"""The network in PyMC: its log-likelihood and that of the EM at random parameters, for random networks."""

import numpy as np
import pymc as pm
import pytensor
import pytest

from em_reference.bayes_net import BayesNet, NetworkParams
from em_reference.network import Network
from pp_models import bayes_net
from pp_models.errors import TooLargeError

NAN = np.nan


def random_case(seed: int) -> tuple[Network, np.ndarray]:
    """Up to 8 variables with 2 to 4 states, 0 to 60 % of the entries missing, sometimes whole columns."""
    rng = np.random.default_rng(seed)
    variables = int(rng.integers(2, 9))
    order, parents = rng.permutation(variables), [()] * variables
    for place, child in enumerate(order):
        count = rng.integers(0, min(place, 3) + 1)
        parents[child] = tuple(int(v) for v in rng.choice(order[:place], count, replace=False)) if count else ()
    network = Network(tuple(int(k) for k in rng.integers(2, 5, variables)), tuple(parents))
    rows = np.column_stack([rng.integers(0, k, 30) for k in network.states]).astype(float)
    rows[rng.random(rows.shape) < rng.uniform(0, 0.6)] = NAN
    for latent in range(seed % 3):
        rows[:, order[latent]] = NAN
    return network, rows


def log_likelihood(network: Network, rows: np.ndarray, tables: np.ndarray, **options: object) -> np.ndarray:
    """Row by row, by PyMC's model."""
    names = [f"v{place}" for place in range(len(network.states))]
    states = dict(zip(names, network.states, strict=True))
    parents = {name: tuple(names[p] for p in own) for name, own in zip(names, network.parents, strict=True)}
    model = bayes_net.build(rows, states, parents, **options)
    with pytensor.config.change_flags(cxx=""):
        function = pytensor.function([model[name] for name in names], model["rows"], mode="FAST_COMPILE")
    given = np.split(tables, network.first[1:])
    return function(*(table.reshape(shape) for table, shape in zip(given, network.shapes, strict=True)))


def equal_at_random_parameters(seed: int) -> None:
    network, rows = random_case(seed)
    rng = np.random.default_rng([seed, 1])
    tables = rng.gamma(1, size=network.size)
    tables /= network.sums(tables)
    ours = float(BayesNet(network, rows).e_step(NetworkParams(tables)).log_likelihood)
    theirs = float(log_likelihood(network, rows, tables).sum())
    assert theirs == pytest.approx(ours, rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("seed", range(5))
def test_log_likelihoods_are_equal_at_random_parameters(seed: int) -> None:
    equal_at_random_parameters(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5, 60))
def test_log_likelihoods_of_more_random_networks_are_equal(seed: int) -> None:
    equal_at_random_parameters(seed)


@pytest.mark.parametrize(("name", "limit"), [("MOST_LISTED", 1), ("MOST_NUMBERS", 1)])
def test_each_way_to_add_up_gives_the_same(monkeypatch: pytest.MonkeyPatch, name: str, limit: int) -> None:
    """Summed out one after another in place of a list; entries looked up in place of a matrix product."""
    network, rows = random_case(4)
    tables = np.random.default_rng(3).gamma(1, size=network.size)
    tables /= network.sums(tables)
    before = log_likelihood(network, rows, tables)
    monkeypatch.setattr(bayes_net, name, limit)
    np.testing.assert_allclose(log_likelihood(network, rows, tables), before, rtol=1e-12)
    assert (before < 0).any()


def test_a_chain_with_twenty_open_entries() -> None:
    chain = Network((2,) * 22, ((), *((v,) for v in range(21))))
    rows = np.full((2, 22), NAN)
    rows[:, [0, -1]] = [[0, 1], [1, 1]]
    tables = np.random.default_rng(3).gamma(1, size=chain.size)
    tables /= chain.sums(tables)
    passed = np.eye(2)
    for first in chain.first[1:]:
        passed = passed @ tables[first : first + 4].reshape(2, 2)
    np.testing.assert_allclose(log_likelihood(chain, rows, tables), np.log(tables[:2] * passed[:, 1]), rtol=1e-13)


def test_variables_without_seen_descendants_are_left_out() -> None:
    network = Network((2,) * 25, (*((),) * 24, (0, 1)))
    rows = np.full((1, 25), NAN)
    rows[0, -1] = 1.0
    np.testing.assert_allclose(log_likelihood(network, rows, np.full(network.size, 0.5)), np.log(0.5), rtol=1e-13)


def test_what_is_too_large_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bayes_net, "MOST_LISTED", 1)
    monkeypatch.setattr(bayes_net, "MOST_CELLS", 4)
    network = Network((3, 3, 2), ((), (), (0, 1)))
    with pytest.raises(TooLargeError, match="takes more than 4 cells, expected fewer missing cells"):
        log_likelihood(network, np.array([[NAN, NAN, 1.0]]), np.full(network.size, 0.5))


def test_causes_that_are_all_open_are_summed_out_in_an_order_that_keeps_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten causes before their nine common effects take 2^10 cells parents first, 2^3 one effect after another."""
    causes = range(10)
    network = Network((2,) * 19, (*(() for _ in causes), *((cause, cause + 1) for cause in causes[:-1])))
    rows = np.concatenate([np.full((3, 10), NAN), np.random.default_rng(5).integers(0, 2, (3, 9))], axis=1)
    tables = np.random.default_rng(3).gamma(1, size=network.size)
    tables /= network.sums(tables)
    before = log_likelihood(network, rows, tables)
    monkeypatch.setattr(bayes_net, "MOST_LISTED", 1)
    monkeypatch.setattr(bayes_net, "MOST_CELLS", 8)
    np.testing.assert_allclose(log_likelihood(network, rows, tables), before, rtol=1e-12)


def test_completions_that_are_too_many_to_be_listed_are_refused() -> None:
    rows = np.full((2, 25), NAN)
    with pytest.raises(TooLargeError, match=r"its rows have 6.71e\+07 completions, expected at most 671088"):
        bayes_net.build(rows, {f"v{v}": 2 for v in range(25)}, {f"v{v}": () for v in range(25)}, hooks=True)


def test_frequencies_and_priors() -> None:
    network, rows = Network((2, 2), ((), (0,))), np.array([[1, 1], [0, NAN], [NAN, NAN]])
    tables = np.array([0.3, 0.7, 0.8, 0.2, 0.4, 0.6])
    found = log_likelihood(network, rows, tables, frequencies=np.array([2.0, 3, 5]))
    np.testing.assert_allclose(found, [2 * np.log(0.42), 3 * np.log(0.3), 0], rtol=1e-13, atol=1e-15)
    prior = {"A": np.array([2.0, 3.0]), "B": np.array([[1.0, 1.0], [2.0, 2.0]])}
    model = bayes_net.build(rows, {"A": 2, "B": 2}, {"A": (), "B": ("A",)}, prior=prior)
    with pytensor.config.change_flags(cxx=""):
        density = pytensor.function([], pm.logp(model["A"], tables[:2]), mode="FAST_COMPILE")
    assert density() == pytest.approx(np.log(12 * 0.3 * 0.7**2), rel=1e-12)
