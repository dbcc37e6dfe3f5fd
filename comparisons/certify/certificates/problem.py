"""A problem of the catalogue as its files state it, and how its parameters move, for mpmath.

The likelihoods are the third code of each model, beside the EM's and PyMC's, and share nothing with them: they are
written from the formulas, and read the TOML and CSV files themselves, every decimal as it is printed. Speed was not a
concern.
"""

import csv
import importlib
import pkgutil
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import mpmath as mp

from comparisons.certify.certificates import families
from comparisons.certify.certificates.jets import Jet, Real, total
from comparisons.certify.certificates.stated import Parameters

FOLDER = Path(__file__).resolve().parents[2] / "catalogue"
# Unless a family says otherwise: entries of a parameter of this name add up to 1, those of these are probabilities.
SIMPLEX = "weight"
UNIT_INTERVAL = ("bias", "theta", "probability")


class Problem(NamedTuple):
    """One problem as its files state it: family, options, columns of text by name."""

    family: str
    options: dict[str, Any]
    columns: dict[str, list[str]]

    def numbers(self, column: str) -> list[int]:
        """A column of whole numbers."""
        return [int(cell) for cell in self.columns[column]]

    @property
    def frequencies(self) -> list[int]:
        """How often each row was seen; once where the file does not say."""
        size = len(next(iter(self.columns.values())))
        return self.numbers("frequency") if "frequency" in self.columns else [1] * size


def read(name: str, folder: Path = FOLDER) -> Problem:
    """Read a problem of the catalogue."""
    stated = tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8"), parse_float=Decimal)
    header, *rows = csv.reader((folder / stated["data"]).read_text(encoding="utf-8").splitlines())
    columns = {column: list(cells) for column, cells in zip(header, zip(*rows, strict=True), strict=True)}
    return Problem(stated["family"], stated.get("options", {}), columns)


def family_of(name: str) -> Any:
    """The module of a family: the file of its name."""
    return importlib.import_module(f"{families.__name__}.{name.replace('-', '_')}")


def all_families() -> Iterator[Any]:
    """Modules of all families."""
    return (
        family_of(module.name) for module in pkgutil.iter_modules(families.__path__) if not module.name.startswith("_")
    )


class Place(NamedTuple):
    """One entry of a parameter.

    Attributes
    ----------
    name : str
    entry : int
    rest : int or None
        The entry that is 1 less the others, where the parameter adds up to 1: the largest one.
    bounded : bool
        Whether it lies between 0 and 1.
    """

    name: str
    entry: int
    rest: int | None = None
    bounded: bool = False


def coordinates(problem: Problem, parameters: Parameters) -> list[Place]:
    """The free coordinates: every entry, but of those that add up to 1 the largest."""
    family = family_of(problem.family)
    sizes = family.simplexes(problem) if hasattr(family, "simplexes") else {SIMPLEX: len(parameters.get(SIMPLEX, ()))}
    places = []
    for name, values in parameters.items():
        size = sizes.get(name)
        for i, _ in enumerate(values):
            if size is None:
                places.append(Place(name, i, None, name in UNIT_INTERVAL))
                continue
            group = range(i - i % size, i - i % size + size)
            # Of equal entries the last.
            rest = max(group, key=lambda entry: (values[entry], entry))
            if i != rest:
                places.append(Place(name, i, rest, True))
    return places


def _others(problem: Problem, parameters: Parameters) -> dict[tuple[str, int], list[int]]:
    """The other entries of whatever adds up to 1, by parameter and the entry that follows from them."""
    found: dict[tuple[str, int], list[int]] = {}
    for place in coordinates(problem, parameters):
        if place.rest is not None:
            found.setdefault((place.name, place.rest), []).append(place.entry)
    return found


def sums(problem: Problem, parameters: Parameters) -> list[Real]:
    """What should be 1."""
    groups = _others(problem, parameters).items()
    return [mp.fsum(parameters[name][entry] for entry in (rest, *others)) for (name, rest), others in groups]


def log_likelihood(problem: Problem, parameters: Parameters) -> Jet:
    """Log-likelihood with derivatives by the free coordinates, in the order of `coordinates`."""
    return family_of(problem.family).log_likelihood(problem, _jets(problem, parameters))


def log_posterior(problem: Problem, parameters: Parameters) -> Jet:
    """What is stationary: the log-likelihood, and the log prior where the family has one."""
    family, jets = family_of(problem.family), _jets(problem, parameters)
    likelihood = family.log_likelihood(problem, jets)
    return total([likelihood, family.log_prior(problem, jets)]) if has_prior(problem) else likelihood


def has_prior(problem: Problem) -> bool:
    """Whether the options ask for a prior."""
    return any("prior" in option for option in problem.options)


def height(problem: Problem, parameters: Parameters) -> Real:
    """Log-posterior without derivatives."""
    family = family_of(problem.family)
    constants = {name: [Jet(mp.mpf(value), {}, {}) for value in values] for name, values in parameters.items()}
    value = family.log_likelihood(problem, constants).value
    return value + family.log_prior(problem, constants).value if has_prior(problem) else value


def _jets(problem: Problem, parameters: Parameters) -> dict[str, list[Jet]]:
    """Parameters as jets of the free coordinates."""
    jets = {name: [Jet(mp.mpf(value), {}, {}) for value in values] for name, values in parameters.items()}
    for index, place in enumerate(coordinates(problem, parameters)):
        jets[place.name][place.entry] = Jet.variable(parameters[place.name][place.entry], index)
    for (name, rest), others in _others(problem, parameters).items():
        jets[name][rest] = 1 - total(jets[name][entry] for entry in others)
    return jets


def moved(parameters: Parameters, places: Sequence[Place], step: Sequence[Real]) -> Parameters:
    """Parameters after a step of some coordinates; what is 1 less others follows from them."""
    after = {name: list(values) for name, values in parameters.items()}
    for place, by in zip(places, step, strict=True):
        after[place.name][place.entry] += by
        if place.rest is not None:
            after[place.name][place.rest] -= by
    return after


def completed(problem: Problem, parameters: Parameters) -> Parameters:
    """Parameters with 1 less the others in place of the largest of what adds up to 1: it is not rounded itself."""
    after = {name: list(values) for name, values in parameters.items()}
    for (name, rest), others in _others(problem, parameters).items():
        after[name][rest] = 1 - mp.fsum(after[name][entry] for entry in others)
    return after


def edge_of(parameters: Parameters, place: Place) -> int:
    """-1 at the lower edge of the range of a coordinate, 1 at the upper one, else 0."""
    value = parameters[place.name][place.entry]
    return 0 if not place.bounded else -1 if value == 0 else 1 if value == 1 else 0


def inside(parameters: Mapping[str, Sequence[Real]], places: Sequence[Place]) -> bool:
    """Whether all probabilities lie between 0 and 1."""
    return all(
        0 <= parameters[place.name][entry] <= 1
        for place in places
        if place.bounded
        for entry in {place.entry, place.entry if place.rest is None else place.rest}
    )
