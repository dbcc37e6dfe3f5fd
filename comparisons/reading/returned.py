"""What an EM of the user's returned, read and checked: parameters in any of their forms, numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from comparisons.case import Array, Natural
from comparisons.errors import Trouble
from comparisons.parameters import WithParameters

# Further things that a fit returns, and what they are called.
TOLD = {
    "log_likelihood": ("log_likelihood", "log_likelihood_", "loglik", "loglik_", "log_lik", "logLik", "loglikelihood"),
    "converged": ("converged", "converged_"),
    "cycles": ("cycles", "cycles_", "n_iter", "n_iter_", "iterations", "n_cycles"),
    "standard_errors": ("standard_errors", "standard_errors_", "se", "stderr"),
}


class Codec(Protocol):
    """Natural parameters <-> what an EM of the user's takes and returns.

    Attributes
    ----------
    case : WithParameters
    """

    case: WithParameters

    def encode(self, natural: Natural) -> Any:
        """Parameters as the EM takes them: copies, into which it may write."""

    def parts(self, returned: Any) -> Any:
        """What it returned, in a form that `by_name` reads."""

    def decode(self, returned: Any) -> Natural:
        """Parameters that it returned."""
        return checked(self.parts(returned), self.case)

    def errors(self, returned: Any) -> Natural:
        """The same, if they need not be finite, as standard errors need not."""
        return checked(self.parts(returned), self.case, finite=False)


@dataclass(frozen=True)
class ByName(Codec):
    """Dicts by name; a single number is given as a float."""

    case: WithParameters

    def encode(self, natural: Natural) -> dict[str, Any]:
        """A dict."""
        single = {name for name, parameter in self.case.by_name.items() if not parameter.axes}
        return {
            name: float(values[0]) if name in single else np.array(values, dtype=float)
            for name, values in natural.items()
        }

    def parts(self, returned: Any) -> Any:
        """What it returned, as it is."""
        return returned


@dataclass(frozen=True)
class InOrder(Codec):
    """One flat array of the parameters in this order."""

    case: WithParameters
    order: tuple[str, ...]

    def encode(self, natural: Natural) -> Array:
        """The array."""
        return np.concatenate([self.case.by_name[name].flat(natural[name]) for name in self.order])

    def parts(self, returned: Any) -> Natural:
        """The parameters in an array."""
        return _split(returned, self.case, self.order)


def codec_of(em: Any, case: WithParameters) -> Codec:
    """Dicts by name, or a flat array in the order that the EM states.

    Raises
    ------
    Trouble
        If the order has other names than the parameters.
    """
    order = getattr(em, "parameter_order", None)
    if order is None:
        return ByName(case)
    if not isinstance(order, tuple | list) or sorted(order) != sorted(case.labels):
        raise Trouble(f"parameter_order is {order!r}, expected a tuple of the names {', '.join(case.labels)}")
    return InOrder(case, tuple(order))


def _split(returned: Any, case: WithParameters, order: Sequence[str]) -> Natural:
    """One flat array in parts."""
    sizes = [case.sizes[name] for name in order]
    flat = numbers("parameters", returned)
    if flat.shape != (sum(sizes),):
        raise Trouble(f"returned shape {flat.shape}, expected ({sum(sizes)},) in the order {', '.join(order)}")
    parts = zip(order, np.split(flat, np.cumsum(sizes)[:-1]), strict=True)
    return {name: case.by_name[name].full(part) for name, part in parts}


def numbers(name: str, values: Any) -> Array:
    """Real numbers.

    Raises
    ------
    Trouble
    """
    try:
        array = np.array(values)
        if array.dtype.kind == "c" and not np.any(array.imag):
            array = array.real
        # NumPy would read numbers out of strings and cut off an imaginary part.
        if array.dtype.kind not in "cUS":
            return array.astype(float)
    except (TypeError, ValueError):
        pass
    raise Trouble(f"returned {name!r} = {values!r}, expected real numbers")


def checked(returned: Any, case: WithParameters, *, finite: bool = True) -> Natural:
    """Returned parameters with the right names, shapes and finite values.

    Raises
    ------
    Trouble
    """
    parts = by_name(returned, case)
    natural: Natural = {}
    for name, shape in case.shapes.items():
        if name not in parts:
            raise Trouble(f"returned no {name!r}, expected {', '.join(case.labels)}")
        values = numbers(name, parts[name])
        if values.size == 1 and np.prod(shape) == 1:
            values = values.reshape(shape)
        if values.shape != shape:
            raise Trouble(f"returned {name!r} of shape {values.shape}, expected {shape}")
        if finite and not np.isfinite(values).all():
            raise Trouble(f"returned {name!r} = {values}, expected finite numbers")
        natural[name] = values
    return natural


def by_name(returned: Any, case: WithParameters) -> Mapping[str, Any]:
    """Parameters as a mapping: a dict, attributes (`weight`, `weight_`, `weights_`), an array or a tuple in order.

    Raises
    ------
    Trouble
    """
    if isinstance(returned, Mapping):
        return {name: returned[key] for name in case.labels for key in _spellings(name) if key in returned}
    if not isinstance(returned, str | bytes | np.ndarray | list):
        found = {
            name: getattr(returned, key) for name in case.labels for key in _spellings(name) if hasattr(returned, key)
        }
        if found:
            return found
    total = sum(case.sizes.values())
    if total == 1 and isinstance(returned, int | float | np.number) and not isinstance(returned, bool):
        return dict.fromkeys(case.labels, returned)
    if isinstance(returned, np.ndarray) and returned.size == total and returned.ndim <= 2:
        return _split(returned.reshape(-1), case, list(case.labels))
    if isinstance(returned, tuple | list):
        if len(returned) == len(case.labels) and not all(np.ndim(part) == 0 for part in returned):
            return dict(zip(case.labels, returned, strict=True))
        if len(returned) == total and all(np.ndim(part) == 0 for part in returned):
            return _split(np.array(returned), case, list(case.labels))
    raise Trouble(f"returned {type(returned).__name__}, expected a dict with {', '.join(case.labels)}")


def _spellings(name: str) -> tuple[str, ...]:
    """Later ones win: the plain name counts where there are several."""
    plural = f"{name}es" if name.endswith("s") else f"{name}s"
    return f"{plural}_", f"{name}_", plural, name


def told(returned: Any, what: str) -> Any:
    """A further thing that a fit returned, None where it did not."""
    for key in TOLD[what]:
        found = returned.get(key) if isinstance(returned, Mapping) else getattr(returned, key, None)
        if found is not None and not callable(found):
            return found
    return None


def unpacked(returned: Any, case: WithParameters) -> Any:
    """A tuple (parameters, log-likelihood, ...) as a dict; whatever else, as it is."""
    if not isinstance(returned, tuple) or hasattr(returned, "_fields"):
        return returned
    size = len(case.labels)
    whole = returned[:1] if len(returned) and not _is_part(returned[0], case) else returned[:size]
    rest = returned[len(whole) :]
    found: dict[str, Any] = {"params": whole[0] if len(whole) == 1 and len(whole) != size else whole}
    if len(whole) == 1 and size == 1:
        found["params"] = whole if np.ndim(whole[0]) <= 1 and not isinstance(whole[0], Mapping) else whole[0]
    for value in rest:
        kind = "converged" if isinstance(value, bool | np.bool_) else "cycles" if isinstance(value, int) else ""
        if not kind and isinstance(value, Mapping):
            kind = "standard_errors"
        if not kind and np.ndim(value) == 0 and isinstance(value, float | np.floating | np.ndarray):
            kind = "log_likelihood"
        if kind and kind not in found:
            found[kind] = value
    return found


def _is_part(value: Any, case: WithParameters) -> bool:
    """Whether this is one parameter of several, not all of them."""
    if isinstance(value, Mapping) or hasattr(value, "_fields"):
        return False
    total = sum(case.sizes.values())
    return np.size(value) != total or (len(case.labels) == 1 and np.ndim(value) <= 1)


def scalar(name: str, value: Any) -> float | None:
    """One number, or None where there is none."""
    if value is None:
        return None
    number = numbers(name, value)
    if number.size != 1:
        raise Trouble(f"returned {name!r} of shape {number.shape}, expected one number")
    return float(number.reshape(()))


def told_params(extra: Any) -> Any:
    """The part of what a fit returned that holds the parameters, None where it is all of it."""
    for key in ("params", "params_"):
        found = extra.get(key) if isinstance(extra, Mapping) else getattr(extra, key, None)
        if found is not None and not callable(found):
            return found
    return None
