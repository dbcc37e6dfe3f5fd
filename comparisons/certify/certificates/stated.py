"""A stationary point before it is computed: in closed form, or where Newton's method begins.

Copies under a symmetry of the model (components relabelled, the ability axis turned round) count once; so
does a set of parameters that gives every observation the same probability (`not_identified`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import mpmath as mp

from comparisons.certify.certificates.jets import Real

Parameters = Mapping[str, Sequence[Real]]
NEWTON = "mpmath, 50 digits: Newton's method on the exact gradient and Hessian until nothing moves"


class Stated(NamedTuple):
    """A stationary point before it is computed.

    Attributes
    ----------
    kind : str
        `best`, `local`, `saddle`, `ridge` or `boundary`.
    how : str
    parameters : dict of name -> list of mpf
        Exact where the point is known in closed form, else a few digits.
    exact : bool
    not_identified : tuple of str
        Parameters whose value there is arbitrary.
    """

    kind: str
    how: str
    parameters: Parameters
    exact: bool = False
    not_identified: tuple[str, ...] = ()


def few(*digits: str) -> list[Real]:
    """A few digits each."""
    return [mp.mpf(value) for value in digits]


# Problems of a family by name: their stationary points.
Points = dict[str, Callable[[Any], list[Stated]]]
