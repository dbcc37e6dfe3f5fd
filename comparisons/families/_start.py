"""A start that the user gives: read, and refused where it does not fit the case."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from comparisons import families
from comparisons.errors import InputError
from comparisons.parsing import as_number, shortened

if TYPE_CHECKING:
    from comparisons.case import Case, Natural


def parse_start(text: str, where: str = "--start") -> dict[str, list[float]]:
    """Parse 'bias=0.4,0.5;weight=0.25,0.75' into numbers by name.

    Raises
    ------
    InputError
    """
    start: dict[str, list[float]] = {}
    for part in text.split(";"):
        if not part.strip():
            continue
        name, equals, values = part.partition("=")
        name = name.strip()
        if not equals or not name:
            raise InputError(f"{where}: {shortened(part.strip())!r}, expected NAME=NUMBER,NUMBER,...;NAME=...")
        if name in start:
            raise InputError(f"{where}: {name!r} is given twice, expected once")
        start[name] = []
        for value in values.split(","):
            try:
                start[name].append(as_number(value))
            except ValueError as error:
                raise InputError(f"{where}, {name}: {shortened(value.strip())!r} {error}, expected numbers") from None
    return start


def checked_start(case: "Case", start: Mapping[str, Any], where: str = "--start") -> "Natural":
    """Return the start as arrays, one finite number for every parameter, inside the parameter space.

    A probability of exactly 0 or 1 is moved off the edge: PyMC works with logits, and EM and PyMC are to begin
    at the same numbers.

    Raises
    ------
    InputError
    """
    for name in start:
        if name not in case.labels:
            raise InputError(f"{where}: unknown parameter {name!r}, expected {', '.join(case.labels)}")
    entries = {}
    for name, labels in case.labels.items():
        if name not in start:
            raise InputError(f"{where}: {name!r} is missing, expected {', '.join(case.labels)}")
        given = start[name]
        if not isinstance(given, list) or not all(type(value) in (int, float) for value in given):
            raise InputError(f"{where}, {name}: {given!r}, expected a list of numbers")
        if len(given) != len(labels):
            raise InputError(f"{where}, {name}: {len(given)} number(s), expected {len(labels)}")
        values = np.array(given, dtype=float)
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            entry = case.entry(name, int(bad[0]))
            raise InputError(f"{where}: {entry} is {values[bad[0]]}, expected a finite number")
        entries[name] = values
    natural = case.shaped(entries)
    module = families.family(case.family)
    fault = families.start_fault(module, natural)
    if fault is None and not np.all(case.em.feasible(case.to_em(natural))):
        fault = "outside the parameter space, expected values that the model and its priors allow"
    if fault is not None:
        raise InputError(f"{where}: {fault}")
    return families.inner_start(module, natural)
