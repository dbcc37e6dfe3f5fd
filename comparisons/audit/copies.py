"""The symmetric copies of parameters: an EM that relabels its components in every cycle is as right as any other."""

from collections.abc import Callable, Mapping

import numpy as np

from comparisons.case import Case, Natural

# Copies that are looked at: all orders of five components.
MOST = 120


def copies(symmetries: Mapping[str, Callable[[Natural], Natural]], natural: Natural) -> list[Natural]:
    """The parameters themselves, then all that the symmetries make of them, one after another."""
    found, known = [natural], {_key(natural)}
    for copy in found:
        for change in symmetries.values():
            other = change(copy)
            if len(found) < MOST and _key(other) not in known:
                known.add(_key(other))
                found.append(other)
    return found


def nearest(case: Case, natural: Natural, target: Natural) -> Natural:
    """The copy of the parameters that is nearest to others, in the units of the data."""
    if case.audit is None or not case.audit.symmetries:
        return natural
    found = copies(case.audit.symmetries, natural)
    size, there = case.size(target), case.flat(target)
    away = [float(np.abs((case.flat(copy) - there) / size).max()) for copy in found]
    return found[int(np.argmin(away))]


def difference(case: Case, natural: Natural, target: Natural) -> float:
    """Largest difference of a parameter from others, modulo the symmetries, beside its unit and size."""
    copy = nearest(case, natural, target)
    return float(np.abs((case.flat(copy) - case.flat(target)) / case.size(target)).max())


def _key(natural: Natural) -> bytes:
    return b"".join(np.asarray(values + 0.0).tobytes() for values in natural.values())
