"""What packages say by the way: their logs and warnings, once each, and nothing is left behind."""

import logging
import warnings

import pytest

from comparisons.peers._heard import listening


def test_logs_and_warnings_are_heard_once() -> None:
    with listening() as heard:
        for _ in range(2):
            logging.getLogger("package").warning("%s rows\nwere dropped", 2)
            warnings.warn("\nit ends early\n", UserWarning, stacklevel=1)
        logging.getLogger("package").info("a cycle")
        warnings.warn("gone with the next version", DeprecationWarning, stacklevel=1)
        warnings.warn("overflow", RuntimeWarning, stacklevel=1)
    assert heard == ["it logs: 2 rows were dropped", "it warns: it ends early"]


def test_nothing_is_heard_before_and_after() -> None:
    root = logging.getLogger()
    before = list(root.handlers)
    heard: list[str] = []

    def refuses() -> None:
        nonlocal heard
        with listening() as heard:
            logging.getLogger("package").warning("first")
            raise ValueError("refused")

    with pytest.raises(ValueError, match="refused"):
        refuses()
    assert heard == ["it logs: first"]
    assert root.handlers == before
    logging.getLogger("package").warning("later")
    assert heard == ["it logs: first"]


def test_a_filter_of_the_caller_does_not_silence_it() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with listening() as heard:
            warnings.warn("it ends early", stacklevel=1)
    assert heard == ["it warns: it ends early"]
