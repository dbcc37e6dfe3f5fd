"""The command line as its users meet it: statuses, what is printed and where, what is written."""

import fcntl
import json
import os
import pty
import re
import select
import shlex
import struct
import subprocess
import sys
import termios
import time
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

import comparisons.cross_check.run
import comparisons.report
from comparisons import catalogue, families
from comparisons.case import Case, Flag
from comparisons.commands import batch, options, terminal
from comparisons.commands.main import main
from comparisons.cross_check.run import CrossCheck, crosscheck
from comparisons.errors import InputError
from comparisons.families import coin_mixture
from comparisons.reading.tables import parse_table

ROOT = Path(__file__).resolve().parents[3]
QUICK = ("--starts", "2", "--format", "json")
HEADS = "heads\n5\n9\n8\n4\n7\n"


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def summary(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "summary.json").read_text())


def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def agreeing() -> CrossCheck:
    return crosscheck(catalogue.load("two-coins"), 2)


@pytest.fixture
def staged(agreeing: CrossCheck, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A cross-check that answers at once, and disagrees on the problems named."""

    def stage(*disagree: str) -> None:
        def at_once(case: Case, n_starts: int, seed: int, **_: Any) -> CrossCheck:
            shown = replace(agreeing.case, name=case.name, settings=case.settings, source=case.source)
            failed = tuple(check._replace(passed=False) for check in agreeing.checks)
            return replace(agreeing, case=shown, seed=seed, checks=failed if case.name in disagree else agreeing.checks)

        monkeypatch.setattr(comparisons.cross_check.run, "crosscheck", at_once)

    return stage


# --- statuses ---


def test_agreement_is_status_0(tmp_path: Path) -> None:
    result = run("run", "coins", *QUICK, "--out", tmp_path)
    assert (result.exit_code, result.stderr) == (0, "")
    found = summary(tmp_path / "coins")
    assert (found["problem"], found["verdict"], found["n_starts"], found["seed"]) == ("coins", "agree", 2, 0)
    assert "coins" in (tmp_path / "README.md").read_text()


def test_disagreement_is_status_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = catalogue.load("two-coins")
    other = coin_mixture.bind("other data", np.array([1.0, 2.0, 2.0, 1.0, 5.0]), np.full(5, 10.0), 2)
    monkeypatch.setattr(catalogue, "load", lambda name: replace(case, em=other.em))
    result = run("run", "two-coins", *QUICK, "--out", tmp_path)
    assert (result.exit_code, result.stderr) == (1, "")
    assert "EM and PyMC disagree in the log-likelihood" in result.stdout
    assert summary(tmp_path / "two-coins")["verdict"] == "disagree"


@pytest.mark.slow
def test_one_that_fails_does_not_stop_the_others_and_the_worst_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, staged: Callable[..., None]
) -> None:
    load = catalogue.load

    def torn(name: str) -> Case:
        if name == "lsat6":
            raise InputError("lsat6.toml: torn")
        return load(name)

    staged("coins")
    monkeypatch.setattr(catalogue, "load", torn)
    result = run("run", "lsat6", "coins", "two-coins", *QUICK, "--out", tmp_path)
    assert (result.exit_code, result.stderr) == (2, "Error: lsat6.toml: torn\n")
    assert {path.name for path in tmp_path.iterdir()} == {"README.md", "coins", "manifest.json", "two-coins"}
    assert run("run", "coins", "two-coins", *QUICK, "--out", tmp_path).exit_code == 1
    assert run("run", "two-coins", *QUICK, "--out", tmp_path).exit_code == 0


def test_internal_errors_say_so_and_are_no_disagreement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crosscheck(case: Any, *_: Any, **__: Any) -> None:
        raise ZeroDivisionError("deep inside")

    monkeypatch.setattr(comparisons.cross_check.run, "crosscheck", crosscheck)
    result = run("run", "coins", "two-coins", *QUICK, "--out", tmp_path)
    assert result.exit_code == 3
    assert result.stderr.count("ZeroDivisionError: deep inside") == 2
    assert "Error: two-coins: internal error" in result.stderr
    assert not (tmp_path / "README.md").exists()


def test_an_operating_system_that_refuses_is_status_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, staged: Callable[..., None]
) -> None:
    def write_report(*_: Any) -> None:
        raise OSError(28, "No space left on device", str(tmp_path / "coins"))

    staged()
    monkeypatch.setattr(comparisons.report, "write_report", write_report)
    result = run("run", "coins", *QUICK, "--out", tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"Error: {tmp_path / 'coins'}: No space left on device\n"


def test_an_interrupt_is_status_130(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crosscheck(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(comparisons.cross_check.run, "crosscheck", crosscheck)
    result = run("run", "coins", "two-coins", *QUICK, "--out", tmp_path)
    assert (result.exit_code, result.stdout, result.stderr.strip()) == (130, "", "Error: interrupted")
    assert not list(tmp_path.iterdir())


# --- what is printed ---


@pytest.mark.parametrize("arguments", [(), ("--help",)])
def test_help(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    assert all(f"\n  {command} " in result.stdout for command in ("compare", "list", "run"))
    assert "Exit status: 0 EM and PyMC agree, 1 they disagree, 2 bad usage" in result.stdout


def test_version() -> None:
    result = run("--version")
    assert (result.exit_code, result.stderr) == (0, "")
    assert re.fullmatch(r"em-crosscheck (\d+\.\d+\.\d+|\(run from its source, not installed\))\n", result.stdout)


def test_list_in_a_pipe_is_tab_separated() -> None:
    result = run("list")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    assert [name for name, *_ in lines] == catalogue.names()
    assert all(len(line) == 4 for line in lines)


def test_verdict_flags_table_and_place(tmp_path: Path) -> None:
    result = run("run", "coins", *QUICK, "--format", "md,json", "--out", tmp_path)
    lines = result.stdout.splitlines()
    assert lines[0] == "coins  Three coins, 20 sequences of 10 flips: the worked example"
    assert lines[1].startswith("EM and PyMC agree: log-likelihood -35.1526058 (difference ")
    assert lines[2].startswith("ridge: the likelihood is flat along a ridge")
    assert lines[3:5] == ["Where 2 starts ended: ridge -35.1526 (2 EM, 2 PyMC)", ""]
    table = [re.split(r"  +", line.strip()) for line in lines[lines.index("") + 1 :]]
    assert table[0] == ["EM", "PyMC", "difference", "std. error", "digits"]
    rows = {row[0]: row[1:] for row in table if len(row) > 3}
    assert rows["log-likelihood"][:2] == ["-35.152606", "-35.152606"]
    assert rows["weight[coin1]"][3:] == ["-", "-"]
    assert rows["bias[coin1]"][:2] == ["0.415000", "0.415000"]
    assert float(rows["bias[coin1]"][4]) > 8
    assert lines[-2] == f"Report: {tmp_path / 'coins' / 'report.md'}"
    assert "\x1b" not in result.stdout


def test_tables_are_80_columns_wide_and_cut_no_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(terminal, "MOST_ROWS", 6)
    text = run("run", "lsat6", *QUICK, "--out", tmp_path).stdout
    lines = text.splitlines()
    table = lines[lines.index("") + 1 : lines.index("", lines.index("") + 1)]
    assert len(table) == 10
    assert max(map(len, table)) <= 80
    assert "\u2026" not in text
    assert [line for line in lines if line != line.rstrip()] == []
    # The rows that differ most are shown, in their usual order.
    shown = re.findall(r"^([da]\[item.\]) .* (\S+)$", text, re.MULTILINE)
    assert len(shown) == 6
    assert [name for name, _ in shown] == sorted((name for name, _ in shown), key=lambda name: (name[0] == "a", name))
    assert "6 of 10 parameters are shown: the 6 that differ most" in text


def test_quiet_prints_nothing_but_errors(
    tmp_path: Path, staged: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    bars: list[bool] = []
    bar = terminal.Bar

    def watched(name: str, wanted: bool) -> terminal.Bar:
        bars.append(wanted)
        return bar(name, wanted)

    monkeypatch.setattr(terminal, "Bar", watched)
    staged()
    result = run("run", "two-coins", *QUICK, "--quiet", "--out", tmp_path)
    assert (result.exit_code, result.output, bars) == (0, "", [False])
    assert (tmp_path / "two-coins" / "summary.json").exists()
    assert run("run", "dice", "--quiet").stderr.startswith("Error: unknown problem 'dice'")
    run("run", "two-coins", *QUICK, "--out", tmp_path)
    assert bars == [False, True]


def test_labels_of_the_user_are_no_markup_and_no_control_sequences(tmp_path: Path) -> None:
    data = tmp_path / "odd.csv"
    data.write_text("[red]x[/red],:smile:,\x1b[2J\n1,0,1\n0,1,0\n1,1,0\n0,0,1\n1,1,1\n1,0,0\n")
    result = run("compare", "two-pl", data, "--nodes", 5, "--slope-prior", "normal,1,1", *QUICK, "--out", tmp_path)
    assert result.exit_code == 0
    assert "d[[red]x[/red]]" in result.stdout
    assert "d[:smile:]" in result.stdout
    assert "d[\\x1b[2J]" in result.stdout
    assert "\x1b" not in result.stdout


# --- compare ---


def compared(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> tuple[Any, dict[str, Any]]:
    """The case that a command makes, and how the cross-check is called, with the command that gives the same again."""
    seen: list[tuple[Any, dict[str, Any]]] = []
    jobs: list[batch.Job] = []
    cross_check = batch._cross_check

    def crosscheck(case: Any, n_starts: int, seed: int, **more: Any) -> None:
        seen.append((case, {"n_starts": n_starts, "seed": seed, "command": shlex.join(jobs[-1].command), **more}))
        raise InputError("seen")

    def noted(job: batch.Job, *rest: Any) -> Any:
        jobs.append(job)
        return cross_check(job, *rest)

    monkeypatch.setattr(batch, "_cross_check", noted)
    monkeypatch.setattr(comparisons.cross_check.run, "crosscheck", crosscheck)
    result = run(*arguments)
    assert result.stderr == "Error: seen\n"
    return seen[0]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "my data (1).csv"
    path.write_text(HEADS)
    return path


def test_compare_writes_a_folder_named_for_the_file_and_the_family(
    tmp_path: Path, data: Path, staged: Callable[..., None]
) -> None:
    result = run("compare", "coin-mixture", data, "--coins", 1, "--flips", 10, *QUICK, "--out", tmp_path / "out")
    assert (result.exit_code, result.stderr) == (0, "")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["my-data-1-coin-mixture"]
    found = summary(tmp_path / "out" / "my-data-1-coin-mixture")
    assert found["problem"] == "my-data-1-coin-mixture"
    assert found["em"]["parameters"] == {"bias[coin1]": pytest.approx(0.66)}
    staged()
    command = ("compare", "coin-mixture", data, "--coins", 1, "--flips", 10, "--name", "one", *QUICK)
    assert run(*command, "--out", tmp_path).exit_code == 0
    assert summary(tmp_path / "one")["problem"] == "one"


def test_compare_keeps_an_index_complete_but_starts_none(
    tmp_path: Path, data: Path, staged: Callable[..., None]
) -> None:
    staged()
    command = ("compare", "coin-mixture", data, "--coins", 1, "--flips", 10, *QUICK, "--out", tmp_path)
    assert run(*command).exit_code == 0
    assert not (tmp_path / "README.md").exists()
    assert run("run", "two-coins", *QUICK, "--out", tmp_path).exit_code == 0
    assert run(*command, "--name", "another").exit_code == 0
    assert "another" in (tmp_path / "README.md").read_text()
    (tmp_path / "README.md").write_text("mine")
    assert run(*command).exit_code == 0
    assert (tmp_path / "README.md").read_text() == "mine"


@pytest.mark.slow
def test_two_models_of_one_file_are_two_reports(tmp_path: Path) -> None:
    data = tmp_path / "X.csv"
    data.write_text("a,b,c\n1,0,1\n0,1,1\n1,1,0\n0,0,1\n1,0,0\n")
    common = ("--nodes", 5, *QUICK, "--out", tmp_path / "out")
    assert run("compare", "two-pl", data, "--intercept-prior", "normal,0,1", "--slope-prior", "normal,1,1", *common)
    before = (tmp_path / "out" / "X-two-pl" / "summary.json").read_bytes()
    assert run("compare", "common-slope", data, *common).exit_code < 2
    assert (tmp_path / "out" / "X-two-pl" / "summary.json").read_bytes() == before
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"X-two-pl", "X-common-slope"}


COMPARED = ("--coins", 2, "--flips", 10, "--name", "study", "--starts", 2)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--seed", 1), "seed 0, here 1"),
        (("--starts", 3), "starts 2, here 3"),
        (("--coins", 3), "coins 2, here 3"),
        (("--posterior",), "posterior no, here yes"),
        (("--start", "weight=0.5,0.5;bias=0.2,0.3"), "start not set, here weight=0.5,0.5;bias=0.2,0.3"),
        (("--weight-prior", "2"), "weight-prior not set, here 2.0"),
        (("--equal-weights",), "equal-weights False, here True"),
        (("--backend", "default"), "backend fast, here default"),
        (("--format", "md"), "format md,html,csv,json, here md"),
        (("--seed", 1, "--coins", 1), "coins 2, here 1; seed 0, here 1"),
    ],
)
def test_the_report_of_another_run_is_replaced_only_when_asked_to(
    tmp_path: Path,
    data: Path,
    staged: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    given: tuple[object, ...],
    said: str,
) -> None:
    staged()
    monkeypatch.setattr("comparisons.report.figures.pictures", lambda _: {})
    monkeypatch.setattr("comparisons.posterior.sample.sample", lambda *_, **__: None)
    command = ("compare", "coin-mixture", data, *COMPARED, "--out", tmp_path)
    assert run(*command).exit_code == 0
    before = contents(tmp_path / "study")
    # Typing errors in the data have been found meanwhile: the same run all the same.
    data.write_text(HEADS.replace("9", "8"))
    assert run(*command).exit_code == 0
    result = run(*command, *given)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"Error: {tmp_path / 'study'}: written with other settings ({said}), "
        "expected the same ones, another folder, or --overwrite to replace it\n"
    )
    assert contents(tmp_path / "study") == before
    assert run(*command, *given, "--overwrite").exit_code == 0
    assert contents(tmp_path / "study") != before


def test_another_file_of_the_same_name_is_another_run(
    tmp_path: Path, staged: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    staged()
    for place in "ab":
        (tmp_path / place).mkdir()
        (tmp_path / place / "X.csv").write_text(HEADS)
    monkeypatch.chdir(tmp_path / "a")
    command = ("compare", "coin-mixture", "X.csv", "--coins", 1, "--flips", 10, *QUICK, "--out", "../out")
    assert run(*command).exit_code == 0
    monkeypatch.chdir(tmp_path / "b")
    result = run(*command)
    assert result.exit_code == 2
    assert "(data ../../a/X.csv, here ../../b/X.csv)" in result.stderr
    monkeypatch.chdir(tmp_path)
    moved = ("compare", "coin-mixture", tmp_path / "a" / "X.csv", *command[3:-1], "out")
    assert run(*moved).exit_code == 0


def test_run_with_other_starts_asks_and_spares_the_others(tmp_path: Path, staged: Callable[..., None]) -> None:
    staged()
    command = ("run", "two-coins", "--format", "json", "--out", tmp_path, "--starts")
    assert run(*command, 2).exit_code == 0
    result = run(*command, 3)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "two-coins: written with other settings (starts 2, here 3)" in result.stderr
    assert run(*command, 3, "--overwrite").exit_code == 0
    assert run(*command, 3).exit_code == 0


@pytest.mark.parametrize("inside", [False, True])
def test_files_of_the_user_are_left_before_the_work(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, staged: Callable[..., None], inside: bool
) -> None:
    command = ("compare", "coin-mixture", data, *COMPARED, "--out", tmp_path, "--format", "csv,json")
    if inside:
        staged()
        assert run(*command).exit_code == 0
    (tmp_path / "study").mkdir(exist_ok=True)
    for name in ("data.csv", "estimates.csv", "scores.csv"):
        (tmp_path / "study" / name).write_text("mine")

    def never(*_: object, **__: object) -> CrossCheck:
        raise AssertionError("the work began")

    monkeypatch.setattr(comparisons.cross_check.run, "crosscheck", never)
    before = contents(tmp_path)
    result = run(*command, "--overwrite")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert ("estimates.csv: changed" if inside else "holds other files (data.csv)") in result.stderr
    assert contents(tmp_path) == before


def test_a_readme_of_somebody_else_is_refused_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> CrossCheck:
        raise AssertionError("the work began")

    monkeypatch.setattr(comparisons.cross_check.run, "crosscheck", never)
    (tmp_path / "README.md").write_text("mine")
    result = run("run", "two-coins", *QUICK, "--out", tmp_path)
    assert result.exit_code == 2
    assert "left as it is" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
    assert (tmp_path / "README.md").read_text() == "mine"


def test_compare_starts_where_it_is_told(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case, called = compared(
        monkeypatch, "compare", "coin-mixture", data, "--coins", 2, "--flips", 10, "--backend", "default", "--seed", 7,
        "--start", " bias = 0.4, 0.5; weight=0.25,0.75;", "--starts", 3, "--out", tmp_path,
    )  # fmt: skip
    np.testing.assert_array_equal(case.start["bias"], [0.4, 0.5])
    np.testing.assert_array_equal(case.start["weight"], [0.25, 0.75])
    assert (called["n_starts"], called["seed"], called["backend"]) == (3, 7, "default")
    assert (case.source, case.name) == (str(data), "my-data-1-coin-mixture")


def test_the_command_gives_the_same_case_again(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = [
        "--coins", "2", "--flips", "10", "--equal-weights", "--bias-prior", "2,2", "--start", "bias=0.4,0.5",
        "--name", "this", "--starts", "3", "--seed", "5",
    ]  # fmt: skip
    case, called = compared(monkeypatch, "compare", "coin-mixture", data, *given, "--out", tmp_path)
    program, *command = shlex.split(called["command"])
    assert (program, command[:3]) == ("em-crosscheck", ["compare", "coin-mixture", str(data)])
    assert sorted(command[3:]) == sorted(given)
    again, called_again = compared(monkeypatch, *command, "--out", tmp_path)
    assert (again.settings, again.name) == (case.settings, case.name)
    assert {**called, "progress": None} == {**called_again, "progress": None}


def test_the_command_holds_grid_and_posterior(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    items = tmp_path / "items.csv"
    items.write_text("a,b\n1,0\n0,1\n1,1\n")
    case, called = compared(
        monkeypatch, "compare", "two-pl", items, "--grid", "-1,1", "--grid-weights", "0.5,0.25", "--posterior",
        "--out", tmp_path,
    )  # fmt: skip
    np.testing.assert_array_equal(case.em.grid[1], [0.5, 0.25])
    expected = "--grid -1.0,1.0 --grid-weights 0.5,0.25 --starts 100 --seed 0 --posterior"
    assert called["command"] == f"em-crosscheck compare two-pl {items} {expected}"
    _, called = compared(monkeypatch, "run", "lsat6", "--out", tmp_path)
    assert called["command"] == "em-crosscheck run lsat6 --starts 100 --seed 0"


def test_run_without_names_runs_all_and_none_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def crosscheck(case: Any, *_: Any, **__: Any) -> None:
        seen.append(case.name)
        raise InputError("seen")

    monkeypatch.setattr(comparisons.cross_check.run, "crosscheck", crosscheck)
    assert run("run", "--out", tmp_path).exit_code == 2
    assert seen == catalogue.names()
    seen.clear()
    run("run", "lsat6", "coins", "lsat6", "--out", tmp_path)
    assert seen == ["lsat6", "coins"]


@pytest.mark.parametrize("name", families.names())
def test_each_family_is_a_command_with_its_options(name: str) -> None:
    module = families.family(name)
    result = run("compare", name, "--help")
    assert (result.exit_code, result.stderr) == (0, "")
    text = " ".join(result.stdout.split())
    assert module.DATA in text
    assert all(f"--{option.name} " in text for option in module.OPTIONS)
    assert name in run("compare", "--help").stdout
    taken = [opt for command in ("compare", "run") for opt in _options_of(command, name)]
    assert not {f"--{option.name}" for option in module.OPTIONS} & set(taken)
    assert all(option.kind in options.KINDS and option.kind in families.KINDS for option in module.OPTIONS)


def _options_of(command: str, family: str) -> Iterator[str]:
    """Options that are not the family's."""
    own = {option.name for option in families.family(family).OPTIONS}
    context = click.Context(main)
    found = main.get_command(context, command)
    if isinstance(found, click.Group):
        found = found.get_command(context, family)
    assert found is not None
    names = [param.opts[0] for param in found.params if isinstance(param, click.Option)]
    assert len(names) == len(set(names))
    yield from (name for name in names if name.removeprefix("--") not in own)


def test_a_new_family_is_a_new_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(families, "__path__", [*families.__path__, str(tmp_path)])
    (tmp_path / "toy_model.py").write_text(
        "from comparisons.families import Option\nTITLE = 'a toy'\nDATA = 'nothing'\n"
        "OPTIONS = (Option('wheels', int, 'how many', required=True),)\n"
        "def read(name, table, options):\n    raise ValueError(f'{name} {options}')\n"
    )
    try:
        assert "toy-model" in run("compare", "--help").stdout
        shown = " ".join(run("compare", "toy-model", "--help").stdout.split())
        assert "--wheels INTEGER How many. [required]" in shown
        assert "Missing option '--wheels'" in run("compare", "toy-model", "x.csv").stderr
    finally:
        sys.modules.pop("comparisons.families.toy_model", None)


def test_formats_are_those_of_the_report() -> None:
    assert set(options.FORMATS) == set(comparisons.report.FORMATS)


# --- what a family notices in the data, and reports as a flag ---


def flags_of(family: str, content: str, **given: Any) -> dict[str, str]:
    module = families.family(family)
    case = module.read("x", parse_table(content.encode(), "x.csv"), families.settle(module, given))
    assert all(isinstance(flag, Flag) for flag in case.flags)
    return {flag.code: flag.message for flag in case.flags}


ITEMS_AND_ONE = "a,b,c,odd\n1,0,1,{0}\n0,1,1,{0}\n1,1,0,{0}\n0,0,1,{1}\n"


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (("1", "1"), "every examinee got odd right: d[odd] diverges to +infinity"),
        (("0", ""), "no examinee got odd right: d[odd] diverges to -infinity"),
        (("", "NA"), "no examinee answered odd: d[odd] and a[odd] are not identified"),
    ],
)
def test_an_item_without_variation_is_flagged_and_the_others_stay(cells: tuple[str, str], message: str) -> None:
    assert message in flags_of("two-pl", ITEMS_AND_ONE.format(*cells))["diverging"]
    module = families.family("two-pl")
    table = parse_table(ITEMS_AND_ONE.format(*cells).encode(), "x.csv")
    assert module.read("x", table, families.settle(module, {})).labels["a"] == ("a", "b", "c")


