"""What headers and names of parameters mean."""

import re
from collections.abc import Iterator
from typing import NamedTuple

NAMELESS = "(row names)"
SECOND_NAMELESS = f"{NAMELESS} 2"
COLUMNS_OF_NAMES = ("variable", "name", "names", "parameter", "parameters", "param", "params", "par", "term", "index")
# The first of them that a table has is read; `em` and `pymc` are those of a report's estimates.csv.
COLUMNS_OF_VALUES = (
    "estimate", "estimates", "value", "values", "est", "par", "coef", "coefficient", "mle", "map", "mode", "mean",
    "median", "50%", "q50", "em", "pymc",
)  # fmt: skip
# Mean and variance of the ability as mirt names them.
GROUP = ("mean1", "cov11")
BRACKETS = re.compile(r"(.+?)\[(.+)\]")
COUNTED = re.compile(r"([A-Za-z]+)(\d+)")
SEPARATOR = re.compile(r"[._\s]+")


class Role(NamedTuple):
    """What a column may stand for.

    Attributes
    ----------
    name : str
        Also the option that names its column: `--slope COLUMN`.
    synonyms : tuple of str
        Headers that mean it, in lower case without blanks, dots and underscores.
    """

    name: str
    synonyms: tuple[str, ...]


def plain(header: str) -> str:
    """Header in lower case without blanks, dots and underscores."""
    return re.sub(r"[\s._]", "", header.lower())


class Vocabulary(NamedTuple):
    """What headers may mean in a family.

    Attributes
    ----------
    roles : tuple of Role
        The first of them is the name of the row.
    beside : tuple of str
        Further quantities that stand beside the parameters, such as asymptotes.
    """

    roles: tuple[Role, ...]
    beside: tuple[str, ...] = ()

    @property
    def row(self) -> str:
        """Name of the column of row names: item, component."""
        return self.roles[0].name

    def is_parameter(self, header: str) -> bool:
        """Whether a header means a parameter."""
        return any(plain(header) in role.synonyms for role in self.roles[1:])

    def is_known(self, header: str) -> bool:
        """Whether a header means a parameter or what stands beside parameters."""
        return self.is_parameter(header) or plain(header) in (*self.beside, *GROUP)

    def names_rows(self, header: str) -> bool:
        """Whether a header means the names of the rows."""
        return plain(header) in self.roles[0].synonyms or header in (NAMELESS, SECOND_NAMELESS)

    def split(self, name: str, row_first: bool = False) -> tuple[str, str] | None:
        """Parameter and row of `a[item1]`, `Dffclt.Item 1`, `Item.1.a1`, `b_3` or `p2`; None where there are none."""
        return next(((base, row) for base, row in _ways(name.strip(), row_first) if row and self.is_known(base)), None)


def _ways(name: str, row_first: bool) -> Iterator[tuple[str, str]]:
    """The ways to take a name apart, into what may be a parameter and what may be a row."""
    if found := BRACKETS.fullmatch(name):
        yield found[1], found[2]
    gaps = list(SEPARATOR.finditer(name))
    parameter_first = [(name[: gap.start()], name[gap.end() :]) for gap in reversed(gaps)]
    parameter_last = [(name[gap.end() :], name[: gap.start()]) for gap in gaps]
    yield from parameter_last + parameter_first if row_first else parameter_first + parameter_last
    if found := COUNTED.fullmatch(name):
        yield found[1], found[2]
