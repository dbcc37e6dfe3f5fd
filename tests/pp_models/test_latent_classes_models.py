"""PyMC's side of latent classes: log-likelihood, prior and gradient against enumeration, with and without hooks."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from pp_models import latent_classes
from pp_models.complete_data import CompleteData
from pp_models.objective import Objective

NONE = np.nan
RESPONSES = np.array([[0, 2, 1], [1, 0, 0], [1, NONE, 1], [NONE, 1, NONE], [0, 0, 1], [1, 2, 0]])
OFTEN = np.array([2.0, 1, 3, 4, 0, 2])
SIZES = (2, 3, 2)
WEIGHT = np.array([0.3, 0.7])
BINARY = np.array([[0.2, 0.9], [0.6, 0.4]])
TERNARY = np.array([[[0.5, 0.3, 0.2]], [[0.1, 0.2, 0.7]]])
NATURAL = {"weight": WEIGHT, "probability": BINARY, "probability3": TERNARY}


def probability(k: int, item: int, answer: float) -> float:
    if item == 1:
        return TERNARY[k, 0, int(answer)]
    second = BINARY[k, item // 2]
    return second if answer == 1 else 1 - second


def joint() -> np.ndarray:
    """Probability of every row with each class, one answer at a time."""
    found = np.tile(WEIGHT, (len(RESPONSES), 1))
    for row, k, item in product(range(len(RESPONSES)), range(2), range(3)):
        if not np.isnan(RESPONSES[row, item]):
            found[row, k] *= probability(k, item, RESPONSES[row, item])
    return found


@pytest.fixture(scope="module")
def plain() -> Objective:
    return Objective(latent_classes.build(RESPONSES, SIZES, 2, frequencies=OFTEN))


@pytest.fixture(scope="module")
def hooked() -> CompleteData:
    return CompleteData(Objective(latent_classes.build(RESPONSES, SIZES, 2, frequencies=OFTEN, hooks=True)))


def test_log_likelihood_and_gradient(plain: Objective) -> None:
    x = plain.free(NATURAL)
    found, gradient = plain.value_and_gradient(x)
    assert found == pytest.approx(OFTEN @ np.log(joint().sum(axis=1)), rel=1e-13)
    np.testing.assert_allclose(plain.fingerprint(x)[OFTEN > 0], np.log(joint().sum(axis=1))[OFTEN > 0], rtol=1e-12)
    steps = 1e-6 * np.eye(len(x))
    numeric = [(plain.value_and_gradient(x + e)[0] - plain.value_and_gradient(x - e)[0]) / 2e-6 for e in steps]
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-6)
    assert plain.observations == OFTEN.sum()


def test_responsibilities_and_counts(hooked: CompleteData, plain: Objective) -> None:
    x = hooked.objective.free(NATURAL)
    assert hooked.objective.log_likelihood(x) == pytest.approx(plain.log_likelihood(plain.free(NATURAL)), rel=1e-14)
    gamma = joint() / joint().sum(axis=1, keepdims=True)
    np.testing.assert_allclose(hooked.responsibilities(x), gamma, rtol=1e-12)
    counts = hooked.counts(hooked.expected_statistics(x))
    np.testing.assert_allclose(counts["respondents"], OFTEN @ gamma, rtol=1e-12)
    first, answers = (0, 2, 5), np.zeros((2, 7))
    for row, item in product(range(len(RESPONSES)), range(3)):
        if not np.isnan(RESPONSES[row, item]):
            answers[:, first[item] + int(RESPONSES[row, item])] += OFTEN[row] * gamma[row]
    np.testing.assert_allclose(counts["answers"], answers, rtol=1e-12)


def test_priors() -> None:
    model = latent_classes.build(RESPONSES, SIZES, 2, frequencies=OFTEN, weight_prior=2.0, category_prior=1.5)
    objective = Objective(model, with_prior=True)
    value = stats.dirichlet([2, 2]).logpdf(WEIGHT) + stats.beta(1.5, 1.5).logpdf(BINARY).sum()
    value += sum(stats.dirichlet([1.5] * 3).logpdf(row) for row in TERNARY[:, 0])
    x = objective.free(NATURAL)
    assert objective.log_prior(x) == pytest.approx(value, rel=1e-12)
    assert objective.log_likelihood(x) == pytest.approx(OFTEN @ np.log(joint().sum(axis=1)), rel=1e-13)


def test_one_class_has_no_weight() -> None:
    objective = Objective(latent_classes.build(RESPONSES[:, :1], [2], 1, frequencies=OFTEN))
    assert objective.names == ("probability",)
    answers = RESPONSES[:, 0]
    value = OFTEN @ np.where(np.isnan(answers), 0.0, np.log(np.where(answers == 1, 0.2, 0.8)))
    assert objective.log_likelihood(objective.free({"probability": [[0.2]]})) == pytest.approx(value, rel=1e-13)
