"""Symmetries of an outside model are found, not declared: exchanges of entries, and signs, that change nothing.

Along every axis the entries are exchanged, two by two, wherever the axis occurs; axes of one length also together, as
the states of a Markov chain are at once where it comes from and where it goes to. The signs of parameters without
bounds are turned: of all their entries along one entry of an axis, of each as a whole, and of all. What leaves the
log-likelihood of every observation where it was at random parameters, but for round-off, is a symmetry.
"""

from collections.abc import Callable, Mapping, Sequence, Set
from functools import partial
from itertools import combinations, pairwise, permutations, product
from math import factorial
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from comparisons.case import Array, Axis, InputError, Natural, Parameter
from comparisons.parameters import axes_of, reordered
from pp_models.objective import Objective

POINTS = 3
# Labellings are counted up to so many entries, tried one by one up to as many, and choices of signs of so many groups.
FEW, MOST_TRIED, MOST_SIGNS = 10, 5, 6
# No more axes of one length than this are tried together.
MOST_TOGETHER = 4
# Of the log-likelihood of an observation, beside 1 + its size.
ROUND_OFF = 1e-9


class Exchange(NamedTuple):
    """Axes of one length whose entries may be put in any order, all alike.

    Attributes
    ----------
    axes : tuple of str
    size : int
        Their length.
    places : dict of parameter -> positions
        Where the axes occur.
    """

    axes: tuple[str, ...]
    size: int
    places: Mapping[str, tuple[int, ...]]

    def ordered(self, natural: Natural, order: Any) -> Natural:
        """The entries in another order."""
        return reordered(natural, self.places, order)


class Turn(NamedTuple):
    """Signs that may be turned together.

    Attributes
    ----------
    words : str
        Of what.
    signs : dict of parameter -> array of 1 and -1, of its shape
    """

    words: str
    signs: Mapping[str, Array]

    def turned(self, natural: Natural) -> Natural:
        """The mirror image."""
        return {**natural, **{name: sign * natural[name] for name, sign in self.signs.items()}}


class Symmetries(NamedTuple):
    """What may be changed in the parameters without changing the likelihood."""

    exchanges: tuple[Exchange, ...] = ()
    turns: tuple[Turn, ...] = ()

    def in_words(self, named: Set[str]) -> list[str]:
        """One sentence for each; axes are told that the model names."""
        found = []
        for exchange in self.exchanges:
            size = exchange.size
            number = f"{size}! = {factorial(size)}" if size <= FEW else f"{size}!"
            axes = " and ".join(axis for axis in exchange.axes if axis in named)
            names, along = " and ".join(exchange.places), f" along {axes}" if axes else ""
            found.append(f"the entries of {names} are exchangeable{along}: {number} labellings are one optimum")
        found += [f"the signs of {turn.words} may be turned together" for turn in self.turns]
        return found

    def generators(self) -> dict[str, Callable[[Natural], Natural]]:
        """Changes of the parameters that give all copies, one after another, in words."""
        found: dict[str, Callable[[Natural], Natural]] = {}
        for exchange in self.exchanges:
            for one, other in pairwise(range(exchange.size)):
                words = f"exchanging entries {one + 1} and {other + 1} of {' and '.join(exchange.axes)}"
                found[words] = partial(exchange.ordered, order=_exchange(exchange.size, one, other))
        return found | {f"turning the signs of {turn.words}": turn.turned for turn in self.turns}

    def aligned(self, natural: Natural, reference: Natural) -> Natural:
        """The copy of the parameters that is nearest to others, of every choice of signs in its best order."""
        copies = []
        for chosen in product((False, True), repeat=min(len(self.turns), MOST_SIGNS)):
            copy = natural
            for turn in (turn for turn, is_turned in zip(self.turns, chosen, strict=False) if is_turned):
                copy = turn.turned(copy)
            for exchange in self.exchanges:
                copy = _nearest(exchange, copy, reference)
            copies.append(copy)
        return min(copies, key=lambda copy: _distance(copy, reference))


def _distance(one: Natural, other: Natural) -> float:
    return sum(float(((one[name] - other[name]) ** 2).sum()) for name in one)


def _nearest(exchange: Exchange, natural: Natural, reference: Natural) -> Natural:
    """Entries in the order that is nearest to the reference."""
    if exchange.size <= MOST_TRIED:
        orders = permutations(range(exchange.size))
        return min((exchange.ordered(natural, order) for order in orders), key=lambda c: _distance(c, reference))
    # An assignment looks at every axis alone: of a parameter with two of them it sees their diagonal.
    apart: Any = 0.0
    for name, places in exchange.places.items():
        ours, theirs = (np.moveaxis(values[name], places, range(len(places))) for values in (natural, reference))
        for _ in places[1:]:
            ours, theirs = (np.moveaxis(np.diagonal(values), -1, 0) for values in (ours, theirs))
        ours, theirs = (values.reshape(exchange.size, -1) for values in (ours, theirs))
        apart = apart + ((ours[:, None] - theirs) ** 2).sum(axis=-1)
    _, order = linear_sum_assignment(np.asarray(apart).T)
    return exchange.ordered(natural, order)


