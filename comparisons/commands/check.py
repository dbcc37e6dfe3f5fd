"""The command `em-crosscheck check MODULE:NAME --problem NAME`: an audit of the user's own EM.

With `--command "Rscript my_em.R"` instead of MODULE:NAME it is an EM in any language.

Exit status: 0 right, with remarks or without (with --strict only without), 1 wrong, 2 bad usage or bad input.
"""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from inspect import isclass
from typing import TYPE_CHECKING, Any, TextIO

import click

from comparisons.commands.batch import complain
from comparisons.commands.options import bounded, read_value
from comparisons.errors import InputError, Trouble
from comparisons.parsing import LARGEST_COUNT, shortened

if TYPE_CHECKING:
    from comparisons.audit.another_language import CommandEM
    from comparisons.audit.finding import Finding
    from comparisons.case import Case

RIGHT, WRONG = 0, 1
# Lines of the EM's own that are shown.
MOST_LINES = 5


@click.command("check")
@click.argument("em", metavar="[MODULE:NAME]", required=False)
@click.option(
    "--command",
    metavar="COMMAND",
    help="In place of MODULE:NAME: a program in any language that answers lines of JSON, as 'Rscript my_em.R'.",
)
@click.option("--problem", metavar="NAME", help="Problem of the catalogue that the EM is run on.")
@click.option(
    "--case",
    "case_name",
    metavar="MODULE:NAME",
    help="Your own model and EM: a case of comparisons.bind, or a function.",
)
@click.option("--family", metavar="FAMILY", help="Model of your own data; with --data.")
@click.option("--data", metavar="DATA.csv", help="Your own data; with --family.")
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="Option of the family, as coins=2.")
@click.option(
    "--seed",
    type=bounded(int, 0, LARGEST_COUNT),
    default=0,
    show_default=True,
    help="Of the random parameters, a whole number.",
)
@click.option(
    "--time-limit",
    type=bounded(float, 0.01, 86_400),
    default=20.0,
    show_default=True,
    help="Seconds that one call of the EM may take, from 0.01 to 86400; a whole fit ten times as long.",
)
@click.option("--data-only", is_flag=True, help="Leave out the data that are made to show what the given ones do not.")
@click.option("--strict", is_flag=True, help="Exit status 1 also where the EM is right, with remarks.")
def check(
    em: str | None,
    command: str | None,
    problem: str | None,
    case_name: str | None,
    family: str | None,
    data: str | None,
    options: tuple[str, ...],
    seed: int,
    time_limit: float,
    data_only: bool,
    strict: bool,
) -> int:
    """Audit your own EM: every step of it checked against PyMC.

    MODULE:NAME is a factory: called with the data, a dict, it returns the EM. Or it is the EM itself: an
    object with e_step and m_step, with step or with fit, or a function (data, start) that returns
    estimates; its parameters may also be the keys of the data, and a start. The module is looked for in the
    current directory first. An EM in another language is a program, named by --command: it reads lines of JSON and
    answers them, see docs/an_em_in_any_language.md.

    Exit status: 0 the EM is right, with remarks or without; 1 it is wrong; 2 bad usage or bad input, or it is no
    EM in a form that is known.
    """
    if [problem, case_name, family].count(None) != 2 or (family is None) != (data is None):
        raise InputError(
            "check: expected --problem NAME, or --case MODULE:NAME, or --family FAMILY and --data DATA.csv"
        )
    if options and family is None:
        raise InputError("--option: a problem has its own options, expected it with --family and --data")
    if problem is not None:
        from comparisons import catalogue

        catalogue.check(problem)
    if (em is not None and command is not None) or (em is None and command is None and case_name is None):
        raise InputError("check: expected MODULE:NAME, or --command COMMAND for a program in another language")
    # A case of the user's own has an EM, which is audited where no other is named.
    target = _named(em) if em is not None else None if command is None else _program(command)
    name = em or command or case_name or ""
    case = _case(problem, case_name, family, data, options)

    from comparisons.audit import guard
    from comparisons.audit.finding import Level, level_of
    from comparisons.audit.run import WHOLE, audit
    from comparisons.commands.show_check import show

    given = {} if target is None else _given(name, target, case)
    token, end = guard.time_limit.set(time_limit), guard.last_resort.set(_end)
    try:
        # What the user's EM prints is not part of the table.
        with _few_lines(), _path_last():
            findings = audit(case=case, **{"em": None, **given}, seed=seed, data_only=data_only)
    finally:
        guard.time_limit.reset(token)
        guard.last_resort.reset(end)
    if findings[0].check == WHOLE:
        raise InputError(f"{name}: {findings[0].found}")
    show(name, case, findings)
    if target is not None and command is not None:
        _tell_last_words(target, findings)
    level = level_of(findings)
    return WRONG if level is Level.WRONG or (strict and level is Level.WITH_REMARKS) else RIGHT


