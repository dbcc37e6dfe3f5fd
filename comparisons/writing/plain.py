"""Plain text on one line."""

import unicodedata


def one_line(text: object) -> str:
    """Text on one line, without control characters or invisible marks that reorder or hide text."""
    kept = (char for char in str(text) if char.isspace() or unicodedata.category(char)[0] != "C")
    return " ".join("".join(kept).split())
