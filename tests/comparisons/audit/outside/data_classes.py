"""Answers in categories, some missing, for the EMs of latent classes."""

import numpy as np

from comparisons.case import Case
from comparisons.families import latent_classes
from comparisons.families._answers import CategoryAnswers


def _drawn(seed: int, rows: int, weight: list[float], items: list[list[list[float]]], missing: float) -> np.ndarray:
    """Answers of respondents of classes; `items` has the probabilities of the states, class by class."""
    rng = np.random.default_rng(seed)
    which = rng.choice(len(weight), size=rows, p=weight)
    columns = [
        [rng.choice(len(of_class[0]), p=np.array(of_class[k]) / np.sum(of_class[k])) for k in which]
        for of_class in items
    ]
    answers = np.array(columns, dtype=float).T
    answers[rng.random(answers.shape) < missing] = np.nan
    return answers[~np.isnan(answers).all(axis=1)]


def _bound(name: str, answers: np.ndarray, classes: int) -> Case:
    """Equal rows are one with a frequency; items are called a, b, ... and states 0, 1, ..."""
    rows, often = np.unique(np.nan_to_num(answers, nan=-1.0), axis=0, return_counts=True)
    states = tuple(tuple(str(code) for code in range(int(column.max()) + 1)) for column in rows.T)
    given = CategoryAnswers(
        np.where(rows < 0, np.nan, rows), tuple("abcdefgh"[: rows.shape[1]]), states, often.astype(float)
    )
    return latent_classes.bind(name, given, classes)


# Five questions with yes and no, a tenth of the answers missing.
VOTES = _drawn(
    1,
    400,
    [0.6, 0.4],
    [[[0.8, 0.2], [0.3, 0.7]], [[0.7, 0.3], [0.2, 0.8]], [[0.9, 0.1], [0.35, 0.65]], [[0.6, 0.4], [0.15, 0.85]],
     [[0.75, 0.25], [0.4, 0.6]]],
    0.1,
)  # fmt: skip
# Two questions with yes and no and three with three answers, a few of them missing.
MOODS = _drawn(
    2,
    350,
    [0.55, 0.45],
    [[[0.8, 0.2], [0.25, 0.75]], [[6, 3, 1], [1, 3, 6]], [[5, 4, 1], [2, 2, 6]], [[0.7, 0.3], [0.2, 0.8]],
     [[2, 7, 1], [4, 1, 5]]],
    0.06,
)  # fmt: skip

CASES_CLASSES: dict[str, Case] = {"votes": _bound("votes", VOTES, 2), "moods": _bound("moods", MOODS, 2)}