def test_rows_without_answers_are_flagged() -> None:
    found = flags_of("two-pl", "a,b,c\n1,0,1\n,,\n0,1,0\n1,1,NA\n")
    assert found == {"no_answers": "1 row(s) of x.csv hold no answer at all: they say nothing about any item"}


def test_columns_that_are_not_used_are_flagged() -> None:
    found = flags_of("coin-mixture", "id,heads,freq\n1,5,1\n2,6,2\n3,7,1\n", coins=2, flips=10)
    assert found == {"unused_column": "not used: column id, freq"}


def test_person_scores_are_a_column_file(tmp_path: Path) -> None:
    lsat6 = catalogue.FOLDER / "lsat6.csv"
    done = run("compare", "two-pl", lsat6, "--scores", "eap", "--starts", 1, "--out", tmp_path, "--format", "csv,md")
    assert done.exit_code == 0
    scores = pd.read_csv(tmp_path / "lsat6-two-pl" / "scores.csv")
    patterns = pd.read_csv(lsat6)
    assert len(scores) == len(patterns)
    # The posterior mean, by a sum over nodes of our own, at the estimates in estimates.csv.
    found = pd.read_csv(tmp_path / "lsat6-two-pl" / "estimates.csv").set_index("parameter")["em"]
    d, a = (np.array([found[f"{name}[item{i}]"] for i in range(1, 6)]) for name in "da")
    theta = np.linspace(-6, 6, 61)
    right = 1 / (1 + np.exp(-(d + a * theta[:, None])))
    for row, answers in enumerate(patterns[[f"item{i}" for i in range(1, 6)]].to_numpy()):
        posterior = np.exp(-(theta**2) / 2) * np.where(answers == 1, right, 1 - right).prod(axis=1)
        posterior /= posterior.sum()
        mean = posterior @ theta
        assert scores["theta"][row] == pytest.approx(mean, abs=1e-9)
        assert scores["standard_error"][row] == pytest.approx(np.sqrt(posterior @ (theta - mean) ** 2), abs=1e-9)
    assert "eap, in scores.csv" in (tmp_path / "lsat6-two-pl" / "report.md").read_text().replace("\\", "")


