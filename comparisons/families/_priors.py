"""Priors as options name them: their words, their ranges, and what they are for EM."""

from collections.abc import Callable

import numpy as np

from comparisons.case import InputError
from comparisons.parsing import Range, as_number, shortened
from em_reference.priors import LogNormal, Normal, ScalarPrior

# Kind, mean and standard deviation; None is flat.
Prior = tuple[str, float, float] | None
PRIORS: dict[str, Callable[[float, float], ScalarPrior]] = {"normal": Normal, "lognormal": LogNormal}
# Of a concentration, and of the two numbers of a Beta.
CONCENTRATION = Range(1, 10_000)
# Mean and standard deviation: narrower than any belief, and wide enough to be flat where estimates are.
PRIOR_RANGES = {"normal": (Range(-100, 100), Range(1e-3, 1e3)), "lognormal": (Range(-5, 5), Range(1e-2, 3))}


def priors_in_words(*kinds: str) -> str:
    """How a prior is written, with the ranges of its numbers."""
    return " or ".join("'{},MEAN,SD' (MEAN {}, SD {})".format(kind, *PRIOR_RANGES[kind]) for kind in kinds)


def prior_constants(intercept_prior: Prior, slope_prior: Prior, items: int) -> dict[str, float]:
    """What a log-posterior gains that leaves out the constants of the priors, items log(sd sqrt(2 pi))."""
    priors = {"d": intercept_prior, "a": slope_prior}
    return {
        f"the constant of the prior on {name}": items * float(np.log(prior[2] * np.sqrt(2 * np.pi)))
        for name, prior in priors.items()
        if prior is not None
    }


def prior_of(option: str, text: str | None, kinds: tuple[str, ...]) -> Prior:
    """'normal,0,2' -> ("normal", 0.0, 2.0)."""
    if text is None:
        return None
    kind, *given = (part.strip() for part in str(text).split(","))
    try:
        mean, sd = map(as_number, given)
        possible = kind in kinds and all(map(Range.holds, PRIOR_RANGES[kind], (mean, sd)))
    except ValueError:
        possible = False
    if not possible:
        raise InputError(f"{option} {shortened(text)}: expected {priors_in_words(*kinds)}")
    return kind, mean, sd


def by_em(prior: Prior) -> ScalarPrior | None:
    """The prior as EM takes it."""
    return None if prior is None else PRIORS[prior[0]](*prior[1:])


def in_words(prior: Prior) -> str:
    """The prior as a report names it."""
    return "flat" if prior is None else "{}({:g}, {:g})".format(*prior)


def beta_of(text: str | None) -> tuple[float, float] | None:
    """'2,3' -> (2.0, 3.0)."""
    if text is None:
        return None
    try:
        a, b = (as_number(part) for part in str(text).split(","))
        possible = CONCENTRATION.holds(a) and CONCENTRATION.holds(b)
    except ValueError:
        possible = False
    if not possible:
        raise InputError(f"--bias-prior {shortened(text)}: expected two numbers 'a,b', both {CONCENTRATION}")
    return a, b
