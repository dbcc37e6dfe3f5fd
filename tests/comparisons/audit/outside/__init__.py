"""EMs in the styles that people use, right ones and wrong ones, by authors who have not read the checks."""

from collections.abc import Callable
from typing import Any, NamedTuple

STYLES = (
    "loops",
    "one fit function",
    "pandas",
    "difficulty inside",
    "flat vector",
    "sorted or reflected cycle",
    "guarded SQUAREM",
    "over-relaxed",
    "ECM",
    "PX-EM",
    "inner optimiser at its defaults",
    "early stop rule",
    "probabilities without logarithms",
    "class with state",
    "tuple or object returned",
    "scikit-learn",
    "positional arguments",
    "plain numpy",
    "log space",
    "numba-like kernels",
)
BUGS = ("gross", "subtle", "wrong from some starts", "only reported is wrong", "only on other data")
REMARKS = (
    "stops early",
    "not robust at edges",
    "ignores frequencies",
    "accelerated",
    "generalised",
    "refuses part of the space",
    "prints",
)


class Outsider(NamedTuple):
    """One EM: what it is, and whether it is wrong."""

    name: str
    problem: str
    wrong: bool
    style: str
    bug: str
    remark: str
    cause: str
    make: Callable[..., Any]


OUTSIDERS: list[Outsider] = []


def outsider(problem: str, *, style: str, bug: str = "", cause: str = "", remark: str = "") -> Callable[[Any], Any]:
    """Enter what is decorated, under its own name; an EM with a bug is a wrong one."""
    if style not in STYLES or bug not in ("", *BUGS) or remark not in ("", *REMARKS):
        raise ValueError(f"no such style, bug or remark: {style!r}, {bug!r}, {remark!r}")

    def enter(make: Any) -> Any:
        name = make.__name__
        if any(other.name == name for other in OUTSIDERS):
            raise ValueError(f"two EMs are called {name}")
        OUTSIDERS.append(Outsider(name, problem, bool(bug), style, bug, remark, cause, make))
        return make

    return enter


from . import classes, classical, items, mixtures, networks  # noqa: E402, F401 - they fill OUTSIDERS
