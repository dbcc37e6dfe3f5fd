"""Genetic linkage: binds the EM and the PyMC model of the linkage multinomial."""

from dataclasses import replace
from functools import partial
from typing import Any

from comparisons.case import Array, Axis, Case, InputError, Natural, Parameter, Support, stop_after
from comparisons.families import Option
from comparisons.families._audit.genetic_linkage import linkage_audit
from comparisons.families._binding import Fields, Model, Starts, probability
from comparisons.reading.columns import unused_column
from comparisons.reading.tables import Table, read_frequencies
from em_reference.genetic_linkage import GeneticLinkage, LinkageParams

TITLE = "genetic linkage: four multinomial cells with probabilities 1/2 + t/4, (1 - t)/4, (1 - t)/4, t/4"
DATA = "a column 'frequency' with four rows, the animals in each cell, in this order"
OPTIONS: tuple[Option, ...] = ()


def read(name: str, table: Table, options: dict[str, Any]) -> Case:
    """Bind a table with a column `frequency` of four rows.

    Raises
    ------
    InputError
    """
    counts = read_frequencies(table)
    if counts is None:
        raise InputError(f"{table.path}: no column 'frequency', expected one")
    if len(counts) != 4:
        raise InputError(f"{table.path}: {len(counts)} rows, expected 4, one for each cell")
    return replace(bind(name, counts), flags=unused_column(table, ["frequency"]))


def start_fault(start: Natural) -> str | None:
    """Theta lies strictly between 0 and 1: at either end the likelihood may be 0."""
    theta = float(start["theta"][0])
    return None if 0 < theta < 1 else f"theta is {theta:g}, expected a number between 0 and 1"


def bind(name: str, animals: Array) -> Case:
    """Bind the counts of the four cells."""
    fields = Fields(LinkageParams, {"theta": "theta"})
    return Case(
        name=name,
        family="genetic-linkage",
        title=f"{animals.sum():.0f} animals in four cells",
        em=GeneticLinkage(animals),
        build_model=Model("genetic_linkage", {"frequencies": animals}),
        to_em=fields.to_em,
        from_em=fields.from_em,
        draw_start=Starts({"theta": (probability, 1)}, fields),
        parameters=(Parameter("theta", (Axis("cells", ("cells",)),), Support.UNIT_INTERVAL),),
        stop=stop_after(float(animals.sum())),
        audit=linkage_audit(animals, partial(_bind_again, name)),
        settings={"cells": ", ".join(f"{count:.0f}" for count in animals)},
    )


def _bind_again(name: str, data: dict[str, Any]) -> Case:
    return bind(name, data["frequencies"])
