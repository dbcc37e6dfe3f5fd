"""What libraries announce is not part of an answer. Loads nothing, so that any command can begin with it."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hushed_libraries() -> Iterator[None]:
    """Keep to themselves what PyMC, PyTensor, ArviZ and matplotlib announce when they are loaded."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
