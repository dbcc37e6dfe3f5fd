"""Certified stationary points: computed with mpmath at 50 digits, written into the catalogue, verified.

    python -m comparisons.certify.certificates [PROBLEM ...]      writes the [[certified]] tables anew

What a certificate is, and what is verified of it, stands in comparisons/catalogue/README.md; `faults` is that
definition as code. mpmath is needed here only: the certificates themselves are data.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import mpmath as mp

from comparisons.certify.certificates.jets import Jet, Real
from comparisons.certify.certificates.problem import (
    FOLDER,
    Place,
    Problem,
    all_families,
    completed,
    coordinates,
    edge_of,
    has_prior,
    height,
    inside,
    log_likelihood,
    log_posterior,
    moved,
    read,
    sums,
)
from comparisons.certify.certificates.stated import Parameters, Stated
from comparisons.writing.whole import write_all

# Decimal digits of the arithmetic, and of what is written down.
WORKING = 50
WRITTEN = 40
# A gradient, or a change of the log-likelihood, below this is zero.
ZERO = mp.mpf("1e-30")
# An eigenvalue of the Hessian, or a slope at an edge, at least this far from 0 has a sign.
SIGN = mp.mpf("1e-10")
# How far a saddle is left to see the log-likelihood rise.
AWAY = mp.mpf("1e-3")
# Where a parameter that is not identified is moved to.
SHIFTS = ("0.1", "0.35")
# Kinds of points of which none is higher.
TOP = ("best", "ridge")
FIRST_LINE = "# Written by python -m comparisons.certify.certificates; not to be edited."


def points() -> dict[str, Callable[[Problem], list[Stated]]]:
    """Stationary points of every certified problem, by its name."""
    return {name: stated for family in all_families() for name, stated in family.POINTS.items()}


def certificates(name: str) -> list[dict[str, Any]]:
    """The [[certified]] tables of a problem, computed."""
    with mp.workdps(WORKING):
        problem = read(name)
        return [_table(problem, stated) for stated in points()[name](problem)]


def _table(problem: Problem, stated: Stated) -> dict[str, Any]:
    """One stationary point in decimals."""
    parameters = stated.parameters if stated.exact else polished(problem, stated.parameters)
    table: dict[str, Any] = {"kind": stated.kind, **_heights(problem, parameters), "digits": WRITTEN, "how": stated.how}
    if stated.not_identified:
        table["not_identified"] = list(stated.not_identified)
    return {**table, "parameters": {key: [digits(value) for value in row] for key, row in parameters.items()}}


def _heights(problem: Problem, parameters: Parameters) -> dict[str, str]:
    """Log-likelihood, and log-posterior where there is a prior."""
    heights = {"log_likelihood": digits(log_likelihood(problem, parameters).value)}
    return {**heights, "log_posterior": digits(height(problem, parameters))} if has_prior(problem) else heights


def digits(value: Real) -> str:
    """Return a number as a decimal of 40 significant digits."""
    return str(mp.nstr(value, WRITTEN, strip_zeros=False, min_fixed=-mp.inf, max_fixed=mp.inf))


def polished(problem: Problem, parameters: Parameters) -> Parameters:
    """Newton's method until the step is at the last digit of the arithmetic."""
    for _ in range(50):
        places, step = newton_step(problem, parameters, log_posterior(problem, parameters), ())
        parameters = moved(parameters, places, step)
        if max(map(abs, step)) < mp.mpf(10) ** (5 - WORKING):
            return parameters
    raise ArithmeticError("Newton's method does not settle: begin nearer to the stationary point")


def newton_step(
    problem: Problem, parameters: Parameters, jet: Jet, held: Sequence[str]
) -> tuple[list[Place], list[Real]]:
    """Newton step of every free coordinate, parameters `held` (and at an edge) left out."""
    places = coordinates(problem, parameters)
    gradient, hessian = jet.dense(len(places))
    free = [i for i, place in enumerate(places) if place.name not in held and not edge_of(parameters, place)]
    if not free:
        return [], [mp.mpf(0)]
    matrix = mp.matrix([[hessian[i, j] for j in free] for i in free])
    right = mp.matrix([-gradient[i] for i in free])
    step = _where_it_bends(matrix, right) if held else mp.lu_solve(matrix, right)
    return [places[i] for i in free], list(step)


def _where_it_bends(matrix: Any, right: Any) -> Any:
    """Newton step along the eigenvectors that have curvature: a saddle may be flat to third order."""
    eigenvalues, vectors = mp.eigsy(matrix)
    step = mp.zeros(len(right), 1)
    for k, value in enumerate(eigenvalues):
        if abs(value) > SIGN:
            step += vectors[:, k] * (mp.fdot(vectors[:, k], right) / value)
    return step


# ---- what is verified -------------------------------------------------------------------------------------


