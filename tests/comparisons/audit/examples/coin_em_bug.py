"""The same EM with a bug: the posterior forgets the weights of the coins."""

import numpy as np


class CoinEM:
    def __init__(self, data):
        self.heads, self.flips, self.rows = data["heads"], data["flips"], data["frequencies"]

    def e_step(self, params):
        x, n = self.heads[:, None], self.flips[:, None]
        with np.errstate(divide="ignore"):
            log_bias, log_tails = np.log([params["bias"], 1 - params["bias"]])
        joint = np.where(x > 0, x * log_bias, 0) + np.where(x < n, (n - x) * log_tails, 0)
        total = np.logaddexp.reduce(joint, axis=1)
        share = self.rows[:, None] * np.exp(joint - total[:, None])
        counts = {"sequences": share.sum(axis=0), "heads": self.heads @ share, "flips": self.flips @ share}
        return counts, self.rows @ total

    def m_step(self, counts, params):
        heads_per_flip = counts["heads"] / np.maximum(counts["flips"], 1e-300)
        return {"weight": counts["sequences"] / counts["sequences"].sum(), "bias": heads_per_flip}
