"""Latent classes."""

from collections.abc import Sequence

import mpmath as mp

from comparisons.certify.certificates.jets import Jet, Jets, Real, log, total
from comparisons.certify.certificates.problem import Problem
from comparisons.certify.certificates.stated import NEWTON, Parameters, Points, Stated, few

# Shares of the classes, then a row of probabilities of the second state for each: what 100 random starts of EM and of
# PyMC found. With four classes they differ in what the smaller two are for.
TWO = (
    ".501212 .498788",
    "1 .983092 .760867 .541061 .978637 .422704 1",
    ".116502 .354367 0 0 .222921 0 .116502",
)
THREE = (
    ".444728 .373564 .181708",
    "1 .980944 .857504 .586247 1 .476391 1",
    ".057310 .137943 0 0 .055082 0 0",
    ".512831 1 0 .057599 .750603 0 .630652",
)
FOUR = (
    (
        ".375143 .342995 .188226 .093636",
        ".057792 .141570 0 0 .055697 0 0",
        "1 1 .843893 .757909 1 .617689 1",
        ".536647 1 0 .059647 .765939 0 .651828",
        "1 .909494 .981510 0 1 0 1",
    ),
    (
        ".369601 .268667 .209825 .151906",
        ".058899 .128699 0 0 .052335 0 0",
        "1 1 .848410 .758473 1 .788575 1",
        "1 .959611 .731159 .321265 .952246 0 1",
        ".388793 1 0 0 .749666 0 .532100",
    ),
    (
        ".371675 .271186 .195835 .161304",
        ".058711 .133561 0 0 .052903 0 0",
        "1 1 .812500 1 .968750 .593750 1",
        "1 .956726 .822209 0 1 .259645 1",
        ".436936 1 0 0 .765548 0 .572218",
    ),
    (
        ".448350 .374116 .169060 .008475",
        "1 .981098 .850577 .585953 1 .472543 1",
        ".059418 .139214 0 0 .053463 0 0",
        ".474793 1 0 0 .788738 0 .606281",
        "1 1 0 1 0 0 1",
    ),
    (
        ".381356 .375839 .172306 .070499",
        "1 .977778 1 .577778 1 .466667 1",
        ".060455 .143161 0 0 .053762 0 0",
        ".491835 1 0 0 .807375 0 .623700",
        "1 1 0 .721250 .865516 .480834 1",
    ),
    (
        ".440197 .344447 .119125 .096231",
        "1 .980748 .866330 .587393 1 .481294 1",
        ".052632 .065068 0 0 .052632 0 0",
        ".573158 1 0 .105920 .786579 0 1",
        ".340000 1 0 0 .516129 0 0",
    ),
    (
        ".441996 .357820 .162653 .037530",
        "1 .980827 .862804 .588157 1 .479336 1",
        ".064310 .147380 0 0 0 0 0",
        ".579850 1 0 .069003 .751097 0 .721325",
        "0 .548388 0 0 1 0 0",
    ),
    (
        ".444077 .354358 .173513 .028052",
        "1 .980916 .858761 .586656 1 .477089 1",
        "0 .139049 0 0 .059317 0 0",
        ".502517 1 0 .061471 .787250 0 .664186",
        "1 .395790 0 0 0 0 0",
    ),
)
CONFLICT = (
    ".720754 .279246",
    ".286412 .670381 .645984 .867627",
    ".006807 .060236 .073469 .230868",
)


def log_likelihood(problem: Problem, jets: Jets) -> Jet:
    """sum_j f_j log sum_k w_k prod_i p_ki^x_ij (1 - p_ki)^(1 - x_ij), x = 1 for the second state of an item."""
    patterns, weight, probability = _patterns(problem), jets["weight"], jets["probability"]
    items = len(patterns[0][0])
    rows = []
    for pattern, frequency in patterns:
        classes = []
        for k, share in enumerate(weight):
            of_class = share
            for i, x in enumerate(pattern):
                p = probability[k * items + i]
                of_class = of_class * (p if x else 1 - p)
            classes.append(of_class)
        rows.append(frequency * log(total(classes)))
    return total(rows)


def _patterns(problem: Problem) -> list[tuple[list[bool], int]]:
    """Response patterns, True for the second state of an item, and how often each was seen."""
    columns = [cells for name, cells in problem.columns.items() if name != "frequency"]
    second = [[cell == max(cells) for cell in cells] for cells in columns]
    return [(list(row), f) for row, f in zip(zip(*second, strict=True), problem.frequencies, strict=True)]


def _at(rows: Sequence[str]) -> Parameters:
    """Parameters from rows of digits."""
    weight, *classes = (few(*row.split()) for row in rows)
    # As printed the shares may miss 1 by a digit.
    weight[0] = 1 - mp.fsum(weight[1:])
    return {"weight": weight, "probability": [p for row in classes for p in row]}


def independent(problem: Problem, classes: int) -> Stated:
    """All classes alike: the items are independent."""
    patterns = _patterns(problem)
    respondents = sum(f for _, f in patterns)
    shares: list[Real] = [
        mp.mpf(sum(f for row, f in patterns if row[i])) / respondents for i in range(len(patterns[0][0]))
    ]
    how = "closed form: in every class the share of each item's second state; the classes are one, at any weights"
    equal = {"weight": [mp.mpf(1) / classes] * classes, "probability": shares * classes}
    return Stated("saddle", how, equal, True, ("weight",))


def carcinoma_2(problem: Problem) -> list[Stated]:
    """The maximum, with five probabilities at an edge, and independence."""
    return [Stated("boundary", NEWTON, _at(TWO)), independent(problem, 2)]


def carcinoma_3(problem: Problem) -> list[Stated]:
    """The maximum, with ten probabilities at an edge."""
    return [Stated("boundary", NEWTON, _at(THREE))]


def carcinoma_4(problem: Problem) -> list[Stated]:
    """Eight maxima, all with probabilities at an edge."""
    return [Stated("boundary", NEWTON, _at(point)) for point in FOUR]


def stouffer_toby(problem: Problem) -> list[Stated]:
    """The maximum, and independence."""
    return [Stated("best", NEWTON, _at(CONFLICT)), independent(problem, 2)]


# With a class more than is needed the maxima of fewer classes are saddles, at which that class has no weight and may be
# anywhere, but not where the likelihood would rise if it had some: of three and four classes the maxima are listed.
POINTS: Points = {
    "carcinoma-2": carcinoma_2,
    "carcinoma-3": carcinoma_3,
    "carcinoma-4": carcinoma_4,
    "stouffer-toby": stouffer_toby,
}
