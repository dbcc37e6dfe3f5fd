"""Estimates of a mixture of normal distributions: by name, or as scikit-learn's GaussianMixture holds them.

`weights_`, `means_` and `covariances_` as JSON, with or without the underscore. The covariances are matrices for every
component (full), one matrix (tied), variances by component and variable (diag) or by component (spherical); with one
variable the axes of length 1 may be there or not.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from comparisons.adjudicate.estimates import Estimates
from comparisons.adjudicate.forms._arrays import of_lists
from comparisons.adjudicate.forms._by_name import assembled
from comparisons.adjudicate.forms._content import read_content
from comparisons.adjudicate.forms._plain import (
    CHOICES,
    ROLES,
    another_model,
    conversions,
    customary_starts,
    groups,
    of_content,
    order_in_words,
    reading,
    reorder,
    tame,
    targets,
)
from comparisons.adjudicate.forms._plain import LAYOUTS as BY_NAME
from comparisons.case import Case, InputError
from comparisons.reading.tables import Table

__all__ = [
    "CAUSES", "CHOICES", "LAYOUTS", "ROLES", "UNUSED_OPTIONS", "another_model", "conversions", "customary_starts",
    "groups", "order_in_words", "read", "reading", "reorder", "tame", "targets",
]  # fmt: skip

CAUSES = "a weak prior, a constant added to the variances (scikit-learn's reg_covar)"
UNUSED_OPTIONS = ("responsibilities",)
LAYOUTS = f"{BY_NAME}; also weights_, means_ and covariances_ of scikit-learn's GaussianMixture"
TYPE = "covariance_type"
# What the object holds beside the parameters.
BESIDE = (
    "precisions", "precisions_cholesky", "converged", "n_iter", "lower_bound", "lower_bounds", "n_features_in",
    "feature_names_in", "aic", "bic", "score", "log_likelihood", "loglik", "n_components", TYPE,
)  # fmt: skip


def read(path: str | Path, _: Table, case: Case, options: Mapping[str, Any]) -> Estimates:
    """Numbers by name, or scikit-learn's arrays.

    Raises
    ------
    InputError
    """
    content = read_content(path)
    if content.by_name is None:
        return of_content(content, case, options)
    said, own = content.by_name.get(TYPE), case.settings["covariance"]
    if said is not None and said != own:
        raise InputError(f"{path}, {TYPE!r}: {said!r}, expected {own!r}, or --covariance {said}")
    called = {"covariance": "covariance" if "covariance" in case.labels else "variance"}
    # Of one component the weight is 1, and no parameter.
    beside = BESIDE if "weight" in case.labels else (*BESIDE, "weight", "weights")
    written, notes = of_lists(content.by_name, case, content.path, called, beside)
    return assembled(case, content.path, written, notes)
