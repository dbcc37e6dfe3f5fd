"""Wrong EMs of the coin mixture."""

import numpy as np
from audit_zoo import bug
from audit_zoo.textbook import Coins

C = "coins"


@bug(C, "expected_counts", "the exponent of the tails has the wrong sign")
class TailsSign(Coins):
    def log_joint(self, p):
        return super().log_joint(p) - 2 * (self.flips - self.heads)[:, None] * np.log1p(-p["bias"])


@bug(C, "log_likelihood", "the tails are left out of the likelihood")
class NoTails(Coins):
    def log_joint(self, p):
        return super().log_joint(p) - (self.flips - self.heads)[:, None] * np.log1p(-p["bias"])


@bug(C, "mass", "posteriors that do not add up to 1")
class Unnormalised(Coins):
    def posterior(self, p):
        _, log_probability = super().posterior(p)
        return np.exp(self.log_joint(p)), log_probability


@bug(C, "expected_counts", "the mixture weights are left out of the posterior")
class NoWeights(Coins):
    def weight(self, p):
        return np.full(self.coins, 1 / self.coins)


@bug(C, "expected_counts", "the posterior of the row before")
class RowBefore(Coins):
    def posterior(self, p):
        posterior, log_probability = super().posterior(p)
        return np.roll(posterior, 1, axis=0), log_probability


@bug(C, "expected_counts", "every sequence given to its likeliest coin alone (classification EM)")
class HardAssignment(Coins):
    def posterior(self, p):
        posterior, log_probability = super().posterior(p)
        return np.eye(self.coins)[posterior.argmax(axis=1)], log_probability


@bug(C, "mass", "the frequency is ignored in the expected number of sequences only")
class FrequencyInSequences(Coins):
    def e_step(self, p):
        counts, value = super().e_step(p)
        return {**counts, "sequences": self.posterior(p)[0].sum(axis=0)}, value


@bug(C, "m_step", "the weights are updated from responsibilities without frequency")
class WeightsWithoutFrequency(Coins):
    def m_step(self, counts, p):
        weight = self.posterior(p)[0].mean(axis=0)
        return {**super().m_step(counts, p), "weight": weight}


@bug(C, "log_likelihood", "the log-likelihood counts every row once")
class LikelihoodWithoutFrequency(Coins):
    def e_step(self, p):
        return super().e_step(p)[0], self.posterior(p)[1].sum()


@bug(C, "mass", "a frequency of 0 is taken for 1")
class ZeroIsOne(Coins):
    def __init__(self, data):
        super().__init__(data)
        self.frequency = np.maximum(self.frequency, 1)


@bug(C, "weights", "equal rows are merged and counted once")
class UniqueRows(Coins):
    def __init__(self, data):
        super().__init__(data)
        pairs, first = np.unique(np.stack([self.heads, self.flips]), axis=1, return_index=True)
        (self.heads, self.flips), self.frequency = pairs, self.frequency[first]


@bug(C, "m_step", "biases divided by the average number of flips")
class AverageFlips(Coins):
    def m_step(self, counts, p):
        flips = counts["flips"].sum() / counts["sequences"].sum() * counts["sequences"]
        return super().m_step({**counts, "flips": flips}, p)


@bug(C, "m_step", "the M-step uses observed counts: every sequence half to each coin")
class ObservedCounts(Coins):
    def m_step(self, counts, p):
        share = np.full(self.coins, 1 / self.coins)
        return super().m_step({name: values.sum() * share for name, values in counts.items()}, p)


@bug(C, "m_step", "labels permuted between weights and biases")
class Permuted(Coins):
    def m_step(self, counts, p):
        new = super().m_step(counts, p)
        return {**new, "weight": new["weight"][::-1]}


@bug(C, "symmetry", "biases sorted after every M-step, the weights left behind")
class SortedBiases(Coins):
    def m_step(self, counts, p):
        new = super().m_step(counts, p)
        return {**new, "bias": np.sort(new["bias"])}


@bug(C, "m_step", "a prior left in: one head and one tail more for each coin")
class PriorOnBias(Coins):
    def m_step(self, counts, p):
        return super().m_step({**counts, "heads": counts["heads"] + 1, "flips": counts["flips"] + 2}, p)


@bug(C, "m_step", "a Dirichlet prior left in on the weights")
class PriorOnWeights(Coins):
    def m_step(self, counts, p):
        return super().m_step({**counts, "sequences": counts["sequences"] + 0.5}, p)


@bug(C, "m_step", "smoothing with 0.001 of a flip (relative error 1e-5)")
class TinySmoothing(Coins):
    def m_step(self, counts, p):
        return super().m_step({**counts, "heads": counts["heads"] + 1e-3, "flips": counts["flips"] + 2e-3}, p)


@bug(C, "m_step", "biases kept off the boundary by shrinking them by 4e-6")
class ShrunkBias(Coins):
    def m_step(self, counts, p):
        new = super().m_step(counts, p)
        return {**new, "bias": new["bias"] * (1 - 4e-6) + 2e-6}


@bug(C, "expected_counts", "posteriors rounded to 6 decimals")
class RoundedPosterior(Coins):
    def posterior(self, p):
        posterior, log_probability = super().posterior(p)
        return np.round(posterior, 6), log_probability


@bug(C, "log_likelihood", "single precision")
class SinglePrecision(Coins):
    def log_joint(self, p):
        return super().log_joint(p).astype(np.float32)


