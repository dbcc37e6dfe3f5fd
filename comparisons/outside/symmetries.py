"""Symmetries of an outside model are found, not declared: exchanges of entries, and signs, that change nothing.

Along every axis the entries are exchanged, two by two, in all parameters that share the axis; and the signs of
parameters without bounds are turned, one by one and all together. What leaves the log-likelihood of every observation
where it was at random parameters, but for round-off, is a symmetry.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise, product
from math import factorial
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from comparisons.case import Array, Natural
from pp_models.objective import Objective

POINTS = 3
# Labellings are counted up to so many entries, and choices of signs tried of so many groups.
FEW, MOST_SIGNS = 10, 6
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
            size, axis = sizes[group[0]], axes.get(group[0])
            number = f"{size}! = {factorial(size)}" if size <= FEW else f"{size}!"
            along = f" along {axis}" if axis else ""
            found.append(
                f"the entries of {' and '.join(group)} are exchangeable{along}: {number} labellings are one optimum"
            )
        found += [f"the signs of {' and '.join(group)} may be turned together" for group in self.turned]
        return found

    def aligned(self, natural: Natural, reference: Natural) -> Natural:
        """The copy of the parameters that is nearest to others, of every choice of signs in its best order."""
        copies = []
        for signs in product((1.0, -1.0), repeat=min(len(self.turned), MOST_SIGNS)):
            copy = dict(natural)
            for sign, group in zip(signs, self.turned, strict=False):
                copy |= {name: sign * copy[name] for name in group}
            copies.append(self._ordered(copy, reference))
        return min(copies, key=lambda copy: sum(float(((copy[n] - reference[n]) ** 2).sum()) for n in copy))

    def _ordered(self, natural: Natural, reference: Natural) -> Natural:
        """Entries in the order that is nearest to the reference."""
        found = dict(natural)
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
            groups.setdefault(axes.get(name) or f"{size} entries", []).append(name)

    def exchange(group: Sequence[str]) -> bool:
        pairs = pairwise(range(sizes[group[0]]))
        return all(_unchanged(objective, points, partial(_exchanged, group, pair)) for pair in pairs)

    exchangeable: list[tuple[str, ...]] = []
    for group in groups.values():
        # Vectors of one length without a common axis may still be those of the same components, or each its own.
        alone = [(name,) for name in group] if len(group) > 1 else []
        exchangeable += [tuple(group)] if exchange(group) else [one for one in alone if exchange(one)]
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
    """Log-likelihood of every observation, and the log prior, which is 0 where it does not count."""
    x = objective.free(natural)
    return np.append(objective.fingerprint(x), objective.log_prior(x))
