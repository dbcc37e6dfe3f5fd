"""Problems as data: one TOML file (what it is, its start, what others published) and one CSV file each.

Found by their file names: a new problem needs no entry anywhere. The keys are described in README.md
beside this file.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

from comparisons import families
from comparisons.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from comparisons.case import Case, Certified, Published, Worked

FOLDER = resources.files(__name__)
REQUIRED = {"title": str, "family": str, "data": str, "source": str}
OPTIONAL = {"options": dict, "start": dict, "worked": dict, "tables": dict, "published": list, "certified": list}
KINDS = {str: "text", dict: "a [table]", list: "a list of [[tables]]"}
# Keys of [worked] that say when the EM stops; what else stands there is for the family.
STOP = {"tolerance": "tolerance", "rule": "rule", "max-cycles": "max_cycles"}


class Description(NamedTuple):
    """What `em-crosscheck list` shows of a problem."""

    name: str
    title: str
    family: str
    source: str


def names() -> list[str]:
    """Names of all problems."""
    return sorted(entry.name.removesuffix(".toml") for entry in FOLDER.iterdir() if entry.name.endswith(".toml"))


def check(name: str) -> None:
    """Refuse a name that no problem has.

    Raises
    ------
    InputError
    """
    if name not in names():
        raise InputError(f"unknown problem {name!r}, expected one of: {', '.join(names())}")


def describe(name: str) -> Description:
    """Title, family and source of a problem; no data are read.

    Raises
    ------
    InputError
        If there is no such problem or its file is malformed.
    """
    problem = _problem(name)
    return Description(name, problem["title"], problem["family"], problem["source"])


def case_of(what: "Case | str | Callable[[], Case]") -> "Case":
    """A case as it is, a problem by its name, or what a function without arguments makes.

    Raises
    ------
    InputError
        If there is no such problem, or it is none of these.
    """
    from comparisons.case import Case

    if isinstance(what, str):
        return load(what)
    made = what if isinstance(what, Case) or not callable(what) else what()
    if not isinstance(made, Case):
        raise InputError(f"the case is a {type(made).__name__}, expected a Case, as comparisons.bind gives one")
    return made


def load(name: str) -> "Case":
    """Read a problem of the catalogue and bind it to its family.

    Parameters
    ----------
    name : str
        As `em-crosscheck list` shows it.

    Returns
    -------
    Case
        With its documented start, and what others published of it.

    Raises
    ------
    InputError
        If there is no such problem or one of its files is malformed.

    Examples
    --------
    >>> from comparisons import load_problem
    >>> load_problem("two-coins").parameter_names()
    ['weight[coin1]', 'weight[coin2]', 'bias[coin1]', 'bias[coin2]']
    """
    problem = _problem(name)
    try:
        return _bound(name, problem)
    except InputError as error:
        # Complaints about the data name their file; the others are about the TOML.
        text = str(error)
        raise error if text.startswith(problem["data"]) else InputError(f"{name}.toml: {text}") from None


def _problem(name: str) -> dict[str, Any]:
    """Content of the TOML file, with every key of the right kind."""
    check(name)
    try:
        problem = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{name}.toml: not valid TOML ({error})") from None
    kinds = REQUIRED | OPTIONAL
    for key in REQUIRED:
        if key not in problem:
            raise InputError(f"{name}.toml: {key!r} is missing, expected {', '.join(REQUIRED)}")
    for key, value in problem.items():
        if key not in kinds:
            raise InputError(f"{name}.toml: unknown key {key!r}, expected some of: {', '.join(kinds)}")
        if not isinstance(value, kinds[key]):
            raise InputError(f"{name}.toml: {key!r} is {value!r}, expected {KINDS[kinds[key]]}")
    return problem


def _bound(name: str, problem: dict[str, Any]) -> "Case":
    from comparisons.families._start import checked_start
    from comparisons.reading.tables import parse_table

    family = families.family(problem["family"])
    options = families.settle(family, problem.get("options", {}))
    try:
        raw = (FOLDER / problem["data"]).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{problem['data']}: cannot be read ({reason}), expected a CSV file") from None
    case = replace(
        family.read(name, parse_table(raw, problem["data"]), options),
        name=name,
        title=problem["title"],
        source=problem["source"],
    )
    if "start" in problem:
        case = replace(case, start=checked_start(case, problem["start"], "[start]"))
    return replace(
        case,
        tables=problem.get("tables", {}),
        published=tuple(_published(case, entry) for entry in problem.get("published", [])),
        worked=_worked(case, family, problem["worked"]) if "worked" in problem else None,
        certified=tuple(_certified(case, entry) for entry in problem.get("certified", [])),
    )


def _worked(case: "Case", family: families.Family, settings: Mapping[str, Any]) -> "Worked":
    """[worked]: when the EM of the worked example stops, and settings of the EM itself."""
    from comparisons.case import Worked
    from em_reference.em import StopRule

    try:
        stop = StopRule(**{STOP[key]: value for key, value in settings.items() if key in STOP})
    except (TypeError, ValueError) as error:
        raise InputError(f"[worked]: {error}") from None
    own = {key: value for key, value in settings.items() if key not in STOP}
    try:
        return Worked(stop, families.worked_em(family, case, own))
    except InputError as error:
        raise InputError(f"[worked]: {error}") from None


def _published(case: "Case", entry: Any) -> "Published":
    """One [[published]]: a source, and lists of estimates by the name of the parameter."""
    from comparisons.case import Published

    if not isinstance(entry, dict) or not isinstance(entry.get("source"), str):
        raise InputError("[[published]]: expected a table with a 'source' and lists of estimates")
    estimates = {key: value for key, value in entry.items() if key != "source"}
    sizes = {len(labels) for labels in case.labels.values()}
    for key, values in estimates.items():
        expected = {len(case.labels[key])} if key in case.labels else sizes
        numbers = isinstance(values, list) and all(type(value) in (int, float) for value in values)
        if not numbers or len(values) not in expected:
            raise InputError(f"[[published]]: {key!r} is {values!r}, expected a list of {max(expected)} numbers")
    return Published(entry["source"], estimates)


def _certified(case: "Case", entry: Any) -> "Certified":
    """One [[certified]]: a stationary point, its numbers as decimals in quotes."""
    from comparisons.case import Certified

    kinds = {"kind": str, "log_likelihood": str, "parameters": dict, "digits": int, "how": str}
    for key, kind in kinds.items():
        if not isinstance(entry, dict) or not isinstance(entry.get(key), kind):
            raise InputError(f"[[certified]]: {key!r} is missing or of another kind, expected {', '.join(kinds)}")
    parameters = {name: tuple(entry["parameters"].get(name, ())) for name in case.labels}
    for name, row in parameters.items():
        if len(row) != len(case.labels[name]) or not all(map(_is_decimal, row)):
            raise InputError(f"[[certified]], {name}: expected {len(case.labels[name])} decimals in quotes")
    posterior = "log_posterior" if case.with_prior else "log_likelihood"
    for key in ("log_likelihood", posterior):
        if not _is_decimal(entry.get(key)):
            raise InputError(f"[[certified]]: {key!r} is {entry.get(key)!r}, expected a decimal in quotes")
    unknown = {*entry["parameters"], *entry.get("not_identified", ())} - set(case.labels)
    if unknown:
        named = ", ".join(sorted(unknown))
        raise InputError(f"[[certified]]: unknown parameter {named}, expected {', '.join(case.labels)}")
    return Certified(
        entry["kind"],
        entry["log_likelihood"],
        parameters,
        case.shaped({name: [float(value) for value in row] for name, row in parameters.items()}),
        entry["digits"],
        entry["how"],
        tuple(entry.get("not_identified", ())),
        entry[posterior] if case.with_prior else "",
    )


def _is_decimal(text: Any) -> bool:
    return isinstance(text, str) and re.fullmatch(r"-?\d+\.\d+", text) is not None
