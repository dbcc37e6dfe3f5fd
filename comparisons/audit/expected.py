"""What an E-step returned; and our own EMs, which speak in NamedTuples."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from comparisons.case import Array, Case, Natural
from comparisons.reading.returned import Codec, codec_of, numbers, scalar


class Expected(NamedTuple):
    """What an E-step gave: its own object (for the M-step), its counts by name, its log-likelihood."""

    raw: Any
    counts: dict[str, Array]
    log_likelihood: float | None


def ours(em: Any) -> bool:
    """Whether an EM is written to the protocol of `em_reference`, and speaks its NamedTuples."""
    return hasattr(em, "feasible") and hasattr(em, "free_directions")


@dataclass(frozen=True)
class Tuples(Codec):
    """The NamedTuples of an EM of ours."""

    case: Case

    def encode(self, natural: Natural) -> Any:
        """The NamedTuple."""
        return self.case.to_em(natural)

    def parts(self, returned: Any) -> Natural:
        """Parameters in a NamedTuple."""
        return self.case.from_em(returned)


def codec_for(em: Any, case: Case) -> Codec:
    """How parameters go to the EM under audit and come back.

    Raises
    ------
    Trouble
        If it states an order with other names than those of the parameters.
    """
    return Tuples(case) if ours(em) and getattr(em, "parameter_order", None) is None else codec_of(em, case)


def expected_of(returned: Any) -> Expected:
    """Expected counts and log-likelihood from (counts, log_likelihood), a dict, or an object of ours."""
    raw, value = returned, None
    if hasattr(returned, "expected_counts"):
        raw, value = returned.expected_counts, returned.log_likelihood
    elif isinstance(returned, tuple) and len(returned) == 2 and not hasattr(returned, "_fields"):
        raw, value = returned
    elif isinstance(returned, Mapping):
        value = returned.get("log_likelihood")
    elif np.ndim(returned) == 0 and isinstance(returned, float | np.floating):
        value = returned
    named = raw._asdict() if hasattr(raw, "_asdict") else raw
    counts = {
        str(name): numbers(str(name), values)
        for name, values in (named.items() if isinstance(named, Mapping) else ())
        if values is not None and name != "log_likelihood"
    }
    return Expected(raw, counts, scalar("log_likelihood", value))
