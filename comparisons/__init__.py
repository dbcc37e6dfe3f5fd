"""Cross-check, audit, adjudicate: an EM beside an equivalent PyMC model. The only package that imports both.

Names are imported on first use, so that the command line answers `--help` without loading PyMC.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from comparisons.audit.another_language import command_em
    from comparisons.audit.family_laws import check_family
    from comparisons.audit.pytest_checks import parametrize_with_checks
    from comparisons.audit.run import check_em
    from comparisons.case import Case, Flag, InputError
    from comparisons.cross_check.run import CrossCheck, crosscheck
    from comparisons.families._read_case import read_case
    from comparisons.outside.bound import bind

_HOME = {
    "Case": "comparisons.case",
    "Flag": "comparisons.case",
    "InputError": "comparisons.case",
    "bind": "comparisons.outside.bound",
    "check_em": "comparisons.audit.run",
    "command_em": "comparisons.audit.another_language",
    "check_family": "comparisons.audit.family_laws",
    "parametrize_with_checks": "comparisons.audit.pytest_checks",
    "CrossCheck": "comparisons.cross_check.run",
    "crosscheck": "comparisons.cross_check.run",
    "read_case": "comparisons.families._read_case",
}
__all__ = [
    "Case",
    "CrossCheck",
    "Flag",
    "InputError",
    "bind",
    "check_em",
    "check_family",
    "command_em",
    "crosscheck",
    "parametrize_with_checks",
    "read_case",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
