"""Certified stationary points: computed with mpmath at 50 digits, written into the catalogue, verified.

    python -m comparisons.certify.certificates [PROBLEM ...]      writes the [[certified]] tables anew

What a certificate is, and what is verified of it, stands in comparisons/catalogue/README.md; `faults` is that
definition as code. mpmath is needed here only: the certificates themselves are data.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import mpmath as mp

from comparisons.certify.certificates.jets import Jet, Real
from comparisons.certify.certificates.likelihoods import (
    FOLDER,
    SIMPLEX,
    Parameters,
    Problem,
    coordinates,
    height,
    log_likelihood,
    read,
)
from comparisons.certify.certificates.points import POINTS, Stated
from comparisons.writing.whole import write_all

# Decimal digits of the arithmetic, and of what is written down.
WORKING = 50
WRITTEN = 40
# A gradient, or a change of the log-likelihood, below this is zero.
ZERO = mp.mpf("1e-30")
# An eigenvalue of the Hessian at least this far from 0 has a sign.
SIGN = mp.mpf("1e-10")
# How far a saddle is left to see the log-likelihood rise.
AWAY = mp.mpf("1e-3")
# Where a parameter that is not identified is moved to.
SHIFTS = ("0.1", "0.35")
BOUNDED = (SIMPLEX, "bias", "theta")
FIRST_LINE = "# Written by python -m comparisons.certify.certificates; not to be edited."


def certificates(name: str) -> list[dict[str, Any]]:
    """The [[certified]] tables of a problem, computed."""
    with mp.workdps(WORKING):
        problem = read(name)
        return [_table(problem, stated) for stated in POINTS[name](problem)]


def _table(problem: Problem, stated: Stated) -> dict[str, Any]:
    """One stationary point in decimals."""
    parameters = stated.parameters if stated.exact else polished(problem, stated.parameters)
    table: dict[str, Any] = {
        "kind": stated.kind,
        "log_likelihood": digits(height(problem, parameters)),
        "digits": WRITTEN,
        "how": stated.how,
    }
    if stated.not_identified:
        table["not_identified"] = list(stated.not_identified)
    return {**table, "parameters": {key: [digits(value) for value in row] for key, row in parameters.items()}}


def digits(value: Real) -> str:
    """Return a number as a decimal of 40 significant digits."""
    return str(mp.nstr(value, WRITTEN, strip_zeros=False, min_fixed=-mp.inf, max_fixed=mp.inf))


def polished(problem: Problem, parameters: Parameters) -> Parameters:
    """Newton's method until the step is at the last digit of the arithmetic."""
    for _ in range(50):
        step = newton_step(parameters, log_likelihood(problem, parameters), ())
        parameters = moved(parameters, step)
        if max(map(abs, step.values())) < mp.mpf(10) ** (5 - WORKING):
            return parameters
    raise ArithmeticError("Newton's method does not settle: begin nearer to the stationary point")


def newton_step(parameters: Parameters, jet: Jet, held: Sequence[str]) -> dict[tuple[str, int], Real]:
    """Newton step of every free coordinate, parameters `held` (and at an edge, where H is flat) left out."""
    places = coordinates(parameters)
    gradient, hessian = jet.dense(len(places))
    free = [i for i, place in enumerate(places) if place[0] not in held and not _at_edge(parameters, place)]
    matrix = mp.matrix([[hessian[i, j] for j in free] for i in free])
    step = mp.lu_solve(matrix, mp.matrix([-gradient[i] for i in free]))
    return {places[i]: step[row] for row, i in enumerate(free)}


def moved(parameters: Parameters, step: Mapping[tuple[str, int], Real]) -> Parameters:
    """Parameters after a step; the last weight follows from the others."""
    after = {
        name: [value + step.get((name, i), 0) for i, value in enumerate(values)] for name, values in parameters.items()
    }
    if SIMPLEX in after:
        after[SIMPLEX][-1] = 1 - mp.fsum(after[SIMPLEX][:-1])
    return after


def _at_edge(parameters: Parameters, place: tuple[str, int]) -> bool:
    name, i = place
    return name in BOUNDED and parameters[name][i] in (0, 1)


# ---- what is verified -------------------------------------------------------------------------------------


