"""Location of a t distribution with .05 degrees of freedom and scale 1: a likelihood with four maxima.

E-step: weights  w_i = (nu + 1) / (nu + (y_i - mu)^2).     M-step: mu = sum w_i y_i / sum w_i.
(Lange, Little and Taylor 1989, Journal of the American Statistical Association 84, 881-896)
"""

import numpy as np
import pymc as pm

from comparisons import bind

Y, NU = np.array([-20.0, 1.0, 2.0, 3.0]), 0.05


def model():
    """The model in PyMC; the prior only draws the starts."""
    with pm.Model() as built:
        mu = pm.Normal("mu", 0.0, 15.0)
        pm.StudentT("y", nu=NU, mu=mu, sigma=1.0, observed=Y)
    return built


def em(params):
    """One EM cycle."""
    weight = (NU + 1) / (NU + (Y - params["mu"]) ** 2)
    return {"mu": weight @ Y / weight.sum()}


def em_with_a_bug(params):
    """The weights of a normal distribution: all equal."""
    return {"mu": Y.mean()}


def case(em=em):
    """The two bound together."""
    return bind(model, em, name="t", title="t distribution with .05 degrees of freedom, four numbers")
