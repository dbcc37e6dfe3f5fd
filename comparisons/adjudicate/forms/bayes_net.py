"""Estimates of a Bayesian network: by name, or as the tables of a BIF file with the same network."""

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from comparisons.adjudicate.estimates import Estimates
from comparisons.adjudicate.forms._by_name import Written, assembled
from comparisons.adjudicate.forms._content import read_content
from comparisons.adjudicate.forms._plain import (
    CAUSES,
    CHOICES,
    ROLES,
    another_model,
    conversions,
    customary_starts,
    of_content,
    order_in_words,
    reading,
    reorder,
    tame,
    targets,
)
from comparisons.adjudicate.forms._plain import LAYOUTS as BY_NAME
from comparisons.case import Case, InputError, Parameter, scalar_name
from comparisons.reading.bif import NetworkText
from comparisons.reading.networks import is_file, read_network
from comparisons.reading.tables import Table

__all__ = [
    "CAUSES", "CHOICES", "LAYOUTS", "ROLES", "UNUSED_OPTIONS", "another_model", "conversions", "customary_starts",
    "groups", "order_in_words", "read", "reading", "reorder", "tame", "targets",
]  # fmt: skip

UNUSED_OPTIONS = ("impute", "imputations", "sampled")
LAYOUTS = f"{BY_NAME}; or it is a file NAME.bif with the same network"


def read(path: str | Path, data: Table, case: Case, options: Mapping[str, Any]) -> Estimates:
    """Numbers by name, or the tables of a BIF file.

    Raises
    ------
    InputError
    """
    if not is_file(str(path)):
        return of_content(read_content(path), case, options)
    network, notes = read_network(str(path)), []
    unknown = [name for name in network.variables if name not in case.labels]
    if unknown:
        raise InputError(f"{path}: variable {unknown[0]!r}, expected those of the network: {', '.join(case.labels)}")
    states = {}
    for name, own in _states(case).items():
        if name not in network.written:
            raise InputError(f"{path}: no probabilities of {name!r}, expected a table for every variable")
        states[name], by_order = _matched(str(path), network, name, own, seen=name in data.columns)
        notes += by_order
    written = [one for parameter in case.parameters for one in _table(str(path), network, parameter, states)]
    return assembled(case, str(path), written, notes)


def _states(case: Case) -> dict[str, list[str]]:
    """Labels of the states of every variable, without its name in front."""
    return {
        parameter.name: [label.removeprefix(f"{parameter.name}=") for label in parameter.axes[-1].labels]
        for parameter in case.parameters
    }


def _matched(path: str, network: NetworkText, name: str, own: list[str], *, seen: bool) -> tuple[list[int], list[str]]:
    """Where the file has each state of a variable, and a note where an unseen one has other states there."""
    theirs = list(network.states[name])
    if sorted(theirs) == sorted(own):
        return [theirs.index(label) for label in own], []
    if seen or len(theirs) != len(own):
        raise InputError(f"{path}: the states of {name!r} are {', '.join(theirs)}, expected {', '.join(own)}")
    pairs = ", ".join(f"{there} is {here}" for there, here in zip(theirs, own, strict=True))
    return list(range(len(own))), [f"states of {name} are taken in their order: {pairs}"]


def _table(path: str, network: NetworkText, parameter: Parameter, states: dict[str, list[int]]) -> list[Written]:
    """Numbers of one table, with parents and states in the order of the parameter."""
    members = [axis.name for axis in parameter.axes]
    parents = network.parents[parameter.name]
    if sorted(parents) != sorted(members[:-1]):
        raise InputError(f"{path}: {parameter.name!r} given {', '.join(parents) or 'nothing'}, expected "
                         f"{', '.join(members[:-1]) or 'nothing'}, as in the network")  # fmt: skip
    there = [*parents, parameter.name]
    texts = np.transpose(network.written[parameter.name], [there.index(name) for name in members])
    texts = texts[np.ix_(*(states[name] for name in members))]
    labels = product(*(axis.labels for axis in parameter.axes))
    return [
        Written(scalar_name(parameter.name, ", ".join(cell)), str(text))
        for cell, text in zip(labels, texts.ravel(), strict=True)
    ]


def groups(case: Case) -> tuple[str, tuple[str, ...]]:
    """The variables."""
    return "variable", tuple(case.labels)
