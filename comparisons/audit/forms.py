"""How a function of the user's is called, told by the names of its parameters.

    (data, start)             two parameters of any names: the dict of data, and a start
    (heads, flips, start)     keys of the data and a start; also (heads, flips, weight, bias)
    (X) or (X, start)         as in scikit-learn: the main array of the data, frequencies as sample_weight
    (start)                   a start alone

What has no place for frequencies is given every row as often as it was seen.
"""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from comparisons.case import Case
from comparisons.errors import Trouble

START = frozenset(
    (
        *("start", "starts", "start_params", "starting_values", "init", "inits", "initial", "initial_params"),
        *("init_params", "params", "params0", "parameters", "theta", "theta0", "p", "p0", "x0", "guess", "state"),
    )
)
DATA = frozenset(["data", "dataset", "observations", "df", "d_", "sample"])
MAIN = frozenset(("X", "x", "Y", "y_obs"))
FREQUENCIES = frozenset(("frequencies", "frequency", "freq", "counts_of_rows", "sample_weight", "sample_weights"))
SIZES = frozenset(["n_components", "k", "K", "n_coins", "components", "n_classes", "n_clusters"])
# No more rows are written out where an EM takes no frequencies.
MOST_ROWS = 1_000_000
LIMIT = ("max_cycles", "max_iter", "max_iterations", "maxiter")


class Form(NamedTuple):
    """The roles of a function's parameters.

    Attributes
    ----------
    roles : tuple of str
        Of those that it cannot do without, in order: 'data', 'start', 'main', or the name of a key or a parameter.
    start, limit, weights : str or None
        The keyword, where it takes a start, a limit of cycles or frequencies as an option.
    """

    roles: tuple[str, ...]
    start: str | None = None
    limit: str | None = None
    weights: str | None = None

    def takes_start(self, case: Case) -> bool:
        """Whether it can be started somewhere."""
        return "start" in self.roles or self.start is not None or set(case.labels) <= set(self.roles)

    def takes_data(self, case: Case) -> bool:
        """Whether it takes the data, in whatever form."""
        return bool(set(self.roles) - {"start", "size"} - set(case.labels))

    def without_frequencies(self, case: Case) -> bool:
        """Whether there is no place where it could learn how often a row was seen."""
        return (
            self.takes_data(case) and "data" not in self.roles and not self.weights and "frequencies" not in self.roles
        )

    def watched(self, case: Case, data: Mapping[str, Any]) -> "Watched":
        """The data that it is given: every row as often as it was seen, where it cannot learn how often that was."""
        return Watched(spread(case, data) if self.without_frequencies(case) else data)

    def unaware(self, case: Case, given: "Watched") -> bool:
        """Whether it could not learn, or has never looked at, how often a row was seen."""
        return self.without_frequencies(case) or ("data" in self.roles and "frequencies" not in given.seen)


