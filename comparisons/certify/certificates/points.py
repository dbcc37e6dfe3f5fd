"""All known stationary points of every certified problem: in closed form, or where Newton's method begins.

Copies under a symmetry of the model (components relabelled, the ability axis turned round) count once; so
does a set of parameters that gives every observation the same probability (`not_identified`).
"""

from collections.abc import Callable
from typing import NamedTuple

import mpmath as mp

from comparisons.certify.certificates.likelihoods import Parameters, Problem

NEWTON = "mpmath, 50 digits: Newton's method on the exact gradient and Hessian until nothing moves"


class Stated(NamedTuple):
    """A stationary point before it is computed.

    Attributes
    ----------
    kind : str
        `best`, `local`, `saddle` or `ridge`.
    how : str
    parameters : dict of name -> list of mpf
        Exact where the point is known in closed form, else a few digits.
    exact : bool
    not_identified : tuple of str
        Parameters whose value there is arbitrary.
    """

    kind: str
    how: str
    parameters: Parameters
    exact: bool = False
    not_identified: tuple[str, ...] = ()


def coins(problem: Problem) -> list[Stated]:
    """Every coin at the share of heads: the counts vary less than those of one coin would."""
    heads = problem.numbers("heads")
    share = mp.mpf(sum(heads)) / (int(problem.options["flips"]) * len(heads))
    how = (
        "closed form: every bias is the share of heads, 83/200, at any weights; the global maximum among all mixtures, "
        "as Lindsay's gradient D(phi) is at most 0 on [0, 1] (Lindsay 1983, Annals of Statistics 11, theorem 4.1)"
    )
    start = {"weight": [mp.mpf("0.25"), mp.mpf("0.5"), mp.mpf("0.25")], "bias": [share] * 3}
    return [Stated("ridge", how, start, True, ("weight",))]


def two_coins(problem: Problem) -> list[Stated]:
    """The maximum, and one coin for all sequences."""
    one = "closed form: both biases are the share of heads, 33/50; the two coins are one, at any weights"
    best = {"weight": _few("0.522751", "0.477249"), "bias": _few("0.793368", "0.513917")}
    equal = {"weight": _few("0.5", "0.5"), "bias": [mp.mpf(33) / 50] * 2}
    return [Stated("best", NEWTON, best), Stated("saddle", one, equal, True, ("weight",))]


def two_coins_equal(problem: Problem) -> list[Stated]:
    """The maximum, one coin for all sequences, and a coin that never shows heads."""
    share = mp.mpf(33) / 50
    one = "closed form: both biases are the share of heads, 33/50"
    idle = (
        "closed form: one coin never shows heads and explains no sequence, the other has the share of heads, 33/50; "
        "on the edge of the parameter space, where the likelihood rises inwards with the fourth power of the bias"
    )
    return [
        Stated("best", NEWTON, {"bias": _few("0.796789", "0.519583")}),
        Stated("saddle", one, {"bias": [share, share]}, True),
        Stated("saddle", idle, {"bias": [share, mp.mpf(0)]}, True),
    ]


def lsat6(problem: Problem) -> list[Stated]:
    """The maximum, slopes of 0 (independent items), and nearby slopes of both signs."""
    grid61 = "grid" not in problem.options
    d = ("2.773234", "0.990201", "0.249148", "1.284757", "2.053270")
    a = ("0.825660", "0.722744", "0.890875", "0.688368", "0.656856")
    best = {"d": _few(*d), "a": _few(*a)}
    how = NEWTON if grid61 else f"{NEWTON}; nodes and weights as they are printed"
    near = {
        "d": _few("2.5000888", "0.8905385", "0.2128111", "1.1693639", "1.9020289"),
        "a": _few("0.0705572", "0.0054515", "0.0148460", "-0.0251264", "-0.0537878"),
    }
    return [Stated("best", how, best), Stated("saddle", how, near), _independent(problem, 5)]


def lsat6_common_slope(problem: Problem) -> list[Stated]:
    """The maximum, and a slope of 0: independent items."""
    best = {"d": _few("2.730013", "0.998606", "0.239854", "1.306451", "2.099404"), "a": _few("0.755135")}
    return [Stated("best", NEWTON, best), _independent(problem, 1)]


def _independent(problem: Problem, slopes: int) -> Stated:
    """Slopes of 0, and the logit of every item's share of right answers."""
    frequencies = problem.numbers("frequency")
    logits = []
    for item in (column for column in problem.columns if column != "frequency"):
        right = sum(f for f, u in zip(frequencies, problem.numbers(item), strict=True) if u)
        logits.append(mp.log(mp.mpf(right) / (sum(frequencies) - right)))
    how = "closed form: all slopes 0, every intercept the logit of the item's share of right answers"
    return Stated("saddle", how, {"d": logits, "a": [mp.mpf(0)] * slopes}, True)


def genetic_linkage(problem: Problem) -> list[Stated]:
    """The positive root of the score, a quadratic: N t^2 - (y1 - 2 (y2 + y3) - y4) t - 2 y4 = 0."""
    y1, y2, y3, y4 = problem.numbers("frequency")
    middle = y1 - 2 * (y2 + y3) - y4
    root = (middle + mp.sqrt(middle**2 + 8 * sum((y1, y2, y3, y4)) * y4)) / (2 * (y1 + y2 + y3 + y4))
    how = "closed form: (15 + sqrt 53809) / 394, the only root of the score 197 t^2 - 15 t - 68 = 0 in [0, 1]"
    return [Stated("best", how, {"theta": [root]}, True)]


def murray(problem: Problem) -> list[Stated]:
    """Two maxima of the same height and the saddle between them: there are no others."""
    every = (
        "the score is zero for equal variances v, 4 v = 2 / (1 - rho^2) + 8, with rho = 0 or v (1 - rho^2) = 2: "
        "three stationary points in all"
    )

    def at(variance: tuple[int, int], rho: tuple[int, int]) -> Parameters:
        return {"variance": [mp.mpf(variance[0]) / variance[1]] * 2, "correlation": [mp.mpf(rho[0]) / rho[1]]}

    return [
        Stated("best", f"closed form: variances 8/3, correlation 1/2; {every}", at((8, 3), (1, 2)), True),
        Stated("best", f"closed form: variances 8/3, correlation -1/2; {every}", at((8, 3), (-1, 2)), True),
        Stated("saddle", f"closed form: variances 5/2, correlation 0; {every}", at((5, 2), (0, 1)), True),
    ]


def hasselblad(problem: Problem) -> list[Stated]:
    """The maximum, and one Poisson distribution for all."""
    count, frequency = problem.numbers("count"), problem.numbers("frequency")
    mean = mp.mpf(sum(x * f for x, f in zip(count, frequency, strict=True))) / sum(frequency)
    one = "closed form: both rates are the mean, 591/274; the two components are one, at any weights"
    best = {"weight": _few("0.359885", "0.640115"), "rate": _few("1.256095", "2.663404")}
    return [
        Stated("best", NEWTON, best),
        Stated("saddle", one, {"weight": _few("0.5", "0.5"), "rate": [mean] * 2}, True, ("weight",)),
    ]


def _few(*digits: str) -> list[mp.mpf]:
    return [mp.mpf(value) for value in digits]


POINTS: dict[str, Callable[[Problem], list[Stated]]] = {
    "coins": coins,
    "genetic-linkage": genetic_linkage,
    "hasselblad": hasselblad,
    "lsat6": lsat6,
    "lsat6-61": lsat6,
    "lsat6-common-slope": lsat6_common_slope,
    "murray": murray,
    "two-coins": two_coins,
    "two-coins-equal": two_coins_equal,
}
