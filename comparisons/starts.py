"""A start that the user gives: read, and refused where it does not fit the case."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from comparisons import families
from comparisons.errors import InputError

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
            raise InputError(f"{where}: {part.strip()!r}, expected NAME=NUMBER,NUMBER,...;NAME=...")
        if name in start:
            raise InputError(f"{where}: {name!r} is given twice, expected once")
        start[name] = []
        for value in values.split(","):
            try:
                start[name].append(float(value))
            except ValueError:
                raise InputError(f"{where}, {name}: {value.strip()!r} is not a number, expected numbers") from None
    return start


def checked_start(case: "Case", start: Mapping[str, Any], where: str = "--start") -> "Natural":
    """Return the start as arrays, one finite number for every parameter, inside the parameter space.

    Raises
    ------
    InputError
    """
    for name in start:
        if name not in case.labels:
            raise InputError(f"{where}: unknown parameter {name!r}, expected {', '.join(case.labels)}")
    natural = {}
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
            raise InputError(f"{where}: {name}[{labels[bad[0]]}] is {values[bad[0]]}, expected a finite number")
        natural[name] = values
    fault = families.start_fault(families.family(case.family), natural)
    if fault is None and not np.all(case.em.feasible(case.to_em(natural))):
        fault = "outside the parameter space, expected values that the model and its priors allow"
    if fault is not None:
        raise InputError(f"{where}: {fault}")
    return natural
