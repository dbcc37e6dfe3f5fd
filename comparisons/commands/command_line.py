"""How the command begins and ends: whatever happens is one line and a status, none of them by accident."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from comparisons.commands.batch import AGREE, BAD_INPUT, BROKEN_PIPE, INTERNAL_ERROR, INTERRUPTED, complain, discard
from comparisons.commands.libraries import prepare_libraries, quiet_libraries
from comparisons.errors import InputError, unforeseen


class CommandLine(click.Group):
    """A group whose every complaint is one line, and whose every end is a status."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run, and end the process with the status."""
        _open_streams()
        try:
            status = self._status(*args, **extra)
            sys.stdout.flush()
        except BrokenPipeError:
            status = BROKEN_PIPE
            discard(sys.stdout)
        except OSError as error:
            # A file of the user's has a name; what has none is the output.
            status = INTERNAL_ERROR if error.filename is None else BAD_INPUT
            complain(f"{error.filename or 'the output'}: cannot be read or written ({error.strerror or error})")
            discard(sys.stdout)
        except Exception as error:
            complain(unforeseen(error))
            status = INTERNAL_ERROR
        gc.freeze()  # collecting what PyMC and PyTensor hold would take a second at the end
        sys.exit(status if isinstance(status, int) else AGREE)

    def _status(self, *args: Any, **extra: Any) -> Any:
        """Run; what the user can mend is a line and a status."""
        extra |= {"prog_name": extra.get("prog_name") or "em-crosscheck", "standalone_mode": False}
        try:
            prepare_libraries()
            with quiet_libraries():
                return super().main(*args, **extra)
        except click.UsageError as error:
            command = error.ctx.command_path if error.ctx else self.name
            complain(f"{error.format_message().rstrip('.')} (see {command} --help)")
        except (InputError, click.ClickException) as error:
            complain(error)
        except click.Abort:
            complain("interrupted")
            return INTERRUPTED
        return BAD_INPUT

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Read the arguments; click itself would end with 1 where no one reads on."""
        with _no_reader():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; as above."""
        with _no_reader():
            return super().invoke(ctx)


@contextmanager
def _no_reader() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise click.exceptions.Exit(BROKEN_PIPE) from None


def _open_streams() -> None:
    """Streams that show what they cannot; one that was closed is one that refuses, not one that is not there."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDONLY), "w"))
        stream = getattr(sys, name)
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
