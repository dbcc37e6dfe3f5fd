"""Is a column of 0s and 1s an item at all? A group or a gender would change every estimate unnoticed.

Two things are looked at. The name: `group`, `sex_f`. And the behaviour: an item rises with the others, and
its answers do not come in blocks of rows.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from comparisons.case import Array, Flag
from comparisons.reading.columns import as_argument

# Words that name a person, a design or a sum, alone or within a name (sex_f, StudentID, wave2).
WORDS = frozenset(
    (
        "age", "arm", "batch", "birthday", "birthyear", "booklet", "boy", "boys", "caseid", "center", "centre",
        "class", "classroom", "clinic", "cluster", "cohort", "cond", "condition", "control", "count", "counts",
        "country", "date", "district", "dob", "drug", "edition", "education", "ethnicity", "examinee", "experimental",
        "exposed", "exposure", "female", "females", "focal", "freq", "freqs", "frequencies", "frequency", "gender",
        "girl", "girls", "group", "groups", "grp", "hospital", "household", "id", "ids", "identifier", "income",
        "intervention", "language", "male", "males", "man", "mean", "men", "minority", "nationality", "obs",
        "observation", "panel", "participant", "pass", "passed", "patient", "person", "personid", "pid", "placebo",
        "pretest", "posttest", "pupil", "race", "rater", "region", "respondent", "rownames", "rowid", "school",
        "score", "scores", "session", "sex", "sid", "site", "stratum", "student", "studentid", "subject", "subjectid",
        "sum", "sumscore", "teacher", "timepoint", "total", "totals", "totalscore", "treat", "treated", "treatment",
        "trt", "uid", "userid", "visit", "wave", "weight", "weights", "wgt", "woman", "women", "wt", "year",
    )
)  # fmt: skip
# These mean nothing within a name: n1 may be an item, and n where all items are letters.
WHOLE_NAMES = frozenset(("n", "nr", "row", "index", "case", "time", "form", "version"))

# An item is taken for none when its slope is below this by CLEARLY standard errors, and below half the median slope
# of the others by as many. Simulated false alarms: 0 to 0.15 % of the items when all slopes are 0.3 (200 to 5,000
# examinees, 5 or 20 items; worst 3 % of data sets, 200 examinees x 20 items), 0 to 0.02 % of the items for slopes
# uniform from 0.3 to 2, none in 3,000 data sets like LSAT-6. A coin thrown beside 10 items of slope 1.2 is found in
# 15 % of data sets of 200 examinees, 82 % of 1,000, all of 5,000.
WEAK = 0.25
CLEARLY = 2.5
# Fewer right or wrong answers than this say nothing.
FEWEST = 20
# Runs of equal answers down the rows: standard errors below chance that make blocks; every other column must stay
# above the second number, since a file that is sorted by its answers has blocks everywhere. No false alarm in 500
# data sets of 500 x 8 in random order or sorted by the number right; a file sorted by one item alone is one.
BLOCKS = -7.0
NO_BLOCKS = -4.0
ROWS_AT_ONCE = 50_000


class Slopes(NamedTuple):
    """Slope of each column on the ability that the others measure, with standard error; NaN where there is none."""

    slope: Array
    standard_error: Array


def no_items(
    items: Sequence[str], named: Sequence[str], responses: Array, frequencies: Array | None
) -> tuple[Flag, ...]:
    """A flag for each column whose name or behaviour is no item's.

    Parameters
    ----------
    items : sequence of str
    named : sequence of str
        Those that the user called items one by one; they are not doubted.
    responses : array (N, I) of 0, 1 or NaN
    frequencies : array (N,) or None
        Frequencies.
    """
    weight = np.ones(len(responses)) if frequencies is None else frequencies
    found = slopes(responses, weight)
    names, low = names_of_no_item(items), _low(found)
    blocks = _in_blocks(responses) if frequencies is None else np.zeros(len(items), dtype=bool)
    flags = []
    for place, item in enumerate(items):
        reasons = []
        if item in names:
            reasons.append(_by_name(names[item]))
        if low[place]:
            others = np.delete(found.slope, place)
            reasons.append(
                f"it does not rise with the others (slope on the number right of the others about "
                f"{found.slope[place]:.2f}, standard error {found.standard_error[place]:.2f}; "
                f"theirs have a median of {np.nanmedian(others):.2f})"
            )
        if blocks[place]:
            reasons.append("its 0s and 1s stand in blocks of rows, as those of a group do")
        if reasons and item not in named:
            flags.append(_flag(item, reasons))
    return tuple(flags)


def no_items_by_name(items: Sequence[str], named: Sequence[str]) -> tuple[Flag, ...]:
    """A flag for each column whose name is no item's, but for those that the user called items one by one."""
    telling = names_of_no_item(items)
    return tuple(_flag(item, [_by_name(word)]) for item, word in telling.items() if item not in named)


