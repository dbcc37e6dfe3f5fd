"""pgmpy (Ankan and Textor 2024): EM for discrete Bayesian networks, by `pgmpy.parameter_estimator.DiscreteEM`."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from comparisons.case import Array, Natural
from comparisons.peers import Setting
from comparisons.peers._networks import PROBLEMS as PROBLEMS
from comparisons.peers._networks import Network, network, turned
from comparisons.peers._networks import own as own

PACKAGE = "pgmpy"
METHOD = "EM, `pgmpy.parameter_estimator.DiscreteEM(state_names=..., seed=0).fit(model, frame)`"
NOTES = (
    "Its EM is for variables that are never seen. A row in which an entry is missing of a variable that is seen in "
    "others is left out altogether. It tells its log so, which shows nothing unless the program has set logging up.",
    "Where every variable is seen in some row its estimates are thus the shares of the complete rows, in one cycle, "
    "whatever the tolerance. Under the likelihood of all rows they may make a row that was left out impossible.",
    "It does not say whether it converged, after how many cycles, or with what log-likelihood.",
    "The priors are given by `m_step_estimator=DiscreteBayesianEstimator(prior_type='dirichlet', pseudo_counts=...)`: "
    "what they add to every count, their concentration less 1.",
    "Unless it is given a start (`init_cpds`), tables of a variable that is never seen, and of its children, begin at "
    "random; the seed is 0 here.",
)
SETTINGS = (Setting("defaults", {}), Setting("tight", {"atol": 1e-15, "max_iter": 100_000}))
STARTS, CYCLES = True, "max_iter"


def fit(X: Array, options: Mapping[str, Any], start: Natural | None = None) -> dict[str, Any]:
    """Fit the tables of the network that `options` name."""
    from pgmpy.models import DiscreteBayesianNetwork
    from pgmpy.parameter_estimator import DiscreteBayesianEstimator, DiscreteEM

    shape = network(options["network"])
    given = {name: value for name, value in options.items() if name != "network"}
    if shape.added:
        given["m_step_estimator"] = DiscreteBayesianEstimator(prior_type="dirichlet", pseudo_counts=shape.added)
    frame = shape.frame(X, np.nan)
    unseen = {name for name in shape.states if frame[name].isna().all()}
    # It counts the states of a variable that is never seen, and looks them up by their numbers.
    states = {name: list(range(own)) if name in unseen else shape.labels(name) for name, own in shape.states.items()}
    if start is not None:
        given["init_cpds"] = start_tables(shape, states, start)
    model = DiscreteBayesianNetwork(shape.arrows(), latents=unseen)
    cards = {name: shape.states[name] for name in unseen}
    package = DiscreteEM(state_names=states, latent_card=cards, seed=0, show_progress=False, **given)
    return tables(package.fit(model, frame).parameters_, shape)


def start_tables(shape: Network, states: Mapping[str, list[Any]], start: Natural) -> dict[str, Any]:
    """A start as the package takes it: a row for each state, a column for each configuration of the parents."""
    from pgmpy.factors.discrete import TabularCPD

    return {
        name: TabularCPD(
            name,
            shape.states[name],
            np.moveaxis(start[name], -1, 0).reshape(shape.states[name], -1),
            evidence=list(parents),
            evidence_card=[shape.states[parent] for parent in parents],
            state_names={own: states[own] for own in (name, *parents)},
        )
        for name, parents in shape.parents.items()
    }


def tables(found: list[Any], shape: Network) -> Natural:
    """Tables by our names: the parents in their order, then the variable itself."""
    return {
        cpd.variable: turned(np.asarray(cpd.values), cpd.variables, [*shape.parents[cpd.variable], cpd.variable])
        for cpd in found
    }
