"""README and docs tell the truth: their blocks print what they show, and every link leads somewhere."""

import contextlib
import doctest
import io
import re
import shlex
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import click
import pandas as pd
import pytest
from click.testing import CliRunner

from comparisons import catalogue
from comparisons.commands.main import main

ROOT = Path(__file__).resolve().parents[1]
PAGES = [Path("README.md"), *sorted(path.relative_to(ROOT) for path in (ROOT / "docs").glob("*.md"))]
# What the reader is told to have at hand, beside what the pages themselves say to save.
AT_HAND = (
    Path("comparisons/catalogue/lsat6.csv"),
    Path("tests/comparisons/audit/examples/coin_em_bug.py"),
)
FENCE = re.compile(r"^(?:<!-- file: (\S+) -->\n)?```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Block(NamedTuple):
    """A fenced block: its language, its text, and the file that it is to be saved as."""

    file: str
    language: str
    text: str


def text_of(page: Path) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: Path) -> list[Block]:
    return [Block(*found) for found in FENCE.findall(text_of(page))]


FILES = {block.file: block.text for page in PAGES for block in blocks(page) if block.file}


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder of a reader who has saved the files."""
    for path in AT_HAND:
        (tmp_path / path.name).write_bytes((ROOT / path).read_bytes())
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))


def without_round_off(text: str) -> str:
    """Text whose differences of the size of round-off, and the digits that match, are left open."""
    text = re.sub(r"\b\d(?:\.\d+)?e-(?:0[89]|1\d)\b|\b0\.0e\+00\b", "#", text)
    return re.sub(r"\d+\.\d matching digits", "# matching digits", text)


def same(printed: str, shown: str) -> bool:
    """Whether this was printed, `...` standing for any lines."""
    checker = doctest.OutputChecker()
    return checker.check_output(without_round_off(shown), without_round_off(printed), doctest.ELLIPSIS)


@cache
def printed_by(command: str) -> str:
    """What a command prints, on a terminal of 100 columns; the commands of all pages have the same files."""
    found = CliRunner().invoke(main, shlex.split(command)[1:], env={"COLUMNS": "100"})
    assert found.exit_code in (0, 1), found.stderr
    return str(found.stdout)


def python_blocks(page: Path) -> list[tuple[str, str]]:
    """Code and what it is said to print, of every block that is not a file."""
    found = []
    for block, after in pairwise([*blocks(page), Block("", "", "")]):
        if block.language == "python" and not block.file:
            found.append((block.text, after.text if after.language == "text" else ""))
    return found


def consoles() -> list[tuple[Path, str, str]]:
    """Page, command and what it is said to print."""
    found = []
    for page in PAGES:
        for block in blocks(page):
            for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:] if block.language == "console" else ():
                command, _, shown = part.partition("\n")
                if shown.strip():
                    found.append((page, command, shown))
    return found


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize(
    "page",
    # The models of this page take long to compile.
    [pytest.param(p, marks=pytest.mark.slow if p.stem == "own_model" else ()) for p in PAGES if python_blocks(p)],
    ids=str,
)
def test_python_prints_what_the_page_shows(page: Path) -> None:
    names: dict[str, object] = {}
    for code, shown in python_blocks(page):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, str(page), "exec"), names)
        assert same(printed.getvalue(), shown), printed.getvalue()


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize(("page", "command", "shown"), consoles(), ids=lambda value: str(value)[:40])
def test_commands_print_what_the_page_shows(page: Path, command: str, shown: str) -> None:
    printed = printed_by(command)
    assert same(printed, shown), f"{page}\n{printed}"


def test_there_is_something_to_check() -> None:
    assert len(consoles()) >= 5
    assert sum(bool(shown) for page in PAGES for _, shown in python_blocks(page)) >= 5


def test_what_was_printed_must_be_shown() -> None:
    assert same("a 1.2e-12 b\nc\nd\n", "a 3.4e-15 b\n...\nd\n")
    assert not same("a 1.2e-12 b\nc\nd\n", "a 3.4e-15 b\n...\ne\n")
    assert not same("bias 0.7933\n", "bias 0.7934\n")


def commands() -> list[str]:
    """Every command line of a fenced block or a table."""
    found: dict[str, None] = {}
    for page in PAGES:
        found |= dict.fromkeys(re.findall(r"^(?:\$ )?(em-crosscheck \w.*)$", text_of(page), re.MULTILINE))
        found |= dict.fromkeys(re.findall(r"`(em-crosscheck \w[^`]*)`", text_of(page)))
    return [command for command in found if "\n" not in command]


@pytest.mark.parametrize("line", commands())
def test_every_command_has_the_options_that_it_is_given(line: str) -> None:
    command: click.Command = main
    words = shlex.split(line, comments=True)[1:]
    context = click.Context(main)
    while isinstance(command, click.Group) and words:
        name = words.pop(0)
        command = command.get_command(context, name)
        assert command is not None, f"there is no {name}"
    if words and words != ["--help"]:
        command.make_context("em-crosscheck", words)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    for address in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        path, _, anchor = address.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), address
        if anchor:
            heads = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in [re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads], address


def test_every_page_is_in_the_index() -> None:
    index = text_of(Path("docs/README.md"))
    assert [page for page in PAGES[1:] if page.name != "README.md" and f"]({page.name})" not in index] == []


def test_table_is_the_one_of_the_committed_report() -> None:
    table = re.search(r"<!-- table: (\S+) -->\n(.*?)<!-- end of table -->", text_of(Path("README.md")), re.DOTALL)
    folder, text = table.groups()
    estimates = pd.read_csv(ROOT / folder / "estimates.csv").set_index("parameter")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.strip().splitlines()[2:]]
    assert [row[0] for row in rows] == list(estimates.index)
    for name, em, pymc, in_se, digits in rows:
        assert em == f"{estimates.loc[name, 'em']:.8f}"
        assert pymc == f"{estimates.loc[name, 'pymc']:.8f}"
        assert in_se == f"{estimates.loc[name, 'pymc_se']:.3f}"
        assert digits == f"{estimates.loc[name, 'digits']:.1f}"


@pytest.mark.parametrize(
    "problem",
    ["two-coins", "lsat6", "lsat6-common-slope", "hasselblad", "genetic-linkage", "murray", "carcinoma-2", "arrow"],
)
def test_data_keys_and_parameters_are_those_of_the_family(problem: str) -> None:
    case = catalogue.load(problem)
    rows = [line for line in text_of(Path("README.md")).splitlines() if line.startswith(f"| `{case.family}`")]
    rows = rows or [line for line in text_of(Path("README.md")).splitlines() if f", `{case.family}` |" in line]
    _, data, parameters = rows[0].strip("| ").split(" | ")
    assert re.findall(r"`(\w+)`", data) == list(case.audit.data)
    # The parameters of a network are named by its user.
    if case.family != "bayes-net":
        assert set(case.labels) <= set(re.findall(r"`(\w+)`", parameters))