# --- the posterior ---


def test_posterior_is_sampled_and_handed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, staged: Callable[..., None]
) -> None:
    staged()
    handed: list[Any] = []
    module = types.ModuleType("comparisons.posterior.sample")

    def sample(result: Any, *, seed: int) -> types.SimpleNamespace:
        return types.SimpleNamespace(drawn=(result.case.name, seed), messages=("R-hat is above 1.01 for d[item1]",))

    module.sample = sample  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "comparisons.posterior.sample", module)
    monkeypatch.setattr(comparisons.report, "write_report", lambda *arguments: handed.append(arguments))
    monkeypatch.setattr(comparisons.report, "write_index", lambda out: None)
    done = run("run", "two-coins", *QUICK, "--seed", 3, "--posterior", "--out", tmp_path)
    assert done.exit_code == 0
    assert "posterior: R-hat is above 1.01 for d[item1]" in done.stdout
    assert run("run", "two-coins", *QUICK, "--out", tmp_path).exit_code == 0
    assert [arguments[3] and arguments[3].drawn for arguments in handed] == [("two-coins", 3), None]
    assert handed[0][1:3] == (tmp_path / "two-coins", ("json",))


# --- real processes ---

PROGRAM = (sys.executable, "-c", "from comparisons.commands.main import main; main()")
IN_A_TERMINAL = (
    "import comparisons.commands.terminal as t; t.PATIENCE = 0; from comparisons.commands.main import main; main()"
)
JUST_A_BAR = """
import sys, time, comparisons.commands.terminal as t
t.PATIENCE = float(sys.argv[1])
with t.Bar("work", wanted=sys.argv[2] == "wanted") as bar:
    for what in bar.over(range(3), 3, "work: part"):
        time.sleep(0.2)
    time.sleep(0.2)
t.Screen().line("done")
"""


