"""An adjudication as Markdown, JSON and CSV."""

import json
import math
from typing import Any

import pandas as pd

from comparisons.adjudicate.adjudication import Adjudication
from comparisons.adjudicate.told import capital, facts, group_rows, heads, rows
from comparisons.writing.markdown import markdown_text, plain_table
from comparisons.writing.spreadsheet import csv_bytes

FILES = ("adjudication.md", "adjudication.json", "adjudication.csv")


def markdown(result: Adjudication) -> str:
    """The report as Markdown."""
    case = result.case
    lines = [
        f"# {markdown_text(capital(str(result.verdict)))}: estimates of {markdown_text(result.estimates.path)}",
        "",
        markdown_text(capital(result.sentence)),
        "",
        f"- model: {markdown_text(f'{case.family}, {case.title}')}",
        f"- data: {markdown_text(case.source)}",
    ]
    lines += [f"- {markdown_text(f'{name}: {value}')}" for name, value in case.settings.items()]
    lines += ["", "## What the verdict rests on", ""]
    lines.append(plain_table(("", ""), facts(result)))
    notes = (*result.estimates.notes, *(flag.message for flag in case.flags))
    lines += ["", *(f"- {markdown_text(note)}" for note in notes)] if notes else []
    lines += ["", "## Parameters", "", plain_table(("parameter", *heads(result)), rows(result)), ""]
    what = str(result.groups.columns[0])
    lines += [f"## By {what}", "", plain_table((what, "in s.e.", "digits"), group_rows(result)), ""]
    found = [
        (str(i + 1), str(optimum.kind), f"{optimum.objective:.7f}", f"{result.best - optimum.objective:.3g}")
        for i, optimum in enumerate(result.optima)
    ]
    lines += [
        "## Optima found",
        "",
        plain_table(("optimum", "kind", "log-likelihood", "below the best"), found),
        "",
    ]
    lines += ["## The criterion", "", CRITERION, ""]
    return "\n".join(lines)


CRITERION = (
    "Estimates are at the maximum, to the digits given, when every printed number lies within half a unit of its last "
    "digit of the maximum; or when some point that rounds to the printed numbers is one at which a further cycle of "
    "EM changes no parameter by more than the convergence tolerance (1e-4, the default of mirt, unless `--tolerance` "
    "says otherwise), and that point is within 0.1 standard errors of the maximum by the log-likelihood, sqrt(2 "
    "(L_max - L)). Numbers outside the rounding are listed with the distance. Every number is given as in the file, "
    "under the file's own name; where a conversion was applied, optimum and difference are those of the converted "
    "quantity. A conversion explains estimates when they meet the same criterion after it. Estimates that leave a "
    "parameter at an edge of its range are also compared with the maximum of the model with that parameter held there. "
    "Estimates count as stopped early when some number of EM cycles from a customary start gives them, when the "
    "difference is in the directions in which EM converges slowly, or when they are within 0.1 standard errors of the "
    "maximum."
)


def summary(result: Adjudication) -> dict[str, Any]:
    """Everything as data; what is not finite is null."""
    finding, allowance, point = result.finding, result.finding.allowance, result.point
    return _finite(
        {
            "verdict": str(result.verdict),
            "sentence": result.sentence,
            "conversion": list(finding.reading.changes),
            "order": result.order,
            "family": result.case.family,
            "data": result.case.source,
            "estimates": result.estimates.path,
            "settings": dict(result.case.settings),
            "decimals": result.estimates.decimals,
            "within_rounding": finding.within_rounding,
            "outside_rounding": list(result.outside["parameter"]),
            "tolerance": result.tolerance,
            "change_left_in_em_cycle": None if allowance is None else allowance.change,
            "log_likelihood": result.log_likelihood,
            "best_log_likelihood": result.best,
            "deficit": result.best - result.log_likelihood,
            "largest_gradient": None if point is None else point.gradient_norm,
            "distance_by_log_likelihood": result.distance,
            "distance_newton": result.newton_distance,
            "distance_mahalanobis": result.mahalanobis,
            "held": _held(result),
            "belongs_to": None if result.belongs_to is None else result.belongs_to + 1,
            "left_open": list(finding.place.left_open),
            "optima": [{"kind": str(o.kind), "log_likelihood": o.objective} for o in result.optima],
            "parameters": result.parameters.to_dict("records"),
            "groups": result.groups.to_dict("records"),
            "notes": [*result.estimates.notes, *(flag.message for flag in result.case.flags)],
            "starts": result.starts,
            "seed": result.seed,
        }
    )


def _held(result: Adjudication) -> list[dict[str, Any]]:
    """Parameters that are held at an edge of their range."""
    held = result.finding.held
    entries = () if held is None else held.entries
    return [{"parameter": result.own(e.name), "at": e.edge, "rise_per_unit": e.rise} for e in entries]


def _finite(value: Any) -> Any:
    """JSON knows no NaN and no infinity."""
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def contents(result: Adjudication) -> dict[str, bytes]:
    """What is in each of `FILES`."""
    data = json.dumps(summary(result), indent=2, default=lambda value: value.item()) + "\n"
    frame = csv_bytes(_as_in_the_file(result))
    written = (markdown(result).encode("utf-8", "backslashreplace"), data.encode(), frame)
    return dict(zip(FILES, written, strict=True))


def _as_in_the_file(result: Adjudication) -> pd.DataFrame:
    """The parameters with every number as the file has it, all its digits."""
    return result.parameters.assign(given=result.parameters["text"]).drop(columns="text")
