"""Networks in a BIF file, the Interchange Format for Bayesian networks (0.15), as public repositories write it.

    network name { property ...; }
    variable A { type discrete [ 2 ] { yes, no }; property ...; }
    probability ( A ) { table 0.01, 0.99; }
    probability ( B | A ) { (yes) 0.05, 0.95; (no) 0.01, 0.99; }

Properties are passed over; `default` and a `table` of a variable with parents are understood: in a table the last
parent varies fastest, and the variable itself slowest.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from comparisons.errors import InputError
from comparisons.parameters import Array
from comparisons.parsing import as_number, shortened

TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|(?:\s+)|"([^"]*)"|([{}()\[\];,|])|([^\s{}()\[\];,|"]+)', re.DOTALL)
# A row of a table may miss the sum 1 by what rounding to printed digits does to it.
ROUNDED = 1e-3
# A probability that is not given.
NOTHING = "nan"
Texts = npt.NDArray[np.object_]


class NetworkText(NamedTuple):
    """A network as it was written.

    Attributes
    ----------
    variables : tuple of str
    parents : dict of name -> tuple of str
    states : dict of name -> tuple of str
        Empty where only the arrows were given.
    tables : dict of name -> array (parents' states ..., states)
        Those that were given.
    written : dict of name -> array (parents' states ..., states) of str
        The same as they were written.
    """

    variables: tuple[str, ...]
    parents: dict[str, tuple[str, ...]]
    states: dict[str, tuple[str, ...]]
    tables: dict[str, Array]
    written: Mapping[str, Texts] = {}


class _Reader:
    """Tokens of a BIF file, each with its line."""

    def __init__(self, text: str, path: str) -> None:
        self.path, self.line, self.tokens = path, 1, list(_tokens(text, path))
        self.place = 0

    @property
    def ended(self) -> bool:
        return self.place >= len(self.tokens)

    def next(self, expected: str = "") -> str:
        """The next token, which must be the one expected, if any is."""
        if self.ended:
            raise InputError(f"{self.path}: the file ends, expected {expected or 'more'}")
        token, self.line = self.tokens[self.place]
        self.place += 1
        if expected and token != expected:
            raise self.fault(f"{shortened(token)!r}, expected {expected!r}")
        return token

    def fault(self, what: str) -> InputError:
        return InputError(f"{self.path}, row {self.line}: {what}")

    def until(self, *ends: str) -> list[str]:
        """Tokens without commas, up to one of the ends."""
        found = []
        while (token := self.next()) not in ends:
            if token != ",":
                found.append(token)
        return found

    def numbers(self) -> list[str]:
        """Probabilities up to the semicolon, as they are written."""
        texts = self.until(";")
        try:
            for text in texts:
                as_number(text)
        except ValueError as error:
            raise self.fault(f"{error}, expected probabilities") from None
        return texts

    def skip_block(self) -> None:
        """Pass over a block in braces."""
        self.next("{")
        depth = 1
        while depth:
            depth += {"{": 1, "}": -1}.get(self.next(), 0)


def _tokens(text: str, path: str) -> Iterator[tuple[str, int]]:
    place, line = 0, 1
    while place < len(text):
        match = TOKEN.match(text, place)
        if match is None:
            raise InputError(f"{path}, row {line}: {text[place]!r} is not closed, expected a BIF file")
        if match.lastindex:
            yield match.group(match.lastindex), line
        place, line = match.end(), line + match.group().count("\n")


def parse_bif(text: str, path: str) -> NetworkText:
    """A network with its states and tables.

    Raises
    ------
    InputError
        Naming file, line and what was expected.
    """
    reader = _Reader(text, path)
    states: dict[str, tuple[str, ...]] = {}
    parents: dict[str, tuple[str, ...]] = {}
    written: dict[str, Texts] = {}
    while not reader.ended:
        word = reader.next()
        if word == "network":
            while reader.tokens[reader.place : reader.place + 1] and reader.tokens[reader.place][0] != "{":
                reader.next()
            reader.skip_block()
        elif word == "variable":
            _variable(reader, states)
        elif word == "probability":
            _probability(reader, states, parents, written)
        else:
            raise reader.fault(f"{shortened(word)!r}, expected 'network', 'variable' or 'probability'")
    if not states:
        raise InputError(f"{path}: no variable, expected a network in BIF")
    tables = {name: _numbers(texts) for name, texts in written.items()}
    tables = {name: table / table.sum(axis=-1, keepdims=True) for name, table in tables.items()}
    return NetworkText(tuple(states), {name: parents.get(name, ()) for name in states}, states, tables, written)


def _variable(reader: _Reader, states: dict[str, tuple[str, ...]]) -> None:
    name = reader.next()
    if name in states:
        raise reader.fault(f"variable {name!r} is declared twice, expected once")
    reader.next("{")
    while (word := reader.next()) != "}":
        if word == "property":
            reader.until(";")
            continue
        if word != "type":
            raise reader.fault(f"{shortened(word)!r}, expected 'type discrete [ N ] {{ ... }};'")
        reader.next("discrete")
        reader.next("[")
        count = reader.next()
        reader.next("]")
        reader.next("{")
        labels = tuple(reader.until("}"))
        reader.next(";")
        if count != str(len(labels)) or len(set(labels)) < len(labels):
            raise reader.fault(f"variable {name!r} has the states {', '.join(labels)}, expected {count} different ones")
        states[name] = labels
    if name not in states:
        raise reader.fault(f"variable {name!r} has no type, expected 'type discrete'")


def _probability(
    reader: _Reader,
    states: dict[str, tuple[str, ...]],
    parents: dict[str, tuple[str, ...]],
    written: dict[str, Texts],
) -> None:
    reader.next("(")
    inside = reader.until(")")
    child, own = inside[0] if inside else "", tuple(name for name in inside[1:] if name != "|")
    unknown = [name for name in (child, *own) if name not in states]
    if unknown:
        raise reader.fault(f"{unknown[0]!r} is not declared, expected one of: {', '.join(states)}")
    if child in parents:
        raise reader.fault(f"the table of {child!r} is given twice, expected once")
    parents[child] = own
    texts = np.full([len(states[name]) for name in (*own, child)], NOTHING, dtype=object)
    reader.next("{")
    while (word := reader.next()) != "}":
        if word == "property":
            reader.until(";")
        elif word == "(":
            _row(reader, states, own, texts)
        elif word in ("table", "default"):
            _whole(reader, texts, word)
        else:
            raise reader.fault(f"{shortened(word)!r}, expected 'table', 'default' or '(states of the parents)'")
    table = _numbers(texts)
    if not np.isnan(table).all():
        if np.isnan(table).any() or (table < 0).any() or (abs(table.sum(axis=-1) - 1) > ROUNDED).any():
            where = ", ".join(states[name][i] for name, i in zip(own, _first_bad(table), strict=True))
            raise reader.fault(f"the probabilities of {child!r}{f' given {where}' if own else ''} do not add up to 1, "
                               "expected that they do")  # fmt: skip
        written[child] = texts


def _numbers(texts: Texts) -> Array:
    """Numbers as they are written, NaN for nothing."""
    return texts.astype(float)


def _first_bad(table: Array) -> list[int]:
    sums = np.where((table >= 0).all(axis=-1), table.sum(axis=-1), np.nan)
    return [int(place) for place in np.argwhere(~(abs(sums - 1) <= ROUNDED))[0]]


def _row(reader: _Reader, states: dict[str, tuple[str, ...]], own: tuple[str, ...], texts: Texts) -> None:
    labels, probabilities = reader.until(")"), reader.numbers()
    known = len(labels) == len(own) and all(label in states[name] for name, label in zip(own, labels, strict=True))
    if not known or len(probabilities) != texts.shape[-1]:
        raise reader.fault(f"({', '.join(labels)}) with {len(probabilities)} probabilities, expected states of "
                           f"{', '.join(own) or 'no parents'} and {texts.shape[-1]} probabilities")  # fmt: skip
    texts[tuple(states[name].index(label) for name, label in zip(own, labels, strict=True))] = probabilities


def _whole(reader: _Reader, texts: Texts, word: str) -> None:
    numbers = reader.numbers()
    expected = texts.size if word == "table" else texts.shape[-1]
    if len(numbers) != expected:
        raise reader.fault(f"{len(numbers)} probabilities, expected {expected}")
    if word == "default":
        for place in product(*map(range, texts.shape[:-1])):
            if (texts[place] == NOTHING).all():
                texts[place] = numbers
    else:
        texts[...] = np.moveaxis(np.reshape(numbers, (texts.shape[-1], *texts.shape[:-1])), 0, -1)
