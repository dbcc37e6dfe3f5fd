"""A point at which a distribution is not defined ends a start with a status, not an exception."""

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from pp_models.maximise import MaximumStatus, maximise
from pp_models.objective import LARGEST, Objective


def objective() -> Objective:
    """A standard deviation sqrt(v) - 1, negative for v < 1; its maximum is at v = 9."""
    with pm.Model() as model:
        v = pm.HalfFlat("v")
        pm.Normal("y", mu=np.float64(0.0), sigma=pt.sqrt(v) - 1, observed=np.array([2.0, -2.0]))
    return Objective(model)


def test_undefined_value_is_minus_infinity():
    value, gradient = objective().value_and_gradient(np.array([-3.0]))
    assert value == -np.inf
    assert np.isnan(gradient).all()


def test_the_points_beside_it_are_left_alone():
    values, gradients = objective().value_and_gradient(np.array([[0.1], [-3.0], [0.2]]))
    alone = [objective().value_and_gradient(np.array([x])) for x in (0.1, 0.2)]
    assert values.tolist() == [alone[0][0], -np.inf, alone[1][0]]
    assert np.isnan(gradients[1]).all()
    assert gradients[[0, 2]].tolist() == [alone[0][1].tolist(), alone[1][1].tolist()]


def test_start_there_ends_with_a_status():
    assert maximise(objective(), np.array([-3.0])).status is MaximumStatus.NOT_FINITE


def test_a_start_beside_it_still_climbs():
    found = maximise(objective(), np.array([0.1]))
    assert found.status is MaximumStatus.CONVERGED
    assert abs(found.params["v"].item() - 9) < 1e-9


def test_positive_parameters_are_bounded():
    assert objective().bounds.tolist() == [[-np.log(LARGEST), np.log(LARGEST)]]
