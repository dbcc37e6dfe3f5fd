"""Discrete Bayesian networks."""

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import mpmath as mp

from comparisons.certify.certificates.jets import Jet, Jets, log, total
from comparisons.certify.certificates.problem import Problem
from comparisons.certify.certificates.stated import NEWTON, Points, Stated, few

# Where the log-posterior falls to minus infinity at every edge, maxima and saddles, copies counted, obey Morse's rule:
# the numbers of points with 0, 1, 2, ... ways up, with alternating signs, add up to 1.
MORSE = (
    "all points that were found, with their copies, obey Morse's rule: 6 maxima - 6 saddles + 1 saddle with two ways up"
)


class Variables(NamedTuple):
    """What the options and the columns of a problem say of its variables."""

    states: dict[str, list[str]]
    parents: dict[str, list[str]]

    def entry(self, name: str, row: dict[str, str]) -> int:
        """Place of the entry of a table, in a row, that a completed row takes."""
        place = 0
        for member in (*self.parents[name], name):
            place = place * len(self.states[member]) + self.states[member].index(row[member])
        return place


def _variables(problem: Problem) -> Variables:
    """Arrows 'A->B, A->C', latent variables 'Y:2'; labels in the order of the alphabet."""
    parents: dict[str, list[str]] = {}
    for arrow in problem.options["network"].split(","):
        one, _, other = (name.strip() for name in arrow.partition("->"))
        parents.setdefault(one, [])
        parents.setdefault(other, []).append(one)
    latent = dict(part.strip().split(":") for part in problem.options.get("latent", "").split(",") if part.strip())
    states = {
        name: [str(i + 1) for i in range(int(latent[name]))]
        if name in latent
        else sorted(set(problem.columns[name]) - {""})
        for name in parents
    }
    return Variables(states, parents)


def simplexes(problem: Problem) -> dict[str, int]:
    """States of every variable: so many neighbouring entries of its table add up to 1."""
    return {name: len(states) for name, states in _variables(problem).states.items()}


def _rows(problem: Problem, variables: Variables) -> Iterator[tuple[int, dict[str, str]]]:
    """Frequency, and the label of every variable, empty where missing."""
    for number, often in enumerate(problem.frequencies):
        yield (
            often,
            {name: problem.columns[name][number] if name in problem.columns else "" for name in variables.states},
        )


def log_likelihood(problem: Problem, jets: Jets) -> Jet:
    """sum_j f_j log sum over the completions of row j of the product of the entries that they take."""
    variables = _variables(problem)

    def probability(row: dict[str, str]) -> Jet:
        ranges = [[label] if label else variables.states[name] for name, label in row.items()]
        terms = []
        for labels in product(*ranges):
            whole = dict(zip(row, labels, strict=True))
            term = Jet(mp.mpf(1), {}, {})
            for name in row:
                term = term * jets[name][variables.entry(name, whole)]
            terms.append(term)
        return total(terms)

    return total(often * log(probability(row)) for often, row in _rows(problem, variables))


def log_prior(problem: Problem, jets: Jets) -> Jet:
    """Dirichlet(alpha, ..., alpha) on every conditional distribution, normalised."""
    alpha, terms = mp.mpf(str(problem.options["prior"])), []
    for name, size in simplexes(problem).items():
        constant = mp.loggamma(size * alpha) - size * mp.loggamma(alpha)
        terms += [(alpha - 1) * log(entry) for entry in jets[name]]
        terms.append(Jet(constant * (len(jets[name]) // size), {}, {}))
    return total(terms)


def arrow(problem: Problem) -> list[Stated]:
    """The maximum of a (1 - a)^2 p q ((1 - a)(1 - p) + a (1 - q)), a = P(A=1), p = P(B=1 | A=0), q = P(B=1 | A=1)."""
    how = (
        "closed form: P(A=1) = 1/4, P(B=1 | A=0) = 1/2, P(B=1 | A=1) = 1; likelihood 27/1024. No other point is "
        "stationary: inside the equations contradict each other, and at the other edges the likelihood rises inwards"
    )
    quarter, half, one = mp.mpf(1) / 4, mp.mpf(1) / 2, mp.mpf(1)
    return [Stated("boundary", how, {"A": [1 - quarter, quarter], "B": [half, half, one - one, one]}, True)]


def arrow_prior(problem: Problem) -> list[Stated]:
    """The maximum under Dirichlet(2, 2)."""
    return [
        Stated("best", NEWTON, {"A": few("0.60462", "0.39538"), "B": few("0.448689", "0.551311", "0.40693", "0.59307")})
    ]


def hidden_cause(problem: Problem) -> list[Stated]:
    """Three maxima, the saddles between them, and a cause without effects."""

    def point(kind: str, first: str, *second: tuple[str, str]) -> Stated:
        tables = {
            name: few(one, _less(one), other, _less(other)) for name, (one, other) in zip("ABCDE", second, strict=True)
        }
        return Stated(kind, f"{NEWTON}; {MORSE}", {"Y": few(first, _less(first)), **tables})

    return [
        point("best", "0.530029", ("0.806729", "0.69708"), ("0.850802", "0.635831"), ("0.193004", "0.795373"),
              ("0.353057", "0.372088"), ("0.628723", "0.476563")),
        point("local", "0.249333", ("0.839387", "0.723439"), ("0.339097", "0.88946"), ("0.719928", "0.393066"),
              ("0.436083", "0.335807"), ("0.633185", "0.530108")),
        point("saddle", "0.663797", ("0.750888", "0.760909"), ("0.872113", "0.512746"), ("0.329302", "0.762146"),
              ("0.337256", "0.409217"), ("0.56733", "0.532602")),
        point("local", "0.651082", ("0.82014", "0.630122"), ("0.735275", "0.763753"), ("0.39112", "0.646504"),
              ("0.441323", "0.2171"), ("0.697707", "0.309929")),
        point("saddle", "0.360108", ("0.639764", "0.819303"), ("0.709468", "0.766852"), ("0.711003", "0.348739"),
              ("0.27081", "0.4146"), ("0.361543", "0.67262")),
        point("saddle", "0.59881", ("0.705736", "0.823254"), ("0.841368", "0.604573"), ("0.462981", "0.508254"),
              ("0.276495", "0.486915"), ("0.432156", "0.744218")),
        point("saddle", "0.5", ("0.754386", "0.754386"), ("0.745455", "0.745455"), ("0.481481", "0.481481"),
              ("0.362069", "0.362069"), ("0.555556", "0.555556")),
    ]  # fmt: skip


def _less(share: str) -> str:
    return str(1 - mp.mpf(share))


POINTS: Points = {
    "arrow": arrow,
    "arrow-prior": arrow_prior,
    "hidden-cause": hidden_cause,
}
