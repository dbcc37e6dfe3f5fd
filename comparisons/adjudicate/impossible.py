"""Estimates under which the data cannot be: a probability of 0 for what was seen.

By EM's code, at the numbers as they stand: PyMC's objective moves them off the edge first.
"""

from typing import NamedTuple

import numpy as np

from comparisons.adjudicate.estimates import listed
from comparisons.adjudicate.held import in_the_way
from comparisons.case import Natural
from comparisons.compiled import Compiled


class Impossible(NamedTuple):
    """Why there is no likelihood, or no posterior density.

    Attributes
    ----------
    what : str
        "the data have probability 0" or "the prior density is 0".
    entries : tuple of (name, edge)
        Parameters that are in the way, and whether they are 0 or 1.
    """

    what: str
    entries: tuple[tuple[str, float], ...]

    def __str__(self) -> str:
        by_edge = {
            edge: [name for name, own in self.entries if own == edge]
            for edge in dict.fromkeys(edge for _, edge in self.entries)
        }
        ways = [f"{listed(names)} {'is' if len(names) == 1 else 'are'} {edge:g}" for edge, names in by_edge.items()]
        return f"under these estimates {self.what}{', as ' if ways else ''}{' and '.join(ways)}"


def impossible(compiled: Compiled, natural: Natural) -> Impossible | None:
    """Why the data are impossible at some parameters, or the prior rules them out; None where neither is so."""
    case = compiled.case
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = case.em.e_step(case.to_em(natural))
    if np.isneginf(expected.log_likelihood):
        what = "the data have probability 0"
    elif np.isneginf(expected.log_prior):
        what = "the prior density is 0"
    else:
        return None
    return Impossible(what, tuple((entry.name, entry.edge) for entry in in_the_way(compiled, natural)))
