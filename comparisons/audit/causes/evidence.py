"""What an EM under audit does, as pairs that the cycle of a mistake has to repeat."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from comparisons.audit.aligned import aligned
from comparisons.audit.causes.mistake import Mistake, Of
from comparisons.audit.copies import difference
from comparisons.audit.guard import out_of_time
from comparisons.audit.own_em import end_of_em, one_cycle
from comparisons.audit.reference import Reference
from comparisons.audit.subject import Subject
from comparisons.case import Array, Case, Natural
from comparisons.errors import Trouble

POINTS = 6
# What a mistake may leave unexplained of the difference from EM, as a share. What is below the first is no difference.
# An end at which EM moves no parameter by more than the second, beside its size, is one of EM's own.
NOTHING = 1e-9
MOVED = 1e-6
LEFT = 3e-2
# The share of the pairs that a mistake repeats: at an odd one, where a component is empty, two programs with one
# mistake may differ.
MOST = 2 / 3
# A fit that ends further than this from where EM ends, beside the size of a parameter, ends elsewhere.
ELSEWHERE = 1e-3
# Cycles of a mistake from a start to where its own fixed point is.
CYCLES = 1000
# Steps of Gauss and Newton to the size of a mistake. A size is one free number: it must explain so many times as much.
STEPS = 12
FOR_A_SIZE = 10.0


class Pair(NamedTuple):
    """One application: what went in, what came out, and what comes out of a right EM."""

    before: Natural
    after: Natural
    right: Natural


class Evidence(NamedTuple):
    """Pairs of one kind, of a fit only those that end elsewhere than EM; and expected counts at the same parameters."""

    of: Of
    pairs: list[Pair]
    counts: Sequence[Mapping[str, Array]] = ()


def evidence(subject: Subject, reference: Reference) -> list[Evidence]:
    """Cycles where the EM offers them; of a fit its ends, at which a cycle stays, and where it came from."""
    case = reference.case
    if subject.step is not None:
        cycles = [(point, _tried(subject.step, point)) for point in reference.points[:POINTS]]
        pairs = [Pair(point, after, one_cycle(case, point)) for point, after in cycles if after is not None]
        e_step = subject.e_step
        counts = [] if e_step is None else [e_step(pair.before).counts for pair in pairs]
        return [Evidence(Of.CYCLE, pairs, counts)] if pairs else []
    if subject.fit is None:
        return []
    fit = subject.fit
    late = out_of_time()
    ends: list[Pair] = []
    for start in reference.points[:POINTS]:
        if ends and late():
            break
        end = _tried(lambda at: fit(at, None).natural, start)
        if end is not None:
            ends.append(Pair(start, end, end_of_em(case, start)))
    stays = []
    if subject.starts:
        # Only where the fit stays when it starts there is the end its own, and not where it was cut off.
        for end in (pair.after for pair in ends):
            right, again = one_cycle(case, end), _tried(lambda at: fit(at, None).natural, end)
            if again is not None and difference(case, again, end) <= LEFT * difference(case, right, end):
                stays.append(Pair(end, end, right))
    elsewhere = [pair for pair in ends if difference(case, pair.after, pair.right) > ELSEWHERE]
    found = [Evidence(Of.END, stays), Evidence(Of.FIT, elsewhere if subject.starts else [])]
    return [one for one in found if one.pairs]


def unexplained(mistake: Mistake, seen: Evidence, reference: Reference) -> tuple[float, float]:
    """The share of the difference from EM that a mistake leaves, and the size of the mistake; infinite if too much."""
    case = reference.case
    if seen.of not in mistake.of:
        return np.inf, 0.0
    apart = np.array([difference(case, pair.after, pair.right) for pair in seen.pairs])
    amount = 0.0
    if mistake.amount:
        found = _size(mistake, seen, case)
        if found is None:
            return np.inf, 0.0
        amount = found
    share = np.inf
    if apart.max() > (MOVED if seen.of is Of.END else NOTHING):
        left = np.array([difference(case, _made(mistake, pair, seen.of, amount), pair.after) for pair in seen.pairs])
        share = _of_most(left, apart) * (FOR_A_SIZE if mistake.amount else 1.0)
    if not share <= LEFT and mistake.counts is not None and seen.counts:
        share = _by_counts(mistake.counts, seen, reference)
    return (share if share <= LEFT else np.inf), amount


def _of_most(left: Array, apart: Array) -> float:
    """What is left of the differences, as a share, at most of the pairs, and at most of those with a difference."""
    shares = np.nan_to_num(left / np.maximum(apart, NOTHING), nan=np.inf)
    found = []
    for some in (np.sort(shares), np.sort(shares[apart > NOTHING])):
        found.append(some[min(len(some) - 1, int(np.ceil(MOST * len(some))) - 1)])
    return float(max(found))


def _by_counts(made: Callable[[Natural], Mapping[str, Array]], seen: Evidence, reference: Reference) -> float:
    """The same share of expected counts, all names together."""
    left, apart = [], []
    for pair, given in zip(seen.pairs, seen.counts, strict=True):
        right = reference.expected_counts(reference.weighted(pair.before))
        wrong, ours = made(pair.before), aligned(dict(given), right)
        names = [name for name in right if name in ours and name in wrong and ours[name].shape == right[name].shape]
        if not names:
            return np.inf
        left.append(max(float(np.abs(ours[name] - wrong[name]).max()) for name in names))
        apart.append(max(float(np.abs(ours[name] - right[name]).max()) for name in names))
    return _of_most(np.array(left), np.array(apart)) if max(apart) > NOTHING else np.inf


def iterated(mistake: Mistake, seen: Evidence, case: Case) -> float:
    """What the end of a mistake's own cycles leaves of the difference of a fit from the right estimates, as a share."""
    pair = seen.pairs[0]
    point = pair.before
    for _ in range(CYCLES):
        point, before = mistake.cycle(point, 0.0), point
        if difference(case, point, before) < NOTHING:
            break
    share = difference(case, point, pair.after) / difference(case, pair.after, pair.right)
    return share if share <= LEFT else np.inf


def _made(mistake: Mistake, pair: Pair, of: Of, amount: float) -> Natural:
    return mistake.cycle(pair.right if of is Of.FIT and not mistake.from_start else pair.before, amount)


def _size(mistake: Mistake, seen: Evidence, case: Case) -> float | None:
    """The size with which a mistake repeats the pairs best, None where that is none or one number decides all."""
    # Fits that all end at one place are no more than one.
    if np.unique(np.concatenate([case.flat(pair.after) for pair in seen.pairs]).round(6)).size < 3:
        return None
    there = [case.flat(pair.after) for pair in seen.pairs]
    sizes = [case.size(pair.after) for pair in seen.pairs]

    def gaps(amount: float) -> Array:
        made = [case.flat(_made(mistake, pair, seen.of, amount)) for pair in seen.pairs]
        return np.concatenate([(one - two) / size for one, two, size in zip(made, there, sizes, strict=True)])

    amount = mistake.amount
    for _ in range(STEPS):
        here = gaps(amount)
        ahead = 1e-6 * max(abs(amount), 1e-3)
        slope = (gaps(amount + ahead) - here) / ahead
        if not np.isfinite(here).all() or not float(slope @ slope) > 0:
            return None
        step = float(here @ slope / (slope @ slope))
        amount -= step
        if abs(step) <= 1e-12 * abs(amount):
            break
    return amount if np.isfinite(amount) else None


def _tried(act: Callable[[Natural], Natural], point: Natural) -> Natural | None:
    try:
        return act(point)
    except Trouble:
        return None
