"""What the EM under audit returned, read and checked: parameters, expected counts, numbers."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from comparisons.audit.guard import Trouble
from comparisons.case import Array, Case, Natural


class Expected(NamedTuple):
    """What an E-step gave: its own object (for the M-step), its counts by name, its log-likelihood."""

    raw: Any
    counts: dict[str, Array]
    log_likelihood: float | None


class Codec(NamedTuple):
    """Natural parameters <-> what the EM under audit takes and returns."""

    encode: Callable[[Natural], Any]
    decode: Callable[[Any], Natural]


def ours(em: Any) -> bool:
    """Whether an EM is written to the protocol of `em_reference`, and speaks its NamedTuples."""
    return hasattr(em, "feasible") and hasattr(em, "free_directions")


def codec_of(em: Any, case: Case) -> Codec:
    """Dicts by name; a flat array in a stated order; or, for our own classes, their NamedTuples."""
    order = getattr(em, "parameter_order", None)
    if order is not None:
        if not isinstance(order, tuple | list) or sorted(order) != sorted(case.labels):
            raise Trouble(f"parameter_order is {order!r}, expected a tuple of the names {', '.join(case.labels)}")
        sizes = [len(case.labels[name]) for name in order]

        def split(returned: Any) -> Natural:
            flat = _numbers("parameters", returned)
            if flat.shape != (sum(sizes),):
                raise Trouble(f"returned shape {flat.shape}, expected ({sum(sizes)},) in the order {', '.join(order)}")
            return _checked(dict(zip(order, np.split(flat, np.cumsum(sizes)[:-1]), strict=True)), case)

        return Codec(lambda natural: np.concatenate([natural[name] for name in order]), split)
    if ours(em):
        return Codec(case.to_em, lambda params: _checked(case.from_em(params), case))
    return Codec(
        lambda natural: {name: np.array(values, dtype=float) for name, values in natural.items()},
        lambda returned: _checked(returned, case),
    )


def _numbers(name: str, values: Any) -> Array:
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


def _checked(returned: Any, case: Case) -> Natural:
    """Returned parameters with the right names, shapes and finite values.

    Raises
    ------
    Trouble
    """
    if not isinstance(returned, Mapping):
        raise Trouble(f"returned {type(returned).__name__}, expected a dict with {', '.join(case.labels)}")
    natural: Natural = {}
    for name, labels in case.labels.items():
        if name not in returned:
            raise Trouble(f"returned no {name!r}, expected {', '.join(case.labels)}")
        values = _numbers(name, returned[name])
        if values.shape != (len(labels),):
            raise Trouble(f"returned {name!r} of shape {values.shape}, expected ({len(labels)},)")
        if not np.isfinite(values).all():
            raise Trouble(f"returned {name!r} = {values}, expected finite numbers")
        natural[name] = values
    return natural


def expected_of(returned: Any) -> Expected:
    """Expected counts and log-likelihood from (counts, log_likelihood), a dict, or an object of ours."""
    raw, value = returned, None
    if hasattr(returned, "expected_counts"):
        raw, value = returned.expected_counts, returned.log_likelihood
    elif isinstance(returned, tuple) and len(returned) == 2 and not hasattr(returned, "_fields"):
        raw, value = returned
    elif isinstance(returned, Mapping):
        value = returned.get("log_likelihood")
    named = raw._asdict() if hasattr(raw, "_asdict") else raw
    by_name = {
        str(name): _numbers(str(name), values)
        for name, values in (named.items() if isinstance(named, Mapping) else ())
        if values is not None and name != "log_likelihood"
    }
    return Expected(raw, by_name, scalar("log_likelihood", value))


def scalar(name: str, value: Any) -> float | None:
    """One number, or None where there is none."""
    if value is None:
        return None
    number = _numbers(name, value)
    if number.size != 1:
        raise Trouble(f"returned {name!r} of shape {number.shape}, expected one number")
    return float(number.reshape(()))
