"""The command `em-crosscheck peers`. Everything heavy is imported inside it."""

from pathlib import Path

import click

from comparisons.commands.batch import AGREE
from comparisons.commands.options import common_options
from comparisons.errors import InputError
from comparisons.writing import manifest

PAGE, WRITER = "peers.md", "peers"
SHARED = {option.name: option for option in common_options()}


@click.command("peers", params=[SHARED["seed"], SHARED["out"], SHARED["overwrite"], SHARED["quiet"]])
@click.argument("package", nargs=-1)
@click.option("--starts", type=SHARED["starts"].type, default=3, show_default=True, help="Starts of EM and of PyMC.")
def peers(package: tuple[str, ...], starts: int, seed: int, out: str, overwrite: bool, quiet: bool) -> int:
    """Audit published packages as they are, all that are installed when none is named.

    What each claims, how far from the maximum it stops, and what the audit finds. Without names, peers.md
    is written to the folder of the reports. The packages are installed by em-crosscheck[peers].

    Exit status: 0 whatever is found, 2 bad usage or bad input, or no package is installed.
    """
    from comparisons.peers import installed, left_out, names, peer

    versions, missing = installed(list(dict.fromkeys(package)) or names())
    if missing:
        click.echo(f"Note: {left_out(missing)}", err=True)
    folder = Path(out)
    settings = {"starts": str(starts), "seed": str(seed)}
    settings |= {peer(name).PACKAGE: version for name, version in versions.items()}
    if not package:
        manifest.ready(folder)
        manifest.refuse(folder, WRITER, [PAGE], settings, overwrite)
    from comparisons.commands.terminal import Bar, Screen
    from comparisons.errors import Trouble
    from comparisons.peers._study import studied
    from comparisons.report import peers as report
    from comparisons.report import write_index_again

    screen, runs = Screen(quiet), []
    try:
        with Bar("peers", wanted=not quiet) as bar:
            for run in studied({peer(name): version for name, version in versions.items()}, starts, seed, bar.over):
                runs.append(run)
                screen.line(report.line(run))
    except Trouble as trouble:
        raise InputError(str(trouble)) from None
    if not package:
        command = f"em-crosscheck peers --starts {starts} --seed {seed}"
        text = report.page(runs, missing, command, starts, seed)
        manifest.write_files(folder, WRITER, {PAGE: text.encode()}, settings, overwrite)
        write_index_again(folder)
    return AGREE
