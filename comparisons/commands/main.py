"""The command line: em-crosscheck list, run, compare.

Everything heavy is imported inside the commands, so that help and bad usage are answered at once.
The options of `compare` come from the family modules.
"""

import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING, Any

import click

from comparisons.commands.adjudicate import adjudicate
from comparisons.commands.batch import AGREE, BAD_INPUT, DISAGREE, Job, Plan, complain, run_all
from comparisons.commands.certify import certify
from comparisons.commands.check import check
from comparisons.commands.command_line import CommandLine
from comparisons.commands.options import common_options, family_arguments, family_option, family_settings, sentence
from comparisons.commands.peers import peers
from comparisons.errors import InputError
from comparisons.writing.manifest import relative

if TYPE_CHECKING:
    from comparisons.case import Case


FIRST_START = "First start; the others are random. Probabilities begin at least 1e-6 from 0 and 1, on both sides."


@click.group("em-crosscheck", cls=CommandLine, invoke_without_command=True)
@click.option("--version", is_flag=True, help="Show the version and exit.")
@click.pass_context
def main(ctx: click.Context, version: bool) -> int:
    """Check an EM against PyMC.

    Is this EM right, and is this the maximum? The same latent-variable model twice, a hand-written EM
    and PyMC, from the same starting points: how far they agree, and where the likelihood has other optima.

    Exit status: 0 the sides agree, 1 they disagree, 2 bad usage or bad input, 3 internal error.
    Where they agree, but not at the best optimum found, or EM had not converged and nothing contradicts it,
    run and compare end with 0, and with 1 when --strict is given. Of several problems the worst counts.
    """
    if version:
        click.echo(f"em-crosscheck {_installed_version()}")
        ctx.exit()
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
    return AGREE


def _installed_version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("em-crosscheck")
    except PackageNotFoundError:
        return "(run from its source, not installed)"


@main.command("list")
def list_problems() -> int:
    """List the problems of the catalogue."""
    from comparisons import catalogue
    from comparisons.commands.terminal import Screen

    found, status = [], AGREE
    for name in catalogue.names():
        try:
            found.append(catalogue.describe(name))
        except InputError as error:
            complain(error)
            status = BAD_INPUT
    Screen().problems(found)
    return status


@main.command("run", params=common_options())
@click.argument("problem", nargs=-1)
def run(
    problem: tuple[str, ...],
    starts: int,
    seed: int,
    out: str,
    format: tuple[str, ...],
    posterior: bool,
    overwrite: bool,
    strict: bool,
    quiet: bool,
) -> int:
    """Run problems of the catalogue, all of them when none is named."""
    from comparisons import catalogue

    for name in problem:
        catalogue.check(name)
    from comparisons.report import refuse_foreign_index, write_index

    plan = Plan(starts, seed, Path(out), format, posterior, overwrite=overwrite, strict=strict)
    # Found out before the work begins.
    refuse_foreign_index(plan.out)

    def job(name: str) -> Job:
        command = ["em-crosscheck", "run", name, *plan.arguments]
        return Job(name, lambda: _with_command(catalogue.load(name), command), {"problem": name})

    statuses = run_all([job(name) for name in dict.fromkeys(problem or catalogue.names())], plan, quiet)
    if min(statuses) <= DISAGREE:
        write_index(plan.out)
    return max(statuses)


def _with_command(case: "Case", command: list[str]) -> "Case":
    return replace(case, settings={**case.settings, "command": join(command)})


class Families(click.Group):
    """One command per family, found by discovery."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the families."""
        from comparisons import families

        return families.names()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """Build the command of one family."""
        from comparisons import families

        module = families.family(cmd_name)

        def compare(data: str, **chosen: Any) -> int:
            given = {option.name: chosen.pop(option.name.replace("-", "_")) for option in module.OPTIONS}
            return _compare(cmd_name, data, given, **chosen)

        return click.Command(
            cmd_name,
            callback=compare,
            params=[
                click.Argument(["data"], metavar="DATA.csv"),
                *map(family_option, module.OPTIONS),
                click.Option(["--start"], metavar="NAME=N,N;...", help=FIRST_START),
                click.Option(["--name"], help="Name of the report's folder; DATA-FAMILY if left out."),
                click.Option(
                    ["--backend"],
                    type=click.Choice(["fast", "default"]),
                    default="fast",
                    show_default=True,
                    help="How PyMC compiles: fast to start, or fast to run.",
                ),
                *common_options(),
            ],
            help=f"{sentence(module.TITLE)}\n\nDATA.csv has {module.DATA}.",
            short_help=module.TITLE,
        )


@main.group(
    "compare",
    cls=Families,
    invoke_without_command=True,
    options_metavar="",
    subcommand_metavar="FAMILY DATA.csv [OPTIONS]",
)
@click.pass_context
def compare(ctx: click.Context) -> None:
    """Run both sides on your own data, as a model of one FAMILY."""
    if ctx.invoked_subcommand is None:
        raise InputError(f"compare: no family is named, expected one of: {', '.join(Families().list_commands(ctx))}")


def _compare(
    family_name: str,
    data: str,
    given: dict[str, Any],
    *,
    start: str | None,
    name: str | None,
    backend: str,
    starts: int,
    seed: int,
    out: str,
    format: tuple[str, ...],
    posterior: bool,
    overwrite: bool,
    strict: bool,
    quiet: bool,
) -> int:
    from comparisons import families

    if name is not None and _safe(name) != name:
        raise InputError(f"--name {name}: expected letters, digits, '.', '_' or '-', as for a folder")
    module, folder = families.family(family_name), name or f"{_safe(Path(data).stem) or 'data'}-{family_name}"
    plan = Plan(starts, seed, Path(out), format, posterior, backend, overwrite, strict)
    command = ["em-crosscheck", "compare", family_name, data, *family_arguments(module.OPTIONS, given)]
    command += [*(["--start", start] if start else []), *(["--name", name] if name else []), *plan.arguments]

    def load() -> "Case":
        from comparisons.families._start import checked_start, parse_start
        from comparisons.reading.tables import read_table

        wanted = None if start is None else parse_start(start)
        options = families.settle(module, given)
        case = module.read(folder, read_table(data), options)
        case = replace(case, source=data, start=case.start if wanted is None else checked_start(case, wanted))
        return _with_command(case, command)

    settings = {"family": family_name, "data": relative(data, plan.out / folder)}
    settings |= {**family_settings(module.OPTIONS, given), **({} if start is None else {"start": start})}
    (status,) = run_all([Job(folder, load, settings)], plan, quiet)
    if status <= DISAGREE and (plan.out / "README.md").exists():
        from comparisons.report import write_index

        # An index that is there stays complete; one of somebody else is left alone.
        with suppress(InputError):
            write_index(plan.out)
    return status


def _safe(text: str) -> str:
    """Text as the name of a folder."""
    return re.sub(r"[^\w.-]+", "-", text).strip("-.")


main.add_command(adjudicate)
main.add_command(certify)
main.add_command(check)
main.add_command(peers)


if __name__ == "__main__":
    main()
