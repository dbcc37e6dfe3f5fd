"""Rows of a Bayesian network with open entries: which table entries they take, and which open variables go together."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Tables:
    """The conditional tables of a network, in a row: that of a variable has the axes of its parents, then its own."""

    names: tuple[str, ...]
    states: Mapping[str, int]
    parents: Mapping[str, tuple[str, ...]]

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of one table."""
        return tuple(self.states[member] for member in (*self.parents[name], name))

    @cached_property
    def begin(self) -> dict[str, int]:
        """Where each table begins."""
        ends = np.cumsum([0, *(np.prod(self.shape(name)) for name in self.names)])
        return dict(zip(self.names, map(int, ends), strict=False))

    @cached_property
    def size(self) -> int:
        """Entries of all tables."""
        return int(sum(np.prod(self.shape(name)) for name in self.names))

    def step(self, child: str, name: str) -> int:
        """How far the entry of a table moves with the state of a variable; 0 where it does not depend on it."""
        members = (*self.parents[child], child)
        if name not in members:
            return 0
        return int(np.prod([self.states[member] for member in members[members.index(name) + 1 :]], dtype=int))

    def entry(self, child: str, row: Mapping[str, int]) -> int:
        """The entry that a completed row takes from the table of a variable."""
        return self.begin[child] + sum(self.step(child, m) * row[m] for m in (*self.parents[child], child))

    @cached_property
    def depth(self) -> dict[str, int]:
        """Length of the longest way from a variable without parents."""
        found: dict[str, int] = {}
        while len(found) < len(self.names):
            for name in self.names:
                if name not in found and all(parent in found for parent in self.parents[name]):
                    found[name] = 1 + max((found[parent] for parent in self.parents[name]), default=-1)
        return found


class Group(NamedTuple):
    """Open variables that share families, with the instances that occur.

    Attributes
    ----------
    opened : tuple of str
    families : tuple of str
        The variables whose tables depend on them.
    base : array (instances, families)
        Entry that each takes when all open variables are in state 0.
    rows, place : array (R,)
        Rows in which the group occurs, and the instance that it is there.
    """

    opened: tuple[str, ...]
    families: tuple[str, ...]
    base: Indices
    rows: Indices
    place: Indices


def groups_of(tables: Tables, rows: npt.NDArray[np.float64]) -> tuple[Indices, list[Group]]:
    """Entries (N, V) of the families that are seen, `tables.size` for those that are not; and the groups."""
    bases = np.stack([_base(tables, child, rows) for child in tables.names], axis=1)
    seen = np.full(rows.shape, tables.size)
    rows_of: dict[tuple[tuple[str, ...], tuple[str, ...]], list[Indices]] = defaultdict(list)
    patterns, pattern_of_row = np.unique(np.isnan(rows), axis=0, return_inverse=True)
    of_pattern = np.split(np.argsort(pattern_of_row.reshape(-1), kind="stable"),
                          np.cumsum(np.bincount(pattern_of_row.reshape(-1)))[:-1])  # fmt: skip
    for pattern, own in zip(patterns, of_pattern, strict=True):
        opened = {name for name, missing in zip(tables.names, pattern, strict=True) if missing}
        relevant = _with_seen_descendants(tables, opened)
        whole = [at for at, child in enumerate(tables.names) if opened.isdisjoint((*tables.parents[child], child))]
        seen[own[:, None], whole] = bases[own[:, None], whole]
        for key in _joined(tables, relevant, opened):
            rows_of[key].append(own)
    return seen, [_group(tables, key, np.concatenate(own), bases) for key, own in rows_of.items()]


def _base(tables: Tables, child: str, rows: npt.NDArray[np.float64]) -> Indices:
    """Entry of a table that each row takes, its open variables in state 0."""
    states = np.nan_to_num(rows).astype(np.int64)
    members = (*tables.parents[child], child)
    moved = sum(tables.step(child, m) * states[:, tables.names.index(m)] for m in members)
    return np.asarray(tables.begin[child] + moved)


def _with_seen_descendants(tables: Tables, opened: set[str]) -> set[str]:
    """The open variables but those whose descendants are all open: they add up to 1."""
    left = set(opened)
    while True:
        spoken_of = {parent for child in tables.names if child in left or child not in opened
                     for parent in tables.parents[child]}  # fmt: skip
        if left <= spoken_of:
            return left
        left &= spoken_of


def _joined(tables: Tables, left: set[str], opened: set[str]) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Open variables of one group, and the families that speak of them."""
    member_of = {name: name for name in left}

    def top(name: str) -> str:
        while member_of[name] != name:
            name = member_of[name]
        return name

    families = [child for child in tables.names if child in left or child not in opened]
    spoken = {child: [m for m in (*tables.parents[child], child) if m in left] for child in families}
    for own in spoken.values():
        for name in own[1:]:
            member_of[top(name)] = top(own[0])
    found = []
    for first in tables.names:
        if first in left and top(first) == first:
            group = tuple(name for name in tables.names if name in left and top(name) == first)
            found.append((group, tuple(child for child in families if not set(group).isdisjoint(spoken[child]))))
    return found


def _group(tables: Tables, key: tuple[tuple[str, ...], tuple[str, ...]], rows: Indices, bases: Indices) -> Group:
    opened, families = key
    own = bases[rows][:, [tables.names.index(child) for child in families]]
    different, place = np.unique(own, axis=0, return_inverse=True)
    return Group(opened, families, different, rows, place.reshape(-1))
