"""A case together with its compiled PyMC model: what is asked of the likelihood near some parameters needs both."""

from typing import NamedTuple, Protocol

from comparisons.case import Case
from pp_models.compilation import Backend
from pp_models.objective import Objective


class Compiled(NamedTuple):
    """A case, and PyMC's model of it, compiled.

    Attributes
    ----------
    case : Case
    objective : Objective
    """

    case: Case
    objective: Objective


class WithCompiled(Protocol):
    """What holds a compiled case, and both halves of it by name."""

    compiled: Compiled

    @property
    def case(self) -> Case:
        """The case."""
        return self.compiled.case

    @property
    def objective(self) -> Objective:
        """PyMC's model of it."""
        return self.compiled.objective


def compiled_case(case: Case, backend: Backend = "fast") -> Compiled:
    """A case with its model compiled."""
    return Compiled(case, case.objective(backend))
