"""Group the endpoints of EM and PyMC into optima, and name the kind of each.

Endpoints that give every observation the same probability are one optimum, whatever the labels of the
components, the sign of the ability axis or the place on a ridge. Kinds are decided in
`comparisons.optima.kinds` from PyMC's derivatives, never from EM's own word.
"""

from dataclasses import dataclass, replace
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from comparisons.case import Array, Case, Natural, take
from comparisons.compiled import Compiled
from comparisons.optima.diverging import onward
from comparisons.optima.kinds import (
    ALMOST,
    Judgement,
    Kind,
    Point,
    differences,
    examine,
    examine_end,
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
    """One optimum, or one group of endpoints that are none.

    Attributes
    ----------
    point : Point
        Its best member.
    judgement : Judgement
    members : dict of "em" or "pymc" -> array of int
        Starts from which EM, and from which PyMC, ended here.
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
        """Whether any start ended here."""
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


def find_optima(compiled: Compiled, fits: tuple[Endpoints, Endpoints]) -> list[Optimum]:
    """Optima in order of their log-likelihood, best first.

    After them come edges towards which the likelihood is unbounded, and last endpoints that are no optimum.
    """
    case, objective = compiled
    judged = [Optimum(point, _first_judgement(compiled, point), members) for members, point in _group(compiled, fits)]
    judged = [_at_infinity(compiled, o) if o.kind is Kind.DIVERGING else o for o in judged]
    unsettled = [optimum for optimum in judged if optimum.kind is Kind.NOT_STATIONARY]
    found = _merge(case, [optimum for optimum in judged if optimum.kind is not Kind.NOT_STATIONARY])
    saddles = [optimum for optimum in found if optimum.kind is Kind.SADDLE]
    lost = _lost(compiled, fits)
    targets = _climb_all(compiled, unsettled + lost + saddles)
    for target in (*targets, *_unbounded(compiled)):
        if target.kind is not Kind.NOT_STATIONARY and index_of(case, found, target) is None:
            found.append(target)
    ranked = _ranked(case, found)
    led: dict[int | None, Optimum] = {}
    for number, (group, target) in enumerate(zip(unsettled + lost, targets, strict=False)):
        index, is_lost = index_of(case, ranked, target), number >= len(unsettled)
        unbounded = index is not None and ranked[index].kind is Kind.DEGENERATE
        if index is not None and unbounded and (is_lost or _runs_there(objective, group, target)):
            # There is no endpoint to reach: every point of the path belongs to it.
            ranked[index] = replace(ranked[index], members=_members(ranked[index], group))
        elif not is_lost:
            group = replace(group, leads_to=index)
            led[index] = _joined(led[index], group) if index in led else group
    return ranked + list(led.values())


def with_optimum(case: Case, optima: list[Optimum], new: Optimum) -> tuple[list[Optimum], int]:
    """Optima with one more, best first, and which of them it is; one that is known already adds nothing."""
    known = index_of(case, optima, new)
    if known is not None:
        return optima, known
    ranked = _ranked(case, [*optima, new])
    return ranked, next(i for i, optimum in enumerate(ranked) if optimum.point is new.point)


def unreached(compiled: Compiled, point: Point) -> Optimum:
    """A point as an optimum that no start reached."""
    nobody = {by: np.array([], dtype=np.int64) for by in ("em", "pymc")}
    return Optimum(point, judge(compiled, point), nobody)


def _lost(compiled: Compiled, fits: tuple[Endpoints, Endpoints]) -> list[Optimum]:
    """Starts that ended at no finite value, one by one, where they were last."""
    nobody = np.array([], dtype=np.int64)
    found = []
    for fit in fits:
        for start, natural in fit.last_finite.items():
            if np.isfinite(compiled.objective.value_and_gradient(compiled.objective.free(natural))[0]):
                point = examine(compiled, natural)
                members = {other.by: nobody for other in fits} | {fit.by: np.array([start])}
                found.append(Optimum(point, Judgement(Kind.NOT_STATIONARY), members))
    return found


def _runs_there(objective: Objective, group: Optimum, target: Optimum) -> bool:
    """Whether the likelihood already rises towards where it is unbounded at endpoints that PyMC continues to there.

    An EM that stops where it does not yet rise has stopped where it should not.
    """
    return not len(group.members["em"]) or on_the_way(objective, group.point.x, target.point.x)


def _first_judgement(compiled: Compiled, point: Point) -> Judgement:
    """What a point is; one that is not stationary is not looked at further, unless it may be on its way to infinity."""
    if point.stationary or point.unbounded or compiled.case.runaway(point.natural):
        return judge(compiled, point)
    return not_stationary(compiled.case, point)


def _group(
    compiled: Compiled, fits: tuple[Endpoints, Endpoints]
) -> list[tuple[dict[str, npt.NDArray[np.int64]], Point]]:
    """Endpoints with the same fingerprint, each group with its most nearly stationary member."""
    case, objective = compiled
    prints: list[Array] = []
    roundings: list[Array] = []
    where: list[list[tuple[str, int]]] = []
    naturals: list[list[Natural]] = []
    for fit in reversed(fits):
        for start in range(len(fit)):
            natural = take(fit.natural, start)
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
            where[match].append((fit.by, start))
            naturals[match].append(natural)
    result = []
    for places, candidates in zip(where, naturals, strict=True):
        members = {
            fit.by: np.array(sorted(start for name, start in places if name == fit.by), dtype=np.int64) for fit in fits
        }
        result.append((members, _most_stationary(compiled, candidates)))
    return result


def _nearest(prints: list[Array], roundings: list[Array], fingerprint: Array, frequencies: Array) -> int | None:
    """Index of the group with this fingerprint, None when there is none."""
    if not prints:
        return None
    distances = differences(np.stack(prints), fingerprint, np.stack(roundings)).max(axis=1)
    index = int(distances.argmin())
    return index if same(prints[index], fingerprint, frequencies, roundings[index]) else None


def _most_stationary(compiled: Compiled, candidates: list[Natural]) -> Point:
    """Of the first few members, the one where a Newton step has least to gain."""
    first = examine(compiled, candidates[0])
    if first.unbounded:
        return first
    points = [first, *(examine(compiled, natural) for natural in candidates[1:3])]
    return min(points, key=lambda point: point.gain)


def _at_infinity(compiled: Compiled, optimum: Optimum) -> Optimum:
    """A diverging endpoint, moved on until nothing is left to gain.

    How far a fit got before it stopped says nothing; the limit it was tending to does. There may be several
    such limits: a curve that has become a step has one between each two nodes.
    """
    end = maximise(compiled.objective, onward(compiled, optimum.point.natural, optimum.judgement.diverging))
    point = examine_end(compiled, end)
    if point.objective < optimum.objective:
        return optimum
    judgement = judge(compiled, point)
    return replace(optimum, point=point, judgement=judgement if judgement.diverging else optimum.judgement)


def _merge(case: Case, found: list[Optimum]) -> list[Optimum]:
    """Groups that turned out to be one optimum, joined."""
    merged: list[Optimum] = []
    for optimum in sorted(found, key=best_first):
        match = index_of(case, merged, optimum)
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
    return {by: np.sort(np.concatenate([one.members[by], other.members[by]])) for by in one.members}


def _climb_all(compiled: Compiled, below: list[Optimum]) -> list[Optimum]:
    """The optimum that PyMC climbs to from each saddle, or from no optimum at all; they have no members."""
    if not below:
        return []
    starts = np.stack([o.point.x if o.judgement.way_up is None else o.judgement.way_up for o in below])
    ends = [end for _, end in sorted(maximise_all(compiled.objective, starts), key=itemgetter(0))]
    targets: list[Optimum] = []
    for end in ends:
        point = examine_end(compiled, end)
        known = next((o for o in targets if _alike(o.point, point)), None)
        if known is not None:
            targets.append(known)
            continue
        target = unreached(compiled, point)
        targets.append(_at_infinity(compiled, target) if target.kind is Kind.DIVERGING else target)
    return targets


def _unbounded(compiled: Compiled) -> list[Optimum]:
    """Edges towards which the data show that the likelihood is unbounded, whether or not a start came that way."""
    case, objective = compiled
    found = []
    for natural in case.towards_unbounded:
        end = maximise(objective, objective.free(natural))
        point = examine_end(compiled, end)
        if point.unbounded:
            found.append(unreached(compiled, point))
    return found


def index_of(case: Case, found: list[Optimum], target: Optimum) -> int | None:
    """Which of the optima found `target` is, None when it is none of them."""
    return next((i for i, optimum in enumerate(found) if _one_optimum(case, optimum, target)), None)


def _ranked(case: Case, found: list[Optimum]) -> list[Optimum]:
    """Optima in order of their height, each with its rank among them."""
    in_order = sorted(found, key=best_first)
    return [_with_rank(case, optimum, in_order[0]) for optimum in in_order]


def _with_rank(case: Case, optimum: Optimum, best: Optimum) -> Optimum:
    """A regular maximum below the best one is `local`; one at the top may hold a certificate."""
    at_top = optimum.objective >= best.objective - best.point.level
    if optimum.kind is Kind.BEST and not at_top:
        return replace(optimum, judgement=replace(optimum.judgement, kind=Kind.LOCAL))
    maximum = optimum.kind in (Kind.BEST, Kind.RIDGE, Kind.BOUNDARY)
    return replace(optimum, certificate=case.certificate(optimum.point.natural) if at_top and maximum else None)
