"""Wrong EMs of the 2PL."""

import numpy as np
from audit_zoo import bug
from audit_zoo.textbook import TwoPL

P, GAPS = "2PL", "2PL, missing"


@bug(P, "expected_counts", "expected correct answers one node too far")
class OneNodeOff(TwoPL):
    def counts(self, weighted):
        counts = super().counts(weighted)
        return {**counts, "correct": np.roll(counts["correct"], 1, axis=0)}


@bug(P, "mass", "the frequency is ignored in the expected examinees only")
class FrequencyInExaminees(TwoPL):
    def e_step(self, p):
        counts, value = super().e_step(p)
        return {**counts, "examinees": self.posterior(p)[0].sum(axis=0)}, value


@bug(P, "expected_counts", "the posterior of the next pattern")
class NextPattern(TwoPL):
    def posterior(self, p):
        posterior, log_probability = super().posterior(p)
        return np.roll(posterior, -1, axis=0), log_probability


@bug(P, "mass", "posteriors are not divided by the probability of the pattern")
class Unnormalised2PL(TwoPL):
    def posterior(self, p):
        return np.exp(self.log_joint(p)), super().posterior(p)[1]


@bug(P, "log_likelihood", "the constant 1.702 in the logit")
class Constant1702(TwoPL):
    def logit(self, p):
        return 1.702 * super().logit(p)


@bug(P, "log_likelihood", "nodes shifted by 0.0001")
class ShiftedNodes(TwoPL):
    def __init__(self, data):
        super().__init__(data)
        self.nodes = self.nodes + 1e-4


@bug(P, "log_likelihood", "nodes rescaled by a millionth")
class RescaledNodes(TwoPL):
    def __init__(self, data):
        super().__init__(data)
        self.nodes = self.nodes * (1 + 1e-6)


@bug(P, "expected_counts", "the ability distribution used twice")
class WeightsTwice(TwoPL):
    def log_joint(self, p):
        return super().log_joint(p) + np.log(self.weights)


@bug(P, "expected_counts", "nodes without weights: a uniform ability distribution")
class UniformAbility(TwoPL):
    def __init__(self, data):
        super().__init__(data)
        self.weights = np.full(len(self.nodes), 1 / len(self.nodes))


@bug(P, "log_likelihood", "wrong answers left out of the probability of a pattern")
class OnlyRight(TwoPL):
    def log_joint(self, p):
        return self.right @ -np.logaddexp(0, -self.logit(p)).T + np.log(self.weights)


@bug(P, "log_likelihood", "logits cut off at 6")
class CutLogits(TwoPL):
    def logit(self, p):
        return np.clip(super().logit(p), -6, 6)


@bug(P, "log_likelihood", "single precision")
class SinglePrecision2PL(TwoPL):
    def log_joint(self, p):
        return super().log_joint(p).astype(np.float32)


@bug(P, "ascent", "difficulties reported with the wrong sign")
class DifficultySign(TwoPL):
    def m_step(self, counts, p):
        new = super().m_step(counts, p)
        return {**new, "d": -new["d"]}


@bug(P, "m_step", "difficulties b in place of intercepts d")
class DifficultyForIntercept(TwoPL):
    def m_step(self, counts, p):
        new = super().m_step(counts, p)
        return {**new, "d": -new["d"] / new["a"]}


@bug(P, "m_step", "the M-step ends after one Newton step", remark=True)
class OneNewtonStep(TwoPL):
    newton_steps = 1


@bug(P, "m_step", "the gradient of the slope without the node")
class WrongGradient(TwoPL):
    def derivatives(self, counts, d, a):
        gradient, information = super().derivatives(counts, d, a)
        return np.stack([gradient[0], np.sign(self.nodes) @ self.residual(counts, d, a)[0]]), information


@bug(P, "m_step", "the M-step fits the observed proportion correct at every node")
class ObservedProportion(TwoPL):
    def m_step(self, counts, p):
        proportion = counts["correct"].sum(axis=0) / counts["attempts"].sum(axis=0)
        mixed = 0.5 * counts["correct"] + 0.5 * counts["attempts"] * proportion
        return super().m_step({**counts, "correct": mixed}, p)


@bug(P, "m_step", "a wide normal prior left in on the slopes (sd 30)")
class WidePrior(TwoPL):
    def derivatives(self, counts, d, a):
        gradient, information = super().derivatives(counts, d, a)
        return gradient - np.stack([0 * a, a / 900]), information + np.diag([0, 1 / 900])


