"""How a fit of the two-parameter logistic model is shown: the first cycle and person scores."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from comparisons.case import Natural
from comparisons.families._binding import Fields
from comparisons.families._person_scores import score_tables
from em_reference.scoring import Method
from em_reference.two_pl import TwoPL, TwoPLParams

FIELDS = Fields(TwoPLParams, {"d": "intercept", "a": "slope"})
# More nodes than this are too many columns for a table of posteriors.
MOST_NODES_SHOWN = 15


class TwoPLDisplay(NamedTuple):
    """The EM of the data, the items, and the person scores that are asked for."""

    em: TwoPL
    items: tuple[str, ...]
    scores: Method | None
    ids: tuple[str, ...] | None

    def extra_tables(self, natural: Natural) -> dict[str, pd.DataFrame]:
        """Person scores, where they are asked for."""
        if self.scores is None:
            return {}
        return score_tables(self.em, FIELDS.to_em(natural), self.items, self.scores, self.ids)

    def first_cycle(self, natural: Natural) -> dict[str, pd.DataFrame]:
        """Artificial data of the first E-step, the first estimates, and, where the nodes are few, the posteriors."""
        em, items, start = self.em, self.items, FIELDS.to_em(natural)
        nodes, _ = em.grid
        counts = em.e_step(start).expected_counts
        after = em.m_step(counts, start)
        right = {f"right {item}": counts.correct[:, i] for i, item in enumerate(items)}
        posteriors = {"E-step: posterior of each pattern over the nodes": _posteriors(em, start)}
        return {
            **(posteriors if len(nodes) <= MOST_NODES_SHOWN else {}),
            "E-step: artificial data": pd.DataFrame({"node": nodes, "examinees": counts.examinees, **right}),
            "M-step: parameters after cycle 1": pd.DataFrame(
                {"item": items, "d": after.intercept, "a": after.slope, "b": after.difficulty}
            ),
        }


def _posteriors(em: TwoPL, start: TwoPLParams) -> pd.DataFrame:
    """Response pattern, its frequency and marginal probability, and its posterior at every node."""
    correct, answered, frequencies, _ = em.patterns
    posterior, log_probability = em.posteriors(start)
    signs = np.where(np.ones_like(correct) if answered is None else answered, correct.astype(int).astype(str), ".")
    # Five decimals, so that ten nodes stand side by side.
    at_nodes = {f"{node:g}": np.char.mod("%.5f", column) for node, column in zip(em.grid[0], posterior.T, strict=True)}
    return pd.DataFrame(
        {
            "pattern": ["".join(row) for row in signs],
            "examinees": frequencies.astype(int),
            "probability": np.exp(log_probability),
            **at_nodes,
        }
    )
