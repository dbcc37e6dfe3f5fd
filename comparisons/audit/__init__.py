"""Is this EM right? Every step checked against an independent derivation from PyMC's graph.

check_em(em, case)                  one row per check
check_em(factory=make, case=case)   the same, and the checks that need other data
parametrize_with_checks(...)        one pytest test per check
em-crosscheck check                 the same from the command line

Names are imported on first use, so that the command line answers without loading PyMC.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from comparisons.audit.finding import Finding, Outcome
    from comparisons.audit.pytest_checks import parametrize_with_checks
    from comparisons.audit.run import CHECKS, audit, check_em, is_right, run_check, subject_of

_HOME = {
    "CHECKS": "comparisons.audit.run",
    "Finding": "comparisons.audit.finding",
    "Outcome": "comparisons.audit.finding",
    "audit": "comparisons.audit.run",
    "check_em": "comparisons.audit.run",
    "is_right": "comparisons.audit.run",
    "parametrize_with_checks": "comparisons.audit.pytest_checks",
    "run_check": "comparisons.audit.run",
    "subject_of": "comparisons.audit.run",
}
__all__ = [
    "CHECKS",
    "Finding",
    "Outcome",
    "audit",
    "check_em",
    "is_right",
    "parametrize_with_checks",
    "run_check",
    "subject_of",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
