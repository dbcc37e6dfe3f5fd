"""Tables of person scores: the step after the items of a 2PL are calibrated."""

import numpy as np
import pandas as pd

from em_reference.scoring import Method
from em_reference.two_pl import TwoPL, TwoPLParams


def score_tables(
    em: TwoPL, params: TwoPLParams, items: tuple[str, ...], method: Method, ids: tuple[str, ...] | None = None
) -> dict[str, pd.DataFrame]:
    """Ability with standard error, per row of the data (with its id, if it has one) and per response pattern."""
    scores = em.scores(params, method)
    patterns = em.patterns
    first = np.unique(patterns.pattern_of_row, return_index=True)[1]
    answers = np.asarray(em.responses, dtype=float)[first]
    by_pattern = pd.DataFrame(np.where(np.isnan(answers), -1, answers).astype(int)).astype("Int64").replace(-1, pd.NA)
    scored = pd.DataFrame({"theta": scores.theta, "standard_error": scores.standard_error, "method": method})
    own = pd.DataFrame({"frequency": patterns.frequencies.astype(int)}).join(scored.iloc[first].reset_index(drop=True))
    by_pattern.columns = pd.Index(_columns_of(items, tuple(own)))
    numbered = scored.set_axis(pd.RangeIndex(1, len(scored) + 1, name="row")).reset_index()
    return {
        "scores": numbered if ids is None else numbered.assign(id=ids)[["row", "id", *scored.columns]],
        "scores_by_pattern": by_pattern.join(own),
    }


def _columns_of(items: tuple[str, ...], others: tuple[str, ...]) -> list[str]:
    """Names of the items' columns: their own, but for an item that is called as another column is."""
    taken, names = {*items, *others}, []
    for item in items:
        name = item
        if item in others:
            while name in taken:
                name = f"item {name}"
            taken.add(name)
        names.append(name)
    return names
