"""Mixture of normal distributions: Old Faithful to all digits, and its steps against enumeration."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from em_reference import Status, StopRule, em
from em_reference.covariances import CovariancePrior, cholesky, inverse_of
from em_reference.gaussian_mixture import GaussianCounts, GaussianMixture, GaussianParams
from em_reference.information import standard_errors
from em_reference.louis import louis
from em_reference.priors import Dirichlet

FAITHFUL = Path(__file__).resolve().parents[2] / "comparisons" / "catalogue" / "faithful.csv"
ERUPTIONS = np.loadtxt(FAITHFUL, delimiter=",", skiprows=1)
WAITING = ERUPTIONS[:, 1]
TIED = GaussianParams(np.array([0.5, 0.5]), np.array([50.0, 60.0]), np.array([100.0]))
STRUCTURES = ("full", "tied", "diag", "spherical")


def rows_with_gaps(variables: int = 3, size: int = 24, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(size, variables)) @ np.tril(rng.uniform(0.4, 1.0, (variables, variables)))
    values += 3.0 * (np.arange(size) % 2)[:, None]
    values[::4, 0] = values[1::5, 1] = np.nan
    if variables > 2:
        values[1::10, 2] = np.nan
    return values


def some_params(problem: GaussianMixture, rng: np.random.Generator) -> GaussianParams:
    structure = problem.structure
    size, variables = structure.components, structure.variables
    mean = problem.spread.mean + rng.normal(size=(size, variables))
    if structure.form == "matrix":
        factor = rng.normal(size=(*structure.shape[:-1], variables + 3))
        spread = factor @ np.swapaxes(factor, -1, -2) / variables
    else:
        spread = rng.uniform(0.5, 2.0, structure.shape)
    return GaussianParams(rng.dirichlet(np.ones(size)), mean if variables > 1 else mean[:, 0], spread)


def whole(problem: GaussianMixture, params: GaussianParams) -> tuple[np.ndarray, np.ndarray]:
    """Means (K, D) and covariance matrices (K, D, D), written out."""
    size, variables = problem.components, problem.structure.variables
    spread = np.asarray(params.covariance)
    matrices = {
        "full": lambda: spread.reshape(size, variables, variables),
        "tied": lambda: np.broadcast_to(spread.reshape(variables, variables), (size, variables, variables)),
        "diag": lambda: np.array([np.diag(row) for row in spread.reshape(size, variables)]),
        "spherical": lambda: np.array([v * np.eye(variables) for v in spread]),
    }[problem.covariance]()
    return np.reshape(params.mean, (size, variables)), matrices


def by_enumeration(
    problem: GaussianMixture, params: GaussianParams
) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """Log-likelihood and expected n, sums of x and of x x', row by row and component by component."""
    mean, matrices = whole(problem, params)
    values = np.reshape(problem.values, (-1, mean.shape[1]))
    often = np.ones(len(values)) if problem.frequencies is None else np.asarray(problem.frequencies)
    total, n, sums = 0.0, np.zeros(len(mean)), np.zeros_like(mean)
    products = np.zeros_like(matrices)
    for row, times in zip(values, often, strict=True):
        o, m = np.flatnonzero(~np.isnan(row)), np.flatnonzero(np.isnan(row))
        joint = np.array(
            [w * stats.multivariate_normal.pdf(row[o], mu[o], s[np.ix_(o, o)]) for w, mu, s in
             zip(params.weight, mean, matrices, strict=True)]
        )  # fmt: skip
        total += times * np.log(joint.sum())
        for k, gamma in enumerate(joint / joint.sum()):
            solve = np.linalg.solve(
                matrices[k][np.ix_(o, o)], np.column_stack([row[o] - mean[k][o], matrices[k][np.ix_(o, m)]])
            )
            x, c = row.copy(), np.zeros_like(matrices[k])
            x[m] = mean[k][m] + matrices[k][np.ix_(m, o)] @ solve[:, 0]
            c[np.ix_(m, m)] = matrices[k][np.ix_(m, m)] - matrices[k][np.ix_(m, o)] @ solve[:, 1:]
            n[k] += times * gamma
            sums[k] += times * gamma * x
            products[k] += times * gamma * (np.outer(x, x) + c)
    return total, n, sums, products


