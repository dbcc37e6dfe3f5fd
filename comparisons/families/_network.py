"""What the family of Bayesian networks needs of its tables: names, states, starts, and what the data say of them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations, product
from typing import Any

import numpy as np

from comparisons.case import Array, InputError, Natural
from comparisons.parameters import reordered
from comparisons.parsing import shortened, stripped
from comparisons.reading.bif import NetworkText
from comparisons.reading.categories import read_categories
from comparisons.reading.tables import MISSING, Table
from em_reference.bayes_net import NetworkParams

States = Mapping[str, Sequence[str]] | Mapping[str, int]

# What PyMC's model calls by other names than those of the variables.
RESERVED = ("rows", "frequency of rows", "families", "frequency", "log_joint", "tilted", "row_frequency", "constant")
LATENT = re.compile(r"(?P<name>.+?)\s*:\s*(?P<states>\d+)")
MOST_STATES = 1000
# Labellings of one variable that are tried one by one.
MOST_TRIED = 5


def refuse_names(names: Sequence[str]) -> None:
    """Refuse names that the PyMC model, or an entry such as B[A=0, B=1], could not tell apart.

    Raises
    ------
    InputError
    """
    for name in names:
        if name in RESERVED or name.endswith("__") or re.search(r"[\[\]=,]|->|::", name):
            raise InputError(f"--network: a variable called {name!r}, expected another name: without brackets, commas "
                             f"and equals signs, and none of {', '.join(RESERVED)}")  # fmt: skip


def latent_states(text: str | None, network: NetworkText) -> dict[str, int]:
    """'Y:3, Z:2' -> states of each latent variable.

    Raises
    ------
    InputError
    """
    found: dict[str, int] = {}
    for part in (text or "").split(","):
        if text is None or not part.strip():
            continue
        match = LATENT.fullmatch(part.strip())
        if match is None or not 2 <= int(match["states"]) <= MOST_STATES:
            raise InputError(f"--latent {shortened(part.strip())}: expected NAME:STATES, 2 to {MOST_STATES} states")
        name, states = match["name"], int(match["states"])
        if name not in network.variables:
            raise InputError(f"--latent {name}: no such variable, expected one of: {', '.join(network.variables)}")
        declared = network.states.get(name)
        if name in found or (declared is not None and len(declared) != states):
            told = f"{len(declared)} states in the file" if declared is not None else "once"
            raise InputError(f"--latent {name}:{states}: expected {told}")
        found[name] = states
    return found


def refuse_seen(table: Table, latent: Mapping[str, int]) -> None:
    """Refuse a latent variable that has a column with entries.

    Raises
    ------
    InputError
    """
    for name in latent:
        if name not in table.columns:
            continue
        place = table.column(name)
        if any(stripped(row[place]).lower() not in MISSING for row in table.cells):
            raise InputError(f"--latent {name}: {table.path} has a column of this name, expected a variable never seen")


def seen_states(
    table: Table, network: NetworkText, latent: Mapping[str, int]
) -> tuple[Array, dict[str, tuple[str, ...]]]:
    """Places of the states (N, V) of every row, NaN where missing, and the labels of every variable.

    Raises
    ------
    InputError
        Where a label is unknown, or a column has fewer than two states.
    """
    observed = [name for name in network.variables if name not in latent]
    codes = np.full((len(table.cells), len(network.variables)), np.nan)
    labels: dict[str, tuple[str, ...]] = {}
    for place, name in enumerate(network.variables):
        if name in latent:
            labels[name] = network.states.get(name) or tuple(str(number + 1) for number in range(latent[name]))
        elif network.states:
            labels[name] = network.states[name]
            codes[:, place] = _known(table, name, labels[name])
    if observed and not network.states:
        found = read_categories(table, observed)
        for place, name in enumerate(observed):
            labels[name] = found.states[place]
            codes[:, network.variables.index(name)] = found.codes[:, place]
            if not labels[name]:
                raise InputError(f"{table.path}, column {name!r}: no state at all, expected some, or no column and "
                                 f"--latent {name}:STATES")  # fmt: skip
            if len(labels[name]) == 1:
                raise InputError(f"{table.path}, column {name!r}: only the state {labels[name][0]!r}, expected at "
                                 "least 2, or --network NAME.bif with a file that names the states")  # fmt: skip
    return codes, {name: labels[name] for name in network.variables}


def _known(table: Table, name: str, labels: tuple[str, ...]) -> list[float]:
    """Places of a column's cells among known labels."""
    number: dict[str, float] = {label: float(place) for place, label in enumerate(labels)}
    column, found = table.column(name), []
    for line, row in zip(table.lines, table.cells, strict=True):
        cell = stripped(row[column])
        if cell not in number and cell.lower() not in MISSING:
            raise InputError(f"{table.path}, row {line}, column {name!r}: {shortened(cell)!r}, expected one of: "
                             f"{', '.join(labels)}")  # fmt: skip
        found.append(number.get(cell, np.nan))
    return found


