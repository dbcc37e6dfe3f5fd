"""Mistakes with the estimates: not updated, in another order, rounded, cut off, scaled, over-relaxed."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from comparisons.audit.causes.mistake import Mistake, Of
from comparisons.audit.own_em import end_of_em, one_cycle
from comparisons.audit.reference import Reference
from comparisons.case import Array, Case, Natural

Change = Callable[[Array], Array]
DECIMALS = (1, 2, 3, 4, 5, 6, 8)


def wrong_estimates(reference: Reference) -> Iterator[Mistake]:
    """A right cycle with something done to its result or to its parameters, or the estimates of a right fit."""
    case = reference.case
    for name, entries in case.labels.items():
        yield Mistake(f"{name} is never updated", partial(_kept, case, name, np.ones(len(entries), bool)), of=Of.CYCLE)
        if len(entries) > 1:
            last = np.arange(len(entries)) == len(entries) - 1
            yield Mistake(f"the last {name} is never updated", partial(_kept, case, name, last), of=Of.CYCLE)
            yield Mistake(f"the first {name} is never updated", partial(_kept, case, name, last[::-1]), of=Of.CYCLE)
        for words, change in _changes(name, len(entries)).items():
            yield Mistake(words, partial(_after, case, name, change), of=Of.CYCLE | Of.END | Of.FIT)
            yield Mistake(f"{words}, before each cycle", partial(_before, case, name, change))
        for words, amount, sized in _sized(name):
            yield Mistake(words, partial(_by_amount, case, name, sized), amount)
    sizes = sorted({len(entries) for entries in case.labels.values()})
    if len(case.labels) > 1 and len(sizes) == 1 and sizes[0] > 1:
        for which, place in (("last", -1), ("first", 0)):
            alone = np.zeros(sizes[0], dtype=bool)
            alone[place] = True
            words = f"the parameters of the {which} {'item' if 'd' in case.labels else 'component'} are never updated"
            yield Mistake(words, partial(_all_kept, case, alone), of=Of.CYCLE)
    if len(case.labels) == 2 and len(sizes) == 1:
        first, second = case.labels
        words = f"{first} and {second} are exchanged"
        yield Mistake(words, partial(_exchanged, case, first, second), of=Of.CYCLE | Of.END | Of.FIT)
        yield Mistake(f"{words}, before each cycle", partial(_exchanged_before, case, first, second))
    yield Mistake("the step is {amount} times that of EM, over-relaxed", partial(_stretched, case), 1.2, Of.CYCLE)
    scaled = "all parameters are {amount} times as large inside, a scaling constant in the model"
    yield Mistake(scaled, partial(_scaled, case), 1.5)


def wrong_starts(reference: Reference) -> Iterator[Mistake]:
    """A right fit from a start that was changed."""
    case = reference.case
    for name, entries in case.labels.items():
        for words, change in _changes(name, len(entries)).items():

            def fit(start: Natural, _: float, name: str = name, change: Change = change) -> Natural:
                return end_of_em(case, {**start, name: change(start[name])})

            yield Mistake(f"in the start, {words}", fit, of=Of.FIT, from_start=True)


def _kept(case: Case, name: str, keep: Array, at: Natural, _: float) -> Natural:
    new = one_cycle(case, at)
    return {**new, name: np.where(keep, at[name], new[name])}


def _all_kept(case: Case, keep: Array, at: Natural, _: float) -> Natural:
    new = one_cycle(case, at)
    return {name: np.where(keep, at[name], new[name]) for name in new}


def _exchanged(case: Case, first: str, second: str, at: Natural, _: float) -> Natural:
    new = one_cycle(case, at)
    return {**new, first: new[second], second: new[first]}


def _exchanged_before(case: Case, first: str, second: str, at: Natural, _: float) -> Natural:
    return one_cycle(case, {**at, first: at[second], second: at[first]})


def _after(case: Case, name: str, change: Change, at: Natural, _: float) -> Natural:
    new = one_cycle(case, at)
    return {**new, name: change(new[name])}


def _before(case: Case, name: str, change: Change, at: Natural, _: float) -> Natural:
    return one_cycle(case, {**at, name: change(at[name])})


def _by_amount(case: Case, name: str, change: Callable[[Array, float], Array], at: Natural, amount: float) -> Natural:
    new = one_cycle(case, at)
    return {**new, name: change(new[name], amount)}


def _changes(name: str, entries: int) -> dict[str, Change]:
    """What is done to one parameter."""
    found: dict[str, Change] = {
        f"{name} has the wrong sign": lambda new: -new,
        f"{name} is made positive": np.abs,
        f"{name} below 0 is set to 0": lambda new: np.maximum(new, 0.0),
        f"1 - {name} stands in place of {name}, reflected": lambda new: 1 - new,
    }
    for decimals in DECIMALS:
        found[f"{name} is rounded to {decimals} decimals"] = partial(_rounded, decimals)
    if entries == 1:
        return found
    several: dict[str, Change] = {
        f"{name} is in another order than the other parameters": lambda new: new[::-1],
        f"{name} is sorted and the other parameters are left behind": np.sort,
        f"{name} is sorted downwards and the other parameters are left behind": lambda new: np.sort(new)[::-1],
        f"the mean of {name} is brought to 1": lambda new: new / new.mean(),
        f"the geometric mean of {name} is brought to 1": lambda new: new / np.exp(np.log(np.abs(new)).mean()),
        f"the mean of {name} is brought to 0": lambda new: new - new.mean(),
        f"{name} is made equal for all, its mean": lambda new: np.full_like(new, new.mean()),
        f"{name} is in another order, shifted by one place: an index one off": lambda new: np.roll(new, 1),
        f"{name} is in another order, shifted back by one place: an index one off": lambda new: np.roll(new, -1),
    }
    return {**several, **found}


def _rounded(decimals: int, values: Array) -> Array:
    return np.round(values, decimals)


def _sized(name: str) -> Iterator[tuple[str, float, Callable[[Array, float], Array]]]:
    """What is done to one parameter by an amount."""
    yield f"{name} is {{amount}} times what it should be", 1.1, lambda new, by: new * by
    yield f"{name} is too large by {{amount}}", 0.01, lambda new, by: new + by
    shrunk = f"{name} is shrunk towards 1/2 by {{amount}}: a prior is left in, or it is kept off 0 and 1"
    yield shrunk, 0.01, lambda new, by: new + by * (0.5 - new)
    power = f"{name} is what it should be to the power of {{amount}}: a root or a square is missing"
    yield power, 1.1, lambda new, by: np.sign(new) * np.abs(new) ** by


def _stretched(case: Case, at: Natural, by: float) -> Natural:
    new = one_cycle(case, at)
    return {name: at[name] + by * (new[name] - at[name]) for name in new}


def _scaled(case: Case, at: Natural, by: float) -> Natural:
    new = one_cycle(case, {name: by * values for name, values in at.items()})
    return {name: values / by for name, values in new.items()}
