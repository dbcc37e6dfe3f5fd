"""Hand-written EM for latent-variable models. Needs numpy and scipy, nothing else."""

from em_reference.coin_mixture import CoinMixture
from em_reference.em import EMProblem, Expectation, Fit, Status, StopRule, Trace, em
from em_reference.two_pl import TwoPL

__all__ = ["CoinMixture", "EMProblem", "Expectation", "Fit", "Status", "StopRule", "Trace", "TwoPL", "em"]
