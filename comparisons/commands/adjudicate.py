"""The command `em-crosscheck adjudicate FAMILY DATA.csv ESTIMATES.csv`.

Exit status: 0 at the maximum, also for practical purposes, 1 any other verdict, 2 bad input, 3 internal error.
"""

from pathlib import Path
from typing import Any

import click

from comparisons.commands.batch import AGREE, DISAGREE
from comparisons.commands.by_family import ByFamily
from comparisons.commands.options import bounded, common_options, family_option, sentence
from comparisons.writing import manifest

WRITER = "adjudication"


def _families() -> list[str]:
    from comparisons.adjudicate import forms

    return forms.names()


def _command_of(family: str) -> click.Command:
    """The command of one family."""
    from comparisons import families
    from comparisons.adjudicate import forms

    form, module = forms.form_of(family), families.family(family)
    known = [option for option in module.OPTIONS if option.name not in form.UNUSED_OPTIONS]
    columns = [role.name for role in form.ROLES]

    def adjudicate(data: str, estimates: str, **chosen: Any) -> int:
        given = {option.name: chosen.pop(option.name.replace("-", "_")) for option in known}
        asked = {name: chosen.pop(name) for name in (*columns, *(name for name, _, _ in form.CHOICES))}
        return _adjudicate(family, data, estimates, given, asked, **chosen)

    shared = [option for option in common_options() if option.name in ("starts", "seed", "overwrite", "quiet")]
    for option in shared:
        if option.name == "starts":
            option.default = 20
    return click.Command(
        family,
        callback=adjudicate,
        params=[
            click.Argument(["data"], metavar="DATA.csv"),
            click.Argument(["estimates"], metavar="ESTIMATES.csv"),
            *map(family_option, known),
            *(
                click.Option([f"--{name}"], type=click.Choice(choices), help=text)
                for name, choices, text in form.CHOICES
            ),
            *(
                click.Option([f"--{name}"], metavar="COLUMN", help=f"Column of the estimates: {name}.")
                for name in columns
            ),
            click.Option(
                ["--tolerance"],
                type=bounded(float, 0, 1),
                default=1e-4,
                show_default=True,
                help="Change per EM cycle at which the software may have stopped, from 0 to 1.",
            ),
            click.Option(["--out"], metavar="FOLDER", help="Also write adjudication.md, .json and .csv there."),
            *shared,
        ],
        help=f"{sentence(module.TITLE)}\n\nDATA.csv has {module.DATA}. "
        f"ESTIMATES.csv holds {form.LAYOUTS}.\n\n"
        "Exit status: 0 at the maximum, to the digits given or for practical purposes, 1 any other verdict, "
        "2 bad input.",
        short_help=module.TITLE,
    )


adjudicate = ByFamily(
    "adjudicate",
    "Say whether another program's estimates are the maximum.\n\n"
    "Exit status: 0 at the maximum, to the digits given or for practical purposes (within 0.1 standard errors), "
    "1 any other verdict, 2 bad input.",
    "DATA.csv ESTIMATES.csv",
    _families,
    _command_of,
)


def _adjudicate(
    family: str,
    data: str,
    estimates: str,
    given: dict[str, Any],
    asked: dict[str, Any],
    *,
    tolerance: float,
    starts: int,
    seed: int,
    out: str | None,
    overwrite: bool,
    quiet: bool,
) -> int:
    from comparisons import read_case
    from comparisons.adjudicate import forms
    from comparisons.commands.terminal import Bar, Screen
    from comparisons.reading.tables import read_table

    with Bar(Path(data).stem, wanted=not quiet) as bar:
        bar.phase("reading")
        table = read_table(data)
        case = read_case(family, table, **given)
        read = forms.read(estimates, table, case, asked)
        bar.phase("starting PyMC")
        from comparisons.adjudicate.adjudication import adjudicate as run
        from comparisons.commands import show_adjudicate as show
        from comparisons.report import adjudication as files

        folder = None if out is None else Path(out)
        settings = {"family": family}
        settings |= {name: str(value) for name, value in {**given, **asked}.items() if value is not None}
        settings |= {"tolerance": str(tolerance), "starts": str(starts), "seed": str(seed)}
        if folder is not None:
            settings |= {"data": manifest.relative(data, folder), "estimates": manifest.relative(estimates, folder)}
            manifest.ready(folder)
            manifest.refuse(folder, WRITER, files.FILES, settings, overwrite)
        result = run(case, read, n_starts=starts, seed=seed, tolerance=tolerance, options=asked, progress=bar.over)
        written = []
        if folder is not None:
            written = manifest.write_files(folder, WRITER, files.contents(result), settings, overwrite)
    show.show(result, Screen(quiet), written)
    return AGREE if result.verdict.startswith("at the maximum") else DISAGREE
