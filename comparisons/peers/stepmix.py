"""StepMix (Morin et al. 2025): EM for latent classes, by `StepMix(measurement='categorical_nan').fit`."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from comparisons.case import Array, Case, Natural
from comparisons.peers import Setting
from comparisons.peers._latent_classes import PROBLEMS as PROBLEMS

PACKAGE = "stepmix"
METHOD = "EM, `stepmix.StepMix(n_components=K, measurement=..., random_state=0).fit(X)`"
NOTES = (
    "It begins at random responsibilities and takes no start; with its default `n_init=1` one start decides at which "
    "maximum it ends. The seed is 0 here, so that the numbers can be had again.",
    "`abs_tol` bounds the gain of the mean log-likelihood per respondent in one cycle. EM creeps: a small gain does "
    "not mean that little is left to gain.",
    "`lower_bound_` is the mean log-likelihood at the parameters before the last M-step; `converged_` is true as soon "
    "as any of the `n_init` runs has met the tolerance, whichever of them is kept.",
    "Items with two states are given as `binary`, others as `categorical`, with `_nan` where answers are missing.",
)
SETTINGS = (
    Setting("defaults", {}),
    Setting("tight", {"n_init": 20, "abs_tol": 1e-15, "max_iter": 100_000}),
)
STARTS, CYCLES = False, "max_iter"


def own(case: Case, options: Mapping[str, Any]) -> tuple[str, Case]:
    """The model has no quadrature."""
    return PROBLEMS[0].nodes, case


def fit(X: Array, options: Mapping[str, Any], start: Natural | None = None) -> dict[str, Any]:
    """Fit the classes that `options` ask for."""
    from stepmix.stepmix import StepMix

    given = {name: value for name, value in options.items() if name != "classes"}
    states = int(np.nanmax(X)) + 1
    kind = ("binary" if states == 2 else "categorical") + "_nan" * bool(np.isnan(X).any())
    package: Any = StepMix(
        n_components=options["classes"], measurement=kind, random_state=0, progress_bar=0, verbose=0, **given
    )
    package.fit(X)
    found = package.get_parameters()
    return {
        "weight": np.asarray(found["weights"]),
        **probabilities(np.asarray(found["measurement"]["pis"]), X, states),
        "log_likelihood": float(package.lower_bound_) * len(X),
        "converged": bool(package.converged_),
        "cycles": int(package.n_iter_),
    }


def probabilities(pis: Array, X: Array, states: int) -> Natural:
    """By our names: of two states that of the second (K, I); of more, those of all (K, I, C), side by side there."""
    if states == 2:
        return {"probability": pis}
    return {f"probability{states}": pis.reshape(len(pis), X.shape[1], states)}
