"""Further two-parameter data for the EMs: missing answers, unequal frequencies, frequencies of 1, a reversed item."""

import numpy as np

from comparisons.case import Case
from comparisons.families import two_pl

GRID = np.linspace(-4, 4, 17)
MASS = np.exp(-(GRID**2) / 2) / np.exp(-(GRID**2) / 2).sum()


def answers(seed: int, examinees: int, d: list[float], a: list[float], missing: float = 0.0) -> np.ndarray:
    """Draw answers; every one is missing with the same probability, but nobody lacks all of them."""
    rng = np.random.default_rng(seed)
    ability = rng.standard_normal(examinees)[:, None]
    answered = (rng.random((examinees, len(d))) < 1 / (1 + np.exp(-(np.array(d) + np.array(a) * ability)))).astype(
        float
    )
    gaps = rng.random(answered.shape) < missing
    gaps[gaps.all(axis=1)] = False
    answered[gaps] = np.nan
    return answered


def patterns(answered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct rows and how often each occurs."""
    rows, counts = np.unique(np.nan_to_num(answered, nan=9.0), axis=0, return_counts=True)
    rows[rows == 9.0] = np.nan
    return rows, counts.astype(float)


def bound(name: str, answered: np.ndarray, counts: np.ndarray | None = None) -> Case:
    items = tuple(f"q{number}" for number in range(1, answered.shape[1] + 1))
    return two_pl.bind(name, answered, items, frequencies=counts, nodes=GRID, weights=MASS)


def two_forms() -> np.ndarray:
    """Six items; half of the examinees never saw the last two, the other half never saw the first two."""
    answered = answers(31, 200, [1.0, 0.3, -0.4, 0.8, -1.0, 0.2], [1.2, 0.8, 1.5, 1.0, 0.9, 1.3], 0.03)
    answered[:100, 4:] = np.nan
    answered[100:, :2] = np.nan
    return answered[~np.isnan(answered).all(axis=1)]


CASES_ITEMS: dict[str, Case] = {
    "quiz": bound("quiz", answers(11, 150, [0.8, 0.0, -0.6, 1.2, 0.3], [1.1, 1.4, 0.9, 1.2, 0.8], 0.10)),
    "quiz-complete": bound("quiz-complete", answers(22, 160, [0.5, -0.3, 0.9, 0.0], [1.2, 0.9, 1.0, 1.3])),
    "forms": bound("forms", *patterns(two_forms())),
    "survey": bound("survey", *patterns(answers(15, 900, [0.4, -0.2, 0.7, 0.1], [0.9, 1.1, 0.8, 1.0]))),
    "reverse-keyed": bound(
        "reverse-keyed", *patterns(answers(16, 400, [0.5, 0.2, -0.4, 0.6, 0.0], [1.1, 1.3, -1.0, 0.9, 1.2]))
    ),
}
