"""What a report is made of, whatever it is written in: a title, a verdict, and sections of blocks.

All text is plain: `render` escapes it for Markdown or HTML. Labels come from the user's file and may
hold anything.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from comparisons.cross_check.verdict import Verdict

# Rows of a long table that a report shows; the CSV has them all.
MOST_ROWS = 50


class Badge(NamedTuple):
    """How a verdict is shown: an icon, a word, and the class that gives it its colour."""

    icon: str
    word: str
    css_class: str

    @property
    def heading(self) -> str:
        """What goes before a title; nothing where all is well."""
        return "" if self.css_class == "agree" else f"{self.word.upper()} – "  # noqa: RUF001


BADGES = {
    Verdict.AGREE: Badge("✅", "Agree", "agree"),
    Verdict.ELSEWHERE: Badge("⚠️", "Agree elsewhere", "elsewhere"),
    Verdict.UNDECIDED: Badge("⚠️", "Undecided", "undecided"),
    Verdict.DISAGREE: Badge("❌", "Disagree", "disagree"),
}


class Column(NamedTuple):
    """Head of a column; numbers are aligned to the right."""

    title: str
    numeric: bool = True


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    kind: ClassVar[str] = "text"
    text: str


@dataclass(frozen=True)
class Points:
    """A list of points, each a term and what is said about it."""

    kind: ClassVar[str] = "points"
    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Code:
    """A command, to be copied."""

    kind: ClassVar[str] = "code"
    text: str


@dataclass(frozen=True)
class Table:
    """A table of written cells; the first column names the row.

    Attributes
    ----------
    caption : str
    columns : tuple of Column
    rows : tuple of tuples of str
    note : str
        A line below.
    alarms : frozenset of int
        Rows that must catch the eye.
    always : frozenset of int
        Rows that stay when the table is shortened.
    """

    kind: ClassVar[str] = "table"
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    alarms: frozenset[int] = frozenset()
    always: frozenset[int] = frozenset()

    def shortened(self, csv: str | None) -> "Table":
        """The first rows of a long table and those that stay, with a note that says so and where the others are."""
        if len(self.rows) <= MOST_ROWS:
            return self
        others = f"; all of them are in {csv}" if csv else ""
        first = [row for row in range(len(self.rows)) if row not in self.always][: MOST_ROWS - len(self.always)]
        kept = sorted({*first, *self.always})
        which = f"The first {MOST_ROWS}" if kept[-1] < MOST_ROWS else str(len(kept))
        says = f"{which} of {len(self.rows)} rows are shown{others}."
        return Table(
            self.caption,
            self.columns,
            tuple(self.rows[row] for row in kept),
            f"{self.note} {says}".strip(),
            frozenset(place for place, row in enumerate(kept) if row in self.alarms),
            frozenset(place for place, row in enumerate(kept) if row in self.always),
        )


@dataclass(frozen=True)
class Picture:
    """A figure as the bytes of an image file.

    Attributes
    ----------
    file : str
        Name within the folder `figures`.
    title, caption : str
    alt : str
        What it shows, for a reader who does not see it.
    data : bytes
    """

    kind: ClassVar[str] = "picture"
    file: str
    title: str
    caption: str
    alt: str
    data: bytes

    @property
    def media_type(self) -> str:
        """Media type of `data`."""
        return "image/svg+xml" if self.file.endswith(".svg") else "image/png"


Block = Text | Points | Code | Table | Picture


class Section(NamedTuple):
    """A heading and what stands below it."""

    title: str
    blocks: tuple[Block, ...]


class Page(NamedTuple):
    """A whole report.

    Attributes
    ----------
    title : str
    verdict : Verdict
    sentence : str
        The verdict in words.
    reasons : Points
        The checks that failed.
    flags : Points
    sections : tuple of Section
    """

    title: str
    verdict: Verdict
    sentence: str
    reasons: Points
    flags: Points
    sections: tuple[Section, ...]

    @property
    def badge(self) -> Badge:
        """How the verdict is shown."""
        return BADGES[self.verdict]

    @property
    def pictures(self) -> list[Picture]:
        """All figures, in order."""
        return [block for section in self.sections for block in section.blocks if isinstance(block, Picture)]
