"""What compares EM and PyMC, the only package that sees both. The public names are these, see `docs/api.md`.

Names are imported on first use, so that the command line answers `--help` without loading PyMC.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from comparisons.adjudicate.adjudication import Adjudication
    from comparisons.adjudicate.from_files import adjudicate_estimates
    from comparisons.audit.another_language import command_em
    from comparisons.audit.family_laws import check_case, check_family
    from comparisons.audit.pytest_checks import parametrize_with_checks
    from comparisons.audit.run import check_em
    from comparisons.case import Axis, Case, Flag, InputError, Parameter, Support
    from comparisons.catalogue import load as load_problem
    from comparisons.cross_check.run import CrossCheck, crosscheck
    from comparisons.families._read_case import read_case
    from comparisons.outside.bound import bind
    from comparisons.outside.derived import derived_em
    from comparisons.posterior.sample import Posterior, sample
    from comparisons.report.folder import write_report

_HOME = {
    "Adjudication": "comparisons.adjudicate.adjudication",
    "Axis": "comparisons.parameters",
    "Case": "comparisons.case",
    "CrossCheck": "comparisons.cross_check.run",
    "Flag": "comparisons.case",
    "InputError": "comparisons.errors",
    "Parameter": "comparisons.parameters",
    "Posterior": "comparisons.posterior.sample",
    "Support": "comparisons.parameters",
    "adjudicate_estimates": "comparisons.adjudicate.from_files",
    "bind": "comparisons.outside.bound",
    "check_case": "comparisons.audit.family_laws",
    "check_em": "comparisons.audit.run",
    "check_family": "comparisons.audit.family_laws",
    "command_em": "comparisons.audit.another_language",
    "crosscheck": "comparisons.cross_check.run",
    "derived_em": "comparisons.outside.derived",
    "load_problem": "comparisons.catalogue",
    "parametrize_with_checks": "comparisons.audit.pytest_checks",
    "read_case": "comparisons.families._read_case",
    "sample": "comparisons.posterior.sample",
    "write_report": "comparisons.report.folder",
}
# Names that are shorter in their own room.
_NAMED_THERE = {"load_problem": "load"}
__all__ = [
    "Adjudication",
    "Axis",
    "Case",
    "CrossCheck",
    "Flag",
    "InputError",
    "Parameter",
    "Posterior",
    "Support",
    "adjudicate_estimates",
    "bind",
    "check_case",
    "check_em",
    "check_family",
    "command_em",
    "crosscheck",
    "derived_em",
    "load_problem",
    "parametrize_with_checks",
    "read_case",
    "sample",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), _NAMED_THERE.get(name, name))
