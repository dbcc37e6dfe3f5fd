"""One factor behind six school subjects of 33 boys (Spearman's general intelligence).

Scores with correlations S are normal with covariances  loading loading' + diag(unique).

E-step: the factor given the scores y is normal around  w'y,  w = (loading loading' + diag(unique))^-1 loading,
        so that the expected  sum of y z / n = S w,  sum of z^2 / n = 1 - w'loading + w'S w.
M-step: loading = S w / (1 - w'loading + w'S w),   unique = diag(S) - loading * S w.

Rubin and Thayer (1982), Psychometrika 47, 69-76. Data: Spearman (1904), American Journal of Psychology 15, 201-293.
"""

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from comparisons import bind

BOYS, SUBJECTS = 33, ["classics", "french", "english", "mathematics", "pitch", "music"]
BELOW = [0.83, 0.78, 0.67, 0.70, 0.67, 0.64, 0.66, 0.65, 0.54, 0.45, 0.63, 0.57, 0.51, 0.51, 0.40]  # row by row
S = np.eye(6)
S[np.tril_indices(6, -1)] = BELOW
S = np.maximum(S, S.T)


def model():
    """The model in PyMC; the prior only draws the starts."""
    with pm.Model(coords={"subject": SUBJECTS}) as built:
        loading = pm.Normal("loading", 0, 1, dims="subject")
        unique = pm.Uniform("unique", 0, 1, dims="subject")
        covariance = pt.outer(loading, loading) + pt.diag(unique)
        _, log_determinant = pt.linalg.slogdet(2 * np.pi * covariance)
        pm.Potential("scores", -BOYS / 2 * (log_determinant + pt.trace(pt.linalg.solve(covariance, S))))
    return built


def em(params):
    """One EM cycle."""
    loading, unique = params["loading"], params["unique"]
    w = np.linalg.solve(np.outer(loading, loading) + np.diag(unique), loading)
    new = S @ w / (1 - w @ loading + w @ S @ w)
    return {"loading": new, "unique": np.diag(S) - new * (S @ w)}


def em_with_a_bug(params):
    """The factor is taken for known, its variance 1 - w'loading left out: a uniqueness goes to 0 (a Heywood case)."""
    loading, unique = params["loading"], params["unique"]
    w = np.linalg.solve(np.outer(loading, loading) + np.diag(unique), loading)
    new = S @ w / (w @ S @ w)
    return {"loading": new, "unique": np.diag(S) - new * (S @ w)}


def case(em=em):
    """The two bound together."""
    return bind(model, em, name="spearman", title="One factor behind six school subjects, 33 boys")
