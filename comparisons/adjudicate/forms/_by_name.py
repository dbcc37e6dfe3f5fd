"""Numbers under the names that parameters have here, `B[A=1, B=0]`, as estimates of a case: each once, none missing.

Of numbers that add up to 1 one may be left out: it is what is left. Of a covariance matrix the half that is named
here, the other half, or both may be given.
"""

from collections.abc import Iterable, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from comparisons.adjudicate.estimates import MOST_DECIMALS, Estimates, last_digits, listed, printed_number
from comparisons.adjudicate.forms import form_or_plain
from comparisons.adjudicate.forms._inside import refuse_outside
from comparisons.case import Array, Case, InputError, Support, scalar_name

# Numbers further than this from 1 in sum are refused, though so few digits might explain it.
MOST_AMISS = 0.05
# Off by this much they add up to 1 in any case.
ROUND_OFF = 1e-6
# Digits of a double after the point, for what is left to 1.
MOST_WRITTEN = 15
PROBABILITIES = (Support.SIMPLEX, Support.UNIT_INTERVAL)


class Written(NamedTuple):
    """A number as a file has it.

    Attributes
    ----------
    name, text : str
    where : str
        In the file, for a message: "row 3"; empty where a name says it.
    """

    name: str
    text: str
    where: str = ""


class Numbers(NamedTuple):
    """Every parameter as it is written, in the order of the case.

    Attributes
    ----------
    texts : list of str
    values, half_unit : arrays (P,)
    """

    texts: list[str]
    values: Array
    half_unit: Array


def assembled(case: Case, path: str, written: Iterable[Written], notes: Sequence[str]) -> Estimates:
    """Estimates of a case from numbers by name.

    Raises
    ------
    InputError
        If a name is unknown, missing or there twice, or a number lies outside the range of its parameter.
    """
    by_place, mirrored = _sorted(case, path, written)
    _refuse_missing(case, path, set(by_place))
    found, left = _numbers(case, path, by_place)
    for place, other in mirrored.items():
        _refuse_unlike(case, path, place, found, other)
    refuse_outside(case, path, found.values)
    names = case.parameter_names()
    more = [f"what is left to 1 is taken for {listed([names[place] for place in left])}"] if left else []
    columns, blocks = tuple(case.labels), tuple(case.labels.values())
    groups, decimals = form_or_plain(case.family).groups(case)[1], _decimals(found.half_unit)
    return Estimates(
        path, columns, groups, tuple(found.texts), found.values, found.half_unit, decimals, columns, (*notes, *more),
        blocks=blocks,
    )  # fmt: skip


def bare(name: str) -> str:
    """A name without blanks."""
    return "".join(name.split())


def places(case: Case) -> dict[str, int]:
    """Names without blanks -> place among the parameters; of a matrix both names of an entry."""
    found = {bare(name): place for place, name in enumerate(case.parameter_names())}
    first = 0
    for parameter in case.parameters:
        if parameter.is_matrix:
            labels = [", ".join(cell) for cell in product(*(axis.labels for axis in parameter.axes))]
            cells = parameter.flat(np.arange(len(labels)).reshape(parameter.shape)).astype(int)
            for place, cell in enumerate(cells):
                found.setdefault(bare(scalar_name(parameter.name, labels[cell])), first + place)
        first += parameter.size
    return found


def _sorted(case: Case, path: str, written: Iterable[Written]) -> tuple[dict[int, Written], dict[int, Written]]:
    """The number of every place, and those of the other half of a matrix where both are given."""
    known, names = places(case), case.parameter_names()
    seen: set[str] = set()
    first: dict[int, Written] = {}
    second: dict[int, Written] = {}
    for one in written:
        name = bare(one.name)
        if name not in known:
            raise InputError(
                f"{_at(path, one)}: unknown parameter {one.name!r}, expected {listed(names)}, as in a report"
            )
        if name in seen:
            raise InputError(f"{_at(path, one)}: parameter {one.name!r} appears twice, expected once")
        seen.add(name)
        (second if known[name] in first else first)[known[name]] = one
    return first, second


def _refuse_missing(case: Case, path: str, given: set[int]) -> None:
    """Refuse a parameter without a number, unless it is what others leave to 1."""
    names, missing = case.parameter_names(), []
    for row in rows_of(case):
        absent = [place for place in row.places if place not in given]
        if len(absent) > 1 or (absent and not row.adds_up):
            missing += absent
    if missing:
        raise InputError(
            f"{path}: no number for {listed([names[place] for place in missing])}, expected one for every parameter; "
            "only one of those that add up to 1 may be left out"
        )


