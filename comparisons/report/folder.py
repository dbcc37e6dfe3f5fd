"""Write the folder of one report, whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from comparisons.case import InputError
from comparisons.harness import CrossCheck
from comparisons.report import render, tables
from comparisons.report.compose import compose, posterior_frame
from comparisons.report.summary import summary_text

FORMATS = ("md", "html", "csv", "json")
# What a report may leave in its folder, beside the case's own tables. Anything else there is the user's.
OWN = (
    "report.md",
    "report.html",
    "figures",
    "summary.json",
    *(f"{name}.csv" for name in ("estimates", "derived", "optima", "starts", "checks", "crosswise", "posterior")),
    # Tables on request: those of an earlier run say nothing about this one.
    *(f"{name}.csv" for name in ("scores", "scores_by_pattern")),
)


def write_report(result: CrossCheck, folder: Path, formats: Collection[str] = FORMATS, posterior: Any = None) -> Path:
    """Write the report of a result.

    Parameters
    ----------
    result : CrossCheck
    folder : Path
        Made when it is missing. An earlier report there is replaced in one step; files that are no part
        of a report stay.
    formats : collection of {"md", "html", "csv", "json"}
    posterior : Posterior, optional
        See `comparisons.posterior`.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InputError
        If a format is unknown or the folder cannot be written; what was there is as before.
    """
    for name in formats:
        if name not in FORMATS:
            raise InputError(f"--format {name}: expected one of {', '.join(FORMATS)}")
    folder = Path(folder)
    extra = result.case.extra_tables(result.case.align(result.ends.em, result.ends.pymc)) if "csv" in formats else {}
    own = {*OWN, *(f"{name}.csv" for name in extra)}
    try:
        _refuse_strangers(folder, own)
        _replace(folder, contents(result, formats, posterior, extra), own)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise InputError(f"{folder}: cannot be written ({why}), expected a folder that can") from None
    return folder


def contents(
    result: CrossCheck, formats: Collection[str], posterior: Any, extra: dict[str, pd.DataFrame]
) -> dict[str, bytes]:
    """Every file of a report by its path inside the folder."""
    files: dict[str, bytes] = {}
    if "md" in formats or "html" in formats:
        page = compose(result, posterior, csv="csv" in formats)
        if "md" in formats:
            files["report.md"] = render.markdown(page).encode()
            files |= {f"figures/{picture.file}": picture.data for picture in page.pictures}
        if "html" in formats:
            files["report.html"] = render.html(page).encode()
    if "csv" in formats:
        frames = {
            "estimates": result.estimates,
            "derived": tables.derived(result),
            "optima": result.optima_table(),
            "starts": result.starts_table(),
            "checks": result.checks_table(),
            "crosswise": result.crosswise,
            **extra,
        }
        if posterior is not None:
            frames["posterior"] = posterior_frame(result, posterior)
        if frames["derived"].empty:
            del frames["derived"]
        files |= {
            f"{name}.csv": frame.to_csv(index=False, lineterminator="\n").encode() for name, frame in frames.items()
        }
    if "json" in formats:
        files["summary.json"] = summary_text(result).encode()
    return files


def _refuse_strangers(folder: Path, own: set[str]) -> None:
    """A folder that holds files, but no report, is not ours to touch."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file, expected a folder")
    if folder.is_dir():
        found = sorted(entry.name for entry in folder.iterdir())
        if found and not own.intersection(found):
            raise InputError(f"{folder}: holds other files ({found[0]}) and no report, expected a new or empty folder")


def _replace(folder: Path, files: dict[str, bytes], own: set[str]) -> None:
    """Build the folder beside its place, then swap."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    old = new.with_name(f"{new.name}-before")
    try:
        for name, data in files.items():
            path = new / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        new.chmod(0o777 & ~_umask())
        if folder.exists():
            folder.rename(old)
        try:
            new.rename(folder)
        except OSError:
            if old.exists():
                old.rename(folder)
            raise
        if old.exists():
            for entry in old.iterdir():
                if entry.name not in own:
                    entry.rename(folder / entry.name)
            shutil.rmtree(old)
    finally:
        with suppress(OSError):
            shutil.rmtree(new)


def _umask() -> int:
    """The permissions that a new file does not get."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