def test_old_faithful_waits_in_two_ways() -> None:
    fit = em(GaussianMixture(WAITING, 2, "tied"), TIED, StopRule(1e-12))
    assert fit.status == Status.CONVERGED
    assert fit.log_likelihood == pytest.approx(-1034.0017603578, abs=1e-10)
    np.testing.assert_allclose(fit.params.weight[0], 0.36084944, atol=5e-9)
    np.testing.assert_allclose(fit.params.mean, [54.61362634, 80.09030363], atol=1e-8)
    np.testing.assert_allclose(np.sqrt(fit.params.covariance), [5.86909140], atol=5e-9)


@pytest.mark.parametrize("covariance", STRUCTURES)
def test_e_step_equals_enumeration(covariance: str) -> None:
    values = rows_with_gaps()
    often = np.array([1.0, 2, 3])[np.arange(len(values)) % 3]
    problem = GaussianMixture(values, 2, covariance, often, about=np.zeros(3))
    params = some_params(problem, np.random.default_rng(1))
    total, n, sums, products = by_enumeration(problem, params)
    counts, log_likelihood, _ = problem.e_step(params)
    assert log_likelihood == pytest.approx(total, rel=1e-12)
    np.testing.assert_allclose(counts.observations, n, rtol=1e-11)
    np.testing.assert_allclose(counts.sums, sums, rtol=1e-10)
    np.testing.assert_allclose(counts.squares, problem.structure.contracted(products), rtol=1e-10)
    repeated = GaussianMixture(np.repeat(values, often.astype(int), axis=0), 2, covariance).e_step(params)
    assert repeated.log_likelihood == pytest.approx(total, rel=1e-12)


def test_a_network_of_a_discrete_and_a_continuous_node_is_the_same() -> None:
    """Y -> X with Y hidden: its table of p(y), and a normal density p(x | y), summed and multiplied by hand."""
    x, p_y = np.array([-1.0, 0.5, 2.5, 3.0]), {"a": 0.3, "b": 0.7}
    p_x = {"a": stats.norm(0.0, 1.0), "b": stats.norm(2.0, 1.5)}
    joint = {y: [p_y[y] * p_x[y].pdf(value) for value in x] for y in p_y}
    evidence = [sum(joint[y][j] for y in p_y) for j in range(len(x))]
    posterior = {y: [joint[y][j] / evidence[j] for j in range(len(x))] for y in p_y}
    problem = GaussianMixture(x, 2)
    params = GaussianParams(np.array([0.3, 0.7]), np.array([0.0, 2.0]), np.array([1.0, 2.25]))
    counts, log_likelihood, _ = problem.e_step(params)
    assert log_likelihood == pytest.approx(sum(np.log(evidence)), rel=1e-13)
    new = problem.m_step(counts, params)
    for k, y in enumerate(p_y):
        n = sum(posterior[y])
        mean = sum(p * value for p, value in zip(posterior[y], x, strict=True)) / n
        assert new.weight[k] == pytest.approx(n / len(x), rel=1e-13)
        assert new.mean[k] == pytest.approx(mean, rel=1e-12)
        squares = sum(p * (value - mean) ** 2 for p, value in zip(posterior[y], x, strict=True))
        assert new.covariance[k] == pytest.approx(squares / n, rel=1e-12)


def of_one(problem: GaussianMixture) -> GaussianMixture:
    """The same with everything that an M-step may have to obey."""
    if problem.structure.form == "matrix":
        variables = problem.structure.variables
        return replace(problem, covariance_prior=CovariancePrior(variables + 2.0, 0.3 * np.eye(variables)))
    return replace(problem, floor=0.6)