def faults(name: str, tables: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is wrong with the [[certified]] tables of a problem; nothing when they are certificates."""
    with mp.workdps(WORKING):
        problem = read(name)
        found = [
            f"{name}, point {i + 1}: {fault}" for i, table in enumerate(tables) for fault in _faults(problem, table)
        ]
        heights = [mp.mpf(table.get("log_posterior", table["log_likelihood"])) for table in tables]
        for i, table in enumerate(tables):
            highest = heights[i] >= max(heights) - ZERO
            # A boundary may be the highest point or not.
            if table["kind"] != "boundary" and (table["kind"] in TOP) != highest:
                found.append(f"{name}, point {i + 1}: kind {table['kind']!r} does not fit its log-likelihood")
    return found


def _faults(problem: Problem, table: Mapping[str, Any]) -> Iterator[str]:
    """Criteria 1 to 5 of the definition, in this order."""
    parameters = {key: [mp.mpf(value) for value in row] for key, row in table["parameters"].items()}
    held = tuple(table.get("not_identified", ()))
    heights = [table[key] for key in ("log_likelihood", "log_posterior") if key in table]
    written = [*heights, *(value for row in table["parameters"].values() for value in row)]
    if table["digits"] != WRITTEN or any(value != digits(mp.mpf(value)) for value in written):
        yield f"not all numbers are written with {WRITTEN} digits"
    if any(abs(whole - 1) > ZERO for whole in sums(problem, parameters)):
        yield "the weights do not add up to 1"
    places = coordinates(problem, parameters)
    jet = log_posterior(problem, parameters)
    gradient, hessian = jet.dense(len(places))
    edges = [edge_of(parameters, place) for place in places]
    # At an edge no step inwards rises in first order.
    uphill = [-edge * slope if edge else abs(slope) for edge, slope in zip(edges, gradient, strict=True)]
    if max(uphill) > ZERO:
        yield f"the gradient is {mp.nstr(max(uphill), 3)}"
    stated = _heights(problem, parameters)
    for key, text in stated.items():
        if text != table.get(key):
            yield f"the {key.replace('_', '-')} is {text}"
    step = newton_step(problem, parameters, jet, held)
    for key, row in moved(completed(problem, parameters), *step).items():
        for value, text in zip(row, table["parameters"][key], strict=True):
            if digits(value) != text and not (abs(value) < ZERO and mp.mpf(text) == 0):
                yield f"Newton's method moves {key} from {text} to {digits(value)}"
    # What falls away from an edge has its sign; what is level there is as free as the others.
    falls = [edge != 0 and slope < -SIGN for edge, slope in zip(edges, uphill, strict=True)]
    identified = [i for i, place in enumerate(places) if place.name not in held and not falls[i]]
    matrix = mp.matrix([[hessian[i, j] for j in identified] for i in identified])
    eigenvalues, vectors = mp.eigsy(matrix) if identified else ([-mp.inf], mp.matrix(0, 0))
    if table["kind"] == "saddle":
        climbed = _along(problem, parameters, [places[i] for i in identified], vectors[:, len(identified) - 1])
        if not climbed > jet.value + ZERO:
            yield "the log-likelihood does not rise along the Hessian's last eigenvector: no saddle"
    elif not max(eigenvalues) < -SIGN:
        yield f"an eigenvalue of the Hessian is {mp.nstr(max(eigenvalues), 3)}: no maximum"
    elif (table["kind"] == "ridge") != bool(held):
        yield "a ridge, and only a ridge, has parameters that are not identified"
    elif (table["kind"] == "boundary") != any(edges):
        yield "a boundary, and only a boundary, has parameters at the edge of their range"
    for key in held:
        yield from _not_flat(problem, parameters, key, jet.value)


def _along(problem: Problem, parameters: Parameters, places: Sequence[Place], direction: Any) -> Real:
    """Highest log-likelihood a short way off along a direction, inside the parameter space."""
    heights = [-mp.inf]
    for sign in (1, -1):
        there = moved(parameters, places, [sign * AWAY * direction[row] for row in range(len(places))])
        if inside(there, places):
            heights.append(height(problem, there))
    return max(heights)


def _not_flat(problem: Problem, parameters: Parameters, key: str, value: Real) -> Iterator[str]:
    """Faults of a parameter that is said not to be identified: moving it must change nothing."""
    size = len(parameters[key])
    adds_up = any(place.name == key and place.rest is not None for place in coordinates(problem, parameters))
    for shift in SHIFTS:
        row = [mp.mpf(shift) / size] * size
        row[-1] = 1 - mp.fsum(row[:-1]) if adds_up else row[-1]
        there = {**parameters, key: row}
        jet = log_posterior(problem, there)
        gradient, _ = jet.dense(len(coordinates(problem, there)))
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
