"""The data that packages for latent classes are put on."""

from comparisons import catalogue
from comparisons.peers import Problem

NONE = "no quadrature"
PROBLEMS = (
    Problem(
        "role conflict",
        "4 items, 216 respondents, two classes (Stouffer and Toby 1951); one maximum",
        NONE,
        lambda: catalogue.load("stouffer-toby"),
        options={"classes": 2},
    ),
    Problem(
        "carcinoma, two classes",
        "7 ratings of 118 slides, two classes (Landis and Koch 1977); the maximum has five probabilities of 0 or 1",
        NONE,
        lambda: catalogue.load("carcinoma-2"),
        options={"classes": 2},
    ),
    Problem(
        "carcinoma, four classes",
        "The same with four classes; eight maxima are known, and the highest is not the one that is found most often",
        NONE,
        lambda: catalogue.load("carcinoma-4"),
        options={"classes": 4},
    ),
)
