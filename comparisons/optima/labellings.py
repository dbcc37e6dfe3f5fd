"""Which labelling of its components, or which mirror image, every chain of a posterior sits in.

Decided by `Case.align` with the maximum as reference: what it does to a parameter set says how the set is
labelled. A chain is judged by its mean, and by its draws as to whether it stays.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from comparisons.case import Array, Case, Natural, natural_of

# Share of a chain's draws in another labelling than its mean from which labels switch within the chain.
SWITCHES = 0.05
# Draws per chain that are aligned one by one to find out.
MOST_ALIGNED = 500

# Per parameter name, the place (from 1) from which alignment takes each entry: negative with its sign changed,
# 0 when it takes it from nowhere.
Labelling = tuple[tuple[int, ...], ...]


def labelling(case: Case, natural: Natural, reference: Natural) -> Labelling:
    """How a parameter set must be rearranged to lie closest to the reference.

    Parameters with a common axis belong together (weight and bias of a coin) and move together. Entries that are
    equal stay in their order where they can.
    """
    aligned = case.align(natural, reference)
    found: dict[str, tuple[int, ...]] = {}
    origins = {
        axis.name: _origins(*(_slices(case, axis.name, point) for point in (natural, aligned))) for axis in case.axes
    }
    for parameter in case.parameters:
        name, own = parameter.name, parameter.full(np.arange(parameter.size)).astype(int)
        moved = own[np.ix_(*(origins[axis.name] for axis in parameter.axes))] if parameter.axes else own
        was, now = parameter.flat(natural[name]), parameter.flat(aligned[name])
        places = parameter.flat(moved).astype(int)
        found[name] = tuple(_signed(place + 1, was[place], now[i]) for i, place in enumerate(places.tolist()))
    return tuple(found[name] for name in case.labels)


def _slices(case: Case, axis: str, natural: Natural) -> Array:
    """What every entry of an axis holds, as columns: sizes of numbers, sorted where the order of another may change."""
    rows = []
    for parameter in case.parameters:
        for place in parameter.along(axis):
            held = np.moveaxis(np.abs(natural[parameter.name]), place, -1).reshape(-1, parameter.shape[place])
            rows.append(np.sort(held, axis=0))
    return np.concatenate(rows)


def _signed(place: int, was: float, now: float) -> int:
    """The place, negative where the sign changed (that of a slope of 0 too), 0 where the value is another."""
    if abs(now) != abs(was):
        return 0
    return -place if np.signbit(now) != np.signbit(was) else place


def _origins(before: Array, after: Array) -> npt.NDArray[np.int64]:
    """Column of `before` that each column of `after` is, up to signs: all different, and in their place if they can."""
    alike = (np.abs(after)[:, :, None] == np.abs(before)[:, None, :]).all(axis=0)
    if alike.diagonal().all():
        return np.arange(before.shape[1])
    from scipy.optimize import linear_sum_assignment

    # More columns than there are outweigh every preference for a place.
    size = len(alike)
    apart = np.abs(np.subtract.outer(np.arange(size), np.arange(size))) > 0
    return np.asarray(linear_sum_assignment((size + 1) * ~alike + apart)[1])


def labelling_of_end(case: Case, end: Natural, reference: Natural) -> Labelling:
    """How an endpoint is aligned to the reference; one that is not finite is left as it is."""
    if np.isfinite(case.flat(end)).all():
        return labelling(case, end, reference)
    return tuple(_unchanged(len(entries)) for entries in case.labels.values())


def rearranged(case: Case, order: Labelling, natural: Natural) -> Natural:
    """A parameter set with any leading axes, rearranged; what alignment takes from nowhere stays."""
    moved = {}
    for name, places in zip(case.labels, order, strict=True):
        values, found = np.asarray(natural[name], dtype=float), np.array(places)
        own = np.arange(1, len(places) + 1)
        origin = np.where(found == 0, own, np.abs(found)) - 1
        parameter = case.by_name[name]
        moved[name] = parameter.full(np.where(found < 0, -1.0, 1.0) * parameter.flat(values)[..., origin])
    return moved


def _in_words(case: Case, order: Labelling) -> str:
    changed = [
        (name, places) for name, places in zip(case.labels, order, strict=True) if places != _unchanged(len(places))
    ]
    if not changed:
        return "the labelling of the maximum"
    turned = [name for name, places in changed if min(places) < 0]
    if turned:
        return f"the mirror image (the signs of {listed(turned)} reversed)"
    name, places = changed[0]
    if 0 in places:
        return "another form of the maximum"
    taken = ", ".join(case.labels[name][place - 1] for place in places)
    return f"another labelling ({taken} in the places of {', '.join(case.labels[name])})"


def _unchanged(length: int) -> tuple[int, ...]:
    return tuple(range(1, length + 1))


def about_labels(case: Case, values: Array, reference: Natural) -> list[str]:
    """Which labelling every chain sits in, and whether it stays there."""
    homes = [labelling(case, natural_of(case, chain.mean(axis=0)), reference) for chain in values]
    by_home: dict[Labelling, list[int]] = {}
    for number, home in enumerate(homes, start=1):
        by_home.setdefault(home, []).append(number)
    step = max(1, values.shape[1] // MOST_ALIGNED)
    seen = [Counter(labelling(case, natural_of(case, draw), reference) for draw in chain[::step]) for chain in values]
    shares = [1 - orders[home] / orders.total() for home, orders in zip(homes, seen, strict=True)]
    switching = [
        f"chain {number} ({share:.0%} of its draws)" for number, share in enumerate(shares, start=1) if share > SWITCHES
    ]
    mirrored = any(place < 0 for order in set(by_home).union(*seen) for places in order for place in places)
    found = []
    if len(by_home) > 1:
        kind = "mirror images of one another" if mirrored else "different labellings"
        where = "; ".join(f"{_chains(numbers)} in {_in_words(case, home)}" for home, numbers in by_home.items())
        found.append(
            f"chains sit in {kind}, judged by their means: {where}. Mean, sd, R-hat and ESS mix them: a high R-hat "
            "says that chains are labelled differently, not that the sampler failed; compare one chain at a time"
        )
    elif not switching and homes[0] != tuple(_unchanged(len(entries)) for entries in case.labels.values()):
        where = _in_words(case, homes[0])
        found.append(f"every chain sits in {where}: read the posterior columns against the estimates that way")
    if switching:
        what = "the sign switches" if mirrored else "labels switch"
        found.append(
            f"{what} within {listed(switching)}: the posterior mean of a single parameter averages over the "
            f"{'mirror images' if mirrored else 'labellings'} and estimates none of them"
        )
    return found


def _chains(numbers: list[int]) -> str:
    return f"chain{'s' if len(numbers) > 1 else ''} {listed([str(number) for number in numbers])}"


def listed(names: Sequence[str]) -> str:
    """Names in a row, long lists cut short."""
    shown = [*names[:12], f"{len(names) - 12} more"] if len(names) > 12 else list(names)
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
