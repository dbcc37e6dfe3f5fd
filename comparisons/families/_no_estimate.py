"""Items that have no finite maximum likelihood estimate: everyone got them right, or no one, or no one answered."""

from collections.abc import Mapping

from comparisons.case import Array, Flag, InputError

# What may be the matter with an item that has no finite estimate, and what follows.
ALL_RIGHT = "every examinee got {} right: {d} diverge{s} to +infinity, {a} {be} not identified"
ALL_WRONG = "no examinee got {} right: {d} diverge{s} to -infinity, {a} {be} not identified"
NO_ANSWER = "no examinee answered {}: {d} and {a} are not identified"


def without_variation(responses: Array, items: tuple[str, ...], frequencies: Array | None) -> dict[str, str]:
    """Items that everyone, or no one, got right, or that no one answered; by name what is the matter."""
    seen = responses if frequencies is None else responses[frequencies > 0]
    right, wrong = (seen == 1).any(axis=0), (seen == 0).any(axis=0)
    matter = {(True, False): ALL_RIGHT, (False, True): ALL_WRONG, (False, False): NO_ANSWER}
    answers = zip(items, right, wrong, strict=True)
    return {item: matter[bool(r), bool(w)] for item, r, w in answers if not (r and w)}


def left_out(dropped: Mapping[str, str]) -> tuple[Flag, ...]:
    """One flag that names all items left out, those with the same trouble together."""
    if not dropped:
        return ()
    alike = [[item for item in dropped if dropped[item] == why] for why in dict.fromkeys(dropped.values())]
    named = "; ".join(trouble(group, dropped[group[0]]) for group in alike)
    them = "it" if len(dropped) == 1 else "them"
    return (Flag("diverging", f"{named}; the other items are estimated without {them}"),)


def trouble(names: list[str], why: str) -> str:
    """What is the matter with some items, and what it does to their parameters."""
    d, a = (f"{parameter}[{names[0]}]" if len(names) == 1 else f"their {parameter}" for parameter in "da")
    what, does = why.split(": ")
    does = does.format(d=d, a=a, s="s" if len(names) == 1 else "", be="is" if len(names) == 1 else "are")
    return f"{what.format(', '.join(names))}: {does}"


def with_estimates(
    responses: Array, items: tuple[str, ...], frequencies: Array | None, where: str, drop: bool
) -> tuple[Array, tuple[str, ...], dict[str, str]]:
    """Responses and names of the items that have a finite estimate, and what is the matter with the others.

    Raises
    ------
    InputError
        If fewer than two items are left.
    """
    dropped = without_variation(responses, items, frequencies) if drop else {}
    responses = responses[:, [item not in dropped for item in items]]
    items = tuple(item for item in items if item not in dropped)
    if len(items) < 2:
        reason = ""
        if dropped:
            first, why = next(iter(dropped.items()))
            more = f", and {len(dropped) - 1} more" if len(dropped) > 1 else ""
            reason = f" ({trouble([first], why)}{more})"
        raise InputError(f"{where}: {len(items)} item(s) left to estimate, expected at least 2{reason}")
    return responses, items, dropped
