"""The reference EM, as the audit holds others against it: one cycle, and where it ends."""

from dataclasses import replace

import numpy as np

from comparisons.case import Case, Natural, take
from em_reference.em import Status, em

# Cycles, accelerated, to where it ends.
LONGEST = 20_000
# Cycles, plain, within which it has collapsed if it does.
PLAIN = 2_000


def one_cycle(case: Case, natural: Natural) -> Natural:
    """Natural parameters after one cycle."""
    with np.errstate(all="ignore"):
        return case.one_cycle(natural)


def before_collapse(case: Case, start: Natural) -> list[Natural]:
    """Where it is before it ends at no finite value, from the last on ever longer before; none where it ends at one."""
    stop = replace(case.stop, max_cycles=PLAIN)
    fit = em(case.em, case.to_em(start), stop, trace=True)
    if fit.status.item() != Status.NOT_FINITE or fit.trace is None:
        return []
    path = case.from_em(fit.trace.params)
    finite = np.flatnonzero(np.isfinite(case.flat(path)).all(axis=-1) & np.isfinite(fit.trace.log_likelihood))
    before = [2**power for power in range(len(finite).bit_length())]
    return [take(path, finite[-place]) for place in before]


def end_of_em(case: Case, start: Natural) -> Natural:
    """Where it ends from a start, accelerated."""
    stop = replace(case.stop, max_cycles=LONGEST)
    return case.from_em(em(case.em, case.to_em(start), stop, accelerate=True).params)
