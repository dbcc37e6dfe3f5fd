"""The index of a folder of reports: one line per report, its verdict first."""

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from comparisons.case import InputError
from comparisons.report import numerals, render
from comparisons.report.page import BADGES
from comparisons.verdict import Verdict

MARKER = "<!-- Written by em-crosscheck. Changes are lost when it runs again. -->"


def write_index(out: Path) -> None:
    """Write README.md in `out`: the verdicts of all folders there that hold a summary.json.

    Raises
    ------
    InputError
        If it cannot be written, or a README.md of somebody else is there.
    """
    out = Path(out)
    readme = out / "README.md"
    refuse_foreign_index(out)
    try:
        rows = [row for path in sorted(out.glob("*/summary.json")) if (row := _row(path)) is not None]
        _write(readme, render.index(rows, MARKER))
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise InputError(f"{readme}: cannot be written ({why}), expected a folder that can") from None


def refuse_foreign_index(out: Path) -> None:
    """Leave a README.md of somebody else as it is.

    Raises
    ------
    InputError
        If there is one in `out`.
    """
    readme = Path(out) / "README.md"
    if readme.is_file() and not readme.read_text(encoding="utf-8", errors="replace").startswith(MARKER):
        raise InputError(f"{readme}: not written by em-crosscheck and left as it is, expected a folder for reports")


def _row(path: Path) -> dict[str, Any] | None:
    """What the index says of one report; None where summary.json is not one of ours."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        report = next((name for name in ("report.md", "report.html") if (path.parent / name).exists()), "summary.json")
        return {
            "problem": str(found["problem"]),
            "link": f"{quote(path.parent.name)}/{report}",
            "badge": BADGES[Verdict(found["verdict"])],
            "flags": ", ".join(sorted({str(flag["code"]) for flag in found["flags"]})),
            "log_likelihood": numerals.log_likelihood(found["pymc"]["log_likelihood"]),
            "digits": numerals.digits(found["agreement"]["min_matching_digits"]),
            "starts": str(found["n_starts"]),
        }
    except (ValueError, KeyError, TypeError):
        return None


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    finally:
        with suppress(OSError):
            Path(name).unlink()
