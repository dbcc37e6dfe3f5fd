"""Wrong EMs, each a few lines, with the check that has to catch it; and right ones that none may fault."""

from collections.abc import Callable
from typing import Any, NamedTuple


class Bug(NamedTuple):
    """A wrong EM.

    Attributes
    ----------
    name : str
    case : str
        The data, see `audit_zoo.data`.
    check : str
        The check that has to catch it.
    description : str
    make : callable data -> em
    remark : bool
        Not a bug: right and unusual (a cycle that climbs without maximising, an edge that breaks it).
    """

    name: str
    case: str
    check: str
    description: str
    make: Callable[[dict[str, Any]], Any]
    remark: bool = False


BUGS: list[Bug] = []


def bug(case: str, check: str, description: str, *, name: str | None = None, remark: bool = False) -> Callable:
    """Put a class or a factory into the zoo."""

    def enter(make: Callable) -> Callable:
        BUGS.append(Bug(name or make.__name__, case, check, description, make, remark))
        return make

    return enter


from audit_zoo import coins, two_pl  # noqa: E402, F401 - they fill BUGS
