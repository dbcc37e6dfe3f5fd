"""pyAgrum (Ducamp, Gonzales and Wuillemin 2020; a C++ core): EM for discrete Bayesian networks, by `BNLearner.useEM`.

Its array of a table has the axes in the opposite order of the names that the table tells.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from comparisons.case import Array, Natural
from comparisons.peers import Setting
from comparisons.peers._networks import PROBLEMS as PROBLEMS
from comparisons.peers._networks import Network, network, turned
from comparisons.peers._networks import own as own

PACKAGE = "pyagrum"
METHOD = "EM, `BNLearner(frame, template, ['?']).useEM(epsilon)`, then `learnParameters(dag)`"
NOTES = (
    "`useEM` asks for an epsilon and has no default; at *defaults* it is given the one that a new learner holds, 0.01. "
    "Any positive one is taken.",
    "What it records as log-likelihood, with its sign turned, and what its epsilon bounds the relative change of, is "
    "not the log-likelihood of the data: it is the expected log-likelihood of the completed data, in which each cycle "
    "counts with the posterior of the cycle before. EM need not raise that.",
    "After four cycles in a row that lower it, the fit ends with a warning that the likelihood diverges. Its tables "
    "are then those of before these four; also where it ends otherwise, cycles at its end that lower it are taken "
    "back. On *hidden-cause* it ends so within six cycles from 10 of 12 random starts, from all of which EM goes on.",
    "Unless it is given a start it begins at tables that it counts in the seen entries, mixed with a tenth of random "
    "ones (`noise`). With `noise=0` it refuses *arrow*, where such a count is 0 and a row needs it. Without a prior it "
    "refuses data in which a variable is never seen, or no row shows it with a configuration of its parents. The seed "
    "is 1 here, so that the numbers can be had again.",
    "It takes a start: a network whose tables are filled, given to `learnParameters` in place of the graph. It is "
    "given without noise here, and the cycles from there are EM's to the last digit.",
    "`useSmoothingPrior(weight)` adds the weight to every expected count, as Dirichlet priors of concentration "
    "1 + weight do. What it records leaves the priors out. It gives no standard errors.",
)
# Any positive epsilon is taken; below round-off they are all the same.
SETTINGS = (Setting("defaults", {}), Setting("tight", {"epsilon": 1e-300, "max_iter": 100_000}))
STARTS, CYCLES = True, "max_iter"
SEED = 1
# What it says of its end where its epsilon was met.
MET = 3


def fit(X: Array, options: Mapping[str, Any], start: Natural | None = None) -> dict[str, Any]:
    """Fit the tables of the network that `options` name; by one thread, so that sums are always taken in one order."""
    pyagrum, shape = package(), network(options["network"])
    template = graph(shape)
    learner = pyagrum.BNLearner(shape.frame(X, "?"), template, ["?"])
    learner.setNumberOfThreads(1)
    epsilon = options.get("epsilon", learner.EMMinEpsilonRate())
    if start is None:
        learner.useEM(epsilon, **{name: value for name, value in options.items() if name == "noise"})
    else:
        learner.useEM(epsilon, 0.0)
    learner.EMsetVerbosity(True)
    if "max_iter" in options:
        learner.EMsetMaxIter(options["max_iter"])
    if shape.added:
        learner.useSmoothingPrior(shape.added)
    pyagrum.initRandom(SEED)
    learned = learner.learnParameters(template.dag() if start is None else filled(template, shape, start))
    found = tables(learned, shape)
    if not np.isnan(X).any():
        # Complete rows are counted, without EM, and of that there is nothing to ask.
        return found
    history = learner.EMHistory()
    return {
        **found,
        **({"log_likelihood": -history[-1]} if history else {}),
        "converged": learner.EMStateApproximationScheme() == MET,
        "cycles": learner.EMnbrIterations(),
    }


def package() -> Any:
    """The package; where a warning is an error, those of the import of its C++ core would end the process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pyagrum
    return pyagrum


def graph(shape: Network) -> Any:
    """The network without numbers, as the package has it."""
    pyagrum = package()
    made = pyagrum.BayesNet()
    for name in shape.states:
        made.add(pyagrum.LabelizedVariable(name, name, shape.labels(name)))
    for parent, name in shape.arrows():
        made.addArc(parent, name)
    return made


def filled(template: Any, shape: Network, start: Natural) -> Any:
    """The network with the tables of a start."""
    made = package().BayesNet(template)
    for name, parents in shape.parents.items():
        table = made.cpt(name)
        table.fillWith(turned(start[name], [*parents, name], list(table.names)[::-1]).ravel().tolist())
    return made


def tables(learned: Any, shape: Network) -> Natural:
    """Tables by our names: the parents in their order, then the variable itself."""
    found = {}
    for name, parents in shape.parents.items():
        table = learned.cpt(name)
        found[name] = turned(np.asarray(table.toarray()), list(table.names)[::-1], [*parents, name])
    return found
