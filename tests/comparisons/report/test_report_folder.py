"""The files of a report: which, the same bytes each time, and whole or not at all."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from comparisons import InputError
from comparisons.catalogue import load
from comparisons.cross_check.run import CrossCheck, crosscheck
from comparisons.report import folder as folder_module
from comparisons.report import write_index, write_index_again, write_report
from comparisons.report.page import Picture
from comparisons.writing import manifest

ALL = {
    "manifest.json", "report.md", "report.html", "summary.json", "estimates.csv", "optima.csv", "starts.csv",
    "checks.csv", "crosswise.csv", "figures/convergence.svg", "figures/starts.svg", "figures/curves.svg",
}  # fmt: skip


@pytest.fixture(scope="module")
def result() -> CrossCheck:
    case = load("two-coins-equal")
    return crosscheck(replace(case, extra_tables=lambda _: {"scores": pd.DataFrame({"theta": [1 / 3, np.nan]})}), 3)


@pytest.fixture
def undrawn(monkeypatch) -> None:
    """Spare the time that figures take where none is looked at."""
    stub = {"x": Picture("x.svg", "x", "x", "x", b"<svg/>")}
    monkeypatch.setattr("comparisons.report.figures.pictures", lambda _: stub)


def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_all_files(result, tmp_path):
    assert write_report(result, tmp_path / "new" / "coins") == tmp_path / "new" / "coins"
    found = contents(tmp_path / "new" / "coins")
    assert set(found) == ALL | {"scores.csv"}
    assert found["scores.csv"] == b'theta\n0.3333333333333333\n""\n'
    starts = pd.read_csv(tmp_path / "new" / "coins" / "starts.csv", dtype=str)
    assert [float(cell) for cell in starts["em_log_likelihood"]] == result.em.log_likelihood.tolist()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["coins"]
    assert (tmp_path / "new" / "coins").stat().st_mode & 0o555 == 0o555


@pytest.mark.parametrize(
    ("formats", "kept"),
    [
        (["json"], {"manifest.json", "summary.json"}),
        (["html"], {"manifest.json", "report.html"}),
        (["md"], {"manifest.json", "report.md", "figures/x.svg"}),
        (["csv"], {"manifest.json", *(name for name in ALL if name.endswith(".csv")), "scores.csv"}),
    ],
)
def test_only_the_formats_asked_for(undrawn, result, tmp_path, formats, kept):
    write_report(result, tmp_path / "coins")
    (tmp_path / "coins" / "scores.csv").unlink()
    write_report(result, tmp_path / "coins", formats)
    assert set(contents(tmp_path / "coins")) == kept


def test_the_same_bytes_again(result, tmp_path):
    write_report(result, tmp_path / "one")
    write_report(crosscheck(result.case, 3), tmp_path / "two")
    one, two = contents(tmp_path / "one"), contents(tmp_path / "two")
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []


def test_no_place_and_no_hour(result, tmp_path):
    write_report(result, tmp_path / "coins")
    words = [str(tmp_path), str(Path.cwd()), str(Path.home()), "dc:date", "file://"]
    for name, data in contents(tmp_path / "coins").items():
        assert not [word for word in words if word.encode() in data], name


def test_what_is_not_ours_stays(undrawn, result, tmp_path):
    write_report(result, tmp_path / "coins")
    mine = {"notes.txt": b"mine", "figures/photo.png": b"\x89PNG", "figures/deep/er.txt": b"", "derived.csv": b"a\n1\n"}
    for name, data in mine.items():
        (tmp_path / "coins" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "coins" / name).write_bytes(data)
    (tmp_path / "coins" / "empty").mkdir()
    (tmp_path / "coins" / "summary.json").unlink()
    before = contents(tmp_path / "coins")
    write_report(result, tmp_path / "coins", ["md", "csv"])
    found = contents(tmp_path / "coins")
    assert mine.items() <= found.items()
    assert found.keys() == (before.keys() - {"report.html"})
    assert (tmp_path / "coins" / "empty").is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["coins"]


@pytest.mark.parametrize("name", ["report.md", "figures/x.svg", "scores.csv", "manifest.json"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_what_the_user_has_changed_stays(undrawn, result, tmp_path, name, overwrite):
    write_report(result, tmp_path / "coins")
    (tmp_path / "coins" / name).write_text("mine")
    before = contents(tmp_path)
    with pytest.raises(InputError, match=f"coins/{name}: .* and left as it is"):
        write_report(result, tmp_path / "coins", overwrite=overwrite)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["estimates.csv", "figures", "figures/x.svg"])
def test_what_is_in_the_way_stays(undrawn, result, tmp_path, name):
    write_report(result, tmp_path / "coins", ["json"])
    (tmp_path / "coins" / name).parent.mkdir(exist_ok=True)
    (tmp_path / "coins" / name).write_text("mine")
    before = contents(tmp_path)
    with pytest.raises(InputError, match=f"coins/{name}: .* and left as it is"):
        write_report(result, tmp_path / "coins")
    assert contents(tmp_path) == before


def test_a_folder_with_files_named_as_those_of_a_report_is_left_alone(undrawn, result, tmp_path):
    mine = {"data.csv": b"1", "estimates.csv": b"2", "scores.csv": b"3"}
    for name, data in mine.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=r"holds other files \(data.csv\)"):
        write_report(result, tmp_path, overwrite=True)
    assert contents(tmp_path) == mine


def test_another_run_is_not_replaced_unasked(undrawn, result, tmp_path):
    write_report(result, tmp_path / "coins", ["json"])
    other = replace(result, seed=7, case=replace(result.case, settings=result.case.settings | {"coins": 3}))
    before = contents(tmp_path)
    with pytest.raises(InputError, match=r"other settings \(coins 2, here 3; seed 0, here 7\)"):
        write_report(other, tmp_path / "coins", ["json"])
    assert contents(tmp_path) == before
    write_report(other, tmp_path / "coins", ["json"], overwrite=True)
    assert json.loads((tmp_path / "coins" / "summary.json").read_text())["seed"] == 7


def test_a_folder_of_other_files_is_left_alone(result, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds other files \(thesis.txt\)"):
        write_report(result, tmp_path)
    assert contents(tmp_path) == {"thesis.txt": b"mine"}


@pytest.mark.parametrize("place", ["taken", "taken/coins"])
def test_unwritable_output_is_one_line(result, tmp_path, place):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(InputError) as error:
        write_report(result, tmp_path / place, ["json"])
    assert "\n" not in str(error.value)
    assert "expected a folder" in str(error.value)
    assert contents(tmp_path) == {"taken": b"a file"}


@pytest.mark.parametrize("failing", ["write_bytes", "rename", "mkdir"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_what_was_there(undrawn, result, tmp_path, monkeypatch, failing, error):
    write_report(result, tmp_path / "coins", ["json", "md"])
    (tmp_path / "coins" / "notes.txt").write_text("mine")
    before = contents(tmp_path)
    genuine = getattr(Path, failing)

    def fail(path: Path, *arguments: object, **more: object) -> object:
        if path.name in ("summary.json", "new"):
            raise error
        return genuine(path, *arguments, **more)

    monkeypatch.setattr(Path, failing, fail)
    with pytest.raises((InputError, KeyboardInterrupt)) as caught:
        write_report(result, tmp_path / "coins", ["json", "md"])
    monkeypatch.undo()
    if isinstance(error, OSError):
        assert "cannot be written (No space left on device)" in str(caught.value)
    assert contents(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["coins"]


def test_an_error_while_composing_leaves_what_was_there(undrawn, result, tmp_path, monkeypatch):
    write_report(result, tmp_path / "coins", ["json"])
    before = contents(tmp_path)
    monkeypatch.setattr(folder_module, "summary_text", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_report(result, tmp_path / "coins", ["md", "json"])
    assert contents(tmp_path) == before


def test_unknown_format(result, tmp_path):
    with pytest.raises(InputError, match="--format pdf: expected one of md, html, csv, json"):
        write_report(result, tmp_path / "coins", ["md", "pdf"])
    assert not (tmp_path / "coins").exists()


def test_index_lists_every_verdict(undrawn, result, tmp_path):
    write_report(result, tmp_path / "b c")
    write_report(replace(result, case=replace(result.case, name="a|<b>")), tmp_path / "a", ["json"])
    bad = json.loads((tmp_path / "a" / "summary.json").read_text()) | {"verdict": "disagree"}
    (tmp_path / "a" / "summary.json").write_text(json.dumps(bad))
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "summary.json").write_text("[1]")
    (tmp_path / "none").mkdir()
    write_index(tmp_path)
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| [")]
    assert len(rows) == 2
    assert rows[0].startswith("| [a&#124;&lt;b&gt;](a/summary.json) | ❌ **DISAGREE** |")
    assert rows[1].startswith("| [two-coins-equal](b%20c/report.md) | ✅ agree |")
    assert f"{result.ends.pymc_log_likelihood:.7f}" in rows[1]
    assert rows[1].endswith(" | 3 |")
    write_index(tmp_path)
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == text


def test_index_links_the_other_pages_that_are_ours(tmp_path):
    write_index_again(tmp_path)
    assert not (tmp_path / "README.md").exists()
    write_index(tmp_path)
    (tmp_path / "notes.md").write_text("# Mine\n")
    manifest.write_files(tmp_path, "certified", {"certified.md": b"# Certified problems\n\nAll.\n"}, {})
    write_index_again(tmp_path)
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "Beside them: [Certified problems](certified.md).\n" in text
    assert "notes.md" not in text


def test_index_spares_the_readme_of_others(tmp_path):
    (tmp_path / "README.md").write_text("# My thesis\n")
    with pytest.raises(InputError, match="left as it is"):
        write_index(tmp_path)
    assert (tmp_path / "README.md").read_text() == "# My thesis\n"
    (tmp_path / "README.md").unlink()
    write_index(tmp_path)
    write_index(tmp_path)
    with (tmp_path / "README.md").open("a") as file:
        file.write("My remark.\n")
    with pytest.raises(InputError, match="changed since em-crosscheck wrote it and left as it is"):
        write_index(tmp_path)
    with pytest.raises(InputError, match="cannot be written"):
        write_index(tmp_path / "nowhere")


def test_person_scores_of_an_earlier_run_do_not_stay(undrawn, result, tmp_path):
    write_report(result, tmp_path / "coins", ["csv"])
    assert (tmp_path / "coins" / "scores.csv").exists()
    write_report(replace(result, case=replace(result.case, extra_tables=lambda _: {})), tmp_path / "coins", ["csv"])
    assert not (tmp_path / "coins" / "scores.csv").exists()


def test_the_committed_reports_are_as_they_were_written():
    reports = Path(__file__).parents[3] / "reports"
    folders = [reports, *(path.parent for path in reports.glob("*/summary.json"))]
    for folder in folders:
        parts = manifest.read(folder)
        assert parts.keys() == ({"index", "certified", "peers"} if folder == reports else {"report"}), folder.name
        for part in parts.values():
            found = {name: manifest.checksum((folder / name).read_bytes()) for name in part.files}
            assert found == part.files, folder.name
    assert len(folders) > 5
