"""Options of the command line: what both commands share, and those that a family declares."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from comparisons.errors import InputError
from comparisons.parsing import LARGEST_COUNT, Range, as_number, as_whole, shortened

if TYPE_CHECKING:
    from comparisons.families import Option

MOST_STARTS = 100_000
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
            raise InputError(f"{option} {shortened(value)}: expected {self.expected}") from None


def value_of(option: "Option") -> click.ParamType:
    """What the command line takes for an option of a family."""
    if option.kind is bool:
        return click.BOOL
    if option.kind is str and not option.choices:
        return click.STRING
    if option.ladder:
        return Value("integer or A:B", f"{option.expected}, or a range as 1:6", lambda text: read_rungs(option, text))
    name = "|".join(option.choices) or KINDS[option.kind][0]
    return Value(name, option.expected, lambda text: read_value(option, text))


def read_rungs(option: "Option", text: str) -> int | range:
    """A number, or a range of them: `1:6` is 1, 2, 3, 4, 5 and 6.

    Raises
    ------
    ValueError
        If it is neither, the second number is not the larger one, or one is outside the range of the option.
    """
    first, colon, last = text.partition(":")
    if not colon:
        return int(read_value(option, text))
    rungs = range(read_value(option, first), read_value(option, last) + 1)
    if len(rungs) < 2:
        raise ValueError
    return rungs


def read_value(option: "Option", text: str) -> Any:
    """Text -> a value of an option.

    Raises
    ------
    ValueError
        If it is of another kind, or outside the range.
    """
    value = KINDS[option.kind][1](text)
    if not option.takes(value):
        raise ValueError
    return value


def bounded(kind: type, least: float, most: float) -> click.ParamType:
    """A number from `least` to `most` on the command line."""
    from comparisons.families import Option

    return value_of(Option("", kind, "", range=Range(least, most)))


def _formats(text: str) -> tuple[str, ...]:
    chosen = [part.strip() for part in text.split(",")]
    if not set(chosen) <= set(FORMATS):
        raise ValueError
    return tuple(name for name in FORMATS if name in chosen)


def _numbers(text: str) -> list[float]:
    return [as_number(part) for part in text.split(",")]


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError
    return text.lower() == "true"


# How each kind is called in --help, and how it is read.
KINDS: dict[type, tuple[str, Callable[[str], Any]]] = {
    int: ("integer", as_whole),
    float: ("number", as_number),
    str: ("text", str),
    bool: ("true or false", _truth),
    list: ("n,n,...", _numbers),
}


def common_options() -> list[click.Parameter]:
    """Options of `run` and `compare`."""
    starts, seed = bounded(int, 1, MOST_STARTS), bounded(int, 0, LARGEST_COUNT)
    many, whole = f"Starts of EM and of PyMC, from 1 to {MOST_STARTS}.", "Seed of the random starts, a whole number."
    formats = Value("list", f"some of {','.join(FORMATS)}", _formats)
    everything = ",".join(FORMATS)
    return [
        click.Option(
            ["--starts"],
            type=starts,
            default=100,
            show_default=True,
            help=many,
        ),
        click.Option(["--seed"], type=seed, default=0, show_default=True, help=whole),
        click.Option(["--out"], default="reports", show_default=True, help="Folder of the reports."),
        click.Option(["--format"], type=formats, default=everything, show_default=True, help="What to write."),
        click.Option(["--posterior"], is_flag=True, help="Also sample the posterior with NUTS."),
        click.Option(["--overwrite"], is_flag=True, help="Replace what was written with other settings."),
        click.Option(
            ["--strict"], is_flag=True, help="Exit status 1 unless EM and PyMC agree at the best optimum found."
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
        type=value_of(option),
        required=option.required,
        help=sentence(", ".join(filter(None, [option.help, str(option.range)]))),
        **more,
    )


def sentence(text: str) -> str:
    """Text as a sentence."""
    return f"{text[0].upper()}{text[1:]}."


def family_settings(options: "Iterable[Option]", given: dict[str, Any]) -> dict[str, str]:
    """The family's options as text, those left out too where they have a default."""
    values = {option.name: option.default if given[option.name] is None else given[option.name] for option in options}
    return {name: str(value) for name, value in values.items() if value is not None}


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
