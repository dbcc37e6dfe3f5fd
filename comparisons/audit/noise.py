"""How exactly an EM's cycle can be known: its own noise, measured before anything is judged by it.

An inner optimiser at its default tolerance stops a little short, a little differently from parameters that hardly
differ. So the cycle is run at a few points, twice, with the rows in two orders, and at points so near that an exact
cycle could not tell them apart; what it then differs by is noise.
"""

from functools import lru_cache

import numpy as np

from comparisons.audit.copies import difference
from comparisons.audit.reference import Reference
from comparisons.audit.rows import some_rows
from comparisons.audit.subject import Subject
from comparisons.errors import Trouble

# Nearby points differ by this share of the size of each parameter; a smooth cycle then differs by about as much.
BESIDE = 1e-10
POINTS = 3
# What an exact cycle may differ by, as a multiple of BESIDE.
SMOOTH = 100.0
# No more than this is forgiven as the tolerance of an inner iteration.
MOST = 1e-4
# Two cycles that should be the same may differ by so many times the noise.
TIMES = 10.0


@lru_cache(maxsize=4)
def noise(subject: Subject, reference: Reference) -> float:
    """Largest difference of the cycle between equal and nearly equal parameters, beside their size.

    At most `MOST`: what is noisier is judged as if it were not.
    """
    if subject.step is None:
        return 0.0
    rng = np.random.default_rng([reference.seed, 4])
    case, worst = reference.case, 0.0
    for point in reference.points[:POINTS]:
        try:
            first = subject.step(point)
            again = difference(case, subject.step(point), first)
            x = reference.free(point)
            beside = reference.named(x + BESIDE * (1 + np.abs(x)) * rng.uniform(-1, 1, len(x)))
            moved = difference(case, subject.step(beside), first)
        except Trouble:
            continue
        worst = max(worst, again, moved if moved > SMOOTH * BESIDE else 0.0)
    return min(max(worst, _by_order(subject, reference)), MOST)


def _by_order(subject: Subject, reference: Reference) -> float:
    """Difference of the cycle between two orders of the rows; what is more than noise is not forgiven."""
    data, rows = reference.hooks.data, reference.hooks.rows
    if subject.rebuild is None or subject.step is None or not rows:
        return 0.0
    order = np.random.default_rng([reference.seed, 8]).permutation(len(data["frequencies"]))
    turned = reference.hooks.rebind(some_rows(data, rows, order))
    try:
        other = subject.rebuild(turned)
        assert other.step is not None
        found = max(
            difference(reference.case, other.step(point), subject.step(point)) for point in reference.points[:POINTS]
        )
    except Trouble:
        return 0.0
    return found if found <= MOST else 0.0


def forgiven(subject: Subject, reference: Reference) -> float:
    """What two cycles that should be the same may differ by for their noise alone."""
    return TIMES * noise(subject, reference)
