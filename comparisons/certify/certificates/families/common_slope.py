"""The two-parameter logistic model with one slope for all items."""

from comparisons.certify.certificates.families.two_pl import independent, log_likelihood
from comparisons.certify.certificates.problem import Problem
from comparisons.certify.certificates.stated import NEWTON, Points, Stated, few

__all__ = ["POINTS", "log_likelihood"]


def lsat6_common_slope(problem: Problem) -> list[Stated]:
    """The maximum, and a slope of 0: independent items."""
    best = {"d": few("2.730013", "0.998606", "0.239854", "1.306451", "2.099404"), "a": few("0.755135")}
    return [Stated("best", NEWTON, best), independent(problem, 1)]


POINTS: Points = {
    "lsat6-common-slope": lsat6_common_slope,
}
