"""The worked artificial data of LSAT-6, cycle 1, out of PyMC's graph alone: no E-step is written by hand."""

import json
from pathlib import Path

import numpy as np
import pytest

from pp_models import two_pl
from pp_models.complete_data import CompleteData
from pp_models.objective import Objective

GOLDEN = Path(__file__).parents[1] / "golden"


def test_expected_counts_are_gradients():
    golden = json.loads((GOLDEN / "lsat6.json").read_text())
    table = np.loadtxt(GOLDEN / "lsat6.csv", delimiter=",", skiprows=1)
    nodes, weights = np.array(golden["nodes"]), np.array(golden["weights"])
    model = two_pl.build(table[:, :5], nodes, weights, frequencies=table[:, 5], hooks=True)
    objective = Objective(model)
    complete = CompleteData(objective)
    d, a = np.array(golden["start"]["d"], dtype=float), np.array(golden["start"]["a"], dtype=float)
    x = objective.free({"d": d, "a": a})
    examinees = complete.log_likelihood_by("log_weight", x)
    probability = 1 / (1 + np.exp(-(d + a * nodes[:, None])))
    correct = complete.log_likelihood_by("logit", x).T + examinees[:, None] * probability
    rows = np.array(golden["artificial_data_cycle_1"]["rows"])
    assert examinees == pytest.approx(rows[:, 1], abs=0.051)
    assert correct == pytest.approx(rows[:, 2:], abs=0.051)
    assert examinees.sum() == pytest.approx(1000, abs=1e-9)
