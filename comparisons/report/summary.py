"""The result as JSON, for programs. Nothing in it depends on the hour or on the place of the files."""

import json
import math
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from comparisons.cross_check.run import CrossCheck
from comparisons.optima.kinds import Kind

PACKAGES = ("em-crosscheck", "numpy", "scipy", "pandas", "pymc", "pytensor", "arviz")


def versions() -> dict[str, str | None]:
    """Versions of Python and of what the result rests on; None for what is not installed."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def summary(result: CrossCheck) -> dict[str, Any]:
    """The content of summary.json; numbers that are not finite are None."""
    case, ends, identified = result.case, result.ends, result.identified
    names = result.estimates["parameter"]
    return {
        "problem": case.name,
        "verdict": str(result.verdict),
        "flags": [{"code": flag.code, "message": flag.message} for flag in result.flags],
        "n_starts": result.n_starts,
        "seed": result.seed,
        **({} if case.missing_answers is None else {"missing_answers": case.missing_answers}),
        "versions": versions(),
        "em": {
            "log_likelihood": _number(ends.em_log_likelihood),
            "parameters": _numbers(dict(zip(names, result.estimates["em"], strict=True))),
            "status": str(ends.em_status),
            "cycles": int(ends.em_cycles),
        },
        "pymc": {
            "log_likelihood": _number(ends.pymc_log_likelihood),
            "parameters": _numbers(dict(zip(names, result.estimates["pymc"], strict=True))),
            "status": str(ends.pymc_status),
            "gradient_norm": _number(result.gradient_norm),
        },
        "agreement": {
            "log_likelihood_difference": _number(result.log_likelihood_difference),
            "max_abs_difference": _number(identified["difference"].max()),
            "min_matching_digits": _number(identified["digits"].min()),
            "not_identified": list(result.not_identified),
        },
        "optima": [
            {
                "kind": str(optimum.kind),
                "log_likelihood": None if optimum.kind is Kind.DEGENERATE else _number(optimum.log_likelihood),
                **({"log_posterior": _number(optimum.objective)} if case.with_prior else {}),
                "em_starts": len(optimum.members["em"]),
                "pymc_starts": len(optimum.members["pymc"]),
                "parameters": _numbers(case.named(case.align(optimum.point.natural, ends.pymc))),
            }
            for optimum in result.optima
        ],
    }


def summary_text(result: CrossCheck) -> str:
    """The content of summary.json as strict JSON, every number with all its digits."""
    return json.dumps(summary(result), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _number(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None


def _numbers(values: dict[str, float]) -> dict[str, float | None]:
    return {name: _number(value) for name, value in values.items()}
