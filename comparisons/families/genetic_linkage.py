"""Genetic linkage: binds the EM and the PyMC model of the linkage multinomial."""

from dataclasses import replace
from typing import Any

import numpy as np

from comparisons.case import Array, Axis, Case, InputError, Natural, Parameter, Support, stop_after
from comparisons.families import Option
from comparisons.families._audit.genetic_linkage import linkage_audit
from comparisons.reading.columns import unused_column
from comparisons.reading.tables import Table, frequencies
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
    counts = frequencies(table)
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

    def build_model(hooks: bool = False) -> Any:
        from pp_models import genetic_linkage

        return genetic_linkage.build(animals, hooks=hooks)

    em = GeneticLinkage(animals)
    return Case(
        name=name,
        family="genetic-linkage",
        title=f"{animals.sum():.0f} animals in four cells",
        em=em,
        build_model=build_model,
        to_em=lambda natural: LinkageParams(np.asarray(natural["theta"], dtype=float)),
        from_em=lambda params: {"theta": params.theta},
        draw_start=lambda rng: {"theta": rng.random(1)},
        parameters=(Parameter("theta", (Axis("cells", ("cells",)),), Support.UNIT_INTERVAL),),
        stop=stop_after(float(animals.sum())),
        audit=linkage_audit(em, lambda: build_model(hooks=True), lambda data: bind(name, data["frequencies"])),
        settings={"cells": ", ".join(f"{count:.0f}" for count in animals)},
    )
