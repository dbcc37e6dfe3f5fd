"""How numbers are written: as many digits as they carry, and no more than one can read."""

import math
from collections.abc import Callable
from typing import Any

MISSING = "–"  # noqa: RUF001
# How near to the edge at 0 a parameter is that is at it.
NOTHING = 1e-11


def written(value: float | None, pattern: str, missing: str = MISSING, infinite: str = "∞") -> str:
    """A number in one pattern; what is missing or infinite is written the same in all."""
    number = math.nan if value is None else float(value)
    if math.isnan(number):
        return missing
    if math.isinf(number):
        return infinite if number > 0 else f"-{infinite}"
    return format(number, pattern)


def _kind(pattern: str) -> Callable[[Any], str]:
    """Format of one kind of number in a report, where exactly 0 is written as 0 in all."""
    return lambda value: "0" if value == 0 else written(value, pattern)


# Estimates: 8 significant digits, trailing zeros kept because they are digits too.
estimate = _kind("#.8g")
standard_error = _kind("#.5g")
digits = _kind(".1f")
log_likelihood = _kind(".7f")
# Log-likelihoods to be compared by eye, digit by digit.
log_likelihood_in_full = _kind(".10f")
# Numbers of a worked table, printed as in a textbook.
decimal = _kind(".7f")
ratio = _kind(".4f")
whole = _kind(".0f")


def at_edge(value: float) -> float:
    """A parameter at the edge of its range, where a fit leaves 1e-300 or 1e-12: 0 where it is that."""
    return 0.0 if abs(value) <= NOTHING else value


def difference(value: Any) -> str:
    """Differences, and what was found beside what is allowed: 1.2e-11, but 0.32 and 7."""
    size = math.nan if value is None else abs(float(value))
    return _kind(".1e" if size < 1e-2 else ".2g" if size < 100 else ".6g")(value)


def whole_or_half(value: Any) -> str:
    """A median of whole numbers."""
    text = _kind(".1f")(value)
    return text.removesuffix(".0")


def as_printed(value: float) -> str:
    """A published number with the digits that it was given with."""
    return f"{value!r}" if math.isfinite(value) else MISSING


def decimals(values: list[float]) -> int:
    """Digits after the point with which a list of published numbers was printed."""
    return max((len(repr(value).partition(".")[2]) for value in values if math.isfinite(value)), default=0)


def on_terminal(value: float) -> str:
    """An estimate on the terminal: six decimals, as long as they can be read."""
    return f"{value:.6f}" if value == 0 or 1e-4 <= abs(value) < 1e5 else f"{value:.4g}"
