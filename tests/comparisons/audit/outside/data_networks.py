"""Small Bayesian networks with missing entries, for the EMs of networks."""

import numpy as np

from comparisons.case import Case
from comparisons.families import bayes_net

# Season -> rain, season -> sprinkler, both -> wet: three seasons, the others yes and no; some entries missing.
_TABLES = {
    "season": [0.3, 0.45, 0.25],
    "rain": [[0.8, 0.2], [0.5, 0.5], [0.25, 0.75]],
    "sprinkler": [[0.35, 0.65], [0.6, 0.4], [0.9, 0.1]],
    "wet": [[[0.9, 0.1], [0.3, 0.7]], [[0.25, 0.75], [0.1, 0.9]]],
}
STATES = {
    "season": ("dry", "mild", "wet season"),
    "rain": ("no", "yes"),
    "sprinkler": ("no", "yes"),
    "wet": ("no", "yes"),
}
PARENTS = {"season": (), "rain": ("season",), "sprinkler": ("season",), "wet": ("rain", "sprinkler")}


def _lawn(seed: int, rows: int, missing: float) -> tuple[np.ndarray, np.ndarray]:
    """Different rows, and how often each was seen."""
    rng = np.random.default_rng(seed)
    season = rng.choice(3, rows, p=_TABLES["season"])
    rain, sprinkler = ((rng.random(rows) < np.array(_TABLES[v])[season, 1]).astype(int) for v in ("rain", "sprinkler"))
    wet = (rng.random(rows) < np.array(_TABLES["wet"])[rain, sprinkler, 1]).astype(int)
    found = np.column_stack([season, rain, sprinkler, wet]).astype(float)
    found[rng.random(found.shape) < missing] = -1
    different, often = np.unique(found, axis=0, return_counts=True)
    return np.where(different < 0, np.nan, different), often.astype(float)


LAWN, OFTEN = _lawn(3, 300, 0.15)
CASES_NETWORKS: dict[str, Case] = {
    "lawn": bayes_net.bind("lawn", LAWN, STATES, PARENTS, frequencies=OFTEN),
    "lawn-prior": bayes_net.bind("lawn-prior", LAWN, STATES, PARENTS, frequencies=OFTEN, prior=2.0),
}