@pytest.mark.parametrize("bound", [False, True])
@pytest.mark.parametrize("covariance", STRUCTURES)
def test_m_step_is_the_maximum_of_q(covariance: str, bound: bool) -> None:
    problem = GaussianMixture(rows_with_gaps(), 2, covariance, weight_prior=Dirichlet(2.0))
    problem = of_one(problem) if bound else problem
    rng = np.random.default_rng(2)
    params = some_params(problem, rng)
    _, n, sums, products = by_enumeration(problem, params)

    def q(new: GaussianParams) -> float:
        if not problem.feasible(new):
            return -np.inf
        found, (mean, matrices) = np.log(new.weight).sum(), whole(problem, new)
        for k in range(len(mean)):
            inverse, cross = np.linalg.inv(matrices[k]), np.outer(sums[k], mean[k])
            scatter = products[k] - cross - cross.T + n[k] * np.outer(mean[k], mean[k])
            found += n[k] * (np.log(new.weight[k]) - np.linalg.slogdet(matrices[k])[1] / 2)
            found -= np.trace(inverse @ scatter) / 2
        if problem.covariance_prior is not None:
            for matrix in matrices[: 1 if covariance == "tied" else None]:
                found += stats.invwishart.logpdf(
                    matrix, problem.covariance_prior.degrees, problem.covariance_prior.scale
                )
        return float(found)

    new = problem.m_step(problem.e_step(params).expected_counts, params)
    assert problem.feasible(new)
    top, basis = q(new), problem.free_directions()
    sizes = [np.size(field) for field in new]
    for direction in basis.T @ np.eye(len(basis)):
        parts = np.split(direction, np.cumsum(sizes)[:-1])
        for step in (1e-4, -1e-4):
            moved = GaussianParams(
                *(field + step * part.reshape(field.shape) for field, part in zip(new, parts, strict=True))
            )
            assert q(moved) < top


@pytest.mark.parametrize("covariance", STRUCTURES)
def test_the_prior_is_that_of_scipy(covariance: str) -> None:
    problem = GaussianMixture(rows_with_gaps(), 2, covariance)
    matrix = problem.structure.form == "matrix"
    scale = np.diag([0.5, 1.0, 2.0]) if matrix else {"diag": np.array([0.5, 1.0, 2.0]), "spherical": 0.7}[covariance]
    prior = CovariancePrior(5.0, np.asarray(scale))
    params = some_params(problem, np.random.default_rng(3))
    values = params.covariance
    if matrix:
        expected = sum(stats.invwishart.logpdf(v, 5.0, scale) for v in values.reshape(-1, 3, 3))
    else:
        expected = stats.invgamma.logpdf(values, 2.5, scale=np.asarray(scale) / 2).sum()
    assert prior.log_density(problem.structure, values) == pytest.approx(expected, rel=1e-12)
    found = replace(problem, covariance_prior=prior).e_step(params).log_prior
    assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("covariance", STRUCTURES)
def test_two_ways_to_standard_errors_agree(covariance: str) -> None:
    problem = GaussianMixture(rows_with_gaps(2, 60), 2, covariance)
    start = some_params(problem, np.random.default_rng(4))
    fit = em(problem, start, StopRule(1e-13))
    assert fit.status == Status.CONVERGED
    for oakes, by_louis in zip(
        standard_errors(problem, fit.params), standard_errors(problem, fit.params, by=louis), strict=True
    ):
        assert np.isfinite(oakes).all()
        np.testing.assert_allclose(oakes, by_louis, rtol=1e-8)


def test_starts_run_as_one_batch_and_a_collapse_disturbs_none() -> None:
    problem = GaussianMixture(ERUPTIONS, 2)
    rng = np.random.default_rng(5)
    starts = [some_params(problem, rng) for _ in range(3)]
    tiny = starts[1].covariance.copy()
    tiny[0] = 1e-9 * np.eye(2)
    starts[1] = starts[1]._replace(mean=np.array([ERUPTIONS[7], [3.5, 70.0]]), covariance=tiny)
    batch = em(problem, GaussianParams(*map(np.stack, zip(*starts, strict=True))), StopRule(1e-9))
    assert list(batch.status) == [Status.CONVERGED, Status.NOT_FINITE, Status.CONVERGED]
    assert np.isnan(batch.params.covariance[1]).all()
    for index in (0, 2):
        alone = em(problem, starts[index], StopRule(1e-9))
        np.testing.assert_allclose(batch.params.mean[index], alone.params.mean, rtol=1e-9)
        np.testing.assert_allclose(batch.params.covariance[index], alone.params.covariance, rtol=1e-9)


