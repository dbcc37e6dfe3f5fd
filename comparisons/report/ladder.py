"""The page of a ladder of models."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from comparisons.cross_check.ladder import ladder_flags, ladder_table
from comparisons.cross_check.run import CrossCheck
from comparisons.writing import manifest, numerals
from comparisons.writing.markdown import markdown_table, markdown_text
from comparisons.writing.spreadsheet import csv_bytes

HEADS = {
    "parameters": "parameters",
    "log_likelihood": "log-likelihood",
    "aic": "AIC",
    "bic": "BIC",
    "entropy_r2": "entropy R2",
    "g2": "G2",
    "x2": "X2",
    "df": "df",
    "kind": "kind",
}
# On a terminal 80 columns wide; X2 stands in the page.
NARROW = {**HEADS, "parameters": "P", "log_likelihood": "log L", "entropy_r2": "entropy"}
del NARROW["x2"]
# Decimals of each column, in a page and on a terminal.
DECIMALS = {"parameters": (0, 0), "df": (0, 0), "entropy_r2": (4, 3), "log_likelihood": (6, 4)}
OTHERS = (4, 2)
MEANING = """AIC = 2 P - 2 log L and BIC = P log N - 2 log L for P parameters and N observations: the smaller, the
better. Entropy R2 is 1 where every observation is surely in one group and 0 where none is told apart; G2 is the
deviance and X2 Pearson's statistic of the table of response patterns, with df degrees of freedom. The kind is that of
the highest optimum found, with the starts of EM and of PyMC that ended there, of all."""


def shown(table: pd.DataFrame, *, narrow: bool = False) -> tuple[list[str], list[list[str]]]:
    """Heads and cells of a ladder; the smallest AIC and BIC have a star."""
    groups, heads = str(table.columns[0]), NARROW if narrow else HEADS
    columns = [name for name in heads if name in table and table[name].notna().any()]
    best = {name: int(table[name].argmin()) for name in ("aic", "bic")} if len(table) > 1 else {}
    cells = []
    for place, row in enumerate(table.to_dict("records")):
        written = [str(row[groups])]
        for name in columns:
            text = row[name] if name == "kind" else _written(float(row[name]), DECIMALS.get(name, OTHERS)[narrow])
            written.append(f"{text}*" if best.get(name) == place else text)
        reached = f"{row['em_starts']}, {row['pymc_starts']}"
        cells.append([*written, reached if narrow else f"{reached} of {row['starts']}"])
    return [groups, *(heads[name] for name in columns), "EM, PyMC" if narrow else "EM, PyMC starts"], cells


def _written(value: float, decimals: int) -> str:
    return numerals.MISSING if np.isnan(value) else f"{value:.{decimals}f}"


def page(name: str, groups: str, results: Mapping[int, CrossCheck], command: str) -> str:
    """The ladder as Markdown."""
    table = ladder_table(groups, results)
    heads, cells = shown(table)
    flags = [f"- **{flag.code}**: {markdown_text(flag.message)}" for flag in ladder_flags(groups, results)]
    checked = [f"No number of {groups} has a lower maximum than a smaller one."]
    unstarred = [[cell.replace("*", "\\*") for cell in row] for row in cells]
    links = [
        f"- [{groups} {number}]({name}-{number}/report.md): {markdown_text(result.sentence)}"
        for number, result in sorted(results.items())
    ]
    sizes = markdown_table((groups, "sizes, largest first"), [[str(row[groups]), row["sizes"]] for row in
                           table.to_dict("records")], [True, False])  # fmt: skip
    return "\n\n".join(
        [
            f"# {markdown_text(name)}: ladder of {groups}",
            "\n".join(flags or checked),
            markdown_table(tuple(heads), unstarred, [head != "kind" for head in heads]),
            f"{MEANING} The smallest AIC and BIC have a star.",
            sizes,
            "\n".join(links),
            f"Regenerate: `{command}`\n",
        ]
    )


def write_ladder(
    out: Path,
    name: str,
    groups: str,
    results: Mapping[int, CrossCheck],
    settings: Mapping[str, str],
    command: str,
    overwrite: bool = False,
) -> Path:
    """Write NAME.md and NAME.csv beside the reports of the rungs.

    Raises
    ------
    InputError
        If they cannot be written, or stand in the way of somebody else's.
    """
    text = page(name, groups, results, command)
    files = {f"{name}.md": text.encode(), f"{name}.csv": csv_bytes(ladder_table(groups, results))}
    manifest.write_files(out, f"ladder {name}", files, settings, overwrite)
    return out / f"{name}.md"
