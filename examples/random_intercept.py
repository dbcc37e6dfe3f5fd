"""Random intercept: travel times of a wave along six steel rails, three tries each.

intercept_i ~ N(mean, between^2),     y_ij ~ N(intercept_i, within^2),     i = 1..6, j = 1..3.

E-step: intercept_i given y_i is normal with variance  v = 1 / (1 / between^2 + 3 / within^2)
        around  u_i = v (mean / between^2 + sum_j y_ij / within^2).
M-step: mean = mean of u_i,   between^2 = mean of (u_i - mean)^2 + v,   within^2 = mean of (y_ij - u_i)^2 + v.

Laird and Ware (1982), Biometrics 38, 963-974, section 4. They have the mean outside the intercepts and estimate it by
generalised least squares; inside, EM is fast where the rails differ much (Meng and van Dyk 1998, Journal of the Royal
Statistical Society B 60, 559-578). Data: Pinheiro and Bates (2000), Mixed-Effects Models in S and S-PLUS, section 1.1.
"""

import numpy as np
import pymc as pm
from scipy.linalg import helmert

from comparisons import bind

TIMES = np.array([[55, 53, 54], [26, 37, 32], [78, 91, 85], [92, 100, 96], [49, 51, 50], [80, 85, 83]], dtype=float)


def model():
    """The model in PyMC, by orthogonal contrasts of a rail's times; the priors only draw the starts."""
    with pm.Model() as built:
        mean = pm.Normal("mean", 60, 20)
        between, within = pm.HalfNormal("between", 20), pm.HalfNormal("within", 20)
        total, contrasts = TIMES.sum(axis=1) / np.sqrt(3), TIMES @ helmert(3).T
        pm.Normal("total", np.sqrt(3) * mean, pm.math.sqrt(3 * between**2 + within**2), observed=total)
        pm.Normal("contrasts", 0, within, observed=contrasts)
    return built


def em(params):
    """One EM cycle."""
    mean, between, within = params["mean"], params["between"], params["within"]
    v = 1 / (1 / between**2 + 3 / within**2)
    u = v * (mean / between**2 + TIMES.sum(axis=1) / within**2)
    within = np.sqrt(np.mean((TIMES - u[:, np.newaxis]) ** 2) + v)
    return {"mean": u.mean(), "between": np.sqrt(u.var() + v), "within": within}


def em_with_a_bug(params):
    """The intercepts are taken for known: their variance v is left out."""
    mean, between, within = params["mean"], params["between"], params["within"]
    v = 1 / (1 / between**2 + 3 / within**2)
    u = v * (mean / between**2 + TIMES.sum(axis=1) / within**2)
    within = np.sqrt(np.mean((TIMES - u[:, np.newaxis]) ** 2))
    return {"mean": u.mean(), "between": u.std(), "within": within}


def case(em=em):
    """The two bound together."""
    return bind(model, em, name="rails", title="Random intercept, six rails with three travel times each")
