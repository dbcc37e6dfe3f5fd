"""How parameters share the room of a figure: one small panel each, one line per component.

A vector has one panel. Of a parameter with several axes there is a panel for every combination of the labels of the
others, with a line for every component; where that would be more panels than can be looked at, one panel holds all
lines in the colours of their components.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from comparisons.case import Axis, Parameter

# Panels of one parameter, and of a whole figure.
MOST_OF_ONE, MOST_IN_ALL = 40, 60


class Panel(NamedTuple):
    """Lines that are drawn together.

    Attributes
    ----------
    title : str
    name : str
        Of the parameter.
    entries : array of int (L,)
        Which of its entries are drawn.
    labels : tuple of str
        Of the components.
    components : array of int (L,)
        Which component each line belongs to.
    """

    title: str
    name: str
    entries: npt.NDArray[np.intp]
    labels: tuple[str, ...]
    components: npt.NDArray[np.intp]


def panels_of(parameters: Sequence[Parameter]) -> list[Panel]:
    """The panels of a figure, parameter by parameter."""
    panels: list[Panel] = []
    for parameter in parameters:
        place = _component_place(parameter, parameters)
        own = _split(parameter, place)
        whole = len(own) > MOST_OF_ONE or len(panels) + len(own) > MOST_IN_ALL
        panels += [_whole(parameter, place)] if whole else own
    return panels


def _component_place(parameter: Parameter, parameters: Sequence[Parameter]) -> int:
    """Position of the axis whose labels are the lines: the one that most parameters share, of several the last."""
    stacked = parameter.axes[:-2] if parameter.is_matrix else parameter.axes
    shared = [sum(bool(other.along(axis.name)) for other in parameters) for axis in stacked]
    return max(range(len(stacked)), key=lambda place: (shared[place], place), default=-1)


def _split(parameter: Parameter, place: int) -> list[Panel]:
    if not parameter.axes:
        return [Panel(parameter.name, parameter.name, np.array([0]), ("",), np.array([0]))]
    if len(parameter.axes) == 1:
        return [_whole(parameter, 0)]
    places = parameter.label_numbers
    others = np.delete(places, place, axis=1) if place >= 0 else places
    axes = [axis for position, axis in enumerate(parameter.axes) if position != place]
    panels = []
    for chosen in dict.fromkeys(map(tuple, others.tolist())):
        entries = np.flatnonzero((others == chosen).all(axis=1))
        # Of a symmetric matrix the entry below the diagonal is named like the one above it.
        named = (*chosen[:-2], *sorted(chosen[-2:])) if parameter.is_matrix else chosen
        where = ", ".join(axis.labels[label] for axis, label in zip(axes, named, strict=True))
        labels, components = _lines(parameter.axes[place] if place >= 0 else None, places[entries, place])
        panels.append(Panel(f"{parameter.name}[{where}]", parameter.name, entries, labels, components))
    return panels


def _whole(parameter: Parameter, place: int) -> Panel:
    labels, components = _lines(parameter.axes[place] if place >= 0 else None, parameter.label_numbers[:, place])
    return Panel(parameter.name, parameter.name, np.arange(parameter.size), labels, components)


def _lines(axis: Axis | None, numbers: npt.NDArray[np.intp]) -> tuple[tuple[str, ...], npt.NDArray[np.intp]]:
    return (("",), np.zeros(len(numbers), dtype=np.intp)) if axis is None else (axis.labels, numbers)
