"""Two normal distributions with means and a common standard deviation.

E-step: responsibilities  r_ik = w_k N(y_i | m_k, s) / sum_l w_l N(y_i | m_l, s).
M-step: w_k = mean of r_ik,  m_k = sum r_ik y_i / sum r_ik,  s^2 = sum_ik r_ik (y_i - m_k)^2 / n.
(McLachlan and Peel 2000, Finite Mixture Models, section 3.2)
"""

import numpy as np
import pymc as pm

from comparisons import bind

Y = np.array([-2.1, -1.7, -1.2, -0.9, -0.4, 0.1, 1.4, 1.8, 2.2, 2.3, 2.9, 3.4])


def model():
    """The model in PyMC; the priors only draw the starts."""
    with pm.Model(coords={"component": ["low", "high"]}) as built:
        weight = pm.Dirichlet("weight", np.ones(2), dims="component")
        mean = pm.Normal("mean", 0.0, 3.0, dims="component")
        sd = pm.HalfNormal("sd", 2.0)
        pm.NormalMixture("y", w=weight, mu=mean, sigma=sd, observed=Y)
    return built


class EM:
    """With both steps, and a log-likelihood of its own."""

    def e_step(self, params):
        """Responsibilities and the log-likelihood."""
        apart = (Y[:, None] - params["mean"]) / params["sd"]
        density = params["weight"] * np.exp(-(apart**2) / 2) / (params["sd"] * np.sqrt(2 * np.pi))
        return density / density.sum(axis=1, keepdims=True), np.log(density.sum(axis=1)).sum()

    def m_step(self, responsibilities, params):
        """Weighted moments."""
        size = responsibilities.sum(axis=0)
        mean = Y @ responsibilities / size
        variance = (responsibilities * (Y[:, None] - mean) ** 2).sum() / len(Y)
        return {"weight": size / len(Y), "mean": mean, "sd": np.sqrt(variance)}


class EMWithABug(EM):
    """The variance is taken around the old means."""

    def m_step(self, responsibilities, params):
        """Weighted moments, one of them wrong."""
        new = super().m_step(responsibilities, params)
        variance = (responsibilities * (Y[:, None] - params["mean"]) ** 2).sum() / (len(Y) - 1)
        return {**new, "sd": np.sqrt(variance)}


def case(em=None):
    """The two bound together."""
    return bind(model, em or EM(), name="normals", title="Two normal distributions, 12 numbers")
