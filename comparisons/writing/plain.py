"""Plain text on one line."""

import unicodedata


def one_line(text: object) -> str:
    """Text on one line, without control characters or invisible marks that reorder or hide text."""
    kept = (char for char in str(text) if char.isspace() or unicodedata.category(char)[0] != "C")
    return " ".join("".join(kept).split())


def as_sentence(message: str) -> str:
    """A message with a capital letter and a full stop."""
    text = one_line(message).rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."