def _named(em: str) -> Any:
    from comparisons.reading.named import named

    return named(em)


def _program(command: str) -> "CommandEM":
    from comparisons.audit.another_language import command_em

    return command_em(command)


def _given(name: str, target: Any, case: "Case") -> dict[str, Any]:
    """What the user named as an argument of the audit: the EM itself, or what makes one."""
    from comparisons.audit.named import no_em
    from comparisons.audit.subject import is_fit

    try:
        fault = no_em(target)
        made = callable(target) and not is_fit(target, case)
    except Trouble as trouble:
        raise InputError(f"{name}: {trouble}") from None
    if fault is not None:
        raise InputError(f"{name}: {fault}, expected an EM, or a function of the data that makes one")
    if case.family == "outside":
        # Its data are bound already.
        return {"em": target() if isclass(target) else target}
    return {"factory": target} if made else {"em": target}


def _tell_last_words(program: "CommandEM", findings: "list[Finding]") -> None:
    """What a program in another language wrote on standard error, where no finding has it already."""
    said = program.last_words
    if said and not any(said in finding.found for finding in findings):
        click.echo(f"Note: the program wrote on standard error: {said}", err=True)


def _end(why: str) -> None:
    """End the process at once: an EM that swallows every interruption would also swallow an exit."""
    complain(why)
    sys.stderr.flush()
    os._exit(WRONG)


class _FewLines(io.TextIOBase):
    """A stream that passes on the first lines and counts the others."""

    def __init__(self, stream: TextIO) -> None:
        self.stream, self.lines, self.open = stream, 0, False

    def write(self, text: str) -> int:
        """Pass the text on while few lines have been written."""
        if self.lines < MOST_LINES:
            self.stream.write(text)
            self.open = bool(text) and not text.endswith("\n")
        self.lines += text.count("\n")
        return len(text)


@contextmanager
def _few_lines() -> Iterator[None]:
    """What the user's EM prints is no part of the table, and there may be a line for every cycle."""
    few = _FewLines(sys.stderr)
    with redirect_stdout(few):
        yield
    if few.open:
        few.stream.write("\n")
    if few.lines > MOST_LINES:
        few.stream.write(f"Note: the EM printed {few.lines - MOST_LINES} further lines, which are left out\n")


@contextmanager
def _path_last() -> Iterator[None]:
    """The current directory last on the path: an EM may import its neighbours late, but shadow none of ours."""
    sys.path.append("")
    try:
        yield
    finally:
        sys.path.remove("")


def _case(
    problem: str | None, case_name: str | None, family: str | None, data: str | None, options: tuple[str, ...]
) -> "Case":
    """The problem, the user's own case, or the user's data under a family."""
    from comparisons import catalogue, families, read_case

    if problem is not None:
        return catalogue.load(problem)
    if case_name is not None:
        from comparisons.commands.own_case import own_case

        return own_case(case_name)
    assert family is not None
    assert data is not None
    known = {option.name: option for option in families.family(family).OPTIONS}
    given: dict[str, Any] = {}
    for text in options:
        name, equals, value = text.partition("=")
        if not equals or name not in known:
            raise InputError(f"--option {shortened(text)}: expected NAME=VALUE with one of: {', '.join(known)}")
        try:
            given[name] = read_value(known[name], value)
        except ValueError:
            raise InputError(f"--option {shortened(text)}: expected {known[name].expected}") from None
    return read_case(family, data, **given)
