"""What a report says of person scores, which are tables of their own beside it."""

import numpy as np

from comparisons.cross_check.run import CrossCheck


def scores_remark(result: CrossCheck) -> str | None:
    """How many examinees have no finite score, and why; None when there are no scores, or all are finite."""
    case = result.case
    by_pattern = case.extra_tables(case.align(result.ends.em, result.ends.pymc)).get("scores_by_pattern")
    if by_pattern is None:
        return None
    theta, frequency = by_pattern["theta"].to_numpy(dtype=float), by_pattern["frequency"].to_numpy()
    groups = (
        (np.isposinf(theta), "is +infinity for", "all answers right, or wrong where the slope is negative"),
        (np.isneginf(theta), "is -infinity for", "all answers wrong, or right where the slope is negative"),
        (np.isnan(theta), "does not exist for", "no answer carries information"),
    )
    counts = [(int(frequency[where].sum()), what, why) for where, what, why in groups]
    said = [f"{what} {count} of {int(frequency.sum())} examinees ({why})" for count, what, why in counts if count]
    return f"the {by_pattern['method'].iloc[0].upper()} {', '.join(said)}" if said else None
