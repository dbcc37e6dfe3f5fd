"""What an outside EM is audited against: the EM that its model implies, or the maximum of its likelihood."""

from dataclasses import dataclass, replace
from typing import Any, NoReturn

import numpy as np
from scipy.special import logsumexp

from comparisons.case import AuditHooks, Case, InputError, Natural
from comparisons.outside.derived import DerivedEM, DerivedProblem
from comparisons.outside.em import Built, Cycle, OutsideEM
from pp_models.maximise import maximise

# Share of its size by which the sum of `log_joint` may differ from the log-likelihood.
SAME = 1e-9


@dataclass(frozen=True, eq=False)
class Climb:
    """In place of an EM's cycle, where the model names no complete data: PyMC's climb to the top."""

    built: Built

    def __call__(self, natural: Natural) -> tuple[Natural, None]:
        """Where it ends."""
        return maximise(self.built.objective, self.built.objective.free(natural)).params, None


def auditable(case: Case) -> Case:
    """A bound case with audit hooks, its EM replaced by one that PyMC's model implies.

    Raises
    ------
    InputError
        If the model names a `log_joint` that does not add up to its log-likelihood.
    """
    built: Built = case.em.built  # type: ignore[attr-defined]
    steps = "log_joint" in built.model
    frequencies = np.ones(int(built.objective.observations))
    problem: OutsideEM
    complete = None
    if steps:
        derived = DerivedEM(built)
        frequencies, complete = _checked(case, derived), derived.complete
        problem = DerivedProblem(Cycle(derived, built, case.parameters), built)
    else:
        problem = OutsideEM(Climb(built), built)
    hooks = AuditHooks(
        data={"frequencies": frequencies},
        rebind=_no_other_data,
        symmetries=_symmetries(case),
        same_data={},
        edge_cases={},
        edge_starts={},
        complete=complete,
        steps=steps,
    )
    return replace(case, em=problem, to_em=problem.to_em, from_em=problem.from_em, audit=hooks)


def _no_other_data(_: dict[str, Any]) -> NoReturn:
    """Refuse other data.

    Raises
    ------
    ValueError
    """
    raise ValueError("the model was bound to its data")


def _symmetries(case: Case) -> dict[str, Any]:
    """Generators of the symmetries that were found, in words."""
    found = getattr(case.align, "__self__", None)
    return {} if found is None else found.generators()


def _checked(case: Case, derived: DerivedEM) -> Any:
    """The frequency of every row, if `log_joint` summed over the states is the log-likelihood.

    Raises
    ------
    InputError
    """
    complete = derived.complete
    natural = case.start if case.start is not None else case.draw_start(np.random.default_rng(0))
    x = complete.objective.free(natural)
    joint = complete.log_joint(x)
    if joint.ndim != 2 or len(joint) != len(complete.frequencies):
        raise InputError(f"{case.name}: log_joint has shape {joint.shape}, expected observations x latent states")
    by_joint = float(complete.frequencies @ logsumexp(joint, axis=1))
    value = complete.objective.log_likelihood(x)
    if not abs(by_joint - value) <= SAME * (1 + abs(value)):
        raise InputError(
            f"{case.name}: log_joint: summed over the states it gives the log-likelihood {by_joint:.10g}, "
            f"the model's is {value:.10g}; expected the same"
        )
    return complete.frequencies
