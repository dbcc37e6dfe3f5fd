"""The errors that a user can cause. They stand alone: whoever raises or catches one loads nothing else."""

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
    comparisons.errors.InputError: unknown problem 'lsat', expected one of: arrow, arrow-prior, ...
    """


class Trouble(Exception):  # noqa: N818 - a finding, not an error of ours
    """An EM of the user's raised, hung, returned something unusable or changed its input.

    Attributes
    ----------
    refused : bool
        It raised a ValueError of its own: it said that it cannot do this.
    late : bool
        It did not return in time.
    at : str
        The parameters that it was called with, in words.
    """

    def __init__(self, text: str, *, refused: bool = False, late: bool = False) -> None:
        super().__init__(text)
        self.refused, self.late = refused, late
        self.at = ""


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
