"""The items of a latent class model: which natural parameter holds the probabilities of each, and how it is named.

The natural parameters are `weight` (class), `probability` (class, item) of the second state of the items with two, and
`probability3` (class, item, category), `probability4`, ... of the items with more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from comparisons.case import Array, Axis, Natural, Parameter, Support, numbered
from comparisons.families._binding import probability, simplex
from comparisons.families._mixtures import EDGE
from em_reference.latent_classes import ClassParams

# Shares of a start may miss the sum 1 by what rounding to printed digits does to them.
ROUNDED = 1e-3


@dataclass(frozen=True)
class ClassItems:
    """Names of the items, the labels of their states, and the number of classes.

    Attributes
    ----------
    names : tuple of str
    states : tuple of tuple of str
    classes : int
    """

    names: tuple[str, ...]
    states: tuple[tuple[str, ...], ...]
    classes: int

    @cached_property
    def sizes(self) -> npt.NDArray[np.intp]:
        """States of every item (I,)."""
        return np.array([len(states) for states in self.states], dtype=np.intp)

    @cached_property
    def groups(self) -> dict[int, npt.NDArray[np.intp]]:
        """Number of states -> places (items, states) of those items among the states of all items side by side."""
        first = np.cumsum(self.sizes) - self.sizes
        return {int(size): first[self.sizes == size, None] + np.arange(size) for size in np.unique(self.sizes)}

    @property
    def free_parameters(self) -> int:
        """How many numbers are estimated."""
        return self.classes - 1 + self.classes * int((self.sizes - 1).sum())

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """Natural parameters with their axes."""
        classes = numbered("class", "class", self.classes)
        found = [] if self.classes == 1 else [Parameter("weight", (classes,), Support.SIMPLEX)]
        for size in self.groups:
            axis = Axis("item" if size == 2 else f"item{size}", self._of_size(size))
            if size == 2:
                found.append(Parameter(name_of(size), (classes, axis), Support.UNIT_INTERVAL))
            else:
                category = Axis(f"category{size}", self.labels_of(size))
                found.append(Parameter(name_of(size), (classes, axis, category), Support.SIMPLEX))
        return tuple(found)

    def labels_of(self, size: int) -> tuple[str, ...]:
        """Labels of the states of the items with `size`: their own where all agree."""
        own = {states for states in self.states if len(states) == size}
        return own.pop() if len(own) == 1 else numbered("", "category", size).labels

    def _of_size(self, size: int) -> tuple[str, ...]:
        return tuple(name for name, states in zip(self.names, self.states, strict=True) if len(states) == size)

    def to_em(self, natural: Natural) -> ClassParams:
        """The EM's parameters; leading axes are kept."""
        one = next(iter(self.groups))
        lead = np.shape(natural[name_of(one)])[: -2 if one == 2 else -3]
        flat = np.empty((*lead, self.classes, int(self.sizes.sum())))
        for size, places in self.groups.items():
            values = np.asarray(natural[name_of(size)], dtype=float)
            flat[..., places] = np.stack([1 - values, values], axis=-1) if size == 2 else values
        weight = np.ones((*lead, 1)) if self.classes == 1 else np.asarray(natural["weight"], dtype=float)
        return ClassParams(weight, flat)

    def from_em(self, params: ClassParams) -> Natural:
        """Natural parameters; leading axes are kept."""
        natural = {} if self.classes == 1 else {"weight": params.weight}
        for size, places in self.groups.items():
            natural[name_of(size)] = params.probability[..., places[:, 1] if size == 2 else places]
        return natural

    def draw_start(self, rng: np.random.Generator) -> Natural:
        """Shares and probabilities, uniform over their simplexes."""
        drawn = {} if self.classes == 1 else {"weight": simplex(rng, self.classes)}
        for size, places in self.groups.items():
            shape = (self.classes, len(places))
            drawn[name_of(size)] = probability(rng, shape) if size == 2 else simplex(rng, (*shape, size))
        return drawn

    def in_words(self) -> str:
        """Which states the items have, and of which one `probability` is."""
        named: dict[tuple[str, ...], list[str]] = {}
        for name, states in zip(self.names, self.states, strict=True):
            named.setdefault(states, []).append(name)
        said = []
        for states, names in named.items():
            which = f" (probability of {states[1]})" if len(states) == 2 else ""
            said.append(f"{', '.join(names)}: {', '.join(states)}{which}")
        return "; ".join(said)


def name_of(size: int) -> str:
    """The natural parameter of the items with so many states."""
    return "probability" if size == 2 else f"probability{size}"


def by_share(natural: Natural) -> Natural:
    """Classes in the order of their shares, the largest first."""
    if "weight" not in natural:
        return natural
    order = np.argsort(-natural["weight"], kind="stable")
    return {name: values[order] for name, values in natural.items()}


def class_start_fault(start: Mapping[str, Array]) -> str | None:
    """Shares and categories add up to 1, probabilities lie between 0 and 1."""
    for name, values in start.items():
        if not ((values >= 0) & (values <= 1)).all():
            outside = values[(values < 0) | (values > 1)]
            return f"{name} holds {outside[0]:g}, expected numbers from 0 to 1"
        sums = np.ones(1) if name == name_of(2) else values.sum(axis=-1)
        if (np.abs(sums - 1) > ROUNDED).any():
            return f"{name} holds numbers that do not add up to 1, expected shares"
    return None


def inside(start: Natural) -> Natural:
    """Probabilities of a start inside 0 and 1, by at least `EDGE`, and shares that add up to 1."""
    inner = {}
    for name, values in start.items():
        inner[name] = np.clip(values, EDGE, 1 - EDGE)
        if name != name_of(2):
            shares = np.maximum(values, EDGE)
            inner[name] = shares / shares.sum(axis=-1, keepdims=True)
    return inner
