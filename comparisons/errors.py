"""The error that a user can cause. It stands alone: whoever raises or catches it loads nothing else."""

import traceback
from pathlib import Path

from comparisons.parsing import shortened

ROOT = Path(__file__).resolve().parents[1]


class InputError(ValueError):
    """Bad input of the user: one line that says what, where and what was expected.

    Examples
    --------
    >>> from comparisons import load_problem
    >>> load_problem("lsat")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    comparisons.errors.InputError: unknown problem 'lsat', expected one of: coins, genetic-linkage, ...
    """


def one_line(text: str) -> str:
    """Text with its line ends and control characters written out, as user's labels may hold any."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def unforeseen(error: BaseException) -> str:
    """An error that is ours: what it is, and the last place of ours that it came through."""
    if isinstance(error, MemoryError):
        return f"not enough memory{f' ({error})' if str(error) else ''}, expected smaller data or fewer starts"
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if ROOT in Path(frame.filename).parents] or frames
    at = f" ({Path(ours[-1].filename).name}, line {ours[-1].lineno})" if ours else ""
    said = shortened(str(error), 300)
    return f"internal error, please report it with the command and the data: {type(error).__name__}: {said}{at}"
