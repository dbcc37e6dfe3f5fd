"""The networks that packages are put on, and what an adapter needs to know of them: problems of the catalogue."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from comparisons import catalogue
from comparisons.case import Array, Case
from comparisons.peers import Problem
from em_reference.bayes_net import BayesNet

NONE = "no quadrature"


class Network(NamedTuple):
    """What a package is told besides the rows.

    Attributes
    ----------
    states : dict of name -> int
        In the order of the columns.
    parents : dict of name -> names
    added : float
        What the Dirichlet priors add to every count, their concentration less 1; 0 without priors.
    """

    states: Mapping[str, int]
    parents: Mapping[str, tuple[str, ...]]
    added: float

    def labels(self, name: str) -> list[str]:
        """States as packages are told them: 0, 1 and so on."""
        return [f"{state}" for state in range(self.states[name])]

    def arrows(self) -> list[tuple[str, str]]:
        """Each parent with its child."""
        return [(parent, name) for name, own in self.parents.items() for parent in own]

    def frame(self, X: Array, missing: Any) -> pd.DataFrame:
        """Rows by their labels, with this where an entry is missing."""
        columns = {
            name: [missing if np.isnan(state) else f"{state:.0f}" for state in X[:, place]]
            for place, name in enumerate(self.states)
        }
        return pd.DataFrame(columns, dtype=object)


@cache
def network(name: str) -> Network:
    """The network of a problem of the catalogue, whose priors all have the same concentration."""
    case = catalogue.load(name)
    assert case.audit is not None
    assert isinstance(case.em, BayesNet)
    data, prior = case.audit.data, None if case.em.prior is None else np.asarray(case.em.prior)
    assert prior is None or np.ptp(prior) == 0
    return Network(
        dict(zip(data["variables"], map(int, data["states"]), strict=True)),
        dict(zip(data["variables"], map(tuple, data["parents"]), strict=True)),
        0.0 if prior is None else float(prior[0]) - 1,
    )


def own(case: Case, options: Mapping[str, Any]) -> tuple[str, Case]:
    """The model has no quadrature."""
    return NONE, case


def turned(table: Array, axes: Sequence[str], wanted: Iterable[str]) -> Array:
    """A table whose axes stand for these variables, with the same axes in another order."""
    return np.transpose(table, [list(axes).index(axis) for axis in wanted])


def _problem(name: str, title: str) -> Problem:
    return Problem(name, title, NONE, lambda: catalogue.load(name), options={"network": name})


PROBLEMS = (
    _problem("arrow", "A -> B, four rows, an entry missing in two; the maximum has a probability of 1"),
    _problem("arrow-prior", "The same with Dirichlet(2) priors, which add 1 to every expected count"),
    _problem("asia", "Eight binary variables, 1000 rows with 20 % of the cells removed"),
    _problem(
        "hidden-cause",
        "A variable that is never seen and five effects of it, 60 rows with missing entries, Dirichlet(1.5) priors; "
        "three maxima",
    ),
)
