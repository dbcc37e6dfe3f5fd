"""The error that a user can cause. It stands alone: whoever raises or catches it loads nothing else."""


class InputError(ValueError):
    """Bad input of the user: one line that says what, where and what was expected."""


def one_line(text: str) -> str:
    """Text with its line ends and control characters written out, as user's labels may hold any."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
