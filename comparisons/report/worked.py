"""Worked example: cycle 1 in full, and the estimates beside those that others published."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from comparisons.case import Case, Natural, Published, scalar_name
from comparisons.cross_check.run import CrossCheck
from comparisons.cross_check.worked_example import WorkedExample
from comparisons.report.estimates import by_label
from comparisons.report.origin import named_start
from comparisons.report.page import Block, Column, Points, Table, Text
from comparisons.writing import numerals
from comparisons.writing.plain import one_line
from em_reference.em import StopRule


def stop_in_words(stop: StopRule) -> str:
    """A stop rule in words."""
    what = {
        "remaining": "the estimated distance to the limit, in every parameter, is at most",
        "change": "no parameter changes in one cycle by",
    }[stop.rule]
    more = " or more" if stop.rule == "change" else ""
    return f"{what} {stop.tolerance:g}{more}; at most {stop.max_cycles} cycles"


def worked_blocks(result: CrossCheck) -> tuple[Block, ...]:
    """What the report prints of the worked example; nothing when the case has no start of its own."""
    case = result.case
    blocks: list[Block] = []
    if case.start is not None and result.worked is not None:
        tables = list(_cycle_1(case, result.worked))
        if tables:
            at = "; ".join(
                f"{name} = {', '.join(f'{value:g}' for value in case.by_name[name].flat(case.start[name]))}"
                for name in case.labels
            )
            blocks += [Text(f"Cycle 1 from {named_start(case)}, {at}."), *tables]
    blocks += _estimates(result)
    return tuple(blocks)


def _cycle_1(case: Case, worked: WorkedExample) -> Iterator[Table]:
    """E-step and M-step of cycle 1. The M-step of a worked example may have a tolerance of its own."""
    for title, frame in worked.tables.items():
        if worked.after_cycle_1 is None or not title.startswith("M-step"):
            yield table_of(f"{title} ({case.tables[title]})" if title in case.tables else title, frame)
    if worked.after_cycle_1 is not None:
        for frame in by_label(case, worked.after_cycle_1):
            yield table_of("M-step: parameters after cycle 1", frame)


def table_of(title: str, frame: pd.DataFrame) -> Table:
    """Any data frame as a table of the report, numbers with 7 decimals."""
    numeric = [pd.api.types.is_numeric_dtype(frame[column]) for column in frame]
    decimal = [pd.api.types.is_float_dtype(frame[column]) for column in frame]
    rows = tuple(
        tuple(
            numerals.decimal(value) if is_decimal else one_line(value)
            for value, is_decimal in zip(row, decimal, strict=True)
        )
        for row in frame.itertuples(index=False)
    )
    columns = tuple(Column(one_line(name), numeric=is_numeric) for name, is_numeric in zip(frame, numeric, strict=True))
    return Table(title, columns, rows)


def _estimates(result: CrossCheck) -> list[Block]:
    """Where the worked stop rule ends, beside what was published and beside the converged estimates."""
    case = result.case
    converged = _named(case, case.align(result.ends.em, result.ends.pymc))
    columns: dict[str, dict[str, str]] = {}
    blocks: list[Block] = []
    ours, ours_name = converged, "converged"
    fit = None if result.worked is None else result.worked.fit
    if fit is not None and case.worked is not None:
        ours, ours_name = _named(case, case.from_em(fit.params)), f"after {int(fit.cycles)} cycles"
        columns[ours_name] = {name: numerals.estimate(value) for name, value in ours.items()}
        blocks.append(
            Text(
                f"The stop rule of the worked example ({stop_in_words(case.worked.stop)}) ends with status "
                f"{str(fit.status.item())!r} after {int(fit.cycles)} cycles, at a log-likelihood of "
                f"{numerals.log_likelihood(fit.log_likelihood)}."
            )
        )
    sources = []
    for number, published in enumerate(case.published, 1):
        title = f"published [{number}]"
        printed = _printed(case, published)
        columns[title] = {name: numerals.as_printed(value) for name, value in printed.items()}
        sources.append((title, f"{one_line(published.source)}. {_matched(published, printed, ours, ours_name)}"))
    if not columns:
        return []
    columns["converged"] = {name: numerals.estimate(value) for name, value in converged.items()}
    rows = tuple(
        (one_line(name), *(column.get(name, numerals.MISSING) for column in columns.values())) for name in converged
    )
    blocks.append(
        Table(
            "Estimates of the EM beside published ones" if case.published else "Estimates of the EM",
            (Column("parameter", numeric=False), *(Column(title) for title in columns)),
            rows,
        )
    )
    return [*blocks, Points(tuple(sources))] if sources else blocks


def _named(case: Case, natural: Natural) -> dict[str, float]:
    """Parameters and derived quantities by scalar name."""
    return {
        f"{quantity}[{row['']}]": float(row[quantity])
        for frame in by_label(case, natural)
        for quantity in frame.columns[1:]
        for row in frame.to_dict("records")
    }


def _printed(case: Case, published: Published) -> dict[str, float]:
    """Published numbers by scalar name."""
    longest = max(case.labels.values(), key=len)
    return {
        scalar_name(quantity, label): float(value)
        for quantity, values in published.parameters.items()
        for label, value in zip(case.labels.get(quantity, longest), values, strict=True)
    }


def _matched(published: Published, printed: dict[str, float], ours: dict[str, float], ours_name: str) -> str:
    """How many published numbers ours round to, and how far off the others are."""
    places = {quantity: numerals.decimals(list(values)) for quantity, values in published.parameters.items()}
    known = {name: value for name, value in printed.items() if name in ours and np.isfinite(value)}
    same = sum(abs(round(ours[name], places[name.partition("[")[0]]) - value) < 1e-12 for name, value in known.items())
    if not known:
        return "None of these is a parameter of this model"
    furthest = max(abs(ours[name] - value) for name, value in known.items())
    return (
        f"Estimates {ours_name}: {same} of {len(known)} equal it to the last printed digit, "
        f"largest difference {numerals.difference(furthest)}"
    )
