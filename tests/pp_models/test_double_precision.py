"""What PyTensor would compute in single precision is computed in double; the third way is math and SciPy."""

from collections.abc import Callable
from math import log
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import pytest
from scipy import stats

from pp_models.objective import Objective

RATE = 2.0


def logarithm_of_a_whole_number(rate: Any) -> float:
    pm.Potential("terms", 7 * pt.log(2) - rate * pt.log(3))
    return 7 * log(2) - RATE * log(3)


def multinomial(rate: Any) -> float:
    pm.Multinomial("cells", n=197, p=pt.stack([rate / 4, 1 - rate / 4]), observed=[100, 97])
    return float(stats.binom(197, RATE / 4).logpmf(100))


def t_distribution(rate: Any) -> float:
    pm.StudentT("values", nu=3, mu=0, sigma=rate, observed=[1.0, 97.0])
    return float(stats.t(3, scale=RATE).logpdf([1, 97]).sum())


@pytest.mark.parametrize("term", [logarithm_of_a_whole_number, multinomial, t_distribution])
def test_the_log_likelihood_has_all_its_digits(term: Callable[[Any], float]) -> None:
    with pm.Model() as model:
        expected = term(pm.HalfFlat("rate"))
    objective = Objective(model)
    x = objective.free({"rate": np.array([RATE])})
    assert objective.log_likelihood(x) == pytest.approx(expected, abs=1e-12)
    assert objective.pointwise(x).sum() == pytest.approx(expected, abs=1e-12)


def test_a_prior_has_all_its_digits() -> None:
    with pm.Model() as model:
        pm.Potential("term", -pm.Gamma("rate", alpha=3, beta=2))
    objective = Objective(model, with_prior=True)
    x = objective.free({"rate": np.array([RATE])})
    assert objective.log_prior(x) == pytest.approx(stats.gamma(3, scale=1 / 2).logpdf(RATE), abs=1e-12)