@dataclass(frozen=True, eq=False)
class TableFields:
    """The conditional tables by name, and as the one vector of the EM.

    Attributes
    ----------
    shapes : dict of name -> shape
        States of the parents, then of the variable itself.
    parents : dict of name -> tuple of str
    """

    shapes: Mapping[str, tuple[int, ...]]
    parents: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, labels: Mapping[str, Sequence[str]], parents: Mapping[str, Sequence[str]]) -> "TableFields":
        """Of labels of the states and parents by name."""
        above = {name: tuple(parents.get(name, ())) for name in labels}
        return cls({name: tuple(len(labels[m]) for m in (*above[name], name)) for name in labels}, above)

    @property
    def names(self) -> tuple[str, ...]:
        """The variables."""
        return tuple(self.shapes)

    def to_em(self, natural: Natural) -> NetworkParams:
        """The EM's parameters; leading axes are kept."""
        parts = []
        for name, shape in self.shapes.items():
            table = np.asarray(natural[name], dtype=float)
            parts.append(table.reshape(*table.shape[: table.ndim - len(shape)], -1))
        return NetworkParams(np.concatenate(parts, axis=-1))

    def from_em(self, params: NetworkParams) -> Natural:
        """Natural parameters; leading axes are kept."""
        return self.by_name(params.probability)

    def by_name(self, entries: Array) -> Natural:
        """Entries (..., T) as tables."""
        ends = np.cumsum([int(np.prod(shape)) for shape in self.shapes.values()])
        parts = np.split(entries, ends[:-1], axis=-1)
        return {
            name: part.reshape(*part.shape[:-1], *shape)
            for (name, shape), part in zip(self.shapes.items(), parts, strict=True)
        }

    def concentrations(self, prior: float | Mapping[str, Any]) -> Natural:
        """A prior as a table for every variable."""
        given = prior if isinstance(prior, Mapping) else dict.fromkeys(self.shapes, prior)
        return {
            name: np.array(np.broadcast_to(np.asarray(given.get(name, 1.0), dtype=float), shape))
            for name, shape in self.shapes.items()
        }

    def places(self, variable: str) -> dict[str, tuple[int, ...]]:
        """Tables in which a variable stands, and the axes that it is there."""
        members = {name: (*self.parents[name], name) for name in self.shapes}
        return {name: (own.index(variable),) for name, own in members.items() if variable in own}

    def exchangeable(self, latent: Sequence[bool], prior: Natural | None) -> tuple[str, ...]:
        """The variables whose states may be put in another order: those that no row shows, under an even prior."""
        hidden = [name for name, never in zip(self.names, latent, strict=True) if never]
        if prior is None:
            return tuple(hidden)

        def even(name: str) -> bool:
            return all(np.ptp(prior[table], axis=axes[0]).max() == 0 for table, axes in self.places(name).items())

        return tuple(filter(even, hidden))


@dataclass(frozen=True, eq=False)
class TableStarts:
    """Random starts: every conditional distribution uniform over the simplex."""

    shapes: Mapping[str, tuple[int, ...]]

    def __call__(self, rng: np.random.Generator) -> Natural:
        """Draw one."""
        return {name: rng.dirichlet(np.ones(shape[-1]), shape[:-1]) for name, shape in self.shapes.items()}


def relabelled_states(fields: TableFields, hidden: tuple[str, ...], natural: Natural, reference: Natural) -> Natural:
    """States of the latent variables in the order that comes closest to the reference, variable by variable."""
    from scipy.optimize import linear_sum_assignment

    for variable in hidden:
        places, states = fields.places(variable), fields.shapes[variable][-1]
        if states <= MOST_TRIED:
            copies = [reordered(natural, places, order) for order in permutations(range(states))]
            natural = min(copies, key=lambda copy: sum(((copy[n] - reference[n]) ** 2).sum() for n in places))
            continue
        apart: Any = 0.0
        for name, (axis,) in places.items():
            ours, theirs = (np.moveaxis(v[name], axis, 0).reshape(states, -1) for v in (natural, reference))
            apart = apart + ((theirs[:, None] - ours) ** 2).sum(axis=-1)
        natural = reordered(natural, places, linear_sum_assignment(apart)[1])
    return natural


def unsupported(fields: TableFields, labels: Mapping[str, tuple[str, ...]], codes: Array) -> list[str]:
    """Configurations of parents that no row can have, in words, `B given A=1`."""
    found = []
    for name, own in fields.parents.items():
        seen = codes[:, [fields.names.index(parent) for parent in own]]
        compatible = [[np.isnan(column) | (column == state) for state in range(fields.shapes[name][axis])]
                      for axis, column in enumerate(seen.T)]  # fmt: skip
        for states in product(*(range(size) for size in fields.shapes[name][:-1])):
            if own and not np.logical_and.reduce([compatible[i][s] for i, s in enumerate(states)]).any():
                given = ", ".join(f"{parent}={labels[parent][s]}" for parent, s in zip(own, states, strict=True))
                found.append(f"{name} given {given}")
    return found
