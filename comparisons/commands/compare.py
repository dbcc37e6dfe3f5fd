"""The command `em-crosscheck compare`: a command for every family, its options from the family's module.

Everything heavy is imported inside it. An option of which a smaller number is a special case of a larger one takes a
range: then each number is a run with a report of its own, and a page shows them as a ladder.
"""

from contextlib import suppress
from shlex import join
from typing import TYPE_CHECKING, Any

import click

from comparisons.commands.batch import DISAGREE, Job, Plan, planned, run_all
from comparisons.commands.by_family import ByFamily
from comparisons.commands.options import common_options, family_arguments, family_option, family_settings, sentence
from comparisons.errors import InputError
from comparisons.writing.manifest import ready, refuse, relative

if TYPE_CHECKING:
    from comparisons.cross_check.run import CrossCheck

FIRST_START = "First start; the others are random. Probabilities begin at least 1e-6 from 0 and 1."


def _families() -> list[str]:
    from comparisons import families

    return families.names()


def _command_of(name: str) -> click.Command:
    """The command of one family."""
    from comparisons import families

    module = families.family(name)

    def run(data: str, **chosen: Any) -> int:
        given = {option.name: chosen.pop(option.name.replace("-", "_")) for option in module.OPTIONS}
        return _compare(name, data, given, **chosen)

    return click.Command(
        name,
        callback=run,
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


compare = ByFamily(
    "compare",
    "Run EM and PyMC on your own data, as a model of one FAMILY.",
    "DATA.csv",
    _families,
    _command_of,
)


def _compare(
    family: str,
    data: str,
    given: dict[str, Any],
    *,
    start: str | None,
    name: str | None,
    quiet: bool,
    **chosen: Any,
) -> int:
    from comparisons.families._read_case import default_name, folder_name

    if name is not None and folder_name(name) != name:
        raise InputError(f"--name {name}: expected letters, digits, '.', '_' or '-', as for a folder")
    plan, folder = planned(**chosen), name or default_name(family, data)
    rungs = [option for option, value in given.items() if isinstance(value, range)]
    if rungs and start is not None:
        raise InputError(f"--start with --{rungs[0]} of several: expected a start for one number, or none")
    if rungs:
        status = _ladder(family, data, given, rungs[0], folder, plan, quiet)
    else:
        (status,) = run_all([_job(family, data, given, folder, plan, start, name)], plan, quiet)
    if status <= DISAGREE and (plan.out / "README.md").exists():
        from comparisons.report import write_index

        # An index that is there stays complete; one of somebody else is left alone.
        with suppress(InputError):
            write_index(plan.out)
    return status


def _job(
    family: str, data: str, given: dict[str, Any], folder: str, plan: Plan, start: str | None, name: str | None
) -> Job:
    """One run of one family."""
    from comparisons import families, read_case

    options = families.family(family).OPTIONS
    command = ["em-crosscheck", "compare", family, data, *family_arguments(options, given)]
    command += [*(["--start", start] if start else []), *(["--name", name] if name else []), *plan.arguments]
    settings = {"family": family, "data": relative(data, plan.out / folder)}
    settings |= {**family_settings(options, given), **({} if start is None else {"start": start})}
    return Job(folder, lambda: read_case(family, data, name=folder, start=start, **given), settings, command)


def _ladder(family: str, data: str, given: dict[str, Any], groups: str, folder: str, plan: Plan, quiet: bool) -> int:
    """Run a family with every number of groups, and write and show the ladder."""
    from comparisons import families

    rungs: range = given[groups]
    jobs = {
        number: _job(family, data, {**given, groups: number}, f"{folder}-{number}", plan, None, f"{folder}-{number}")
        for number in rungs
    }
    whole = {**given, groups: f"{rungs[0]}:{rungs[-1]}"}
    options = families.family(family).OPTIONS
    command = ["em-crosscheck", "compare", family, data, *family_arguments(options, whole)]
    command += ["--name", folder, *plan.arguments]
    settings = {"family": family, "data": relative(data, plan.out), **family_settings(options, whole), **plan.settings}
    ready(plan.out)
    refuse(plan.out, f"ladder {folder}", [f"{folder}.md", f"{folder}.csv"], settings, plan.overwrite)
    results: dict[int, CrossCheck] = {}
    number_of = {job.name: number for number, job in jobs.items()}
    statuses = run_all(jobs.values(), plan, quiet, lambda job, result: results.update({number_of[job.name]: result}))
    if results:
        from comparisons.commands.terminal import Screen
        from comparisons.cross_check.ladder import ladder_flags
        from comparisons.report.ladder import write_ladder

        path = write_ladder(plan.out, folder, groups, results, settings, join(command), plan.overwrite)
        Screen(quiet).ladder(groups, results, path)
        if plan.strict and ladder_flags(groups, results):
            statuses.append(DISAGREE)
    return max(statuses)
