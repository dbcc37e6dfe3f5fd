"""Bytes of the user's files. A pipe that nobody writes to, or a device without an end, keeps nobody waiting."""

import io
import os
import stat
import time
from pathlib import Path

from comparisons.errors import InputError

MOST_BYTES = 2**28
# Seconds to wait for a pipe to be opened by a writer, and for a writer that says nothing.
ALONE, SILENT = 3.0, 30.0
PAUSE = 0.02
CHUNK = 2**20


def read_bytes(path: str | Path, expected: str = "a CSV file") -> bytes:
    """Bytes of a file, or of what is written into a pipe; what was expected is for messages.

    Raises
    ------
    InputError
        If it cannot be read, is too large, or nothing comes.
    """
    try:
        with io.FileIO(path, opener=_without_waiting) as stream:
            found = os.fstat(stream.fileno())
            enough = found.st_size > MOST_BYTES
            raw = b"" if enough else stream.readall() if stat.S_ISREG(found.st_mode) else _poured(stream, found.st_mode)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read ({reason}), expected {expected}") from None
    if enough or len(raw) > MOST_BYTES:
        most = f"at most {MOST_BYTES >> 20} MiB"
        raise InputError(f"{path}: too large, expected {most}; equal rows may be one with a column 'frequency'")
    return raw


def _without_waiting(path: str, flags: int) -> int:
    """Open; a pipe would otherwise keep us until somebody writes."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _poured(stream: io.FileIO, mode: int) -> bytes:
    """What comes out of a pipe or a device, up to a little more than `MOST_BYTES`."""
    raw, since = bytearray(), time.monotonic()
    while len(raw) <= MOST_BYTES:
        part = stream.read(CHUNK)
        if part:
            raw += part
            since = time.monotonic()
            continue
        # None: there is a writer, and nothing to read yet. Empty: the end, or no writer so far.
        if part is not None and (raw or not stat.S_ISFIFO(mode)):
            break
        patience = SILENT if part is None else ALONE
        if time.monotonic() - since > patience:
            raise ValueError(f"nothing came out of this pipe for {patience:g} seconds")
        time.sleep(PAUSE)
    return bytes(raw)
