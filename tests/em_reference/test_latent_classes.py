"""Latent classes: the likelihood and the E-step against enumeration, published maxima, missing answers, priors."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from em_reference import Status, StopRule, em
from em_reference.coin_mixture import CoinMixture, CoinParams
from em_reference.latent_classes import ClassParams, LatentClasses
from em_reference.priors import Dirichlet

SIZES = np.array([2, 3, 2])
PATTERNS = np.array(list(product(*map(range, SIZES))), dtype=float)
OFTEN = np.array([4, 0, 3, 7, 1, 2, 9, 5, 2, 6, 3, 8.0])
# Role conflict: Stouffer and Toby (1951), as in Goodman (1974), table 2.
CONFLICT = np.array(list(product([0.0, 1.0], repeat=4)))
RESPONDENTS = np.array([42, 23, 6, 25, 6, 24, 7, 38, 1, 4, 1, 6, 2, 9, 2, 20.0])


def drawn(rng: np.random.Generator, classes: int, sizes: np.ndarray, *lead: int) -> ClassParams:
    items = [rng.dirichlet(np.ones(size), (*lead, classes)) for size in sizes]
    return ClassParams(rng.dirichlet(np.ones(classes), lead), np.concatenate(items, axis=-1))


def answers_with_gaps(rng: np.random.Generator) -> np.ndarray:
    responses = PATTERNS[rng.integers(0, len(PATTERNS), 40)].copy()
    responses[rng.random(responses.shape) < 0.3] = np.nan
    return responses


def enumerated(responses: np.ndarray, often: np.ndarray, params: ClassParams) -> tuple[float, np.ndarray, np.ndarray]:
    """Log-likelihood, respondents and answers, one respondent, class and item at a time."""
    first = np.cumsum(SIZES) - SIZES
    respondents, answers, total = np.zeros_like(params.weight), np.zeros_like(params.probability), 0.0
    for row, count in zip(responses, often, strict=True):
        joint = params.weight.copy()
        for k, place in product(range(len(joint)), np.flatnonzero(~np.isnan(row))):
            joint[k] *= params.probability[k, first[place] + int(row[place])]
        total += count * np.log(joint.sum())
        gamma = count * joint / joint.sum()
        respondents += gamma
        for place in np.flatnonzero(~np.isnan(row)):
            answers[:, first[place] + int(row[place])] += gamma
    return total, respondents, answers


@pytest.mark.parametrize("gaps", [False, True])
def test_e_step_equals_enumeration(gaps: bool) -> None:
    rng = np.random.default_rng(1)
    responses, often = (answers_with_gaps(rng), np.ones(40)) if gaps else (PATTERNS, OFTEN)
    params = drawn(rng, 3, SIZES)
    counts, log_likelihood, _ = LatentClasses(responses, SIZES, 3, often).e_step(params)
    total, respondents, answers = enumerated(responses, often, params)
    assert log_likelihood == pytest.approx(total, rel=1e-13)
    np.testing.assert_allclose(counts.respondents, respondents, rtol=1e-12)
    np.testing.assert_allclose(counts.answers, answers, rtol=1e-12)


def test_probabilities_of_all_patterns_add_up_to_one() -> None:
    problem = LatentClasses(PATTERNS, SIZES, 3)
    log_probability = problem.responsibilities(drawn(np.random.default_rng(2), 3, SIZES, 4))[1]
    np.testing.assert_allclose(np.exp(log_probability).sum(axis=-1), 1.0, rtol=1e-14)


def test_m_step_divides_by_those_who_answered() -> None:
    responses = np.array([[0, 0, 1], [1, np.nan, 1], [1, 2, np.nan], [0, 2, 0.0]])
    problem = LatentClasses(responses, SIZES, 1)
    start = drawn(np.random.default_rng(3), 1, SIZES)
    after = problem.m_step(problem.e_step(start).expected_counts, start)
    np.testing.assert_allclose(after.probability[0], [1 / 2, 1 / 2, 1 / 3, 0, 2 / 3, 1 / 3, 2 / 3], rtol=1e-14)


def test_a_class_without_respondents_keeps_its_probabilities() -> None:
    problem = LatentClasses(PATTERNS, SIZES, 2, OFTEN)
    start = drawn(np.random.default_rng(4), 2, SIZES)._replace(weight=np.array([1.0, 0.0]))
    after = problem.m_step(problem.e_step(start).expected_counts, start)
    np.testing.assert_array_equal(after.probability[1], start.probability[1])
    assert not np.array_equal(after.probability[0], start.probability[0])


def test_a_pattern_that_no_class_gives_has_no_likelihood() -> None:
    problem = LatentClasses(PATTERNS, SIZES, 2, OFTEN)
    params = drawn(np.random.default_rng(5), 2, SIZES)
    params.probability[:, :2] = [0.0, 1.0]
    assert problem.e_step(params).log_likelihood == -np.inf
    only_second = LatentClasses(PATTERNS[6:], SIZES, 2, OFTEN[6:])
    assert np.isfinite(only_second.e_step(params).log_likelihood)
    params.probability[0, :2] = [1.0, 0.0]
    counts, _, _ = only_second.e_step(params)
    assert counts.respondents[0] == 0.0


def test_the_smallest_probabilities_of_many_items_are_not_impossible() -> None:
    items = 1000
    problem = LatentClasses(np.ones((1, items)), np.full(items, 2), 1)
    tiny = np.nextafter(0.0, 1.0)
    params = ClassParams(np.ones(1), np.tile([1.0, tiny], items)[None])
    assert problem.e_step(params).log_likelihood == pytest.approx(items * np.log(tiny), rel=1e-12)


def test_goodmans_two_classes_of_role_conflict() -> None:
    problem = LatentClasses(CONFLICT, np.full(4, 2), 2, RESPONDENTS)
    starts = drawn(np.random.default_rng(6), 2, np.full(4, 2), 10)
    fit = em(problem, starts, StopRule(1e-12, max_cycles=20_000))
    assert (fit.status == Status.CONVERGED).all()
    expected = RESPONDENTS.sum() * np.exp(problem.responsibilities(fit.params)[1])
    g2 = 2 * (RESPONDENTS * np.log(RESPONDENTS / expected)).sum(axis=-1)
    np.testing.assert_allclose(g2, 2.720, atol=5e-4)
    # As Goodman (1974) prints them, with three digits: the smaller class, and its universalistic answers.
    order = np.argsort(fit.params.weight[0])
    np.testing.assert_allclose(fit.params.weight[0, order], [0.279, 0.721], atol=5e-4)
    np.testing.assert_allclose(fit.params.probability[0, order[0], ::2], [0.993, 0.940, 0.927, 0.769], atol=5e-4)


def test_one_item_is_a_coin_thrown_once() -> None:
    rng = np.random.default_rng(7)
    params = drawn(rng, 3, np.array([2]), 5)
    ours = LatentClasses(np.array([[0.0], [1.0]]), [2], 3, [7, 12]).e_step(params)
    coins = CoinMixture([0, 1], 1, 3, frequencies=[7, 12]).e_step(CoinParams(params.weight, params.probability[..., 1]))
    np.testing.assert_allclose(ours.log_likelihood, coins.log_likelihood, rtol=1e-14)
    np.testing.assert_allclose(ours.expected_counts.respondents, coins.expected_counts.sequences, rtol=1e-13)
    np.testing.assert_allclose(ours.expected_counts.answers[..., 1], coins.expected_counts.heads, rtol=1e-13)


def test_starts_run_as_one_batch_and_never_fall() -> None:
    rng = np.random.default_rng(8)
    problem = LatentClasses(answers_with_gaps(rng), SIZES, 2)
    starts = drawn(rng, 2, SIZES, 6)
    batch = em(problem, starts, StopRule(1e-9, max_cycles=60), trace=True)
    alone = em(problem, ClassParams(starts.weight[3], starts.probability[3]), StopRule(1e-9, max_cycles=60))
    np.testing.assert_allclose(batch.params.probability[3], alone.params.probability, rtol=1e-12)
    assert (np.diff(batch.trace.log_likelihood, axis=0) >= -1e-10).all()


def test_priors_are_climbed_and_normalised() -> None:
    rng = np.random.default_rng(9)
    priors = {"weight_prior": Dirichlet(2.0), "category_prior": Dirichlet(1.5)}
    problem = LatentClasses(PATTERNS, SIZES, 2, OFTEN, **priors)
    params = drawn(rng, 2, SIZES)
    by_scipy = stats.dirichlet([2.0, 2.0]).logpdf(params.weight)
    for k, item in product(range(2), np.split(np.arange(7), [2, 5])):
        by_scipy += stats.dirichlet(np.full(len(item), 1.5)).logpdf(params.probability[k, item])
    assert problem.log_prior(params) == pytest.approx(by_scipy, rel=1e-12)
    fit = em(problem, drawn(rng, 2, SIZES, 5), StopRule(1e-8, max_cycles=3000), trace=True)
    assert (np.diff(fit.trace.log_likelihood + fit.trace.log_prior, axis=0) >= -1e-10).all()
    assert (fit.params.probability > 0.01).all()


@pytest.mark.parametrize("prior", [None, Dirichlet(1.7)])
def test_score_is_the_gradient(prior: Dirichlet | None) -> None:
    problem = LatentClasses(PATTERNS, SIZES, 2, OFTEN, weight_prior=prior, category_prior=prior)
    params = drawn(np.random.default_rng(10), 2, SIZES)
    gradient = np.concatenate([part.ravel() for part in problem.score(problem.e_step(params).expected_counts, params)])
    center, basis = np.concatenate([part.ravel() for part in params]), problem.free_directions()
    assert basis.shape == (16, 9)
    np.testing.assert_allclose(basis.T @ basis, np.eye(9), atol=1e-14)

    def value(x: np.ndarray) -> float:
        return float(problem.e_step(ClassParams(x[:2], x[2:].reshape(2, 7))).objective)

    numeric = [(value(center + 1e-6 * b) - value(center - 1e-6 * b)) / 2e-6 for b in basis.T]
    np.testing.assert_allclose(basis.T @ gradient, numeric, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize(
    "arguments",
    [
        ([], [2], 2),
        ([[0.5]], [2], 2),
        ([[2]], [2], 2),
        ([[-1]], [2], 2),
        ([[0]], [1], 2),
        ([[0]], [2, 2], 2),
        ([[0]], [2], 0),
        ([[0], [1]], [2], 2, [0, 0]),
        ([[0], [1]], [2], 2, [1]),
        ([[0], [1]], [2], 2, [1, -1]),
    ],
)
def test_impossible_data_are_refused(arguments: tuple) -> None:
    with pytest.raises(ValueError, match="must be"):
        LatentClasses(*arguments)
