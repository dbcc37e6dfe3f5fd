"""How numbers are written in a report: as many digits as they carry, and no more than one can read."""

import math
from collections.abc import Callable
from typing import Any

MISSING = "–"  # noqa: RUF001


def _written(pattern: str) -> Callable[[Any], str]:
    """Format of one kind of number; what is missing, infinite or exactly 0 is written the same in all."""

    def write(value: Any) -> str:
        number = math.nan if value is None else float(value)
        if math.isnan(number):
            return MISSING
        if math.isinf(number):
            return "∞" if number > 0 else "-∞"
        return format(number, pattern) if number else "0"

    return write


# Estimates: 8 significant digits, trailing zeros kept because they are digits too.
estimate = _written("#.8g")
standard_error = _written("#.5g")
digits = _written(".1f")
log_likelihood = _written(".7f")
# Log-likelihoods to be compared by eye, digit by digit.
log_likelihood_in_full = _written(".10f")
# Numbers of a worked table, printed as in a textbook.
decimal = _written(".7f")
ratio = _written(".4f")
whole = _written(".0f")


def difference(value: Any) -> str:
    """Differences, and what was found beside what is allowed: 1.2e-11, but 0.32 and 7."""
    size = math.nan if value is None else abs(float(value))
    return _written(".1e" if size < 1e-2 else ".2g" if size < 100 else ".6g")(value)


def whole_or_half(value: Any) -> str:
    """A median of whole numbers."""
    text = _written(".1f")(value)
    return text.removesuffix(".0")


def as_printed(value: float) -> str:
    """A published number with the digits that it was given with."""
    return f"{value!r}" if math.isfinite(value) else MISSING


def decimals(values: list[float]) -> int:
    """Digits after the point with which a list of published numbers was printed."""
    return max((len(repr(value).partition(".")[2]) for value in values if math.isfinite(value)), default=0)
