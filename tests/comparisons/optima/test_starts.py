"""Starts of EM: plain, and accelerated where the data are large."""

import numpy as np
import pytest

from comparisons import catalogue
from comparisons.optima.starts import draw_starts, run_em


def test_em_is_accelerated_where_the_data_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    case = catalogue.load("lsat6")
    starts = draw_starts(case, 5, 0)
    objective = case.objective()
    plain = run_em(case, objective, starts)
    monkeypatch.setitem(objective.__dict__, "is_large", True)
    fast = run_em(case, objective, starts)
    assert (2 * fast.effort < plain.effort).all()
    np.testing.assert_allclose(fast.log_likelihood, plain.log_likelihood, rtol=1e-12)
