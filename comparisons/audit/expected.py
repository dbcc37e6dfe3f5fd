"""What an E-step returned; and our own EMs, which speak in NamedTuples."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from comparisons.case import Array, Case
from comparisons.reading.returned import Codec, checked, numbers, scalar


class Expected(NamedTuple):
    """What an E-step gave: its own object (for the M-step), its counts by name, its log-likelihood."""

    raw: Any
    counts: dict[str, Array]
    log_likelihood: float | None


def ours(em: Any) -> bool:
    """Whether an EM is written to the protocol of `em_reference`, and speaks its NamedTuples."""
    return hasattr(em, "feasible") and hasattr(em, "free_directions")


def our_codec(case: Case) -> Codec:
    """Natural parameters <-> the NamedTuples of an EM of ours."""
    return Codec(
        case.to_em,
        lambda params: checked(case.from_em(params), case),
        lambda params: checked(case.from_em(params), case, finite=False),
    )


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
