"""Numbers that carry their first and second derivatives, at whatever precision mpmath works.

A `Jet` is a value with gradient and Hessian by numbered variables, both sparse. A likelihood written with
jets in place of numbers comes out with its exact derivatives: none is written by hand.
"""

from collections.abc import Iterable
from typing import Any

import mpmath as mp

Real = Any  # mpmath.mpf; mpmath has no types


class Jet:
    """Value, gradient {i: d/dx_i} and Hessian {(i, j): d2/dx_i dx_j}, i <= j; missing entries are 0."""

    __slots__ = ("gradient", "hessian", "value")

    def __init__(self, value: Real, gradient: dict[int, Real], hessian: dict[tuple[int, int], Real]) -> None:
        self.value, self.gradient, self.hessian = value, gradient, hessian

    @classmethod
    def variable(cls, value: Real, index: int) -> "Jet":
        """The variable number `index`."""
        return cls(mp.mpf(value), {index: mp.mpf(1)}, {})

    def __add__(self, other: "Jet | Real") -> "Jet":
        if not isinstance(other, Jet):
            return Jet(self.value + other, self.gradient, self.hessian)
        return total([self, other])

    def __mul__(self, other: "Jet | Real") -> "Jet":
        if not isinstance(other, Jet):
            return self.apply(self.value * other, other, 0)
        u, v = self.value, other.value
        gradient = {i: v * g for i, g in self.gradient.items()}
        _add(gradient, {i: u * g for i, g in other.gradient.items()})
        hessian = {key: v * h for key, h in self.hessian.items()}
        _add(hessian, {key: u * h for key, h in other.hessian.items()})
        for i, g in self.gradient.items():
            for j, h in other.gradient.items():
                # (i, j) and (j, i) both fall on the entry i <= j; on the diagonal both terms count.
                key = (i, j) if i <= j else (j, i)
                hessian[key] = hessian.get(key, 0) + (2 * g * h if i == j else g * h)
        return Jet(u * v, gradient, hessian)

    def apply(self, value: Real, first: Real, second: Real) -> "Jet":
        """f of this jet, from f, f' and f'' at its value."""
        hessian = {key: first * h for key, h in self.hessian.items()}
        if second != 0:
            items = sorted(self.gradient.items())
            for place, (i, g) in enumerate(items):
                for j, h in items[place:]:
                    hessian[i, j] = hessian.get((i, j), 0) + second * g * h
        return Jet(value, {i: first * g for i, g in self.gradient.items()}, hessian)

    def __pow__(self, n: int) -> "Jet":
        v = self.value
        first = n * v ** (n - 1) if n else mp.mpf(0)
        second = n * (n - 1) * v ** (n - 2) if n not in (0, 1) else mp.mpf(0)
        return self.apply(v**n, first, second)

    def __neg__(self) -> "Jet":
        return self * -1

    def __sub__(self, other: "Jet | Real") -> "Jet":
        return self + other * -1

    def __rsub__(self, other: Real) -> "Jet":
        return self * -1 + other

    def __truediv__(self, other: "Jet | Real") -> "Jet":
        return self * (other**-1 if isinstance(other, Jet) else 1 / mp.mpf(other))

    def __rtruediv__(self, other: Real) -> "Jet":
        return self**-1 * other

    __radd__ = __add__
    __rmul__ = __mul__

    def dense(self, size: int) -> tuple[Any, Any]:
        """Gradient (size,) and Hessian (size, size) as mpmath matrices."""
        gradient, hessian = mp.zeros(size, 1), mp.zeros(size, size)
        for i, g in self.gradient.items():
            gradient[i] = g
        for (i, j), h in self.hessian.items():
            hessian[i, j] = hessian[j, i] = h
        return gradient, hessian


Jets = dict[str, list[Jet]]


def _add(into: dict[Any, Real], other: dict[Any, Real]) -> None:
    """Add the entries of one sparse array to another, in place."""
    for key, value in other.items():
        into[key] = into[key] + value if key in into else value


def total(jets: Iterable[Jet]) -> Jet:
    """Sum of jets."""
    value, gradient, hessian = mp.mpf(0), dict[int, Real](), dict[tuple[int, int], Real]()
    for jet in jets:
        value += jet.value
        _add(gradient, jet.gradient)
        _add(hessian, jet.hessian)
    return Jet(value, gradient, hessian)


def log(x: Jet) -> Jet:
    """Natural logarithm."""
    return x.apply(mp.log(x.value), 1 / x.value, -1 / x.value**2)


def exp(x: Jet) -> Jet:
    """Exponential."""
    e = mp.exp(x.value)
    return x.apply(e, e, e)


def sqrt(x: Jet) -> Jet:
    """Square root."""
    root = mp.sqrt(x.value)
    return x.apply(root, 1 / (2 * root), -1 / (4 * root * x.value))
