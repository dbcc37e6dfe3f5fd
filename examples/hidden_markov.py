"""Hidden Markov model: major earthquakes per year, Poisson counts with one of two rates.

state_t ~ transition[state_(t-1), :],     y_t ~ Poisson(rate[state_t]),     t = 1..107,     state_1 = quiet.

The first state is fixed: the likelihood is linear in the distribution of the first state, so that it is greatest where
one state has it all.

E-step: forward_t(j) = P(y_1..y_t, state_t = j) and backward_t(j) = P(y_(t+1)..y_107 | state_t = j), recursively, give
        P(state_t = j | y) ~ forward_t(j) backward_t(j),
        P(state_t = i, state_(t+1) = j | y) ~ forward_t(i) transition[i, j] P(y_(t+1) | j) backward_(t+1)(j).
M-step: transition[i, :] = expected steps from i, as shares,     rate[j] = mean of y, weighted by P(state_t = j | y).

Baum, Petrie, Soules and Weiss (1970), Annals of Mathematical Statistics 41, 164-171.
Data: Zucchini and MacDonald (2009), Hidden Markov Models for Time Series, table 1.1; their table 4.1 has the maximum.
"""

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from scipy.special import softmax
from scipy.stats import poisson

from comparisons import bind

STATES = ["quiet", "busy"]
# fmt: off
COUNTS = np.array([  # 1900-2006, magnitude 7 and above
    13, 14, 8, 10, 16, 26, 32, 27, 18, 32, 36, 24, 22, 23, 22, 18, 25, 21, 21, 14, 8, 11, 14, 23, 18, 17, 19,
    20, 22, 19, 13, 26, 13, 14, 22, 24, 21, 22, 26, 21, 23, 24, 27, 41, 31, 27, 35, 26, 28, 36, 39, 21, 17, 22,
    17, 19, 15, 34, 10, 15, 22, 18, 15, 20, 15, 22, 19, 16, 30, 27, 29, 23, 20, 16, 21, 21, 25, 16, 18, 15, 18,
    14, 10, 15, 8, 15, 6, 11, 8, 7, 18, 16, 13, 12, 13, 20, 15, 16, 12, 18, 15, 16, 13, 15, 16, 11, 11,
])
# fmt: on


def model():
    """The model in PyMC; the priors only draw the starts."""
    with pm.Model(coords={"state": STATES, "from": STATES, "to": STATES}) as built:
        transition = pm.Dirichlet("transition", np.ones((2, 2)), dims=("from", "to"))
        rate = pm.Gamma("rate", mu=20, sigma=8, dims="state")
        emission = pm.logp(pm.Poisson.dist(rate), COUNTS[:, np.newaxis])
        steps = log_product(pt.log(transition) + emission[1:, np.newaxis, :], len(COUNTS) - 1)
        pm.Potential("counts", emission[0, 0] + pt.logsumexp(steps[0]))
    return built


def log_product(matrices, length):
    """Product of matrices, of which the logarithms are given and returned: all pairs at once, until one is left."""
    while length > 1:
        half = length // 2
        left, right = matrices[0 : 2 * half : 2], matrices[1 : 2 * half : 2]
        products = pt.logsumexp(left[:, :, :, np.newaxis] + right[:, np.newaxis, :, :], axis=2)
        matrices = pt.concatenate([products, matrices[2 * half :]])
        length -= half
    return matrices[0]


class EM:
    """Baum and Welch's, in logarithms, with a log-likelihood of its own."""

    def e_step(self, params):
        """Expected states and steps, and the log-likelihood."""
        with np.errstate(divide="ignore"):
            transition, first = np.log(params["transition"]), np.log([1.0, 0.0])
        emission = poisson.logpmf(COUNTS[:, np.newaxis], params["rate"])
        forward = emission.copy()
        forward[0] += first
        for t in range(1, len(COUNTS)):
            forward[t] += np.logaddexp.reduce(forward[t - 1, :, np.newaxis] + transition, axis=0)
        backward = self.backward(emission, transition)
        steps = forward[:-1, :, np.newaxis] + transition + (emission + backward)[1:, np.newaxis, :]
        expected = {"states": softmax(forward + backward, axis=1), "steps": softmax(steps, axis=(1, 2))}
        return expected, np.logaddexp.reduce(forward[-1])

    def backward(self, emission, transition):
        """Probability of what follows, given each state."""
        found = np.zeros_like(emission)
        for t in reversed(range(len(COUNTS) - 1)):
            found[t] = np.logaddexp.reduce(transition + emission[t + 1] + found[t + 1], axis=1)
        return found

    def m_step(self, expected, params):
        """Shares of steps, and weighted means of counts."""
        states, steps = expected["states"], expected["steps"].sum(axis=0)
        rate = COUNTS @ states / states.sum(axis=0)
        return {"transition": steps / steps.sum(axis=1, keepdims=True), "rate": rate}


class EMWithABug(EM):
    """The states are filtered, not smoothed: what follows them is left out."""

    def backward(self, emission, transition):
        """Nothing follows."""
        return np.zeros_like(emission)


def case(em=None):
    """The two bound together."""
    return bind(model, em or EM(), name="earthquakes", title="Hidden Markov model, earthquakes of 107 years")
