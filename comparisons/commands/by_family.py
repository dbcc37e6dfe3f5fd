"""A command that has one command of its own for every family, found by discovery."""

from collections.abc import Callable

import click

from comparisons.errors import InputError


class ByFamily(click.Group):
    """A group with one command per family, each built when it is asked for.

    Parameters
    ----------
    name : str
    help : str
    arguments : str
        What follows the family on the command line.
    families : callable () -> list of str
    command_of : callable str -> click.Command
        The command of one family.
    """

    def __init__(
        self,
        name: str,
        help: str,
        arguments: str,
        families: Callable[[], list[str]],
        command_of: Callable[[str], click.Command],
    ) -> None:
        super().__init__(
            name,
            help=help,
            callback=click.pass_context(self._none_named),
            invoke_without_command=True,
            options_metavar="",
            subcommand_metavar=f"FAMILY {arguments} [OPTIONS]",
        )
        self.families, self.command_of = families, command_of

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the families."""
        return self.families()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """Build the command of one family."""
        try:
            return self.command_of(cmd_name)
        except InputError as error:
            if cmd_name not in self.families():
                raise
            return _broken(cmd_name, error)

    def _none_named(self, ctx: click.Context) -> None:
        """Refuse a command line without a family."""
        if ctx.invoked_subcommand is None:
            raise InputError(f"{self.name}: no family is named, expected one of: {', '.join(self.families())}")


def _broken(name: str, error: InputError) -> click.Command:
    """The command of another package's family that cannot be loaded: it says so, and `--help` lists the others."""

    def complain(**_: tuple[str, ...]) -> None:
        raise error

    return click.Command(
        name,
        callback=complain,
        params=[click.Argument(["rest"], nargs=-1, type=click.UNPROCESSED)],
        context_settings={"ignore_unknown_options": True, "help_option_names": []},
        short_help="cannot be loaded",
    )
