"""Exponential lifetimes, some of them censored: only that they are longer is known.

E-step: a lifetime censored at t is expected to be t + 1 / rate.
M-step: rate = n / sum of all expected lifetimes.       (Dempster, Laird and Rubin 1977, section 4.2)
"""

import numpy as np
import pymc as pm

from comparisons import bind

ENDED = np.array([0.4, 1.1, 2.7, 0.9, 3.2, 1.5])
CENSORED = np.array([4.0, 4.0, 2.0])


def model():
    """The model in PyMC."""
    with pm.Model() as built:
        rate = pm.HalfFlat("rate")
        pm.Exponential("ended", rate, observed=ENDED)
        pm.Potential("censored", -rate * CENSORED.sum())
    return built


def em(params):
    """One EM cycle."""
    expected = ENDED.sum() + np.sum(CENSORED + 1 / params["rate"])
    return {"rate": (len(ENDED) + len(CENSORED)) / expected}


def em_with_a_bug(params):
    """Censored lifetimes are taken for ended ones."""
    return {"rate": (len(ENDED) + len(CENSORED)) / (ENDED.sum() + CENSORED.sum())}


def case(em=em):
    """The two bound together."""
    return bind(model, em, name="censored", title="Nine exponential lifetimes, three of them censored")
