"""A program of the user's that is asked one line at a time on its standard input, and answers with one line.

It may die, hang, or say what nobody asked for: whatever it does is a `Trouble` that names it, and after any of them it
is ended, with all that it started, as its next line could be the answer to an earlier question.
"""

import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from comparisons.errors import Trouble, one_line
from comparisons.parsing import shortened

# Bytes that are read at once, that an answer may be long, and of standard error that are kept.
CHUNK, LONGEST_ANSWER, KEPT = 65_536, 2**28, 65_536
# Seconds that a program may take to end by itself once its standard input or output is closed.
LEAVE = 0.5
# Of the time limit: the program is ended, and what it said on standard error is read, before the guard around every
# call interrupts both.
IN_TIME = 0.98
# Characters of an answer, or of standard error, that a message shows.
SHOWN = 120


class Deadline(NamedTuple):
    """A time limit in seconds, and when it is over, on the clock of `time.monotonic`."""

    seconds: float
    until: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """So many seconds from now."""
        return cls(seconds, time.monotonic() + IN_TIME * seconds)


class _Running(NamedTuple):
    process: "subprocess.Popen[bytes]"
    errors: "_Errors"


class _Errors(threading.Thread):
    """Reads standard error, so that the program never waits for a reader, and keeps the end of it."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(daemon=True)
        self.descriptor, self.kept = descriptor, b""

    def run(self) -> None:
        """Read until nobody writes any more."""
        with suppress(OSError, ValueError):
            while chunk := os.read(self.descriptor, CHUNK):
                self.kept = (self.kept + chunk)[-KEPT:]


class Program:
    """A program that answers line by line; it is started by its first question, and anew after it was ended.

    Parameters
    ----------
    command : sequence of str
        The program and its arguments; no shell reads them.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self.command = tuple(command)
        self._running: _Running | None = None
        self._end = lambda: None
        self._last_words = ""

    @property
    def running(self) -> bool:
        """Whether it still is what was asked before, and knows what it was told."""
        return self._running is not None

    @property
    def last_words(self) -> str:
        """The line on standard error that tells most: the last one that speaks of an error, else the last one."""
        return telling(self._running.errors.kept) if self._running is not None else self._last_words

    def ask(self, what: str, question: str, deadline: Deadline) -> str:
        """The line that answers one line; `what` was asked, in words, for the message.

        Raises
        ------
        Trouble
            If it cannot be started, ends, is silent until the deadline, or answers with more than one line.
        """
        process = (self._running or self._start()).process
        late = threading.Event()

        def end() -> None:
            late.set()
            _kill(process)

        timer = threading.Timer(max(deadline.until - time.monotonic(), 0), end)
        timer.start()
        try:
            answer = self._exchanged(process, question)
        except BaseException:
            # The guard's time limit, which strikes again soon, or the user's Ctrl-C: at once, then in good order.
            _kill(process)
            self.close()
            raise
        finally:
            timer.cancel()
            timer.join()
        if late.is_set():
            raise self.trouble(f"{what} was not answered within {deadline.seconds:g} seconds", late=True)
        line, end_of_line, rest = answer.partition(b"\n")
        if not end_of_line:
            raise self.trouble(f"{what} was not answered: {_how_it_ended(process, line)}")
        if rest:
            raise self.trouble(f"{what} was answered with more than one line, the second being {quoted(rest)}")
        return line.decode("utf-8", errors="replace")

    def trouble(self, text: str, *, late: bool = False) -> Trouble:
        """End the program; what is to be raised, with what it said on standard error."""
        self.close()
        return Trouble(self.with_words(text), late=late)

    def with_words(self, text: str) -> str:
        """A message with what the program said on standard error."""
        return f"{text}; on standard error: {self.last_words}" if self.last_words else text

    def close(self) -> None:
        """End the program, and all that it started."""
        running, self._running = self._running, None
        self._end()
        if running is not None:
            self._last_words = telling(running.errors.kept)

    def _start(self) -> _Running:
        try:
            process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                # A group of its own is ended as a whole, and gets no Ctrl-C of the user's.
                start_new_session=True,
            )
        except OSError as error:
            raise Trouble(f"{self.command[0]} cannot be started: {error.strerror or error}") from None
        assert process.stderr is not None
        errors = _Errors(process.stderr.fileno())
        errors.start()
        self._running = _Running(process, errors)
        # Also where nobody closes it: when it is no longer in use, or Python ends.
        self._end = weakref.finalize(self, _ended, process, errors)
        return self._running

    def _exchanged(self, process: "subprocess.Popen[bytes]", question: str) -> bytes:
        """All that is there once a first line is, or once there will be no more."""
        assert process.stdin is not None
        assert process.stdout is not None
        # What has ended, or has been ended as it was late, reads nothing; what it wrote before may still be told.
        with suppress(BrokenPipeError):
            process.stdin.write(question.encode() + b"\n")
            process.stdin.flush()
        answer = b""
        while b"\n" not in answer[-CHUNK:] and len(answer) < LONGEST_ANSWER:
            chunk = os.read(process.stdout.fileno(), CHUNK)
            if not chunk:
                break
            answer += chunk
        return answer


def quoted(line: bytes | str) -> str:
    """A line of the program's, for a message."""
    text = line.decode("utf-8", errors="replace") if isinstance(line, bytes) else line
    return f"'{shortened(one_line(text.strip().partition(chr(10))[0]), SHOWN)}'"


def telling(written: bytes) -> str:
    """The line that tells most of what was written on standard error.

    R ends with 'Execution halted', Julia with where the error came from: the last line that speaks of an error comes
    first, with the next one where it ends in a colon.
    """
    lines = [line.strip() for line in written.decode("utf-8", errors="replace").splitlines() if line.strip()]
    of_errors = [index for index, line in enumerate(lines) if "error" in line.lower()]
    if not lines:
        return ""
    if not of_errors:
        return shortened(one_line(lines[-1]), SHOWN)
    told = lines[of_errors[-1]]
    if told.endswith(":"):
        told = " ".join([told, *lines[of_errors[-1] + 1 :][:1]])
    return shortened(one_line(told), SHOWN)


def _how_it_ended(process: "subprocess.Popen[bytes]", said: bytes) -> str:
    """Why there is no whole line."""
    if len(said) >= LONGEST_ANSWER:
        return f"a line of more than {LONGEST_ANSWER:,} bytes"
    with suppress(subprocess.TimeoutExpired):
        process.wait(LEAVE)
    status = process.returncode
    if status is None:
        how = "the program closed its standard output"
    elif status < 0:
        how = f"the program was ended by signal {signal.Signals(-status).name}"
    else:
        how = f"the program ended with exit status {status}"
    return f"{how}, after {quoted(said)}" if said else how


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """End a process and those that it started, at once."""
    if sys.platform == "win32":
        process.kill()
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _ended(process: "subprocess.Popen[bytes]", errors: _Errors) -> None:
    """Let a program end by itself, as it may have files to remove, then end what is left, and leave nothing open."""
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    with suppress(OSError):
        process.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(LEAVE)
    _kill(process)
    process.wait()
    errors.join(LEAVE)
    process.stdout.close()
    process.stderr.close()
