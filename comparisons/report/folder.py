"""Write the folder of one report, whole or not at all, and nothing but what a report wrote."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from comparisons.case import InputError
from comparisons.cross_check.run import CrossCheck
from comparisons.report import estimates, render
from comparisons.report.compose import compose
from comparisons.report.draws import posterior_frame
from comparisons.report.summary import summary_text
from comparisons.writing import exchange
from comparisons.writing.spreadsheet import csv_bytes

FORMATS = ("md", "html", "csv", "json")
WRITER = "report"
# The files that a report may have, by format; a case's own tables are known only in the end.
FILES = {
    "md": ("report.md", *(f"figures/{name}.svg" for name in ("convergence", "curves", "starts"))),
    "html": ("report.html",),
    "csv": tuple(f"{name}.csv" for name in ("checks", "crosswise", "derived", "estimates", "optima", "starts")),
    "json": ("summary.json",),
}
POSTERIOR = {"md": "figures/posterior.png", "csv": "posterior.csv"}


def write_report(
    result: CrossCheck,
    folder: str | Path,
    formats: Collection[str] = FORMATS,
    posterior: Any = None,
    settings: Mapping[str, str] | None = None,
    overwrite: bool = False,
    command: str | None = None,
) -> Path:
    """Write the report of a result.

    Parameters
    ----------
    result : CrossCheck
    folder : str or Path
        Made when it is missing; a link is followed. An earlier report there is replaced in one step; files
        that no report wrote stay.
    formats : collection of {"md", "html", "csv", "json"}
    posterior : Posterior, optional
        See `comparisons.posterior.sample`.
    settings : dict of name -> text, optional
        What tells this run from others; those of the result if left out.
    overwrite : bool
        Replace the report of a run with other settings.
    command : str, optional
        The command line that made the result, to be printed as how to regenerate it.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InputError
        If a format is unknown, the folder cannot be written, or a file of the user's is in the way; what was there
        is as before.

    Examples
    --------
    >>> from comparisons import crosscheck, load_problem, write_report
    >>> result = crosscheck(load_problem("genetic-linkage"), 5)
    >>> folder = write_report(result, "linkage", formats=["md", "csv"])
    >>> sorted(path.name for path in folder.glob("*.csv"))
    ['checks.csv', 'crosswise.csv', 'estimates.csv', 'optima.csv', 'starts.csv']
    """
    for name in formats:
        if name not in FORMATS:
            raise InputError(f"--format {name}: expected one of {', '.join(FORMATS)}")
    folder = Path(folder)
    settings = _settings(result, posterior is not None) if settings is None else settings
    extra = result.case.extra_tables(result.case.align(result.ends.em, result.ends.pymc)) if "csv" in formats else {}
    files = contents(result, formats, posterior, extra, command)
    exchange.write_folder(folder, WRITER, files, settings, overwrite)
    return folder


def refuse_strangers(
    folder: Path, formats: Collection[str], posterior: bool, settings: Mapping[str, str], overwrite: bool
) -> None:
    """Refuse, before the work begins, a folder in which a report would take something from the user.

    Raises
    ------
    InputError
    """
    likely = [name for kind in formats for name in FILES[kind]]
    likely += [POSTERIOR[kind] for kind in formats if posterior and kind in POSTERIOR]
    exchange.refuse(Path(folder), WRITER, likely, settings, overwrite)


def _settings(result: CrossCheck, posterior: bool) -> dict[str, str]:
    """What tells the run of a result from others."""
    case = result.case
    start = {} if case.start is None else {name: values.tolist() for name, values in case.start.items()}
    found = {"problem": case.name, "family": case.family, **case.settings}
    found |= {"start": start, "starts": result.n_starts, "seed": result.seed, "posterior": posterior}
    return {name: str(value) for name, value in found.items()}


def contents(
    result: CrossCheck,
    formats: Collection[str],
    posterior: Any,
    extra: dict[str, pd.DataFrame],
    command: str | None = None,
) -> dict[str, bytes]:
    """Every file of a report by its path inside the folder."""
    files: dict[str, bytes] = {}
    if "md" in formats or "html" in formats:
        page = compose(result, posterior, csv="csv" in formats, command=command)
        if "md" in formats:
            files["report.md"] = render.markdown(page).encode()
            files |= {f"figures/{picture.file}": picture.data for picture in page.pictures}
        if "html" in formats:
            files["report.html"] = render.html(page).encode()
    if "csv" in formats:
        frames = {
            "estimates": result.estimates,
            "derived": estimates.derived(result),
            "optima": result.optima_table(),
            "starts": result.starts_table(),
            "checks": result.checks_table(),
            "crosswise": result.crosswise,
            **extra,
        }
        if posterior is not None:
            frames["posterior"] = posterior_frame(result, posterior)
        if result.alternatives:
            frames["alternatives"] = estimates.alternatives_frame(result)
        if frames["derived"].empty:
            del frames["derived"]
        files |= {f"{name}.csv": csv_bytes(frame) for name, frame in frames.items()}
    if "json" in formats:
        files["summary.json"] = summary_text(result).encode()
    return files
