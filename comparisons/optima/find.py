"""Group the endpoints of both legs into optima, and name the kind of each.

Endpoints that give every observation the same probability are one optimum, whatever the labels of the
components, the sign of the ability axis or the place on a ridge. Kinds are decided in
`comparisons.optima.kinds` from PyMC's side, never from EM's own word.
"""

from dataclasses import dataclass, replace
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from comparisons.case import Array, Case, Natural, take
from comparisons.optima.diverging import onward
from comparisons.optima.kinds import (
    ALMOST,
    Judgement,
    Kind,
    Point,
    differences,
    examine,
    judge,
    not_stationary,
    rounding_of_fingerprint,
    same,
)
from comparisons.optima.starts import Endpoints
from comparisons.optima.unbounded import on_the_way, same_edge
from pp_models.maximise import maximise
from pp_models.objective import Objective
from pp_models.side_by_side import maximise_all


@dataclass(frozen=True)
class Optimum:
    """One optimum, or one heap of endpoints that are none.

    Attributes
    ----------
    point : Point
        Its best member.
    judgement : Judgement
    members : dict of leg -> array of int
        Starts of each leg that ended here.
    leads_to : int or None
        For `not stationary`: the optimum that PyMC climbs to from here.
    certificate : str or None
        Why it is the global maximum, where that is known.
    """

    point: Point
    judgement: Judgement
    members: dict[str, npt.NDArray[np.int64]]
    leads_to: int | None = None
    certificate: str | None = None

    @property
    def kind(self) -> Kind:
        """Kind of the optimum."""
        return self.judgement.kind

    @property
    def reached(self) -> bool:
        """Whether any start of either leg ended here."""
        return any(len(starts) for starts in self.members.values())

    @property
    def objective(self) -> float:
        """What is maximised, by PyMC's code: log-likelihood, or log-posterior."""
        return self.point.objective

    @property
    def log_likelihood(self) -> float:
        """Log-likelihood by PyMC's code, without prior."""
        return self.point.log_likelihood


def best_first(optimum: Optimum) -> tuple[bool, float]:
    """Key of the order of optima; where the likelihood is unbounded there is no estimate, however high it gets."""
    return optimum.kind is Kind.DEGENERATE, -optimum.objective


def find_optima(case: Case, objective: Objective, legs: tuple[Endpoints, Endpoints]) -> list[Optimum]:
    """Optima in order of their log-likelihood, best first.

    After them come edges towards which the likelihood is unbounded, and last endpoints that are no optimum.
    """
    judged = [
        Optimum(point, _first_judgement(case, objective, point), members)
        for members, point in _group(case, objective, legs)
    ]
    judged = [_at_infinity(case, objective, o) if o.kind is Kind.DIVERGING else o for o in judged]
    heaps = [optimum for optimum in judged if optimum.kind is Kind.NOT_STATIONARY]
    found = _merge(case, [optimum for optimum in judged if optimum.kind is not Kind.NOT_STATIONARY])
    saddles = [optimum for optimum in found if optimum.kind is Kind.SADDLE]
    lost = _lost(case, objective, legs)
    targets = _climb_all(case, objective, heaps + lost + saddles)
    for target in (*targets, *_unbounded(case, objective)):
        if target.kind is not Kind.NOT_STATIONARY and _index_of(case, found, target) is None:
            found.append(target)
    found.sort(key=best_first)
    ranked = [_ranked(case, optimum, found[0]) for optimum in found]
    led: dict[int | None, Optimum] = {}
    for number, (heap, target) in enumerate(zip(heaps + lost, targets, strict=False)):
        index, is_lost = _index_of(case, ranked, target), number >= len(heaps)
        unbounded = index is not None and ranked[index].kind is Kind.DEGENERATE
        if index is not None and unbounded and (is_lost or _runs_there(objective, heap, target)):
            # There is no place to arrive at: every point on the way belongs to it.
            ranked[index] = replace(ranked[index], members=_members(ranked[index], heap))
        elif not is_lost:
            heap = replace(heap, leads_to=index)
            led[index] = _joined(led[index], heap) if index in led else heap
    return ranked + list(led.values())


