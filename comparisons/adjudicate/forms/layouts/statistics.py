"""Rows and columns of standard errors and intervals beside those of the estimates, as mirt and others write them."""

import re

from comparisons.adjudicate.forms.layouts.roles import NAMELESS, SECOND_NAMELESS
from comparisons.reading.tables import Table

ESTIMATE = re.compile(r"par(\.\d+)?|est(imate)?|value|coef", re.IGNORECASE)
OTHER = re.compile(
    r"s\.?e\.?(\.\d+)?|std\.?err(or)?|ci_?[\d.]+%?(\.\d+)?|[\d.]+ ?%|lower|upper|lbound|ubound", re.IGNORECASE
)
SUFFIX = re.compile(r"(?P<name>.+?)[._ ](?P<what>par|est|estimate|SE|s\.e\.|CI_?[\d.]+)", re.IGNORECASE)
# Elements of an R list that say how abilities are distributed.
MEAN, VARIANCE = ("means", "mean"), ("cov", "covariance", "variance")


def estimates_only(table: Table) -> tuple[Table, list[str]]:
    """The table without rows and columns of anything but estimates, under the plain names of items and parameters."""
    notes: list[str] = []
    for step in (_columns, _rows_by_column, _rows_by_name, _elements):
        table, more = step(table)
        notes += more
    return table, notes


def _columns(table: Table) -> tuple[Table, list[str]]:
    """`a1.par` as `a1`, without `a1.CI_2.5` and `a1.SE`."""
    found = {column: match for column in table.columns if (match := SUFFIX.fullmatch(column))}
    estimates = {column: match["name"] for column, match in found.items() if ESTIMATE.fullmatch(match["what"])}
    if not estimates or set(estimates.values()) & set(table.columns):
        return table, []
    left = [column for column in found if column not in estimates]
    keep = [place for place, column in enumerate(table.columns) if column not in left]
    columns = tuple(estimates.get(table.columns[place], table.columns[place]) for place in keep)
    cells = [[row[place] for place in keep] for row in table.cells]
    notes = [f"standard errors and intervals are not used: {_some(left)}"] if left else []
    return Table(table.path, columns, cells, table.lines), notes


def _rows_by_column(table: Table) -> tuple[Table, list[str]]:
    """Without rows that a column calls SE or CI_2.5, and without it; names of items are filled in downwards."""
    for place in range(min(3, len(table.columns))):
        said = [row[place].strip() for row in table.cells]
        estimates = [bool(ESTIMATE.fullmatch(word)) for word in said]
        if not any(estimates) or not all(
            one or OTHER.fullmatch(word) for one, word in zip(estimates, said, strict=True)
        ):
            continue
        cells: list[list[str]] = []
        for row in table.cells:
            above = cells[-1] if cells else row
            cells.append([*(cell or above[i] for i, cell in enumerate(row[:place])), *row[place:]])
        kept = [i for i, one in enumerate(estimates) if one]
        columns = (*table.columns[:place], *table.columns[place + 1 :])
        rows = [[*cells[i][:place], *cells[i][place + 1 :]] for i in kept]
        left = list(dict.fromkeys(word for word, one in zip(said, estimates, strict=True) if not one))
        notes = [f"standard errors and intervals are not used: rows {_some(left)}"] if left else []
        return Table(table.path, columns, rows, [table.lines[i] for i in kept]), notes
    return table, []


def _rows_by_name(table: Table) -> tuple[Table, list[str]]:
    """`Item.1.par` as `Item.1`, without `Item.1.CI_2.5`."""
    found = [SUFFIX.fullmatch(row[0].strip()) for row in table.cells]
    estimates = [match is not None and bool(ESTIMATE.fullmatch(match["what"])) for match in found]
    if not any(estimates) or not all(found):
        return table, []
    kept = [i for i, one in enumerate(estimates) if one]
    cells = [[str(match["name"]), *table.cells[i][1:]] for i in kept if (match := found[i])]
    notes = ["standard errors and intervals are not used: their rows"] if len(kept) < len(found) else []
    return Table(table.path, table.columns, cells, [table.lines[i] for i in kept]), notes


def _elements(table: Table) -> tuple[Table, list[str]]:
    """Of an R list of tables the longest; the others' mean and variance of the ability as a row of their own."""
    if table.columns[:2] != (NAMELESS, SECOND_NAMELESS):
        return table, []
    sizes: dict[str, int] = {}
    for row in table.cells:
        sizes[row[0]] = sizes.get(row[0], 0) + 1
    if max(sizes.values()) == 1 and len(sizes) > 1:
        # Vectors: each is one parameter.
        rows = [[row[1] or row[0], *row[2:]] for row in table.cells]
        return Table(table.path, (NAMELESS, *table.columns[2:]), rows, table.lines), []
    longest = max(sizes, key=sizes.__getitem__)
    kept = [i for i, row in enumerate(table.cells) if row[0] == longest]
    used = [place for place in range(2, len(table.columns)) if any(table.cells[i][place].strip() for i in kept)]
    columns = (NAMELESS, *(table.columns[place] for place in used))
    cells = [[table.cells[i][1], *(table.cells[i][place] for place in used)] for i in kept]
    lines = [table.lines[i] for i in kept]
    group = {
        name: next((cell for row in table.cells if row[0].lower() in words for cell in row[2:] if cell.strip()), "")
        for name, words in (("MEAN_1", MEAN), ("COV_11", VARIANCE))
    }
    if any(group.values()):
        columns += tuple(group)
        cells = [[*row, "", ""] for row in cells] + [["GroupPars", *[""] * len(used), *group.values()]]
        lines.append(lines[-1])
    left = [name for name in sizes if name != longest and name.lower() not in MEAN + VARIANCE]
    return Table(table.path, columns, cells, lines), [f"not used: {_some(left)}"] if left else []


def _some(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