def faults(name: str, tables: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is wrong with the [[certified]] tables of a problem; nothing when they are certificates."""
    with mp.workdps(WORKING):
        problem = read(name)
        found = [
            f"{name}, point {i + 1}: {fault}" for i, table in enumerate(tables) for fault in _faults(problem, table)
        ]
        heights = [mp.mpf(table["log_likelihood"]) for table in tables]
        for i, table in enumerate(tables):
            if (table["kind"] in ("best", "ridge")) != (heights[i] >= max(heights) - ZERO):
                found.append(f"{name}, point {i + 1}: kind {table['kind']!r} does not fit its log-likelihood")
    return found


def _faults(problem: Problem, table: Mapping[str, Any]) -> Iterator[str]:
    """Criteria 1 to 5 of the definition, in this order."""
    parameters = {key: [mp.mpf(value) for value in row] for key, row in table["parameters"].items()}
    held = tuple(table.get("not_identified", ()))
    written = [table["log_likelihood"], *(value for row in table["parameters"].values() for value in row)]
    if table["digits"] != WRITTEN or any(value != digits(mp.mpf(value)) for value in written):
        yield f"not all numbers are written with {WRITTEN} digits"
    if SIMPLEX in parameters and abs(mp.fsum(parameters[SIMPLEX]) - 1) > ZERO:
        yield "the weights do not add up to 1"
    places = coordinates(parameters)
    jet = log_likelihood(problem, parameters)
    gradient, hessian = jet.dense(len(places))
    if max(abs(value) for value in gradient) > ZERO:
        yield f"the gradient is {mp.nstr(max(abs(value) for value in gradient), 3)}"
    if digits(jet.value) != table["log_likelihood"]:
        yield f"the log-likelihood is {digits(jet.value)}"
    for key, row in moved(parameters, newton_step(parameters, jet, held)).items():
        for value, text in zip(row, table["parameters"][key], strict=True):
            if digits(value) != text and not (abs(value) < ZERO and mp.mpf(text) == 0):
                yield f"Newton's method moves {key} from {text} to {digits(value)}"
    identified = [i for i, place in enumerate(places) if place[0] not in held]
    matrix = mp.matrix([[hessian[i, j] for j in identified] for i in identified])
    eigenvalues, vectors = mp.eigsy(matrix)
    if table["kind"] == "saddle":
        climbed = _along(problem, parameters, [places[i] for i in identified], vectors[:, len(identified) - 1])
        if not climbed > jet.value + ZERO:
            yield "the log-likelihood does not rise along the Hessian's last eigenvector: no saddle"
    elif not max(eigenvalues) < -SIGN:
        yield f"an eigenvalue of the Hessian is {mp.nstr(max(eigenvalues), 3)}: no maximum"
    elif (table["kind"] == "ridge") != bool(held):
        yield "a ridge, and only a ridge, has parameters that are not identified"
    for key in held:
        yield from _not_flat(problem, parameters, key, jet.value)


def _along(problem: Problem, parameters: Parameters, places: Sequence[tuple[str, int]], direction: Any) -> Real:
    """Highest log-likelihood a short way off along a direction, inside the parameter space."""
    heights = []
    for sign in (1, -1):
        there = moved(parameters, {place: sign * AWAY * direction[row] for row, place in enumerate(places)})
        if all(0 <= value <= 1 for key in BOUNDED if key in there for value in there[key]):
            heights.append(height(problem, there))
    return max(heights)


def _not_flat(problem: Problem, parameters: Parameters, key: str, value: Real) -> Iterator[str]:
    """Faults of a parameter that is said not to be identified: moving it must change nothing."""
    for shift in SHIFTS:
        row = [mp.mpf(shift) / len(parameters[key])] * len(parameters[key])
        row[-1] = 1 - mp.fsum(row[:-1]) if key == SIMPLEX else row[-1]
        there = {**parameters, key: row}
        jet = log_likelihood(problem, there)
        gradient, _ = jet.dense(len(coordinates(there)))
        if abs(jet.value - value) > ZERO or max(abs(entry) for entry in gradient) > ZERO:
            yield f"{key} is identified: moving it changes the log-likelihood or its gradient"


# ---- the files --------------------------------------------------------------------------------------------


def stated(name: str, folder: Path = FOLDER) -> list[dict[str, Any]]:
    """The [[certified]] tables as they stand in the catalogue."""
    tables: list[dict[str, Any]] = tomllib.loads((folder / f"{name}.toml").read_text("utf-8")).get("certified", [])
    return tables


def write(name: str, folder: Path = FOLDER) -> None:
    """Replace the [[certified]] tables of a problem, which stand at the end of its file."""
    path = folder / f"{name}.toml"
    kept = path.read_text(encoding="utf-8").split(FIRST_LINE)[0].rstrip()
    text = "\n".join([kept, "", FIRST_LINE, *map(_as_toml, certificates(name))]) + "\n"
    write_all({path: text.encode()})


def _as_toml(table: Mapping[str, Any]) -> str:
    lines = ["[[certified]]"]
    for key, value in table.items():
        if key != "parameters":
            lines.append(f"{key} = {_value(value)}")
    lines += ["[certified.parameters]", *(f"{key} = {_value(row)}" for key, row in table["parameters"].items())]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, list):
        quoted = [f'"{entry}"' for entry in value]
        return f"[{quoted[0]}]" if len(quoted) == 1 else "[\n" + "".join(f"    {entry},\n" for entry in quoted) + "]"
    return str(value) if isinstance(value, int) else f'"{value}"'
