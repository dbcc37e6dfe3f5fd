"""What a model cannot do with data that are right."""


class TooLargeError(ValueError):
    """The data ask for a sum that is too large; the message says which, and what would help."""
