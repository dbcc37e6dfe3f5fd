"""Two EMs written from a textbook, right ones: plain numpy, dicts, nothing of ours. The bugs are put into these."""

import numpy as np
from scipy.special import gammaln


class Coins:
    """Binomial mixture."""

    cycles = 3_000
    tolerance = 1e-11

    def __init__(self, data):
        self.heads, self.flips, self.frequency = data["heads"], data["flips"], data["frequencies"]
        self.coins, self.fixed = data["coins"], data["fixed_weight"]

    def weight(self, p):
        return p["weight"] if self.fixed is None else np.asarray(self.fixed)

    def log_joint(self, p):
        h, n, bias = self.heads[:, None], self.flips[:, None], np.clip(p["bias"], 1e-300, 1 - 1e-16)
        log_choose = gammaln(n + 1) - gammaln(h + 1) - gammaln(n - h + 1)
        return np.log(np.maximum(self.weight(p), 1e-300)) + log_choose + h * np.log(bias) + (n - h) * np.log1p(-bias)

    def posterior(self, p):
        joint = self.log_joint(p)
        top = joint.max(axis=1, keepdims=True)
        total = np.exp(joint - top).sum(axis=1, keepdims=True)
        return np.exp(joint - top) / total, (top + np.log(total))[:, 0]

    def e_step(self, p):
        posterior, log_probability = self.posterior(p)
        return self.counts(posterior * self.frequency[:, None]), self.frequency @ log_probability

    def counts(self, weighted):
        return {"sequences": weighted.sum(axis=0), "heads": self.heads @ weighted, "flips": self.flips @ weighted}

    def m_step(self, counts, p):
        bias = np.where(counts["flips"] > 0, counts["heads"] / np.maximum(counts["flips"], 1e-300), p["bias"])
        return self.named(counts["sequences"] / counts["sequences"].sum(), bias)

    def named(self, weight, bias):
        return {"bias": bias} if self.fixed is not None else {"weight": weight, "bias": bias}

    def step(self, p):
        return self.m_step(self.e_step(p)[0], p)

    def fit(self, start, max_cycles=None):
        limit = max_cycles or self.cycles
        p = start
        for cycle in range(1, limit + 1):  # noqa: B007
            new = self.step(p)
            moved = max(np.abs(new[name] - p[name]).max() for name in p)
            p = new
            if moved < self.tolerance:
                break
        return self.result(p, moved < self.tolerance, cycle)

    def result(self, p, converged, cycle):
        return {"params": p, "log_likelihood": self.e_step(p)[1], "converged": converged, "cycles": cycle}


class TwoPL:
    """Marginal maximum likelihood of the 2PL (Bock and Aitkin 1981)."""

    cycles = 3_000
    tolerance = 1e-9
    newton_steps = 30
    fit, step, result = Coins.fit, Coins.step, Coins.result

    def __init__(self, data):
        self.responses, self.frequency = data["responses"], data["frequencies"]
        self.nodes, self.weights = data["nodes"], data["weights"]
        self.answered = (~np.isnan(self.responses)).astype(float)
        self.right = np.nan_to_num(self.responses)

    def logit(self, p):
        return p["d"] + p["a"] * self.nodes[:, None]

    def log_joint(self, p):
        z = self.logit(p)
        return self.right @ z.T - self.answered @ np.logaddexp(0, z).T + np.log(self.weights)

    posterior = Coins.posterior
    e_step = Coins.e_step

    def counts(self, weighted):
        return {
            "examinees": weighted.sum(axis=0),
            "correct": weighted.T @ self.right,
            "attempts": weighted.T @ self.answered,
        }

    def m_step(self, counts, p):
        d, a = p["d"], p["a"]
        for _ in range(self.newton_steps):
            gradient, information = self.derivatives(counts, d, a)
            move = np.linalg.solve(information + 1e-12 * np.eye(2), gradient.T[..., None])[..., 0].T
            move = move / np.maximum(1.0, np.abs(move).max(axis=0))
            d, a = d + move[0], a + move[1]
            if np.abs(move).max() < 1e-10:
                break
        return {"d": d, "a": a}

    def residual(self, counts, d, a):
        probability = 1 / (1 + np.exp(-(d + a * self.nodes[:, None])))
        return counts["correct"] - counts["attempts"] * probability, probability * (1 - probability)

    def derivatives(self, counts, d, a):
        """Gradient (2, I) and information (I, 2, 2) of the expected log-likelihood of every item."""
        residual, variance = self.residual(counts, d, a)
        design = np.stack([np.ones_like(self.nodes), self.nodes])
        return design @ residual, np.einsum("ak,ki,bk->iab", design, counts["attempts"] * variance, design)