@bug(C, "reported_log_likelihood", "the reported log-likelihood is that of the step before")
class StepBefore(Coins):
    def e_step(self, p):
        counts, value = super().e_step(p)
        self.before, self.now = getattr(self, "now", value), value
        return counts, value

    def result(self, p, converged, cycle):
        return {**super().result(p, converged, cycle), "log_likelihood": self.before}


@bug(C, "stopping", "reaching the cycle limit counts as convergence")
class LimitIsSuccess(Coins):
    def result(self, p, converged, cycle):
        return super().result(p, True, cycle)


@bug(C, "stopping", "it stops at the first small change of the log-likelihood")
class StopsEarly(Coins):
    def fit(self, start, max_cycles=None):
        p, last = start, -np.inf
        for cycle in range(max_cycles or self.cycles):  # noqa: B007
            value = self.e_step(p)[1]
            if value - last < 1e-3:
                break
            p, last = self.step(p), value
        return self.result(p, True, cycle)


@bug(C, "ascent", "over-relaxed: three times the step")
class OverRelaxed(Coins):
    def step(self, p):
        new = super().step(p)
        longer = {name: np.clip(p[name] + 3 * (new[name] - p[name]), 1e-9, 1) for name in p}
        return {**longer, "weight": longer["weight"] / longer["weight"].sum()}

    e_step = None


@bug(C, "rate", "damped: half the step", remark=True)
class Damped(Coins):
    def m_step(self, counts, p):
        new = super().m_step(counts, p)
        return {name: (new[name] + p[name]) / 2 for name in p}


@bug(C, "m_step", "the biases from posteriors that already use the new weights", remark=True)
class NewWeights(Coins):
    e_step = None

    def step(self, p):
        posterior = self.posterior(p)[0] * self.frequency[:, None]
        weight = posterior.sum(axis=0) / posterior.sum()
        weighted = self.posterior({**p, "weight": weight})[0] * self.frequency[:, None]
        return {**self.m_step(self.counts(weighted), p), "weight": weight}

    def fit(self, start, max_cycles=None):
        p = start
        for _ in range(max_cycles or 2_000):
            p = self.step(p)
        return p


@bug(C, "standard_errors", "standard errors from the complete data")
class CompleteErrors(Coins):
    def standard_errors(self, p):
        counts = self.e_step(p)[0]
        of_weight = p["weight"] * (1 - p["weight"]) / counts["sequences"].sum()
        return {"weight": np.sqrt(of_weight), "bias": np.sqrt(p["bias"] * (1 - p["bias"]) / counts["flips"])}


@bug(C, "edge_cases", "raises an IndexError on a single observation", remark=True)
class NeedsTwo(Coins):
    def __init__(self, data):
        super().__init__(data)
        self.second = self.heads[1]


@bug(C, "edge_cases", "0 / 0 when a coin gets no flips", remark=True)
class NaNAtBoundary(Coins):
    def posterior(self, p):
        posterior, log_probability = super().posterior(p)
        return np.where(posterior < 1e-290, 0, posterior), log_probability

    def m_step(self, counts, p):
        return self.named(counts["sequences"] / counts["sequences"].sum(), counts["heads"] / counts["flips"])


@bug(C, "ascent", "changes its parameters in place")
class InPlace(Coins):
    def m_step(self, counts, p):
        p["bias"][:] = super().m_step(counts, p)["bias"]
        return p


@bug(C, "log_likelihood", "divides the data by the flips, in place")
class ChangesData(Coins):
    def e_step(self, p):
        found = super().e_step(p)
        self.heads *= 0.5
        return found


@bug(C, "ascent", "returns one bias instead of two")
class WrongShape(Coins):
    def m_step(self, counts, p):
        return {**super().m_step(counts, p), "bias": np.array([0.5])}


@bug(C, "ascent", "the new weights add up to 1.0001")
class SumOfWeights(Coins):
    def m_step(self, counts, p):
        new = super().m_step(counts, p)
        return {**new, "weight": new["weight"] * 1.0001}


@bug(C, "stopping", "its fit never returns")
class Hangs(Coins):
    def fit(self, start, max_cycles=None):
        while True:
            pass


@bug(C, "expected_counts", "noise of 1e-6 in the posterior (a Monte Carlo E-step)")
class Noise(Coins):
    rng = np.random.default_rng(1)

    def posterior(self, p):
        posterior, log_probability = super().posterior(p)
        return posterior + 1e-6 * self.rng.normal(size=posterior.shape), log_probability


@bug(C, "fixed_point", "only a map, with noise of 1e-5")
def noisy_map(data):
    em, rng = Coins(data), np.random.default_rng(1)
    return lambda p: {**em.step(p), "bias": em.step(p)["bias"] + 1e-5 * rng.normal(size=2)}


@bug(C, "fixed_point", "only a fit, to the equal-weights model")
def fit_of_another_model(data):
    em = Coins({**data, "fixed_weight": np.full(2, 0.5)})

    def fit(data, start):
        return {"bias": em.fit({"bias": start["bias"]})["params"]["bias"], "weight": np.full(2, 0.5)}

    return fit


@bug(C, "expected_counts", "the posterior of the first call is kept for all others")
class Stale(Coins):
    def posterior(self, p):
        self.kept = getattr(self, "kept", None) or super().posterior(p)
        return self.kept


@bug("coins, weights known", "expected_counts", "known weights of 0.3 and 0.7 taken for equal ones")
class EqualWeights(Coins):
    def weight(self, p):
        return np.full(self.coins, 1 / self.coins)