def parameters(function: Any) -> dict[str, inspect.Parameter]:
    """Parameters of a function by name; none where it does not tell."""
    try:
        return dict(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return {}


def required(function: Any) -> list[str]:
    """Names of the parameters that a function cannot do without."""
    places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [name for name, p in parameters(function).items() if p.kind in places and p.default is p.empty]


def form_of(function: Any, case: Case, alone: str = "start") -> Form:
    """The form of a fit, a factory or a map; `alone` is the role of an only parameter whose name says nothing.

    Raises
    ------
    Trouble
        If three parameters or more have names that say nothing.
    """
    names = required(function)
    roles = [_role(name, case) for name in names]
    optional = [name for name in parameters(function) if name not in names]
    if len(names) == 2 and roles.count("") and set(roles) <= {"", "data", "start", "main"}:
        roles = ["main" if roles[0] == "main" else "data", "start"]
    if len(names) == 1 and not roles[0]:
        roles = [alone]
    unknown = [name for name, role in zip(names, roles, strict=True) if not role]
    if unknown:
        raise Trouble(f"it takes ({', '.join(names)}); what is {', '.join(unknown)}? {known_names(case)}")
    return Form(
        tuple(roles),
        next((name for name in optional if name in START), None),
        next((name for name in optional if name in LIMIT), None),
        next((name for name in optional if name in FREQUENCIES), None),
    )


def known_names(case: Case) -> str:
    """What the parameters of a function may be called, for a message."""
    assert case.audit is not None
    keys = ", ".join(f"{key} {np.shape(value)}" if np.ndim(value) else key for key, value in case.audit.data.items())
    return f"Expected data (a dict with {keys}) or its keys, start (a dict with {', '.join(case.labels)}) or its parts"


def _role(name: str, case: Case) -> str:
    assert case.audit is not None
    if name in case.labels or name in case.audit.data:
        return name
    if name in FREQUENCIES and "frequencies" in case.audit.data:
        return "frequencies"
    for role, names in (("start", START), ("data", DATA), ("main", MAIN), ("size", SIZES)):
        if name in names:
            return role
    return ""


def arguments(form: Form, case: Case, data: Mapping[str, Any], start: Any, by_name: Mapping[str, Any]) -> list[Any]:
    """What a function of this form is called with: `start` as it takes it, and its parts `by_name`."""
    plain = dict(dict.items(data)) if isinstance(data, dict) else dict(data)
    # What keeps something of its own in the dict of data does so in a dict of its own.
    own = Watched(plain, data.seen) if isinstance(data, Watched) else plain
    size = len(list(case.labels.values())[-1])
    values = {"data": own, "start": start, "size": size, **by_name, **plain}
    if "main" in form.roles:
        values["main"] = main_array(case, plain)
    return [values[role] for role in form.roles]


def spread(case: Case, data: Mapping[str, Any]) -> dict[str, Any]:
    """The same data without frequencies: every row as often as it was seen.

    Raises
    ------
    Trouble
        If these are no whole numbers, or too many rows.
    """
    assert case.audit is not None
    often = np.asarray(data["frequencies"], dtype=float)
    if not case.audit.rows or (often == 1).all():
        return dict(data)
    if (often != np.round(often)).any() or often.sum() > MOST_ROWS:
        raise Trouble("it takes no frequencies, and the rows cannot be written out one by one")
    rows = {name: np.repeat(data[name], often.astype(int), axis=0) for name in case.audit.rows}
    return {**data, **rows, "frequencies": np.ones(int(often.sum()))}


def main_array(case: Case, data: Mapping[str, Any]) -> Any:
    """The observations as one array, as scikit-learn calls X: one column for each array of the data."""
    assert case.audit is not None
    rows = [np.asarray(data[name], dtype=float) for name in case.audit.rows] or [np.asarray(data["frequencies"])]
    return rows[0].copy() if len(rows) == 1 else np.column_stack(rows)


class Watched(dict[str, Any]):
    """A dict that knows which of its keys were looked at."""

    def __init__(self, data: Mapping[str, Any], seen: set[str] | None = None) -> None:
        super().__init__(data)
        self.seen: set[str] = set() if seen is None else seen

    def __getitem__(self, key: str) -> Any:
        self.seen.add(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a key."""
        self.seen.add(key)
        return super().get(key, default)

    def __iter__(self) -> Iterator[str]:
        self.seen.update(super().keys())
        return super().__iter__()

    def keys(self) -> Any:
        """All keys; whoever goes through them has looked at all."""
        self.seen.update(super().keys())
        return super().keys()

    def items(self) -> Any:
        """All keys and values."""
        self.seen.update(super().keys())
        return super().items()

    def values(self) -> Any:
        """All values."""
        self.seen.update(super().keys())
        return super().values()

    def pop(self, key: str, *default: Any) -> Any:
        """Take a key out."""
        self.seen.add(key)
        return super().pop(key, *default)
