"""The worked example of a case: the first cycle in full, and where its own stop rule ends."""

from typing import NamedTuple

import pandas as pd

from comparisons.case import Case, Natural
from em_reference.em import Fit, em


class WorkedExample(NamedTuple):
    """What EM does from the start that a case carries.

    Attributes
    ----------
    tables : dict of title -> DataFrame
        The E- and M-step of cycle 1, see `Case.first_cycle`.
    after_cycle_1 : Natural or None
        Parameters after cycle 1 of the EM of the worked example, whose M-step may have a tolerance of its own; None
        where the case has no such EM.
    fit : Fit or None
        Where that EM ends under the stop rule of the worked example.
    """

    tables: dict[str, pd.DataFrame]
    after_cycle_1: Natural | None = None
    fit: Fit | None = None


def worked_example(case: Case) -> WorkedExample | None:
    """Work the example of a case; None where the case has no start of its own."""
    if case.start is None:
        return None
    tables = case.first_cycle(case.start)
    if case.worked is None:
        return WorkedExample(tables)
    problem, params = case.worked.em, case.to_em(case.start)
    after = case.from_em(problem.m_step(problem.e_step(params).expected_counts, params))
    return WorkedExample(tables, after, em(problem, params, case.worked.stop))
