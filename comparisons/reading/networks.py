"""Networks as users write them: arrows, `A->B, A->C`, or a BIF file."""

import re
from itertools import pairwise

from comparisons.errors import InputError
from comparisons.parsing import shortened
from comparisons.reading.bif import NetworkText, parse_bif
from comparisons.reading.incoming import read_bytes
from comparisons.reading.tables import decoded


def read_network(text: str, where: str = "--network") -> NetworkText:
    """A network from arrows, or from a file whose name ends in .bif.

    Raises
    ------
    InputError
        If it cannot be read, is none, or its arrows run in a circle.
    """
    path = text.strip()
    found = (
        parse_bif(decoded(read_bytes(path, "a BIF file"), path), path) if is_file(text) else parse_arrows(text, where)
    )
    circle = _circle(found.parents)
    if circle:
        raise InputError(f"{where}: the arrows run in a circle, {' -> '.join(circle)}, expected none that do")
    return found


def is_file(text: str) -> bool:
    """Whether a network is in a file."""
    return text.strip().lower().endswith(".bif")


def parse_arrows(text: str, where: str = "--network") -> NetworkText:
    """`A->B->C, A->C, D`: parents before children, variables in the order in which they come.

    Raises
    ------
    InputError
    """
    parents: dict[str, tuple[str, ...]] = {}
    for chain in re.split(r"[,;\n]", text):
        if not chain.strip():
            continue
        names = [name.strip() for name in chain.split("->")]
        if not all(names) or any(re.search(r"[<>]|--", name) for name in names):
            raise InputError(f"{where}: {shortened(chain.strip())!r}, expected arrows such as 'A->B, A->C', or a file "
                             "whose name ends in .bif")  # fmt: skip
        for name in names:
            parents.setdefault(name, ())
        for parent, child in pairwise(names):
            if parent in parents[child]:
                raise InputError(f"{where}: the arrow {parent}->{child} is given twice, expected once")
            parents[child] = (*parents[child], parent)
    if not parents:
        raise InputError(f"{where}: no variable, expected arrows such as 'A->B, A->C'")
    return NetworkText(tuple(parents), parents, {}, {})


def _circle(parents: dict[str, tuple[str, ...]]) -> list[str]:
    """A circle of arrows, its first variable again at the end; empty where there is none."""
    left = {child: set(own) for child, own in parents.items()}
    while free := [child for child, own in left.items() if not own & left.keys()]:
        for child in free:
            del left[child]
    if not left:
        return []
    path = [next(iter(left))]
    while path[-1] not in path[:-1]:
        path.append(min(left[path[-1]] & left.keys()))
    return path[path.index(path[-1]) :][::-1]
