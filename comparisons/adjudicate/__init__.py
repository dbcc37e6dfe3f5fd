"""Other software's estimates: are they the maximum, and if not, what are they.

When are printed estimates the maximum?

Digits are an interval: 0.658 says that the estimate lies in [0.6575, 0.6585]. So the first criterion is
the rounding box: every printed number within half a unit of its last digit of our maximum, in the numbers
that are printed (b = -d / a of our maximum against a printed b). An optimum known to 1e-8 allows no more.

That alone would reject tables that are generally taken to be right. The table that mirt prints for LSAT-6 has
b = -3.123 where the maximum has -3.126: a package stops when a cycle of EM changes no parameter by more
than a tolerance (mirt: 1e-4), and the limit is then still as much as change * r / (1 - r) away, r the
rate of EM on these data (0.90 there: nine changes away, in d and a, and more in b). A fixed allowance for
that would be too wide where EM is quick and too narrow where it is slow. So the second criterion asks
what the package asked: is there a point that rounds to the printed numbers, at which one more cycle of EM
changes no parameter by more than the tolerance? It is found by a linear programme around the maximum, and
EM itself is run at that point. The smallest such change is reported, and every number outside the rounding
box with how far. Where EM creeps, a small change says nothing: so the point must also be within 0.1
standard errors of the maximum, measured by the log-likelihood, sqrt(2 (L_max - L)). The tolerance is
`--tolerance`, 1e-4 if left out (the default of mirt; BILOG-MG's is 0.01). Parameters with
units, means and variances, are measured in those of the data (`Case.units`), here and elsewhere.

Optimum, difference and standard error are of the quantity that a number was read as, under the name that it has in
the model; beside it stands the number as the file has it, under the file's own name.

The verdicts, in the order in which they are looked for

    at the maximum            by either criterion; where the data do not determine some parameters (a ridge, a
                              maximum at infinity) a point that rounds to the file must also be within 0.1 standard
                              errors by the log-likelihood
    another optimum           by either criterion at another stationary point: a local maximum, a saddle; or at one
                              of the model with some parameters held at an edge of their range (a bias at 0), from
                              which the likelihood rises: see `held`
    another parametrisation   by either criterion after a conversion, the one with the fewest changes, of those
                              the one that fits within rounding; or after it within 0.1 standard errors and at
                              least ten times closer than before
    impossible                a probability of 0 for what was seen: EM's log-likelihood is minus infinity at the numbers
                              as they stand
    stopped early             the estimates are those after n cycles from a customary start
    another model or data     recognised: a relative of the model (see `slope_prior`, `rasch`), one wrong number
                              (see `slips`), the maximum under another quadrature (see `grids`) further away than
                              0.1 standard errors or on nodes that leave out abilities
    at the maximum for        within 0.1 standard errors by the log-likelihood, by Newton's step and by the
    practical purposes        information (see `practical`), unless a tolerance below 1e-4 is asked for
    stopped early             within 1 standard error, and the difference is in the directions in which EM converges
                              slowly (see `stopped_early.creeping`; a prior shrinks the same directions, and the
                              sentence says so); also after a conversion
    another model or data     none of these
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from comparisons.adjudicate.adjudication import Adjudication, adjudicate
    from comparisons.adjudicate.finding import Verdict

_HOME = {
    "Adjudication": "comparisons.adjudicate.adjudication",
    "adjudicate": "comparisons.adjudicate.adjudication",
    "Verdict": "comparisons.adjudicate.finding",
}
__all__ = ["Adjudication", "Verdict", "adjudicate"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
