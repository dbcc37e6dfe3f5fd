"""Measurements of kinds that are not told apart, some entries missing, for the EMs of normal mixtures."""

import numpy as np

from comparisons.case import Case
from comparisons.families import gaussian_mixture

NONE = np.nan


def _drawn(seed: int, sizes: tuple[int, ...], centers: list, spreads: list) -> np.ndarray:
    """Rows of each kind, rounded as instruments do."""
    rng = np.random.default_rng(seed)
    rows = [
        np.array(center) + rng.normal(size=(size, len(center))) @ np.array(spread).T
        for size, center, spread in zip(sizes, centers, spreads, strict=True)
    ]
    return np.round(np.vstack(rows), 2)


# Lengths and widths of two kinds of beetles; of some only one was measured.
BEETLES = _drawn(1, (34, 26), [[6.0, 3.0], [9.5, 4.2]], [[[0.7, 0.0], [0.25, 0.4]], [[0.9, 0.0], [-0.2, 0.5]]])
GAPS = BEETLES.copy()
GAPS[::7, 0] = GAPS[3::8, 1] = NONE
# Widths alone, each as often as it was seen.
WIDTHS, OFTEN = np.unique(np.round(BEETLES[:, 1], 1), return_counts=True)


def _bound(name: str, values: np.ndarray, covariance: str, often: np.ndarray | None = None) -> Case:
    return gaussian_mixture.bind(name, values, 2, covariance, frequencies=often)


CASES_MIXTURES: dict[str, Case] = {
    "widths": _bound("widths", WIDTHS, "full", OFTEN.astype(float)),
    "widths-tied": _bound("widths-tied", WIDTHS, "tied", OFTEN.astype(float)),
    "beetles": _bound("beetles", BEETLES, "full"),
    "beetles-tied": _bound("beetles-tied", BEETLES, "tied"),
    "beetles-diag": _bound("beetles-diag", BEETLES, "diag"),
    "beetles-round": _bound("beetles-round", BEETLES, "spherical"),
    "beetles-gaps": _bound("beetles-gaps", GAPS, "full"),
}
