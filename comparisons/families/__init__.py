"""One file per model. Found by their file names: a new family needs no entry anywhere.

Another package's family is found by its entry point, in the group `em_crosscheck.families`:

    [project.entry-points."em_crosscheck.families"]
    my-model = "my_package.my_family"

How to write one is told in README.md beside this file. A family module offers (see `Family`)

    TITLE      one line for `em-crosscheck compare --help`
    DATA       the columns of its CSV file, for `--help`
    OPTIONS    what it needs to know beside the data
    read       data table and options -> Case

and may offer

    worked_em    Case and the settings of a worked example -> EMProblem, for an EM with settings of its own
    start_fault  start -> what is wrong with it, or None
    inner_start  start -> the start off the edges of the parameter space, so that EM and PyMC take it as it is
"""

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from comparisons.errors import InputError
from comparisons.parsing import Range, expected

if TYPE_CHECKING:
    from comparisons.case import Case, Natural
    from comparisons.reading.tables import Table
    from em_reference.em import EMProblem


# Where other packages announce their families.
GROUP = "em_crosscheck.families"


class Option(NamedTuple):
    """One setting of a family, on the command line and in the catalogue.

    Attributes
    ----------
    name : str
        `equal-weights` is `--equal-weights` on the command line.
    kind : type
        int, float, str, bool, or list (numbers; `--grid=-1,0,1` on the command line).
    help : str
        One line.
    default : object
        None with `required` False means that the family decides.
    required : bool
    range : Range
        Of numbers: where they, or every one of a list, must lie.
    choices : tuple of str
        Of text: the only words that are taken; empty when any is.
    ladder : bool
        Of a whole number: how many groups there are, so that a smaller number is a special case of a larger one. On
        the command line several are asked for at once, `1:6`.
    """

    name: str
    kind: type
    help: str
    default: Any = None
    required: bool = False
    range: Range = Range()
    choices: tuple[str, ...] = ()
    ladder: bool = False

    @property
    def expected(self) -> str:
        """What a value should be, in words."""
        return f"one of: {', '.join(self.choices)}" if self.choices else expected(KINDS[self.kind], self.range)

    def takes(self, value: Any) -> bool:
        """Whether a value is of the kind, and in the range."""
        if not _is(self.kind, value) or (self.choices and value not in self.choices):
            return False
        return self.kind not in (int, float, list) or all(
            self.range.holds(number) for number in (value if self.kind is list else [value])
        )


class Family(Protocol):
    """What a family module offers.

    `worked_em`, `start_fault` and `inner_start` may be missing: ask for them through the functions below.
    """

    TITLE: str
    DATA: str
    OPTIONS: tuple[Option, ...]

    def read(self, name: str, table: "Table", options: dict[str, Any]) -> "Case":
        """Bind data and options; `options` holds every one of `OPTIONS` (see `settle`).

        Raises
        ------
        InputError
            One line that says what, where and what was expected.
        """
        ...

    def worked_em(self, case: "Case", **settings: Any) -> "EMProblem":
        """Return the EM of a case with the settings of a worked example (optional member)."""
        ...

    def start_fault(self, start: "Natural") -> str | None:
        """Say why a start is impossible, and what was expected, or None (optional member)."""
        ...

    def inner_start(self, start: "Natural") -> "Natural":
        """Move a start off the edges of the parameter space (optional member)."""
        ...


# Without these a module is no family.
MEMBERS = ("TITLE", "DATA", "OPTIONS", "read")


def names() -> list[str]:
    """Names of all families, `coin-mixture` for `coin_mixture.py`, those of other packages among them."""
    return sorted({*_built_in(), *_of_other_packages()})


def family(name: str) -> Family:
    """Return the family module of that name; a built-in one comes before another package's of the same name.

    Raises
    ------
    InputError
        If there is none, or another package's cannot be imported or is no family.
    """
    if name in _built_in():
        return cast(Family, importlib.import_module(f"{__name__}.{name.replace('-', '_')}"))
    others = _of_other_packages()
    if name not in others:
        raise InputError(f"unknown family {name!r}, expected one of: {', '.join(names())}")
    try:
        module = others[name].load()
    except (ImportError, AttributeError) as error:
        raise InputError(f"family {name!r} cannot be loaded from {others[name].value} ({error})") from None
    missing = [member for member in MEMBERS if not hasattr(module, member)]
    if missing:
        raise InputError(f"family {name!r}: {others[name].value} has no {missing[0]}, expected {', '.join(MEMBERS)}")
    return cast(Family, module)


def _built_in() -> list[str]:
    # What several families share begins with an underscore.
    found = (module.name for module in pkgutil.iter_modules(__path__))
    return [name.replace("_", "-") for name in found if not name.startswith("_")]


def _of_other_packages() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def settle(module: Family, given: Mapping[str, Any]) -> dict[str, Any]:
    """All options of a family: those given, checked, and the defaults of the others.

    Raises
    ------
    InputError
        If one is unknown, missing, or of another kind.
    """
    known = {option.name: option for option in module.OPTIONS}
    for name in given:
        if name not in known:
            raise InputError(f"unknown option {name!r}, expected some of: {', '.join(known)}")
    settled = {}
    for name, option in known.items():
        value = given.get(name)
        if value is None:
            if option.required:
                raise InputError(f"option {name!r} is missing, expected {option.help}")
            settled[name] = option.default
        elif not option.takes(value):
            raise InputError(f"option {name!r} is {value!r}, expected {option.expected}")
        else:
            settled[name] = float(value) if option.kind is float else value
    return settled


KINDS = {int: "a whole number", float: "a number", str: "text", bool: "true or false", list: "a list of numbers"}


def _is(kind: type, value: Any) -> bool:
    if kind is list:
        return isinstance(value, list | tuple) and all(_is(float, entry) for entry in value)
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is kind


def worked_em(module: Family, case: "Case", settings: Mapping[str, Any]) -> "EMProblem":
    """The EM of a worked example: the case's own when the example names no settings of the EM.

    Raises
    ------
    InputError
        If the family has no such settings.
    """
    if not settings:
        return case.em
    hook = getattr(module, "worked_em", None)
    if hook is None:
        raise InputError(f"unknown setting {next(iter(settings))!r}, the EM of this family has none")
    arguments = {name.replace("-", "_"): value for name, value in settings.items()}
    try:
        inspect.signature(hook).bind(case, **arguments)
    except TypeError as error:
        raise InputError(f"settings {', '.join(settings)}: {error}") from None
    return cast("EMProblem", hook(case, **arguments))


def start_fault(module: Family, start: "Natural") -> str | None:
    """What the family has to say against a start."""
    hook = getattr(module, "start_fault", None)
    return None if hook is None else hook(start)


def inner_start(module: Family, start: "Natural") -> "Natural":
    """The start off the edges of the parameter space, or as it is where a family does not mind."""
    hook = getattr(module, "inner_start", None)
    return start if hook is None else cast("Natural", hook(start))