def test_a_floor_ends_the_collapse() -> None:
    problem = GaussianMixture(WAITING, 2, floor=0.5)
    start = GaussianParams(np.array([0.02, 0.98]), np.array([96.0, 70.0]), np.array([0.5, 150.0]))
    fit = em(problem, start, StopRule(1e-10))
    assert fit.status == Status.CONVERGED
    assert fit.params.covariance[0] == 0.5


@pytest.mark.parametrize(("shift", "scale"), [(1e9, 1.0), (0.0, 1e8), (0.0, 1e-8)])
def test_nothing_depends_on_units_or_on_where_zero_is(shift: float, scale: float) -> None:
    values = np.round(rows_with_gaps(2, 40) * 4) / 4
    params = some_params(GaussianMixture(values, 2), np.random.default_rng(6))
    plain = em(GaussianMixture(values, 2), params, StopRule(1e-8))
    there = np.isfinite(values).sum()
    moved = GaussianParams(params.weight, params.mean * scale + shift, params.covariance * scale**2)
    units = GaussianParams(np.ones(2), np.full((2, 2), scale), np.full((2, 2, 2), scale**2))
    other = em(GaussianMixture(values * scale + shift, 2), moved, StopRule(1e-8, units=units))
    assert other.log_likelihood == pytest.approx(plain.log_likelihood - there * np.log(scale), rel=1e-9)
    np.testing.assert_allclose(other.params.covariance, plain.params.covariance * scale**2, rtol=1e-5)


def test_long_data_are_added_up_in_chunks() -> None:
    rng = np.random.default_rng(7)
    values = rng.normal(size=(30_000, 3))
    problem = GaussianMixture(values, 5)
    params = some_params(problem, rng)
    counts, log_likelihood, _ = problem.e_step(params)
    halves = [GaussianMixture(part, 5).e_step(params) for part in np.split(values, 2)]
    assert log_likelihood == pytest.approx(sum(float(half.log_likelihood) for half in halves), rel=1e-12)
    np.testing.assert_allclose(counts.squares, sum(half.expected_counts.squares for half in halves), rtol=1e-10)


def test_a_component_without_observations_keeps_its_parameters() -> None:
    problem = GaussianMixture(ERUPTIONS, 2)
    params = some_params(problem, np.random.default_rng(8))
    counts = problem.e_step(params).expected_counts
    nobody = GaussianCounts(*(np.where(np.arange(2).reshape(-1, *[1] * (c.ndim - 1)) == 0, 0.0, c) for c in counts))
    new = problem.m_step(nobody._replace(center=counts.center), params)
    np.testing.assert_array_equal(new.weight, [0.0, 1.0])
    np.testing.assert_array_equal(new.mean[0], params.mean[0])
    np.testing.assert_array_equal(new.covariance[0], params.covariance[0])


def test_factors_of_singular_matrices_are_not_numbers() -> None:
    good = np.array([[4.0, 1.0], [1.0, 1e-20]]) * np.array([[1.0, 1e-10], [1e-10, 1.0]])
    matrices = np.stack([good, np.ones((2, 2)), np.array([[1.0, 2.0], [2.0, 1.0]]), np.zeros((2, 2))])
    factors = cholesky(matrices)
    np.testing.assert_allclose(factors[0], np.linalg.cholesky(good), rtol=1e-14)
    assert np.isnan(factors[1:]).any(axis=(1, 2)).all()
    units = np.diag([1.0, 1e10])
    scaled = units @ good @ units
    np.testing.assert_allclose(inverse_of(good), units @ np.linalg.inv(scaled) @ units, rtol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"values": np.array([])}, "non-empty"),
        ({"values": np.array([1.0, np.inf])}, "finite"),
        ({"values": np.array([1.0, 2.0]), "components": 0}, "at least 1"),
        ({"values": np.array([1.0, 2.0]), "covariance": "round"}, "full, tied, diag or spherical"),
        ({"values": np.array([1.0, 2.0]), "frequencies": [1.0]}, "one per row"),
        ({"values": np.array([[1.0, np.nan], [2.0, np.nan]])}, "seen at least once"),
        ({"values": np.array([[1.0, 2.0], [2.0, 4.0]]), "floor": 0.1}, "floor"),
    ],
)
def test_what_is_impossible_is_refused(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GaussianMixture(**{"components": 2, **arguments})