@bug(P, "m_step", "half an answer added to each node")
class HalfAnswer(TwoPL):
    def m_step(self, counts, p):
        return super().m_step({**counts, "correct": counts["correct"] + 0.5, "attempts": counts["attempts"] + 1}, p)


@bug(P, "m_step", "the last item is never updated")
class LastItem(TwoPL):
    def m_step(self, counts, p):
        new = super().m_step(counts, p)
        return {name: np.append(new[name][:-1], p[name][-1]) for name in new}


@bug(P, "other_data", "slopes made positive after every M-step")
class PositiveSlopes(TwoPL):
    def m_step(self, counts, p):
        new = super().m_step(counts, p)
        return {**new, "a": np.abs(new["a"])}


@bug(P, "fixed_point", "slopes divided by their geometric mean in every cycle")
class NormedSlopes(TwoPL):
    def m_step(self, counts, p):
        new = super().m_step(counts, p)
        return {**new, "a": new["a"] / np.exp(np.log(np.abs(new["a"])).mean())}


@bug(P, "fixed_point", "only a map; slopes rounded to 4 decimals")
def rounded_map(data):
    em = TwoPL(data)
    return lambda p: {name: np.round(values, 4) for name, values in em.step(p).items()}


@bug(P, "rate", "over-relaxed: 1.6 times the step", remark=True)
class OverRelaxed2PL(TwoPL):
    e_step = None

    def step(self, p):
        em = TwoPL.__new__(TwoPL)
        em.__dict__ = self.__dict__
        new = em.step(p)
        return {name: p[name] + 1.6 * (new[name] - p[name]) for name in p}

    fit = None


@bug(P, "reported_log_likelihood", "the reported log-likelihood is that of the step before")
class StepBefore2PL(TwoPL):
    def e_step(self, p):
        counts, value = super().e_step(p)
        self.before, self.now = getattr(self, "now", value), value
        return counts, value

    def result(self, p, converged, cycle):
        return {**super().result(p, converged, cycle), "log_likelihood": self.before}


@bug(P, "stopping", "a change below 0.01 counts as convergence", remark=True)
class Loose(TwoPL):
    tolerance = 1e-2


@bug(P, "stopping", "twenty cycles, whatever comes, and 'converged'")
class TwentyCycles(TwoPL):
    cycles, tolerance = 20, 1e-9

    def result(self, p, converged, cycle):
        return super().result(p, True, cycle)


@bug(P, "standard_errors", "standard errors from the complete data")
class CompleteErrors2PL(TwoPL):
    def standard_errors(self, p):
        _, information = self.derivatives(self.e_step(p)[0], p["d"], p["a"])
        variance = np.linalg.inv(information)
        return {"d": np.sqrt(variance[:, 0, 0]), "a": np.sqrt(variance[:, 1, 1])}


@bug(GAPS, "expected_counts", "a missing response is coded as wrong")
class MissingIsWrong(TwoPL):
    def __init__(self, data):
        super().__init__(data)
        self.answered = np.ones_like(self.responses)


@bug(GAPS, "mass", "examinees with a missing response are dropped")
class Dropped(TwoPL):
    def __init__(self, data):
        complete = ~np.isnan(data["responses"]).any(axis=1)
        rows = {name: data[name][complete] for name in ("responses", "frequencies")}
        super().__init__({**data, **rows})


@bug(GAPS, "m_step", "examinees who did not reach an item count as its attempts in the M-step")
class AllAttempts(TwoPL):
    def m_step(self, counts, p):
        everyone = np.broadcast_to(counts["examinees"][:, None], counts["correct"].shape)
        return super().m_step({**counts, "attempts": everyone}, p)


@bug(P, "missing", "a missing response is coded as wrong, on data that have none")
class MissingIsWrongElsewhere(MissingIsWrong):
    pass


@bug(P, "missing", "NaN in the data runs through to the estimates")
class NaNRunsThrough(TwoPL):
    def __init__(self, data):
        super().__init__(data)
        self.right, self.answered = self.responses, np.ones_like(self.responses)


@bug(P, "weights", "a frequency of 6 is read as 3")
class MisreadFrequency(TwoPL):
    def __init__(self, data):
        super().__init__(data)
        self.frequency = np.where(self.frequency == 6, 3, self.frequency)
