"""The command `em-crosscheck certify`. Everything heavy is imported inside it."""

from pathlib import Path

import click

from comparisons.commands.batch import AGREE, DISAGREE, complain
from comparisons.commands.options import common_options
from comparisons.writing import manifest

PAGE, WRITER = "certified.md", "certified"
SHARED = {option.name: option for option in common_options()}


@click.command("certify", params=[SHARED["seed"], SHARED["out"], SHARED["overwrite"], SHARED["quiet"]])
@click.argument("problem", nargs=-1)
@click.option("--starts", type=SHARED["starts"].type, default=10, show_default=True, help="Starts of EM and of PyMC.")
def certify(problem: tuple[str, ...], starts: int, seed: int, out: str, overwrite: bool, quiet: bool) -> int:
    """Compare EM and PyMC with the certified problems, all of them when none is named.

    Prints the table. Without names it is also written to certified.md in the folder of the reports.

    Exit status: 0 both reach ten digits everywhere, 1 they do not, 2 bad usage or bad input.
    """
    from comparisons import catalogue

    for name in problem:
        catalogue.check(name)
    folder, settings = Path(out), {"starts": str(starts), "seed": str(seed)}
    if not problem:
        manifest.ready(folder)
        manifest.refuse(folder, WRITER, [PAGE], settings, overwrite)
    from comparisons.certify import digits as certified
    from comparisons.commands.terminal import Bar, Screen
    from comparisons.report import write_index_again

    with Bar("certify", wanted=not quiet) as bar:
        table = certified.certify(problem or None, starts, seed, progress=bar.over)
    screen = Screen(quiet)
    for line in certified.as_text(table).splitlines():
        screen.line(line)
    if not problem:
        page = certified.report(table, starts, seed).encode()
        manifest.write_files(folder, WRITER, {PAGE: page}, settings, overwrite)
        write_index_again(folder)
    short = certified.shortfalls(table)
    for line in short:
        complain(line)
    return DISAGREE if short else AGREE
