"""The data that packages for item response models are put on, under quadratures of theirs and of ours."""

from typing import Any

import numpy as np
from scipy.special import expit, logit

from comparisons import catalogue
from comparisons.case import Array, Case, Natural
from comparisons.families import two_pl
from comparisons.peers import Problem

NODES = "61 equally spaced nodes on [-6, 6]"
LEVEL = "All slopes 0, each intercept the logit of the share of right answers: ability explains nothing"
# Of the simulated data.
SEED, EXAMINEES, ITEMS = 1, 1_000, 20


def simulated() -> tuple[Array, Natural]:
    """Responses (1000, 20) to a 2PL, and the parameters that they were drawn with.

    theta ~ N(0, 1); difficulties b evenly from -2 to 2; slopes a evenly from 0.5 to 2, in random order; d = -a b.
    All random numbers are from numpy.random.default_rng(1), the slopes first.
    """
    rng = np.random.default_rng(SEED)
    a = rng.permutation(np.linspace(0.5, 2.0, ITEMS))
    d = -a * np.linspace(-2.0, 2.0, ITEMS)
    theta = rng.normal(size=(EXAMINEES, 1))
    responses = (rng.random((EXAMINEES, ITEMS)) < expit(d + a * theta)).astype(float)
    return responses, {"d": d, "a": a}


def simulated_case() -> Case:
    """The simulated data under 61 nodes."""
    responses, _ = simulated()
    return two_pl.bind("simulated", responses, tuple(f"item{i + 1}" for i in range(ITEMS)))


def zero_slopes(case: Case) -> Natural:
    """The saddle at which ability explains nothing: slopes 0, each intercept the logit of the share of right answers.

    The responses must be complete. It is stationary under any quadrature: with a = 0 the posterior of the ability is
    the prior, so the score of a_i is E[theta] sum_n (u_ni - p_i), and that sum is 0, the score of d_i.
    """
    responses, frequencies = data(case)["responses"], data(case)["frequencies"]
    share = frequencies @ responses / frequencies.sum()
    return {"d": logit(share), "a": np.zeros(responses.shape[1])}


def under(case: Case, nodes: Array, weights: Array) -> Case:
    """The same data under another quadrature."""
    assert case.audit is not None
    return case.audit.rebind({**data(case), "nodes": nodes, "weights": weights})


def data(case: Case) -> dict[str, Any]:
    """Responses, frequencies, nodes and weights."""
    assert case.audit is not None
    return case.audit.data


PROBLEMS = (
    Problem(
        "LSAT-6",
        "5 items, 1000 examinees (Bock and Lieberman 1970)",
        NODES,
        lambda: catalogue.load("lsat6-61"),
        zero_slopes,
        LEVEL,
    ),
    Problem(
        "simulated",
        f"{ITEMS} items, {EXAMINEES} examinees: theta ~ N(0, 1), difficulties evenly from -2 to 2, slopes evenly from "
        f"0.5 to 2 in random order, seed {SEED} (`comparisons/peers/_item_responses.py`)",
        NODES,
        simulated_case,
        zero_slopes,
        LEVEL,
    ),
)
