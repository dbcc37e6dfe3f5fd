"""Checks that hold for every model of independent rows: the rows in another order, and all rows twice.

Another order of the rows changes nothing. All rows twice double the log-likelihood, leave every EM cycle and so the
estimates where they were, and make standard errors smaller by the root of 2. Whether the rows of a model are
independent PyMC's log-likelihood says: where it changes with their order, or does not double, as for one long series,
the check is not applicable.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from comparisons.case import Array, Case, InputError, Natural, each, stack
from comparisons.compiled import Compiled
from comparisons.cross_check.checks import EQUAL, EQUAL_ERRORS, FIXED, Check
from comparisons.optima.standard_errors import standard_errors
from pp_models.objective import Objective

ORDER, TWICE = "rows in another order", "all rows twice"
# Random starts at which a cycle is compared, beside the maximum.
POINTS = 3
# Two sums of the same terms in another order, beside 1 + their size.
ROUND_OFF = 1e-9


def other_rows(compiled: Compiled, starts: Natural, maximum: Natural) -> tuple[Check, ...]:
    """Both checks at some starts and at the maximum; none where the case is not known as a function of its data.

    Parameters
    ----------
    compiled : Compiled
    starts : Natural
        With one leading axis.
    maximum : Natural

    Returns
    -------
    tuple of Check
        `rows in another order`, `all rows twice`, and for the latter `standard errors, all rows twice`. What is not
        applicable has passed, with no number found.

    Raises
    ------
    InputError
        If the data have no rows, or no case can be made of them in another order.
    """
    case = compiled.case
    if case.of_data is None:
        return ()
    points = stack([*list(each(starts))[:POINTS], maximum])
    count = number_of_rows(case.of_data.data)
    order = np.random.default_rng(count).permutation(count)
    twice = np.tile(np.arange(count), 2)
    return (
        *_compared(compiled, points, _other(case, case.of_data.bind, ORDER, order), ORDER, 1.0),
        *_compared(compiled, points, _other(case, case.of_data.bind, TWICE, twice), TWICE, 2.0),
    )


def number_of_rows(data: Any) -> int:
    """Length of the first axis of an array or a table; of a dict, the one that most of its entries share.

    Raises
    ------
    InputError

    Examples
    --------
    >>> number_of_rows({"y": np.zeros(12), "x": np.zeros((12, 2)), "degrees": 3, "nodes": np.zeros(61)})
    12
    """
    entries = list(data.values()) if isinstance(data, Mapping) else [data]
    lengths = Counter(len(entry) for entry in entries if _has_rows(entry))
    if not lengths:
        raise InputError("data: nothing in it has rows, expected an array, a table, or a dict of such")
    return max(lengths, key=lambda length: (lengths[length], length))


def rows_of(data: Any, index: npt.NDArray[np.int64]) -> Any:
    """The data with their rows chosen by place; what has another length stays as it is."""
    count = number_of_rows(data)

    def chosen(entry: Any) -> Any:
        if not (_has_rows(entry) and len(entry) == count):
            return entry
        return entry.iloc[index].reset_index(drop=True) if hasattr(entry, "iloc") else np.asarray(entry)[index]

    return {name: chosen(entry) for name, entry in data.items()} if isinstance(data, Mapping) else chosen(data)


def _has_rows(entry: Any) -> bool:
    return hasattr(entry, "iloc") or (not isinstance(entry, str | bytes) and np.ndim(entry) > 0)


def _other(case: Case, bind: Callable[[Any], Case], what: str, index: npt.NDArray[np.int64]) -> Case:
    """The case of other rows.

    Raises
    ------
    InputError
    """
    assert case.of_data is not None
    try:
        return bind(rows_of(case.of_data.data, index))
    except Exception as problem:
        said = " ".join(f"{type(problem).__name__}: {problem}".split())
        raise InputError(
            f"{case.name}: no model and EM of {what} can be made ({said}), expected functions of the data"
        ) from problem


def _compared(compiled: Compiled, points: Natural, other: Case, what: str, times: float) -> Iterator[Check]:
    """The checks of one change of the rows, which multiplies the log-likelihood."""
    case, objective = compiled
    if other.labels != case.labels:
        yield Check(what, np.nan, FIXED, True, "not applicable: the number of parameters depends on the rows")
        return
    changed = other.objective(objective.backend)
    here, there = (
        np.array([one.log_likelihood(one.free(point)) for point in each(points)]) for one in (objective, changed)
    )
    if not _equal(times * here, there, ROUND_OFF):
        worst = int(np.nan_to_num(np.abs(times * here - there), nan=np.inf).argmax())
        yield Check(
            what,
            np.nan,
            FIXED,
            True,
            f"not applicable: by PyMC's model {what} take the log-likelihood from {here[worst]:.10g} to "
            f"{there[worst]:.10g}, so the rows are not independent",
        )
        return
    if case.with_prior and times != 1:
        yield Check(what, np.nan, FIXED, True, "not applicable: a prior does not double with the rows")
        return
    yield _cycles(case, other, points, what, times)
    if times != 1:
        maximum = list(each(points))[-1]
        yield _errors(compiled, changed, maximum, times)


def _cycles(case: Case, other: Case, points: Natural, what: str, times: float) -> Check:
    """EM's own log-likelihood, and one cycle of it, on both data sets."""
    own, changed = (
        np.ravel(np.asarray(one.em.e_step(one.to_em(points)).log_likelihood, dtype=float)) for one in (case, other)
    )
    if not _equal(times * own, changed, EQUAL):
        worst = int(np.nan_to_num(np.abs(times * own - changed), nan=np.inf).argmax())
        found = float(np.abs(times * own - changed)[worst] / (1 + np.abs(changed[worst])))
        detail = f"EM's log-likelihood goes from {own[worst]:.10g} to {changed[worst]:.10g}, not times {times:g}"
        return Check(what, found, EQUAL, False, detail)
    before, after = case.one_cycle(points), other.one_cycle(points)
    pairs = [(one, case.align(two, one)) for one, two in zip(each(before), each(after), strict=True)]
    shifts = np.array([np.abs(case.flat(two) - case.flat(one)) / case.size(one) for one, two in pairs])
    shifts = np.where(np.isnan(shifts), np.inf, shifts)
    point, entry = np.unravel_index(int(shifts.argmax()), shifts.shape)
    found = float(shifts[point, entry])
    one, two = (case.flat(natural)[entry] for natural in pairs[int(point)])
    detail = f"one EM cycle from the same point takes {case.parameter_names()[int(entry)]} to {one:.10g} and {two:.10g}"
    return Check(what, found, FIXED, found <= FIXED, detail)


def _errors(compiled: Compiled, changed: Objective, maximum: Natural, times: float) -> Check:
    """Standard errors by PyMC's information at the maximum, on both data sets."""
    case, objective = compiled
    here, there = (standard_errors(Compiled(case, one), maximum) for one in (objective, changed))
    known = np.isfinite(here) & np.isfinite(there) & (here > 0)
    name = f"standard errors, {TWICE}"
    if not known.any():
        return Check(name, np.nan, EQUAL_ERRORS, True, "not applicable: there are none")
    ratio = np.where(known, here, 1.0) / np.where(known, there, 1.0)
    off = np.where(known, np.abs(ratio / np.sqrt(times) - 1), 0.0)
    worst = int(off.argmax())
    detail = f"that of {case.parameter_names()[worst]} is {ratio[worst]:.8g} times smaller, by the root of {times:g}"
    return Check(name, float(off[worst]), EQUAL_ERRORS, bool(off[worst] <= EQUAL_ERRORS), detail)


def _equal(one: Array, other: Array, share: float) -> bool:
    with np.errstate(invalid="ignore"):
        return bool((np.abs(one - other) <= share * (1 + np.abs(other))).all())
