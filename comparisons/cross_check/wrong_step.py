"""Which step of an EM is wrong, once something is: its expected counts or its M-step, by PyMC's gradient.

By Fisher's identity the gradient of the log-likelihood is that of the expected complete-data log-likelihood Q at the
same parameters, which the expected counts alone decide; and Q has a zero gradient where an M-step ends. Both hold
along the directions in which the parameters may move.
"""

from typing import NamedTuple

import numpy as np

from comparisons.case import Natural, each
from comparisons.compiled import Compiled
from pp_models.edges import edges_nearby
from pp_models.maximise import NOISY, round_off

# Share of the gradient that may be missing. An M-step that is itself iterative stops short of its maximum.
COUNTS, MAXIMUM = 1e-6, 1e-5
POINTS = 8
# On the edge itself (a weight of 0, which an M-step may give) the score of a component is 0/0.
AT_THE_EDGE = np.finfo(float).tiny


class WrongStep(NamedTuple):
    """The step that is wrong: its name, how wrong it is, what is allowed, and where it shows."""

    step: str
    size: float
    allowed: float
    detail: str


def wrong_step(compiled: Compiled, points: Natural) -> WrongStep | None:
    """The step that is wrong, at the worst of some points; None where both are right, or where the case cannot tell."""
    case, objective = compiled
    if case.audit is None or case.with_prior:
        return None
    complete, counts, steps = case.complete_data(), [], []
    for natural in list(each(points))[:POINTS]:
        if edges_nearby(objective, natural):
            continue
        params = case.to_em(natural)
        expected = case.em.e_step(params).expected_counts
        fields = zip(expected._fields, expected, strict=True)
        named = case.audit.complete_counts({name: np.asarray(value) for name, value in fields if value is not None})
        x = objective.free(natural)
        _, by_pymc = objective.value_and_gradient(x)
        by_counts = complete.score(named, x)
        if not (np.isfinite(by_counts).all() and np.isfinite(by_pymc).all() and by_counts.any() and by_pymc.any()):
            continue
        rounding = NOISY * round_off(objective, x).gradient
        apart = np.maximum(np.abs(by_counts - by_pymc) - rounding, 0.0)
        counts.append(float(apart.max() / np.abs(by_pymc).max()))
        moved = case.from_em(case.em.m_step(expected, params))
        if edges_nearby(objective, moved, AT_THE_EDGE):
            continue
        left = complete.score(named, objective.free(moved))
        steps.append(float(np.abs(left).max() / np.abs(by_counts).max()))
    if counts and not max(counts) <= COUNTS:
        detail = f"they give a gradient that differs from PyMC's by {max(counts):.2g} of its size"
        return WrongStep("expected counts", max(counts), COUNTS, detail)
    if steps and not max(steps) <= MAXIMUM:
        detail = f"it leaves {max(steps):.2g} of the gradient of the expected complete-data log-likelihood"
        return WrongStep("M-step", max(steps), MAXIMUM, detail)
    return None
