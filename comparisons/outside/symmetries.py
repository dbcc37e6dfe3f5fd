"""Symmetries of an outside model are found, not declared: exchanges of entries, and signs, that change nothing.

Along every axis the entries are exchanged, two by two, in all parameters that share the axis; and the signs of
parameters without bounds are turned, one by one and all together. What leaves the log-likelihood of every observation
where it was at random parameters, but for round-off, is a symmetry.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from math import factorial
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from comparisons.case import Array, Natural
from pp_models.objective import Objective

POINTS = 3
# Of the log-likelihood of an observation, beside 1 + its size.
ROUND_OFF = 1e-9


class Symmetries(NamedTuple):
    """What may be changed in the parameters.

    Attributes
    ----------
    exchangeable : tuple of tuple of str
        Groups of parameters whose entries may be put in any order, all alike.
    turned : tuple of tuple of str
        Groups of parameters whose signs may be turned together.
    """

    exchangeable: tuple[tuple[str, ...], ...] = ()
    turned: tuple[tuple[str, ...], ...] = ()

    def in_words(self, axes: Mapping[str, str], sizes: Mapping[str, int]) -> list[str]:
        """One sentence for each."""
        found = []
        for group in self.exchangeable:
            size = sizes[group[0]]
            what = axes.get(group[0]) or "entry"
            found.append(
                f"the entries of {' and '.join(group)} are exchangeable along {what}: "
                f"{size}! = {factorial(size)} labellings are one optimum"
            )
        found += [f"the signs of {' and '.join(group)} may be turned together" for group in self.turned]
        return found

    def aligned(self, natural: Natural, reference: Natural) -> Natural:
        """The copy of the parameters that is nearest to others."""
        found = dict(natural)
        for group in self.turned:
            towards = sum(float(found[name] @ reference[name]) for name in group)
            if towards < 0:
                found |= {name: -found[name] for name in group}
        for group in self.exchangeable:
            apart = sum((found[name][:, None] - reference[name]) ** 2 for name in group)
            _, order = linear_sum_assignment(np.asarray(apart).T)
            found |= {name: found[name][order] for name in group}
        return found


def symmetries(objective: Objective, axes: Mapping[str, str], points: Sequence[Natural]) -> Symmetries:
    """Find them at some random parameters.

    Parameters
    ----------
    objective : Objective
    axes : dict of parameter -> axis
        Which parameters share an axis; those without one stand alone.
    points : sequence of natural
    """
    sizes = {name: objective.shapes[name][0] for name in objective.places}
    groups: dict[str, list[str]] = {}
    for name, size in sizes.items():
        if size > 1:
            groups.setdefault(axes.get(name) or f"{name} alone", []).append(name)
    exchangeable = [
        tuple(group)
        for group in groups.values()
        if all(
            _unchanged(objective, points, partial(_exchanged, group, pair)) for pair in pairwise(range(sizes[group[0]]))
        )
    ]
    free = [name for name in sizes if not np.isfinite(np.concatenate(objective.edges(name))).any()]
    candidates: list[tuple[str, ...]] = [(name,) for name in free]
    turned = [group for group in candidates if _unchanged(objective, points, partial(_turned, group))]
    together = tuple(free)
    if not turned and len(free) > 1 and _unchanged(objective, points, partial(_turned, together)):
        turned = [together]
    return Symmetries(tuple(exchangeable), tuple(turned))


def _turned(group: Sequence[str], natural: Natural) -> Natural:
    return {**natural, **{name: -natural[name] for name in group}}


def _exchanged(group: Sequence[str], pair: tuple[int, int], natural: Natural) -> Natural:
    order = np.arange(len(natural[group[0]]))
    order[list(pair)] = order[list(reversed(pair))]
    return {**natural, **{name: natural[name][order] for name in group}}


def _unchanged(objective: Objective, points: Sequence[Natural], change: Callable[[Natural], Natural]) -> bool:
    """Whether the log-likelihood of every observation stays at all points."""
    for point in points[:POINTS]:
        before, after = (_pointwise(objective, natural) for natural in (point, change(point)))
        if not (np.isfinite(before).all() and np.abs(before - after).max() <= ROUND_OFF * (1 + np.abs(before).max())):
            return False
    return True


def _pointwise(objective: Objective, natural: Natural) -> Array:
    return objective.fingerprint(objective.free(natural))
