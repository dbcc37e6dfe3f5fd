"""Published packages, audited as they are: one adapter per package. Found by their file names: no entry anywhere.

An adapter is a module that offers what `Peer` lists. It translates names and nothing else: the package gets the data
as its users would give them, and what it says comes back under the names of our model. It imports its package inside
its functions, so that the others are found where it is not installed. `mirt.py` is the one to read first. The
problems that several peers share stand in a file that begins with an underscore.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from comparisons.errors import InputError

if TYPE_CHECKING:
    from comparisons.case import Array, Case, Natural

EXTRA = "peers"


class Setting(NamedTuple):
    """Options that a package is run with.

    Attributes
    ----------
    name : str
        `defaults`, or `tight`: the tightest tolerance that the package offers.
    options : dict
        As the package calls them; what is left out is at its default.
    """

    name: str
    options: Mapping[str, Any]


class Problem(NamedTuple):
    """Data that packages are put on.

    Attributes
    ----------
    name, title : str
    nodes : str
        In words, the quadrature of `load`.
    load : callable () -> Case
        The model under a quadrature of ours, fine enough for the integral.
    saddle : callable Case -> Natural, optional
        A saddle of the likelihood, at which an EM is started to see whether it stays.
    saddle_in_words : str
        A sentence without its full stop.
    options : dict
        What the model is besides its data, given to the adapter with the options of a setting: `classes`.
    """

    name: str
    title: str
    nodes: str
    load: "Callable[[], Case]"
    saddle: "Callable[[Case], Natural] | None" = None
    saddle_in_words: str = ""
    options: Mapping[str, Any] = {}


class Peer(Protocol):
    """What an adapter offers.

    Attributes
    ----------
    PACKAGE : str
        Name under which it is installed.
    METHOD : str
        What it does, and which of its functions is called.
    NOTES : tuple of str
        What one must know to read its numbers; each a sentence that its source code bears out.
    SETTINGS : tuple of Setting
    PROBLEMS : tuple of Problem
    STARTS : bool
        Whether it can be given a start.
    CYCLES : str
        The option that limits its cycles.
    """

    PACKAGE: str
    METHOD: str
    NOTES: tuple[str, ...]
    SETTINGS: tuple[Setting, ...]
    PROBLEMS: tuple[Problem, ...]
    STARTS: bool
    CYCLES: str

    def own(self, case: "Case", options: Mapping[str, Any]) -> "tuple[str, Case]":
        """The package's quadrature in words, and the same data under it: what it maximises, exactly.

        Where the package has the problem's nodes, or the model has none, the words are those of the problem.
        """
        ...

    def fit(self, X: "Array", options: Mapping[str, Any], start: "Natural | None" = None) -> dict[str, Any]:
        """Run the package.

        Parameters
        ----------
        X : array (N, ...)
            One row per observation, each as often as it was seen; NaN where missing.
        options : mapping
        start : dict, optional
            By our names; None leaves the start to the package.

        Returns
        -------
        dict
            The estimates by our names, and, as far as the package gives them, `log_likelihood`, `converged`, `cycles`
            and `standard_errors` (a dict by our names).
        """
        ...


def names() -> list[str]:
    """Names of all adapters, `mirt` for `mirt.py`."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def peer(name: str) -> Peer:
    """The adapter of that name.

    Raises
    ------
    InputError
        If there is none.
    """
    if name not in names():
        raise InputError(f"unknown package {name!r}, expected one of: {', '.join(names())}")
    return cast(Peer, importlib.import_module(f"{__name__}.{name}"))


def installed(wanted: list[str]) -> tuple[dict[str, str], list[str]]:
    """Versions of the packages that are installed by the name of their adapter, and the packages that are not.

    Raises
    ------
    InputError
        If none is installed, or an adapter is unknown.
    """
    versions, missing = {}, []
    for name in wanted:
        package = peer(name).PACKAGE
        try:
            versions[name] = version(package)
        except PackageNotFoundError:
            missing.append(package)
    if not versions:
        raise InputError(left_out(missing))
    return versions, missing


def left_out(missing: list[str]) -> str:
    """Which packages are not installed, and what installs them."""
    are = "is" if len(missing) == 1 else "are"
    return f"{', '.join(missing)} {are} not installed, expected what pip install 'em-crosscheck[{EXTRA}]' installs"