def symmetries(objective: Objective, parameters: Sequence[Parameter], points: Sequence[Natural]) -> Symmetries:
    """Find them at some random parameters.

    Parameters
    ----------
    objective : Objective
    parameters : sequence of Parameter
    points : sequence of natural
    """
    by_size: dict[int, list[Axis]] = {}
    for axis in axes_of(parameters):
        by_size.setdefault(len(axis), []).append(axis)
    exchanges = []
    for size, own in by_size.items():
        left = own if size > 1 else []
        for count in range(1, min(len(left), MOST_TOGETHER) + 1):
            for chosen in combinations(left, count):
                exchange = _exchange_of(chosen, parameters)
                # The axes of what is exchangeable already take no part in another exchange.
                if set(chosen) <= set(left) and _exchangeable(objective, exchange, points):
                    exchanges.append(exchange)
                    left = [axis for axis in left if axis not in chosen]
    return Symmetries(tuple(exchanges), tuple(_turns(objective, parameters, points)))


def given(
    parameters: Sequence[Parameter], exchangeable: Sequence[str] | None, turned: Sequence[str] | None
) -> Symmetries:
    """Symmetries that the user states: axes by name, and parameters whose signs may be turned together.

    Raises
    ------
    InputError
        If there is no such axis or parameter.
    """
    axes = {axis.name: axis for axis in axes_of(parameters)}
    shapes = {parameter.name: parameter.shape for parameter in parameters}
    for what, names, known in (("exchangeable", exchangeable, axes), ("turned", turned, shapes)):
        unknown = [name for name in names or () if name not in known]
        if unknown:
            raise InputError(f"{what}: there is no {unknown[0]!r}, expected some of {', '.join(known)}")
    turn = Turn(" and ".join(turned or ()), {name: -np.ones(shapes[name]) for name in turned or ()})
    return Symmetries(
        tuple(_exchange_of([axes[name]], parameters) for name in exchangeable or ()), (turn,) if turned else ()
    )


def _exchange_of(axes: Sequence[Axis], parameters: Sequence[Parameter]) -> Exchange:
    places = {
        parameter.name: tuple(place for place, axis in enumerate(parameter.axes) if axis in axes)
        for parameter in parameters
    }
    occurring = {name: found for name, found in places.items() if found}
    return Exchange(tuple(axis.name for axis in axes), len(axes[0]), occurring)


def _exchangeable(objective: Objective, exchange: Exchange, points: Sequence[Natural]) -> bool:
    orders = [_exchange(exchange.size, *pair) for pair in pairwise(range(exchange.size))]
    return all(_unchanged(objective, points, partial(exchange.ordered, order=order)) for order in orders)


def _exchange(size: int, one: int, other: int) -> list[int]:
    order = list(range(size))
    order[one], order[other] = other, one
    return order


def _turns(objective: Objective, parameters: Sequence[Parameter], points: Sequence[Natural]) -> list[Turn]:
    """Signs that may be turned; the finest there are: what follows from others is not told again."""
    free = [p for p in parameters if not p.is_matrix and not np.isfinite(objective.edges(p.name)).any()]
    found: list[Turn] = []
    for axis in axes_of(free):
        having = [parameter for parameter in free if parameter.along(axis.name)]
        several = [parameter for parameter in having if len(parameter.axes) > 1]
        for group in [*([parameter] for parameter in several), *([having] if several and len(having) > 1 else [])]:
            columns = [_column(group, axis, label) for label in range(len(axis))]
            if not any(_touch(found, turn) for turn in columns):
                found += [turn for turn in columns if _unchanged(objective, points, turn.turned)]
    for group in [*([parameter] for parameter in free), *([free] if len(free) > 1 else [])]:
        turn = Turn(" and ".join(p.name for p in group), {p.name: -np.ones(p.shape) for p in group})
        if not _touch(found, turn) and _unchanged(objective, points, turn.turned):
            found.append(turn)
    return found


def _touch(found: Sequence[Turn], turn: Turn) -> bool:
    """Whether a parameter of a turn is turned by another already."""
    return any(set(other.signs) & set(turn.signs) for other in found)


def _column(group: Sequence[Parameter], axis: Axis, label: int) -> Turn:
    signs = {}
    for parameter in group:
        sign = np.ones(parameter.shape)
        for place in parameter.along(axis.name):
            np.moveaxis(sign, place, 0)[label] *= -1.0
        signs[parameter.name] = sign
    return Turn(f"{' and '.join(signs)} at {axis.labels[label]}", signs)


def _unchanged(objective: Objective, points: Sequence[Natural], change: Callable[[Natural], Natural]) -> bool:
    """Whether the log-likelihood of every observation stays at all points."""
    for point in points[:POINTS]:
        try:
            before, after = (_pointwise(objective, natural) for natural in (point, change(point)))
        except ValueError:
            # Outside the support: weights exchanged along another axis than that along which they add up to 1.
            return False
        if not (np.isfinite(before).all() and np.abs(before - after).max() <= ROUND_OFF * (1 + np.abs(before).max())):
            return False
    return True


def _pointwise(objective: Objective, natural: Natural) -> Array:
    """Log-likelihood of every observation, and the log prior, which is 0 where it does not count."""
    x = objective.free(natural)
    return np.append(objective.fingerprint(x), objective.log_prior(x))