def _lost(case: Case, objective: Objective, legs: tuple[Endpoints, Endpoints]) -> list[Optimum]:
    """Starts that ended at no finite value, one by one, where they were last."""
    nobody = np.array([], dtype=np.int64)
    found = []
    for leg in legs:
        for start, natural in leg.last_finite.items():
            if np.isfinite(objective.value_and_gradient(objective.free(natural))[0]):
                point = examine(case, objective, natural)
                members = {other.leg: nobody for other in legs} | {leg.leg: np.array([start])}
                found.append(Optimum(point, Judgement(Kind.NOT_STATIONARY), members))
    return found


def _runs_there(objective: Objective, heap: Optimum, target: Optimum) -> bool:
    """Whether endpoints from which PyMC climbs to where the likelihood is unbounded are on their way already.

    An EM that stands still where the way does not yet rise has stopped where it should not.
    """
    return not len(heap.members["em"]) or on_the_way(objective, heap.point.x, target.point.x)


def _first_judgement(case: Case, objective: Objective, point: Point) -> Judgement:
    """What a point is; one that is not stationary is not looked at further, unless it may be on its way to infinity."""
    if point.stationary or point.unbounded or case.runaway(point.natural):
        return judge(case, objective, point)
    return not_stationary(case, point)


def _group(
    case: Case, objective: Objective, legs: tuple[Endpoints, Endpoints]
) -> list[tuple[dict[str, npt.NDArray[np.int64]], Point]]:
    """Endpoints with the same fingerprint, each group with its most nearly stationary member."""
    prints: list[Array] = []
    roundings: list[Array] = []
    where: list[list[tuple[str, int]]] = []
    naturals: list[list[Natural]] = []
    for leg in reversed(legs):
        for start in range(len(leg)):
            natural = take(leg.natural, start)
            if not np.isfinite(case.flat(natural)).all():
                continue
            fingerprint = objective.fingerprint(objective.free(natural))
            if not np.isfinite(fingerprint).all():
                continue
            match = _nearest(prints, roundings, fingerprint, objective.frequencies)
            if match is None:
                prints.append(fingerprint)
                roundings.append(rounding_of_fingerprint(objective, objective.free(natural)))
                where.append([])
                naturals.append([])
                match = len(prints) - 1
            where[match].append((leg.leg, start))
            naturals[match].append(natural)
    result = []
    for places, candidates in zip(where, naturals, strict=True):
        members = {
            leg.leg: np.array(sorted(start for name, start in places if name == leg.leg), dtype=np.int64)
            for leg in legs
        }
        result.append((members, _most_stationary(case, objective, candidates)))
    return result


def _nearest(prints: list[Array], roundings: list[Array], fingerprint: Array, frequencies: Array) -> int | None:
    """Index of the group with this fingerprint, None when there is none."""
    if not prints:
        return None
    distances = differences(np.stack(prints), fingerprint, np.stack(roundings)).max(axis=1)
    index = int(distances.argmin())
    return index if same(prints[index], fingerprint, frequencies, roundings[index]) else None


def _most_stationary(case: Case, objective: Objective, candidates: list[Natural]) -> Point:
    """Of the first few members, the one where a Newton step has least to gain."""
    first = examine(case, objective, candidates[0])
    if first.unbounded:
        return first
    points = [first, *(examine(case, objective, natural) for natural in candidates[1:3])]
    return min(points, key=lambda point: point.gain)


def _at_infinity(case: Case, objective: Objective, optimum: Optimum) -> Optimum:
    """A diverging endpoint, moved on until nothing is left to gain.

    How far a leg got before it stopped says nothing; where it was heading does. There may be several
    such limits: a curve that has become a step has one between each two nodes.
    """
    end = maximise(objective, onward(case, objective, optimum.point.natural, optimum.judgement.diverging))
    point = examine(case, objective, {name: end.params[name] for name in case.labels})
    if point.objective < optimum.objective:
        return optimum
    judgement = judge(case, objective, point)
    return replace(optimum, point=point, judgement=judgement if judgement.diverging else optimum.judgement)


