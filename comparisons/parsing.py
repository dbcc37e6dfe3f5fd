"""Numbers as people write them, and the ranges in which they make sense.

What Python's `float()` and `int()` take is wider: underscores, other scripts' digits, the word infinity.
"""

import math
import re
from typing import NamedTuple

# Up to here every whole number is a double.
LARGEST_COUNT = 2**53
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?(\d+))?", re.ASCII | re.IGNORECASE)
WHOLE = re.compile(r"[+-]?\d{1,100}", re.ASCII)
# Python counts these among the blanks, and float() does not.
SEPARATORS = frozenset("\x1c\x1d\x1e\x1f")
# Digits of a power of ten; those of doubles reach from -324 to 308.
MOST_EXPONENT = 3
LONGEST = 40


class Range(NamedTuple):
    """Numbers from `least` to `most`, both included."""

    least: float = -math.inf
    most: float = math.inf

    def holds(self, value: float) -> bool:
        """Whether a number lies in the range; not a number never does."""
        return self.least <= value <= self.most

    def __str__(self) -> str:
        if not math.isfinite(self.most):
            return f"{_written(self.least)} or more" if math.isfinite(self.least) else ""
        return f"from {_written(self.least)} to {_written(self.most)}"


def expected(what: str, where: Range) -> str:
    """'a number' and its range, for a message."""
    comma = "" if math.isfinite(where.most) or not str(where) else ","
    return f"{what}{comma} {where}".rstrip()


def stripped(text: str) -> str:
    """Text without the blanks at its ends; the separators of ASCII are none."""
    return text if SEPARATORS.intersection(text) else text.strip()


def as_number(text: str) -> float:
    """A finite number; one that is not 0 and too small for a double is none.

    Raises
    ------
    ValueError
    """
    text = stripped(text)
    written = NUMBER.fullmatch(text)
    if not written:
        raise ValueError("is not a number")
    if len((written[3] or "").lstrip("0")) > MOST_EXPONENT:
        raise ValueError(f"has an exponent of more than {MOST_EXPONENT} digits")
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("does not fit a double")
    if value == 0 and re.search("[1-9]", re.split("[eE]", text)[0]):
        raise ValueError("does not fit a double")
    return value


def as_whole(text: str) -> int:
    """A whole number of at most 100 digits.

    Raises
    ------
    ValueError
    """
    if not WHOLE.fullmatch(stripped(text)):
        raise ValueError("is not a whole number")
    return int(stripped(text))


def shortened(text: str, longest: int = LONGEST) -> str:
    """Text for a message, cut short where it is long."""
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def _written(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e16 else f"{value:g}"
