"""Zero-inflated Poisson: a count is 0 for sure with probability `zero`, else Poisson with rate `rate`.

P(y = 0) = zero + (1 - zero) exp(-rate),     P(y) = (1 - zero) Poisson(y | rate) for y > 0.

E-step: a zero is a sure one with probability  z = zero / (zero + (1 - zero) exp(-rate)).
M-step: zero = n_0 z / n,  rate = sum y / (n - n_0 z).         (Lambert 1992, Technometrics 34, 1-14)
"""

import numpy as np
import pymc as pm

from comparisons import bind

COUNTS = np.repeat([0, 1, 2, 3, 4, 5], [52, 18, 15, 9, 4, 2])


def model():
    """The model in PyMC."""
    with pm.Model() as built:
        zero = pm.Uniform("zero", 0, 1)
        rate = pm.HalfFlat("rate")
        pm.ZeroInflatedPoisson("y", psi=1 - zero, mu=rate, observed=COUNTS)
    return built


def em(params):
    """One EM cycle."""
    zero, rate = params["zero"], params["rate"]
    zeros = np.sum(COUNTS == 0) * zero / (zero + (1 - zero) * np.exp(-rate))
    return {"zero": zeros / len(COUNTS), "rate": COUNTS.sum() / (len(COUNTS) - zeros)}


def em_with_a_bug(params):
    """All zeros are taken for sure ones in the rate."""
    new = em(params)
    return {**new, "rate": COUNTS[COUNTS > 0].mean()}


def case(em=em):
    """The two bound together."""
    return bind(model, em, name="zip", title="Zero-inflated Poisson, 100 counts")