def _by_name(word: str) -> str:
    return f"its name has the word {word!r}"


def _flag(item: str, reasons: Sequence[str]) -> Flag:
    return Flag(
        "column_no_item",
        f"{item} is taken for an item and may be none: {' and '.join(reasons)}; a column that is none "
        f"changes every other estimate; --drop {as_argument([item])} leaves it out, --items with its name "
        "among the items keeps it without this flag",
    )


def names_of_no_item(items: Sequence[str]) -> dict[str, str]:
    """Columns whose name is no item's, with the word that says so.

    A word that more than half of the columns share (sum1, sum2, ...) is what the items are called.
    """
    words = {item: _words(item) for item in items}
    letters = sum(len(item) == 1 for item in items)
    shared = Counter(word for found in words.values() for word in set(found))
    telling: dict[str, str] = {}
    for item, found in words.items():
        for word in found:
            alone = word in WHOLE_NAMES and item.lower() == word and (len(word) > 1 or letters == 1)
            if alone or (word in WORDS and 2 * shared[word] <= len(items)):
                telling.setdefault(item, word)
    return telling


def _words(name: str) -> list[str]:
    """`StudentID`, `student_id` -> student, id; `sex2` -> sex."""
    parted = re.sub(r"([a-z])([A-Z])|([A-Z])([A-Z][a-z])", r"\1\3 \2\4", name)
    return [word.lower() for word in re.findall(r"[^\W\d_]+", parted)]


def slopes(responses: Array, weight: Array) -> Slopes:
    """Slope of each column on the number right of the others.

    For a weak item  Cov(X_i, R) = a_i p_i (1 - p_i) Cov(theta, T),  T the true part of the number right R of the
    others, whose variance is  k / (k - 1)  times the sum of their covariances with one another (coefficient alpha).
    Theta has variance 1, so that  a_i = Cov(X_i, R) / (p_i (1 - p_i) sd(T)).  Covariances are those of the
    examinees who answered both.
    """
    both, first, cross = np.zeros((3, responses.shape[1], responses.shape[1]))
    for start in range(0, len(responses), ROWS_AT_ONCE):
        block, times = responses[start : start + ROWS_AT_ONCE], weight[start : start + ROWS_AT_ONCE, None]
        present = (~np.isnan(block)).astype(float)
        right = np.nan_to_num(block)
        both += (present * times).T @ present
        first += (right * times).T @ present
        cross += (right * times).T @ right
    size, k = len(both), len(both) - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        covariance = cross / both - first * first.T / both**2
        share = np.diag(first) / np.diag(both)
        covariance[~(both > 0)] = 0.0
        variance = np.diag(covariance)
        with_rest = covariance.sum(axis=0) - variance
        between = covariance.sum() - variance.sum() - 2 * with_rest
        rest = between + variance.sum() - variance
        true = np.sqrt(np.where(between > 0, between, np.nan) * (k / (k - 1) if k > 1 else np.nan))
        fewest = np.array([both[place, np.arange(size) != place].min() for place in range(size)])
        enough = fewest * np.minimum(share, 1 - share) >= FEWEST
        slope = np.where(enough, with_rest / (variance * true), np.nan)
        error = np.where(enough, np.sqrt(rest / (variance * fewest)) / true, np.nan)
    return Slopes(slope, error)


def _low(found: Slopes) -> np.ndarray:
    """Which columns have a slope below that of a weak item, and far below those of the others."""
    slope, error = found
    low = np.zeros(len(slope), dtype=bool)
    for place in np.flatnonzero(np.isfinite(slope) & np.isfinite(error)):
        others = np.delete(slope, place)
        if np.isfinite(others).any():
            bound = min(WEAK, np.nanmedian(others) / 2)
            low[place] = slope[place] + CLEARLY * error[place] < bound
    return low


def _in_blocks(responses: Array) -> np.ndarray:
    """Which columns have far fewer runs of equal answers down the rows than chance makes, when all others have not.

    Given the numbers of 1s and 0s the number of runs has mean 1 + 2 s and variance 2 s (2 s - 1) / (n - 1),
    s = n1 n0 / n (Wald and Wolfowitz 1940).
    """
    distance = np.zeros(responses.shape[1])
    for place, answers in enumerate(responses.T):
        seen = answers[~np.isnan(answers)]
        if min(seen.sum(), len(seen) - seen.sum()) >= FEWEST:
            twice = 2 * seen.sum() * (len(seen) - seen.sum()) / len(seen)
            runs = 1 + np.count_nonzero(np.diff(seen))
            distance[place] = (runs - 1 - twice) / np.sqrt(twice * (twice - 1) / (len(seen) - 1))
    alone = np.count_nonzero(distance < NO_BLOCKS) == 1
    return (distance < BLOCKS) & alone