def environment(**more: str) -> Mapping[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **more}


def process(*arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *map(str, arguments)],
        env=environment(**more),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        stdin=subprocess.DEVNULL,
    )


def test_nothing_but_the_answer_reaches_a_pipe(tmp_path: Path) -> None:
    # ArviZ 0.23 warns once a day and remembers the day in the user's cache: here it has never run.
    fresh = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = process("run", "two-coins", *QUICK, "--out", tmp_path / "out", **fresh)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("two-coins  Two coins")


def test_bad_input_of_a_real_process(tmp_path: Path) -> None:
    done = process("compare", "two-pl", tmp_path / "none.csv")
    expected = f"Error: {tmp_path / 'none.csv'}: cannot be read (No such file or directory), expected a CSV file\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", expected)


def test_letters_that_the_output_cannot_show(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('title = "Größe"\nfamily = "f"\ndata = "d"\nsource = "s"\n', encoding="utf-8")
    code = (
        "import pathlib, sys; from comparisons import catalogue; from comparisons.commands.main import main; "
        "catalogue.FOLDER = pathlib.Path(sys.argv.pop()); main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "list", tmp_path],
        env=environment(PYTHONIOENCODING="ascii"),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"own\tGr\\xf6\\xdfe\tf\ts\n", b"")


def test_a_reader_that_leaves_is_no_disagreement() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*PROGRAM, "list"],
        env=environment(),
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def in_a_terminal(code: str, *arguments: object) -> tuple[int, str]:
    """Status of a command and all that its terminal received."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 80, 0, 0))
    child = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=environment(TERM="xterm-256color"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    received = b""
    begin = time.monotonic()
    while time.monotonic() - begin < 300:
        if select.select([ours], [], [], 1)[0]:
            try:
                received += os.read(ours, 65536)
            except OSError:
                break
    os.close(ours)
    return child.wait(timeout=60), received.decode()


@pytest.mark.slow
def test_a_bar_in_a_terminal(tmp_path: Path) -> None:
    status, text = in_a_terminal(IN_A_TERMINAL, "run", "two-coins", *QUICK, "--out", tmp_path)
    assert status == 0
    assert "two-coins: starting PyMC" in text
    assert "\x1b[1;32mEM and PyMC agree" in text
    # The bar is wiped away before the answer.
    answer = text[text.index("Two coins, 5 sequences") :]
    assert "starting PyMC" not in answer
    assert "\x1b[?25h" not in answer


def test_the_bar_counts_what_takes_long() -> None:
    status, text = in_a_terminal(JUST_A_BAR, 0.05, "wanted")
    assert status == 0
    assert "2/3" in text
    assert "work: comparing" in text


@pytest.mark.parametrize(("patience", "wanted"), [(60, "wanted"), (0.05, "unwanted")])
def test_no_bar_on_what_is_quick_nor_when_quiet(patience: float, wanted: str) -> None:
    assert in_a_terminal(JUST_A_BAR, patience, wanted) == (0, "done\r\n")


def test_no_bar_in_a_pipe() -> None:
    done = subprocess.run(
        [sys.executable, "-c", JUST_A_BAR, "0.05", "wanted"],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_bar_waits() -> None:
    assert terminal.PATIENCE == 2.0


def test_help_is_quick() -> None:
    """The best of some runs, in processor time: the machine may be busy with other tests."""

    def seconds() -> float:
        before = os.times()
        assert process("--help").returncode == 0
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    assert min(seconds() for _ in range(3)) < 0.2


def test_statuses_are_those_that_help_names() -> None:
    assert (batch.AGREE, batch.DISAGREE, batch.BAD_INPUT, batch.INTERNAL_ERROR) == (0, 1, 2, 3)