class Row(NamedTuple):
    """Places of numbers that belong together, and whether they add up to 1."""

    places: npt.NDArray[np.intp]
    adds_up: bool


def rows_of(case: Case) -> list[Row]:
    """Every parameter, one that adds up to 1 row by row."""
    found, first = [], 0
    for parameter in case.parameters:
        every = first + np.arange(parameter.size)
        if parameter.support is Support.SIMPLEX:
            found += [Row(row, True) for row in every.reshape(-1, parameter.shape[-1])]
        else:
            found.append(Row(every, False))
        first += parameter.size
    return found


def _numbers(case: Case, path: str, by_place: dict[int, Written]) -> tuple[Numbers, list[int]]:
    """Numbers and digits, and the places that were left out."""
    size = len(case.parameter_names())
    texts, values = [""] * size, np.zeros(size)
    for place, one in by_place.items():
        texts[place] = one.text.strip()
        values[place] = printed_number(one.text, f"{_at(path, one)}, {one.name}")
    half_unit = np.zeros(size)
    for pool in _pools(case, by_place):
        half_unit[pool] = _half_units([texts[place] for place in pool], values[pool], case.unit[pool])
    found, left = Numbers(texts, values, half_unit), []
    for row in rows_of(case):
        if row.adds_up:
            left += _add_up(case, path, row.places, found, by_place)
    return found, left


def _pools(case: Case, given: dict[int, Written]) -> list[list[int]]:
    """Places of numbers that are printed alike: all probabilities, and every other parameter by itself."""
    probabilities, others, first = [], [], 0
    for parameter in case.parameters:
        own = [place for place in range(first, first + parameter.size) if place in given]
        first += parameter.size
        if parameter.support in PROBABILITIES:
            probabilities += own
        else:
            others.append(own)
    return [pool for pool in (probabilities, *others) if pool]


def _half_units(texts: list[str], values: Array, unit: Array) -> Array:
    """Half a unit of the last digit, at least that of `MOST_DECIMALS` in the unit; nothing but 0 and 1 is exact."""
    decimals = np.array(last_digits(texts, most=None))
    if decimals.max() <= 1 and np.isin(values, (0, 1)).all() and (unit == 1).all():
        return np.zeros(len(texts))
    return np.asarray(np.maximum(0.5 * 10.0**-decimals, 0.5 * 10.0**-MOST_DECIMALS * unit))


def _add_up(case: Case, path: str, row: npt.NDArray[np.intp], found: Numbers, given: dict[int, Written]) -> list[int]:
    """Put in what is left to 1, and refuse numbers that do not add up to it; returns the place that was left out."""
    left = [int(place) for place in row if place not in given]
    own = np.array([place for place in row if place in given])
    total, blur = float(found.values[own].sum()), float(found.half_unit[own].sum())
    amiss = total - 1 if left else abs(total - 1)
    if amiss > min(blur, MOST_AMISS) + ROUND_OFF:
        names = [case.parameter_names()[place] for place in own]
        raise InputError(f"{path}: {listed(names)} add up to {total:g}, expected {'at most ' if left else ''}1")
    for place in left:
        found.values[place], found.half_unit[place] = max(1 - total, 0.0), blur
        digits = max(len(found.texts[other].lower().partition("e")[0].partition(".")[2]) for other in own)
        found.texts[place] = f"{found.values[place]:.{min(digits, MOST_WRITTEN)}f}"
    return left


def _refuse_unlike(case: Case, path: str, place: int, found: Numbers, other: Written) -> None:
    """Refuse a matrix whose two halves differ by more than rounding."""
    value = printed_number(other.text, f"{_at(path, other)}, {other.name}")
    blur = 2 * found.half_unit[place] + ROUND_OFF * case.unit[place]
    if abs(value - found.values[place]) > blur:
        name = case.parameter_names()[place]
        raise InputError(
            f"{path}: {name} is {found.texts[place]} one way and {other.text.strip()} the other, expected a symmetric "
            "matrix"
        )


def _decimals(half_unit: Array) -> int:
    """Digits after the point, the most of any number; 0 where all are exact."""
    known = half_unit[half_unit > 0]
    return max(int(np.ceil(-np.log10(2 * known.min()) - ROUND_OFF)), 0) if len(known) else 0


def _at(path: str, one: Written) -> str:
    return f"{path}, {one.where}" if one.where else path
