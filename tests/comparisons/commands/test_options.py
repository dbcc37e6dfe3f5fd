"""Options of a family reach both of its sides as they were given."""

import numpy as np
import pytest
from scipy import stats

from comparisons import families
from comparisons.case import Case
from comparisons.reading.tables import parse_table
from pp_models.objective import Objective

ITEMS = b"a,b,c,frequency\n1,0,1,3\n0,1,0,2\n1,1,0,4\n0,0,1,1\n1,1,1,0\n"
HEADS = b"heads\n5\n9\n8\n4\n7\n"


def bound(family: str, data: bytes, **options: object) -> Case:
    module = families.family(family)
    given = {name.replace("_", "-"): value for name, value in options.items()}
    return module.read("own", parse_table(data, "own.csv"), families.settle(module, given))


def log_priors(case: Case, natural: dict[str, np.ndarray]) -> tuple[float, float]:
    objective = Objective(case.build_model(), case.with_prior)
    return float(case.em.e_step(case.to_em(natural)).log_prior), objective.log_prior(objective.free(natural))


def test_priors_of_the_coins():
    case = bound("coin-mixture", HEADS, coins=2, flips=10, weight_prior=3.0, bias_prior="2,5")
    natural = {"weight": np.array([0.3, 0.7]), "bias": np.array([0.2, 0.6])}
    expected = stats.dirichlet([3, 3]).logpdf([0.3, 0.7]) + stats.beta(2, 5).logpdf([0.2, 0.6]).sum()
    assert log_priors(case, natural) == pytest.approx((expected, expected), abs=1e-12)


def test_priors_of_the_2pl():
    case = bound("two-pl", ITEMS, intercept_prior="normal,0.5,2", slope_prior="lognormal,0.1,0.5")
    natural = {"d": np.array([0.1, -1.0, 2.0]), "a": np.array([0.5, 1.5, 0.8])}
    expected = stats.norm(0.5, 2).logpdf(natural["d"]).sum() + stats.lognorm(0.5, scale=np.exp(0.1)).logpdf(
        natural["a"]
    ).sum(axis=-1)
    assert log_priors(case, natural) == pytest.approx((expected, expected), abs=1e-12)


def test_the_grid_reaches_as_far_as_asked():
    case = bound("two-pl", ITEMS, nodes=9, limit=4.0)
    assert case.em.grid[0] == pytest.approx(np.linspace(-4, 4, 9), abs=1e-15)


def test_a_pattern_that_nobody_gave_is_no_answer():
    data = b"a,b,c,frequency\n1,0,1,3\n0,1,1,2\n1,1,1,4\n0,0,0,0\n"
    case = bound("two-pl", data)
    assert case.labels["d"] == ("a", "b")
    assert [flag.message.partition(":")[0] for flag in case.flags] == ["every examinee got c right"]
