"""The command line: em-crosscheck list, run, compare.

Everything heavy is imported inside the commands, so that help and bad usage are answered at once.
"""

from typing import Any

import click

from comparisons.commands.adjudicate import adjudicate
from comparisons.commands.batch import AGREE, BAD_INPUT, DISAGREE, Job, complain, planned, run_all
from comparisons.commands.certify import certify
from comparisons.commands.check import check
from comparisons.commands.command_line import CommandLine
from comparisons.commands.compare import compare
from comparisons.commands.options import common_options
from comparisons.commands.own_case import own_case
from comparisons.commands.peers import peers
from comparisons.errors import InputError


@click.group("em-crosscheck", cls=CommandLine, invoke_without_command=True)
@click.option("--version", is_flag=True, help="Show the version and exit.")
@click.pass_context
def main(ctx: click.Context, version: bool) -> int:
    """Check an EM against PyMC.

    Is this EM right, and is this the maximum? The same latent-variable model twice, a hand-written EM
    and PyMC, from the same starting points: how far they agree, and where the likelihood has other optima.

    Exit status: 0 EM and PyMC agree, 1 they disagree, 2 bad usage or bad input, 3 internal error.
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
    """List the problems of the catalogue, and the families of models."""
    from comparisons import catalogue, families
    from comparisons.commands.terminal import Screen

    found, status = [], AGREE
    for name in catalogue.names():
        try:
            found.append(catalogue.describe(name))
        except InputError as error:
            complain(error)
            status = BAD_INPUT
    Screen().problems(found, families.names())
    return status


@main.command("run", params=common_options())
@click.argument("problem", nargs=-1)
def run(problem: tuple[str, ...], quiet: bool, **chosen: Any) -> int:
    """Run problems of the catalogue, all when none is named, and cases of your own: MODULE:NAME or FILE.py:NAME.

    A case is what comparisons.bind gives, or a function that makes one.
    """
    from comparisons import catalogue

    own = {name: own_case(name) for name in problem if ":" in name}
    for name in problem:
        if name not in own:
            catalogue.check(name)
    from comparisons.report import refuse_foreign_index, write_index

    plan = planned(**chosen)
    # Found out before the work begins.
    refuse_foreign_index(plan.out)

    def job(name: str) -> Job:
        command = ["em-crosscheck", "run", name, *plan.arguments]
        if name in own:
            return Job(own[name].name, lambda: own[name], {"case": name}, command)
        return Job(name, lambda: catalogue.load(name), {"problem": name}, command)

    statuses = run_all([job(name) for name in dict.fromkeys(problem or catalogue.names())], plan, quiet)
    if min(statuses) <= DISAGREE:
        write_index(plan.out)
    return max(statuses)


main.add_command(compare)
main.add_command(adjudicate)
main.add_command(certify)
main.add_command(check)
main.add_command(peers)


if __name__ == "__main__":
    main()
