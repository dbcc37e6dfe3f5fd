"""The reference EM, as the audit holds others against it: one cycle, and where it ends."""

from dataclasses import replace

import numpy as np

from comparisons.case import Case, Natural
from em_reference.em import em

# Cycles, accelerated, to where it ends.
LONGEST = 20_000


def one_cycle(case: Case, natural: Natural) -> Natural:
    """Natural parameters after one cycle."""
    with np.errstate(all="ignore"):
        return case.one_cycle(natural)


def end_of_em(case: Case, start: Natural) -> Natural:
    """Where it ends from a start, accelerated."""
    stop = replace(case.stop, max_cycles=LONGEST)
    return case.from_em(em(case.em, case.to_em(start), stop, accelerate=True).params)
