"""Group the endpoints of both legs into optima, and name the kind of each.

Endpoints that give every observation the same probability are one optimum, whatever the labels of the
components, the sign of the ability axis or the place on a ridge. Kinds are decided in
`comparisons.kinds` from PyMC's side, never from EM's own word.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from comparisons.case import Array, Case, Natural, take
from comparisons.diverging import onward
from comparisons.kinds import ALMOST, SAME, Judgement, Kind, Point, examine, judge
from comparisons.multistart import Endpoints
from pp_models.maximise import maximise
from pp_models.objective import Objective

# Optima whose log-likelihoods differ by less than this, beside 1 + |log-likelihood|, are equally good.
LEVEL = 1e-9


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


def find_optima(case: Case, objective: Objective, legs: tuple[Endpoints, Endpoints]) -> list[Optimum]:
    """Optima in order of their log-likelihood, best first; endpoints that are no optimum come last."""
    judged = [
        Optimum(point, judge(case, objective, point), members) for members, point in _group(case, objective, legs)
    ]
    judged = [_at_infinity(case, objective, o) if o.kind is Kind.DIVERGING else o for o in judged]
    heaps = [optimum for optimum in judged if optimum.kind is Kind.NOT_STATIONARY]
    found = _merge([optimum for optimum in judged if optimum.kind is not Kind.NOT_STATIONARY])
    saddles = [optimum for optimum in found if optimum.kind is Kind.SADDLE]
    targets = [_climb(case, objective, heap) for heap in heaps]
    for target in targets + [_climb(case, objective, saddle) for saddle in saddles]:
        if _index_of(found, target) is None:
            found.append(target)
    found.sort(key=lambda optimum: -optimum.objective)
    ranked = [_ranked(case, optimum, found[0].objective) for optimum in found]
    led: dict[int | None, Optimum] = {}
    for heap, target in zip(heaps, targets, strict=True):
        index = _index_of(ranked, target)
        heap = replace(heap, leads_to=index)
        led[index] = _joined(led[index], heap) if index in led else heap
    return ranked + list(led.values())


def _group(
    case: Case, objective: Objective, legs: tuple[Endpoints, Endpoints]
) -> list[tuple[dict[str, npt.NDArray[np.int64]], Point]]:
    """Endpoints with the same fingerprint, each group with its most nearly stationary member."""
    prints: list[Array] = []
    where: list[list[tuple[str, int]]] = []
    naturals: list[list[Natural]] = []
    for leg in reversed(legs):
        for start in range(len(leg)):
            natural = take(leg.natural, start)
            if not np.isfinite(case.flat(natural)).all():
                continue
            fingerprint = objective.pointwise(objective.free(natural))
            if not np.isfinite(fingerprint).all():
                continue
            match = _nearest(prints, fingerprint)
            if match is None:
                prints.append(fingerprint)
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


def _nearest(prints: list[Array], fingerprint: Array) -> int | None:
    """Index of the group with this fingerprint, None when there is none."""
    if not prints:
        return None
    distances = np.abs(np.stack(prints) - fingerprint).max(axis=1)
    index = int(distances.argmin())
    return index if distances[index] <= SAME else None


def _most_stationary(case: Case, objective: Objective, candidates: list[Natural]) -> Point:
    """Of the first few members, the one where a Newton step has least to gain."""
    points = [examine(case, objective, natural) for natural in candidates[:3]]
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


def _merge(found: list[Optimum]) -> list[Optimum]:
    """Groups that turned out to be one optimum, joined."""
    merged: list[Optimum] = []
    for optimum in sorted(found, key=lambda o: -o.objective):
        match = next((i for i, other in enumerate(merged) if _one_optimum(other, optimum)), None)
        if match is None:
            merged.append(optimum)
        else:
            merged[match] = _joined(merged[match], optimum)
    return merged


def _one_optimum(one: Optimum, other: Optimum) -> bool:
    """The same fingerprint; or equally high, and alike but for what is still to climb."""
    distance = np.abs(one.point.fingerprint - other.point.fingerprint).max()
    level = abs(one.objective - other.objective) <= LEVEL * (1 + abs(one.objective))
    return bool(distance <= SAME or (level and distance <= ALMOST and one.kind is not Kind.SADDLE))


def _joined(one: Optimum, other: Optimum) -> Optimum:
    """Two groups as one; the better point stands for both."""
    better = max(one, other, key=lambda optimum: optimum.objective)
    members = {leg: np.sort(np.concatenate([one.members[leg], other.members[leg]])) for leg in one.members}
    return replace(better, members=members)


def _climb(case: Case, objective: Objective, heap: Optimum) -> Optimum:
    """The optimum that PyMC climbs to from a saddle or from no optimum at all; it has no members."""
    end = maximise(objective, heap.point.x if heap.judgement.way_up is None else heap.judgement.way_up)
    point = examine(case, objective, {name: end.params[name] for name in case.labels})
    target = Optimum(point, judge(case, objective, point), {leg: np.array([], dtype=np.int64) for leg in heap.members})
    return _at_infinity(case, objective, target) if target.kind is Kind.DIVERGING else target


def _index_of(found: list[Optimum], target: Optimum) -> int | None:
    """Which of the optima found `target` is, None when it is none of them."""
    return next((i for i, optimum in enumerate(found) if _one_optimum(optimum, target)), None)


def _ranked(case: Case, optimum: Optimum, best: float) -> Optimum:
    """A regular maximum below the best one is `local`; one at the top may hold a certificate."""
    at_top = optimum.objective >= best - LEVEL * (1 + abs(best))
    if optimum.kind is Kind.BEST and not at_top:
        return replace(optimum, judgement=replace(optimum.judgement, kind=Kind.LOCAL))
    maximum = optimum.kind in (Kind.BEST, Kind.RIDGE, Kind.BOUNDARY)
    return replace(optimum, certificate=case.certificate(optimum.point.natural) if at_top and maximum else None)
