"""Options of the command line: what both commands share, and those that a family declares."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from comparisons.errors import InputError

if TYPE_CHECKING:
    from comparisons.families import Option

FORMATS = ("md", "html", "csv", "json")


class Value(click.ParamType):
    """A value of the command line that says in one line what it should have been."""

    def __init__(self, name: str, expected: str, read: Callable[[str], Any]) -> None:
        self.name, self.expected, self.read = name, expected, read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Text -> value; what is no text is a default."""
        if not isinstance(value, str):
            return value
        try:
            return self.read(value)
        except ValueError:
            option = param.opts[0] if param else self.name
            raise InputError(f"{option} {value}: expected {self.expected}") from None


def _whole_number(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if int(text) < least:
            raise ValueError
        return int(text)

    return read


def _formats(text: str) -> tuple[str, ...]:
    chosen = [part.strip() for part in text.split(",")]
    if not set(chosen) <= set(FORMATS):
        raise ValueError
    return tuple(name for name in FORMATS if name in chosen)


def _numbers(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


KINDS: dict[type, click.ParamType] = {
    int: Value("integer", "a whole number", int),
    float: Value("number", "a number", float),
    str: click.STRING,
    bool: click.BOOL,
    list: Value("n,n,...", "numbers with commas between them", _numbers),
}


def common_options() -> list[click.Parameter]:
    """Options of `run` and `compare`."""
    from_one, from_zero = _whole_number(1), _whole_number(0)
    starts, seed = (
        Value("integer", "a whole number, 1 or more", from_one),
        Value("integer", "a whole number, 0 or more", from_zero),
    )
    formats = Value("list", f"some of {','.join(FORMATS)}", _formats)
    everything = ",".join(FORMATS)
    return [
        click.Option(["--starts"], type=starts, default=100, show_default=True, help="Starts of each side."),
        click.Option(["--seed"], type=seed, default=0, show_default=True, help="Seed of the random starts."),
        click.Option(["--out"], default="reports", show_default=True, help="Folder of the reports."),
        click.Option(["--format"], type=formats, default=everything, show_default=True, help="What to write."),
        click.Option(["--posterior"], is_flag=True, help="Also sample the posterior with NUTS."),
        click.Option(
            ["--strict"], is_flag=True, help="Exit status 1 unless the sides agree at the best optimum found."
        ),
        click.Option(["--quiet"], is_flag=True, help="Print nothing but errors."),
    ]


def family_option(option: "Option") -> click.Option:
    """One option of a family as an option of its command."""
    more: dict[str, Any] = {}
    if option.kind is bool:
        more["is_flag"] = True
    if option.default is not None:
        more |= {"default": option.default, "show_default": option.kind is not bool}
    return click.Option(
        [f"--{option.name}"],
        type=KINDS[option.kind],
        required=option.required,
        help=sentence(option.help),
        **more,
    )


def sentence(text: str) -> str:
    """Text as a sentence."""
    return f"{text[0].upper()}{text[1:]}."


def family_arguments(options: "Iterable[Option]", given: dict[str, Any]) -> list[str]:
    """The family's options that are not at their default, as on the command line."""
    arguments = []
    for option in options:
        value = given[option.name]
        if value is None or value == option.default:
            continue
        if option.kind is bool:
            arguments.append(f"--{option.name}")
        else:
            written = ",".join(map(repr, value)) if option.kind is list else str(value)
            arguments += [f"--{option.name}", written]
    return arguments
