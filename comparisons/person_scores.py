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
    columns = {
        item: pd.array(np.where(np.isnan(a), -1, a).astype(int)) for item, a in zip(items, answers.T, strict=True)
    }
    by_pattern = pd.DataFrame(columns).astype("Int64").replace(-1, pd.NA)
    return {
        "scores": pd.DataFrame(
            {
                "row": np.arange(1, len(scores.theta) + 1),
                **({} if ids is None else {"id": ids}),
                "theta": scores.theta,
                "standard_error": scores.standard_error,
                "method": method,
            }
        ),
        "scores_by_pattern": by_pattern.assign(
            frequency=patterns.frequencies.astype(int),
            theta=scores.theta[first],
            standard_error=scores.standard_error[first],
            method=method,
        ),
    }
