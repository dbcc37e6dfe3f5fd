"""What the kinds of optima are called in a sentence, and what each means."""

from comparisons.optima.kinds import Kind

IN_WORDS = {
    Kind.BEST: "a maximum",
    Kind.LOCAL: "a local maximum",
    Kind.SADDLE: "a saddle",
    Kind.RIDGE: "a ridge",
    Kind.BOUNDARY: "a maximum at the boundary",
    Kind.DIVERGING: "a maximum at infinity",
    Kind.DEGENERATE: "a point where the likelihood is unbounded",
    Kind.NOT_STATIONARY: "a point that is not stationary",
}
MEANING = {
    Kind.BEST: "a regular maximum, and the best known one. It is called global only where a certificate says so.",
    Kind.LOCAL: "a regular maximum below the best known one.",
    Kind.SADDLE: (
        "the gradient is zero, but the likelihood increases in some direction, perhaps only beyond a region where it "
        "is flat: EM started here stays."
    ),
    Kind.RIDGE: "a maximum along which the likelihood is flat: the data do not identify some parameters.",
    Kind.BOUNDARY: "a maximum with a parameter at the edge of its range, as a weight at 0 or a probability at 0 or 1.",
    Kind.DIVERGING: "the likelihood does not decrease as some parameter tends to infinity.",
    Kind.DEGENERATE: "the likelihood itself is unbounded there: no estimate, however high it is.",
    Kind.NOT_STATIONARY: "no optimum: the gradient is not zero where EM or PyMC stopped.",
}
