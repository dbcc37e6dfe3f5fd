"""What a package says by the way while it runs: its log, and warnings that are meant for its user."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


class _Kept(logging.Handler):
    """Keeps what is logged."""

    def __init__(self, heard: list[str]) -> None:
        super().__init__(logging.WARNING)
        self.heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one message."""
        self.heard.append(f"it logs: {_one_line(record.getMessage())}")


@contextmanager
def listening() -> Iterator[list[str]]:
    """Fill a list with what is logged and warned of meanwhile, in this order, everything once.

    Left out are warnings that are meant for programmers, of what is deprecated or of arithmetic.
    """
    heard: list[str] = []
    found: list[str] = []
    handler, root = _Kept(heard), logging.getLogger()
    root.addHandler(handler)
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            yield found
    finally:
        root.removeHandler(handler)
        told = [f"it warns: {_one_line(str(one.message))}" for one in warned if issubclass(one.category, UserWarning)]
        found.extend(dict.fromkeys(heard + told))


def _one_line(text: str) -> str:
    return " ".join(text.split())