def _merge(case: Case, found: list[Optimum]) -> list[Optimum]:
    """Groups that turned out to be one optimum, joined."""
    merged: list[Optimum] = []
    for optimum in sorted(found, key=best_first):
        match = _index_of(case, merged, optimum)
        if match is None:
            merged.append(optimum)
        else:
            merged[match] = _joined(merged[match], optimum)
    return merged


def _one_optimum(case: Case, one: Optimum, other: Optimum) -> bool:
    """The same fingerprint; or equally high, and alike but for what is still to climb; or unbounded the same way."""
    if Kind.DEGENERATE in (one.kind, other.kind):
        names = one.judgement.diverging, other.judgement.diverging
        return one.kind is other.kind and same_edge(case, one.point.natural, *names)
    if _alike(one.point, other.point):
        return True
    distance = differences(one.point.fingerprint, other.point.fingerprint, one.point.rounding).max()
    level = abs(one.objective - other.objective) <= max(one.point.level, other.point.level)
    return bool(level and distance <= ALMOST and one.kind is not Kind.SADDLE)


def _alike(one: Point, other: Point) -> bool:
    """Whether two points give every observation the same probability."""
    return same(one.fingerprint, other.fingerprint, one.frequencies, one.rounding)


def _joined(one: Optimum, other: Optimum) -> Optimum:
    """Two groups as one; the better point stands for both."""
    better = max(one, other, key=lambda optimum: optimum.objective)
    return replace(better, members=_members(one, other))


def _members(one: Optimum, other: Optimum) -> dict[str, npt.NDArray[np.int64]]:
    """Starts of two groups together."""
    return {leg: np.sort(np.concatenate([one.members[leg], other.members[leg]])) for leg in one.members}


def _climb_all(case: Case, objective: Objective, below: list[Optimum]) -> list[Optimum]:
    """The optimum that PyMC climbs to from each saddle, or from no optimum at all; they have no members."""
    if not below:
        return []
    starts = np.stack([o.point.x if o.judgement.way_up is None else o.judgement.way_up for o in below])
    ends = [end for _, end in sorted(maximise_all(objective, starts), key=itemgetter(0))]
    targets: list[Optimum] = []
    for heap, end in zip(below, ends, strict=True):
        nobody = {leg: np.array([], dtype=np.int64) for leg in heap.members}
        point = examine(case, objective, {name: end.params[name] for name in case.labels})
        known = next((o for o in targets if _alike(o.point, point)), None)
        if known is not None:
            targets.append(known)
            continue
        target = Optimum(point, judge(case, objective, point), nobody)
        targets.append(_at_infinity(case, objective, target) if target.kind is Kind.DIVERGING else target)
    return targets


def _unbounded(case: Case, objective: Objective) -> list[Optimum]:
    """Edges towards which the data show that the likelihood is unbounded, whether or not a start came that way."""
    found = []
    for natural in case.towards_unbounded:
        end = maximise(objective, objective.free(natural))
        point = examine(case, objective, {name: end.params[name] for name in case.labels})
        if point.unbounded:
            nobody = {leg: np.array([], dtype=np.int64) for leg in ("em", "pymc")}
            found.append(Optimum(point, judge(case, objective, point), nobody))
    return found


def _index_of(case: Case, found: list[Optimum], target: Optimum) -> int | None:
    """Which of the optima found `target` is, None when it is none of them."""
    return next((i for i, optimum in enumerate(found) if _one_optimum(case, optimum, target)), None)


def _ranked(case: Case, optimum: Optimum, best: Optimum) -> Optimum:
    """A regular maximum below the best one is `local`; one at the top may hold a certificate."""
    at_top = optimum.objective >= best.objective - best.point.level
    if optimum.kind is Kind.BEST and not at_top:
        return replace(optimum, judgement=replace(optimum.judgement, kind=Kind.LOCAL))
    maximum = optimum.kind in (Kind.BEST, Kind.RIDGE, Kind.BOUNDARY)
    return replace(optimum, certificate=case.certificate(optimum.point.natural) if at_top and maximum else None)
