"""The exact M-step of any model that names its complete data: the maximum of Q, by PyMC's gradient and Hessian."""

from typing import Any

import numpy as np

from pp_models.complete_data import CompleteData
from pp_models.maximise import maximise
from pp_models.objective import Array
from pp_models.side_by_side import Asking, Question


def exact_m_step(complete: CompleteData, x: Array, weighted: Array) -> dict[str, Array]:
    """Natural parameters that maximise Q(new | old), plus the log prior, climbing from free parameters x.

    Parameters
    ----------
    complete : CompleteData
    x : array (size,)
    weighted : array (J, K) or (K,)
        What `CompleteData.expected_statistics` gave at the old parameters.
    """

    def at(row: Array) -> tuple[float, Array]:
        value, gradient = complete.expected_log_joint(row, weighted)
        return value + complete.objective.log_prior(row), gradient + complete.prior_gradient(row)

    def answer(question: Question) -> Any:
        if question.kind == "hessian":
            return complete.hessian_of_q(question.x, weighted)
        found = [at(row) for row in question.x.reshape(-1, question.x.shape[-1])]
        values = np.array([value for value, _ in found]).reshape(question.x.shape[:-1])
        return values[()], np.stack([gradient for _, gradient in found]).reshape(question.x.shape)

    return maximise(Asking(complete.objective, answer), x).params
