"""The index of a folder of reports: one line per report, its verdict first."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from comparisons.cross_check.verdict import Verdict
from comparisons.report import render
from comparisons.report.page import BADGES
from comparisons.writing import manifest, numerals

NAME, WRITER = "README.md", "index"
MARKER = "<!-- Written by em-crosscheck, which leaves it alone once it has been changed. -->"


def write_index(out: Path) -> None:
    """Write README.md in `out`: the verdicts of all folders there that hold a summary.json.

    Raises
    ------
    InputError
        If it cannot be written, or a README.md of somebody else is there.
    """
    out = Path(out)
    refuse_foreign_index(out)
    rows = [row for path in sorted(out.glob("*/summary.json")) if (row := _row(path)) is not None]
    manifest.write_files(out, WRITER, {NAME: render.index(rows, _pages(out), MARKER).encode()}, {})


def write_index_again(out: Path) -> None:
    """Write the index of a folder anew where it has one: another page has been written beside it.

    Raises
    ------
    InputError
        If it cannot be written, or was changed.
    """
    if WRITER in manifest.read(Path(out)):
        write_index(out)


def _pages(out: Path) -> list[tuple[str, str]]:
    """Title and name of the further pages there that em-crosscheck wrote."""
    every = {name for part in manifest.read(out).values() for name in part.files}
    written = sorted(name for name in every - {NAME} if name.endswith(".md"))
    texts = {name: (out / name).read_text(encoding="utf-8") for name in written if (out / name).is_file()}
    return [(text.partition("\n")[0].removeprefix("# "), name) for name, text in texts.items()]


def refuse_foreign_index(out: Path) -> None:
    """Leave a README.md of somebody else as it is, and one that somebody has changed.

    Raises
    ------
    InputError
        If there is one in `out`.
    """
    manifest.refuse(Path(out), WRITER, [NAME], {})


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
    except (OSError, ValueError, KeyError, TypeError):
        return None
